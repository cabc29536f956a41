"""GIF files: every block is checked here; Pillow only unpacks the codes, through its pixel decoder."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.images.headers import ImageFacts, check_size, damaged, truncated
from segeval.records import dataclass


@dataclass(frozen=True, slots=True)
class GifFile:
    """Hold the facts, the width of the first code and the sub-blocks of the first frame of one GIF file."""

    facts: ImageFacts
    code_bits: int
    blocks: bytes


def parse_gif(data: bytes, max_pixels: int) -> GifFile:
    """Read the blocks of a GIF file (GIF89a specification); further frames are noticed, not read."""
    try:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        check_size(width, height, max_pixels)
        position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        colors = data[13:position]
        first: tuple[int, int, bytes] | None = None
        frames = interlace = 0
        while data[position] != 0x3B:
            introducer = data[position]
            if introducer == 0x21:
                start = position + 2
            elif introducer == 0x2C:
                area = struct.unpack_from("<HHHH", data, position + 1)
                local = data[position + 9]
                start = position + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
                frames += 1
            else:
                raise damaged(f"no GIF block at byte {position}")
            end = start
            while data[end]:
                end += 1 + data[end]
            position = end + 1
            if introducer == 0x2C and first is None:
                if area != (0, 0, width, height):
                    raise damaged(f"a GIF frame that does not cover its {width} x {height} pixels")
                interlace = local >> 6 & 1
                first = (interlace, data[start - 1], data[start:position])
                if local & 0x80:
                    colors = data[start - 1 - (3 << (local & 7) + 1) : start - 1]
    except (IndexError, struct.error):
        raise truncated("the file ends before its GIF trailer") from None
    if position + 1 != len(data):
        raise damaged(f"{len(data) - position - 1} bytes after the end of the GIF image")
    if first is None:
        raise damaged("a GIF file without image")
    if not 2 <= first[1] <= 8:
        raise damaged(f"GIF codes of {first[1]} bit")
    words = "GIF palette 8 bit" + (", interlaced" if interlace else "") + (f", {frames} frames" if frames > 1 else "")
    facts = ImageFacts(
        "GIF", "palette", words, width, height, 8, 1, interlaced=bool(interlace), animated=frames > 1, palette=colors
    )
    return GifFile(facts, first[1], first[2])


def gif_samples(image: GifFile) -> NDArray[Any]:
    """Decode the indices twice, onto different grounds: a pixel that the data leave out shows as a difference."""
    facts = image.facts
    decoded: list[NDArray[Any]] = []
    for ground in (0, 255):
        canvas = Image.new("L", (facts.width, facts.height), ground)
        canvas.frombytes(image.blocks, "gif", image.code_bits, int(facts.interlaced))
        decoded.append(np.asarray(canvas))
    if not np.array_equal(decoded[0], decoded[1]):
        raise truncated("its data end before its pixels do")
    return decoded[0]
