"""Count label masks in a training loop."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from segeval.accumulator.counted import Array, Counted, Keys, as_array, label_stack
from segeval.errors import MaskError
from segeval.measuring.winners import class_labels, winners_of
from segeval.request import build_request
from segeval.request.options import ArrayOptions, spelled
from segeval.runs.run import Row
from segeval.tables.counts import Int64Array, confusion, joint_counts

LABELS = "Give class labels as integers, or cast what holds whole numbers"
ARGMAX = (
    "Give class labels as integers, or logits or probabilities of shape (N, K, H, W) with from_logits=True, "
    "which takes the class of the largest (argmax over K)"
)


class ConfusionMatrix(Counted):
    """Count predictions against ground truth, batch by batch; `compute` scores what has been counted.

    Each image stays apart, so per-image scores are those of the command line. An image takes a few kilobytes.

    Examples
    --------
    >>> matrix = segeval.ConfusionMatrix(classes=2, ignore=255)
    >>> matrix.update(pred=[[0, 1, 1]], gt=[[0, 1, 255]])
    >>> matrix.update(pred=[[0, 0, 1]], gt=[[0, 1, 1]])
    >>> matrix
    <segeval.ConfusionMatrix: 2 images, 2 classes>
    >>> matrix.counts
    array([[2, 0],
           [1, 2]])
    >>> round(matrix.compute().scores["miou"], 4)
    0.6667
    """

    @spelled(ArrayOptions)
    def __init__(self, **options: Unpack[ArrayOptions]) -> None:
        """Take the keywords of `segeval.score` for labels and conventions."""
        super().__init__(build_request(**options))

    def update(self, pred: Array, gt: Array, *, from_logits: bool = False, keys: Keys | None = None) -> None:
        """Count one image or a batch.

        Parameters
        ----------
        pred
            Labels of any integer type, (H, W) or (N, H, W), in NumPy or in anything with `__array__` or DLPack on the
            host. With `from_logits` logits or probabilities, (K, H, W) or (N, K, H, W), a plane a class.
        gt
            Labels of any integer type, (H, W) or (N, H, W).
        from_logits
            The label of a pixel is the class whose plane is largest, the first of equals.
        keys
            The image's name, or one for each image of the batch. Images with keys are united by them in `merge`.

        Raises
        ------
        MaskError
            Where shapes differ, or values are not integers.
        LabelError
            Where a value is neither a class nor ignored, and the convention makes that an error.
        UsageError
            Where an image of the same key has another result. In all cases nothing is counted.
        """
        truth = label_stack(as_array(gt, "ground truth"), "ground truth", LABELS)
        given = as_array(pred, "prediction")
        labels = self._largest(given, truth.shape) if from_logits else label_stack(given, "prediction", ARGMAX)
        if labels.shape != truth.shape:
            raise MaskError(
                "prediction and ground truth have different shapes",
                (f"prediction {given.shape}, ground truth {truth.shape}",),
                "Give both as (H, W) or (N, H, W), of one size",
            )
        height, width = truth.shape[1:]
        rows = [
            Row(name, height, width, "", joint_counts(gt=true_image, pred=image))
            for name, true_image, image in zip(self._names(keys, len(truth)), truth, labels, strict=True)
        ]
        self._refuse_unknown(rows, keyed=keys is not None)
        self._add(rows, [()] * len(rows), keyed=keys is not None)

    @property
    def counts(self) -> Int64Array:
        """Return the (K, K) confusion matrix, rows ground truth, columns prediction."""
        run = self._run()
        return confusion(run.table(), run.resolve().labeling).matrix

    def _largest(self, planes: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.integer[Any]]:
        """Return (N, H, W) labels: the class of the largest plane at each pixel."""
        stack = planes[None] if planes.ndim == 3 else planes
        classes = self._request.protocol.classes
        if stack.ndim != 4 or (stack.shape[0], *stack.shape[2:]) != shape or stack.shape[1] < 2:
            raise MaskError(
                "logits are not one plane a class of each image",
                (f"logits {planes.shape}, ground truth {shape}",),
                "Give (N, K, H, W) with two or more classes; of one plane, give the labels: logits[:, 0] > 0",
            )
        if classes is not None and stack.shape[1] != len(classes):
            raise MaskError(
                "there are more or fewer planes than classes",
                (f"{stack.shape[1]} planes, {len(classes)} classes",),
                "Give a plane for each class, in the order of classes",
            )
        if stack.dtype.kind not in "fiub" or (stack.dtype.kind == "f" and any(math.isnan(one.min()) for one in stack)):
            raise MaskError("logits hold NaN or are no numbers", (f"{stack.dtype}",), "Check the model's output")
        ids = [entry.id for entry in classes] if classes is not None else range(stack.shape[1])
        return np.stack([class_labels(winners_of(list(image)).places, tuple(ids)) for image in stack])
