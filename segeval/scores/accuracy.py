"""Accuracies, recall and precision, as the evaluator behind a convention divides them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segeval.protocol.conventions import Convention
from segeval.protocol.evaluators import OURS, Evaluator
from segeval.scores.overlap import Value, mean, outcomes, ratio
from segeval.tables.confusion import ImageTallies, Tallies
from segeval.tables.counts import Int64Array

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


def pixel_accuracy(whole: Tallies, images: ImageTallies | None = None, program: Evaluator = OURS) -> Value:
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
