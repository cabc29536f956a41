"""Inflate and check the data of a PNG file, as fast as what is installed can."""

from __future__ import annotations

import zlib
from importlib.util import find_spec

LIBDEFLATE = find_spec("deflate") is not None
"""Whether the extra `fast` is installed."""

if LIBDEFLATE:
    import deflate

LARGEST = 1 << 26
"""Bytes that `deflate` is given: where memory runs out, it prints a SystemError, "deallocated bytearray object has
exported buffers"."""


def checksum(data: memoryview) -> int:
    """Return the CRC-32 of a PNG chunk."""
    return deflate.crc32(data) if LIBDEFLATE else zlib.crc32(data)


def inflated(compressed: bytes, size: int) -> bytes | bytearray | None:
    """Return the `size` bytes of a zlib stream; `None` where it is damaged, or not certainly of that size.

    What is wrong with a stream, if anything is, is for a slower decoder to say. No more than `size` + 1 bytes are made.
    Bytes behind the end of the stream are not looked at.
    """
    if LIBDEFLATE and size <= LARGEST:
        try:
            rows = deflate.zlib_decompress(compressed, size)
        except deflate.DeflateError:
            return None
        return rows if len(rows) == size else None
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(compressed, size + 1)
    except zlib.error:
        return None
    return found if inflater.eof and len(found) == size else None
