"""The samples of PNG files by Pillow's decoder, where the kernels do not serve: interlaced images, and every doubt."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.images.headers import ImageFacts, damaged, truncated

CanvasOf = Callable[[str, tuple[int, int]], tuple[NDArray[Any], Image.Image]]
"""What gives an array and the image of a mode and (width, height) that lies in its memory."""

SHARED: dict[str, np.dtype[Any]] = {"L": np.dtype(np.uint8), "P": np.dtype(np.uint8), "I;16": np.dtype("<u2")}
"""Modes of which Pillow can use the memory of an array as the image, with the array's type."""
_MARK = 0xA5
"""What every byte of a marked row is."""


def pillow_samples(facts: ImageFacts, compressed: bytes, size: int, canvas_of: CanvasOf) -> NDArray[Any]:
    """Return the samples of a PNG, (H, W) or (H, W, channels), as stored; raises `MaskError` for damaged data.

    They are inflated, to `size` bytes, and unfiltered in one go, and known to be neither short nor long.

    The decoder takes the end of the compressed stream for the end of the image, however few rows it has had, and stops
    at the last row, whatever follows. So it is given one row more than there is, and the last two are marked before:
    the data are right if it ends without error, has overwritten the last row and left the surplus one alone. Otherwise
    they are inflated once more, to say what is wrong. (A surplus row that is the mark itself goes unnoticed.)
    """
    shape = facts.width, facts.height
    # Gray below 8 bit is read as palette indices, which are not scaled; gray with 16-bit alpha has RGBA's four bytes.
    mode, raw = {
        ("gray", 16): ("I;16", "I;16B"),
        ("gray", 8): ("L", "L"),
        ("gray+alpha", 8): ("LA", "LA"),
        ("gray+alpha", 16): ("RGBA", "RGBA"),
        ("RGB", 8): ("RGB", "RGB"),
        ("RGBA", 8): ("RGBA", "RGBA"),
        ("palette", 8): ("P", "P"),
    }.get((facts.kind, facts.bit_depth), ("P", f"P;{facts.bit_depth}"))
    samples = None if facts.interlaced else _marked(compressed, mode, raw, shape, canvas_of)
    if samples is None:
        _check_inflated(compressed, size)
        canvas = Image.new(mode, shape)
        canvas.frombytes(compressed, "zip", raw, int(facts.interlaced))
        samples = np.asarray(canvas)
    if mode == "RGBA" and facts.channels == 2:
        return np.ascontiguousarray(samples).view(">u2").astype(np.uint16)
    return samples.astype(np.uint16, copy=False) if mode == "I;16" else samples


def _marked(compressed: bytes, mode: str, raw: str, shape: tuple[int, int], canvas_of: CanvasOf) -> NDArray[Any] | None:
    width, height = shape
    if mode in SHARED:
        # The decoder writes into the array itself; were their memory ever not the same, the marks would stay.
        samples, canvas = canvas_of(mode, (width, height + 1))
        samples[height - 1 :].view(np.uint8)[:] = _MARK
    else:
        canvas = Image.new(mode, (width, height + 1))
        canvas.paste((_MARK,) * len(canvas.getbands()), (0, height - 1, width, height + 1))
    try:
        canvas.frombytes(compressed, "zip", raw, 0)
    except ValueError:
        return None
    if mode not in SHARED:
        samples = np.asarray(canvas)
    last, surplus = samples[height - 1].tobytes(), samples[height].tobytes()
    untouched = bytes((_MARK,)) * len(surplus)
    return samples[:height] if surplus == untouched != last else None


def _check_inflated(compressed: bytes, expected: int) -> None:
    """Refuse a zlib stream that is damaged or has not exactly `expected` bytes; never inflates more than that."""
    inflater = zlib.decompressobj()
    try:
        size = len(inflater.decompress(compressed, expected + 1))
    except zlib.error as problem:
        raise damaged(f"its compressed data: {problem}") from problem
    if size > expected:
        raise damaged(f"its data inflate to more than the {expected} bytes of its pixels")
    if size < expected or not inflater.eof:
        raise truncated(f"its data inflate to {size} bytes of the {expected} of its pixels")
