"""The table that everything is a function of: how often each (ground-truth value, predicted value) occurs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError

IntArray = NDArray[np.integer[Any]]
Int64Array = NDArray[np.int64]

DENSE_CELLS = 1 << 22
"""A sum of tables is kept as one dense array up to this many cells (32 MB of int64)."""


@dataclass(frozen=True, slots=True, eq=False)
class JointCounts:
    """Hold a sparse table of (ground-truth value, predicted value) -> pixels.

    `gt`, `pred` and `pixels` are equally long, ascending by (gt, pred) without repetition; `pixels` is int64 and
    positive. The two value columns have the smallest integer type that holds them: rows are kept by the thousand.
    """

    gt: IntArray
    pred: IntArray
    pixels: Int64Array

    @property
    def total(self) -> int:
        """Return the number of pixels counted."""
        return int(self.pixels.sum(dtype=np.int64))

    def __len__(self) -> int:
        return len(self.pixels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JointCounts):
            return NotImplemented
        return (
            np.array_equal(self.gt, other.gt)
            and np.array_equal(self.pred, other.pred)
            and np.array_equal(self.pixels, other.pixels)
        )

    def __hash__(self) -> int:
        return hash((self.pixels.tobytes(), len(self)))

    def items(self) -> tuple[tuple[int, int, int], ...]:
        """Return (gt, pred, pixels) for every cell, ascending."""
        return tuple(zip(self.gt.tolist(), self.pred.tolist(), self.pixels.tolist(), strict=True))


def table(gt: IntArray, pred: IntArray, pixels: Int64Array) -> JointCounts:
    """Build a `JointCounts` from cells in any order; cells that occur twice are added, empty ones dropped."""
    gt, pred, pixels = (np.asarray(column) for column in (gt, pred, pixels))
    order = np.lexsort((pred, gt))
    gt, pred, pixels = gt[order], pred[order], pixels[order].astype(np.int64)
    if len(gt):
        first = np.empty(len(gt), dtype=bool)
        first[0] = True
        first[1:] = (gt[1:] != gt[:-1]) | (pred[1:] != pred[:-1])
        starts = np.flatnonzero(first)
        pixels = np.add.reduceat(pixels, starts)
        gt, pred = gt[starts], pred[starts]
        kept = pixels != 0
        gt, pred, pixels = gt[kept], pred[kept], pixels[kept]
    return JointCounts(_narrow(gt), _narrow(pred), pixels)


def _narrow(values: IntArray) -> IntArray:
    if not len(values):
        return values.astype(np.uint8)
    smallest = np.promote_types(np.min_scalar_type(values.min()), np.min_scalar_type(values.max()))
    return values.astype(smallest)


def joint_counts(*, gt: IntArray, pred: IntArray) -> JointCounts:
    """Count how often each (ground-truth value, predicted value) occurs in two arrays of one shape.

    `gt` and `pred` are integer arrays of any type and shape; the counts are exact int64 and sum to their size.
    Raises `MaskError` where the shapes differ or a type is not integer.
    """
    gt, pred = np.asarray(gt), np.asarray(pred)
    if gt.shape != pred.shape:
        raise MaskError(
            f"ground truth has shape {gt.shape} and prediction {pred.shape}", (), "Give two arrays of one shape"
        )
    for name, array in (("ground truth", gt), ("prediction", pred)):
        if array.dtype.kind not in "iub":
            raise MaskError(f"{name} is {array.dtype}, not integer", (), "Give label values as integers")
    flat_gt, flat_pred = gt.reshape(-1), pred.reshape(-1)
    gt_values, gt_codes = np.unique(flat_gt, return_inverse=True)
    pred_values, pred_codes = np.unique(flat_pred, return_inverse=True)
    codes, pixels = np.unique(gt_codes * max(1, len(pred_values)) + pred_codes, return_counts=True)
    rows, columns = np.divmod(codes, max(1, len(pred_values)))
    return JointCounts(_narrow(gt_values[rows]), _narrow(pred_values[columns]), pixels.astype(np.int64))


def total(tables: Iterable[JointCounts]) -> JointCounts:
    """Add tables cell by cell; exact, and the same whatever their order."""
    parts = [part for part in tables if len(part)]
    if not parts:
        empty = np.zeros(0, np.uint8)
        return JointCounts(empty, empty, np.zeros(0, np.int64))
    low_gt, high_gt = min(int(part.gt.min()) for part in parts), max(int(part.gt.max()) for part in parts)
    low_pred, high_pred = min(int(part.pred.min()) for part in parts), max(int(part.pred.max()) for part in parts)
    width = high_pred - low_pred + 1
    if (high_gt - low_gt + 1) * width <= DENSE_CELLS:
        dense = np.zeros((high_gt - low_gt + 1) * width, np.int64)
        for part in parts:
            dense[(part.gt.astype(np.int64) - low_gt) * width + (part.pred.astype(np.int64) - low_pred)] += part.pixels
        cells = np.flatnonzero(dense)
        return JointCounts(_narrow(cells // width + low_gt), _narrow(cells % width + low_pred), dense[cells])
    return table(
        np.concatenate([part.gt for part in parts]),
        np.concatenate([part.pred for part in parts]),
        np.concatenate([part.pixels for part in parts]),
    )
