"""Ways to spoil bytes that know nothing of a format, and those that mend its checksums afterwards."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

from tests.corpora.png_corpus import SIGNATURE, chunk

TELLING = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 257, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31)
TELLING_NUMBERS = (*TELLING, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -1, -(2**31), -(2**63))


def spoil(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Change one thing in any bytes."""
    if not data:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(9)))
    at = chance.randrange(len(data))
    end = min(len(data), at + chance.choice((1, 1, 2, 4, 8, 16, 64)))
    kind = chance.randrange(9)
    if kind == 0:
        return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
    if kind == 1:
        return data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
    if kind == 2:
        return data[:at] + data[end:]
    if kind == 3:
        return data[:at] + bytes(chance.randrange(256) for _ in range(end - at)) + data[at:]
    if kind == 4:
        return data[:end] + data[at:]
    if kind == 5:
        return data[:at]
    if kind == 6:
        letter = chance.choice("BHIQ")
        number = chance.choice(TELLING) % (1 << 8 * struct.calcsize(f"={letter}"))
        written = struct.pack(f"{chance.choice('<>')}{letter}", number)
        return data[:at] + written + data[at + len(written) :]
    if kind == 7 and others:
        other = chance.choice(others)
        return data[:at] + other[chance.randrange(len(other)) :]
    return data[:at] + bytes(end - at) + data[end:]


