"""Memory that one image after another is decoded into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHARED: dict[str, np.dtype[Any]] = {"L": np.dtype(np.uint8), "P": np.dtype(np.uint8), "I;16": np.dtype("<u2")}
"""Modes of which Pillow can use the memory of an array as the image, with the array's type."""

LARGEST_KEPT = 1 << 24
"""Bytes that a buffer keeps from one image to the next: 4096 x 4096 pixels of 8 bit."""


class Buffer:
    """Hold memory for the samples of one image at a time: fresh pages cost the system as much as counting them.

    An array taken from it is overwritten by the next one. Not to be shared between threads.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.uint8)
        self._canvas: tuple[NDArray[Any], Image.Image] | None = None
        self._rows: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def array(self, shape: tuple[int, int], kind: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any content; one that is too large to be kept is fresh."""
        size = shape[0] * shape[1] * kind.itemsize
        if size > LARGEST_KEPT:
            return np.empty(shape, kind)
        if size > len(self._kept):
            self._kept = np.empty(size, np.uint8)
        return self._kept[:size].view(kind).reshape(shape)

    def rows(self, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return bytes for one row more than there are, flat, and those below the first row as (height, width).

        What was returned last is returned again where it is of that size.
        """
        if self._rows is not None and self._rows[1].shape == (height, width):
            return self._rows
        above = self.array((height + 1, width), np.dtype(np.uint8))
        rows = above.reshape(-1), above[1:]
        self._rows = rows if above.nbytes <= LARGEST_KEPT else None
        return rows

    def canvas(self, mode: str, size: tuple[int, int]) -> tuple[NDArray[Any], Image.Image]:
        """Return an array and the image, (width, height), of one of the `SHARED` modes, that lies in its memory.

        Images of a folder are mostly of one size: what was returned last is returned again.
        """
        if self._canvas is not None and (self._canvas[1].mode, self._canvas[1].size) == (mode, size):
            return self._canvas
        samples = self.array((size[1], size[0]), SHARED[mode])
        canvas = samples, Image.frombuffer(mode, size, samples, "raw", mode, 0, 1)
        self._canvas = canvas if samples.nbytes <= LARGEST_KEPT else None
        return canvas
