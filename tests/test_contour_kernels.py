"""The compiled kernels of contours: the counts of NumPy, and no byte touched where sizes are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segeval.contours.compiled import compiled
from segeval.contours.counts import ContourCounts, contour_counts
from segeval.contours.regions import regions
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


def test_regions_of_many_words_are_those_of_numpy() -> None:
    rng = np.random.default_rng(5)
    for shape in ((90, 400), (17, 64), (64, 65), (200, 129)):
        gt, pred = blobs(shape[1], shape, classes=7)
        # Some are far from everything, and a class is on one side only.
        gt, pred = gt // 4 if shape[0] > 80 else gt, np.where(rng.random(shape) < 0.002, 9, pred).astype(np.uint8)
        kernels, numpy = both_ways(gt, pred, [1, 2, 5, 17, 40, 300, "authors"])
        for name in NAMES:
            assert np.array_equal(getattr(kernels, name), getattr(numpy, name)), (shape, name)


@pytest.mark.parametrize("width", [2, 5, 9, 16])
def test_dots_are_matched_as_by_numpy_where_many_have_nothing_near(width: int) -> None:
    # About as many are nearer than the width as farther away, whatever lies around the dot before.
    rng = np.random.default_rng(width)
    gt, pred = ((rng.random((300, 310)) < 0.15 / width**2).astype(np.uint8) for _ in range(2))
    kernels, numpy = both_ways(gt, pred, [width])
    assert kernels == numpy
    near, dots = int(kernels.matched[1, 0].sum()), int(kernels.borders[1, :2].sum())
    assert 0.2 * dots < near < 0.8 * dots


def test_values_of_one_class_are_one_region() -> None:
    rng = np.random.default_rng(6)
    gt, pred = (rng.integers(0, 6, (40, 70)).astype(np.uint8) for _ in range(2))
    halves = regions(gt, pred, values=(range(6), range(6)), class_of=(lambda one: one // 3, lambda one: one // 3))
    assert contour_counts(halves, [1, 4]) == contour_counts(coded(gt // 3, pred // 3), [1, 4])


def test_wrong_sizes_are_refused() -> None:
    from segeval.contours import bandrows, borderrows, matchrows, runrows

    codes, row, tables = np.ones(12, np.uint8), np.zeros(12, np.uint8), np.arange(256, dtype=np.uint8)

    def room() -> tuple[Any, Any, Any]:
        return np.zeros(15, np.int32), np.zeros(15, np.uint8), np.zeros(4, np.int32)

    gt, pred = room(), room()
    runrows.find(codes, codes, tables, tables, 3, 4, *gt, *pred)
    assert gt[2].tolist() == [0, 2, 4, 6]
    planes, outside = np.zeros((3, 5), np.int64), np.zeros((3, 5), np.int64)
    assert borderrows.lay_out(*gt, *pred, 4, planes) == 3
    outside[1] = [0, 3, 0, 1, 1]
    broken = (np.zeros_like(gt[0]), *gt[1:])
    memory, counts = np.zeros(bandrows.memory_size(3, 4), np.uint64), np.zeros((6, 2), np.int64)
    words, spare, lost = np.zeros(3, np.uint64), np.zeros(1, np.uint64), np.zeros(3, np.int64)
    squares, work = np.ones(1, np.int64), np.zeros(matchrows.memory_size(3, 4), np.uint64)
    found = np.zeros((2, 3, 2), np.int64)
    bad: list[tuple[Any, tuple[Any, ...]]] = [
        (runrows.recode, (codes, codes[1:], tables, tables, row, row)),
        (runrows.recode, (codes, codes, tables[1:], tables, row, row)),
        (runrows.find, (codes, codes, tables, tables, 3, 5, *room(), *room())),
        (runrows.find, (codes, codes[1:], tables, tables, 3, 4, *room(), *room())),
        (runrows.find, (codes, codes, tables, tables[1:], 3, 4, *room(), *room())),
        (runrows.find, (codes, codes, tables, tables, 3, 4, room()[0][1:], *room()[1:], *room())),
        (runrows.find, (codes, codes, tables, tables, 3, 4, *room(), *room()[:2], room()[2][1:])),
        (bandrows.count, (*gt, *pred, 4, 0, memory, counts)),
        (bandrows.count, (*gt, *pred, 5, 1, memory, counts)),
        (bandrows.count, (*broken, *pred, 4, 1, memory, counts)),
        (bandrows.count, (*gt, *pred, 4, 1, memory[1:], counts)),
        (bandrows.count, (*gt, *pred, 4, 1, memory, counts[:, :1].copy())),
        (borderrows.lay_out, (*gt, *broken, 4, planes.copy())),
        (borderrows.lay_out, (*gt, *pred, 4, planes[:1].copy())),
        (borderrows.lay_out, (*gt, *pred, 4, planes[:, 1:].copy())),
        (borderrows.draw_inner, (*gt, 4, 2, planes, words[1:], spare, lost)),
        (borderrows.draw_inner, (*gt, 4, 2, planes, words, spare[1:], lost)),
        (borderrows.draw_inner, (*gt, 4, 2, planes, words, spare, lost[1:])),
        (borderrows.draw_inner, (*gt, 4, 2, outside, words, spare, lost)),
        (borderrows.draw_corners, (*broken, 4, 2, planes, words)),
        (borderrows.draw_corners, (*gt, 4, 2, np.zeros_like(planes), words)),
        (matchrows.match, (planes, words, words[1:], squares, 3, 4, work, found)),
        (matchrows.match, (planes, words, words, squares[:0], 3, 4, work, found)),
        (matchrows.match, (planes, words, words, -squares, 3, 4, work, found)),
        (matchrows.match, (planes, words, words, np.ones(2, np.int64), 3, 4, work, np.zeros((2, 3, 3), np.int64))),
        (matchrows.match, (planes, words, words, squares, 2, 4, work, found)),
        (matchrows.match, (planes, words, words, squares, 3, 4, work[1:], found)),
        (matchrows.match, (planes, words, words, squares, 3, 4, work, found[:, 1:].copy())),
        (matchrows.match, (outside, words, words, squares, 3, 4, work, found)),
    ]
    for function, arguments in bad:
        with pytest.raises(ValueError, match=r"counts|size|pixel|room|table|class|image|plane"):
            function(*arguments)


def test_the_pillow_lane_takes_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lane.VARIABLE, "pillow")
    lane.forget()
    assert not compiled()
    monkeypatch.undo()
    lane.forget()
    assert compiled()
