"""Contours by the compiled kernels: many times as fast as in NumPy, and to the same counts.

They take byte codes, up to 252 classes in an image, and bands up to 253 pixels wide; everything else is NumPy's. An
image takes about 10 bytes a pixel of memory and 9 for each border element, once for each worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.compiled import compiled
from segeval.contours.regions import Regions
from segeval.contours.scratch import SCRATCH
from segeval.tables.counts import Int64Array

WIDEST = 253
MOST_PIXELS = 1 << 30
Listed = tuple[NDArray[np.int32], NDArray[np.uint8]]


def takes(of: Regions) -> bool:
    """Tell whether the kernels serve for these regions."""
    return of.gt.dtype == np.uint8 and 0 < of.gt.size < MOST_PIXELS and compiled()


def counted_bands(of: Regions, ascending: Sequence[int]) -> tuple[Int64Array, Int64Array]:
    """Count pixels as `segeval.contours.bands.band_counts` does, at widths up to `WIDEST`."""
    from segeval.contours.bandrows import count
    from segeval.contours.nearness import measure, memory_size

    height, width = of.gt.shape
    gt, pred = of.gt.reshape(-1), of.pred.reshape(-1)
    memory = SCRATCH.flat("memory", memory_size(height, width))
    of_gt, of_pred = (SCRATCH.flat(name, height * (width + 2)) for name in ("near gt", "near pred"))
    for side, found in zip((gt, pred), (of_gt, of_pred), strict=True):
        measure(side, height, width, ascending[-1] + 1, memory, found)
    counts = np.zeros((6, of.stray + 1, len(ascending) + 1), np.int64)
    widths = np.array(ascending, np.uint8)
    count(gt, pred, of_gt, of_pred, height, width, widths, np.empty(8 * (width + 64), np.uint8), counts)
    within = counts.cumsum(axis=2)[:, 1 : of.stray, :-1]
    bands, trimaps = (np.ascontiguousarray(np.moveaxis(part, 0, -1)) for part in (within[:3], within[3:]))
    return bands, trimaps


def _inner(codes: NDArray[Any], stray: int, lost: Int64Array) -> Listed:
    from segeval.contours.borderrows import draw_inner, list_inner

    height, width = codes.shape
    plane = SCRATCH.flat("plane", codes.size)
    size = draw_inner(codes.reshape(-1), height, width, stray, plane, np.empty(width + 8, np.uint8), lost)
    places, classes = np.empty(size, np.int32), np.empty(size, np.uint8)
    list_inner(plane, places, classes)
    return places, classes


def _corners(codes: NDArray[Any], stray: int) -> Listed:
    from segeval.contours.borderrows import draw_corners, list_corners

    height, width = codes.shape
    plane, flat = SCRATCH.flat("plane", codes.size), codes.reshape(-1)
    most = 4 * draw_corners(flat, height, width, plane)
    places, classes = np.empty(most, np.int32), np.empty(most, np.uint8)
    size = list_corners(flat, plane, width, stray, places, classes)
    return places[:size], classes[:size]


def counted_borders(of: Regions, squares: Sequence[int], *, corners: bool) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Count border elements by class, (K, 2), those within `squares` of their like, (K, W, 2), and the lost ones, (K,).

    `squares` are of distances in pixels, in any order. DAVIS's border has `corners`, and loses nothing.
    """
    from segeval.contours.matchrows import index_size, match

    height, width = of.gt.shape
    ascending = np.array(sorted(set(squares)), np.int64)
    lost = np.zeros((2, of.stray + 1), np.int64)
    if corners:
        sides = [_corners(side, of.stray) for side in (of.gt, of.pred)]
    else:
        sides = [_inner(side, of.stray, taken) for side, taken in zip((of.gt, of.pred), lost, strict=True)]
    index = SCRATCH.flat("index", index_size(height, width), np.int32)
    counts = np.zeros((2, of.stray + 1, len(ascending) + 1), np.int64)
    for (source, target), found in zip((sides, sides[::-1]), counts, strict=True):
        match(*source, *target, height, width, ascending, index, np.empty((2, len(source[0])), np.int32), found)
    counts = counts[:, 1 : of.stray]
    near = counts.cumsum(axis=2)[:, :, np.searchsorted(ascending, squares)]
    return counts.sum(axis=2).T.copy(), np.ascontiguousarray(np.moveaxis(near, 0, -1)), lost[0, 1 : of.stray]
