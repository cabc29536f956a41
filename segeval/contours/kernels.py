"""Contours by the compiled kernels: many times as fast as in NumPy, and to the same counts.

They take byte codes, up to 252 classes in an image; everything else is NumPy's. All of them work on the runs of equal
codes in the rows of both sides, which are found once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    """Hold the runs of both sides of an image, in buffers of this thread: one image at a time."""

    shape: tuple[int, int]
    stray: int
    gt: Side
    pred: Side


def takes(of: Regions) -> bool:
    """Tell whether the kernels serve for these regions."""
    return of.gt.dtype == np.uint8 and 0 < of.gt.size < MOST_PIXELS and compiled()


def found_runs(of: Regions) -> Runs:
    """Find the runs of both sides, which hold until those of another image are found."""
    from segeval.contours.runrows import find

    height, width = of.gt.shape
    sides: list[Any] = []
    for name, codes in (("gt", of.gt), ("pred", of.pred)):
        room = height * (width + 1)
        side = SCRATCH.flat(f"{name} starts", room, np.int32), SCRATCH.flat(f"{name} codes", room)
        rows = SCRATCH.flat(f"{name} rows", height + 1, np.int32)
        find(codes.reshape(-1), height, width, *side, rows)
        sides.append((*side, rows))
    return Runs((height, width), of.stray, *sides)


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


def counted_borders(
    runs: Runs, squares: Sequence[int], *, corners: bool
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Count border elements by class, (K, 2), those within `squares` of their like, (K, W, 2), and the lost ones, (K,).

    `squares` are of distances in pixels, in any order. DAVIS's border has `corners`, and loses nothing.
    """
    from segeval.contours.borderrows import draw_corners, draw_inner, lay_out
    from segeval.contours.matchrows import match, memory_size

    _, width = runs.shape
    codes = runs.stray + 1
    planes = np.zeros((codes, 5), np.int64)
    size = max(lay_out(*runs.gt, *runs.pred, width, planes), 1)
    drawn = [SCRATCH.flat(f"{name} border", size, np.uint64) for name in ("gt", "pred")]
    lost = np.zeros((2, codes), np.int64)
    for side, border, of_side in zip((runs.gt, runs.pred), drawn, lost, strict=True):
        if corners:
            draw_corners(*side, width, runs.stray, planes, border)
        else:
            spare = np.empty(((width - 1) >> 6) + 1, np.uint64)
            draw_inner(*side, width, runs.stray, planes, border, spare, of_side)
    memory = np.empty(memory_size(width), np.int32)
    rest = SCRATCH.flat("rest of border", size, np.uint64)
    ascending = sorted(set(squares))
    counts = np.zeros((2, len(ascending), codes, 2), np.int64)
    for (source, target), of_side in zip((drawn, drawn[::-1]), counts, strict=True):
        np.copyto(rest, source)
        for square, found in zip(ascending, of_side, strict=True):
            match(planes, rest, target, square, width, memory, found)
    elements = counts[:, 0, 1 : runs.stray, 0].T
    near = counts[..., 1].cumsum(axis=1)[:, np.searchsorted(ascending, squares), 1 : runs.stray]
    return elements.copy(), np.ascontiguousarray(near.transpose(2, 1, 0)), lost[0, 1 : runs.stray]
