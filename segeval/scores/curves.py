"""Curves over every level of a map, and the scores that need no logarithm.

All are exact: Brier, MAE, ECE and AUROC are quotients of whole numbers, rounded once. Level v stands for
p = v / (L - 1). A level of floats has its own p and is scored as one tie; `ranking` tells what that leaves open.
Undefined is None.
"""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError
from segeval.protocol.settings import USUAL, USUAL_ALPHA, Eps
from segeval.records import dataclass
from segeval.scores.losses import Source, auto_alpha, auto_pos_weight, bce, focal
from segeval.scores.lossums import FloatSums
from segeval.scores.overlap import ratio
from segeval.tables.counts import Int64Array
from segeval.tables.floatlevels import RELIABILITY_BINS, SUM_UNIT, FloatLevels
from segeval.tables.levels import HistogramLike, LevelHistogram, histogram_of, probabilities

ECE_BINS = RELIABILITY_BINS
Levels = HistogramLike | FloatLevels
"""What curves are made of."""


def brier(source: Source) -> float | None:
    """Return the mean of (p - y)^2 over pixels (Brier 1950, for one class; scikit-learn `brier_score_loss`)."""
    if isinstance(source, FloatSums):
        pixels = source.n_pos + source.n_neg
        return (source.brier_pos + source.brier_neg) / pixels if pixels else None
    histogram = histogram_of(source)
    top = histogram.levels - 1
    level = np.arange(histogram.levels, dtype=np.int64)
    squares = _dot(histogram.positives, (top - level) ** 2) + _dot(histogram.negatives, level**2)
    return ratio(squares, (histogram.n_pos + histogram.n_neg) * top**2)


def mae(source: Source) -> float | None:
    """Return the mean of |p - y| over pixels."""
    if isinstance(source, FloatSums):
        pixels = source.n_pos + source.n_neg
        return (source.mae_pos + source.mae_neg) / pixels if pixels else None
    histogram = histogram_of(source)
    top = histogram.levels - 1
    level = np.arange(histogram.levels, dtype=np.int64)
    differences = _dot(histogram.positives, top - level) + _dot(histogram.negatives, level)
    return ratio(differences, (histogram.n_pos + histogram.n_neg) * top)


