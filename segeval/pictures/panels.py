"""An image to look at as small pictures: ground truth and prediction in their classes' colours, and the errors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import UsageError
from segeval.protocol.labeling import VOID, Color, SegmentationClass
from segeval.records import dataclass

WIDEST = 640
"""Pixels that a picture is at most wide and high."""
MOST_PHOTO_PIXELS = 1 << 28
OKABE_ITO: tuple[Color, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (240, 228, 66),
    (90, 90, 90),
)
"""Colours that the colour-blind tell apart (Okabe and Ito 2008), the eighth being that of errors."""
# fmt: off
FURTHER: tuple[Color, ...] = (
    (0, 0, 240), (40, 0, 120), (0, 240, 120), (200, 40, 240), (80, 80, 0), (120, 0, 40), (160, 0, 120),
    (160, 240, 200), (200, 0, 40), (80, 40, 80), (0, 40, 0), (160, 160, 80), (0, 80, 200), (200, 160, 160),
    (0, 40, 200), (200, 200, 240), (240, 240, 160), (160, 200, 80), (160, 200, 200), (160, 120, 80), (240, 40, 200),
    (240, 80, 120), (0, 0, 40),
)
# fmt: on
"""Of a lattice, each the furthest from all before it, in CIELAB, as seen by normal eyes (where twice as far counts) and
as by those without red or without green (Machado, Oliveira and Fernandes 2009)."""
DISTINCT = (*OKABE_ITO, *FURTHER)
VOID_COLOR: Color = (255, 255, 255)
OUTSIDE_COLOR: Color = (0, 0, 0)
"""Of pixels without a class: void is white, unknown values and what has no prediction are black."""
WRONG: Color = (213, 94, 0)
BOX = (0, 0, 0, 255)
"""Of the line around a region."""
Indices = NDArray[np.integer[Any]]
Pixels = NDArray[np.uint8]
Photo = Image.Image


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Hold the pictures of one image, each (H, W, 3) or (H, W, 4); `photo` is the image itself where it was given."""

    gt: Pixels
    pred: Pixels
    errors: Pixels
    photo: Pixels | None


def class_colors(classes: Sequence[SegmentationClass]) -> NDArray[np.uint8]:
    """Return the colour of each class, shape (K + 2, 3); the last two are of pixels outside the classes and of void.

    They are the classes' own where every class has one, and else fixed ones: those of `DISTINCT`, darker and lighter
    in turn where there are more classes.
    """
    own = [entry.color for entry in classes]
    chosen: list[Color] = [color for color in own if color is not None]
    if len(chosen) < len(own):
        chosen = [_nth_color(index) for index in range(len(classes))]
    return np.array([*chosen, OUTSIDE_COLOR, VOID_COLOR], np.uint8)


def _nth_color(index: int) -> Color:
    base, turn = DISTINCT[index % len(DISTINCT)], index // len(DISTINCT)
    share = (0.0, 0.45, -0.4, 0.7, -0.65)[turn % 5]
    end = 255 if share > 0 else 0
    red, green, blue = (round(part + (end - part) * abs(share)) for part in base)
    return red, green, blue


def panels(gt: Indices, pred: Indices, colors: NDArray[np.uint8], photo: Photo | None) -> Panels:
    """Draw one image from the position of each pixel's class; pictures are made smaller by leaving pixels out."""
    kept = np.ix_(*_kept(*gt.shape))
    gt, pred = gt[kept], pred[kept]
    valid = gt >= 0
    wrong = valid & (gt != pred)
    errors = np.zeros((*gt.shape, 4), np.uint8)
    errors[wrong] = (*WRONG, 255)
    errors[~valid] = (255, 255, 255, 255)
    small = None
    if photo is not None:
        small = np.asarray(photo.convert("RGB").resize((gt.shape[1], gt.shape[0]), Image.Resampling.BOX), np.uint8)
    return Panels(_colored(gt, colors), _colored(pred, colors), errors, small)


