"""TIFF files: what the directory of an image says, checked before anything is unpacked; one image, or a stack."""

from __future__ import annotations

import struct
from functools import partial

from segeval.errors import MaskError
from segeval.images.headers import AS_PNG, ImageFacts, check_size, damaged, truncated, unsupported
from segeval.records import dataclass

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _STRIP_OFFSETS, _ORIENTATION, _SAMPLES = 266, 273, 274, 277
_ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR, _PREDICTOR = 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_COLOR_MAP, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _GDAL_NODATA = 320, 338, 339, 42113

_NEEDED = frozenset(
    (
        *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIP_OFFSETS, _ORIENTATION, _SAMPLES),
        *(_ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES),
        *(_COLOR_MAP, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _GDAL_NODATA),
    )
)
_INTEGER_TYPES = {3: "H", 4: "I", 16: "Q"}
"""BYTE is an integer too, but no tag that is needed may have it, and decoders do not agree on what it says."""
_TEXT_TYPE = 2
_LOSSLESS = {1: "", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate", 34925: "LZMA"}
_PREDICTING = (5, 8, 32946, 34925)
_JPEG = (6, 7, 33003, 33005, 34712)
_SAMPLE_FORMATS = {1: "u", 2: "i", 3: "f"}
_OF_SAMPLES = (_BITS, _SAMPLE_FORMAT)
_LARGEST_TILE = 1 << 24
SEVERAL = ", several images"
MOST_PAGES = 1 << 14
"""Images of a stack: directories may overlap, so the size of a file says little about how many there are."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Say where the strips, or tiles, of an image are: `columns` x `rows` pixels each, row by row."""

    columns: int
    rows: int
    tiled: bool
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TiffFile:
    """Hold the facts of one TIFF file and all that its samples are unpacked by."""

    facts: ImageFacts
    layout: Layout
    compression: int
    predictor: int
    little_endian: bool
    low_bits_first: bool


def parse_tiff(data: bytes, max_pixels: int) -> TiffFile:
    """Read the first directory of a TIFF or BigTIFF file (TIFF 6.0, sections 2 to 9 and 14 to 19)."""
    return _page(data, max_pixels, None)[0]


def parse_stack(data: bytes, max_pixels: int) -> list[TiffFile]:
    """Read every directory of a file: images of one size, kind and type, `max_pixels` in all; raises `MaskError`."""
    first, following = _page(data, max_pixels, None)
    pages, met = [first], {0}
    wanted = _alike(first)
    while following:
        if following in met or len(pages) == MOST_PAGES:
            raise damaged(f"TIFF directories that lead back to one another, or more than {MOST_PAGES:,}")
        met.add(following)
        page, following = _page(data, max_pixels, following)
        if _alike(page) != wanted:
            raise MaskError(
                "the images of a TIFF file are no stack: they differ in size or type",
                (f"image 1: {_words(first)}, image {len(pages) + 1}: {_words(page)}",),
                "Save the slices alike, without thumbnails and overviews, or leave --stack out and save each mask by "
                "itself",
            )
        pages.append(page)
        check_size(first.facts.width, first.facts.height * len(pages), max_pixels)
    return pages


def _alike(page: TiffFile) -> tuple[object, ...]:
    facts = page.facts
    return facts.width, facts.height, facts.kind, facts.bit_depth, facts.sample, facts.white_is_zero, facts.palette


def _words(page: TiffFile) -> str:
    return f"{page.facts.encoding.removesuffix(SEVERAL)} {page.facts.width}x{page.facts.height}"


def _page(data: bytes, max_pixels: int, start: int | None) -> tuple[TiffFile, int]:
    """Read the directory at `start`, or the first one; return it and the offset of the next, 0 where there is none."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        tags, following = _directory(data, order, start)
    except struct.error:
        raise truncated("the file ends within its TIFF directory") from None

    one = partial(_number, tags)
    width, height = one(_WIDTH), one(_HEIGHT)
    check_size(width, height, max_pixels)
    channels, bits, compression = one(_SAMPLES, 1), one(_BITS, 1), one(_COMPRESSION, 1)
    photometric, sample = one(_PHOTOMETRIC), _SAMPLE_FORMATS.get(one(_SAMPLE_FORMAT, 1), "")
    extra = tags.get(_EXTRA_SAMPLES, ())
    if compression in _JPEG:
        raise MaskError("a TIFF mask is compressed as JPEG, which is lossy", (), AS_PNG, kind="jpeg")
    if compression not in _LOSSLESS:
        raise unsupported(f"TIFF compression {compression}")
    if one(_ORIENTATION, 1) != 1:
        raise unsupported(f"TIFF orientation {one(_ORIENTATION)}, which turns the stored rows")
    kind = {0: "gray", 1: "gray", 2: "RGB", 3: "palette"}.get(photometric, "")
    if len(extra) == 1 and extra[0] in (1, 2) and kind in ("gray", "RGB"):
        kind = {"gray": "gray+alpha", "RGB": "RGBA"}[kind]
    if channels != {"gray": 1, "palette": 1, "gray+alpha": 2, "RGB": 3, "RGBA": 4}.get(kind, 0):
        raise unsupported(f"TIFF with {channels} samples a pixel, photometric interpretation {photometric}")
    if channels > 1 and (one(_PLANAR, 1) != 1 or bits != 8 or sample != "u"):
        raise unsupported(f"TIFF {kind} {bits} bit, planar configuration {one(_PLANAR, 1)}")
    if (bits, sample) not in {(1, "u"), (2, "u"), (4, "u"), *((size, sign) for size in (8, 16, 32) for sign in "ui")}:
        if (bits, sample) != (32, "f"):
            raise unsupported(f"TIFF {bits} bit, sample format {one(_SAMPLE_FORMAT, 1)}")
        kind = "gray"
    fill_order = one(_FILL_ORDER, 1)
    if fill_order not in ((1, 2) if bits <= 8 and channels == 1 and compression == 1 else (1,)):
        raise unsupported(f"TIFF fill order {fill_order}")
    predictor = one(_PREDICTOR, 1)
    _check_prediction(predictor, compression, bits, sample, order)
    layout = _layout(data, tags, width, height, channels * bits, compression == 1)
    words = f"TIFF {kind} {bits} bit" + {"u": "", "i": " signed", "f": " float"}[sample]
    words += f", {_LOSSLESS[compression]}" * (compression != 1) + SEVERAL * (following != 0)
    animated, white_is_zero = following != 0, photometric == 0
    facts = ImageFacts(
        "TIFF",
        kind,
        words,
        width,
        height,
        bits,
        channels,
        sample,
        animated=animated,
        white_is_zero=white_is_zero,
        palette=_palette(tags.get(_COLOR_MAP, ())) if kind == "palette" else b"",
        nodata=bytes(tags.get(_GDAL_NODATA, ())).split(b"\0")[0].decode("ascii", "replace").strip(),
    )
    return TiffFile(facts, layout, compression, predictor, order == "<", fill_order == 2), following


def _number(tags: dict[int, tuple[int, ...]], tag: int, default: int | None = None) -> int:
    """Return the one value of a tag; only what is said of each sample may be said more than once, and then alike."""
    numbers = tags.get(tag, () if default is None else (default,))
    allowed = (1, tags.get(_SAMPLES, (1,))[0]) if tag in _OF_SAMPLES else (1,)
    if len(set(numbers)) != 1 or len(numbers) not in allowed:
        raise damaged(f"TIFF tag {tag} has the values {numbers[:5]}")
    return numbers[0]


def _check_prediction(predictor: int, compression: int, bits: int, sample: str, order: str) -> None:
    """Refuse what decoders read differently."""
    if not _is_prediction(predictor, compression, bits, sample):
        raise unsupported(f"TIFF {bits} bit, {_LOSSLESS[compression] or 'uncompressed'} with predictor {predictor}")
    if bits == 32 and compression != 1 and order == ">":
        # Decoders disagree on whose byte order the inflated samples have.
        raise unsupported(f"big-endian TIFF 32 bit, {_LOSSLESS[compression]}")


def _palette(color_map: tuple[int, ...]) -> bytes:
    """Return three bytes for each index: a TIFF lists all reds, greens, blues, of 16 bit each (TIFF 6.0, section 5)."""
    count = len(color_map) // 3
    return bytes(color_map[channel * count + index] >> 8 & 255 for index in range(count) for channel in range(3))


def _is_prediction(predictor: int, compression: int, bits: int, sample: str) -> bool:
    """Tell whether all decoders agree on a predictor.

    TIFF 6.0 section 14 ties prediction to LZW; where nothing predicts libtiff and Pillow pass the tag over, tifffile
    applies it, and what the writer meant cannot be told.
    """
    return predictor == 1 or (compression in _PREDICTING and predictor == (3 if sample == "f" else 2) and bits >= 8)


def _directory(data: bytes, order: str, at: int | None) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the needed integer tags of the directory `at` or the first, and the offset of the next one (0: none)."""
    big = _is_big(data)
    number, size, entry = ("Q", 8, 20) if big else ("I", 4, 12)
    (start,) = (at,) if at is not None else struct.unpack_from(f"{order}{number}", data, 8 if big else 4)
    (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
    first = start + (8 if big else 2)
    if first + count * entry + size > len(data):
        raise truncated("the file ends within its TIFF directory")
    tags: dict[int, tuple[int, ...]] = {}
    for position in range(first, first + count * entry, entry):
        tag, kind, items = struct.unpack_from(f"{order}HH{number}", data, position)
        if tag not in _NEEDED:
            continue
        letter = "B" if tag == _GDAL_NODATA and kind == _TEXT_TYPE else _INTEGER_TYPES.get(kind, "")
        if not letter or not items or tag in tags:
            raise damaged(f"TIFF tag {tag} of type {kind} with {items} values")
        value_at = position + 4 + size
        length = items * struct.calcsize(f"={letter}")
        if length > size:
            (value_at,) = struct.unpack_from(f"{order}{number}", data, value_at)
        if value_at + length > len(data):
            raise truncated(f"the file ends before the values of TIFF tag {tag}")
        tags[tag] = struct.unpack_from(f"{order}{items}{letter}", data, value_at)
    (following,) = struct.unpack_from(f"{order}{number}", data, first + count * entry)
    return tags, following


def _is_big(data: bytes) -> bool:
    """Tell BigTIFF, whose offsets have 64 bits."""
    return data[2:4] in (b"+\0", b"\0+")


def _layout(
    data: bytes, tags: dict[int, tuple[int, ...]], width: int, height: int, pixel_bits: int, raw: bool
) -> Layout:
    """Return strips or tiles that cover the image and lie within the file; one that is stored raw must be whole."""
    tiled = _TILE_OFFSETS in tags
    others = (_STRIP_OFFSETS, _STRIP_BYTES) if tiled else (_TILE_WIDTH, _TILE_HEIGHT, _TILE_BYTES)
    if any(tag in tags for tag in others):
        raise damaged("TIFF tags of strips beside tags of tiles")
    if tiled:
        (columns,), (rows,) = _single(tags, _TILE_WIDTH), _single(tags, _TILE_HEIGHT)
        offsets, lengths = tags[_TILE_OFFSETS], tags.get(_TILE_BYTES, ())
        if not columns * rows or columns * rows > _LARGEST_TILE:
            raise damaged(f"TIFF tiles of {columns} x {rows} pixels")
        expected = -(-width // columns) * -(-height // rows)
    else:
        columns, (rows,) = width, _single(tags, _ROWS_PER_STRIP, height)
        offsets, lengths = tags.get(_STRIP_OFFSETS, ()), tags.get(_STRIP_BYTES, ())
        if not rows:
            raise damaged("TIFF strips without rows")
        rows = min(rows, height)
        expected = -(-height // rows)
    # Lists have been read from the file by now, so they are no longer than it is: the header alone promises anything.
    if not len(offsets) == len(lengths) == expected:
        raise damaged(f"{len(offsets)} TIFF strips or tiles of {len(lengths)} sizes instead of {expected}")
    row_bytes = -(-columns * pixel_bits // 8)
    first = 16 if _is_big(data) else 8
    for index, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        count = rows if tiled else min(rows, height - rows * index)
        if offset < first:
            raise damaged("TIFF strips or tiles within the file's header")
        if offset + length > len(data) or (raw and length < row_bytes * count) or not length:
            raise truncated("TIFF strips or tiles beyond the end of the file")
    return Layout(columns, rows, tiled, offsets, lengths)


def _single(tags: dict[int, tuple[int, ...]], tag: int, default: int = 0) -> tuple[int]:
    numbers = tags.get(tag, (default,))
    if len(numbers) != 1:
        raise damaged(f"TIFF tag {tag} has the values {numbers[:5]}")
    return (numbers[0],)
