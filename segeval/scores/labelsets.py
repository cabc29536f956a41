"""What is counted of each class where a pixel may be of several: each class's own table of hits, misses and alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segeval.protocol.labeling import NO_PREDICTION, VOID_SET, in_sets
from segeval.scores.imageoverlap import OF_CLASSES, Cells, ImageTallies, joined_tallies
from segeval.tables.counts import JointCounts, Tallies


def set_tallies(tables: Sequence[JointCounts], size: int) -> ImageTallies:
    """Take the marginals of each image and class from tables of (set, set) -> pixels.

    A set has the class at position i at bit i; `VOID_SET` in the ground truth never counts, and predicted void is no
    class. A pixel counts once for each class that either side has there; of all classes together the tallies have the
    valid pixels as `gt`, each once.
    """
    images = len(tables)
    image = np.repeat(np.arange(images), [len(table) for table in tables])
    gt, pred, pixels = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(table, name).astype(np.int64) for table in tables)])
        for name in ("gt", "pred", "pixels")
    )
    valid = gt != VOID_SET
    counts = {name: np.zeros((images, size), np.int64) for name in OF_CLASSES}
    for index in range(size):
        true, predicted = in_sets(gt, index), in_sets(pred, index) & valid
        here = {
            "hit": true & predicted,
            "gt": true & (pred >= 0),
            "pred": predicted,
            "void": true & (pred == VOID_SET),
            "missing": true & (pred == NO_PREDICTION),
        }
        for name, cells in here.items():
            np.add.at(counts[name][:, index], image[cells], pixels[cells])
    met = np.add.reduce([counts[name] for name in OF_CLASSES]) > 0
    where, label = (places.astype(np.int32) for places in np.nonzero(met))
    none = np.zeros((images, 1), np.int64)
    found = joined_tallies(
        Cells(where, label, images, size), {name: values[where, label] for name, values in counts.items()}, none, none
    )
    pixels_of_images = none.copy()
    np.add.at(pixels_of_images[:, 0], image[valid], pixels[valid])
    alone = {name: pixels_of_images if name == "gt" else none for name in OF_CLASSES}
    return replace(found, pixels=Tallies(**alone, gt_unknown=none, same_unknown=none))
