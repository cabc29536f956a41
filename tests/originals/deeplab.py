"""TensorFlow's DeepLab: `tf.metrics.mean_iou`, fed as `research/deeplab/eval.py` of tensorflow/models feeds it."""

from __future__ import annotations

import importlib
import os
from typing import Any

from tests.evaluators import Masks
from tests.originals.programs import SINGLE, Printed, Program


def _refusals() -> tuple[type[Exception], ...]:
    try:
        errors: Any = importlib.import_module("tensorflow").errors
    except ModuleNotFoundError:
        return ()
    return (errors.InvalidArgumentError,)


def mean_iou(masks: Masks) -> Printed:
    """Void gets label 0 and weight 0; a predicted value outside the classes stops it, on void too."""
    tf: Any = importlib.import_module("tensorflow")
    v1 = tf.compat.v1
    void = -1 if masks.void is None else masks.void
    with tf.Graph().as_default(), v1.Session() as session:
        labels, predictions = v1.placeholder(tf.int64, [None]), v1.placeholder(tf.int64, [None])
        weights = tf.cast(tf.not_equal(labels, void), tf.float32)
        given = tf.where(tf.equal(labels, void), tf.zeros_like(labels), labels)
        value, update = v1.metrics.mean_iou(
            labels=given, predictions=predictions, num_classes=masks.size, weights=weights
        )
        session.run(v1.local_variables_initializer())
        for pred, gt in zip(masks.pred, masks.gt, strict=True):
            session.run(update, {labels: gt.ravel(), predictions: pred.ravel()})
        return {"miou": float(session.run(value))}


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PROGRAMS = [
    Program(
        "deeplab",
        "TensorFlow 2.21.0, tf.compat.v1.metrics.mean_iou",
        [("plain", 20), ("void", 40), ("void_pred", 5)],
        mean_iou,
        _refusals(),
        SINGLE,
    )
]
