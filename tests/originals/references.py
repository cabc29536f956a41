"""What each evaluator computes, in a few lines of numpy: the rules of `facts.json` as formulae, held to golden files.

Each function takes `Masks` and returns scores by segeval's names, lists by class, `None` where the evaluator has no
number. `Refused` is raised where the evaluator stops, or files a value under a class that it does not name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.evaluators import Masks, Refused, none_if_nan
from tests.originals.tables import Table, average, listed, poisoned, share, tables, union, whole

Found = dict[str, Any]


def nnunet(masks: Masks) -> Found:
    """nnU-Net, `compute_metrics` and `compute_metrics_on_folder`: a mean over cases a label, then over labels but 0."""
    ious, dices = [], []
    for table in tables(masks):
        both = union(table)
        ious.append(share(table.hit, both))
        dices.append(share(2 * table.hit, both + table.hit))
    iou = np.array([np.nan if (m := average(column)) is None else m for column in np.array(ious).T])
    dice = np.array([np.nan if (m := average(column)) is None else m for column in np.array(dices).T])
    return {"miou": poisoned(iou[1:]), "mdice": poisoned(dice[1:]), "iou": listed(iou), "dice": listed(dice)}


def monai(masks: Masks, score: str) -> Found:
    """MONAI, `compute_iou` / `DiceHelper.compute_channel` and `do_metric_reduction`: classes of an image, then images.

    A pixel without a plane is ignored where an ignored index is given: void and unknown ground truth alike.
    """
    weight = 2 if score == "dice" else 1
    extra = masks.void is None
    found: Found = {}
    for name, empty in (("", True), ("_keep_empty", False)):
        rows = []
        for table in tables(masks):
            true, both = table.true, union(table, unknown_fp=extra)
            value = share(weight * table.hit, both + (weight - 1) * table.hit, 1.0)
            rows.append(np.where(true == 0, np.nan, value) if empty else value)
        for suffix, first in (("", 0), ("_foreground", 1)):
            means = [average(row[first:]) for row in rows]
            found[f"m{score}{suffix}{name}"] = average([mean for mean in means if mean is not None])
    return found


def isic(masks: Masks) -> Found:
    """isic-challenge-scoring, `metrics.py`: of each image, empty 1, below 0.65 is 0 for the threshold; plain means."""
    jaccard, dice, accuracy = [], [], []
    for table in tables(masks):
        (tn, fp), (fn, tp) = table.square.tolist()
        jaccard.append(float(share(tp, tp + fp + fn, 1.0)))
        dice.append(float(share(2 * tp, 2 * tp + fp + fn, 1.0)))
        accuracy.append((tp + tn) / (tp + tn + fp + fn))
    floored = [value if value >= 0.65 else 0.0 for value in jaccard]
    return {
        "miou": average(jaccard), "threshold_jaccard": average(floored), "mdice": average(dice),
        "pixel_accuracy": average(accuracy),
    }  # fmt: skip


def kaggle(masks: Masks) -> Found:
    """Contests on Kaggle, `metric`: Dice of images with foreground, and of the others 1 where nothing is predicted."""
    positives, negatives = [], []
    for table in tables(masks):
        (_, fp), (fn, tp) = table.square.tolist()
        if tp + fn:
            positives.append(2 * tp / (2 * tp + fp + fn))
        else:
            negatives.append(float(fp == 0))
    return {
        "mdice": average(positives + negatives), "dice_pos": average(positives), "dice_neg": average(negatives),
    }  # fmt: skip


def smp(masks: Masks) -> Found:
    """SMP, `_get_stats_multiclass` and `_compute_metric`: `zero_division` 1, but NaN under micro.

    Its `recall` under micro is the pixel accuracy, under macro the mean accuracy with absent classes at 1; its
    `weighted` sums with weights that sum to 1, its `weighted-imagewise` divides that by K once more.
    """
    if masks.void is not None and masks.void in range(masks.size):
        raise Refused("an ignored index inside the classes")
    if masks.first:
        raise Refused("classes begin at 0")
    each = tables(masks)
    tp = np.array([table.hit for table in each], np.float64)
    fp = np.array([table.pred + table.pred_on_unknown - table.hit for table in each], np.float64)
    fn = np.array([table.true - table.hit for table in each], np.float64)
    below = {"iou": tp + fp + fn, "f1": 2 * tp + fp + fn, "recall": tp + fn, "precision": tp + fp}
    weights = np.arange(1, masks.size + 1) / (masks.size * (masks.size + 1) / 2)
    found: Found = {"weighted": {}}
    for name, whole_of in below.items():
        above = tp * (2 if name == "f1" else 1)
        by_class = share(above.sum(0), whole_of.sum(0), 1.0)
        by_image_class = share(above, whole_of, 1.0)
        found[name] = {
            "micro": none_if_nan(float(share(above.sum(), whole_of.sum()))),
            "macro": by_class.mean(),
            "micro-imagewise": share(above.sum(1), whole_of.sum(1), 1.0).mean(),
            "macro-imagewise": by_image_class.mean(0).mean(),
        }
        found["weighted"][name] = {
            "weighted": (by_class * weights).sum(),
            "weighted-imagewise": (by_image_class.mean(0) * weights).mean(),
        }
    return found


def smp_binary(masks: Masks) -> Found:
    """SMP, `_get_stats_multilabel`: the foreground's counts; a void is refused."""
    if masks.void is not None:
        raise Refused("ignore_index is not supported for binary masks")
    each = tables(masks)
    tp, fp, fn, tn = (np.array([table.square[cell] for table in each]) for cell in ((1, 1), (0, 1), (1, 0), (0, 0)))
    found: Found = {}
    for name, above, below in (
        ("iou", tp, tp + fp + fn),
        ("f1", 2 * tp, 2 * tp + fp + fn),
        ("recall", tp, tp + fn),
        ("precision", tp, tp + fp),
        ("accuracy", tp + tn, tp + tn + fp + fn),
    ):
        found[name] = {
            "micro": none_if_nan(float(share(above.sum(), below.sum()))),
            "macro": float(share(above.sum(), below.sum(), 1.0)),
            "micro-imagewise": share(above, below, 1.0).mean(),
        }
    return found


