"""F-measures over thresholds of gray maps, as salient object detection prints them.

A map is its histogram of 256 levels, p = level / 255. With tp hits among `predicted` pixels and `true` foreground,
F = (1 + beta2) tp / (beta2 true + predicted), 0 where nothing is hit (Achanta et al. 2009, beta2 = 0.3).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.scores.exactsums import ExactSums
from segeval.scores.imagelevels import PIECE, TOP, ImageLevels
from segeval.tables.counts import Int64Array

BETA2 = 0.3
Rule = Literal["segeval", "sod", "pysodmetrics"]
EVERY_LEVEL = np.arange(TOP + 1)
OF_SOD = -(-TOP * np.arange(TOP) // (TOP - 1))
"""The lowest level with 254 level >= 255 i, which is p >= i / 254, for i = 0..254."""


@dataclass(frozen=True, slots=True)
class FMeasures:
    """Hold the greatest and the mean F over all thresholds, and F at the adaptive one, min(2 mean p, 1); p >= t.

    `mae` is the mean over images of the mean |p - y|. Undefined is None.
    """

    max_f: float | None
    mean_f: float | None
    adaptive_f: float | None
    mae: float | None


def f_measures(
    images: ImageLevels, *, rule: Rule = "segeval", by_image: bool = False, beta2: float = BETA2
) -> FMeasures:
    """Return the F-measures of the maps of a data set, each by its 256 levels; those without pixels are none.

    `rule` "segeval" has the thresholds i / 255, over the pixels of all images or, `by_image`, as means over the images
    with foreground: their curves are averaged, and the greatest and the mean taken then. "sod"
    (SOD_Evaluation_Metrics) has i / 254 and goes by image. "pysodmetrics" stretches each map to its own range first
    and counts an image without foreground as F = 0.
    """
    pixels = images.sums(images.positives + images.negatives)
    kept = pixels > 0
    if not kept.any():
        return FMeasures(None, None, None, None)
    shades = _stretched(images, pixels) if rule == "pysodmetrics" else _plain(images, pixels)
    mae = math.fsum(shades.mae[kept].tolist()) / int(kept.sum())
    true = images.sums(images.positives)
    if by_image or rule != "segeval":
        counted = kept if rule == "pysodmetrics" else kept & (true > 0)
        count = int(counted.sum())
        if not count:
            return FMeasures(None, None, None, mae)
        lowest = OF_SOD if rule == "sod" else EVERY_LEVEL
        curve = [total / count for total in _curve_sums(images, shades.level, true, counted, lowest, beta2)]
        adaptive = math.fsum(_f_of(shades.hits, shades.predicted, true, beta2)[counted].tolist()) / count
    else:
        sides = np.zeros((2, TOP + 1), np.int64)
        np.add.at(sides[0], images.level, images.positives)
        np.add.at(sides[1], images.level, images.negatives)
        everything = int(true.sum())
        if not everything:
            return FMeasures(None, None, None, mae)
        hits, predicted = (np.cumsum(side[::-1])[::-1].tolist() for side in (sides[0], sides[0] + sides[1]))
        curve = [_f(hit, all_of, everything, beta2) for hit, all_of in zip(hits, predicted, strict=True)]
        adaptive = _f(int(shades.hits.sum()), int(shades.predicted.sum()), everything, beta2)
    return FMeasures(max(curve), math.fsum(curve) / len(curve), adaptive, mae)


@dataclass(frozen=True, slots=True, eq=False)
class _Shades:
    """Hold where each level's pixels are, and each image's MAE, and hits and predicted pixels at its own threshold."""

    level: NDArray[np.int64]
    mae: NDArray[np.float64]
    hits: Int64Array
    predicted: Int64Array


def _f(hit: int, predicted: int, true: int, beta2: float) -> float:
    return (1 + beta2) * hit / (beta2 * true + predicted) if hit else 0.0


def _f_of(hits: Int64Array, predicted: Int64Array, true: Int64Array, beta2: float) -> NDArray[np.float64]:
    """Do what `_f` does."""
    found = np.zeros(len(hits))
    np.divide((1 + beta2) * hits, beta2 * true + predicted, out=found, where=hits > 0)
    return found


def _curve_sums(
    images: ImageLevels,
    level: NDArray[np.int64],
    true: Int64Array,
    counted: NDArray[np.bool_],
    lowest: NDArray[np.int64],
    beta2: float,
) -> list[float]:
    """Add up the curves of the images that are counted, which are steps from level to level: F at `lowest`."""
    hits, predicted = (_from_level_up(images, side) for side in (images.positives, images.positives + images.negatives))
    values = _f_of(hits, predicted, true[images.image], beta2)
    first = np.zeros(len(level), np.int64)
    first[1:] = level[:-1] + 1
    first[images.ends[:-1][np.diff(images.ends) > 0]] = 0
    sums = ExactSums(len(lowest) + 1)
    chosen = np.flatnonzero(counted[images.image])
    for start in range(0, len(chosen), PIECE):
        part = chosen[start : start + PIECE]
        sums.add(np.searchsorted(lowest, first[part]), values[part])
        sums.add(np.searchsorted(lowest, level[part], side="right"), -values[part])
    return sums.running()[:-1]


def _from_level_up(images: ImageLevels, values: Int64Array) -> Int64Array:
    """Add to the value of each level those of all higher levels of its image."""
    before = np.append(0, np.cumsum(values))
    sums: Int64Array = before[images.ends[1:]][images.image] - before[:-1]
    return sums


def _plain(images: ImageLevels, pixels: Int64Array) -> _Shades:
    level, everything = images.level, images.positives + images.negatives
    least = np.minimum(2 * images.sums(everything * level), TOP * pixels)
    chosen = level * pixels[images.image] >= least[images.image]
    differences = images.sums(images.positives * (TOP - level) + images.negatives * level)
    mae = differences / np.maximum(pixels * TOP, 1)
    return _Shades(level, mae, *_at(images, chosen))


def _stretched(images: ImageLevels, pixels: Int64Array) -> _Shades:
    """Stretch each map to its own least and greatest level, in float64 as PySODMetrics 1.6.2 does."""
    p = images.level / TOP
    some = np.diff(images.ends) > 1
    least, greatest = np.zeros(len(some)), np.ones(len(some))
    least[some], greatest[some] = p[images.ends[:-1][some]], p[images.ends[1:][some] - 1]
    p = (p - least[images.image]) / (greatest - least)[images.image]
    divisor = np.maximum(pixels, 1)
    mean = images.rounded_sums((images.positives + images.negatives) * p) / divisor
    chosen = p >= np.minimum(2 * mean, 1)[images.image]
    mae = images.rounded_sums(images.positives * (1 - p) + images.negatives * p) / divisor
    return _Shades((p * TOP).astype(np.int64), mae, *_at(images, chosen))


def _at(images: ImageLevels, chosen: NDArray[np.bool_]) -> tuple[Int64Array, Int64Array]:
    return images.sums(images.positives * chosen), images.sums((images.positives + images.negatives) * chosen)