def boxed(found: Panels, box: tuple[int, int, int, int]) -> Panels:
    """Draw a line around a box (left, top, right, bottom; the last two are outside) over the errors."""
    left, top, right, bottom = box
    errors = found.errors.copy()
    height, width = errors.shape[:2]
    rows, columns = slice(max(0, top - 1), bottom + 1), slice(max(0, left - 1), right + 1)
    for row in {top - 1, bottom}:
        if 0 <= row < height:
            errors[row, columns] = BOX
    for column in {left - 1, right}:
        if 0 <= column < width:
            errors[rows, column] = BOX
    return replace(found, errors=errors)


def cropped_photo(photo: Photo, box: tuple[int, int, int, int], size: tuple[int, int]) -> Photo:
    """Return the part of a photo that a box of a mask of (width, height) shows, at the size of the box."""
    left, top, right, bottom = box
    across, down = photo.width / size[0], photo.height / size[1]
    part = (left * across, top * down, right * across, bottom * down)
    return photo.convert("RGB").resize((right - left, bottom - top), Image.Resampling.BOX, box=part)


def _kept(*sides: int) -> list[NDArray[np.intp]]:
    """Return the positions that are kept of each side of a picture."""
    scale = max(1.0, max(sides) / WIDEST)
    sizes = [max(1, round(side / scale)) for side in sides]
    return [(np.arange(size) * side) // size for size, side in zip(sizes, sides, strict=True)]


def _colored(indices: Indices, colors: NDArray[np.uint8]) -> Pixels:
    found: Pixels = colors[np.where(indices >= 0, indices, np.where(indices == VOID, -1, -2))]
    return found


def over(base: Pixels, errors: Pixels) -> Pixels:
    """Lay the errors over a picture in gray."""
    gray = (base.astype(np.float64) @ (0.299, 0.587, 0.114) * 0.6 + 90).clip(0, 255).astype(np.uint8)
    found = np.repeat(gray[..., None], 3, axis=2)
    marked = errors[..., 3] > 0
    found[marked] = errors[marked][:, :3]
    return found


def png_bytes(pixels: Pixels) -> bytes:
    """Return a picture as PNG, with a palette where its colours fit into one."""
    flat = pixels.reshape(-1, pixels.shape[2])
    packed = flat.astype(np.uint32) @ (1 << (8 * np.arange(pixels.shape[2], dtype=np.uint32)))
    values, index = np.unique(packed, return_inverse=True)
    written = io.BytesIO()
    if len(values) <= 256:
        table = np.stack([(values >> (8 * part)) & 255 for part in range(pixels.shape[2])], axis=1).astype(np.uint8)
        image = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8), "L")
        image.putpalette(table[:, :3].tobytes())
        extra = {"transparency": table[:, 3].tobytes()} if pixels.shape[2] == 4 else {}
        image.save(written, "PNG", optimize=True, **extra)
    else:
        Image.fromarray(pixels).save(written, "PNG", optimize=True)
    return written.getvalue()


def jpeg_bytes(pixels: Pixels) -> bytes:
    """Return a picture as JPEG."""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=80)
    return written.getvalue()


def overlay(found: Panels) -> bytes:
    """Return one PNG of an image: the image itself where there is one, ground truth, prediction, and the errors."""
    base = found.gt if found.photo is None else found.photo
    parts = [*([] if found.photo is None else [found.photo]), found.gt, found.pred, over(base, found.errors)]
    gap = np.full((found.gt.shape[0], 4, 3), 255, np.uint8)
    joined = [part for panel in parts for part in (panel, gap)][:-1]
    return png_bytes(np.concatenate(joined, axis=1))


def read_photo(path: Path, *, whole: bool = False) -> Photo:
    """Return the image of a file, as large as pictures are or as it is; raises `UsageError` for what is none.

    So it does for one that is too large.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path)
            if image.width * image.height > MOST_PHOTO_PIXELS:
                raise UsageError("an image is too large to be shown", (f"{path}",), "Leave it out of --images")
            if not whole:
                image.draft("RGB", (WIDEST, WIDEST))
            image.load()
            return image
    except UsageError:
        raise
    except Exception as error:  # Pillow's parsers raise what they like for what strangers wrote
        told = (f"{path}: {error}",)
        raise UsageError("an image cannot be read", told, "Take it out of --images, or save it again") from None
