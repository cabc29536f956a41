"""The compiled kernels of contours: the counts of NumPy, and no byte touched where sizes are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segeval.contours.compiled import compiled
from segeval.contours.counts import ContourCounts, contour_counts
from segeval.protocol.widths import Width
from segeval.tables import lane
from tests.test_boundaries import VOID, blobs, coded

if not compiled():
    pytest.skip("the kernels are not compiled here", allow_module_level=True)
NAMES = ContourCounts.__slots__


def both_ways(gt: Any, pred: Any, widths: list[Width]) -> list[ContourCounts]:
    """Count by the kernels, then without them."""
    found = []
    for _ in range(2):
        lane.forget()
        found.append(contour_counts(coded(gt, pred), widths))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(lane.VARIABLE, "pillow")
            lane.forget()
            found.append(contour_counts(coded(gt, pred), widths))
        lane.forget()
    assert found[0] == found[2]  # nothing of an image stays for the next
    return found[:2]


@pytest.mark.parametrize("seed", range(30))
def test_counts_are_those_of_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 70, 2))
    gt, pred = blobs(seed, (height, width), classes=int(rng.integers(1, 9)), void=seed % 3 > 0)
    if seed % 4 == 1:  # void wider than any width, and speckles of no class
        gt[height // 3 : height // 2 + 1] = VOID
        pred = np.where(rng.random(pred.shape) < 0.1, VOID, pred).astype(np.uint8)
    if seed % 4 == 2:
        gt, pred = (rng.integers(0, 4, gt.shape).astype(np.uint8) for _ in range(2))
    widths: list[Width] = [int(width) for width in rng.permutation(np.arange(1, 30))[:3]]
    widths += ["authors", 0.11]
    kernels, numpy = both_ways(gt, pred, widths)
    for name in NAMES:
        assert np.array_equal(getattr(kernels, name), getattr(numpy, name)), name


@pytest.mark.parametrize("widths", [[1, 252, 253], [200], [127, 128], [253, 254], list(range(1, 65))])
def test_wide_bands_and_many_are_those_of_numpy(widths: list[Width]) -> None:
    gt, pred = blobs(3, (30, 300))
    gt[:, 100:240] = VOID
    kernels, numpy = both_ways(gt, pred, widths)
    assert kernels == numpy


def test_void_between_regions_is_crossed() -> None:
    # 1 is four pixels from 2, and the void between them is in no band.
    gt = np.array([[1, 1, VOID, VOID, VOID, 2, 2]] * 40, np.uint8)
    kernels, numpy = both_ways(gt, np.ones_like(gt), [3, 4, 5])
    assert kernels == numpy
    assert kernels.trimaps[0, :, 0].tolist() == [0, 40, 80]


def test_regions_that_are_taken_away_leave_nothing_behind() -> None:
    blank = np.zeros((9, 9), np.uint8)
    kernels, numpy = both_ways(blank, blank, [2])
    assert kernels == numpy
    assert kernels.matched[0, 0].tolist() == [32, 32]


def test_wrong_sizes_are_refused() -> None:
    from segeval.contours.bandrows import count, recode
    from segeval.contours.borderrows import draw_corners, draw_inner, list_corners, list_inner
    from segeval.contours.matchrows import index_size, match
    from segeval.contours.nearness import measure, memory_size

    codes, row = np.ones(12, np.uint8), np.zeros(12, np.uint8)
    right, near = memory_size(3, 4), np.zeros(18, np.uint8)
    counts, widths, rows = np.zeros((6, 3, 2), np.int64), np.ones(1, np.uint8), np.zeros(8 * 68, np.uint8)
    tables = np.zeros(256, np.uint8)
    places, index, squares = np.zeros(2, np.int32), np.zeros(index_size(3, 4), np.int32), np.ones(1, np.int64)
    known, found, two = np.zeros((2, 2), np.int32), np.zeros((3, 2), np.int64), np.ones(2, np.uint8)
    bad: list[tuple[Any, tuple[Any, ...]]] = [
        (measure, (codes, 3, 5, 2, np.zeros(right, np.uint8), near)),
        (measure, (codes, 3, 4, 255, np.zeros(right, np.uint8), near)),
        (measure, (codes, 3, 4, 2, np.zeros(right - 1, np.uint8), near)),
        (measure, (codes, 3, 4, 2, np.zeros(right, np.uint8), near[1:])),
        (recode, (codes, codes[1:], tables, tables, row, row)),
        (recode, (codes, codes, tables[1:], tables, row, row)),
        (count, (codes, codes, near, near[1:], 3, 4, widths, rows, counts)),
        (count, (codes + 2, codes, near, near, 3, 4, widths, rows, counts)),
        (count, (codes, codes, near, near, 3, 4, widths[:0], rows, counts)),
        (count, (codes, codes, near, near, 3, 4, widths, rows[1:], counts)),
        (draw_inner, (codes, 3, 4, 2, row[1:], np.zeros(12, np.uint8), np.zeros(3, np.int64))),
        (draw_inner, (codes + 2, 3, 4, 2, row, np.zeros(12, np.uint8), np.zeros(3, np.int64))),
        (draw_inner, (codes, 3, 4, 2, row, np.zeros(11, np.uint8), np.zeros(3, np.int64))),
        (draw_corners, (codes, 3, 5, row)),
        (list_inner, (codes, places, two)),
        (list_corners, (codes, codes, 4, 2, places, two)),
        (match, (places, two[1:], places, two, 3, 4, squares, index, known, found)),
        (match, (places + 12, two, places, two, 3, 4, squares, index, known, found)),
        (match, (places, two, np.array([5, 3], np.int32), two, 3, 4, squares, index, known, found)),
        (match, (places, two + 2, places, two, 3, 4, squares, index, known, found)),
        (match, (places, two, places, two, 3, 4, squares, index[1:], known, found)),
        (match, (places, two, places, two, 3, 4, squares, index, known[:, 1:].copy(), found)),
    ]
    for function, arguments in bad:
        with pytest.raises(ValueError, match=r"counts|size|pixel|room|table|class|image|places"):
            function(*arguments)


def test_the_pillow_lane_takes_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lane.VARIABLE, "pillow")
    lane.forget()
    assert not compiled()
    monkeypatch.undo()
    lane.forget()
    assert compiled()
