"""TIFF files with mutated tags: read as tifffile reads them, which shares no code with this package, or refused.

tifffile gives stored samples; where 0 is white they are inverted here before they are compared.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
from functools import cache
from random import Random
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.readers import decode_mask, decode_probability
from tests.corpora import png_corpus as corpus
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.masks import COLORS, MOST_PIXELS, PALETTE
from tests.fuzz.mutations import TELLING

logging.getLogger("tifffile").setLevel(logging.CRITICAL)

VALUES: dict[int, tuple[int, ...]] = {
    256: (1, 7, 12, 13, 14, 16, 26, 32),
    257: (1, 5, 10, 11, 12, 16, 22, 32),
    258: (1, 2, 4, 8, 12, 16, 24, 32, 64),
    259: (1, 2, 5, 6, 7, 8, 32773, 32946, 34925, 50000),
    262: (0, 1, 2, 3, 4, 5, 6, 8),
    266: (1, 2),
    273: (0, 1, 4, 7, 8, 9, 16),
    274: (1, 2, 3, 6, 8),
    277: (1, 2, 3, 4),
    278: (1, 2, 4, 5, 11, 12, 2**32 - 1),
    279: (0, 1, 12, 13, 143, 144, 286),
    284: (1, 2),
    317: (1, 2, 3, 4, 34892),
    322: (16, 32, 13, 0),
    323: (16, 32, 11, 0),
    324: (0, 8, 16),
    325: (0, 256, 512),
    338: (0, 1, 2),
    339: (1, 2, 3, 4, 5),
}
"""What is likely to mean something in a tag; a value is put into any tag now and then all the same."""
FORMS: tuple[tuple[Literal["<", ">"], bool], ...] = (("<", False), (">", False), ("<", True))
TYPES = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 16)


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated file, read it, and compare with tifffile wherever it was read."""
    data = chance.choice(seeds())
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        data = _other_tag(chance, data)
    CURRENT.data = data
    decoded = _decoded(data)
    if decoded is None:
        return "refused", data
    try:
        stored, photometric = _stored(data)
    except Exception as error:
        raise WrongError(f"read, though tifffile says {error}", data) from error
    expected = _as_read(stored, photometric, decoded.dtype)
    if decoded.shape != expected.shape or not np.array_equal(decoded, expected):
        raise WrongError(f"read as {decoded.dtype} {decoded.shape}, tifffile {stored.dtype} {stored.shape}", data)
    return "read as tifffile reads it", data


def _decoded(data: bytes) -> NDArray[Any] | None:
    try:
        return decode_mask(data, name="a.tif", palette=PALETTE, max_pixels=MOST_PIXELS)
    except MaskError:
        pass
    try:
        return decode_probability(data, name="a.tif", max_pixels=MOST_PIXELS)
    except MaskError:
        return None


def _stored(data: bytes) -> tuple[NDArray[Any], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            if len(file.pages) != 1:
                raise ValueError(f"{len(file.pages)} images")
            page = file.pages.first
            return page.asarray(maxworkers=1), int(page.photometric)


def _as_read(stored: NDArray[Any], photometric: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Bring stored samples to labels: white becomes 255 or 1, colours their values, opaque alpha goes."""
    if stored.dtype == bool:
        stored = stored.astype(np.uint8)
    if photometric == 0:
        stored = (1 if stored.max() <= 1 else 255) - stored.astype(np.int64)
    if stored.ndim == 3 and stored.shape[2] in (3, 4):
        return np.array([[COLORS.get((int(p[0]), int(p[1]), int(p[2])), -1) for p in row] for row in stored])
    if stored.ndim == 3:
        stored = stored[..., 0]
    return stored


@cache
def seeds() -> tuple[bytes, ...]:
    """Return TIFF files of tifffile's and of libtiff's: strips and tiles, both byte orders, BigTIFF, every packing."""
    made = []
    gray = corpus.pattern(13, 11, depth=8).astype(np.uint8)
    chosen = np.array(list(COLORS), np.uint8)[corpus.pattern(13, 11) % len(COLORS)]
    arrays: list[tuple[NDArray[Any], dict[str, Any]]] = [
        (gray, {}),
        (gray.astype(np.uint16) * 250, {}),
        (gray.astype(np.int8), {}),
        (gray.astype(np.int16) * -100, {}),
        (gray.astype(np.uint32) * 70_000, {}),
        (gray.astype(np.float32) / 255, {}),
        (gray % 2 == 1, {}),
        (gray % 2 * np.uint8(255), {"photometric": "miniswhite"}),
        (chosen, {"photometric": "rgb"}),
        (gray, {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}),
    ]
    for array, options in arrays:
        for compression in (None, "zlib", "lzw", "packbits", "lzma"):
            for more in ({}, {"rowsperstrip": 4}, {"tile": (16, 16)}):
                for order, big in FORMS:
                    predictor = compression in ("zlib", "lzw", "lzma") and array.dtype != bool
                    for predicted in (False, True) if predictor else (False,):
                        target = io.BytesIO()
                        try:
                            with tifffile.TiffWriter(target, byteorder=order, bigtiff=big) as writer:
                                writer.write(
                                    array,
                                    compression=compression,
                                    predictor=predicted,
                                    metadata=None,
                                    **options,
                                    **more,
                                )
                        except (ValueError, KeyError, TypeError):
                            continue
                        made.append(target.getvalue())
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma"):
        for array in (gray, gray.astype(np.uint16)):
            target = io.BytesIO()
            Image.fromarray(array).save(
                target, "TIFF", compression=compression, tiffinfo={278: 4} if compression else {}
            )
            made.append(target.getvalue())
    assert len(made) > 200
    return tuple(made)


def _other_tag(chance: Random, data: bytes) -> bytes:
    """Change tag, type, count or value of one entry of the first directory, or where it is."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    number, size = ("Q", 20) if big else ("I", 12)
    try:
        (start,) = struct.unpack_from(f"{order}{number}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
        at = start + (8 if big else 2) + size * chance.randrange(count)
        tag, kind, items = struct.unpack_from(f"{order}HH{number}", data, at)
    except (struct.error, ValueError):
        return data
    what = chance.random()
    value_at = at + (12 if big else 8)
    if what < 0.08:
        return _put(data, at, f"{order}H", chance.choice((*VALUES, tag + 1, 65000)))
    if what < 0.16:
        return _put(data, at + 2, f"{order}H", chance.choice(TYPES))
    if what < 0.24:
        return _put(data, at + 4, f"{order}{number}", chance.choice((0, 1, 2, 3, 4, items + 1, max(0, items - 1))))
    letter = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind, "H")
    room = 8 if big else 4
    if items * struct.calcsize(f"={letter}") > room and chance.random() < 0.9:
        (value_at,) = struct.unpack_from(f"{order}{number}", data, value_at)
        value_at += struct.calcsize(f"={letter}") * chance.randrange(max(1, min(items, 64)))
    try:
        (old,) = struct.unpack_from(f"{order}{letter}", data, value_at)
    except struct.error:
        return data
    likely = VALUES.get(tag, ()) if chance.random() < 0.7 else TELLING
    new = chance.choice((*(likely or TELLING), old + 1, max(0, old - 1), old * 2, old // 2))
    return _put(data, value_at, f"{order}{letter}", new)


def _put(data: bytes, at: int, form: str, value: int) -> bytes:
    limit = 1 << 8 * struct.calcsize(form)
    written = struct.pack(form, value % limit)
    return data[:at] + written + data[at + len(written) :] if at + len(written) <= len(data) else data
