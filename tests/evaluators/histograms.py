"""Evaluators that count areas by histograms: mmsegmentation, Hugging Face evaluate, ADE20K, SMP.

What a histogram's range leaves out leaves one area and stays in the other: that is how these treat unknown values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.evaluators import Mask, Masks, Scores, divide, scores

Areas = NDArray[np.float64]


def areas(mask: Mask, masks: Masks) -> Areas:
    """Count the pixels of each class by numpy's histogram, values out of range nowhere."""
    low, high = masks.ids[0], masks.ids[-1]
    return np.histogram(mask, bins=masks.size, range=(low, high))[0].astype(np.float64)


def huggingface(masks: Masks) -> Scores:
    """`mean_iou` of huggingface/evaluate, and `IoUMetric` of mmsegmentation 1.x, which is the same in float32.

    Only pixels whose ground truth is void go; a void inside the class range keeps its class, which is then scored.
    """
    hits, union = np.zeros(masks.size), np.zeros(masks.size)
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        kept = np.ones_like(gt, bool) if masks.void is None else gt != masks.void
        p, g = pred[kept], gt[kept]
        both = areas(p[p == g], masks)
        hits += both
        union += areas(p, masks) + areas(g, masks) - both
    return scores(masks.ids, divide(hits, union))


def ade20k(masks: Masks) -> Scores:
    """`intersectionAndUnion` in Python of CSAILVision/sceneparsing, and the mean of its demo over a fixed class count.

    Void is 0; predictions are blanked there and there only. Its MATLAB twin files values beyond the last class under
    that class (`hist` has open ends), which this does not.
    """
    hits, union = np.zeros(masks.size), np.zeros(masks.size)
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        blanked = pred * (gt > 0)
        both = areas(blanked * (blanked == gt), masks)
        hits += both
        union += areas(blanked, masks) + areas(gt, masks) - both
    return scores(masks.ids, hits / (np.spacing(1) + union))


def smp_counts(masks: Masks) -> tuple[Areas, Areas, Areas]:
    """`get_stats` of segmentation_models_pytorch, multiclass: tp, fp, fn, each (images, classes)."""
    counts = []
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        kept = np.ones_like(gt, bool) if masks.void is None else gt != masks.void
        p, g = np.where(kept, pred, -1), np.where(kept, gt, -1)
        tp = areas(g[p == g], masks)
        counts.append((tp, areas(p, masks) - tp, areas(g, masks) - tp))
    tp, fp, fn = np.array(counts).transpose(1, 0, 2)
    return tp, fp, fn


def _one_where_empty(tp: Areas, fp: Areas, fn: Areas) -> Areas:
    return np.nan_to_num(divide(tp, tp + fp + fn), nan=1.0)


def smp_macro(masks: Masks) -> Scores:
    """`iou_score(reduction="macro")`: zero divisions are 1."""
    tp, fp, fn = smp_counts(masks)
    return scores(masks.ids, _one_where_empty(tp.sum(0), fp.sum(0), fn.sum(0)))


def smp_macro_imagewise(masks: Masks) -> Scores:
    """`iou_score(reduction="macro-imagewise")`: the mean over images, then over classes."""
    return scores(masks.ids, _one_where_empty(*smp_counts(masks)).mean(axis=0))


def smp_micro(masks: Masks) -> Scores:
    """`iou_score(reduction="micro")`: one ratio of all images and classes; the classes beside it are macro's."""
    tp, fp, fn = (float(counts.sum()) for counts in smp_counts(masks))
    return Scores(smp_macro(masks).classes, tp / (tp + fp + fn))
