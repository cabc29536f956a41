"""Mutated files read by the options of storage: axes of classes, floats, channels, colours nearly right, bits.

NumPy files are held against `numpy.load` and a loop over their pixels, PNG against the second decoder; texts of bits
are read or refused.
"""

from __future__ import annotations

import io
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, SegevalError, UsageError
from segeval.images.readers import read_class_axis, read_mask
from segeval.protocol.bitcodes import parse_bits
from segeval.protocol.storage import SideStorage
from tests.corpora import png_corpus as corpus
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.masks import COLORS, MOST_PIXELS, PALETTE, other_header, png_seeds, zipped
from tests.fuzz.mutations import spoiled, spoiled_png

Array = NDArray[Any]
BITS = ("comment=1,decoration=2", "a=0:3=5", "x = y=62", "a=60:3=1", "a=1,a=2", "=1", "a=1,", "crosswalk=0:4=0,b=4")


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated file or text, read it in the way that an option asks for, and compare."""
    return chance.choice((_arrays, _arrays, _channels, _colors, _bits))(chance)


@cache
def array_seeds() -> tuple[bytes, ...]:
    """Return .npy files with an axis of classes, and of labels stored as floats."""
    labels = corpus.pattern(7, 5, depth=8) % 3
    hot = np.eye(3, dtype=np.uint8)[labels]
    several = np.stack([labels > 0, labels > 1, labels < 2], axis=-1)
    made = []
    for array in (hot, hot.astype("<f4"), hot.astype(">i4"), hot.astype(bool), several, labels.astype("<f8")):
        for arranged in (array, np.moveaxis(array, -1, 0), array[None], np.asfortranarray(array)):
            target = io.BytesIO()
            np.save(target, arranged)
            made.append(target.getvalue())
    return tuple(made)


def _arrays(chance: Random) -> tuple[str, bytes]:
    content = chance.choice(array_seeds())
    if chance.random() < 0.3:
        content = other_header(chance, content)
    if chance.random() < 0.4:
        content = spoiled(chance, content, array_seeds())
    data = zipped(chance, content) if chance.random() < 0.3 else content
    CURRENT.data = data
    storage = SideStorage(class_axis=chance.choice((None, "first", "last")), cast_labels=chance.random() < 0.5)
    read = _refusing(lambda: read_mask(data, name="a/b.npy", max_pixels=MOST_PIXELS, storage=storage)[0], data)
    planes = None
    if storage.class_axis is not None:
        planes = _refusing(lambda: read_class_axis(data, name="a/b.npy", storage=storage, max_pixels=MOST_PIXELS), data)
    if read is None and planes is None:
        return "refused", data
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            loaded = loaded[loaded.files[0]]
    except Exception as error:
        raise WrongError(f"read, though numpy says {error}", data) from error
    if planes is not None:
        shape = planes.shape if storage.class_axis == "first" else (*planes.shape[1:], planes.shape[0])
        stacked = loaded.reshape(shape)
        _require_equal(planes, stacked if storage.class_axis == "first" else np.moveaxis(stacked, -1, 0), data)
    if read is not None:
        _require_equal(read, _labels(loaded, storage, read.shape), data)
    return "read as NumPy reads it", data


def _labels(loaded: Array, storage: SideStorage, size: tuple[int, ...]) -> Array:
    """Return the labels of an array that was read as (H, W) = `size`, pixel by pixel."""
    if loaded.size == size[0] * size[1]:
        return loaded.reshape(size)
    count = loaded.size // (size[0] * size[1])
    shape = (count, *size) if storage.class_axis == "first" else (*size, count)
    stacked = loaded.reshape(shape)
    stacked = stacked if storage.class_axis == "first" else np.moveaxis(stacked, -1, 0)
    found = np.empty(size, np.int64)
    for place in np.ndindex(size):
        (found[place],) = [index for index in range(count) if stacked[(index, *place)]]
    return found


def _channels(chance: Random) -> tuple[str, bytes]:
    data = (spoiled if chance.random() < 0.2 else spoiled_png)(chance, chance.choice(png_seeds()), png_seeds())
    CURRENT.data = data
    channel = chance.choice(("R", "G", "B", "A", "0", "1", "2", "3"))
    storage = SideStorage(channel)
    read = _refusing(lambda: read_mask(data, name="a/b.png", max_pixels=MOST_PIXELS, storage=storage)[0], data)
    if read is None:
        return "refused", data
    color, _, samples = _second(data)
    names = {corpus.GRAY: "R", corpus.GRAY_ALPHA: "RA", corpus.RGB: "RGB", corpus.RGBA: "RGBA"}[color]
    place = int(channel) if channel.isdigit() else names.index(channel)
    _require_equal(read, samples if samples.ndim == 2 else samples[..., place], data)
    return "read as the second decoder reads it", data


def _colors(chance: Random) -> tuple[str, bytes]:
    """Read colours that are off by a little; the nearest is found by a loop."""
    off = chance.randrange(0, 9)
    colors = np.array(list(COLORS))[corpus.pattern(6, 5) % len(COLORS)].astype(np.int64)
    most = off if chance.random() < 0.7 else off + 1
    noise = np.array([chance.randint(-most, most) for _ in range(colors.size)]).reshape(colors.shape)
    data = corpus.encode(np.clip(colors + noise, 0, 255), color=corpus.RGB, depth=8)
    if chance.random() < 0.3:
        data = spoiled_png(chance, data, (data,))
    CURRENT.data = data
    storage = SideStorage(palette_tolerance=off)
    read = _refusing(
        lambda: read_mask(data, name="a/b.png", palette=PALETTE, max_pixels=MOST_PIXELS, storage=storage)[0], data
    )
    if read is None:
        return "refused", data
    color, _, samples = _second(data)
    if color == corpus.RGB:
        for place in np.ndindex(read.shape):
            pixel = samples[place].astype(np.int64)
            near = min(COLORS, key=lambda one: int(np.abs(pixel - one).max()))
            if int(np.abs(pixel - near).max()) > off or COLORS[near] != read[place]:
                raise WrongError(f"{pixel} was read as {read[place]}", data)
    return "read as the nearest colour", data


def _bits(chance: Random) -> tuple[str, bytes]:
    text = chance.choice(BITS)
    for _ in range(chance.choice((0, 1, 2))):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(("9", "=", ":", ",", "٣", "\0", "-1", " ", "62", "1" * 30)) + text[at:]
    data = text.encode("utf-8", "surrogatepass")
    CURRENT.data = data
    try:
        found = parse_bits(text)
    except UsageError:
        return "refused", data
    if any(not 0 <= one.value < 1 << one.width or one.offset + one.width > 62 for one in found):
        raise WrongError(f"bits that no value has: {found}", data)
    return "read", data


def _second(data: bytes) -> tuple[int, int, Array]:
    try:
        return corpus.decode(data)
    except corpus.PngError as error:
        raise WrongError(f"read, though the second decoder says {error}", data) from error


def _refusing(read: Any, data: bytes) -> Array | None:
    """Return what is read, `None` where it is refused with an error that names the file."""
    try:
        found: Array | None = read()
    except MaskError as error:
        if not error.where or not all(place.startswith("a/b.") for place in error.where):
            raise WrongError(f"an error that does not name its file: {error!r}", data) from error
        return None
    except SegevalError as error:
        raise WrongError(f"an error that is none of a mask: {error!r}", data) from error
    return found


def _require_equal(found: Array, expected: Array, data: bytes) -> None:
    if found.shape != expected.shape or not np.array_equal(found, expected):
        raise WrongError("read as another value than by the other way", data)
