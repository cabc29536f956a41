"""From bytes to arrays: the stored sample values, exactly, or an error that says what the file is instead.

The kind of a file is told from its content, never from its name. Headers are read and checked by `headers`, `tiff` and
`arrays`; Pillow only decompresses PNG and GIF, through its pixel decoders: its parsers, its global settings and its
warnings have no part in it.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval import arrays
from segeval.errors import MaskError
from segeval.headers import (
    NEW_FILE,
    BmpFile,
    GifFile,
    ImageFacts,
    PngFile,
    damaged,
    identify,
    parse_bmp,
    parse_gif,
    parse_png,
    truncated,
)

if TYPE_CHECKING:  # gray and palette PNG, which most masks are, do without colours and TIFF
    from segeval.palettes import Palette
    from segeval.tiff import TiffFile

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "ImageFacts", "decode_mask", "decode_probability", "describe", "read_bytes"]

MAX_PIXELS = 2**28
"""Pixels that one image may have unless `--max-pixels` says otherwise."""

IMAGE_SUFFIXES = frozenset(
    (".png", ".bmp", ".gif", ".tif", ".tiff", ".npy", ".npz", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
)
"""Suffixes of files that stand for masks; the lossy ones are among them so that they are refused, not passed over."""

_TOLD_COLORS = 5
_MARK = 0xA5
_MAP_FIX = "Save the map as gray PNG of 8 or 16 bit, or as .npy of floats in [0, 1]"
_RANGE_FIX = "Save probabilities: put logits through sigmoid or softmax, and divide levels by their maximum"


_SHARED: dict[str, np.dtype[Any]] = {"L": np.dtype(np.uint8), "P": np.dtype(np.uint8), "I;16": np.dtype("<u2")}
"""Modes of which Pillow can use the memory of an array as the image, with the array's type."""


