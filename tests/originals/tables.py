"""The counts that every reference formula starts from: ground truth against prediction, strangers kept apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests.evaluators import Mask, Masks, none_if_nan

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Hold counts of pixels, rows ground truth, columns prediction: K classes, then void, then everything else."""

    counts: Counts

    @property
    def size(self) -> int:
        """Return K."""
        return len(self.counts) - 2

    @property
    def square(self) -> Counts:
        """Return the counts of classes against classes."""
        return self.counts[: self.size, : self.size]

    @property
    def hit(self) -> Counts:
        """Return hits by class."""
        return self.square.diagonal()

    @property
    def true(self) -> Counts:
        """Return the pixels of each class in the ground truth, whatever is predicted there."""
        return np.asarray(self.counts[: self.size].sum(axis=1))

    @property
    def pred(self) -> Counts:
        """Return the predicted pixels of each class where the ground truth is a class."""
        return np.asarray(self.square.sum(axis=0))

    @property
    def pred_on_unknown(self) -> Counts:
        """Return the predicted pixels of each class where the ground truth is neither class nor void."""
        return self.counts[-1, : self.size]

    @property
    def pred_void(self) -> int:
        """Return how many pixels of classes are predicted void."""
        return int(self.counts[: self.size, -2].sum())

    @property
    def pred_unknown(self) -> int:
        """Return how many pixels that are not void in the ground truth are predicted as no class and not as void."""
        return int(np.delete(self.counts, self.size, axis=0)[:, -1].sum())

    @property
    def gt_unknown(self) -> int:
        """Return how many pixels of the ground truth are neither class nor void."""
        return int(self.counts[-1].sum())


def tables(masks: Masks) -> list[Table]:
    """Count each image."""
    places = len(masks.scored) + 2

    def place(mask: Mask) -> Mask:
        inside = np.isin(mask, masks.ids)
        void = np.zeros_like(inside) if masks.void is None else mask == masks.void
        return np.where(void, places - 2, np.where(inside, mask - masks.first, places - 1))

    return [
        Table(np.bincount(place(gt).ravel() * places + place(pred).ravel(), minlength=places**2).reshape(places, -1))
        for pred, gt in zip(masks.pred, masks.gt, strict=True)
    ]


def whole(masks: Masks) -> Table:
    """Count the data set."""
    return Table(np.sum([table.counts for table in tables(masks)], axis=0))


def share(part: ArrayLike, all_of: ArrayLike, empty: float = math.nan) -> Values:
    """Divide; 0/0 is `empty`."""
    above, below = np.asarray(part, np.float64), np.asarray(all_of, np.float64)
    return np.where(below == 0, empty, above / np.where(below == 0, 1, below))


def union(table: Table, *, unknown_fp: bool = True) -> Values:
    """Return true + predicted - hit; predictions where the ground truth is unknown count where `unknown_fp`."""
    extra = table.pred_on_unknown if unknown_fp else 0
    return (table.true + table.pred + extra - table.hit).astype(np.float64)


def average(values: Iterable[float]) -> float | None:
    """Average what is a number; `None` where nothing is."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else None


def poisoned(values: Iterable[float]) -> float | None:
    """Average; `None` where any value is no number."""
    listed = list(values)
    return None if any(map(math.isnan, listed)) else average(listed)


def listed(values: Values) -> list[float | None]:
    """Return values by class, `None` where they are no numbers."""
    return [none_if_nan(value) for value in values.tolist()]
