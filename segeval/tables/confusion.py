"""The extended confusion table, and what the scores need of it: a table of counts seen through a labeling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Say which classes of which images are kept: `image` and `label` are positions, shape (cells,), ascending.

    All other classes of the `images` x `classes` that there are have no pixel of any kind.
    """

    image: NDArray[np.intp]
    label: NDArray[np.intp]
    images: int
    classes: int

    def of(self, chosen: NDArray[np.bool_]) -> tuple[Cells, NDArray[np.bool_]]:
        """Return the cells of some classes, chosen by a mask of shape (K,), and which of these cells they are."""
        kept = chosen[self.label]
        position = np.cumsum(chosen) - 1
        return Cells(self.image[kept], position[self.label[kept]], self.images, int(chosen.sum())), kept

    def of_images(self) -> NDArray[np.intp]:
        """Return where the cells of each image begin, and where the last one's end, shape (images + 1,)."""
        return np.searchsorted(self.image, np.arange(self.images + 1))

    def sums(self, values: Int64Array) -> Int64Array:
        """Add the values of each image's cells, shape (images,)."""
        found = np.zeros(self.images, np.int64)
        np.add.at(found, self.image, values)
        return found

    def column(self, values: Int64Array, label: int) -> Int64Array:
        """Return the values of one class in every image, shape (images,)."""
        found = np.zeros(self.images, np.int64)
        here = self.label == label
        found[self.image[here]] = values[here]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class ImageTallies:
    """Hold the marginals of each image, kept for the classes that it has: `kept` has arrays of shape (cells,).

    `pixels` has those of all its classes together, arrays of shape (images, 1).
    """

    at: Cells
    kept: Tallies
    pixels: Tallies

    def of(self, chosen: NDArray[np.bool_]) -> ImageTallies:
        """Return the tallies of some of the classes, chosen by a mask of shape (K,)."""
        at, here = self.at.of(chosen)
        kept = {name: getattr(self.kept, name)[here] for name in OF_CLASSES}
        return _image_tallies(at, kept, self.kept.gt_unknown, self.kept.same_unknown)

    def whole(self) -> Tallies:
        """Add the images up: tallies of shape (K,)."""

        def add(values: Int64Array) -> Int64Array:
            counts = np.zeros(self.at.classes, np.int64)
            np.add.at(counts, self.at.label, values)
            return counts

        outside = (self.kept.gt_unknown, self.kept.same_unknown)
        return Tallies(*(add(getattr(self.kept, name)) for name in OF_CLASSES), *(side.sum(axis=0) for side in outside))


OF_CLASSES = ("hit", "gt", "pred", "void", "unknown", "missing", "stray")
"""The marginals that every class has."""


def _image_tallies(
    at: Cells, kept: Mapping[str, Int64Array], gt_unknown: Int64Array, same_unknown: Int64Array
) -> ImageTallies:
    outside = {"gt_unknown": gt_unknown, "same_unknown": same_unknown}
    pixels = {name: at.sums(values)[:, None] for name, values in kept.items()}
    return ImageTallies(at, Tallies(**kept, **outside), Tallies(**pixels, **outside))


def image_tallies(tables: Sequence[JointCounts], labeling: Labeling) -> ImageTallies:
    """Take the marginals of each image at once."""
    size, images = len(labeling.classes), len(tables)
    image = np.repeat(np.arange(images), [len(table) for table in tables])
    if len(image):
        gt = labeling.gt(np.concatenate([table.gt for table in tables]))
        pred = labeling.pred(np.concatenate([table.pred for table in tables]))
        pixels = np.concatenate([table.pixels for table in tables])
        same = np.concatenate([table.gt == table.pred for table in tables])
    else:
        gt = pred = np.zeros(0, np.intp)
        same = np.zeros(0, np.bool_)
        pixels = np.zeros(0, np.int64)
    valid = gt >= 0
    classed = valid & (pred >= 0)
    chosen = {
        "hit": (classed & (gt == pred), gt),
        "gt": (classed, gt),
        "pred": (classed, pred),
        "void": (valid & (pred == VOID), gt),
        "unknown": (valid & (pred == UNKNOWN), gt),
        "missing": (valid & (pred == NO_FILE), gt),
        "stray": ((gt == UNKNOWN) & (pred >= 0), pred),
    }
    given = (pred >= 0) & (gt != VOID)
    keys = np.concatenate([image[valid] * size + gt[valid], image[given] * size + pred[given]])
    keys.sort()
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]

    def add(here: NDArray[np.bool_], classes: NDArray[np.intp]) -> Int64Array:
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, np.searchsorted(keys, image[here] * size + classes[here]), pixels[here])
        return counts

    def add_all(here: NDArray[np.bool_]) -> Int64Array:
        counts = np.zeros((images, 1), np.int64)
        np.add.at(counts[:, 0], image[here], pixels[here])
        return counts

    kept = {name: add(here, classes) for name, (here, classes) in chosen.items()}
    at = Cells(keys // size, keys % size, images, size)
    same &= (gt == UNKNOWN) & (pred == UNKNOWN)
    return _image_tallies(at, kept, add_all(gt == UNKNOWN), add_all(same))


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
