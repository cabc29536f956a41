"""Mutated mask files: each gives the value that a second decoder gives, or a `SegevalError`.

PNG is held against `tests.corpora.png_corpus`, NumPy files against `numpy.load`, strips of TIFF files and pixel
data of BMP and GIF files against Pillow's own readers (libtiff among them). Where a header was spoiled in the formats
without an independent reader, the file must only be read or refused, in time.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.readers import decode_mask, decode_probability, describe
from segeval.protocol.palettes import Palette
from tests.corpora import png_corpus as corpus
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import TELLING, spoil, spoiled, spoiled_png

MOST_PIXELS = 1 << 16
COLORS = {(0, 0, 0): 0, (128, 64, 128): 1, (220, 20, 60): 2, (0, 0, 142): 300, (255, 255, 255): 255}
PALETTE = Palette(COLORS)


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated file, read it in every way, and compare."""
    make = chance.choice((_png, _png, _png, _npy, _tiff, _others))
    return make(chance)


# --- PNG -------------------------------------------------------------------------------------------------------------


@cache
def png_seeds() -> tuple[bytes, ...]:
    """Return legal PNG files of every form, small and odd in size."""
    seeds = []
    for color, depth in corpus.ALL_FORMS:
        for width, height in ((1, 1), (3, 5), (9, 8), (16, 4)):
            for interlaced in (False, True):
                samples = corpus.pattern(width, height, color=color, depth=depth)
                if color in (corpus.RGB, corpus.RGBA) and depth == 8:
                    chosen = np.array(list(COLORS))[corpus.pattern(width, height) % len(COLORS)]
                    samples = samples.copy()
                    samples[..., :3] = chosen
                if color in (corpus.GRAY_ALPHA, corpus.RGBA):
                    samples[..., -1] = (1 << depth) - 1
                seeds.append(
                    corpus.encode(samples, color=color, depth=depth, interlaced=interlaced, filters=(0, 1, 2, 3, 4))
                )
    return tuple(seeds)


def _png(chance: Random) -> tuple[str, bytes]:
    seed = chance.choice(png_seeds())
    data = (spoiled if chance.random() < 0.3 else spoiled_png)(chance, seed, png_seeds())
    CURRENT.data = data
    decoded = _read(data)
    if not data.startswith(corpus.SIGNATURE):
        return ("refused" if decoded is None else "read"), data
    try:
        expected = as_mask(*corpus.decode(data))
    except corpus.PngError:
        expected = None
    _compare("PNG", decoded, expected, data)
    if decoded is None and expected is not None and expected.size <= MOST_PIXELS:
        raise WrongError(f"a legal PNG was refused: {_refusal(data)}", data)
    return ("refused" if decoded is None else "read as the second decoder reads it"), data


def as_mask(color: int, depth: int, samples: NDArray[Any]) -> NDArray[Any] | None:
    """Return the labels of decoded samples, or None where segeval's rules refuse them."""
    if color in (corpus.GRAY, corpus.PALETTE):
        return samples
    if color in (corpus.GRAY_ALPHA, corpus.RGBA):
        if (samples[..., -1] != (1 << depth) - 1).any():
            return None
        if color == corpus.GRAY_ALPHA:
            return samples[..., 0]
    if depth != 8:
        return None
    rows = [[COLORS.get((int(r), int(g), int(b)), -1) for r, g, b in row[:, :3]] for row in samples]
    labels = np.array(rows)
    return None if (labels < 0).any() else labels


# --- NumPy files -----------------------------------------------------------------------------------------------------


def _arrays() -> tuple[NDArray[Any], ...]:
    base = corpus.pattern(7, 5, depth=8)
    types = ("u1", "i1", "<u2", ">u2", "<i4", ">i8", "u8", "?", "<f4")
    return tuple((base % 2 if name == "?" else base / 256 if name == "<f4" else base).astype(name) for name in types)


@cache
def npy_seeds() -> tuple[bytes, ...]:
    """Return .npy files of many types, in both orders of the axes."""
    made = []
    for array in _arrays():
        for arranged in (array, np.asfortranarray(array), array[..., None]):
            target = io.BytesIO()
            np.save(target, arranged)
            made.append(target.getvalue())
    return tuple(made)