def read_bytes(path: Path, *, name: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read one regular file whole; `name` is what errors call it.

    Never waits on a FIFO or a device. At most 8 bytes for each of `max_pixels` (at least 2 GiB) are read. Raises
    `MaskError` for what is no file, is empty or too large, cannot be read, or changes its size meanwhile.
    """
    limit = max(8 * max_pixels, arrays.MAP_BYTES)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    with _told_of(name):
        try:
            # Opening a device can have effects of its own: its kind is asked before, and for races again after.
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                with os.fdopen(os.open(path, flags), "rb", buffering=0) as stream:
                    status = os.fstat(stream.fileno())
                    data = stream.read(status.st_size + 1) if _is_readable(status, limit) else b""
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise MaskError("A file cannot be read", (reason,), "Check that it exists and may be read") from problem
        if not stat.S_ISREG(status.st_mode):
            raise MaskError("Not a regular file", (), "Take it out of the folder")
        if status.st_size > limit:
            raise MaskError(
                "A file is larger than any mask",
                (f"{status.st_size} bytes, the limit is {limit}",),
                "Take it out of the folder, or raise --max-pixels if the size is meant",
            )
        if len(data) != status.st_size:
            raise MaskError("A file changed while it was read", (), "Start again when nothing writes to the folder")
        if not data:
            raise MaskError("A file is empty", (), NEW_FILE)
    return data


def _is_readable(status: os.stat_result, limit: int) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size <= limit


def decode_mask(
    data: bytes, *, name: str, palette: Palette | None = None, max_pixels: int = MAX_PIXELS
) -> NDArray[np.integer[Any]]:
    """Return the label values stored in `data`, (H, W), in the smallest type that is natural for the file.

    Gray samples and palette indices come as they are stored, whatever their depth, whatever tRNS says, and whether
    TIFF calls 0 white or black; .npy arrays keep their type. With `palette`, RGB colours become its raw values;
    indices stay indices. An alpha channel is dropped where it is opaque everywhere. Raises `MaskError`.
    """
    with _told_of(name):
        form = identify(data)
        if form in ("npy", "npz"):
            array = arrays.load_array(data, packed=form == "npz", probs=False, max_pixels=max_pixels)
            return array.reshape(array.shape[:2])
        image = _parsed(form, data, max_pixels)
        facts = image.facts
        if facts.animated:
            raise MaskError("A file holds several images", (facts.encoding,), "Save each mask as a file of its own")
        if facts.sample == "f":
            raise MaskError("An image of floats is no label mask", (facts.encoding,), arrays.PROBS_FIX)
        if facts.channels >= 3 and facts.bit_depth != 8:
            from segeval.colors import COLORS_FIX

            raise MaskError("An RGB mask has more than 8 bit a channel", (facts.encoding,), COLORS_FIX)
        samples = _samples(image, data)
        if facts.has_alpha:
            samples = _without_alpha(samples, facts)
        if facts.channels < 3:
            return samples
        from segeval.colors import labels_from_colors

        return labels_from_colors(samples, palette, encoding=facts.encoding)


def decode_probability(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Return the levels or probabilities stored in `data`, as stored.

    Gray images of 8 and 16 bit give uint8 and uint16 levels, (H, W); float32 TIFF gives (H, W); .npy and one-array
    .npz give (H, W) or (K, H, W) of uint8, uint16, float16, float32 or float64. Floats are in [0, 1]. Raises
    `MaskError`.
    """
    with _told_of(name):
        form = identify(data)
        if form in ("npy", "npz"):
            array = arrays.load_array(data, packed=form == "npz", probs=True, max_pixels=max_pixels)
            _check_floats(array)
            return array
        image = _parsed(form, data, max_pixels)
        facts = image.facts
        if facts.animated:
            raise MaskError("A file holds several images", (facts.encoding,), "Save each map as a file of its own")
        gray = facts.kind == "gray" or (isinstance(image, BmpFile) and image.gray_ramp)
        if not gray or (facts.bit_depth, facts.sample) not in {(8, "u"), (16, "u"), (32, "f")}:
            raise MaskError("An image is no probability map", (facts.encoding,), _MAP_FIX)
        if getattr(image, "white_is_zero", False):
            raise MaskError("A probability map stores 0 as white", (facts.encoding,), _MAP_FIX)
        samples = _samples(image, data)
        _check_floats(samples)
        return samples


def describe(data: bytes, *, name: str) -> ImageFacts:
    """Return what the header of `data` says, without decoding; raises `MaskError` where no format is recognised."""
    with _told_of(name):
        form = identify(data)
        if form in ("npy", "npz"):
            return arrays.array_facts(data, packed=form == "npz")
        # No limit: nothing is allocated for pixels.
        return _parsed(form, data, 2**64).facts


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    """Put the file's name before the details of an error, and make an error of whatever a decoder raises."""
    try:
        yield
    except MaskError as problem:
        places = tuple(f"{name}: {detail}" for detail in problem.where) or (name,)
        raise MaskError(problem.what, places, problem.fix) from problem.__cause__
    except MemoryError as problem:
        raise MaskError("An image does not fit into memory", (name,), "Lower --jobs or --max-pixels") from problem
    except Exception as problem:
        # Decoders raise whatever their author thought of: OSError, SyntaxError, ValueError, zlib.error, ...
        raise MaskError("A file cannot be decoded", (f"{name}: {problem}",), NEW_FILE) from problem


def _parsed(form: str, data: bytes, max_pixels: int) -> PngFile | GifFile | BmpFile | TiffFile:
    if form == "PNG":
        return parse_png(data, max_pixels)
    if form == "GIF":
        return parse_gif(data, max_pixels)
    if form == "BMP":
        return parse_bmp(data, max_pixels)
    from segeval.tiff import parse_tiff

    return parse_tiff(data, max_pixels)


def _samples(image: PngFile | GifFile | BmpFile | TiffFile, data: bytes) -> NDArray[Any]:
    """Return the stored samples, (H, W) or (H, W, channels)."""
    if isinstance(image, PngFile):
        return _png_samples(image)
    if isinstance(image, GifFile):
        return _gif_samples(image)
    if isinstance(image, BmpFile):
        return _bmp_samples(image, data)
    from segeval.tiffdata import tiff_samples

    return tiff_samples(image, data)


def _png_samples(image: PngFile) -> NDArray[Any]:
    """Inflate and unfilter in one go, in Pillow's decoder, and know that the data are neither short nor long.

    The decoder takes the end of the compressed stream for the end of the image, however few rows it has had, and stops
    at the last row, whatever follows. So it is given one row more than there is, and the last two are marked before:
    the data are right if it ends in peace, has overwritten the last row and left the surplus one alone. In all other
    cases the data are inflated once more, to say what is wrong with them, or that nothing is. (One surplus row that
    is the mark itself goes unnoticed; the pixels are right all the same.)
    """
    facts = image.facts
    # Gray below 8 bit is read as palette indices, which are not scaled; gray with 16-bit alpha has RGBA's four bytes.
    mode, raw = {
        ("gray", 16): ("I;16", "I;16B"),
        ("gray", 8): ("L", "L"),
        ("gray+alpha", 8): ("LA", "LA"),
        ("gray+alpha", 16): ("RGBA", "RGBA"),
        ("RGB", 8): ("RGB", "RGB"),
        ("RGBA", 8): ("RGBA", "RGBA"),
        ("palette", 8): ("P", "P"),
    }.get((facts.kind, facts.bit_depth), ("P", f"P;{facts.bit_depth}"))
    size = (facts.width, facts.height)
    samples = None if facts.interlaced else _png_marked(image.compressed, mode, raw, size)
    if samples is None:
        _check_inflated(image.compressed, image.inflated_size)
        canvas = Image.new(mode, size)
        canvas.frombytes(image.compressed, "zip", raw, int(facts.interlaced))
        samples = np.asarray(canvas)
    if mode == "RGBA" and facts.channels == 2:
        return np.ascontiguousarray(samples).view(">u2").astype(np.uint16)
    return samples.astype(np.uint16, copy=False) if mode == "I;16" else samples


def _png_marked(compressed: bytes, mode: str, raw: str, size: tuple[int, int]) -> NDArray[Any] | None:
    width, height = size
    mark = _MARK * 257 if mode == "I;16" else _MARK
    if mode in _SHARED:
        # The canvas is this very array, so that the decoder writes into it and nothing is copied. Were that memory
        # ever not shared, the marks would stay, and the slow way be gone.
        samples = np.empty((height + 1, width), _SHARED[mode])
        samples[height - 1 :] = mark
        canvas = Image.frombuffer(mode, (width, height + 1), samples, "raw", mode, 0, 1)
    else:
        canvas = Image.new(mode, (width, height + 1))
        canvas.paste((mark,) * len(canvas.getbands()), (0, height - 1, width, height + 1))
    try:
        canvas.frombytes(compressed, "zip", raw, 0)
    except ValueError:
        return None
    if mode not in _SHARED:
        samples = np.asarray(canvas)
    marked = samples[height - 1 :] == mark
    return samples[:height] if marked[1].all() and not marked[0].all() else None


def _check_inflated(compressed: bytes, expected: int) -> None:
    """Refuse a zlib stream that is damaged or has not exactly `expected` bytes; never inflates more than that."""
    inflater = zlib.decompressobj()
    try:
        size = len(inflater.decompress(compressed, expected + 1))
    except zlib.error as problem:
        raise damaged(f"its compressed data: {problem}") from problem
    if size > expected:
        raise damaged(f"its data inflate to more than the {expected} bytes of its pixels")
    if size < expected or not inflater.eof:
        raise truncated(f"its data inflate to {size} bytes of the {expected} of its pixels")


def _gif_samples(image: GifFile) -> NDArray[Any]:
    """Decode the indices twice, onto different grounds: a pixel that the data leave out shows as a difference."""
    facts = image.facts
    decoded: list[NDArray[Any]] = []
    for ground in (0, 255):
        canvas = Image.new("L", (facts.width, facts.height), ground)
        canvas.frombytes(image.blocks, "gif", image.code_bits, int(facts.interlaced))
        decoded.append(np.asarray(canvas))
    if not np.array_equal(decoded[0], decoded[1]):
        raise truncated("its data end before its pixels do")
    return decoded[0]


def _bmp_samples(image: BmpFile, data: bytes) -> NDArray[Any]:
    facts = image.facts
    rows = np.frombuffer(data, np.uint8, image.stride * facts.height, image.offset).reshape(facts.height, image.stride)
    if image.bottom_up:
        rows = rows[::-1]
    if facts.kind == "RGB":
        step = image.pixel_bits // 8
        return rows[:, : step * facts.width].reshape(facts.height, facts.width, step)[..., 2::-1]
    if facts.bit_depth < 8:
        shifts = np.arange(8 - facts.bit_depth, -1, -facts.bit_depth, dtype=np.uint8)
        parts = rows[..., None] >> shifts & np.uint8((1 << facts.bit_depth) - 1)
        rows = parts.reshape(facts.height, -1)
    return np.ascontiguousarray(rows[:, : facts.width])


def _without_alpha(samples: NDArray[Any], facts: ImageFacts) -> NDArray[Any]:
    clear = int(np.count_nonzero(samples[..., -1] != (1 << facts.bit_depth) - 1))
    if clear:
        raise MaskError(
            "A mask has an alpha channel that is not opaque",
            (f"{facts.encoding}, {clear} pixels",),
            "Save the mask without alpha: what a transparent pixel means cannot be told",
        )
    return np.ascontiguousarray(samples[..., 0]) if facts.channels == 2 else samples[..., :3]


def _check_floats(array: NDArray[Any]) -> None:
    """Refuse NaN, infinity and what lies outside [0, 1], told map by map; integers pass."""
    if array.dtype.kind != "f" or (array.min() >= 0 and array.max() <= 1):
        return
    maps = array if array.ndim == 3 else array[None]
    places = []
    for index, single in enumerate(maps):
        wrong = ~((single >= 0) & (single <= 1))
        pixels = int(np.count_nonzero(wrong))
        if pixels:
            where = f"map {index}, " if array.ndim == 3 else ""
            places.append(f"{where}value {single[wrong][0].item()}, {pixels} pixels")
    shown = places[:_TOLD_COLORS]
    if len(places) > len(shown):
        shown.append(f"and {len(places) - len(shown)} more maps")
    raise MaskError("A probability map has values outside [0, 1]", shown, _RANGE_FIX)
