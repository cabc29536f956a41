"""Which map wins a pixel and how sure a model was: NumPy's own argmax, counted pixel by pixel, in either lane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.measuring.winners import Memory, confidence, unnormalised, winners_of
from segeval.protocol.labeling import VOID, ValueMap
from segeval.protocol.mapkinds import EIGHT_BIT, SIXTEEN_BIT
from segeval.scores.calibration import confidence_bins
from segeval.tables import lane

kernels = pytest.mark.skipif(not lane.compiled(), reason="installed without a C compiler")
SHAPES = ((1, 1), (1, 7), (3, 5), (64, 64), (63, 131))
MEMORY = Memory()


@pytest.fixture(params=["pillow", pytest.param("fast", marks=kernels)])
def in_lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(lane.VARIABLE, request.param)
    lane.forget()
    yield request.param
    lane.forget()


def drawn(seed: int, count: int, shape: tuple[int, int], kind: str = "u1") -> list[NDArray[np.unsignedinteger]]:
    draw = np.random.default_rng(seed)
    most = 3 if seed % 2 else np.iinfo(kind).max + 1  # few levels tie often
    return [draw.integers(0, most, shape).astype(kind) for _ in range(count)]


@pytest.mark.parametrize("count", [2, 3, 19, 256])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_first_of_the_highest_wins(in_lane: str, seed: int, shape: tuple[int, int], count: int) -> None:
    maps = drawn(seed, count, shape)
    for memory in (None, MEMORY, MEMORY):
        won = winners_of(maps, memory)
        assert np.array_equal(won.places, np.argmax(maps, axis=0))
        assert np.array_equal(won.best, np.max(maps, axis=0))
        assert np.array_equal(won.sums, np.sum(maps, axis=0, dtype=np.int64))


@pytest.mark.parametrize(("count", "kind"), [(257, "u1"), (5, "u2")])
def test_what_is_no_byte_is_compared_too(in_lane: str, count: int, kind: str) -> None:
    maps = drawn(1, count, (9, 11), kind)
    won = winners_of(maps, MEMORY)
    assert np.array_equal(won.places, np.argmax(maps, axis=0))
    assert np.array_equal(won.sums, np.sum(maps, axis=0, dtype=np.int64))


def test_the_maps_themselves_stay_as_they_are(in_lane: str) -> None:
    maps = drawn(0, 3, (8, 8))
    before = [plane.copy() for plane in maps]
    winners_of(maps, MEMORY)
    assert all(map(np.array_equal, maps, before))


@pytest.mark.parametrize("kind", [EIGHT_BIT, SIXTEEN_BIT], ids=["8-bit", "16-bit"])
@pytest.mark.parametrize("count", [2, 3, 11])
def test_sums_may_be_off_by_half_a_level_of_each_map(in_lane: str, kind: object, count: int) -> None:
    top = kind.top  # type: ignore[attr-defined]
    off = np.arange(-count, count + 1)
    first = np.full((1, off.size), top // 2)
    second = top - first + off
    maps = [plane.astype("u1" if top == 255 else "u2") for plane in (first, second)]
    maps += [np.zeros_like(maps[0])] * (count - 2)
    expected = int(np.count_nonzero(np.abs(off) > count / 2))
    assert unnormalised(winners_of(maps), kind, count) == expected  # type: ignore[arg-type]


def test_many_maps_may_add_up_to_nothing_at_all(in_lane: str) -> None:
    maps = [np.zeros((2, 2), np.uint16)] * 600
    assert unnormalised(winners_of(maps), EIGHT_BIT, 600) == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ignored", [False, True])
def test_levels_of_valid_pixels_are_sorted_as_one_by_one(in_lane: str, shape: tuple[int, int], ignored: bool) -> None:
    draw = np.random.default_rng(3)
    maps = drawn(4, 3, shape)
    gt = draw.integers(0, 5, shape).astype(np.uint8)
    lookup = ValueMap({0: 0, 1: 1, 2: 2, 3: VOID}, default=1)
    described = (0, None, 2) if ignored else (0, 1, 2)
    won = winners_of(maps)
    true = np.array([0, 1, 2, -1, 1])[gt]
    predicted = np.array([0, -9 if ignored else 1, 2])[np.argmax(maps, axis=0)]
    expected = confidence_bins(np.max(maps, axis=0), true == predicted, true >= 0, EIGHT_BIT)
    assert confidence(won, gt, lookup, described, EIGHT_BIT) == expected
    assert confidence(won, gt.astype(np.int32), lookup, described, EIGHT_BIT) == expected


@kernels
def test_the_kernels_refuse_sizes_that_do_not_fit() -> None:
    from segeval.tables.levelrows import count_levels_of_winners, fold_levels

    plane, sums = np.zeros(8, np.uint8), np.zeros(8, np.uint16)
    short = plane[:7].copy()
    empty = plane[:0].copy()
    for planes in ((short, plane, plane), (plane, short, plane), (plane, plane, short), (empty, empty, empty)):
        with pytest.raises(ValueError, match="size"):
            fold_levels(planes[0], 1, planes[1], planes[2], sums)
    with pytest.raises(ValueError, match="size"):
        fold_levels(plane, 1, plane.copy(), plane.copy(), sums[:7].copy())
    table, counts = np.zeros(256, np.uint8), np.zeros(2048, np.int64)
    wrong = (
        (short, plane, plane, table, table, counts),
        (plane, short, plane, table, table, counts),
        (plane, plane, short, table, table, counts),
        (plane, plane, plane, table[:255].copy(), table, counts),
        (plane, plane, plane, table, table[:255].copy(), counts),
        (plane, plane, plane, table, table, counts[:2047].copy()),
    )
    for arguments in wrong:
        with pytest.raises(ValueError, match="size"):
            count_levels_of_winners(*arguments)
    assert not counts.any()
