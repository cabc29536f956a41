"""Contours by the compiled kernels: many times as fast as in NumPy, and to the same counts.

They take byte codes, up to 252 classes in an image; everything else is NumPy's. All of them work on the runs of equal
codes in the rows of both sides, which are found once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.contours.compiled import compiled
from segeval.contours.regions import Regions
from segeval.contours.scratch import SCRATCH
from segeval.records import dataclass
from segeval.tables.counts import Int64Array

MOST_PIXELS = 1 << 30
Words = NDArray[np.uint64]
Side = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]
"""Where runs start in their rows, their codes, and for each row which run is its first."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Hold the runs of both sides of an image, in buffers of this thread: one image at a time.

    `planes` is the place for the border of each class, and all take so many `words` of 8 bytes.
    """

    shape: tuple[int, int]
    stray: int
    gt: Side
    pred: Side
    planes: Int64Array
    words: int


def takes(of: Regions) -> bool:
    """Tell whether the kernels serve for these regions."""
    height, width = of.shape
    return of.stored is not None and 0 < height * width < MOST_PIXELS and compiled()


def found_runs(of: Regions) -> Runs:
    """Find the runs of both sides, which hold until those of another image are found."""
    from segeval.contours.borderrows import lay_out
    from segeval.contours.runrows import find

    height, width = of.shape
    room = height * (width + 1)
    stored = of.stored
    assert stored is not None, "kernels take bytes"
    gt, pred = (
        (
            SCRATCH.flat(f"{name} starts", room, np.int32),
            SCRATCH.flat(f"{name} codes", room),
            SCRATCH.flat(f"{name} rows", height + 1, np.int32),
        )
        for name in ("gt", "pred")
    )
    sides = stored.gt.reshape(-1), stored.pred.reshape(-1)
    find(*sides, stored.gt_codes, stored.pred_codes, height, width, *gt, *pred)
    planes = np.zeros((of.stray + 1, 5), np.int64)
    words = lay_out(*gt, *pred, width, planes)
    return Runs((height, width), of.stray, gt, pred, planes, max(words, 1))


def counted_bands(runs: Runs, widths: Sequence[int]) -> tuple[Int64Array, Int64Array]:
    """Count pixels as `segeval.contours.bands.band_counts` does."""
    from segeval.contours.bandrows import count, memory_size

    height, width = runs.shape
    memory = SCRATCH.flat("bands", memory_size(height, width), np.uint64)
    counts = np.zeros((len(widths), 6, runs.stray + 1), np.int64)
    done: dict[int, Int64Array] = {}
    for asked, found in zip(widths, counts, strict=True):
        if asked in done:
            found[:] = done[asked]
        else:
            count(*runs.gt, *runs.pred, width, asked, memory, found)
            done[asked] = found
    of_classes = counts.transpose(2, 0, 1)[1 : runs.stray]
    return np.ascontiguousarray(of_classes[..., :3]), np.ascontiguousarray(of_classes[..., 3:])


def counted_borders(runs: Runs, squares: Sequence[int], *, corners: bool) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Count border elements by class, (K, 2), those within `squares` of their like, (K, W, 2), and the lost ones, (K,).

    `squares` are of distances in pixels, in any order. DAVIS's border has `corners`, and loses nothing.
    """
    from segeval.contours.borderrows import draw_corners, draw_inner
    from segeval.contours.matchrows import match, memory_size

    height, width = runs.shape
    gt, pred = (SCRATCH.flat(f"{name} border", runs.words, np.uint64) for name in ("gt", "pred"))
    lost = np.zeros(runs.stray + 1, np.int64)
    if corners:
        for side, border in ((runs.gt, gt), (runs.pred, pred)):
            draw_corners(*side, width, runs.stray, runs.planes, border)
    else:
        spare = np.empty(((width - 1) >> 6) + 1, np.uint64)
        for side, border, of_side in ((runs.gt, gt, lost), (runs.pred, pred, lost[:0])):
            draw_inner(*side, width, runs.stray, runs.planes, border, spare, of_side)
    memory = SCRATCH.flat("matches", memory_size(height, width), np.uint64)
    ascending = np.array(sorted(set(squares)), np.int64)
    counts = np.zeros((2, runs.stray + 1, len(ascending) + 1), np.int64)
    match(runs.planes, gt, pred, ascending, height, width, memory, counts)
    counts = counts[:, 1 : runs.stray]
    near = counts.cumsum(axis=2)[:, :, np.searchsorted(ascending, squares)]
    return counts.sum(axis=2).T.copy(), np.ascontiguousarray(np.moveaxis(near, 0, -1)), lost[1 : runs.stray]
