"""What evaluators that pool their pixels compute, in a few lines of numpy; `references` has the rest, and the form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.evaluators import Masks, Refused, none_if_nan
from tests.originals.tables import Table, average, listed, poisoned, share, union, whole

Found = dict[str, Any]


def keras(masks: Masks) -> Found:
    """Keras, `_IoUBase.update_state` and `IoU.result`: any index outside the classes drops its pixel; 0/0 left out."""
    square = Table(np.pad(whole(masks).square, ((0, 2), (0, 2))))
    iou = share(square.hit, union(square))
    return {"miou": average(iou), "miou_foreground": average(iou[1:]), "iou": listed(iou)}


def keras_one_hot(masks: Masks) -> Found:
    """Keras, `OneHotIoU`: `IoU` over `target_class_ids` after an argmax; every class counts in every matrix."""
    found = keras(masks)
    return {name: found[name] for name in ("miou", "miou_foreground")}


def deeplab(masks: Masks) -> Found:
    """TensorFlow, `metrics_impl.mean_iou` fed by DeepLab's `eval.py`: as Keras, but an index out of bounds is an error.

    Predictions are checked on void pixels too.
    """
    if any(not np.isin(pred, masks.ids).all() for pred in masks.pred):
        raise Refused("`predictions` out of bound")
    if any(not masks.known(gt) for gt in masks.gt):
        raise Refused("`labels` out of bound")
    return {"miou": keras(masks)["miou"]}


def mmseg(masks: Masks) -> Found:
    """mmsegmentation, `IoUMetric.total_area_to_metrics`: histograms, each 0/0 left out of its own mean.

    F-score is 2PR / (P + R), so it is no number where precision or recall is none, or where both are 0: there Dice is
    0. With one class, `torch.histc` takes its range from the data and counts every pixel (min = max).
    """
    table = whole(masks)
    hit, true, pred = table.hit, table.true, table.pred + table.pred_on_unknown
    if masks.size == 1:
        valid = np.array([np.delete(table.counts, table.size, axis=0).sum()])
        same = sum(int(((p == g) & (g != masks.void)).sum()) for p, g in zip(masks.pred, masks.gt, strict=True))
        hit, true, pred = np.array([same]), valid, valid
    precision, recall = share(hit, pred), share(hit, true)
    with np.errstate(invalid="ignore"):
        fscore = 2 * precision * recall / (precision + recall)
    found = {
        "iou": share(hit, true + pred - hit), "accuracy": recall, "dice": share(2 * hit, true + pred),
        "fscore": fscore, "precision": precision,
    }  # fmt: skip
    return {
        "pixel_accuracy": none_if_nan(float(share(hit.sum(), true.sum()))),
        "miou": average(found["iou"]), "mean_accuracy": average(recall), "mdice": average(found["dice"]),
        "mean_fscore": average(fscore), "mean_precision": average(precision), "mean_recall": average(recall),
        **{name: listed(values) for name, values in found.items()},
    }  # fmt: skip


def huggingface(masks: Masks) -> Found:
    """Hugging Face evaluate, `mean_iou`: mmsegmentation's rule in float64; one class is as any number."""
    table = whole(masks)
    iou, accuracy = share(table.hit, union(table)), share(table.hit, table.true)
    return {
        "miou": average(iou), "mean_accuracy": average(accuracy),
        "pixel_accuracy": none_if_nan(float(share(table.hit.sum(), table.true.sum()))),
        "iou": listed(iou), "accuracy": listed(accuracy),
    }  # fmt: skip


def ade20k(masks: Masks) -> Found:
    """ADE20K, `utils_eval.py`: 0 where a class is absent; in pixel accuracy every value above 0 is a pixel to hit.

    So unknown ground truth counts there, and is a hit where it is predicted as the same unknown value.
    """
    table = whole(masks)
    iou = share(table.hit, union(table), 0.0)
    return {"miou": average(iou), "pixel_accuracy": _labelled_accuracy(masks, 0.0), "iou": listed(iou)}


def _labelled_accuracy(masks: Masks, empty: float) -> float | None:
    correct = sum(int(((gt > 0) & (pred == gt)).sum()) for pred, gt in zip(masks.pred, masks.gt, strict=True))
    return none_if_nan(float(share(correct, sum(int((gt > 0).sum()) for gt in masks.gt), empty)))


def ade20k_matlab(masks: Masks) -> Found:
    """ADE20K, `intersectionAndUnion.m`: MATLAB's `hist` files every value beyond the last class under the last class.

    That holds for predictions, ground truth and their intersection, so two equal unknown values are a hit of it.
    """
    last = masks.ids[-1]
    clamped = Masks(
        tuple(np.minimum(pred, last) * (gt > 0) for pred, gt in zip(masks.pred, masks.gt, strict=True)),
        tuple(np.minimum(gt, last) for gt in masks.gt),
        masks.size, masks.void, masks.first,
    )  # fmt: skip
    areas = []
    for pred, gt, raw_pred, raw_gt in zip(clamped.pred, clamped.gt, masks.pred, masks.gt, strict=True):
        same = np.where(raw_pred == raw_gt, gt, 0)
        areas.append([np.bincount(mask.ravel(), minlength=last + 1)[1:] for mask in (same, pred, gt)])
    hit, in_pred, in_gt = np.sum(areas, axis=0)
    iou = share(hit, in_pred + in_gt - hit, 0.0)
    return {"miou": average(iou), "pixel_accuracy": _labelled_accuracy(masks, math.nan), "iou": listed(iou)}


