"""Joint counts are exact for every integer type, shape and memory layout, whichever way the pixels are counted."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.tables import blocks as counting
from segeval.tables.counts import IntArray, JointCounts, joint_counts, table, total
from tests.support.properties import examples

KINDS = [np.dtype(name) for name in ("?", "u1", "i1", "u2", "i2", ">u2", "u4", "i4", ">i4", "u8", "i8")]
LOW, HIGH = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)


def naive(gt: NDArray[Any], pred: NDArray[Any]) -> tuple[tuple[int, int, int], ...]:
    """Count with a Python loop over the pixels in index order."""
    cells = Counter((int(true), int(found)) for true, found in zip(gt.flat, pred.flat, strict=True))
    return tuple((true, found, pixels) for (true, found), pixels in sorted(cells.items()))


def assert_well_formed(counts: JointCounts) -> None:
    """Check what the class promises of its columns."""
    cells = [(gt, pred) for gt, pred, _ in counts.items()]
    assert cells == sorted(set(cells))
    assert counts.pixels.dtype == np.int64
    assert (counts.pixels > 0).all()
    for column in (counts.gt, counts.pred, counts.pixels):
        assert column.base is None, "a view would keep a larger array alive"
        assert column.dtype.isnative
    for column in (counts.gt, counts.pred):
        values = column.tolist()
        smaller = [kind for kind in ("u1", "i1", "u2", "i2", "u4", "i4") if np.dtype(kind).itemsize < column.itemsize]
        for kind in smaller:
            assert not all(np.iinfo(kind).min <= value <= np.iinfo(kind).max for value in values)


@st.composite
def masks(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw two arrays of one shape: any types, few or many values, any strides, runs long and short."""
    shape = draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))
    pair = []
    for _ in range(2):
        kind = draw(st.sampled_from(KINDS))
        top = 1 if kind.kind == "b" else min(int(np.iinfo(kind).max), HIGH)
        bottom = 0 if kind.kind in "bu" else int(np.iinfo(kind).min)
        few = st.sampled_from(sorted({bottom, top, 0, 1, min(top, 255), min(top, 65535), max(bottom, -1)}))
        values = draw(st.sampled_from([few, st.integers(bottom, top)]))
        stretched = draw(st.booleans())
        wide = (*shape[:-1], 2 * shape[-1]) if stretched and shape else shape
        elements = values.map(bool) if kind.kind == "b" else values
        array = draw(npst.arrays(kind, wide, elements=elements))
        if wide != shape:
            array = array[..., ::-2]
        if draw(st.booleans()):
            array = np.asarray(array, order="F")
        pair.append(array)
    return pair[0], pair[1]


@given(masks())
@settings(max_examples=examples(300), deadline=None)
def test_counts_are_those_of_a_loop(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    gt, pred = pair
    gt_before, pred_before = gt.copy(), pred.copy()
    counts = joint_counts(gt=gt, pred=pred)
    assert counts.items() == naive(gt, pred)
    assert counts.total == gt.size
    assert_well_formed(counts)
    assert np.array_equal(gt, gt_before)
    assert np.array_equal(pred, pred_before)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33])
