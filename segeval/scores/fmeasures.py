"""F-measures over thresholds of gray maps, as salient object detection prints them.

A map is its histogram of 256 levels, p = level / 255. With tp hits among `predicted` pixels and `true` foreground,
F = (1 + beta2) tp / (beta2 true + predicted), 0 where nothing is hit (Achanta et al. 2009, beta2 = 0.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.tables.counts import Int64Array
from segeval.tables.levels import LevelHistogram, add

BETA2 = 0.3
TOP = 255
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
    images: Sequence[LevelHistogram], *, rule: Rule = "segeval", by_image: bool = False, beta2: float = BETA2
) -> FMeasures:
    """Return the F-measures of the maps of a data set, each a histogram of 256 levels; those without pixels are none.

    `rule` "segeval" has the thresholds i / 255, over the pixels of all images or, `by_image`, as means over the images
    with foreground: their curves are averaged, and the greatest and the mean taken then. "sod"
    (SOD_Evaluation_Metrics) has i / 254 and goes by image. "pysodmetrics" stretches each map to its own range first
    and counts an image without foreground as F = 0.
    """
    kept = [(image.positives, image.negatives) for image in images if image.n_pos + image.n_neg]
    if not kept:
        return FMeasures(None, None, None, None)
    shades = [_stretched(*image) if rule == "pysodmetrics" else _plain(*image) for image in kept]
    mae = math.fsum(shade.mae for shade in shades) / len(shades)
    lowest = OF_SOD if rule == "sod" else EVERY_LEVEL
    if by_image or rule != "segeval":
        counted = shades if rule == "pysodmetrics" else [shade for shade in shades if shade.true]
        if not counted:
            return FMeasures(None, None, None, mae)
        curves = np.array([shade.curve(lowest, beta2) for shade in counted])
        curve = [math.fsum(column) / len(counted) for column in curves.T.tolist()]
        adaptive = math.fsum(_f(*shade.adaptive, shade.true, beta2) for shade in counted) / len(counted)
    else:
        whole = add(*images)
        pooled = _plain(whole.positives, whole.negatives)
        if not pooled.true:
            return FMeasures(None, None, None, mae)
        curve = pooled.curve(lowest, beta2)
        hit, predicted = (sum(column) for column in zip(*(shade.adaptive for shade in shades), strict=True))
        adaptive = _f(hit, predicted, pooled.true, beta2)
    return FMeasures(max(curve), math.fsum(curve) / len(curve), adaptive, mae)


@dataclass(frozen=True, slots=True, eq=False)
class _Shade:
    """Hold a map's levels, (256,), its MAE, and hits and predicted pixels at its adaptive threshold."""

    positives: Int64Array
    negatives: Int64Array
    mae: float
    adaptive: tuple[int, int]

    @property
    def true(self) -> int:
        return int(self.positives.sum())

    def curve(self, lowest: NDArray[np.int64], beta2: float) -> list[float]:
        hits = np.cumsum(self.positives[::-1])[::-1][lowest].tolist()
        predicted = np.cumsum((self.positives + self.negatives)[::-1])[::-1][lowest].tolist()
        return [_f(hit, all_of, self.true, beta2) for hit, all_of in zip(hits, predicted, strict=True)]


def _f(hit: int, predicted: int, true: int, beta2: float) -> float:
    return (1 + beta2) * hit / (beta2 * true + predicted) if hit else 0.0


def _plain(positives: Int64Array, negatives: Int64Array) -> _Shade:
    level = np.arange(TOP + 1)
    everything = positives + negatives
    pixels, total = int(everything.sum()), int(everything @ level)
    chosen = level * pixels >= min(2 * total, TOP * pixels)
    differences = int(positives @ (TOP - level)) + int(negatives @ level)
    at = int(positives[chosen].sum()), int(everything[chosen].sum())
    return _Shade(positives, negatives, differences / (pixels * TOP), at)


def _stretched(positives: Int64Array, negatives: Int64Array) -> _Shade:
    """Stretch a map to its own least and greatest level, in float64 as PySODMetrics 1.6.2 does."""
    everything = positives + negatives
    met = np.flatnonzero(everything)
    p = met / TOP
    if len(met) > 1:
        p = (p - p[0]) / (p[-1] - p[0])
    pixels = int(everything.sum())
    mean = math.fsum((everything[met] * p).tolist()) / pixels
    chosen = met[p >= min(2 * mean, 1)]
    level = (p * TOP).astype(np.int64)
    sides = [
        np.bincount(level, weights=side[met], minlength=TOP + 1).astype(np.int64) for side in (positives, negatives)
    ]
    mae = math.fsum((positives[met] * (1 - p) + negatives[met] * p).tolist()) / pixels
    at = int(positives[chosen].sum()), int(everything[chosen].sum())
    return _Shade(sides[0], sides[1], mae, at)
