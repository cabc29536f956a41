"""Scores along contours, from counts of pixels and border elements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segeval.tables.counts import Int64Array

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
BY_PIXELS = ("boundary_iou", "trimap_iou")
"""Scores that pool pixels over the images, as IoU does."""
BY_IMAGES = ("bf", "davis_f")
"""Scores that each image has by itself, and that are averaged."""


def band_union(counts: Int64Array) -> Int64Array:
    """Return the union of (..., 3) pixels of ground truth, prediction and both: that of boundary and trimap IoU.

    Boundary IoU of Cheng et al. 2021 where each side has its own band, trimap IoU of Kohli et al. 2009 where both have
    that of the ground truth; that of the data set is of sums over the images.
    """
    union: Int64Array = counts[..., 0] + counts[..., 1] - counts[..., 2]
    return union


def image_iou(counts: Int64Array) -> tuple[Floats, Bools]:
    """Return the IoU in the bands, and where it is defined: where either side has one."""
    union = band_union(counts)
    defined = union > 0
    return np.divide(counts[..., 2], union, out=np.zeros(union.shape), where=defined), defined


def bf(matched: Int64Array, borders: Int64Array) -> tuple[Floats, Bools]:
    """Return the F of border precision and recall (BF of Csurka et al. 2013), and where it is defined.

    `matched` has (..., 2) border pixels of ground truth and prediction near the other side, `borders` (..., 3) all of
    them, and the ground truth's that void took. Without any border on one side it is 0, on both it is undefined, and so
    it is where void took all of the ground truth's.
    """
    gt, pred, lost = (borders[..., place] for place in range(3))
    return _f(matched, borders), ((gt > 0) | (pred > 0)) & ~((gt == 0) & (lost > 0))


def davis_f(matched: Int64Array, corners: Int64Array) -> Floats:
    """Return the F of images and classes as `db_eval_boundary` of davis2017-evaluation has it.

    Without border on either side it is 1, on one it is 0. A class that no image has on either side is no object, and
    undefined.
    """
    nowhere = (corners == 0).all(axis=-1)
    return np.where(nowhere, 1.0, _f(matched, corners))


def _f(matched: Int64Array, borders: Int64Array) -> Floats:
    """Return 2PR / (P + R) of border precision and recall, 0 where a side has no border."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = (matched[..., side] / borders[..., side] for side in (0, 1))
        value = np.nan_to_num(2 * precision * recall / (precision + recall))
    both = (borders[..., 0] > 0) & (borders[..., 1] > 0)
    return np.where(both, value, 0.0)
