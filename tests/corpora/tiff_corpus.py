"""A TIFF writer for the layouts that Pillow does not write, from the TIFF 6.0 specification, with numpy and zlib."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.corpora.png_corpus import pattern

NONE, DEFLATE = 1, 8


def tiff(
    samples: NDArray[Any],
    *,
    bits: int = 0,
    order: str = "<",
    big: bool = False,
    compression: int = NONE,
    rows: int = 0,
    tile: int = 0,
    width: int = 0,
    height: int = 0,
    tags: Mapping[int, Sequence[int]] | None = None,
    photometric: int = 1,
    lost_bytes: int = 0,
    following: int = 0,
) -> bytes:
    """Write one-channel `samples` in strips of `rows` rows or in tiles of `tile` x `tile` pixels.

    `width` and `height` put wrong sizes in, `tags` replaces tags (or removes them, where empty), and `lost_bytes` are
    cut from the end of each strip before it is compressed.
    """
    bits = bits or 8 * samples.dtype.itemsize
    rows = rows or samples.shape[0]
    if tile:
        padded = np.pad(samples, [(0, -size % tile) for size in samples.shape])
        cells = [(top, left) for top in range(0, padded.shape[0], tile) for left in range(0, padded.shape[1], tile)]
        parts = [padded[top : top + tile, left : left + tile] for top, left in cells]
    else:
        parts = [samples[top : top + rows] for top in range(0, samples.shape[0], rows)]
    segments = []
    for part in parts:
        content = _rows(part, bits, order)
        content = content[: len(content) - lost_bytes]
        segments.append(zlib.compress(content) if compression == DEFLATE else content)
    position, offsets = 16, []
    for segment in segments:
        offsets.append(position)
        position += len(segment)
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    directory: dict[int, Sequence[int]] = {
        256: (width or samples.shape[1],),
        257: (height or samples.shape[0],),
        258: (bits,),
        259: (compression,),
        262: (photometric,),
        277: (1,),
        339: (kind,),
    }
    lengths = [len(segment) for segment in segments]
    if tile:
        directory |= {322: (tile,), 323: (tile,), 324: offsets, 325: lengths}
    else:
        directory |= {273: offsets, 278: (rows,), 279: lengths}
    directory.update(tags or {})
    directory = {tag: values for tag, values in sorted(directory.items()) if values}
    magic = b"II" if order == "<" else b"MM"
    start = position + position % 2
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, start) if big else struct.pack(f"{order}HI8x", 42, start)
    return b"".join(
        (magic, head, *segments, b"\0" * (position % 2), _directory(directory, start, order, big, following))
    )


def _rows(part: NDArray[Any], bits: int, order: str) -> bytes:
    if bits >= 8:
        return part.astype(f"{order}{part.dtype.str[1:]}").tobytes()
    planes = part[..., None] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(planes.reshape(part.shape[0], -1).astype(np.uint8), axis=1).tobytes()


def _directory(tags: Mapping[int, Sequence[int]], start: int, order: str, big: bool, following: int) -> bytes:
    letter, room, count = ("Q", 8, "Q") if big else ("I", 4, "H")
    entries, values = struct.pack(f"{order}{count}", len(tags)), b""
    after = start + struct.calcsize(f"<{count}") + len(tags) * (4 + 2 * room) + room
    for tag, numbers in tags.items():
        content = struct.pack(f"{order}{len(numbers)}I", *numbers)
        entries += struct.pack(f"{order}HH{letter}", tag, 4, len(numbers))
        if len(content) > room:
            entries += struct.pack(f"{order}{letter}", after + len(values))
            values += content
        else:
            entries += content.ljust(room, b"\0")
    return entries + struct.pack(f"{order}{letter}", following) + values


def layouts() -> dict[str, tuple[bytes, NDArray[Any]]]:
    """Return legal files with the samples that they store."""
    files = {}
    for dtype in ("u1", "i1", "u2", "i2", "u4", "i4"):
        size = np.dtype(dtype).itemsize
        samples = pattern(21, 19, depth=8 * size).astype(f"u{size}").view(dtype)
        for order in "<>":
            # Big-endian 32-bit samples are read only where they are not compressed.
            for compression in (NONE, DEFLATE) if (order, size) != (">", 4) else (NONE,):
                case = f"{dtype} {order} {compression}"
                options: dict[str, Any] = {"order": order, "compression": compression}
                files[case] = (tiff(samples, **options), samples)
                files[f"{case} strips"] = (tiff(samples, rows=4, **options), samples)
                files[f"{case} tiles"] = (tiff(samples, tile=16, **options), samples)
                files[f"{case} big"] = (tiff(samples, big=True, rows=7, **options), samples)
    for bits in (1, 2, 4):
        samples = pattern(21, 19, depth=bits).astype(np.uint8)
        for compression in (NONE, DEFLATE):
            data = tiff(samples, bits=bits, compression=compression, rows=5)
            files[f"{bits} bit, {compression}"] = (data, samples)
    return files


def corrupt() -> dict[str, bytes]:
    """Return files that must be refused, by what is wrong with them."""
    samples = pattern(21, 19).astype(np.uint8)
    return {
        "no directory": b"II*\0\xff\xff\xff\xff",
        "cut directory": tiff(samples)[:-20],
        "no width": tiff(samples, tags={256: ()}),
        "width 0": tiff(samples, tags={256: (0,)}),
        "two widths": tiff(samples, tags={256: (21, 22)}),
        "no offsets": tiff(samples, tags={273: ()}),
        "no lengths": tiff(samples, tags={279: ()}),
        "strips beyond the file": tiff(samples, tags={273: (5000,)}),
        "strips without bytes": tiff(samples, tags={279: (0,)}),
        "no rows in a strip": tiff(samples, tags={278: (0,)}),
        "too few strips": tiff(samples, rows=5, height=40),
        "short strip": tiff(samples, lost_bytes=1),
        "short deflated strip": tiff(samples, lost_bytes=1, compression=DEFLATE),
        "short deflated strips": tiff(samples, lost_bytes=25, compression=DEFLATE, rows=5),
        "short deflated tiles": tiff(samples, lost_bytes=20, compression=DEFLATE, tile=16),
        "deflated strip with a broken end": tiff(samples, compression=DEFLATE).replace(
            zlib.compress(samples.tobytes())[-4:], b"\0\0\0\0"
        ),
        "tiles of no size": tiff(samples, tile=16, tags={322: (0,)}),
        "giant tiles": tiff(samples, tile=16, compression=DEFLATE, tags={322: (1 << 20,)}),
        "orientation": tiff(samples, tags={274: (6,)}),
        "fax compression": tiff(samples, compression=4),
        "5 bit": tiff(samples, tags={258: (5,)}),
        "separate YCbCr": tiff(samples, photometric=6),
        "two samples": tiff(samples, tags={277: (2,)}),
        "sample format 4": tiff(samples, tags={339: (4,)}),
        "64 bit float": tiff(samples.astype(np.float64)),
        "fill order 3": tiff(samples, tags={266: (3,)}),
        "big-endian 32 bit, deflated": tiff(samples.astype(np.uint32), order=">", compression=DEFLATE),
        "second image": tiff(samples, following=16),
    }
