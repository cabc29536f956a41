"""Accumulate a confusion matrix in a training loop, with the command line's labeling, scores and errors."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segeval.api.scoring import scored_run
from segeval.errors import MaskError, UsageError
from segeval.findings.policy import Policy, judged_report
from segeval.report.report import Report
from segeval.request import build_request
from segeval.request.options import ArrayOptions, spelled
from segeval.runs.run import Row, Run
from segeval.tables.counts import Int64Array, confusion, joint_counts


class ConfusionMatrix:
    """Count predictions against ground truth, batch by batch; `report` scores what has been counted.

    Each image stays apart, so per-image scores are those of the command line.
    """

    @spelled(ArrayOptions)
    def __init__(self, **options: Unpack[ArrayOptions]) -> None:
        """Take the keywords of `segeval.score` for labels and conventions."""
        self._request = build_request(**options)
        self._rows: list[Row] = []

    def update(self, pred: ArrayLike, gt: ArrayLike) -> None:
        """Count one image (H, W) or a batch (N, H, W) of label values of any integer type.

        Raises `MaskError` where shapes differ or values are not integers, and counts nothing then.
        """
        pred_values, gt_values = np.asarray(pred), np.asarray(gt)
        if pred_values.shape != gt_values.shape or gt_values.ndim not in (2, 3):
            raise MaskError(
                "predictions and ground truth are not two equal stacks of images",
                (f"prediction {pred_values.shape}, ground truth {gt_values.shape}",),
                "Give both as (H, W) or (N, H, W)",
            )
        stacks = zip(_stack(pred_values), _stack(gt_values), strict=True)
        tables = [joint_counts(gt=gt_image, pred=pred_image) for pred_image, gt_image in stacks]
        height, width = gt_values.shape[-2:]
        start = len(self._rows)
        self._rows.extend(
            Row(f"{start + index:012d}", height, width, "", counts) for index, counts in enumerate(tables)
        )

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the images that another one has counted, as from another worker; protocols must be equal."""
        if other._request.protocol != self._request.protocol:
            raise UsageError("confusion matrices of different protocols cannot be merged")
        start = len(self._rows)
        self._rows.extend(
            Row(f"{start + index:012d}", row.height, row.width, "", row.counts) for index, row in enumerate(other._rows)
        )

    @property
    def counts(self) -> Int64Array:
        """Return the (K, K) confusion matrix, rows ground truth, columns prediction."""
        run = Run(self._request.protocol, tuple(self._rows))
        return confusion(run.table(), run.resolve().labeling).matrix

    def report(self) -> Report:
        """Return every score of what has been counted; errors as in `segeval.score`."""
        run = Run(self._request.protocol, tuple(self._rows))
        return judged_report(scored_run(run), Policy(self._request.allow))


def _stack(images: NDArray[Any]) -> NDArray[Any]:
    return images if images.ndim == 3 else images[None]