def _npy(chance: Random) -> tuple[str, bytes]:
    content = chance.choice(npy_seeds())
    if chance.random() < 0.6:
        content = other_header(chance, content)
    if chance.random() < 0.5:
        content = spoiled(chance, content, npy_seeds())
    packed = chance.random() < 0.5
    data = zipped(chance, content) if packed else content
    CURRENT.data = data
    decoded = _read(data)
    if decoded is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded = np.load(io.BytesIO(data), allow_pickle=False)
                if isinstance(loaded, np.lib.npyio.NpzFile):
                    loaded = loaded[loaded.files[0]]
        except Exception as error:
            raise WrongError(f"read, though numpy says {error}", data) from error
        _compare("NumPy", decoded, loaded.reshape(decoded.shape), data)
    return ("refused" if decoded is None else "read as NumPy reads it"), data


def other_header(chance: Random, content: bytes) -> bytes:
    """Exchange a piece of the header's text and keep the length right."""
    text = content[10:].split(b"\n", 1)[0].rstrip()
    pieces = [b"'|u1'", b"'<i4'", b"'|O'", b"'<f8'", b"'>u2'", b"'<U1'", b"'|b1'", b"'<c16'", b"[('a', '|u1')]"]
    pieces += [b"True", b"False", b"(7, 5)", b"(5, 7)", b"(35,)", b"()", b"(1, 5, 7)", b"(-5, -7)", b"(5L, 7)"]
    pieces += [b"(%d, %d)" % (chance.choice(TELLING), chance.choice(TELLING))] * 3
    old = chance.choice((b"'|u1'", b"(5, 7)", b"False", b"'descr'", b"'shape'", b"(5, 7, 1)", b"True", b"'<i4'"))
    text = text.replace(old, chance.choice(pieces), 1)
    return content[:8] + struct.pack("<H", len(text) + 1) + text + b"\n" + content[10:].split(b"\n", 1)[-1]


def zipped(chance: Random, content: bytes) -> bytes:
    """Return an .npz file of some array, or of what is no array."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
        for name in chance.choice((["a.npy"],) * 8 + (["a.npy", "b.npy"], ["a.txt"], [])):
            archive.writestr(name, content)
    data = target.getvalue()
    return spoiled(chance, data) if chance.random() < 0.4 else data


# --- TIFF ------------------------------------------------------------------------------------------------------------


@cache
def tiff_seeds() -> tuple[tuple[bytes, int, int], ...]:
    """Return TIFF files of libtiff's and where their pixel data begin and end."""
    found = []
    for dtype in (np.uint8, np.uint16):
        array = corpus.pattern(13, 11, depth=8).astype(dtype)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma"):
            for predictor in (1, 2):
                if predictor == 2 and compression in (None, "packbits"):
                    continue
                target = io.BytesIO()
                info = {317: predictor, 278: 4} if compression else {}
                Image.fromarray(array).save(target, "TIFF", compression=compression, tiffinfo=info)
                data = target.getvalue()
                with Image.open(io.BytesIO(data)) as opened:
                    offsets, lengths = opened.tag_v2[273], opened.tag_v2[279]  # type: ignore[attr-defined]
                found.append((data, min(offsets), max(map(sum, zip(offsets, lengths, strict=True)))))
    return tuple(found)


def _tiff(chance: Random) -> tuple[str, bytes]:
    seed, first, last = chance.choice(tiff_seeds())
    only_pixels = chance.random() < 0.5
    if only_pixels:
        data = _spoiled_within(chance, seed, first, last)
    else:
        data = _other_entry(chance, seed) if chance.random() < 0.7 else spoiled(chance, seed)
    CURRENT.data = data
    decoded = _read(data)
    if only_pixels and decoded is not None:
        with _silent():
            _compare("TIFF", decoded, _pillow(data), data)
        return "read as libtiff reads it", data
    return ("refused" if decoded is None else "read"), data


def _spoiled_within(chance: Random, data: bytes, first: int, last: int) -> bytes:
    """Change bytes between two places, none of which moves."""
    inner = bytearray(data[first:last])
    for _ in range(chance.choice((1, 1, 2, 4))):
        inner[chance.randrange(len(inner))] = chance.choice((chance.randrange(256), 0, 128, 255))
    return data[:first] + bytes(inner) + data[last:]