def _dot(counts: Int64Array, factors: Int64Array) -> int:
    """Return the sum of products of two arrays >= 0, exact also beyond int64."""
    if int(counts.sum()) * int(factors.max(initial=0)) < 1 << 63:
        return int(counts @ factors)
    return sum(map(operator.mul, counts.tolist(), factors.tolist()))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Compare p with how often it was right, over the pixels with `low` < p <= `high` (the first bin has p = 0 too)."""

    low: float
    high: float
    pixels: int
    mean_probability: float | None
    positive_rate: float | None


def reliability(source: Levels, bins: int = ECE_BINS) -> tuple[ReliabilityBin, ...]:
    """Return one row for each of `bins` equally wide bins, in ascending order; of floats there are `ECE_BINS`."""
    parts, unit = _bins(_counted(source), bins)
    return tuple(
        ReliabilityBin(
            index / bins,
            (index + 1) / bins,
            pixels,
            ratio(level_sum, pixels * unit),
            ratio(positives, pixels),
        )
        for index, (pixels, positives, level_sum) in enumerate(parts)
    )


def ece(source: Levels, bins: int = ECE_BINS) -> float | None:
    """Return the expected calibration error: the mean over pixels of their bin's |positive rate - mean p|.

    Naeini et al. 2015, Guo et al. 2017, of P(positive), with bins as in `reliability`.
    """
    parts, unit = _bins(_counted(source), bins)
    gaps = sum(abs(positives * unit - level_sum) for _, positives, level_sum in parts)
    return ratio(gaps, sum(pixels for pixels, _, _ in parts) * unit)


def _counted(source: Levels) -> LevelHistogram | FloatLevels:
    return source if isinstance(source, FloatLevels) else histogram_of(source)


def _bins(counted: LevelHistogram | FloatLevels, bins: int) -> tuple[list[tuple[int, int, int]], int]:
    """Return pixels, positives and the sum of p of each bin, and in how many parts of 1 the sums are.

    Bin b has p in (b, b + 1] / bins. The bins of floats are summed from p itself, when it is counted.
    """
    if bins < 1:
        raise UsageError(f"there are {bins} bins", (), "Give 1 bin or more")
    if isinstance(counted, LevelHistogram):
        return _level_bins(counted, bins), counted.levels - 1
    if bins != RELIABILITY_BINS:
        raise UsageError(f"levels of floats have {RELIABILITY_BINS} bins, not {bins}", (), "Leave the bins out")
    return list(zip(counted.bins.pixels, counted.bins.positives, counted.bins.sums, strict=True)), SUM_UNIT


def _level_bins(histogram: LevelHistogram, bins: int) -> list[tuple[int, int, int]]:
    top = histogram.levels - 1
    # The first level above each edge: a level equal to an edge belongs to the bin below it.
    starts = [0, *(index * top // bins + 1 for index in range(1, bins)), histogram.levels]
    pixels = histogram.positives + histogram.negatives
    level = np.arange(histogram.levels, dtype=np.int64)
    return [
        (
            int(pixels[start:stop].sum()),
            int(histogram.positives[start:stop].sum()),
            _dot(pixels[start:stop], level[start:stop]),
        )
        for start, stop in pairwise(starts)
    ]


def average_precision(source: Levels) -> float | None:
    """Return the sum over levels, from high to low, of the recall gained times the precision there.

    scikit-learn `average_precision_score`: no interpolation. None without positives or without negatives.
    """
    histogram = _counted(source)
    n_pos = histogram.n_pos
    if not n_pos or not histogram.n_neg:
        return None
    tp = np.cumsum(histogram.positives[::-1])
    predicted = tp + np.cumsum(histogram.negatives[::-1])
    gaining = np.flatnonzero(histogram.positives[::-1])
    gained = histogram.positives[::-1][gaining]
    return math.fsum((gained * (tp[gaining] / predicted[gaining])).tolist()) / n_pos


def auroc(source: Levels) -> float | None:
    """Return the probability that a positive has a higher level than a negative, a tie counting half.

    The area under the ROC curve (scikit-learn `roc_auc_score`). None without positives or without negatives.
    """
    histogram = _counted(source)
    below = np.cumsum(histogram.negatives) - histogram.negatives
    # Twice the pairs won, so that a tie is whole.
    won = _dot(histogram.positives, 2 * below + histogram.negatives)
    return ratio(won, 2 * histogram.n_pos * histogram.n_neg)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Hold the counts at every threshold t / (L - 1), t = 0..L-1: a pixel is predicted positive where p > threshold.

    Of floats the thresholds are 0, 1 and the greatest p of each level. `thresholds` is float64 and `tp`, `fp`, `fn` are
    int64, all of one length. The scores are None where their denominator is 0.
    """

    thresholds: NDArray[np.float64]
    tp: Int64Array
    fp: Int64Array
    fn: Int64Array

    @property
    def precision(self) -> tuple[float | None, ...]:
        """Return tp / (tp + fp) at every threshold."""
        return _ratios(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> tuple[float | None, ...]:
        """Return tp / (tp + fn) at every threshold."""
        return _ratios(self.tp, self.tp + self.fn)

    @property
    def iou(self) -> tuple[float | None, ...]:
        """Return tp / (tp + fp + fn) at every threshold."""
        return _ratios(self.tp, self.tp + self.fp + self.fn)

    @property
    def f1(self) -> tuple[float | None, ...]:
        """Return 2 tp / (2 tp + fp + fn), the Dice coefficient, at every threshold."""
        return _ratios(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def _ratios(numerators: Int64Array, denominators: Int64Array) -> tuple[float | None, ...]:
    return tuple(ratio(top, bottom) for top, bottom in zip(numerators.tolist(), denominators.tolist(), strict=True))


def curve(source: Levels) -> Curve:
    """Count hits, false alarms and misses at every level's threshold."""
    counted = _counted(source)
    positives, negatives = counted.positives, counted.negatives
    if isinstance(counted, LevelHistogram):
        thresholds = probabilities(counted.levels)
    else:
        # 0 and 1 are kept, and take no pixels with them where no level ends there.
        zero = int(not len(counted) or counted.greatest[0] > 0)
        one = int(not len(counted) or counted.greatest[-1] < 1)
        thresholds = np.concatenate((np.zeros(zero), counted.greatest, np.ones(one)))
        positives, negatives = (np.pad(column, (zero, one)) for column in (positives, negatives))
    at_or_below = np.cumsum(positives)
    return Curve(thresholds, counted.n_pos - at_or_below, counted.n_neg - np.cumsum(negatives), at_or_below)


def precision_steps(histogram: Levels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision at the corners of the steps whose area is the average precision, recall rising.

    Both float64 in [0, 1], of equal length; the histogram needs positives and negatives.
    """
    counted, points = _counted(histogram), curve(histogram)
    # From the highest level down; the last point has every pixel, which no threshold of the curve gives.
    tp = np.append(points.tp[::-1], counted.n_pos)
    predicted = np.append((points.tp + points.fp)[::-1], counted.n_pos + counted.n_neg)
    gaining = np.flatnonzero(np.diff(tp, prepend=0))
    recall, precision = tp[gaining] / counted.n_pos, tp[gaining] / predicted[gaining]
    return np.column_stack([np.concatenate([[0.0], recall[:-1]]), recall]).ravel(), np.repeat(precision, 2)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Name the threshold at which a score is best, and the score there."""

    value: float
    threshold: float


def best_threshold(of: Curve, score: Literal["iou", "f1"] = "iou") -> Threshold | None:
    """Return the threshold with the highest IoU or F1, the lowest of equally good ones; None without positives.

    It is chosen on the data that it is scored on, so it flatters.
    """
    if not of.tp[0] + of.fn[0]:
        return None
    hits, failures = of.tp if score == "iou" else 2 * of.tp, of.fp + of.fn
    # There are positives, so that no denominator is 0. What rounding cannot tell from the best is divided exactly.
    rough = hits / (hits + failures)
    near = np.flatnonzero(rough >= rough.max() * (1 - 1e-12))
    values = [value or 0.0 for value in _ratios(hits[near], (hits + failures)[near])]
    best = max(values)
    return Threshold(best, float(of.thresholds[near[values.index(best)]]))


@dataclass(frozen=True, slots=True)
class LossCell:
    """Hold the pixels of one true and one predicted class, their mean losses, and their shares of the losses' sums.

    `gt` and `pred` are 1 for positive, 0 for negative. A mean is None without pixels, a share where the sum is 0.
    """

    gt: int
    pred: int
    pixels: int
    bce: float | None
    bce_share: float | None
    focal: float | None
    focal_share: float | None


def confusion_by_loss(
    source: Levels,
    threshold: float = USUAL.threshold,
    *,
    pos_weight: float | str = USUAL.pos_weight,
    gamma: float = USUAL.gamma,
    alpha: float | str | None = USUAL_ALPHA,
    eps: Eps = None,
) -> tuple[tuple[LossCell, LossCell], tuple[LossCell, LossCell]]:
    """Split pixels and losses by true class (rows: 0, 1) and by predicted class p > `threshold` (columns: 0, 1).

    The losses are `losses.bce` and `losses.focal` with the options given; "auto" is that of all the pixels.
    """
    counted = _counted(source)
    sides = counted.n_pos, counted.n_neg
    weight = auto_pos_weight(*sides) if pos_weight == "auto" else pos_weight
    balance = auto_alpha(*sides) if alpha == "auto" else alpha
    p = probabilities(counted.levels) if isinstance(counted, LevelHistogram) else counted.least
    above, nothing = p > threshold, np.zeros_like(counted.positives)
    parts = [
        *(replace(counted, positives=nothing, negatives=counted.negatives * chosen) for chosen in (~above, above)),
        *(replace(counted, positives=counted.positives * chosen, negatives=nothing) for chosen in (~above, above)),
    ]
    pixels = [part.n_pos + part.n_neg for part in parts]
    bces = _shared(pixels, [None if weight is None else bce(part, pos_weight=weight, eps=eps).value for part in parts])
    undefined = alpha is not None and balance is None
    focals = _shared(
        pixels, [None if undefined else focal(part, gamma=gamma, alpha=balance, eps=eps).value for part in parts]
    )
    negative_low, negative_high, positive_low, positive_high = (
        LossCell(index // 2, index % 2, pixels[index], *bces[index], *focals[index]) for index in range(4)
    )
    return (negative_low, negative_high), (positive_low, positive_high)


def _shared(pixels: list[int], means: list[float | None]) -> list[tuple[float | None, float | None]]:
    """Return each mean with its share of the sum over all pixels."""
    sums = [count * (mean_loss or 0.0) for count, mean_loss in zip(pixels, means, strict=True)]
    whole = math.fsum(sums)
    return [(mean_loss, part / whole if whole else None) for mean_loss, part in zip(means, sums, strict=True)]
