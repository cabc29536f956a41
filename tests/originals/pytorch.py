"""segmentation_models_pytorch and torchmetrics, every reduction of theirs, and what they refuse."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.evaluators import Masks
from tests.evaluators.packages import smp_functional
from tests.originals.inputs import ProbabilityMaps
from tests.originals.programs import SINGLE, Printed, Program

REDUCTIONS = ("micro", "macro", "weighted", "micro-imagewise", "macro-imagewise", "weighted-imagewise")


def _torch() -> Any:
    return importlib.import_module("torch")


def smp_scores(stats: tuple[Any, ...], reductions: tuple[str, ...], weights: list[float] | None) -> Printed:
    """Return IoU, F1, recall, precision and accuracy under each reduction, `zero_division` as it is by default."""
    functional: Any = smp_functional()
    names = {"iou": "iou_score", "f1": "f1_score", "recall": "recall", "precision": "precision", "accuracy": "accuracy"}
    return {
        name: {
            reduction: float(getattr(functional, function)(*stats, reduction=reduction, class_weights=weights))
            for reduction in reductions
        }
        for name, function in names.items()
    }


def _stats(masks: Masks, **options: Any) -> tuple[Any, ...]:
    """Count each image by itself, since they differ in size, and stack the counts as a batch would have them."""
    functional: Any = smp_functional()
    torch = _torch()
    counts = [
        functional.get_stats(torch.tensor(pred)[None], torch.tensor(gt)[None], **options)
        for pred, gt in zip(masks.pred, masks.gt, strict=True)
    ]
    return tuple(torch.cat(count) for count in zip(*counts, strict=True))


def smp(masks: Masks) -> Printed:
    """`get_stats(mode="multiclass")`; the weighted reductions are given the weights 1, 2, ... K."""
    stats = _stats(masks, mode="multiclass", ignore_index=masks.void, num_classes=masks.size)
    unweighted = tuple(name for name in REDUCTIONS if not name.startswith("weighted"))
    return {
        **smp_scores(stats, unweighted, None),
        "weighted": smp_scores(
            stats, ("weighted", "weighted-imagewise"), [float(weight + 1) for weight in range(masks.size)]
        ),
    }


def smp_binary(masks: Masks) -> Printed:
    """`get_stats(mode="binary")`, which counts the foreground only, and refuses an ignored index."""
    channel = Masks(tuple(pred[None] for pred in masks.pred), tuple(gt[None] for gt in masks.gt), 2, masks.void)
    stats = _stats(channel, mode="binary", ignore_index=masks.void)
    return smp_scores(stats, ("micro", "macro", "micro-imagewise"), None)


def torchmetrics(masks: Masks) -> Printed:
    """Multi-class Jaccard, accuracy, precision, recall and F1 under each average; void by `ignore_index`."""
    torch = _torch()
    classification: Any = importlib.import_module("torchmetrics.classification")
    names = {"iou": "JaccardIndex", "accuracy": "Accuracy", "precision": "Precision", "recall": "Recall"}
    found: dict[str, Any] = {}
    for name, kind in {**names, "f1": "F1Score"}.items():
        found[name] = {}
        for average in ("micro", "macro", "weighted", "none"):
            metric = getattr(classification, f"Multiclass{kind}")(
                num_classes=masks.size, average=average, ignore_index=masks.void
            )
            for pred, gt in zip(masks.pred, masks.gt, strict=True):
                metric.update(torch.tensor(pred)[None], torch.tensor(gt)[None])
            found[name][average] = metric.compute()
    return found


def torchmetrics_segmentation(masks: Masks) -> Printed:
    """`torchmetrics.segmentation.MeanIoU` and `DiceScore` on indices, with and without class 0; they know no void."""
    torch = _torch()
    segmentation: Any = importlib.import_module("torchmetrics.segmentation")

    def measured(metric: Any) -> Any:
        for pred, gt in zip(masks.pred, masks.gt, strict=True):
            metric.update(torch.tensor(pred)[None], torch.tensor(gt)[None])
        return metric.compute()

    found: dict[str, Any] = {}
    for background in (True, False):
        options: dict[str, Any] = {
            "num_classes": masks.size, "include_background": background, "input_format": "index"
        }  # fmt: skip
        name = "" if background else "_foreground"
        found[f"miou{name}"] = float(measured(segmentation.MeanIoU(**options)))
        for level in ("samplewise", "global"):
            for average in ("micro", "macro", "weighted"):
                metric = segmentation.DiceScore(average=average, aggregation_level=level, **options)
                found[f"dice_{level}_{average}{name}"] = float(measured(metric))
    return found


def calibration(given: ProbabilityMaps) -> Printed:
    """`MulticlassCalibrationError` (15 bins, l1) and scikit-learn's Brier score on valid pixels.

    The bins of torchmetrics hold their lower edge (`torch.bucketize(right=True)`) and are edged in float32; the inputs
    keep clear of every edge.
    """
    torch = _torch()
    errors: Any = importlib.import_module("torchmetrics.classification")
    sklearn: Any = importlib.import_module("sklearn.metrics")
    p = np.concatenate([maps.reshape(given.size, -1).T for maps in given.maps])
    gt = np.concatenate([mask.ravel() for mask in given.gt])
    p, gt = p[gt != 255], gt[gt != 255]
    top = errors.MulticlassCalibrationError(num_classes=given.size, n_bins=15, norm="l1")
    top.update(torch.tensor(p), torch.tensor(gt))
    classwise, briers = [], []
    for value in range(given.size):
        one = errors.BinaryCalibrationError(n_bins=15, norm="l1")
        one.update(torch.tensor(p[:, value]), torch.tensor((gt == value).astype(np.int64)))
        classwise.append(float(one.compute()))
        briers.append(float(np.mean((p[:, value].astype(np.float64) - (gt == value)) ** 2)))
    exact = p.astype(np.float64)
    brier = sklearn.brier_score_loss(
        gt, exact / exact.sum(axis=1, keepdims=True), scale_by_half=False, labels=list(range(given.size))
    )
    return {"ece": float(top.compute()), "classwise_ece": classwise, "brier": brier, "classwise_brier": briers}


REFUSALS: tuple[type[Exception], ...] = (RuntimeError, ValueError, IndexError)


def _program(name: str, program: str, inputs: list[tuple[str, int]], ask: Callable[[Any], Printed]) -> Program:
    return Program(name, program, inputs, ask, REFUSALS, SINGLE)


PROGRAMS = [
    _program(
        "smp",
        "segmentation_models_pytorch 0.6.0, metrics.functional, mode multiclass",
        [("plain", 30), ("void", 20), ("ugly", 30), ("from_1", 2)],
        smp,
    ),
    _program(
        "smp-binary",
        "segmentation_models_pytorch 0.6.0, metrics.functional, mode binary",
        [("binary", 200), ("void", 1)],
        smp_binary,
    ),
    _program(
        "torchmetrics",
        "torchmetrics 1.9.0, torchmetrics.classification",
        [("plain", 30), ("void", 20), ("void_pred", 10), ("unknown_pred", 10)],
        torchmetrics,
    ),
    _program(
        "torchmetrics-segmentation",
        "torchmetrics 1.9.0, torchmetrics.segmentation.MeanIoU and DiceScore",
        [("plain", 60), ("ugly", 2)],
        torchmetrics_segmentation,
    ),
    _program(
        "calibration",
        "torchmetrics 1.9.0, Multiclass- and BinaryCalibrationError; scikit-learn 1.9.1, brier_score_loss",
        [("probability", 50)],
        calibration,
    ),
]
