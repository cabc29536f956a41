"""From bytes to arrays: the stored sample values, exactly, or an error that says what the file is instead.

The kind of a file is told from its content, never from its name. Its header is read and checked by its module of
`images`; Pillow only decompresses PNG and GIF, through its pixel decoders: its parsers, its global settings and its
warnings have no part in it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.headers import MAP_BYTES, NEW_FILE, PNG_SIGNATURE, ImageFacts, identify
from segeval.images.png import Buffer, parse_png, png_samples
from segeval.protocol.storage import AS_STORED, SideStorage

if TYPE_CHECKING:  # gray and palette PNG, which most masks are, do without colours and the other formats
    from segeval.protocol.palettes import Palette
    from segeval.stores.urls import Root

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Buffer",
    "ImageFacts",
    "decode_mask",
    "decode_probability",
    "describe",
    "read_below",
    "read_bytes",
    "read_mask",
]

MAX_PIXELS = 2**28
"""Pixels that one image may have unless `--max-pixels` says otherwise."""

_EXACT = (".png", ".bmp", ".gif", ".tif", ".tiff", ".npy", ".npz", ".nii", ".nii.gz")
_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
IMAGE_SUFFIXES = frozenset((*_EXACT, *_LOSSY))
"""Suffixes of files that stand for masks; the lossy ones are among them so that they are refused, not passed over."""

NIFTI_STARTS = (b"\x1f\x8b", b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
"""What volumes begin with: gzip, or the size of their header in either order."""
TICK = 20_000_000
"""Nanoseconds: twice the tick of the slowest clock that Linux stamps files with."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_MAP_FIX = "Save the map as gray PNG of 8 or 16 bit, or as .npy of floats in [0, 1]"


