"""The fast lane: whether images take it, and pairs counted in it by the compiled kernels.

The other lane is Pillow and NumPy; no number depends on which one is taken. Kernels are imported where they are called:
without a C compiler there are none.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import cache
from importlib import import_module
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError

VARIABLE = "SEGEVAL_LANE"
LANES = ("fast", "pillow")
KERNELS = ("segeval.tables.pairrows", "segeval.tables.levelrows", "segeval.images.pngrows")


def lane() -> str:
    """Return "fast" or "pillow": what `SEGEVAL_LANE` says, else "fast" where the kernels are compiled.

    Raises `UsageError` for another value, and for "fast" where there are no kernels.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked and asked not in LANES:
        raise UsageError(f"{VARIABLE} is {asked!r}", (), f"Set it to {' or '.join(LANES)}, or unset it")
    if asked == "pillow":
        return asked
    if compiled():
        return "fast"
    if asked:
        raise UsageError(
            f"{VARIABLE} is fast, and segeval was installed without its compiled kernels",
            (),
            f"Unset {VARIABLE}, or install segeval anew where there is a C compiler",
        )
    return "pillow"


@cache
def fast() -> bool:
    """Tell whether images take the fast lane, as it was chosen when first asked; raises as `lane` does."""
    return lane() == "fast"


def forget() -> None:
    """Let the lane be chosen anew, after `SEGEVAL_LANE` has changed."""
    fast.cache_clear()


def compiled() -> bool:
    """Tell whether every kernel is compiled and can be loaded, on a little-endian machine, for which they are made."""
    return sys.byteorder == "little" and all(map(loads, KERNELS))


def loads(name: str) -> bool:
    """Tell whether a module is compiled; the same module as Python, which needs Cython and takes minutes, is not."""
    found = find_spec(name)
    if found is None or not isinstance(found.loader, ExtensionFileLoader):
        return False
    try:
        import_module(name)
    except ImportError:  # compiled for another system
        return False
    return True


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
    from segeval.tables.pairrows import count_bytes

    memory = _bytes.memory
    size = count_bytes(gt, pred, memory)
    order = memory[PART : PART + size].argsort()
    found = memory[PART : PART + size].take(order)
    return (found >> 8).astype(np.uint8), found.astype(np.uint8), memory[2 * PART : 2 * PART + size].take(order)


def gathered_words(gt: NDArray[np.uint16], pred: NDArray[np.uint16], start: int) -> tuple[Counted, int]:
    """Return runs of (gt, pred) and their lengths from pixel `start` on, and the pixel after them."""
    from segeval.tables.pairrows import gather_words

    size, end = gather_words(gt, pred, start, _words.gt, _words.pred, _words.lengths)
    return (_words.gt[:size].copy(), _words.pred[:size].copy(), _words.lengths[:size].copy()), end
