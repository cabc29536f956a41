"""Keras on its PyTorch backend: BinaryIoU, OneHotIoU, MeanIoU."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.evaluators import Masks
from tests.evaluators.packages import keras_module
from tests.originals.inputs import GreyMaps
from tests.originals.programs import SINGLE, Printed, Program


def binary_iou(maps: GreyMaps) -> Printed:
    """`BinaryIoU` at 0.5 on p = level / 255: both classes (the default), each alone, and with a 0/255 ground truth."""
    metrics: Any = keras_module().metrics

    def measured(classes: tuple[int, ...], foreground: int) -> float:
        metric = metrics.BinaryIoU(target_class_ids=classes, threshold=0.5)
        for pred, gt in zip(maps.pred, maps.gt, strict=True):
            metric.update_state((gt > 0).astype(np.float32) * foreground, pred.astype(np.float32) / 255)
        return float(metric.result())

    return {
        "miou": measured((0, 1), 1),
        "iou": [measured((0,), 1), measured((1,), 1)],
        "iou_of_gt_255": [measured((0,), 255), measured((1,), 255)],
    }


def one_hot_iou(masks: Masks) -> Printed:
    """`OneHotIoU` of all classes and of all but class 0, on one-hot planes."""
    metrics: Any = keras_module().metrics

    def planes(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.stack([mask == value for value in masks.ids], axis=-1).astype(np.float32)

    def measured(classes: list[int]) -> float:
        metric = metrics.OneHotIoU(num_classes=masks.size, target_class_ids=classes)
        for pred, gt in zip(masks.pred, masks.gt, strict=True):
            metric.update_state(planes(gt), planes(pred))
        return float(metric.result())

    return {"miou": measured(list(masks.ids)), "miou_foreground": measured(list(masks.ids)[1:])}


def mean_iou(masks: Masks) -> Printed:
    """`MeanIoU`, and `IoU` of each class (0 where it is absent), on indices; void by `ignore_class`."""
    metrics: Any = keras_module().metrics

    def measured(metric: Any) -> float:
        for pred, gt in zip(masks.pred, masks.gt, strict=True):
            metric.update_state(gt, pred)
        return float(metric.result())

    options: dict[str, Any] = {"num_classes": masks.size, "ignore_class": masks.void}
    return {
        "miou": measured(metrics.MeanIoU(**options)),
        "miou_foreground": measured(metrics.IoU(target_class_ids=list(masks.ids)[1:], **options)),
        "iou": [measured(metrics.IoU(target_class_ids=[value], **options)) for value in masks.ids],
    }


PROGRAMS = [
    Program("keras-binary-iou", "Keras 3.15.1, keras.metrics.BinaryIoU", [("grey", 200)], binary_iou, digits=SINGLE),
    Program("keras-one-hot-iou", "Keras 3.15.1, keras.metrics.OneHotIoU", [("plain", 60)], one_hot_iou, digits=SINGLE),
    Program(
        "keras",
        "Keras 3.15.1, keras.metrics.MeanIoU and IoU",
        [("plain", 20), ("void", 20), ("ugly", 40)],
        mean_iou,
        digits=SINGLE,
    ),
]