def read_below(root: Root, file: str, *, name: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read a file of a folder, or of a store, as `read_bytes` does."""
    if isinstance(root, Path):
        return read_bytes(f"{root}{os.sep}{file}", name=name, max_pixels=max_pixels)  # a join takes as long again
    from segeval.stores.files import read_file  # for archives and URLs

    return read_file(root, file, name=name, most=max(8 * max_pixels, MAP_BYTES))


def read_bytes(path: str | Path, *, name: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """Read one regular file whole; `name` is what errors call it.

    Never waits on a FIFO or a device. At most 8 bytes for each of `max_pixels` (at least 2 GiB) are read. Raises
    `MaskError` for what is no file, is empty or too large, cannot be read, or changes its size meanwhile.
    """
    limit = max(8 * max_pixels, MAP_BYTES)
    with _Told(name):
        try:
            # Opening a device can have effects of its own: its kind is asked before, and for races again after.
            status = os.stat(path)  # noqa: PTH116  # a Path takes as long as the call
            if _is_readable(status, limit):
                status, data = _read_settled(path, limit, status)
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise MaskError("a file cannot be read", (reason,), "Check that it exists and may be read") from problem
        if not stat.S_ISREG(status.st_mode):
            raise MaskError("not a regular file", (), "Remove it from the folder")
        if status.st_size > limit:
            raise MaskError(
                "a file is larger than any mask",
                (f"{status.st_size} bytes, the limit is {limit}",),
                "Remove it from the folder, or raise --max-pixels if the size is meant",
            )
        if data is None:
            raise MaskError("a file changed while it was read", (), "Start again when nothing writes to the folder")
        if not data:
            raise MaskError("a file is empty", (), NEW_FILE)
    return data


def _read_settled(path: str | Path, limit: int, before: os.stat_result) -> tuple[os.stat_result, bytes | None]:
    """Read a file that nobody writes meanwhile; one that changes is read once more, and is `None` if it changes again.

    `before` says what it was. A file that was rewritten in place at equal size would else give a part of each content.
    """
    for _ in range(2):
        descriptor = os.open(path, _FLAGS)
        try:
            data = _read_whole(descriptor, before.st_size)
            # Clocks of file systems tick: what was written within the last tick may have been written after the stat.
            age = time.time_ns() - before.st_mtime_ns
            if 0 <= age < TICK:
                time.sleep((TICK - age) / 1e9)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if not _is_readable(after, limit):
            return after, b""
        if _version(after) == _version(before) and len(data) == after.st_size:
            return after, data
        before = after
    return after, None


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read_whole(descriptor: int, size: int) -> bytes:
    """Read a file that should have `size` bytes, and one more if it has; one call gives some 2 GiB at most."""
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    return data


def _is_readable(status: os.stat_result, limit: int) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size <= limit


def decode_mask(
    data: bytes,
    *,
    name: str,
    palette: Palette | None = None,
    max_pixels: int = MAX_PIXELS,
    buffer: Buffer | None = None,
) -> NDArray[np.integer[Any]]:
    """Return the label values stored in `data`, (H, W); as `read_mask`, without what the header says."""
    return read_mask(data, name=name, palette=palette, max_pixels=max_pixels, buffer=buffer)[0]


def read_mask(
    data: bytes,
    *,
    name: str,
    palette: Palette | None = None,
    max_pixels: int = MAX_PIXELS,
    buffer: Buffer | None = None,
    jpeg: bool = False,
    storage: SideStorage = AS_STORED,
) -> tuple[NDArray[np.integer[Any]], ImageFacts | None]:
    """Return the label values stored in `data`, (H, W), in the smallest type that is natural for the file.

    What the header of an image says comes beside them, `None` for arrays.

    Gray samples and palette indices come as they are stored, whatever their depth and whatever tRNS says; a two-valued
    TIFF that calls 0 white comes as it is shown; .npy arrays keep their type. With `palette`, RGB colours become its
    raw values, and where it is explicit the colours of indices too. An alpha channel is dropped where it is opaque
    everywhere. With `jpeg`, files of that format give their gray levels. Where no palette says what colours mean, RGB
    with three equal channels is gray, and where `storage` names a channel that channel is the mask. The array may lie
    in `buffer`. Raises `MaskError`.
    """
    with _Told(name):
        # What most masks are: a small one is read in the time of a few calls.
        if storage.channel is None and data.startswith(PNG_SIGNATURE):
            png = parse_png(data, max_pixels)
            if not png.facts.animated and (
                png.facts.kind == "gray" or (png.facts.kind == "palette" and palette is None)
            ):
                return png_samples(png, buffer), png.facts
        form = _form(data, jpeg=jpeg)
        if form == "NIfTI":
            from segeval.images.nifti import labels_of_volume

            return labels_of_volume(data, max_pixels=max_pixels, storage=storage)
        if storage.stack and form == "TIFF":
            from segeval.images.stacks import labels_of_stack

            return labels_of_stack(data, palette, max_pixels=max_pixels, storage=storage)
        from segeval.images.labels import labels_of_array, labels_of_image

        if form in ("npy", "npz"):
            return labels_of_array(data, packed=form == "npz", max_pixels=max_pixels, storage=storage), None
        facts, decode = _opened(form, data, max_pixels, buffer)
        return labels_of_image(facts, decode, palette, storage)


def read_class_axis(
    data: bytes, *, name: str, storage: SideStorage, max_pixels: int = MAX_PIXELS
) -> NDArray[Any] | None:
    """Return the masks of all classes, (K, H, W), of an array with a class axis; `None` for what has none."""
    with _Told(name):
        form = identify(data)
        if form not in ("npy", "npz"):
            return None
        from segeval.images.labels import planes_of_array

        return planes_of_array(data, packed=form == "npz", max_pixels=max_pixels, storage=storage)


def decode_probability(
    data: bytes,
    *,
    name: str,
    max_pixels: int = MAX_PIXELS,
    buffer: Buffer | None = None,
    class_axis: str | None = None,
    logits: bool = False,
) -> NDArray[Any]:
    """Return the levels or probabilities stored in `data`, as stored.

    Gray images of 8 and 16 bit give uint8 and uint16 levels, (H, W); float32 TIFF gives (H, W); .npy and one-array
    .npz give (H, W) or (K, H, W) of uint8, uint16, float16, float32 or float64. Floats are in [0, 1]. Arrays
    have their classes first unless `class_axis` is "last", and come so. With `logits`, floats are finite and of any
    size, and there are no others. The array may lie in `buffer`. Raises `MaskError`.
    """
    from segeval.images.floats import check_floats  # label masks hold none

    with _Told(name):
        form = _form(data)
        if form == "NIfTI":
            from segeval.images.nifti import maps_of_volume

            maps = maps_of_volume(data, max_pixels=max_pixels)
            check_floats(maps, logits=logits)
            return maps
        if form in ("npy", "npz"):
            from segeval.images.arrays import load_array

            axis = SideStorage(class_axis=class_axis)
            array = load_array(data, packed=form == "npz", probs=True, max_pixels=max_pixels, storage=axis)
            check_floats(array, logits=logits)
            return array
        facts, decode = _opened(form, data, max_pixels, buffer)
        if facts.animated:
            raise MaskError("a file holds several images", (facts.encoding,), "Save each map as a file of its own")
        gray = facts.kind == "gray" or facts.gray_ramp
        if not gray or (facts.bit_depth, facts.sample) not in {(8, "u"), (16, "u"), (32, "f")}:
            raise MaskError("an image is not a probability map", (facts.encoding,), _MAP_FIX)
        if facts.white_is_zero:
            raise MaskError("a probability map stores 0 as white", (facts.encoding,), _MAP_FIX)
        samples = decode()
        check_floats(samples, logits=logits)
        return samples


def describe(
    data: bytes, *, name: str, jpeg: bool = False, class_axis: str | None = None, stack: bool = False
) -> ImageFacts:
    """Return what the header of `data` says, without decoding; raises `MaskError` where no format is recognised."""
    with _Told(name):
        form = _form(data, jpeg=jpeg)
        if form == "NIfTI":
            from segeval.images.nifti import parse_nifti

            return parse_nifti(data, 2**64).facts
        if stack and form == "TIFF":
            from segeval.images.stacks import facts_of_stack

            return facts_of_stack(data)
        if form in ("npy", "npz"):
            from segeval.images.arrays import array_facts

            return array_facts(data, packed=form == "npz", class_axis=class_axis)
        # No limit: nothing is allocated for pixels.
        return _opened(form, data, 2**64)[0]


def _form(data: bytes, *, jpeg: bool = False) -> str:
    """Return what `identify` does, or NIfTI."""
    if data.startswith(NIFTI_STARTS):
        from segeval.images.nifti import is_nifti  # few masks are volumes

        if is_nifti(data):
            return "NIfTI"
    return identify(data, jpeg=jpeg)


class _Told:
    """Put the file's name before the details of an error, and make an error of whatever a decoder raises.

    A class, since a generator would take longer than reading the header of a small image.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, traceback: object) -> None:
        if problem is None:
            return
        if isinstance(problem, MaskError):
            places = tuple(f"{self.name}: {detail}" for detail in problem.where) or (self.name,)
            raise problem.changed(where=places) from problem.__cause__
        if isinstance(problem, MemoryError):
            raise MaskError(
                "an image does not fit into memory", (self.name,), "Lower --jobs or --max-pixels"
            ) from problem
        if isinstance(problem, Exception):
            # Decoders raise whatever their author thought of: OSError, SyntaxError, ValueError, zlib.error, ...
            raise MaskError("a file cannot be decoded", (f"{self.name}: {problem}",), NEW_FILE) from problem


def _opened(
    form: str, data: bytes, max_pixels: int, buffer: Buffer | None = None
) -> tuple[ImageFacts, Callable[[], NDArray[Any]]]:
    """Check the header of an image; return it, and what decodes the stored samples, (H, W) or (H, W, channels)."""
    if form == "PNG":
        png = parse_png(data, max_pixels)
        return png.facts, lambda: png_samples(png, buffer)
    if form == "GIF":
        from segeval.images.gif import gif_samples, parse_gif

        gif = parse_gif(data, max_pixels)
        return gif.facts, lambda: gif_samples(gif)
    if form == "JPEG":
        from segeval.images.jpeg import jpeg_levels, parse_jpeg

        photo = parse_jpeg(data, max_pixels)
        return photo.facts, lambda: jpeg_levels(photo)
    if form == "BMP":
        from segeval.images.bmp import bmp_samples, parse_bmp

        bmp = parse_bmp(data, max_pixels)
        return bmp.facts, lambda: bmp_samples(bmp, data)
    from segeval.images.tiff import parse_tiff
    from segeval.images.tiffdata import tiff_samples

    tiff = parse_tiff(data, max_pixels)
    return tiff.facts, lambda: tiff_samples(tiff, data)
