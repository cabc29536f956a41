"""From what a file holds to label values, exactly: the one channel of them, and what stands in place of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.arrays import array_facts, load_array
from segeval.images.headers import PROBS_FIX, ImageFacts
from segeval.images.photometric import shown_as
from segeval.protocol.storage import RGB_ID, SideStorage

if TYPE_CHECKING:  # a folder without colours does without their module
    from segeval.protocol.palettes import Palette

EXACT = 2.0**53
"""The greatest whole number below which a float64 holds every other one."""
CHANNELS_OF = {"gray": ("R",), "gray+alpha": ("R", "A"), "RGB": ("R", "G", "B"), "RGBA": ("R", "G", "B", "A")}
"""The names of the channels of each kind of image, in their order; the gray of a gray image is its R."""


def labels_of_array(data: bytes, *, packed: bool, max_pixels: int, storage: SideStorage) -> NDArray[np.integer[Any]]:
    """Return the labels, (H, W), of an .npy file, or of an .npz file (`packed`); raises `MaskError`."""
    if storage.channel is not None:
        place_of(array_facts(data, packed=packed), storage.channel)
    array = load_array(data, packed=packed, probs=False, max_pixels=max_pixels, storage=storage)
    if array.dtype.kind == "f":
        array = whole_numbers(array)
    return class_of_one_hot(array) if array.ndim == 3 else array


def planes_of_array(data: bytes, *, packed: bool, max_pixels: int, storage: SideStorage) -> NDArray[Any] | None:
    """Return an array with a class axis as (K, H, W) integers, `None` where it has two axes; raises `MaskError`."""
    array = load_array(data, packed=packed, probs=False, max_pixels=max_pixels, storage=storage)
    if array.ndim != 3:
        return None
    return whole_numbers(array) if array.dtype.kind == "f" else array


def whole_numbers(array: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """Return floats as the integers that they are, in the smallest type; raises `MaskError` where one is none."""
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(array.astype(np.float64, copy=False)) <= EXACT) & (array == np.floor(array)))
    pixels = int(np.count_nonzero(wrong))
    if pixels:
        raise MaskError(
            "labels stored as floats are no whole numbers",
            (f"value {array[wrong][0].item()}, {pixels} pixels",),
            "Score these as probability maps with --probs, or write the labels again from their source",
        )
    low, high = array.min().item(), array.max().item()
    kind = np.promote_types(np.min_scalar_type(int(low)), np.min_scalar_type(int(high)))
    found: NDArray[np.integer[Any]] = array.astype(kind)
    return found


def class_of_one_hot(array: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return the class, (H, W), that each pixel of a one-hot array, (K, H, W) of 0 and 1, has.

    Raises `MaskError` where a value is neither, and where a pixel has no class or several.
    """
    if array.min() < 0 or array.max() > 1:
        raise MaskError(
            "an array with a class axis is not one-hot",
            (f"values {array.min()} to {array.max()}",),
            "Save 1 for the class of each pixel and 0 for the others, or one array of labels without a class axis",
        )
    classes = array.sum(axis=0, dtype=np.int64)
    none, several = int(np.count_nonzero(classes == 0)), int(np.count_nonzero(classes > 1))
    if none or several:
        raise MaskError(
            "a one-hot array has pixels without a class, or with several",
            (f"{none} pixels without a class, {several} with several",),
            "Save void as a class of its own, and name it with --ignore; classes that overlap are no label mask",
        )
    found: NDArray[np.integer[Any]] = array.argmax(axis=0).astype(np.min_scalar_type(len(array)))
    return found


