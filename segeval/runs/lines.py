"""The lines of a run file: unpacked where it is packed, and never more of them in memory than a bound."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from segeval.runs.values import Damage

LONGEST_LINE = 1 << 25
"""Bytes of one line: that of an image with 150 8-bit maps takes up to 12 MB."""
LEAST_UNPACKED, MOST_PACKING = 1 << 26, 100
"""A packed file may unpack to 64 MiB and a hundred times its size; runs pack about tenfold."""
CHUNK = 1 << 18
GZIP_MAGIC = b"\x1f\x8b"


def unpacked(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the content of a file in chunks, through gzip where it starts as such a file does."""
    first = stream.read(CHUNK)
    if first[:2] != GZIP_MAGIC:
        while first:
            yield first
            first = stream.read(CHUNK)
        return
    limit = LEAST_UNPACKED + MOST_PACKING * size
    unpacking = zlib.decompressobj(wbits=31)
    unpacked = 0
    packed = first
    while packed and not unpacking.eof:
        try:
            chunk = unpacking.decompress(packed, CHUNK)
        except zlib.error as error:
            raise Damage("the packed data are damaged") from error
        unpacked += len(chunk)
        if unpacked > limit:
            raise Damage(f"the file unpacks to more than {limit:,} bytes")
        yield chunk
        packed = unpacking.unconsumed_tail or (b"" if unpacking.eof else stream.read(CHUNK))
    if not unpacking.eof:
        raise Damage("the packed data end early")
    if unpacking.unused_data or stream.read(1):
        raise Damage("there is something behind the packed data")


def split_lines(chunks: Iterator[bytes], longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield the lines of a stream with their newlines; raises `Damage` for one of more than `longest` bytes."""
    pending: list[bytes] = []
    held = 0
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if held + len(piece) > longest:
                raise Damage(f"longer than {longest:,} bytes")
            yield b"".join([*pending, piece, b"\n"])
            pending, held = [], 0
        if rest:
            pending.append(rest)
            held += len(rest)
        if held > longest:
            raise Damage(f"longer than {longest:,} bytes")
    if pending:
        yield b"".join(pending)


def whole_lines(chunks: Iterator[bytes], longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield the content of a stream in blocks that end where a line does; raises `Damage` as `split_lines` does."""
    pending: list[bytes] = []
    held = 0
    for chunk in chunks:
        first, end = chunk.find(b"\n"), chunk.rfind(b"\n") + 1
        if held + (len(chunk) if first < 0 else first) > longest:
            raise Damage(f"longer than {longest:,} bytes")
        if end:
            yield b"".join([*pending, chunk[:end]])
            pending, held = [], 0
        if end < len(chunk):
            pending.append(chunk[end:])
            held += len(chunk) - end
    if pending:
        yield b"".join(pending)