def torchmetrics(masks: Masks) -> Found:
    """torchmetrics.classification, `_jaccard_index_reduce`, `_adjust_weights_safe_divide`: 0/0 is 0, absent left out.

    A predicted value outside the classes is refused where it makes one value too many, and else misfiled or an error.
    """
    table = whole(masks)
    _only_classes(masks, table)
    hit, true, pred = table.hit, table.true, table.pred
    present = true + pred > 0
    found: Found = {}
    for name, above, below in (
        ("iou", hit, true + pred - hit),
        ("accuracy", hit, true),
        ("recall", hit, true),
        ("precision", hit, pred),
        ("f1", 2 * hit, true + pred),
    ):
        values = share(above, below, 0.0)
        # Micro accuracy, precision, recall and F1 are all the share of valid pixels that are hit.
        micro = share(hit.sum(), (true + pred - hit).sum() if name == "iou" else true.sum(), 0.0)
        found[name] = {
            "micro": float(micro),
            "macro": float(values[present].mean()) if present.any() else None,
            "weighted": float((values * true).sum() / true.sum()) if true.sum() else None,
            "none": values.tolist(),
        }
    return found


def _only_classes(masks: Masks, table: Table) -> None:
    on_valid = np.delete(table.counts, table.size, axis=0)
    if on_valid[:, table.size :].any() or table.gt_unknown:
        raise Refused("a predicted value outside the classes")
    if any(not masks.known(mask) for mask in masks.pred) or any((pred == masks.void).any() for pred in masks.pred):
        raise Refused("more values than classes, on void too")


def torchmetrics_segmentation(masks: Masks) -> Found:
    """torchmetrics.segmentation, `_mean_iou_compute` and `_dice_score_compute`: 0/0 is left out; no void, no strangers.

    `MeanIoU` is a mean over all pairs of image and class; `DiceScore` "samplewise" a mean over images of what its
    `average` makes of an image, "global" that of the data set.
    """
    if any(not np.isin(mask, masks.ids).all() for mask in (*masks.pred, *masks.gt)):
        raise Refused("one_hot has no place for it")
    each = tables(masks)
    hit, true, pred = (np.array([getattr(table, name) for table in each]) for name in ("hit", "true", "pred"))
    found: Found = {}
    for suffix, first in (("", 0), ("_foreground", 1)):
        h, t, p = hit[:, first:], true[:, first:], pred[:, first:]
        found[f"miou{suffix}"] = average(share(h, t + p - h).ravel())
        for level, (a, b, c) in {
            "samplewise": (h, t, p),
            "global": (h[:].sum(0)[None], t.sum(0)[None], p.sum(0)[None]),
        }.items():
            dice = share(2 * a, b + c)
            weights = share(b, b.sum(axis=1, keepdims=True) * np.ones_like(b))
            weighted = [
                math.nan if np.isnan(row).all() else float(np.nansum(row * weight))
                for row, weight in zip(dice, weights, strict=True)
            ]
            macro = [math.nan if (mean := average(row)) is None else mean for row in dice]
            found[f"dice_{level}_micro{suffix}"] = average(share(2 * a.sum(1), (b + c).sum(1)))
            found[f"dice_{level}_macro{suffix}"] = average(macro)
            found[f"dice_{level}_weighted{suffix}"] = average(weighted)
    return found
