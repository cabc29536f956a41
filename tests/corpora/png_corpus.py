"""A PNG encoder that writes every legal form and many illegal ones, and a second decoder, to hold ours against.

Both are written from the PNG specification with zlib, struct and numpy alone, slowly and plainly: what they agree on
with the package is then not agreement of Pillow with itself.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGBA: (8, 16)}
ONE_CHANNEL = tuple((color, depth) for color in (GRAY, PALETTE) for depth in DEPTHS[color])
ALL_FORMS = tuple((color, depth) for color, depths in DEPTHS.items() for depth in depths)

LARGEST = 1 << 24
"""Bytes of samples that the second decoder takes: it is made for small files."""

Samples = NDArray[np.integer]
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Row, column, row step and column step of Adam7."""


class PngError(ValueError):
    """What the second decoder says of a file that is not a legal, whole PNG."""


def chunk(kind: bytes, content: bytes = b"", *, crc: int | None = None, length: int | None = None) -> bytes:
    """Return one chunk; `crc` and `length` put wrong ones in."""
    checksum = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content) if length is None else length) + kind + content + struct.pack(">I", checksum)


def header(
    width: int, height: int, depth: int, color: int, *, interlace: int = 0, methods: tuple[int, int] = (0, 0)
) -> bytes:
    """Return an IHDR chunk, legal or not."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, *methods, interlace))


def png(*chunks: bytes) -> bytes:
    """Join the signature, the chunks and IEND."""
    return b"".join((SIGNATURE, *chunks, chunk(b"IEND")))


def gray_palette(entries: int) -> bytes:
    """Return a PLTE chunk of colours that have nothing to do with their indices."""
    return chunk(b"PLTE", bytes((37 * index + 11 * channel) % 256 for index in range(entries) for channel in range(3)))


def encode(
    samples: Samples,
    *,
    color: int = GRAY,
    depth: int = 8,
    interlaced: bool = False,
    filters: Sequence[int] = (0,),
    entries: int | None = None,
    transparency: bytes | None = None,
    extra: Sequence[bytes] = (),
    idat_bytes: int | None = None,
    level: int = 6,
) -> bytes:
    """Write `samples`, (H, W) or (H, W, channels), as a legal PNG.

    `filters` are the filter types of the rows, repeated; `entries` the size of the palette; `transparency` the content
    of tRNS; `extra` chunks stand before the data, which are cut into IDAT chunks of `idat_bytes`.
    """
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    packed = zlib.compress(filtered(samples, depth=depth, interlaced=interlaced, filters=filters), level)
    size = idat_bytes or max(1, len(packed))
    chunks = [header(width, height, depth, color, interlace=int(interlaced))]
    if color == PALETTE:
        chunks.append(gray_palette(1 << depth if entries is None else entries))
    if transparency is not None:
        chunks.append(chunk(b"tRNS", transparency))
    chunks.extend(extra)
    chunks.extend(chunk(b"IDAT", packed[start : start + size]) for start in range(0, len(packed), size))
    return png(*chunks)


def filtered(samples: Samples, *, depth: int = 8, interlaced: bool = False, filters: Sequence[int] = (0,)) -> bytes:
    """Return what is compressed: the rows of all passes with their filter types."""
    channels = samples.shape[2] if samples.ndim == 3 else 1
    step = max(1, channels * depth // 8)
    turns = itertools.cycle(filters)
    out = bytearray()
    for part in _passes(samples) if interlaced else [samples]:
        if not part.size:
            continue
        above = bytes(-(-part.shape[1] * channels * depth // 8))
        for row in part.reshape(part.shape[0], -1).tolist():
            line = _pack(row, depth)
            out.append(kind := next(turns))
            out += bytes(
                (value - _predict(kind, line, above, position, step)) % 256 for position, value in enumerate(line)
            )
            above = line
    return bytes(out)


def _passes(samples: Samples) -> Iterator[Samples]:
    for row, column, row_step, column_step in _PASSES:
        yield samples[row::row_step, column::column_step]


def _pack(row: Sequence[int], depth: int) -> bytes:
    bits = "".join(format(value, f"0{depth}b") for value in row)
    return bytes(int(bits[start : start + 8].ljust(8, "0"), 2) for start in range(0, len(bits), 8))


def _unpack(line: bytes, depth: int, count: int) -> list[int]:
    bits = "".join(format(value, "08b") for value in line)
    return [int(bits[start : start + depth], 2) for start in range(0, count * depth, depth)]


def _predict(kind: int, line: bytes | bytearray, above: bytes, position: int, step: int) -> int:
    left = line[position - step] if position >= step else 0
    up = above[position]
    corner = above[position - step] if position >= step else 0
    if kind == 0:
        return 0
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    if kind != 4:
        raise PngError(f"filter type {kind}")
    estimate = left + up - corner
    return min((abs(estimate - left), 0, left), (abs(estimate - up), 1, up), (abs(estimate - corner), 2, corner))[2]


def decode(data: bytes) -> tuple[int, int, Samples]:
    """Return colour type, bit depth and stored samples, (H, W) or (H, W, channels); raise `PngError` for all else."""
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if not kinds or kinds[0] != b"IHDR" or kinds.count(b"IHDR") != 1 or len(chunks[0][1]) != 13:
        raise PngError("header")
    if kinds[-1] != b"IEND" or chunks[-1][1] or kinds.count(b"IEND") != 1 or b"acTL" in kinds:
        raise PngError("end, or animated")
    if {kind for kind in kinds if kind[:1].isupper()} - {b"IHDR", b"PLTE", b"IDAT", b"IEND"}:
        raise PngError("unknown critical chunk")
    width, height, depth, color, *methods, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth not in DEPTHS.get(color, ()) or any(methods) or interlace > 1:
        raise PngError("illegal header")
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise PngError("dimensions")
    if b"IDAT" not in kinds:
        raise PngError("no data")
    first = kinds.index(b"IDAT")
    count = kinds.count(b"IDAT")
    if kinds[first : first + count] != [b"IDAT"] * count:
        raise PngError("scattered data")
    _check_palette(chunks, first, color, depth)
    channels = CHANNELS[color]
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"), LARGEST)
    except zlib.error as problem:
        raise PngError(str(problem)) from problem
    if not inflater.eof:
        raise PngError("compressed data without end")
    if width * height > LARGEST:
        raise PngError("too few data")
    samples = np.zeros((height, width, channels), np.int64)
    position = 0
    for part in _passes(samples) if interlace else [samples]:
        position = _fill(part, raw, position, depth)
    if position != len(raw):
        raise PngError("too many data")
    return color, depth, samples if channels > 1 else samples[..., 0]


def _check_palette(chunks: Sequence[tuple[bytes, bytes]], first: int, color: int, depth: int) -> None:
    places = [index for index, (kind, _) in enumerate(chunks) if kind == b"PLTE"]
    if len(places) > 1 or any(place > first for place in places) or (color == PALETTE and not places):
        raise PngError("palette order")
    if places:
        size = len(chunks[places[0]][1])
        limit = 1 << depth if color == PALETTE else 256
        if color in (GRAY, GRAY_ALPHA) or size % 3 or not 0 < size // 3 <= limit:
            raise PngError("palette size")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:8] != SIGNATURE:
        raise PngError("signature")
    rest = data[8:]
    while rest:
        if len(rest) < 12:
            raise PngError("cut off")
        length = int.from_bytes(rest[:4], "big")
        kind, content, crc = rest[4:8], rest[8 : 8 + length], rest[8 + length : 12 + length]
        if len(crc) != 4 or int.from_bytes(crc, "big") != zlib.crc32(kind + content):
            raise PngError("checksum")
        if not all(65 <= letter <= 90 or 97 <= letter <= 122 for letter in kind):
            raise PngError("chunk type")
        yield kind, content
        rest = rest[12 + length :]


def _fill(part: Samples, raw: bytes, position: int, depth: int) -> int:
    rows, columns, channels = part.shape
    if not rows or not columns:
        return position
    size = -(-columns * channels * depth // 8)
    if position + rows * (size + 1) > len(raw):
        raise PngError("too few data")
    step = max(1, channels * depth // 8)
    above = bytes(size)
    for index in range(rows):
        kind, coded = raw[position], raw[position + 1 : position + 1 + size]
        line = bytearray()
        for at, value in enumerate(coded):
            line.append((value + _predict(kind, line, above, at, step)) % 256)
        part[index] = np.array(_unpack(bytes(line), depth, columns * channels)).reshape(columns, channels)
        above, position = bytes(line), position + 1 + size
    return position


def pattern(width: int, height: int, *, color: int = GRAY, depth: int = 8) -> Samples:
    """Return samples that use the whole range of the depth and look different in every row and column."""
    shape = (height, width, CHANNELS[color])
    rng = np.random.default_rng([width, height, color, depth])
    samples = rng.integers(0, 1 << depth, shape, dtype=np.int64)
    return samples if CHANNELS[color] > 1 else samples[..., 0]


def corrupt() -> dict[str, bytes]:
    """Return files that no decoder may accept, by what is wrong with them."""
    samples = pattern(5, 4)
    rows = filtered(samples)
    data = zlib.compress(rows)
    good = encode(samples)
    head = header(5, 4, 8, GRAY)
    idat = chunk(b"IDAT", data)
    wide = chunk(b"IDAT", zlib.compress(bytes(1 << 16)))
    files = {
        "signature cut": SIGNATURE[:5],
        "signature in text mode": good.replace(b"\r\n", b"\n", 1),
        "nothing after the signature": SIGNATURE,
        "IHDR of 12 bytes": png(chunk(b"IHDR", head[8:20]), idat),
        "IHDR of 14 bytes": png(chunk(b"IHDR", head[8:21] + b"\0"), idat),
        "IHDR length beyond the file": SIGNATURE + chunk(b"IHDR", head[8:21], length=2**31) + idat,
        "IHDR not first": png(chunk(b"gAMA", b"\0\0\0\1"), head, idat),
        "IHDR twice": png(head, head, idat),
        "compression method 1": png(header(5, 4, 8, GRAY, methods=(1, 0)), idat),
        "filter method 1": png(header(5, 4, 8, GRAY, methods=(0, 1)), idat),
        "interlace method 2": png(header(5, 4, 8, GRAY, interlace=2), idat),
        "width 0": png(header(0, 4, 8, GRAY), idat),
        "height 0": png(header(5, 0, 8, GRAY), idat),
        "width 2^31": png(header(2**31, 1, 8, GRAY), idat),
        "giant": png(header(2**31 - 1, 2**31 - 1, 8, GRAY), idat),
        "no IDAT": png(head),
        "empty IDAT": png(head, chunk(b"IDAT")),
        "IDAT cut in the file": good[:-20],
        "IDAT cut in the stream": png(head, chunk(b"IDAT", data[:-6])),
        "IDAT without its checksum": png(head, chunk(b"IDAT", data[:-4])),
        "IDAT with a wrong Adler-32": png(head, chunk(b"IDAT", data[:-1] + bytes((data[-1] ^ 1,)))),
        "IDAT that is no zlib": png(head, chunk(b"IDAT", rows)),
        "a row too few": png(head, chunk(b"IDAT", zlib.compress(rows[:-6]))),
        "a row too few and padding": png(head, chunk(b"IDAT", zlib.compress(rows[:-6]) + bytes(64))),
        "a byte too few": png(head, chunk(b"IDAT", zlib.compress(rows[:-1]))),
        "a byte too many": png(head, chunk(b"IDAT", zlib.compress(rows + b"\0"))),
        "a row too many": png(head, chunk(b"IDAT", zlib.compress(rows + rows[:6]))),
        "a bomb": png(head, wide),
        "an interlaced bomb": png(header(5, 4, 8, GRAY, interlace=1), wide),
        "an interlaced row too few": png(
            header(5, 4, 8, GRAY, interlace=1), chunk(b"IDAT", zlib.compress(filtered(samples, interlaced=True)[:-6]))
        ),
        "filter type 5": png(head, chunk(b"IDAT", zlib.compress(b"\5" + rows[1:]))),
        "scattered IDAT": png(head, chunk(b"IDAT", data[:9]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", data[9:])),
        "wrong checksum in IHDR": png(chunk(b"IHDR", head[8:21], crc=1), idat),
        "wrong checksum in IDAT": png(head, chunk(b"IDAT", data, crc=1)),
        "wrong checksum in PLTE": png(header(5, 4, 8, PALETTE), chunk(b"PLTE", bytes(768), crc=1), idat),
        "wrong checksum in tEXt": png(head, chunk(b"tEXt", b"a\0b", crc=1), idat),
        "wrong checksum in IEND": good[:-1] + b"\0",
        "no PLTE": png(header(5, 4, 8, PALETTE), idat),
        "PLTE after IDAT": png(header(5, 4, 8, PALETTE), idat, gray_palette(256)),
        "PLTE twice": png(header(5, 4, 8, PALETTE), gray_palette(256), gray_palette(256), idat),
        "PLTE of 4 bytes": png(header(5, 4, 8, PALETTE), chunk(b"PLTE", bytes(4)), idat),
        "empty PLTE": png(header(5, 4, 8, PALETTE), chunk(b"PLTE"), idat),
        "PLTE in gray": png(head, gray_palette(4), idat),
        "PLTE too long for its depth": encode(pattern(5, 4, color=PALETTE, depth=2), color=PALETTE, depth=2, entries=5),
        "no IEND": good[:-12],
        "IEND cut": good[:-1],
        "content in IEND": good[:-12] + chunk(b"IEND", b"x"),
        "bytes after IEND": good + b"\0",
        "a second file after IEND": good + good,
        "unknown critical chunk": png(head, chunk(b"ABCD"), idat),
        "chunk type of digits": png(head, chunk(b"1234"), idat),
        "animated": png(head, chunk(b"acTL", struct.pack(">II", 2, 0)), idat),
    }
    legal = set(ALL_FORMS)
    for color, depth in itertools.product(range(8), (0, 1, 2, 3, 4, 8, 16, 32)):
        if (color, depth) not in legal:
            files[f"colour type {color} with {depth} bit"] = png(header(5, 4, depth, color), gray_palette(1), idat)
    return files