def segnet(masks: Masks) -> Found:
    """SegNet, `compute_test_results.m`: pairs of classes only; both means divide by the number of classes.

    Its pixel accuracy divides by every pixel whose ground truth is not void: unknown ground truth and void predictions
    among them. A class without a pair of classes is 0 in both means.
    """
    table = whole(masks)
    rows = table.square.sum(axis=1)
    iou = np.where(rows > 0, share(table.hit, rows + table.pred - table.hit, 0.0), 0.0)
    accuracy = share(table.hit, rows, 0.0)
    valid = np.delete(table.counts, table.size, axis=0).sum()
    return {
        "miou": float(iou.sum() / masks.size), "mean_accuracy": float(accuracy.sum() / masks.size),
        "pixel_accuracy": none_if_nan(float(share(table.hit.sum(), valid))), "iou": iou.tolist(),
    }  # fmt: skip


def detectron2(masks: Masks) -> Found:
    """detectron2, `SemSegEvaluator`: void (255) in predictions and unknown values overrun its matrix.

    A prediction of the class after the last, its own void, is in no score: not in IoU, not in the accuracies, whose
    denominators are sums over pairs of classes.
    """
    table = whole(masks)
    if any(not np.isin(pred, [*masks.ids, masks.size]).all() for pred in masks.pred) or table.gt_unknown:
        raise Refused("the matrix has no place for it")
    return _present_only(table)


def detectron2_void_class(masks: Masks) -> Found:
    """detectron2, given predictions whose void was renamed to the class after the last."""
    return _present_only(whole(masks))


def _present_only(table: Table) -> Found:
    hit, true, pred = table.hit, table.square.sum(axis=1), table.square.sum(axis=0)
    iou = np.where(true > 0, share(hit, true + pred - hit), np.nan)
    accuracy = share(hit, true)
    return {
        "miou": average(iou), "mean_accuracy": average(accuracy),
        "fwiou": none_if_nan(float(np.nansum(iou * true) / true.sum())) if true.sum() else None,
        "pixel_accuracy": none_if_nan(float(share(hit.sum(), true.sum()))),
        "iou": listed(iou), "accuracy": listed(accuracy),
    }  # fmt: skip


def cocostuff(masks: Masks) -> Found:
    """COCO-Stuff, `_accumulateConfusion` and `_computeMetrics`: a void prediction is filed under the last category.

    Predicted values that are no category are refused on void pixels too; void among them only beside another one.
    """
    if any(not np.isin(pred, [*masks.ids, 0]).all() for pred in masks.pred):
        raise Refused("invalid classes predicted in the result file")
    table = whole(masks)
    counts = table.counts.copy()
    counts[: table.size, table.size - 1] += counts[: table.size, table.size]
    if not counts[: table.size, : table.size].sum():
        raise Refused("confusion matrix is empty")
    return _present_only(Table(counts))


def fast_hist(masks: Masks) -> Found:
    """The fast_hist scripts, `utils_metrics.py` of bubbliiiing/unet-pytorch: every denominator is at least 1.

    Ground truth that is no class is left out, void or not. Predictions are not looked at: one outside the classes
    overruns the matrix or is filed under another pair.
    """
    table = whole(masks)
    if table.counts[: table.size, table.size :].any():
        raise Refused("the joint histogram files it under another pair of classes")
    hit, true, pred = table.hit, table.true, table.pred
    iou, recall, precision = share(hit, true + pred - hit, 0.0), share(hit, true, 0.0), share(hit, pred, 0.0)
    return {
        "miou": iou.mean(), "mean_accuracy": recall.mean(), "mean_precision": precision.mean(),
        "pixel_accuracy": float(share(hit.sum(), true.sum(), 0.0)),
        "iou": iou.tolist(), "accuracy": recall.tolist(), "precision": precision.tolist(),
    }  # fmt: skip


def torchvision(masks: Masks) -> Found:
    """torchvision, `references/segmentation/utils.py`, `ConfusionMatrix`: `fast_hist` with 0/0 as NaN, and its mean.

    It prints global correct, the recall of each class (no mean of them), IoU of each class and mean IoU.
    """
    table = whole(masks)
    if table.counts[: table.size, table.size :].any():
        raise Refused("the joint histogram files it under another pair of classes")
    iou = share(table.hit, table.true + table.pred - table.hit)
    return {
        "miou": poisoned(iou), "pixel_accuracy": none_if_nan(float(share(table.hit.sum(), table.true.sum()))),
        "iou": listed(iou), "accuracy": listed(share(table.hit, table.true)),
    }  # fmt: skip


def paddleseg(masks: Masks, *, absent: float = 1.0) -> Found:
    """PaddleSeg, `metrics.py` and `core/val.py`: IoU of an absent class is 1 (0 in release 2.8.0), all else 0.

    "Acc" is hits over predicted pixels of classes, wherever the ground truth is not void; kappa's total is the ground
    truth's pixels of classes.
    """
    table = whole(masks)
    hit, true, pred = table.hit, table.true, table.pred + table.pred_on_unknown
    iou, dice = share(hit, true + pred - hit, absent), share(2 * hit, true + pred, 0.0)
    total = int(true.sum())
    po, pe = float(share(hit.sum(), total)), float(share(int((pred * true).sum()), total**2))
    return {
        "miou": iou.mean(), "mdice": dice.mean(), "pixel_accuracy": none_if_nan(float(share(hit.sum(), pred.sum()))),
        "kappa": None if pe == 1 or math.isnan(pe) else (po - pe) / (1 - pe),
        "iou": iou.tolist(), "dice": dice.tolist(),
        "precision": share(hit, pred, 0.0).tolist(), "recall": share(hit, true, 0.0).tolist(),
    }  # fmt: skip
