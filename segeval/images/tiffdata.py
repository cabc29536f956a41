"""The samples of a TIFF file: each strip or tile is unpacked here, to the byte, and never by a C library for TIFF.

What strangers send reaches zlib and liblzma at most. libtiff would print its own lines to stderr, and fill up what a
short strip leaves open.
"""

from __future__ import annotations

import lzma
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.headers import damaged, truncated, unsupported
from segeval.images.tiff import TiffFile

_LZMA_MEMORY = 1 << 28
"""Bytes that the dictionary of an LZMA strip may take; what writers use by default needs a fifth of it."""
_CLEAR, _END, _FIRST_ENTRY, _LAST_ENTRY = 256, 257, 258, 4095


def tiff_samples(image: TiffFile, data: bytes) -> NDArray[Any]:
    """Return the stored samples, (H, W) or (H, W, channels), in native byte order.

    Raises `MaskError` for a strip or tile that does not unpack to exactly its pixels; the last strip may be padded to
    the height of the others.
    """
    facts, layout = image.facts, image.layout
    order = "<" if image.little_endian else ">"
    dtype = np.dtype(f"{order}{facts.sample}{max(1, facts.bit_depth // 8)}")
    channels = (facts.channels,) if facts.channels > 1 else ()
    samples = np.empty((facts.height, facts.width, *channels), dtype.newbyteorder("="))
    row_bytes = -(-layout.columns * facts.channels * facts.bit_depth // 8)
    across = -(-facts.width // layout.columns)
    for index, (offset, length) in enumerate(zip(layout.offsets, layout.lengths, strict=True)):
        top, left = index // across * layout.rows, index % across * layout.columns
        rows = layout.rows if layout.tiled else min(layout.rows, facts.height - top)
        content = _unpacked(
            memoryview(data)[offset : offset + length], image.compression, rows * row_bytes, layout.rows * row_bytes
        )
        part = _part(np.frombuffer(content, np.uint8, rows * row_bytes).reshape(rows, row_bytes), image, dtype)
        target = samples[top : top + rows, left : left + layout.columns]
        target[...] = part[: target.shape[0], : target.shape[1]]
    return samples


def _part(rows: NDArray[np.uint8], image: TiffFile, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Turn the bytes of a strip's rows into samples."""
    facts = image.facts
    if image.low_bits_first:
        rows = np.packbits(np.unpackbits(rows, axis=1, bitorder="little"), axis=1)
    if facts.bit_depth < 8:
        shifts = np.arange(8 - facts.bit_depth, -1, -facts.bit_depth, dtype=np.uint8)
        return (rows[..., None] >> shifts & np.uint8((1 << facts.bit_depth) - 1)).reshape(len(rows), -1)
    if image.predictor == 3:
        # TIFF Technical Note 3: bytes of one weight lie together, the highest first, and are differences.
        planes = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(len(rows), dtype.itemsize, -1)
        return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))[..., 0]
    part = rows.view(dtype)
    if facts.channels > 1:
        part = part.reshape(len(rows), -1, facts.channels)
    if image.predictor == 2:
        unsigned = np.dtype(f"u{dtype.itemsize}")
        return np.cumsum(part.astype(dtype.newbyteorder("=")).view(unsigned), axis=1, dtype=unsigned).view(
            dtype.newbyteorder("=")
        )
    return part


def _unpacked(packed: memoryview, compression: int, size: int, padded: int) -> bytes | bytearray | memoryview:
    """Return at least `size` bytes: `size` or `padded` of them where they were packed, any number where not."""
    if compression == 1:
        return packed
    if len(packed) > 2 * padded + 1024:
        # No encoder writes twice what it was given; whoever does wants the decoder to be busy.
        raise damaged(f"a TIFF strip of {padded} bytes that is packed into {len(packed)}")
    if compression == 5:
        content: bytes | bytearray = _lzw(bytes(packed), padded)
    elif compression == 32773:
        content = _packbits(bytes(packed), padded)
    elif compression == 34925:
        content = _inflated(lzma.LZMADecompressor(memlimit=_LZMA_MEMORY), packed, padded)
    else:
        content = _inflated(zlib.decompressobj(), packed, padded)
    if len(content) > padded or size < len(content) < padded:
        raise damaged(f"a TIFF strip or tile that unpacks to {len(content)} bytes or more instead of {size}")
    if len(content) < size:
        raise truncated(f"a TIFF strip or tile that unpacks to {len(content)} bytes of {size}")
    return content


def _inflated(decompressor: Any, packed: memoryview, limit: int) -> bytes:
    """Inflate at most one byte more than `limit`; the stream must end, so that its checksum has been verified."""
    try:
        content: bytes = decompressor.decompress(packed, limit + 1)
    except (zlib.error, lzma.LZMAError) as problem:
        raise damaged(f"its compressed data: {problem}") from problem
    if len(content) <= limit and not decompressor.eof:
        raise truncated(f"a TIFF strip or tile whose compressed data end too early, after {len(content)} bytes")
    return content


def _packbits(packed: bytes, limit: int) -> bytearray:
    """Unpack runs and literals (TIFF 6.0, section 9); stops soon after `limit` bytes."""
    out = bytearray()
    position = 0
    while position < len(packed) and len(out) <= limit:
        count = packed[position]
        if position + (count + 1 if count < 128 else count > 128) >= len(packed):
            raise truncated("a TIFF strip or tile whose PackBits data end within a run")
        if count < 128:
            out += packed[position + 1 : position + 2 + count]
            position += count + 2
        elif count > 128:
            out += packed[position + 1 : position + 2] * (257 - count)
            position += 2
        else:
            position += 1
    return out


def _lzw(packed: bytes, limit: int) -> bytearray:
    """Unpack LZW codes (TIFF 6.0, section 13); stops soon after `limit` bytes.

    The table needs no strings: entry n is the output of the n-th code after a clear, and the byte that follows it.
    """
    if packed[:1] == b"\0" and len(packed) > 1 and packed[1] & 1:
        raise unsupported("TIFF, LZW of the old kind with its low bits first")
    out = bytearray()
    starts: list[int] = []
    add = starts.append
    position, end, width, cleared = 0, 8 * len(packed), 9, False
    while position + width <= end and len(out) <= limit:
        low = position >> 3
        code = int.from_bytes(packed[low : low + 3].ljust(3, b"\0"), "big") >> 24 - (position & 7) - width
        code &= (1 << width) - 1
        position += width
        if code == _CLEAR:
            starts.clear()
            width, cleared = 9, True
            continue
        if code == _END:
            break
        if not cleared:
            raise damaged("LZW codes that do not begin with a clear code")
        known, size = len(starts), len(out)
        add(size)
        if code < _CLEAR:
            out.append(code)
        elif code - _FIRST_ENTRY < known:
            entry = code - _FIRST_ENTRY
            first, last = starts[entry], starts[entry + 1]
            out += out[first : last + 1]
            if last == size:  # the entry that this very code completes: the byte that follows is its own first
                out.append(out[first])
        else:
            raise damaged(f"LZW code {code}, of which nothing has been said")
        # Entry 257 + known has just been made; a width ends one entry early.
        if known + _FIRST_ENTRY in (511, 1023, 2047):
            width += 1
        elif known + 257 > _LAST_ENTRY:
            raise damaged("more LZW codes than the table has places")
    return out