def spoiled(chance: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Change one thing or a few."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 6))):
        data = spoil(chance, data, others)
    return data


Chunks = list[tuple[bytes, bytes]]


def png_chunks(data: bytes) -> Chunks:
    """Take a whole PNG apart."""
    found, position = [], len(SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def joined(chunks: Chunks) -> bytes:
    """Put a PNG together again, every checksum right."""
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in chunks)


def spoiled_png(chance: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change what lies behind the checksums of a PNG: header, chunks, compressed data, or the rows themselves."""
    chunks = png_chunks(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chunks = chance.choice(PNG_WAYS)(chance, chunks)
        if not chunks:
            break
    if chance.random() < 0.05:
        return spoil(chance, joined(chunks), others)
    return joined(chunks)


def _header(chance: Random, chunks: Chunks) -> Chunks:
    kind, content = chunks[0]
    if len(content) != 13:
        return chunks
    fields = list(struct.unpack(">IIBBBBB", content))
    place = chance.randrange(7)
    if place < 2:
        near = [fields[place] + 1, max(0, fields[place] - 1), fields[place] * 2, fields[1 - place]]
        fields[place] = chance.choice([*near, *near, *TELLING]) % 2**32
    else:
        choices = {2: (1, 2, 4, 8, 16, 0, 3, 32), 3: (0, 2, 3, 4, 6, 1, 7), 4: (0, 1), 5: (0, 1), 6: (0, 1, 2)}
        fields[place] = chance.choice(choices[place])
    return [(kind, struct.pack(">IIBBBBB", *fields)), *chunks[1:]]


def _rows(chance: Random, chunks: Chunks) -> Chunks:
    """Change the rows before they are compressed; the stream around them is whole."""
    rows = _inflated(chunks)
    rows = spoil(chance, rows) if chance.random() < 0.7 else _other_filter(chance, rows)
    packer = zlib.compressobj(chance.randrange(10), zlib.DEFLATED, chance.choice((9, 15)), 8, chance.randrange(5))
    return _with_data(chance, chunks, packer.compress(rows) + packer.flush())


def _other_filter(chance: Random, rows: bytes) -> bytes:
    if not rows:
        return rows
    at = chance.randrange(len(rows))
    return rows[:at] + bytes((chance.choice((0, 1, 2, 3, 4, 5, 255)),)) + rows[at + 1 :]


def _stream(chance: Random, chunks: Chunks) -> Chunks:
    packed = b"".join(content for kind, content in chunks if kind == b"IDAT")
    return _with_data(chance, chunks, spoil(chance, packed))


def _trailing(chance: Random, chunks: Chunks) -> Chunks:
    packed = b"".join(content for kind, content in chunks if kind == b"IDAT")
    return _with_data(chance, chunks, packed + chance.randbytes(chance.randrange(1, 20)))


def _bomb(chance: Random, chunks: Chunks) -> Chunks:
    return _with_data(chance, chunks, zlib.compress(_inflated(chunks) + bytes(chance.choice((1, 1000, 300_000)))))


def _inflated(chunks: Chunks) -> bytes:
    try:
        return zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    except zlib.error:
        return b"\0" * 64


def _with_data(chance: Random, chunks: Chunks, packed: bytes) -> Chunks:
    first = next((index for index, (kind, _) in enumerate(chunks) if kind == b"IDAT"), len(chunks))
    rest = [(kind, content) for kind, content in chunks if kind != b"IDAT"]
    size = chance.choice((len(packed), len(packed), 1, 7, 64)) or 1
    size = max(size, len(packed) // 50 + 1)
    data = [(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size)]
    return [*rest[:first], *data, *rest[first:]]


def _drop(chance: Random, chunks: Chunks) -> Chunks:
    at = chance.randrange(len(chunks))
    return chunks[:at] + chunks[at + 1 :]


def _double(chance: Random, chunks: Chunks) -> Chunks:
    at = chance.randrange(len(chunks))
    return chunks[: at + 1] + chunks[at:]


def _swap(chance: Random, chunks: Chunks) -> Chunks:
    one, other = chance.randrange(len(chunks)), chance.randrange(len(chunks))
    moved = list(chunks)
    moved[one], moved[other] = moved[other], moved[one]
    return moved


def _insert(chance: Random, chunks: Chunks) -> Chunks:
    kinds = (b"PLTE", b"tRNS", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"gAMA", b"sBIT", b"IEND", b"IDAT", b"ABCD", b"abCd")
    made = (chance.choice(kinds), chance.randbytes(chance.choice((0, 1, 2, 3, 6, 9, 48, 768))))
    at = chance.randrange(len(chunks) + 1)
    return [*chunks[:at], made, *chunks[at:]]


def _content(chance: Random, chunks: Chunks) -> Chunks:
    at = chance.randrange(len(chunks))
    kind, content = chunks[at]
    return [*chunks[:at], (kind, spoil(chance, content)), *chunks[at + 1 :]]


PNG_WAYS: tuple[Callable[[Random, Chunks], Chunks], ...] = (
    *(_header, _rows, _rows, _rows, _stream, _trailing, _bomb),
    *(_drop, _double, _swap, _insert, _content),
)


def flipped_rows(chance: Random, data: bytes) -> bytes:
    """Flip bits in the rows of a whole PNG, whose stream and checksums are right again and whose size stays."""
    chunks = png_chunks(data)
    rows = bytearray(_inflated(chunks))
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        rows[chance.randrange(len(rows))] ^= 1 << chance.randrange(8)
    return joined(_with_data(chance, chunks, zlib.compress(bytes(rows), chance.choice((0, 1, 9)))))


def misstated(chance: Random, data: bytes) -> bytes:
    """Give one chunk of a whole PNG a wrong length or checksum, or write something behind its end."""
    chunks = png_chunks(data)
    wrong = chance.randrange(len(chunks))
    at = len(SIGNATURE) + sum(12 + len(content) for _, content in chunks[:wrong])
    length = len(chunks[wrong][1])
    kind = chance.randrange(3)
    if kind == 0:
        near = chance.choice((length + 1, max(0, length - 1), length + 12, 0, *TELLING)) % 2**32
        return data[:at] + struct.pack(">I", near) + data[at + 4 :]
    if kind == 1:
        check = at + 8 + length + chance.randrange(4)
        return data[:check] + bytes((data[check] ^ 1 << chance.randrange(8),)) + data[check + 1 :]
    return data + chance.randbytes(chance.randrange(1, 40))
