"""Count pairs by the compiled kernels, in memory that each thread keeps."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.tables.pairrows import count_bytes, gather_words

PART = (1 << 16) + 1
RUNS = 1 << 16
"""Runs of 16-bit values gathered at a time."""


class _Bytes(threading.local):
    """Hold the counts of one thread; the first part is zero between two images."""

    def __init__(self) -> None:
        self.memory = np.zeros(3 * PART, np.int64)


class _Words(threading.local):
    """Hold the runs of one thread."""

    def __init__(self) -> None:
        self.gt = np.empty(RUNS, np.uint16)
        self.pred = np.empty(RUNS, np.uint16)
        self.lengths = np.empty(RUNS, np.int64)


_bytes = _Bytes()
_words = _Words()
Counted = tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]


def counted_bytes(gt: NDArray[np.uint8], pred: NDArray[np.uint8]) -> Counted:
    """Return each (gt, pred) that occurs, ascending, and how often, in flat arrays of one size, not empty."""
    memory = _bytes.memory
    size = count_bytes(gt, pred, memory)
    order = memory[PART : PART + size].argsort()
    found = memory[PART : PART + size].take(order)
    return (found >> 8).astype(np.uint8), found.astype(np.uint8), memory[2 * PART : 2 * PART + size].take(order)


def gathered_words(gt: NDArray[np.uint16], pred: NDArray[np.uint16], start: int) -> tuple[Counted, int]:
    """Return runs of (gt, pred) and their lengths from pixel `start` on, and the pixel after them."""
    size, end = gather_words(gt, pred, start, _words.gt, _words.pred, _words.lengths)
    return (_words.gt[:size].copy(), _words.pred[:size].copy(), _words.lengths[:size].copy()), end
