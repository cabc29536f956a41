"""Bands along contours, of all classes in one pass: windows of codes tell how near another region is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.regions import NO_REGION, Regions
from segeval.contours.scratch import SCRATCH
from segeval.tables.counts import Int64Array, joint_counts

Mask = NDArray[np.bool_]
ROWS = 64
"""Rows that are widened at a time, so that they stay in the cache."""


def _steps(length: int) -> Iterator[int]:
    """Yield by how much to shift, so that a window of one grows to `length`."""
    reached = 1
    while reached < length:
        step = min(reached, length - reached)
        yield step
        reached += step


def _array(name: str, shape: tuple[int, int], kind: np.dtype[Any]) -> NDArray[Any]:
    return SCRATCH.flat(name, shape[0] * shape[1], kind).reshape(shape)


def windowed(codes: NDArray[Any], radius: int, *, largest: bool, name: str) -> NDArray[Any]:
    """Return the largest or smallest code within a chessboard distance of at most `radius` >= 1, shape (H, W).

    Beyond the image nothing is found. The result is the buffer `name` of this thread until it is asked for again.
    """
    extreme = np.maximum if largest else np.minimum
    nothing = 0 if largest else np.iinfo(codes.dtype).max
    height, width = codes.shape
    steps = list(_steps(2 * radius + 1))
    tall = (height + 2 * radius, width)
    source, target = (_array(f"{name}{which}", tall, codes.dtype) for which in "ab")
    source[:radius], source[radius + height :] = nothing, nothing
    for start in range(0, height, ROWS):
        rows = codes[start : start + ROWS]
        wide = (len(rows), width + 2 * radius)
        here, there = (_array(f"rows{which}", wide, codes.dtype) for which in "ab")
        here[:, :radius], here[:, radius + width :], here[:, radius : radius + width] = nothing, nothing, rows
        left = wide[1]
        for step in steps:
            left -= step
            out = there[:, :left] if left > width else source[radius + start : radius + start + len(rows)]
            extreme(here[:, :left], here[:, step : left + step], out=out)
            here, there = there, here
    left = tall[0]
    for step in steps:
        left -= step
        extreme(source[:left], source[step : left + step], out=target[:left])
        source, target = target, source
    return source[:height]


def near_another(codes: NDArray[Any], widths: Sequence[int], *, name: str) -> Iterator[Mask]:
    """Yield for each of the ascending `widths`, no two equal, which pixels of a region are near another region.

    Near is a chessboard distance of at most the width; beyond the image and in `NO_REGION` there is no region. `name`
    tells the buffers of iterators apart that go on at the same time.
    """
    void = codes == NO_REGION
    highest, lowest, reached = codes, codes, 0
    if void.any():
        lowest = np.where(void, np.iinfo(codes.dtype).max, codes).astype(codes.dtype)
    for place, width in enumerate(widths):
        # Windows of windows: each width goes on from the one before, in the other pair of buffers.
        highest = windowed(highest, width - reached, largest=True, name=f"{name} high {place % 2}")
        lowest = windowed(lowest, width - reached, largest=False, name=f"{name} low {place % 2}")
        reached = width
        near: Mask = highest != lowest
        near[void] = False
        yield near


def with_frame(near: Mask, codes: NDArray[Any], width: int) -> Mask:
    """Return a band as Cheng et al. 2021 have it: beyond the image is outside of every region."""
    found = near.copy()
    found[:width] = found[-width:] = found[:, :width] = found[:, -width:] = True
    found &= codes != NO_REGION
    return found


def band_counts(of: Regions, widths: Sequence[int]) -> tuple[Int64Array, Int64Array]:
    """Count for each class and width the pixels of ground truth, prediction and both; two arrays (K, W, 3).

    The first is of each side's own band, from which boundary IoU is `both / (gt + pred - both)` (Cheng et al. 2021);
    the second of the pixels within the width of a contour of the ground truth, beyond the image being none, from
    which trimap IoU is (Kohli et al. 2009). `widths` are at least 1, in any order.
    """
    ascending = sorted(set(widths))
    bands = np.zeros((len(of.ids), len(widths), 3), np.int64)
    trimaps = np.zeros_like(bands)
    sides = near_another(of.gt, ascending, name="gt"), near_another(of.pred, ascending, name="pred")
    for width, gt, pred in zip(ascending, *sides, strict=True):
        own = (of.gt * with_frame(gt, of.gt, width), of.pred * with_frame(pred, of.pred, width))
        of_bands, of_trimap = _by_class(*own, of), _by_class(of.gt * gt, of.pred * gt, of)
        for place, asked in enumerate(widths):
            if asked == width:
                bands[:, place], trimaps[:, place] = of_bands, of_trimap
    return bands, trimaps


def _by_class(gt: NDArray[Any], pred: NDArray[Any], of: Regions) -> Int64Array:
    """Count the pixels of each class on either side and on both, shape (K, 3)."""
    table = joint_counts(gt=gt, pred=pred)
    counts = np.zeros((of.stray + 1, 3), np.int64)
    np.add.at(counts[:, 0], table.gt, table.pixels)
    np.add.at(counts[:, 1], table.pred, table.pixels)
    same = table.gt == table.pred
    np.add.at(counts[:, 2], table.gt[same], table.pixels[same])
    return counts[1 : of.stray]
