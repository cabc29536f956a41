"""Overlap, accuracy, recall and precision: pure functions of tallies, as the evaluator behind a convention divides.

Integers in, ratios out late, undefined is `None`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import OURS, Convention, Evaluator
from segeval.records import dataclass
from segeval.tables.counts import Int64Array, Tallies

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllTallies

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
    misses = tallies.gt - tallies.hit
    misses += tallies.missing
    if convention is None or convention.pred_void == "miss":
        misses += tallies.void
    if convention is None or convention.unknown == "miss":
        misses += tallies.unknown
    false_alarms = tallies.pred - tallies.hit
    if convention is not None and convention.gt_unknown == "drop-fp":
        false_alarms += tallies.stray
    return Outcomes(tp=tallies.hit, fp=false_alarms, fn=misses)


def overlap(counts: Outcomes, convention: Convention, *, hit_weight: int = 1) -> Ratios:
    """Return IoU (`hit_weight` 1) or Dice (2): w tp / (w tp + fp + fn), with the convention's undefined classes.

    IoU is Jaccard's index, Dice its F1: Everingham et al. 2010, section 4.1 and Dice 1945.
    """
    hits = hit_weight * counts.tp
    union = hits + counts.fp
    union += counts.fn
    absent = union == 0
    defined = ~absent
    value = np.zeros(union.shape)
    np.divide(hits, union, out=value, where=defined)
    if convention.pred_only == "skip":
        defined &= counts.tp + counts.fn > 0
    if convention.absent in ("zero", "one"):
        value = np.where(absent, float(convention.absent == "one"), value)
        defined |= absent
    poison = absent if convention.absent == "undefined" else np.zeros_like(absent)
    return Ratios(value, defined, poison)


def micro(counts: Outcomes, *, hit_weight: int = 1) -> Value:
    """Return the overlap of all classes together: sums before the ratio."""
    hits, wrong = hit_weight * int(counts.tp.sum()), int(counts.fp.sum()) + int(counts.fn.sum())
    return ratio(hits, hits + wrong)


def weighted_mean(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """Average what is defined by weights; `None` where nothing that weighs anything is."""
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    weight = math.fsum(weight for _, weight in known)
    return math.fsum(value * of for value, of in known) / weight if weight else None


def worst_mean(values: Sequence[float], percent: float, *, of: int | None = None) -> Value:
    """Average the lowest `percent` of `values`: the lowest max(1, int(percent / 100 * n)) of them.

    Worst-q% of Wang et al. 2023; `percent` is in (0, 100]. Of more values than are given n is `of`.
    """
    return mean(sorted(values)[: max(1, int(percent / 100 * (len(values) if of is None else of)))])


Lowest = tuple[NDArray[np.float64], int]
"""The lowest values, ascending, and of how many they are."""


def lowest(values: NDArray[np.float64], count: int, percent: float) -> Lowest:
    """Return the lowest `percent` of `count` values, of which `values` has at least so many of the lowest."""
    most = max(1, int(percent / 100 * count))
    return np.sort(np.partition(values, most - 1)[:most] if most < len(values) else values), count


def frequency_weighted(values: Sequence[Value], pixels: Sequence[int]) -> Value:
    """Weigh class values by their share of the true pixels; classes without any weigh nothing (fwIoU of FCN)."""
    known = [(count, value) for count, value in zip(pixels, values, strict=True) if count and value is not None]
    weight = sum(count for count, _ in known)
    return math.fsum(count * value for count, value in known) / weight if weight else None


Parts = tuple[Int64Array, Int64Array]
"""Numerators and denominators."""


def pixel_parts(counts: Tallies, program: Evaluator = OURS) -> Parts:
    """Return the hits, and the pixels that they are a share of, each of shape (...,): (K,) tallies give scalars."""
    hits = counts.hit.sum(axis=-1)
    if program.pixel_accuracy == "classes":
        return hits, counts.gt.sum(axis=-1)
    if program.pixel_accuracy == "predicted":
        return hits, counts.pred.sum(axis=-1) + counts.stray.sum(axis=-1)
    valid = counts.true_pixels.sum(axis=-1)
    if program.pixel_accuracy in ("labelled", "labelled-or-same"):
        unknown = counts.gt_unknown.sum(axis=-1)
        same = counts.same_unknown.sum(axis=-1) if program.pixel_accuracy == "labelled-or-same" else 0
        return hits + same, valid + unknown
    return hits, valid


def pixel_accuracy(whole: Tallies, images: AllTallies | None = None, program: Evaluator = OURS) -> Value:
    """Return the share of pixels that are hit; for a mean over images, `images` has their tallies."""
    if program.pixel_accuracy == "images" and images is not None:
        hits, pixels = pixel_parts(images.pixels, program)
        return mean(map(ratio, hits.tolist(), pixels.tolist()))
    hits, pixels = pixel_parts(whole, program)
    return ratio(int(hits), int(pixels))


def true_pixels(counts: Tallies, program: Evaluator = OURS) -> Int64Array:
    """Return what the hits of each class are divided by, shape (..., K)."""
    return counts.gt if program.recall == "classes" else counts.true_pixels


def recalls(counts: Tallies, program: Evaluator = OURS) -> tuple[Value, ...]:
    """Return hits over true pixels for each class; its mean is the mean accuracy."""
    counted = outcomes(counts)
    return _filled(counts.hit, true_pixels(counts, program), counted.tp + counted.fp, program)


def precisions(counts: Tallies, program: Evaluator = OURS, rule: Convention | None = None) -> tuple[Value, ...]:
    """Return hits over predicted pixels for each class; under a `rule`, predicted pixels as it counts them."""
    counted = outcomes(counts, rule)
    return _filled(counted.tp, counted.tp + counted.fp, counts.true_pixels, program)


def _filled(hits: Int64Array, pixels: Int64Array, others: Int64Array, program: Evaluator) -> tuple[Value, ...]:
    """Divide; for what an empty class has, `others` are the pixels of the other side."""
    return tuple(
        ratio(hit, count) if count else empty_ratio(program, met=bool(other))
        for hit, count, other in zip(hits.tolist(), pixels.tolist(), others.tolist(), strict=True)
    )


def empty_ratio(program: Evaluator, *, met: bool) -> Value:
    """Return the ratio of a class without pixels to divide by; `met` says that the other side has the class."""
    if program.empty_ratio == "zero-if-met":
        return 0.0 if met else None
    return {"skip": None, "zero": 0.0, "one": 1.0}[program.empty_ratio]


def floored(values: Sequence[Value], floor: float) -> Value:
    """Average what is at least `floor`, everything below as 0: ISIC's threshold Jaccard of the images' IoU."""
    return mean(None if value is None else value if value >= floor else 0.0 for value in values)


def filled(
    hits: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    others: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    program: Evaluator,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Do what `recalls` does for arrays (B, K) of sums; undefined is NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(pixels > 0, hits / pixels, np.nan)
    for met in (True, False):
        value = empty_ratio(program, met=met)
        if value is not None:
            found = np.where((pixels == 0) & ((others > 0) == met), value, found)
    return found
