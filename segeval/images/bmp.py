"""BMP files, uncompressed: header and rows."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.headers import ImageFacts, check_size, damaged, truncated, unsupported
from segeval.records import dataclass


@dataclass(frozen=True, slots=True)
class BmpFile:
    """Hold the facts of one BMP file and where its rows are."""

    facts: ImageFacts
    pixel_bits: int
    offset: int
    stride: int
    bottom_up: bool


def parse_bmp(data: bytes, max_pixels: int) -> BmpFile:
    """Read the header of an uncompressed Windows or OS/2 bitmap; the fourth byte of 32-bit pixels means nothing."""
    try:
        offset, header = struct.unpack_from("<II", data, 10)
        if header == 12:
            width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
            compression = used = 0
        elif header in (40, 52, 56, 64, 108, 124):
            width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
            used = struct.unpack_from("<I", data, 46)[0]
        else:
            raise damaged(f"a BMP header of {header} bytes")
    except struct.error:
        raise truncated("the file ends within its BMP header") from None
    check_size(width, abs(height), max_pixels)
    if planes != 1 or bits not in (1, 2, 4, 8, 24, 32) or compression:
        raise unsupported(f"BMP {bits} bit, compression {compression}, {planes} planes")
    stride = (width * bits + 31) // 32 * 4
    if offset < 14 + header:
        raise damaged("BMP data that begins within the header")
    if offset + stride * abs(height) > len(data):
        raise truncated(f"{len(data)} bytes instead of {offset + stride * abs(height)}")
    entry = 3 if header == 12 else 4
    colors = data[14 + header : offset]
    entries = min(len(colors) // entry, used or 1 << bits) if bits <= 8 else 0
    palette = b"".join(colors[entry * index : entry * index + 3][::-1] for index in range(entries))
    ramp = bits == 8 and palette == bytes(index for index in range(entries) for _ in range(3))
    kind, channels, depth = ("palette", 1, bits) if bits <= 8 else ("RGB", 3, 8)
    encoding = f"BMP {kind} {depth} bit"
    facts = ImageFacts(
        "BMP", kind, encoding, width, abs(height), depth, channels, gray_ramp=ramp and entries > 0, palette=palette
    )
    return BmpFile(facts, bits, offset, stride, height > 0)


def bmp_samples(image: BmpFile, data: bytes) -> NDArray[Any]:
    """Return the stored samples, (H, W) indices or (H, W, 3) RGB, from the top down."""
    facts = image.facts
    rows = np.frombuffer(data, np.uint8, image.stride * facts.height, image.offset).reshape(facts.height, image.stride)
    if image.bottom_up:
        rows = rows[::-1]
    if facts.kind == "RGB":
        step = image.pixel_bits // 8
        return rows[:, : step * facts.width].reshape(facts.height, facts.width, step)[..., 2::-1]
    if facts.bit_depth < 8:
        shifts = np.arange(8 - facts.bit_depth, -1, -facts.bit_depth, dtype=np.uint8)
        parts = rows[..., None] >> shifts & np.uint8((1 << facts.bit_depth) - 1)
        rows = parts.reshape(facts.height, -1)
    return np.ascontiguousarray(rows[:, : facts.width])
