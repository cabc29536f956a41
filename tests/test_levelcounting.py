"""Levels counted by histograms: the same table as pixel by pixel, whatever the arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.histogram import histogram
from segeval.measuring import graylevels as levelcounting
from segeval.measuring.graylevels import joint_levels
from segeval.tables.counts import joint_counts


def grey(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def histograms(monkeypatch: pytest.MonkeyPatch, pillow_lane: None) -> list[int]:
    """Collect the sizes of the images of which histograms are taken."""
    taken: list[int] = []

    def recorded(values: NDArray[np.uint8]) -> NDArray[np.int64]:
        taken.append(values.size)
        return histogram(values)

    monkeypatch.setattr(levelcounting, "histogram", recorded)
    return taken


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1023])
def test_a_histogram_counts_every_pixel_also_those_that_fill_no_group_of_four(size: int) -> None:
    values = grey((1, size))[0]
    assert histogram(values).tolist() == np.bincount(values, minlength=256).tolist()


def test_a_histogram_takes_arrays_in_any_order_and_of_any_stride() -> None:
    values = grey((9, 10))
    for view in (values.T, values[::2, ::3], values[::-1]):
        assert histogram(view).tolist() == np.bincount(view.ravel(), minlength=256).tolist()


def test_a_histogram_holds_more_pixels_of_one_value_than_a_byte() -> None:
    assert histogram(np.full((64, 64), 7, np.uint8))[7] == 4096


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (255, 0), (7, 9), (0, 0), (255, 255)])
def test_a_grey_map_over_a_ground_truth_of_two_values_takes_histograms(
    values: tuple[int, int], histograms: list[int]
) -> None:
    levels = grey((40, 30))
    gt = np.full(levels.shape, values[0], np.uint8)
    gt[10:25, 5:20] = values[1]
    assert joint_levels(gt=gt, levels=levels) == joint_counts(gt=gt, pred=levels)
    assert histograms == [1200] * len(set(values))


def test_three_values_are_counted_pixel_by_pixel(histograms: list[int]) -> None:
    levels = grey((40, 30))
    gt = np.zeros(levels.shape, np.uint8)
    gt[10:25] = 255
    gt[-1, -1] = 128
    assert joint_levels(gt=gt, levels=levels) == joint_counts(gt=gt, pred=levels)
    assert not histograms


def test_a_map_that_is_certain_almost_everywhere_is_counted_by_its_runs(histograms: list[int]) -> None:
    levels = np.zeros((40, 30), np.uint8)
    levels[5:20, 5:20] = 255
    levels[20] = grey((1, 30))
    assert joint_levels(gt=levels, levels=levels) == joint_counts(gt=levels, pred=levels)
    assert not histograms


def test_images_of_several_sizes_share_the_memory_and_not_the_counts(histograms: list[int]) -> None:
    for seed, shape in enumerate([(40, 30), (80, 60), (16, 20), (80, 60)]):
        levels = grey(shape, seed)
        gt = (grey(shape, seed + 10) > 127).view(np.uint8)
        assert joint_levels(gt=gt, levels=levels) == joint_counts(gt=gt, pred=levels)
    assert len(histograms) == 8


@pytest.mark.usefixtures("pillow_lane")
@given(
    shape=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    seed=st.integers(0, 2**32 - 1),
    values=st.lists(st.integers(0, 255), min_size=1, max_size=3),
    kinds=st.sampled_from([("u1", "u1"), ("u2", "u1"), ("u1", "u2"), ("i8", "u1")]),
    share=st.floats(0, 1),
    transposed=st.booleans(),
)
def test_the_table_is_that_of_joint_counts(
    shape: tuple[int, int], seed: int, values: list[int], kinds: tuple[str, str], share: float, transposed: bool
) -> None:
    draw = np.random.default_rng(seed)
    gt: NDArray[Any] = draw.choice(values, shape).astype(kinds[0])
    levels: NDArray[Any] = np.where(draw.random(shape) < share, draw.integers(0, 256, shape), 0).astype(kinds[1])
    if transposed:
        gt, levels = gt.T, levels.T
    before = gt.copy(), levels.copy()
    assert joint_levels(gt=gt, levels=levels) == joint_counts(gt=gt, pred=levels)
    assert np.array_equal(gt, before[0])
    assert np.array_equal(levels, before[1])


def test_two_shapes_are_refused() -> None:
    with pytest.raises(MaskError, match="shape"):
        joint_levels(gt=np.zeros((8, 9), np.uint8), levels=grey((9, 8)))
