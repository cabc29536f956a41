"""The losses of the maps of many images at once, each image by its own pixels, and the plain means of them.

What `segeval.scores.losses` computes of one map of one image, to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.scores.imagelevels import TOP, ImageLevels, rounded_sums
from segeval.scores.losses import Loss
from segeval.scores.overlap import Value, mean
from segeval.scores.pixelloss import FloatArray, clamped, clip, focal_factor, log_loss
from segeval.tables.counts import Int64Array

LEVELS = np.arange(TOP + 1)
UNDEFINED = Loss(None, None, None, False, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Sum the losses of the positives, or of the negatives, of each map: arrays of one value a map.

    `low` and `high` are None for maps of which only sums are kept.
    """

    pixels: Int64Array
    clamped: Int64Array
    value: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    unbounded: NDArray[np.bool_]

    def of(self, chosen: Any) -> Sides:
        """Return the sums of some of the maps."""
        low, high = (None if bound is None else bound[chosen] for bound in (self.low, self.high))
        return Sides(self.pixels[chosen], self.clamped[chosen], self.value[chosen], low, high, self.unbounded[chosen])


def sides_of_levels(maps: ImageLevels, positive: bool, gamma: float | None, eps: float | Literal["torch"]) -> Sides:
    """Sum the losses of one side of each map by its levels: focal for a gamma, BCE for None."""
    counts = maps.positives if positive else maps.negatives
    p, below, above = (values / TOP for values in (LEVELS, np.maximum(LEVELS - 0.5, 0), np.minimum(LEVELS + 0.5, TOP)))
    likely, unlikely = (above, below) if positive else (below, above)
    loss = _pixel_loss(clip(p, eps), positive, gamma)
    bounds = (
        np.minimum(loss, _pixel_loss(likely, positive, gamma)),
        np.maximum(loss, _pixel_loss(unlikely, positive, gamma)),
    )
    value, low, high = (maps.rounded_sums(counts * of_level[maps.level]) for of_level in (loss, *bounds))
    without_bound = (unlikely == (0 if positive else 1))[maps.level] & (counts > 0)
    changed = clamped(p, positive=positive, eps=eps)[maps.level]
    return Sides(
        maps.sums(counts), maps.sums(counts * changed), value, low, high, maps.sums(without_bound.astype(np.int64)) > 0
    )


def _pixel_loss(p: FloatArray, positive: bool, gamma: float | None) -> FloatArray:
    loss = log_loss(p, positive=positive)
    return loss if gamma is None else focal_factor(p, positive=positive, gamma=gamma) * loss


def sides_of_sums(columns: Mapping[str, NDArray[Any]], positive: bool, gamma: float | None) -> Sides:
    """Return the sums of one side of each map from the columns of `FloatSums`."""
    side = "pos" if positive else "neg"
    value = columns[f"{'bce' if gamma is None else 'focal'}_{side}"]
    return Sides(columns[f"n_{side}"], columns[f"clamped_{side}"], value, None, None, np.zeros(len(value), np.bool_))


def mean_of_sides(positives: Sides, negatives: Sides, weights: tuple[float, float]) -> Loss:
    """Return the mean over the maps of each one's weighted loss over its pixels; those without pixels have none."""
    elements = positives.pixels + negatives.pixels
    known = elements > 0
    sides = list(zip(weights, (positives.of(known), negatives.of(known)), strict=True))
    every = elements[known].astype(np.float64)

    def over(name: str) -> Value:
        one, other = (None if getattr(side, name) is None else weight * getattr(side, name) for weight, side in sides)
        return None if one is None or other is None else mean(((one + other) / every).tolist())

    return Loss(
        over("value"),
        over("low"),
        over("high"),
        any(weight > 0 and bool(side.unbounded.any()) for weight, side in sides),
        int(positives.clamped.sum() + negatives.clamped.sum()),
        int(elements.sum()),
        1,
    )


def mean_over_images(positives: Sides, image: NDArray[np.intp], of_map: FloatArray, images: int, classes: int) -> Loss:
    """Return the mean over the images of the loss of each one's true classes, over the sum of their weights.

    `positives` are those of maps that have some, of which `image` ascends; `of_map` are their weights.
    """
    ends = np.searchsorted(image, np.arange(images + 1))
    entered = rounded_sums(ends, of_map * positives.pixels)
    known = entered > 0

    def over(sums: FloatArray | None) -> Value:
        return None if sums is None else mean((rounded_sums(ends, of_map * sums)[known] / entered[known]).tolist())

    return Loss(
        over(positives.value),
        over(positives.low),
        over(positives.high),
        bool((positives.unbounded & (of_map > 0) & known[image]).any()),
        int(positives.clamped.sum()),
        int(positives.pixels.sum()),
        classes,
    )


def mean_ratios(sums: Sequence[float], pixels: Sequence[float]) -> Value:
    """Return the mean of quotients, of which those over 0 are none; of whole numbers each is rounded once."""
    return mean(above / below for above, below in zip(sums, pixels, strict=True) if below)