@pytest.mark.parametrize("length", [1, 2, 5, 6, 7, 11, 40])
def test_block_borders_and_run_lengths_change_nothing(size: int, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of eight pixels: runs end inside, at and beyond a border; both ways of counting are taken."""
    monkeypatch.setattr(counting, "BLOCK", 8)
    monkeypatch.setattr(counting, "PENDING_CELLS", 3)
    gt = (np.arange(size) // length % 3).astype(np.uint8)
    pred = (np.arange(size) // (length + 1) % 4).astype(np.uint16)
    assert joint_counts(gt=gt, pred=pred).items() == naive(gt, pred)
    wide = pred.astype(np.int64) * (1 << 40)
    assert joint_counts(gt=gt, pred=wide).items() == naive(gt, wide)


@pytest.mark.parametrize("mean_run", [1, 2, 5, 8, 15, 30, 100, 1000])
@pytest.mark.parametrize(("gt_kind", "pred_kind"), list(itertools.product(("u1", "u2", "i2"), repeat=2)))
def test_every_density_of_runs_is_counted_exactly(mean_run: int, gt_kind: str, pred_kind: str) -> None:
    """A size that is no multiple of the block, so that the last block is a short one."""
    rng = np.random.default_rng(mean_run)
    size = 2 * counting.BLOCK + 12_345
    run = np.cumsum(rng.random(size) < 1 / mean_run) - 1
    gt = rng.integers(0, 20, size)[run].astype(gt_kind)
    pred = rng.integers(0, 256, size)[run].astype(pred_kind)
    keys, pixels = np.unique(gt.astype(np.int64) * 256 + pred, return_counts=True)
    expected = tuple(zip((keys // 256).tolist(), (keys % 256).tolist(), pixels.tolist(), strict=True))
    assert joint_counts(gt=gt, pred=pred).items() == expected


@pytest.mark.usefixtures("pillow_lane")
def test_the_number_of_runs_chooses_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    pixelwise: list[int] = []
    add_pixels = counting._Sums.add_pixels

    def noted(sums: counting._Sums, gt: IntArray, pred: IntArray) -> None:
        pixelwise.append(len(gt))
        add_pixels(sums, gt, pred)

    monkeypatch.setattr(counting._Sums, "add_pixels", noted)
    constant = np.zeros(2 * counting.BLOCK, np.uint8)
    noise = np.random.default_rng(0).integers(0, 19, counting.BLOCK, dtype=np.uint8)
    joint_counts(gt=constant, pred=constant)
    assert pixelwise == []
    mixed = np.concatenate([constant, noise])
    assert joint_counts(gt=mixed, pred=mixed).items()[0] == (0, 0, len(constant) + int((noise == 0).sum()))
    assert pixelwise == [counting.BLOCK], "only the block that is noise"
    pixelwise.clear()
    mixed = np.concatenate([noise, noise, constant])
    joint_counts(gt=mixed, pred=mixed)
    assert pixelwise == [counting.BLOCK] * 2, "noise is left again where it ends"


def test_no_pixel_gives_an_empty_table() -> None:
    for shape in [(0,), (0, 5), (5, 0)]:
        counts = joint_counts(gt=np.zeros(shape, np.int64), pred=np.zeros(shape, np.uint8))
        assert counts.items() == ()
        assert counts.total == 0


def test_extremes_of_every_type_are_counted() -> None:
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4"):
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        gt, pred = np.array([low, high, high, low, 0], kind), np.array([high, low, low, high, low], kind)
        assert joint_counts(gt=gt, pred=pred).items() == naive(gt, pred)


def test_a_value_beyond_int64_is_refused_and_the_largest_within_is_not() -> None:
    zero = np.zeros(1, np.uint8)
    most = np.array([HIGH], np.uint64)
    assert joint_counts(gt=most, pred=zero).items() == ((HIGH, 0, 1),)
    for sides in ({"gt": most + np.uint64(1), "pred": zero}, {"gt": zero, "pred": most + np.uint64(1)}):
        with pytest.raises(MaskError, match="beyond"):
            joint_counts(**sides)


def test_shapes_that_differ_are_refused_even_where_sizes_agree() -> None:
    with pytest.raises(MaskError, match="shape"):
        joint_counts(gt=np.zeros((2, 3), np.uint8), pred=np.zeros((3, 2), np.uint8))


@pytest.mark.parametrize("values", [np.zeros(2), np.zeros(2, complex), np.array(["a", "b"])])
def test_what_is_not_integer_is_refused(values: NDArray[Any]) -> None:
    zero = np.zeros(2, np.uint8)
    with pytest.raises(MaskError, match="not integer"):
        joint_counts(gt=values, pred=zero)
    with pytest.raises(MaskError, match="not integer"):
        joint_counts(gt=zero, pred=values)


def test_ground_truth_and_prediction_keep_their_places() -> None:
    gt, pred = np.array([[0, 0, 1], [1, 1, 255]], np.uint8), np.array([[0, 2, 1], [0, 0, 0]], np.uint8)
    assert joint_counts(gt=gt, pred=pred).items() == ((0, 0, 1), (0, 2, 1), (1, 0, 2), (1, 1, 1), (255, 0, 1))


def test_all_65536_values_on_both_sides_are_counted_in_bounded_memory() -> None:
    rng = np.random.default_rng(3)
    size = 1 << 20
    gt, pred = rng.integers(0, 1 << 16, (2, size), dtype=np.uint16)
    gt[: 1 << 16] = np.arange(1 << 16)
    pred[: 1 << 16] = np.arange(1 << 16)[::-1]
    tracemalloc.start()
    counts = joint_counts(gt=gt, pred=pred)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    keys, pixels = np.unique(gt.astype(np.uint32) << 16 | pred, return_counts=True)
    np.testing.assert_array_equal(counts.gt, keys >> 16)
    np.testing.assert_array_equal(counts.pred, keys & 0xFFFF)
    np.testing.assert_array_equal(counts.pixels, pixels)
    assert peak < 200 * size, "of the order of the cells that come out, not of 2^32 cells"


def test_arbitrary_int64_values_are_counted() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(LOW, HIGH, 300)
    gt, pred = values[rng.integers(0, 300, 50_000)], values[rng.integers(0, 300, 50_000)]
    assert joint_counts(gt=gt, pred=pred).items() == naive(gt, pred)


def test_threads_do_not_share_buffers() -> None:
    rng = np.random.default_rng(5)
    pairs = [rng.integers(0, 19, (2, 150_000), dtype=np.uint8) for _ in range(4)]
    alone = [joint_counts(gt=gt, pred=pred) for gt, pred in pairs]
    barrier = threading.Barrier(4)

    def count(number: int) -> list[JointCounts]:
        barrier.wait()
        gt, pred = pairs[number]
        return [joint_counts(gt=gt, pred=pred) for _ in range(10)]

    with ThreadPoolExecutor(4) as executor:
        for number, found in enumerate(executor.map(count, range(4))):
            assert found == [alone[number]] * 10


def test_the_row_of_a_19_class_image_takes_little_memory() -> None:
    """Even with every one of 20 x 19 cells filled it stays below 4 KB, of which the counts are 3."""
    gt, pred = (values.astype(np.uint8) for values in np.divmod(np.arange(20 * 19), 19))
    joint_counts(gt=gt, pred=pred)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [joint_counts(gt=gt, pred=pred) for _ in range(20)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept[0]) == 380
    assert (after - before) / len(kept) < 4600


cells = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 255, -1, 65535, LOW, HIGH]) | st.integers(-40_000, 70_000),
        st.sampled_from([0, 1, 2, 255, -1, LOW, HIGH]) | st.integers(-40_000, 70_000),
        st.integers(0, 1 << 55),
    ),
    max_size=12,
)


def columns(entries: list[tuple[int, int, int]]) -> tuple[IntArray, IntArray, NDArray[np.int64]]:
    gt, pred, pixels = np.array(entries, np.int64).reshape(-1, 3).T
    return gt, pred, pixels


def added(entries: list[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    sums: Counter[tuple[int, int]] = Counter()
    for gt, pred, pixels in entries:
        sums[gt, pred] += pixels
    return tuple((gt, pred, pixels) for (gt, pred), pixels in sorted(sums.items()) if pixels)


@given(cells)
def test_a_table_adds_cells_that_occur_twice_and_drops_empty_ones(entries: list[tuple[int, int, int]]) -> None:
    found = table(*columns(entries))
    assert found.items() == added(entries)
    assert_well_formed(found)


def test_a_table_takes_columns_of_different_types() -> None:
    found = table(np.array([255, 0], np.uint8), np.array([-1, 40_000], np.int32), np.array([2, 3], np.int64))
    assert found.items() == ((0, 40_000, 3), (255, -1, 2))


def test_a_table_refuses_values_beyond_int64() -> None:
    beyond = np.array([1 << 63], np.uint64)
    with pytest.raises(MaskError, match="beyond"):
        table(beyond, np.zeros(1, np.uint8), np.ones(1, np.int64))


@given(st.lists(cells, max_size=5), st.integers(1, 20), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_total_is_the_sum_of_all_cells_in_any_order(
    parts: list[list[tuple[int, int, int]]], batch: int, random: Any
) -> None:
    tables = [table(*columns(entries)) for entries in parts]
    expected = added([entry for entries in parts for entry in entries])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segeval.tables.counts.PENDING_CELLS", batch)
        found = total(tables)
        assert found.items() == expected
        assert_well_formed(found)
        random.shuffle(tables)
        assert total(tables) == found
        assert total([total(tables[:2]), total(tables[2:])]) == found


def test_a_total_is_exact_beyond_what_float64_holds() -> None:
    large = (1 << 53) + 1
    one = table(np.array([0]), np.array([0]), np.array([large]))
    other = table(np.array([0, 1]), np.array([0, 1]), np.array([1, large]))
    assert total([one, other, one]).items() == ((0, 0, 2 * large + 1), (1, 1, large))


def test_the_total_of_nothing_is_empty() -> None:
    assert total([]).items() == ()
    empty = joint_counts(gt=np.zeros(0, np.uint8), pred=np.zeros(0, np.uint8))
    assert total([empty, empty]) == empty


def test_equal_tables_are_equal_and_hash_alike() -> None:
    gt = np.array([0, 1, 1], np.uint8)
    one, same = joint_counts(gt=gt, pred=gt), joint_counts(gt=gt.astype(np.int64), pred=gt.astype(np.int32))
    assert one == same
    assert hash(one) == hash(same)
    assert one != joint_counts(gt=gt, pred=gt[::-1])
    assert one != "a table"


@pytest.mark.parametrize("other", [([1, 2], [5, 6], [7, 8]), ([0, 2], [4, 6], [7, 8]), ([0, 2], [5, 6], [7, 9])])
def test_tables_are_equal_only_if_every_column_is(other: tuple[list[int], list[int], list[int]]) -> None:
    one = table(*map(np.array, ([0, 2], [5, 6], [7, 8])))
    assert one == table(*map(np.array, ([2, 0], [6, 5], [8, 7])))
    assert hash(one) == hash(table(*map(np.array, ([2, 0], [6, 5], [8, 7]))))
    assert one != table(*map(np.array, other))


def test_a_table_is_not_equal_to_anything_else() -> None:
    one = table(*map(np.array, ([0], [5], [7])))
    assert (one == [(0, 5, 7)]) is False
    assert (one != [(0, 5, 7)]) is True
