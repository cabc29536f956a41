"""Evaluators called as they are installed; each function imports its package and needs it."""

from __future__ import annotations

import importlib
import importlib.util
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.evaluators import Masks, Scores, scores


def _tensors(masks: Masks) -> tuple[Any, Any]:
    torch: Any = importlib.import_module("torch")
    return torch.tensor(np.stack(masks.pred)), torch.tensor(np.stack(masks.gt))


def torchmetrics_jaccard(masks: Masks) -> Scores:
    """`MulticlassJaccardIndex`, macro and per class; float32. Its per-class list has 0 for an absent class."""
    jaccard_index: Any = importlib.import_module("torchmetrics.classification").MulticlassJaccardIndex
    found: dict[str, Any] = {}
    for average in ("macro", "none"):
        metric = jaccard_index(num_classes=masks.size, average=average, ignore_index=masks.void)
        for pred, gt in zip(*_tensors(masks), strict=True):
            metric.update(pred[None], gt[None])
        found[average] = metric.compute()
    listed = dict(zip(masks.ids, found["none"].tolist(), strict=True))
    return scores(masks.scored, [listed[value] for value in masks.scored], mean=float(found["macro"]))


def torchmetrics_mean_iou(masks: Masks) -> Scores:
    """`torchmetrics.segmentation.MeanIoU`, mean and per class; float32. An absent class is -1 there, `None` here.

    It knows no void. Without void the masks go in as indices; with it, as one-hot planes that are empty where the
    ground truth is void, and in predictions where they are void.
    """
    torch: Any = importlib.import_module("torch")
    mean_iou: Any = importlib.import_module("torchmetrics.segmentation").MeanIoU
    pred, gt = _tensors(masks)
    form = "index"
    if masks.void is not None:
        form = "one-hot"
        valid = gt != masks.void
        pred, gt = (torch.stack([(mask == value) & valid for value in masks.ids], dim=1).long() for mask in (pred, gt))
    found = {}
    for per_class in (False, True):
        metric = mean_iou(num_classes=masks.size, per_class=per_class, input_format=form)
        for image in range(len(masks.gt)):
            metric.update(pred[image : image + 1], gt[image : image + 1])
        found[per_class] = metric.compute()
    classes = [float("nan") if value == -1 else value for value in found[True].tolist()]
    return scores(masks.ids, classes, mean=float(found[False]))


@cache
def smp_functional() -> ModuleType:
    """Load `segmentation_models_pytorch.metrics.functional` alone: it needs torch only, its package much more."""
    package = importlib.util.find_spec("segmentation_models_pytorch")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "metrics" / "functional.py"
    spec = importlib.util.spec_from_file_location("smp_metrics_functional", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def smp(masks: Masks, reduction: str) -> Scores:
    """`iou_score` of segmentation_models_pytorch on `get_stats`; float32; only the mean."""
    functional: Any = smp_functional()
    pred, gt = _tensors(masks)
    stats = functional.get_stats(pred, gt, mode="multiclass", ignore_index=masks.void, num_classes=masks.size)
    return Scores({}, float(functional.iou_score(*stats, reduction=reduction)))


def keras_module() -> Any:
    """Return Keras on its PyTorch backend, which must be chosen before the first import."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return importlib.import_module("keras")


def keras(masks: Masks) -> Scores:
    """`keras.metrics.MeanIoU`; float32, with an epsilon of 1e-7 in every denominator; only the mean."""
    metric = keras_module().metrics.MeanIoU(num_classes=masks.size, ignore_class=masks.void)
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        metric.update_state(gt, pred)
    return Scores({}, float(metric.result()))


def mmsegmentation(masks: Masks) -> Scores:
    """Areas by `torch.histc` and ratios in float32, as `IoUMetric` of mmsegmentation 1.x has them."""
    torch: Any = importlib.import_module("torch")

    def areas(values: Any) -> Any:
        return torch.histc(values.float(), bins=masks.size, min=0, max=masks.size - 1)

    hits, union = torch.zeros(masks.size), torch.zeros(masks.size)
    for pred, gt in zip(*_tensors(masks), strict=True):
        kept = torch.ones_like(gt, dtype=torch.bool) if masks.void is None else gt != masks.void
        p, g = pred[kept], gt[kept]
        both = areas(p[p == g])
        hits += both
        union += areas(p) + areas(g) - both
    values = (hits / union).numpy()
    return scores(masks.ids, values.tolist(), mean=float(np.nanmean(values)))
