"""What average precision and AUROC can be, given that a level of floats holds values whose order is not kept.

A level of one distinct p is an exact tie, scored as scikit-learn scores ties. In every other level the positives may
all lie above the negatives or all below, and the interval spans what scikit-learn can give for any such order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.scores.curves import auroc, average_precision
from segeval.scores.overlap import ratio
from segeval.tables.counts import Int64Array
from segeval.tables.floatlevels import FloatLevels

EXPANDED_FROM = 64
"""From here on the expansion of the digamma function is right to the last digit of a float64."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Hold a score and the least and the greatest that it can be; `value` scores each level as one tie."""

    value: float
    low: float
    high: float


def average_precision_interval(levels: FloatLevels) -> Interval | None:
    """Return average precision and its bounds; None without positives or without negatives.

    The precision at a positive is least where all negatives of its level come first and no two positives are equal,
    and greatest where all positives of its level are one tie above its negatives.
    """
    value = average_precision(levels)
    if value is None:
        return None
    gaining = np.flatnonzero(levels.positives[::-1])
    gained, others = levels.positives[::-1][gaining], levels.negatives[::-1][gaining]
    tied = (levels.least == levels.greatest)[::-1][gaining]
    tp, fp = (np.cumsum(column[::-1])[gaining] for column in (levels.positives, levels.negatives))
    exact = gained * (tp / (tp + fp))
    # The sum over the positives, k = 1..n, of (before + k) / (before + k + fp) is n - fp times that of the reciprocals.
    lowest = gained - fp * _reciprocals(tp - gained + fp, gained)
    highest = gained * (tp / (tp + fp - others))
    low, high = (math.fsum(np.where(tied, exact, bound).tolist()) / levels.n_pos for bound in (lowest, highest))
    return Interval(value, max(0.0, min(low, value)), min(1.0, max(high, value)))


def _reciprocals(start: Int64Array, count: Int64Array) -> NDArray[np.float64]:
    """Return the sum of 1 / (start + k) over k = 1..count."""
    total = np.zeros(len(start))
    first, left = start.copy(), count.copy()
    # The first few one by one, then the difference of two digamma functions (Abramowitz and Stegun, 6.3.18).
    for _ in range(EXPANDED_FROM):
        small = np.flatnonzero((first < EXPANDED_FROM) & (left > 0))
        if not len(small):
            break
        first[small] += 1
        left[small] -= 1
        total[small] += 1 / first[small]
    x = np.maximum(first, EXPANDED_FROM) + 1.0
    y = x + left
    rest = np.log1p(left / x) + left / (2 * x * y) + (1 / x**2 - 1 / y**2) / 12 - (1 / x**4 - 1 / y**4) / 120
    return total + np.where(left > 0, rest, 0.0)


def auroc_interval(levels: FloatLevels) -> Interval | None:
    """Return AUROC and its bounds; None without positives or without negatives.

    Every pair of a positive and a negative in one level counts half; where the level is no tie, it may be won or lost.
    """
    value = auroc(levels)
    pairs = 2 * levels.n_pos * levels.n_neg
    if value is None or not pairs:
        return None
    is_open = levels.least < levels.greatest
    open_pairs = sum(map(int.__mul__, levels.positives[is_open].tolist(), levels.negatives[is_open].tolist()))
    half = ratio(open_pairs, pairs) or 0.0
    return Interval(value, max(0.0, value - half), min(1.0, value + half))
