"""The samples of PNG files by the compiled kernels: inflated whole, then unfiltered."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.buffers import Buffer
from segeval.images.headers import ImageFacts
from segeval.images.inflating import inflated
from segeval.images.pngrows import spread, unfilter

BYTE = np.dtype(np.uint8)


def fast_samples(facts: ImageFacts, compressed: bytes, size: int, buffer: Buffer) -> NDArray[Any] | None:
    """Return the samples of a PNG that is not interlaced, (H, W) or (H, W, channels), as stored.

    `compressed` inflates to `size` bytes. Returns `None` where anything is wrong with it, which a slower decoder has to
    name. The array may lie in `buffer`.
    """
    rows = inflated(compressed, size)
    if rows is None:
        return None
    width = size // facts.height - 1
    pixel = facts.channels * facts.bit_depth
    # Samples of less than a byte are unfiltered first and then spread, into the memory that is kept.
    target, below = (buffer if pixel >= 8 else Buffer()).rows(facts.height, width)
    if unfilter(rows, target, facts.height, width, pixel >> 3 or 1) != facts.height:
        return None
    samples: NDArray[Any] = below
    if pixel < 8:
        packed, samples = samples, buffer.array((facts.height, facts.width), BYTE)
        spread(packed.reshape(-1), samples.reshape(-1), facts.width, facts.bit_depth)
    elif facts.bit_depth == 16:
        samples = samples.view(np.uint16)
        samples.byteswap(inplace=True)  # PNG stores the high byte first, and the kernels are for little-endian machines
    return samples if facts.channels == 1 else samples.reshape(facts.height, facts.width, facts.channels)