def labels_of_image(
    facts: ImageFacts, decode: Callable[[], NDArray[Any]], palette: Palette | None, storage: SideStorage
) -> tuple[NDArray[np.integer[Any]], ImageFacts]:
    """Return the labels, (H, W), of an image whose header is checked, and its facts; raises `MaskError`."""
    if facts.animated:
        slices = ", or read them as the slices of a volume with --stack" if facts.format == "TIFF" else ""
        fix = f"Save each mask as a file of its own{slices}"
        raise MaskError("a file holds several images", (facts.encoding,), fix)
    if facts.sample == "f" and not storage.cast_labels:
        raise MaskError("an image of floats is not a label mask", (facts.encoding,), PROBS_FIX, kind="probability-maps")
    if facts.channels >= 3 and facts.bit_depth != 8:
        from segeval.images.colors import COLORS_FIX

        raise MaskError("an RGB mask has more than 8 bit a channel", (facts.encoding,), COLORS_FIX, kind="rgb")
    if storage.channel == RGB_ID:
        return _rgb_ids(decode, facts), facts
    place = None if storage.channel is None else place_of(facts, storage.channel)
    samples = decode()
    if place is not None:
        samples = np.ascontiguousarray(samples[..., place]) if facts.channels > 1 else samples
    elif facts.has_alpha:
        samples = _without_alpha(samples, facts)
    if facts.sample == "f":
        return whole_numbers(samples), facts
    if facts.white_is_zero:
        return shown_as(samples, facts), facts
    if facts.kind == "palette" and palette is not None and palette.explicit:
        from segeval.images.colors import labels_from_indices

        labels, inexact = labels_from_indices(samples, facts, palette, tolerance=storage.palette_tolerance)
        return labels, replace(facts, inexact=inexact) if inexact else facts
    if samples.ndim == 2:
        return samples, facts
    if palette is None and _is_gray(samples):
        return np.ascontiguousarray(samples[..., 0]), replace(facts, gray_as_rgb=True)
    from segeval.images.colors import labels_from_colors

    tolerance = storage.palette_tolerance
    labels, inexact = labels_from_colors(samples, palette, encoding=facts.encoding, tolerance=tolerance)
    return labels, replace(facts, inexact=inexact) if inexact else facts


def _rgb_ids(decode: Callable[[], NDArray[Any]], facts: ImageFacts) -> NDArray[np.int32]:
    """Return R + 256 G + 65536 B of each pixel, as panopticapi's `rgb2id` does."""
    if facts.kind not in ("RGB", "RGBA") or facts.bit_depth != 8:
        raise MaskError(
            "a mask has no colours that are ids",
            (facts.encoding,),
            "Leave rgb-id and segments out for this side, or give panoptic masks, RGB of 8 bit",
        )
    samples = decode()
    red, green, blue = np.moveaxis(_without_alpha(samples, facts) if facts.has_alpha else samples, -1, 0)
    found: NDArray[np.int32] = np.left_shift(blue, 16, dtype=np.int32)
    found += np.left_shift(green, 8, dtype=np.int32)
    found += red
    return found


def place_of(facts: ImageFacts, channel: str) -> int:
    """Return the place of a channel among those of an image; raises `MaskError` where it has no such channel."""
    names = CHANNELS_OF.get(facts.kind, ())
    place = int(channel) if channel.isdecimal() else names.index(channel) if channel in names else len(names)
    if place >= len(names):
        has = f"it has {', '.join(names)}" if names else "it has none"
        fix = "Give a channel that every file of the folder has, or leave the option out"
        if facts.kind == "palette":
            fix = "Leave the option out, so that the indices of palette images are read"
        if facts.kind == "array":
            fix = "Leave the option out: channels are of images, and an array is read as one mask"
        raise MaskError(f"a mask has no channel {channel}", (f"{facts.encoding}, {has}",), fix)
    return place


def _without_alpha(samples: NDArray[Any], facts: ImageFacts) -> NDArray[Any]:
    clear = int(np.count_nonzero(samples[..., -1] != (1 << facts.bit_depth) - 1))
    if clear:
        raise MaskError(
            "a mask has an alpha channel that is not opaque",
            (f"{facts.encoding}, {clear} pixels",),
            "Save the mask without alpha: the meaning of a transparent pixel is unknown",
        )
    return np.ascontiguousarray(samples[..., 0]) if facts.channels == 2 else samples[..., :3]


def _is_gray(samples: NDArray[Any]) -> bool:
    first = samples[..., 0]
    return bool((first == samples[..., 1]).all() and (first == samples[..., 2]).all())