def _other_entry(chance: Random, data: bytes) -> bytes:
    """Change tag, type, count or value of one entry of the directory."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for _ in range(chance.choice((1, 1, 2))):
        at = start + 2 + 12 * chance.randrange(count)
        place, letter = chance.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "I"), (8, "H")))
        (old,) = struct.unpack_from(f"{order}{letter}", data, at + place)
        new = chance.choice((*TELLING, old + 1, max(0, old - 1), old * 2)) % (1 << 8 * struct.calcsize(f"={letter}"))
        written = struct.pack(f"{order}{letter}", new)
        data = data[: at + place] + written + data[at + place + len(written) :]
    return data


# --- BMP and GIF -----------------------------------------------------------------------------------------------------


@cache
def other_seeds() -> tuple[tuple[bytes, int], ...]:
    """Return BMP and GIF files of Pillow's and where their headers end."""
    found = []
    palette = [(37 * index) % 256 for index in range(768)]
    for width, height in ((1, 1), (5, 7), (19, 11), (64, 3)):
        gray = Image.fromarray(corpus.pattern(width, height).astype(np.uint8))
        indexed = gray.copy()
        indexed.putpalette(palette)
        for form, image in (("BMP", gray), ("BMP", indexed), ("BMP", gray.convert("1")), ("BMP", gray.convert("RGB"))):
            data = _saved(image, form)
            found.append((data, struct.unpack_from("<I", data, 10)[0]))
        for interlace in (0, 1):
            data = _saved(indexed, "GIF", interlace=interlace, optimize=False)
            found.append((data, data.index(b",\0\0\0\0", 13 + 768) + 11))
    return tuple(found)


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def _others(chance: Random) -> tuple[str, bytes]:
    seed, header = chance.choice(other_seeds())
    only_pixels = chance.random() < 0.4
    if only_pixels:
        data = _spoiled_within(chance, seed, header, len(seed) - 2 if len(seed) - 2 > header else len(seed))
    elif chance.random() < 0.6:
        data = spoil(chance, seed[:header]) + seed[header:]
    else:
        data = spoiled(chance, seed)
    CURRENT.data = data
    decoded = _read(data)
    if only_pixels and decoded is not None:
        with _silent():
            _compare("BMP or GIF", decoded, _pillow(data), data)
        return "read as Pillow's own reader reads it", data
    return ("refused" if decoded is None else "read"), data


# --- All -------------------------------------------------------------------------------------------------------------


def _read(data: bytes) -> NDArray[Any] | None:
    """Read a file as mask, map and facts; return the mask, or None where it is refused as it should be."""
    decoded = None
    for decode in (_mask, _map, _facts):
        try:
            found = decode(data)
        except MaskError as error:
            if not error.where or not all(place.startswith("a/b.png") for place in error.where):
                raise WrongError(f"an error that does not name its file: {error!r}", data) from error
            continue
        if decode is _mask:
            decoded = found
    if decoded is not None and (decoded.ndim != 2 or decoded.dtype.kind not in "iu" or decoded.size > MOST_PIXELS):
        raise WrongError(f"no mask: {decoded.dtype} {decoded.shape}", data)
    return decoded


def _mask(data: bytes) -> NDArray[Any] | None:
    return decode_mask(data, name="a/b.png", palette=PALETTE, max_pixels=MOST_PIXELS)


def _map(data: bytes) -> NDArray[Any] | None:
    return decode_probability(data, name="a/b.png", max_pixels=MOST_PIXELS)


def _facts(data: bytes) -> NDArray[Any] | None:
    describe(data, name="a/b.png")
    return None


def _refusal(data: bytes) -> str:
    try:
        _mask(data)
    except MaskError as error:
        return str(error)
    return "none"


def _compare(form: str, decoded: NDArray[Any] | None, expected: NDArray[Any] | None, data: bytes) -> None:
    if decoded is None:
        return
    if expected is None:
        raise WrongError(f"{form}: read, though the second decoder refuses it", data)
    if decoded.shape != expected.shape or not np.array_equal(decoded.astype(np.int64), expected.astype(np.int64)):
        raise WrongError(f"{form}: read as another value than the second decoder's", data)


def _pillow(data: bytes) -> NDArray[Any] | None:
    """Read with Pillow's parsers, which have no part in the package."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as opened:
            warnings.simplefilter("ignore")
            array = np.asarray(opened)
    except Exception:
        return None
    if array.ndim == 3:
        rows = [[COLORS.get((int(r), int(g), int(b)), -1) for r, g, b in row] for row in array]
        return np.array(rows)
    return array


@contextmanager
def _silent() -> Iterator[None]:
    """Send what libtiff prints on its own to nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
