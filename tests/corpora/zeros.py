"""Very many zeros in few bytes, made without holding or packing them: what bombs and giants are made of."""

from __future__ import annotations

import struct
import zlib
from functools import cache

PIECE = 1 << 20


def _packed(content: bytes, end: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(end)


@cache
def _piece() -> bytes:
    """Pack a mebibyte that can stand anywhere in a stream."""
    return _packed(bytes(PIECE), zlib.Z_FULL_FLUSH)


def deflated(zeros: int, head: bytes = b"") -> bytes:
    """Return a raw deflate stream of `head` and so many zeros."""
    begin = _packed(head, zlib.Z_FULL_FLUSH) if head else b""
    return begin + _piece() * (zeros // PIECE) + _packed(bytes(zeros % PIECE), zlib.Z_FINISH)


def compressed(zeros: int) -> bytes:
    """Return a zlib stream of so many zeros: zeros leave one sum of Adler's at 1, and the other counts them."""
    return b"\x78\x01" + deflated(zeros) + struct.pack(">HH", zeros % 65521, 1)


@cache
def gzipped(zeros: int) -> bytes:
    """Return a gzip file of so many zeros, a number of mebibytes."""
    crc, piece = 0, bytes(PIECE)
    for _ in range(zeros // PIECE):
        crc = zlib.crc32(piece, crc)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + deflated(zeros) + struct.pack("<II", crc, zeros % (1 << 32))
