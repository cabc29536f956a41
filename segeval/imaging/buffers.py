"""Memory that one image after another is decoded into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_KEPT = 1 << 24
"""Bytes that a buffer keeps from one image to the next: 4096 x 4096 pixels of 8 bit."""


class Buffer:
    """Hold memory for the samples of one image at a time: fresh pages cost the system as much as counting them.

    An array taken from it is overwritten by the next one. Not to be shared between threads.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.uint8)

    def array(self, shape: tuple[int, int], kind: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any content; one that is too large to be kept is fresh."""
        size = shape[0] * shape[1] * kind.itemsize
        if size > LARGEST_KEPT:
            return np.empty(shape, kind)
        if size > len(self._kept):
            self._kept = np.empty(size, np.uint8)
        return self._kept[:size].view(kind).reshape(shape)
