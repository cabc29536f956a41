"""The extended confusion table, and what the scores need of it: a table of counts seen through a labeling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segeval.errors import LabelError
from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Group, Labeling
from segeval.tables.counts import Int64Array, JointCounts


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Count pixels by true class (rows) and predicted class (columns), int64.

    `counts` has shape (K + 2, K + 3): behind the K classes come void and unknown, and as a last column the pixels of
    images without a prediction.
    """

    counts: Int64Array

    @property
    def size(self) -> int:
        """Return K, the number of classes."""
        return len(self.counts) - 2

    @property
    def matrix(self) -> Int64Array:
        """Return the (K, K) confusion matrix proper: valid pixels that were given a class."""
        return self.counts[: self.size, : self.size]

    @property
    def void_pixels(self) -> int:
        """Return the pixels whose ground truth is ignored."""
        return int(self.counts[self.size].sum())

    @property
    def unknown_pixels(self) -> int:
        """Return the pixels whose ground truth is neither a class nor ignored."""
        return int(self.counts[self.size + 1].sum())

    @property
    def valid_pixels(self) -> int:
        """Return the pixels whose ground truth is a class."""
        return int(self.counts[: self.size].sum())

    def column(self, index: int) -> Int64Array:
        """Return what valid pixels of each class were given: `index` is `VOID`, `UNKNOWN` or `NO_FILE`, shape (K,)."""
        column: Int64Array = self.counts[: self.size, _position(index, self.size)]
        return column


@dataclass(frozen=True, slots=True, eq=False)
class Tallies:
    """Hold the marginals that every overlap score is made of, int64 arrays of shape (..., K).

    `hit` pixels of the class that were predicted so; `gt` pixels of the class that were given any class; `pred`
    pixels of any class that were given this one; `void`, `unknown`, `missing` pixels of the class that were given
    void, an unknown value, or have no prediction; `stray` predictions of the class on an unknown ground truth. Of shape
    (..., 1): `gt_unknown` pixels of unknown ground truth, `same_unknown` those of them that were given the same value.
    """

    hit: Int64Array
    gt: Int64Array
    pred: Int64Array
    void: Int64Array
    unknown: Int64Array
    missing: Int64Array
    stray: Int64Array
    gt_unknown: Int64Array
    same_unknown: Int64Array

    @property
    def true_pixels(self) -> Int64Array:
        """Return the valid pixels of each class, whatever they were given."""
        return self.gt + self.void + self.unknown + self.missing


MOST_IMAGE_CELLS = 1 << 25
"""Images times classes: what is kept of each image is dense too, and takes 64 bytes a class."""


def _position(index: int, size: int) -> int:
    return index if index >= 0 else size - 1 - index


def _positions(indices: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    return np.where(indices >= 0, indices, size - 1 - indices)


def confusion(table: JointCounts, labeling: Labeling) -> Confusion:
    """Look the values of a table up and add its pixels by class; exact int64."""
    size = len(labeling.classes)
    counts = np.zeros((size + 2, size + 3), np.int64)
    rows, columns = _positions(labeling.gt(table.gt), size), _positions(labeling.pred(table.pred), size)
    np.add.at(counts, (rows, columns), table.pixels)
    return Confusion(counts)


def same_unknown_pixels(table: JointCounts, labeling: Labeling) -> int:
    """Count the pixels of unknown ground truth that were predicted as the same unknown value."""
    same = (table.gt == table.pred) & (labeling.gt(table.gt) == UNKNOWN) & (labeling.pred(table.pred) == UNKNOWN)
    return int(table.pixels[same].sum())


def tallies(table: Confusion, same_unknown: int = 0) -> Tallies:
    """Take the marginals of one confusion table, which does not hold `same_unknown`; arrays have shape (K,)."""
    size = table.size
    return Tallies(
        hit=table.matrix.diagonal().copy(),
        gt=table.matrix.sum(axis=1),
        pred=table.matrix.sum(axis=0),
        void=table.column(VOID),
        unknown=table.column(UNKNOWN),
        missing=table.column(NO_FILE),
        stray=table.counts[size + 1, :size],
        gt_unknown=np.array([table.unknown_pixels], np.int64),
        same_unknown=np.array([same_unknown], np.int64),
    )


def image_tallies(tables: Sequence[JointCounts], labeling: Labeling) -> Tallies:
    """Take the marginals of each image at once; every array has shape (images, K)."""
    size = len(labeling.classes)
    shape = (len(tables), size)
    if len(tables) * size > MOST_IMAGE_CELLS:
        raise LabelError(
            "there are more images and classes than can be scored at once",
            (f"{len(tables):,} images of {size:,} classes, their product may be {MOST_IMAGE_CELLS:,}",),
            "Give fewer classes with --classes, or score fewer images",
        )
    image = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    if len(image):
        gt = labeling.gt(np.concatenate([table.gt for table in tables]))
        pred = labeling.pred(np.concatenate([table.pred for table in tables]))
        pixels = np.concatenate([table.pixels for table in tables])
        same = np.concatenate([table.gt == table.pred for table in tables])
    else:
        gt = pred = np.zeros(0, np.intp)
        same = np.zeros(0, np.bool_)
        pixels = np.zeros(0, np.int64)

    def add(chosen: NDArray[np.bool_], classes: NDArray[np.intp]) -> Int64Array:
        counts = np.zeros(shape, np.int64)
        np.add.at(counts, (image[chosen], classes[chosen]), pixels[chosen])
        return counts

    def add_all(chosen: NDArray[np.bool_]) -> Int64Array:
        counts = np.zeros((len(tables), 1), np.int64)
        np.add.at(counts[:, 0], image[chosen], pixels[chosen])
        return counts

    valid = gt >= 0
    classed = valid & (pred >= 0)
    return Tallies(
        hit=add(classed & (gt == pred), gt),
        gt=add(classed, gt),
        pred=add(classed, pred),
        void=add(valid & (pred == VOID), gt),
        unknown=add(valid & (pred == UNKNOWN), gt),
        missing=add(valid & (pred == NO_FILE), gt),
        stray=add((gt == UNKNOWN) & (pred >= 0), pred),
        gt_unknown=add_all(gt == UNKNOWN),
        same_unknown=add_all((gt == UNKNOWN) & (pred == UNKNOWN) & same),
    )


def grouped(table: Confusion, labeling: Labeling, groups: Sequence[Group]) -> Confusion:
    """Merge the classes of each group into one; classes of no group become one last class.

    Confusing two classes of a group is a hit, as in the category scores of cityscapesScripts.
    """
    group_of = {class_id: index for index, group in enumerate(groups) for class_id in group.ids}
    rest = len(groups)
    merged = [group_of.get(entry.id, rest) for entry in labeling.classes]
    rows = np.array([*merged, rest + 1, rest + 2], np.intp)
    columns = np.array([*merged, rest + 1, rest + 2, rest + 3], np.intp)
    counts = np.zeros((rest + 3, rest + 4), np.int64)
    np.add.at(counts, (rows[:, None], columns[None, :]), table.counts)
    return Confusion(counts)
