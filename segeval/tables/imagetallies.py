"""What the scores need of each image, kept for the classes that it has: most images have few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Labeling
from segeval.tables.counts import Int64Array, JointCounts, Tallies


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
