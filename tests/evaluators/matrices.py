"""Evaluators that fill a confusion matrix, rows ground truth: Cityscapes, VOC, COCO-Stuff, detectron2, and more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.evaluators import Masks, Refused, Scores, divide, scores

Matrix = NDArray[np.float64]


def _ious(matrix: Matrix) -> NDArray[np.float64]:
    hits = matrix.diagonal()
    return divide(hits, matrix.sum(axis=1) + matrix.sum(axis=0) - hits)


def cityscapes(masks: Masks) -> Scores:
    """`evalPixelLevelSemanticLabeling`: void is a label that is predicted like others and not evaluated.

    An unknown prediction overruns the matrix and an unknown ground truth is an error, on void pixels too.
    """
    labels = [*masks.scored, *([] if masks.void is None else [masks.void])]
    if not all(masks.known(mask) for mask in (*masks.gt, *masks.pred)):
        raise Refused("a label without a place in the matrix")
    matrix = np.array([[_together(masks, g, p) for p in labels] for g in labels])
    evaluated = range(len(masks.scored))
    found = []
    for label in evaluated:
        hits = matrix[label, label]
        misses = matrix[label, :].sum() - hits
        false_alarms = sum(matrix[other, label] for other in evaluated if other != label)
        found.append(hits / (hits + misses + false_alarms) if hits + misses + false_alarms else np.nan)
    return scores(masks.scored, found)


def _together(masks: Masks, gt_value: int, pred_value: int) -> float:
    pairs = zip(masks.pred, masks.gt, strict=True)
    return float(sum(((gt == gt_value) & (pred == pred_value)).sum() for pred, gt in pairs))


def voc(masks: Masks) -> Scores:
    """`VOCevalseg` of the VOC devkit: a prediction beyond the last class is an error wherever it stands.

    Ground truth below 255 that is no class would be filed under another class. 0/0 is NaN, and so is its mean.
    """
    if any(pred.max() > masks.ids[-1] for pred in masks.pred):
        raise Refused("results image has an out of range value")
    if not all(masks.known(mask) for mask in (*masks.gt, *masks.pred)):
        raise Refused("the joint histogram files it under another pair of classes")
    counts = np.zeros(masks.size**2)
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        joint = (gt + pred * masks.size)[gt < 255]
        counts += np.bincount(joint, minlength=masks.size**2)
    found = _ious(counts.reshape(masks.size, masks.size).T)
    return scores(masks.ids, found, mean=float(found.mean()))


def cocostuff(masks: Masks) -> Scores:
    """`COCOStuffeval`: ground truth that is no category is left out; predictions must be categories, on void too.

    Void (0) predicted on a category lands in the matrix's last column by a negative index, so in the last category.
    """
    if any(not np.isin(pred, [*masks.ids, 0]).all() for pred in masks.pred):
        raise Refused("invalid classes predicted in the result file")
    matrix = np.zeros((masks.size, masks.size))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        valid = np.isin(gt, masks.ids)
        if (pred[valid] == 0).any():
            raise Refused("void is filed under the last category")
        np.add.at(matrix, (gt[valid] - masks.first, pred[valid] - masks.first), 1)
    return scores(masks.ids, np.where(matrix.sum(axis=1) > 0, _ious(matrix), np.nan))


def detectron2(masks: Masks) -> Scores:
    """`SemSegEvaluator`: void is one more row and column, of which IoU sees neither; predictions reach up to it.

    A void inside the classes leaves its class without ground truth, and predictions of it are misses.
    """
    if not all(masks.known(mask) for mask in (*masks.gt, *masks.pred)):
        raise Refused("the matrix has no place for it")
    outside = masks.void not in masks.ids
    matrix = np.zeros((masks.size + 1, masks.size + 1))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        rows = np.where(gt == masks.void, masks.size, gt)
        columns = np.where(outside & (pred == masks.void), masks.size, pred)
        np.add.at(matrix, (rows, columns), 1)
    matrix = matrix[:-1, :-1]
    return scores(masks.ids, np.where(matrix.sum(axis=1) > 0, _ious(matrix), np.nan))


def mapillary(masks: Masks) -> Scores:
    """`calculate_confusion_matrix_from_arrays` of mapillary_vistas, then its evaluated labels only.

    Void is a label that is not evaluated, the last one as in Vistas; the histogram leaves out what is beyond it.
    """
    outside = masks.void not in masks.ids
    labels = masks.size + outside
    matrix = np.zeros((labels, labels))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        pairs = [np.where(outside & (mask == masks.void), masks.size, mask).ravel() for mask in (gt, pred)]
        matrix += np.histogramdd(np.array(pairs).T, bins=(labels, labels), range=[(0, labels)] * 2)[0]
    evaluated = np.array(masks.scored)
    return scores(masks.scored, _ious(matrix[np.ix_(evaluated, evaluated)]))


def segnet(masks: Masks) -> Scores:
    """`compute_test_results.m` of SegNet-Tutorial: pairs of classes only, mean over all classes, 0 without truth."""
    matrix = np.zeros((masks.size, masks.size))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        # MATLAB's labels start at 1, and void becomes 0 in both.
        p, g = (np.where(gt == masks.void, 0, mask + 1) for mask in (pred, gt))
        for row in range(masks.size):
            for column in range(masks.size):
                matrix[row, column] += ((g == row + 1) & (p == column + 1)).sum()
    return scores(masks.ids, np.where(matrix.sum(axis=1) > 0, _ious(matrix), 0.0))


def keras(masks: Masks) -> Scores:
    """`keras.metrics.MeanIoU` without its epsilons of 1e-7: a pair with an index out of bounds is scattered nowhere."""
    matrix = np.zeros((masks.size, masks.size))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        kept = (gt != masks.void) & np.isin(gt, masks.ids) & np.isin(pred, masks.ids)
        np.add.at(matrix, (gt[kept], pred[kept]), 1)
    return scores(masks.ids, _ious(matrix))
