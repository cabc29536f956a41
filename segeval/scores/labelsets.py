"""What is counted of each class where a pixel may be of several: each class's own table of hits, misses and alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION, VOID_SET, in_sets
from segeval.scores.imageoverlap import OF_CLASSES, Cells, ImageTallies, joined_tallies
from segeval.tables.counts import Int64Array, JointCounts, StackedTables, Tallies, stacked

MOST_DENSE = 1 << 20
"""Images times classes that are worked on at a time."""


def set_tallies(tables: Sequence[JointCounts], size: int) -> ImageTallies:
    """Take the marginals of each image and class from tables of (set, set) -> pixels.

    A set has the class at position i at bit i; `VOID_SET` in the ground truth never counts, and predicted void is no
    class. A pixel counts once for each class that either side has there; of all classes together the tallies have the
    valid pixels as `gt`, each once.
    """
    cells, images = stacked(tables), len(tables)
    step = max(1, MOST_DENSE // max(1, size))
    parts = [_tallies_of(cells, start, min(start + step, images), size) for start in range(0, max(1, images), step)]
    image, label = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    kept = {name: np.concatenate([part[2][name] for part in parts]) for name in OF_CLASSES}
    none = np.zeros((images, 1), np.int64)
    found = joined_tallies(Cells(image, label, images, size), kept, none, none)
    valid = np.concatenate([part[3] for part in parts])
    alone = {name: valid if name == "gt" else none for name in OF_CLASSES}
    return replace(found, pixels=Tallies(**alone, gt_unknown=none, same_unknown=none))


def _tallies_of(
    cells: StackedTables, start: int, stop: int, size: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], dict[str, Int64Array], Int64Array]:
    """Return what is kept of some images: each cell's image and class, every marginal, and the images' valid pixels."""
    images, ends = stop - start, cells.ends[start : stop + 1]
    here = slice(ends[0], ends[-1])
    image = np.repeat(np.arange(images), np.diff(ends))
    gt, pred, pixels = cells.gt[here].astype(np.int64), cells.pred[here].astype(np.int64), cells.pixels[here]
    valid = gt != VOID_SET
    counts = {name: np.zeros((images, size), np.int64) for name in OF_CLASSES}
    for index in range(size):
        true, predicted = in_sets(gt, index), in_sets(pred, index) & valid
        chosen = {
            "hit": true & predicted,
            "gt": true & (pred >= 0),
            "pred": predicted,
            "void": true & (pred == VOID_SET),
            "missing": true & (pred == NO_PREDICTION),
        }
        for name, of_class in chosen.items():
            np.add.at(counts[name][:, index], image[of_class], pixels[of_class])
    where, label = np.nonzero(np.add.reduce([counts[name] for name in OF_CLASSES]) > 0)
    pixels_of_images = np.zeros((images, 1), np.int64)
    np.add.at(pixels_of_images[:, 0], image[valid], pixels[valid])
    kept = {name: values[where, label] for name, values in counts.items()}
    return (where + start).astype(np.int32), label.astype(np.int32), kept, pixels_of_images
