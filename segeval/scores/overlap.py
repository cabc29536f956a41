"""Overlap scores: pure functions of tallies. Integers in, ratios out late, undefined is `None`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import Convention
from segeval.tables.confusion import Tallies
from segeval.tables.counts import Int64Array

Value = float | None


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Hold true positives, false positives and false negatives in pixels; int64 arrays of shape (..., K)."""

    tp: Int64Array
    fp: Int64Array
    fn: Int64Array

    def of(self, classes: NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of some of the classes, chosen by a mask of shape (K,)."""
        return Outcomes(self.tp[..., classes], self.fp[..., classes], self.fn[..., classes])


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Hold numerators and denominators of one score, shape (..., K), and where the convention leaves it out.

    `value` is float64 and meaningful only where `defined`; `poison` marks what makes a mean over it undefined.
    """

    value: NDArray[np.float64]
    defined: NDArray[np.bool_]
    poison: NDArray[np.bool_]

    def one(self, index: int) -> Value:
        """Return the value of one class of a (K,) score, `None` where it is undefined."""
        return float(self.value[index]) if self.defined[index] else None

    def many(self) -> tuple[Value, ...]:
        """Return the values of a (K,) score."""
        return tuple(self.one(index) for index in range(len(self.value)))


def ratio(numerator: int, denominator: int) -> Value:
    """Divide two counts; `None` where the denominator is 0. Exact integers of any size are rounded once."""
    return numerator / denominator if denominator else None


def mean(values: Iterable[Value]) -> Value:
    """Average what is defined by `math.fsum`; `None` where nothing is."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def outcomes(tallies: Tallies, convention: Convention | None = None) -> Outcomes:
    """Count hits, false alarms and misses as `convention` does.

    Without one, void and unknown values on valid ground truth are misses: the counts behind accuracy, precision and
    recall, which no convention changes. A prediction that does not exist is a miss under every convention.
    """
    misses = tallies.missing
    if convention is None or convention.pred_void == "miss":
        misses = misses + tallies.void
    if convention is None or convention.unknown == "miss":
        misses = misses + tallies.unknown
    false_alarms = tallies.pred - tallies.hit
    if convention is not None and convention.gt_unknown == "drop-fp":
        false_alarms = false_alarms + tallies.stray
    return Outcomes(tp=tallies.hit, fp=false_alarms, fn=tallies.gt - tallies.hit + misses)


def overlap(counts: Outcomes, convention: Convention, *, hit_weight: int = 1) -> Ratios:
    """Return IoU (`hit_weight` 1) or Dice (2): w tp / (w tp + fp + fn), with the convention's undefined classes.

    IoU is Jaccard's index, Dice its F1: Everingham et al. 2010, section 4.1 and Dice 1945.
    """
    union = hit_weight * counts.tp + counts.fp + counts.fn
    absent = union == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(absent, 0.0, hit_weight * counts.tp / union)
    defined = ~absent
    if convention.pred_only == "skip":
        defined &= counts.tp + counts.fn > 0
    if convention.absent in ("zero", "one"):
        value = np.where(absent, float(convention.absent == "one"), value)
        defined |= absent
    poison = absent if convention.absent == "undefined" else np.zeros_like(absent)
    return Ratios(value, defined, poison)


def pooled(counts: Outcomes) -> Outcomes:
    """Add the classes up to one, shape (..., 1)."""
    return Outcomes(*(side.sum(axis=-1, keepdims=True) for side in (counts.tp, counts.fp, counts.fn)))


def micro(counts: Outcomes, *, hit_weight: int = 1) -> Value:
    """Return the overlap of all classes together: sums before the ratio."""
    hits, wrong = hit_weight * int(counts.tp.sum()), int(counts.fp.sum()) + int(counts.fn.sum())
    return ratio(hits, hits + wrong)


def weighted_mean(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """Average what is defined by weights; `None` where nothing that weighs anything is."""
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    weight = math.fsum(weight for _, weight in known)
    return math.fsum(value * of for value, of in known) / weight if weight else None


def worst_mean(values: Sequence[float], percent: float) -> Value:
    """Average the lowest `percent` of `values`: the lowest max(1, int(percent / 100 * n)) of them.

    Worst-q% of Wang et al. 2023; `percent` is in (0, 100].
    """
    lowest = sorted(values)[: max(1, int(percent / 100 * len(values)))]
    return mean(lowest)


def frequency_weighted(values: Sequence[Value], pixels: Sequence[int]) -> Value:
    """Weigh class values by their share of the true pixels; classes without any weigh nothing (fwIoU of FCN)."""
    known = [(count, value) for count, value in zip(pixels, values, strict=True) if count and value is not None]
    weight = sum(count for count, _ in known)
    return math.fsum(count * value for count, value in known) / weight if weight else None
