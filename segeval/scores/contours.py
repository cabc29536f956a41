"""Scores along contours, from counts of pixels and border elements; undefined is `None`, or False in `defined`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.scores.overlap import Ratios, Value, mean, ratio
from segeval.tables.counts import Int64Array

BY_PIXELS = ("boundary_iou", "trimap_iou")
"""Scores that pool pixels over the images, as IoU does."""
BY_IMAGES = ("bf", "davis_f")
"""Scores that each image has by itself, and that are averaged."""


def band_union(counts: Int64Array) -> Int64Array:
    """Return the union of (..., 3) pixels of ground truth, prediction and both: that of boundary and trimap IoU."""
    union: Int64Array = counts[..., 0] + counts[..., 1] - counts[..., 2]
    return union


def pooled_iou(counts: Int64Array) -> tuple[Value, ...]:
    """Return the IoU in the bands of each class from (N, K, 3) pixels: sums over the images before the ratio.

    Boundary IoU of Cheng et al. 2021 where each side has its own band, trimap IoU of Kohli et al. 2009 where both have
    that of the ground truth.
    """
    hits, union = counts[..., 2].sum(axis=0), band_union(counts).sum(axis=0)
    return tuple(map(ratio, hits.tolist(), union.tolist()))


def image_iou(counts: Int64Array) -> Ratios:
    """Return the IoU in the bands of each image and class; undefined where neither side has a band."""
    return _ratios(counts[..., 2], band_union(counts), band_union(counts) > 0)


def bf(matched: Int64Array, borders: Int64Array) -> Ratios:
    """Return the F of border precision and recall of each image and class (BF of Csurka et al. 2013).

    `matched` has (N, K, 2) border pixels of ground truth and prediction near the other side, `borders` (N, K, 3) all of
    them, and the ground truth's that void took. Without any border on one side it is 0, on both it is undefined, and so
    it is where void took all of the ground truth's.
    """
    gt, pred, lost = (borders[..., place] for place in range(3))
    return _f(matched, borders, ((gt > 0) | (pred > 0)) & ~((gt == 0) & (lost > 0)))


def davis_f(matched: Int64Array, corners: Int64Array, met: NDArray[np.bool_]) -> Ratios:
    """Return the F of each image and class as `db_eval_boundary` of davis2017-evaluation has it, shape (N, K).

    Without border on either side it is 1, on one it is 0. Of the classes (K,) those are `met` that some image has on
    either side; any other is no object, and undefined.
    """
    found = _f(matched, corners, np.broadcast_to(met, corners.shape[:2]))
    nowhere = (corners == 0).all(axis=-1)
    return Ratios(np.where(nowhere, 1.0, found.value), found.defined, found.poison)


def _f(matched: Int64Array, borders: Int64Array, defined: NDArray[np.bool_]) -> Ratios:
    """Return 2PR / (P + R) of border precision and recall, 0 where a side has no border."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = (matched[..., side] / borders[..., side] for side in (0, 1))
        value = np.nan_to_num(2 * precision * recall / (precision + recall))
    both = (borders[..., 0] > 0) & (borders[..., 1] > 0)
    return Ratios(np.where(both, value, 0.0), np.array(defined), np.zeros(defined.shape, np.bool_))


def _ratios(numerator: NDArray[Any], denominator: NDArray[Any], defined: NDArray[np.bool_]) -> Ratios:
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(defined, numerator / denominator, 0.0)
    return Ratios(value, defined, np.zeros_like(defined))


def class_means(images: Ratios) -> tuple[Value, ...]:
    """Return each class's mean over the images in which it is defined."""
    return tuple(mean(values[known].tolist()) for values, known in zip(images.value.T, images.defined.T, strict=True))


def image_means(images: Ratios, over: NDArray[np.bool_]) -> tuple[Value, ...]:
    """Return each image's mean over the classes `over` that are defined in it."""
    return tuple(
        mean(values[known & over].tolist()) for values, known in zip(images.value, images.defined, strict=True)
    )
