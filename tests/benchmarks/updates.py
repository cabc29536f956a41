"""A training loop's update of one batch beside torchmetrics', in turns; the matrix has to be scikit-learn's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
SHAPE = (4, 512, 1024)
CLASSES = 19
BLOCK = 32
"""Side of the squares that make the labels of `masks`, about as long as runs in street scenes are."""
NEEDED = ("torch", "torchmetrics", "sklearn")


def masks(shape: tuple[int, int, int]) -> tuple[Labels, Labels]:
    """Return predictions and ground truth of squares, the one moved by three pixels."""
    batch, height, width = shape
    coarse = np.random.default_rng(0).integers(0, CLASSES, (batch, -(-height // BLOCK), -(-width // BLOCK)))
    gt = coarse.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)[:, :height, :width]
    return np.roll(gt, 3, axis=2), np.ascontiguousarray(gt)


def noise(shape: tuple[int, int, int]) -> tuple[Labels, Labels]:
    """Return predictions and ground truth drawn pixel by pixel, the worst there is."""
    pred, gt = np.random.default_rng(1).integers(0, CLASSES, (2, *shape))
    return pred, gt


BATCHES: Mapping[str, Callable[[tuple[int, int, int]], tuple[Labels, Labels]]] = {"masks": masks, "noise": noise}


def update_ratios(rounds: int, shape: tuple[int, int, int] = SHAPE) -> dict[str, float | None]:
    """Return the median over the rounds of our time to torchmetrics', for each batch of int64 tensors of `shape`.

    `None` where torchmetrics or scikit-learn is absent, and where the matrices are not equal.
    """
    if any(find_spec(name) is None for name in NEEDED):
        return dict.fromkeys(BATCHES)
    return {name: _ratio(*drawn(shape), rounds) for name, drawn in BATCHES.items()}


def _ratio(pred: Labels, gt: Labels, rounds: int) -> float | None:
    import segeval

    tensors = tuple(map(import_module("torch").from_numpy, (pred, gt)))
    theirs = import_module("torchmetrics.classification").MulticlassConfusionMatrix(CLASSES, ignore_index=255)
    ours = segeval.ConfusionMatrix(classes=CLASSES, ignore=255)
    wanted = import_module("sklearn.metrics").confusion_matrix(gt.ravel(), pred.ravel(), labels=np.arange(CLASSES))
    for meter in (ours, theirs):
        meter.update(*tensors)
    if not np.array_equal(ours.counts, wanted) or not np.array_equal(theirs.compute().numpy(), wanted):
        return None
    return statistics.median(_timed(ours, tensors) / _timed(theirs, tensors) for _ in range(rounds))


def _timed(meter: Any, tensors: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    meter.update(*tensors)
    return time.perf_counter() - start
