"""TIFF files of several images as volumes, each image a slice: labels of (D, H, W), read one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.headers import ImageFacts
from segeval.images.labels import labels_of_image
from segeval.images.tiff import SEVERAL, TiffFile, parse_stack
from segeval.images.tiffdata import tiff_samples
from segeval.protocol.storage import SideStorage

if TYPE_CHECKING:
    from segeval.protocol.palettes import Palette


def labels_of_stack(
    data: bytes, palette: Palette | None, *, max_pixels: int, storage: SideStorage
) -> tuple[NDArray[np.integer[Any]], ImageFacts]:
    """Return the labels, (D, H, W), or (H, W) of a single image, and what the header of the first one says.

    Raises `MaskError`. How many pixels are near a colour only is added up over the slices.
    """
    pages = parse_stack(data, max_pixels)
    slices = [_slice(page, data, palette, storage) for page in pages]
    labels, facts = slices[0]
    facts = replace(facts, depth=len(slices))
    if len(slices) == 1:
        return labels, facts
    inexact = sum(one.inexact for _, one in slices)
    gray = any(one.gray_as_rgb for _, one in slices)
    words = f"{facts.encoding}, {len(slices)} slices"
    return np.stack([labels for labels, _ in slices]), replace(facts, encoding=words, inexact=inexact, gray_as_rgb=gray)


def facts_of_stack(data: bytes) -> ImageFacts:
    """Return what the headers of a stack say, without decoding; raises `MaskError`."""
    pages = parse_stack(data, 2**64)
    return replace(pages[0].facts, animated=False, depth=len(pages))


def _slice(
    page: TiffFile, data: bytes, palette: Palette | None, storage: SideStorage
) -> tuple[NDArray[np.integer[Any]], ImageFacts]:
    facts = replace(page.facts, animated=False, encoding=page.facts.encoding.removesuffix(SEVERAL))
    return labels_of_image(facts, lambda: tiff_samples(page, data), palette, storage)
