"""JPEG files of gray levels: the header is checked here; Pillow only decompresses, through its pixel decoder.

Levels are what the compression left of those that were stored, so that only a threshold can read them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.headers import AS_PNG, ImageFacts, check_size, damaged, truncated, unsupported
from segeval.records import dataclass

FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Markers of frames that every decoder reads: baseline, extended and progressive, in Huffman codes."""
OTHER_FRAMES = frozenset({*range(0xC3, 0xD0)} - {0xC4, 0xC8, 0xCC})
ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a segment behind them."""
END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class JpegFile:
    """Hold the facts of one JPEG file, the colour channels that it stores, 1 or 3, and its bytes."""

    facts: ImageFacts
    stored: int
    data: bytes


def parse_jpeg(data: bytes, max_pixels: int) -> JpegFile:
    """Read the segments up to the frame's header (ITU-T T.81, B.2.2), which has size, depth and components."""
    position = 2
    while True:
        while data[position : position + 2] == b"\xff\xff":  # fill bytes
            position += 1
        if position + 4 > len(data):
            raise truncated("the file ends before its JPEG frame")
        if data[position] != 0xFF:
            raise damaged(f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker in FRAMES:
            break
        if marker in OTHER_FRAMES:
            raise unsupported(f"JPEG with frames of type {marker:#x}")
        position += 2 if marker in ALONE else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    header = data[position + 4 : position + 10]
    if len(header) < 6:
        raise truncated("the file ends in its JPEG frame header")
    bits, channels = header[0], header[5]
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    check_size(width, height, max_pixels)
    if bits != 8 or channels not in (1, 3):
        raise unsupported(f"JPEG of {bits} bit and {channels} components")
    if END_OF_IMAGE not in data[position:]:
        raise truncated("the file ends before its JPEG image does")
    encoding = "JPEG gray 8 bit" if channels == 1 else "JPEG RGB 8 bit"
    # Colours become levels when they are decoded, so that no palette ever names them.
    return JpegFile(ImageFacts("JPEG", "gray", encoding, width, height, 8, 1), channels, data)


def jpeg_levels(image: JpegFile) -> NDArray[np.integer[Any]]:
    """Return the levels, (H, W); raises `MaskError` where a file has colours that are not gray."""
    size = image.facts.width, image.facts.height
    gray = image.stored == 1
    canvas = Image.new("L" if gray else "RGB", size)
    canvas.frombytes(image.data, "jpeg", canvas.mode, "")
    samples = np.asarray(canvas)
    if gray:
        return samples
    if (samples[..., :1] != samples).any():
        raise MaskError("a JPEG holds colours, which are no gray levels", (image.facts.encoding,), AS_PNG, kind="rgb")
    return np.ascontiguousarray(samples[..., 0])
