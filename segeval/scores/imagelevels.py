"""The 256 levels that maps of many images have, and the pixels of both sides of each, in columns."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.tables.counts import Int64Array

TOP = 255
PIECE = 1 << 18
"""Levels that are worked on at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageLevels:
    """Hold the levels that images have, ascending by (image, level): `image` and `level`, and pixels of both sides.

    `ends` says where the levels of each image begin, and where the last one's end; an image without any has no pixels.
    """

    ends: NDArray[np.intp]
    image: NDArray[np.int32]
    level: NDArray[np.int64]
    positives: Int64Array
    negatives: Int64Array

    def sums(self, values: Int64Array) -> Int64Array:
        """Add values of the levels up by image."""
        found = np.zeros(len(self.ends) - 1, np.int64)
        np.add.at(found, self.image, values)
        return found

    def rounded_sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add values of the levels up by image, each sum rounded once."""
        return rounded_sums(self.ends, values)


def rounded_sums(ends: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add values up in parts that end at `ends`, whose first is 0; each sum is rounded once, as by `math.fsum`."""
    counts = np.diff(ends)
    sums = np.zeros(len(counts))
    for place in (0, 1):  # a sum of two numbers is rounded once whoever adds them
        some = (counts > place) & (counts <= 2)
        sums[some] += values[ends[:-1][some] + place]
    many = np.flatnonzero(counts > 2)
    for start in range(0, len(many), PIECE):
        places = many[start : start + PIECE]
        bounds = zip(ends[places].tolist(), ends[places + 1].tolist(), strict=True)
        sums[places] = [math.fsum(values[first:last].tolist()) for first, last in bounds]
    return sums


def image_levels(
    ends: NDArray[np.intp], positive: NDArray[np.bool_], level: NDArray[Any], pixels: Int64Array
) -> ImageLevels:
    """Put the levels of images in order; those of one image and level, of either side, are added up."""
    images = len(ends) - 1
    found: list[tuple[NDArray[np.int64], Int64Array, Int64Array]] = []
    starts = np.searchsorted(ends, np.arange(0, ends[-1], PIECE), side="right") - 1
    for start, stop in pairwise([*sorted({0, *starts.tolist()}), images]):
        here = slice(ends[start], ends[stop])
        image = np.repeat(np.arange(start, stop), np.diff(ends[start : stop + 1]))
        keys = image * (TOP + 1) + level[here]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
        of_sides = (np.where(side[order], pixels[here][order], 0) for side in (positive[here], ~positive[here]))
        found.append((keys[first], *(np.add.reduceat(side, first) if len(first) else side for side in of_sides)))
    keys, positives, negatives = (np.concatenate(column) for column in zip(*found, strict=True))
    places = np.searchsorted(keys, np.arange(images + 1) * (TOP + 1))
    return ImageLevels(places, (keys // (TOP + 1)).astype(np.int32), keys % (TOP + 1), positives, negatives)
