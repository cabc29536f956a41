"""Whole numbers in a text of ASCII, read all at once: a Python object for each would take most of the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass

Bytes = NDArray[np.uint8]
MINUS, ZERO, NINE = ord("-"), ord("0"), ord("9")
LONGEST = 19
"""Digits of 2^63, and as many as an unsigned whole number of 64 bits can always hold."""
PIECE = 1 << 18
"""Bytes that are read at a time: each number takes some tens of bytes while it is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Hold the numbers of a text: their `values` (int64), and where each begins and ends in it."""

    values: NDArray[np.int64]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]


def numbers_in(text: Bytes) -> Numbers | None:
    """Read every run of digits and minus signs; `None` where one is no whole number of JSON, or needs over 64 bits."""
    is_part = (text - np.uint8(ZERO)) <= NINE - ZERO  # smaller bytes wrap around
    is_minus = text == MINUS
    is_part |= is_minus
    edges = np.flatnonzero(np.diff(is_part.view(np.int8), prepend=np.int8(0), append=np.int8(0)))
    starts, ends = edges[::2], edges[1::2]
    first = starts
    negative = is_minus[starts]
    if is_minus.any():
        first = starts + negative
        if np.count_nonzero(is_minus) != np.count_nonzero(negative):
            return None
    lengths = ends - first
    longest = int(lengths.max(initial=1))
    if longest > LONGEST or int(lengths.min(initial=1)) < 1:
        return None
    if longest > 1 and ((text[first] == ZERO) & (lengths > 1)).any():
        return None
    values = _values(text, first, lengths, longest)
    if longest == LONGEST and bool((values > np.uint64(2**63) - np.uint64(1) + negative).any()):
        return None
    whole = values.view(np.int64)
    if negative.any():
        whole = np.where(negative, -whole, whole)
    return Numbers(whole, starts, ends)


def _values(text: Bytes, first: NDArray[np.intp], lengths: NDArray[np.intp], longest: int) -> NDArray[np.uint64]:
    values = (text[first] - np.uint8(ZERO)).astype(np.uint64)
    longer, places = np.flatnonzero(lengths > 1), first
    for digit in range(1, longest):
        if digit > 1:
            longer = longer[lengths[longer] > digit]
        values[longer] = values[longer] * np.uint64(10) + (text[places[longer] + digit] - np.uint8(ZERO))
    return values


def pieces(text: bytes, size: int = PIECE) -> Iterator[tuple[int, int]]:
    """Cut a text of nested lists into parts of about `size` bytes that begin where a number has just ended."""
    start = 0
    while start < len(text):
        comma = text.find(b",", start + size)
        end = len(text) if comma < 0 else comma
        while end < len(text) and text[end - 1] == ord("]"):
            end -= 1
        yield start, end
        start = end


def as_bytes(text: bytes) -> Bytes:
    """Return the bytes of a text as an array that is a view of them."""
    found: NDArray[Any] = np.frombuffer(text, np.uint8)
    return found
