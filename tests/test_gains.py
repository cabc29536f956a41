"""Gains are what re-scoring an edited confusion table says they are; nothing is gained where nothing is defined."""

from __future__ import annotations

import time
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.protocol.conventions import Convention, conventions
from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Labeling, SegmentationClass, value_map
from segeval.scores.gains import (
    WorstImage,
    perfect_class_gains,
    top_confusions,
    worst_images,
)
from segeval.scores.imageoverlap import image_outcomes
from segeval.scores.overlap import outcomes
from segeval.scores.registry import averaged
from segeval.tables.counts import Confusion, Tallies, joint_counts, tallies
from tests.support.properties import examples
from tests.support.tallies import kept_tallies

DATASET = [rule for rule in conventions().values() if rule.average == "dataset"]
HERE = Convention()


def table(*rows: list[int], behind: list[list[int]] | None = None) -> Confusion:
    """Build a table from the rows of the classes, each with its K + 3 columns, and the rows of void and unknown."""
    width = len(rows[0])
    return Confusion(np.array([*rows, *(behind or [[0] * width] * 2)], np.int64))


def rescored(counts: list[list[int]], rule: Convention) -> float | None:
    whole = tallies(Confusion(np.array(counts, np.int64)))
    one_image = kept_tallies(Tallies(**{field.name: getattr(whole, field.name)[None] for field in fields(Tallies)}))
    return averaged(outcomes(whole, rule), image_outcomes(one_image, rule), rule).mean


def made_perfect(counts: list[list[int]], index: int) -> list[list[int]]:
    """Move each pixel of the class, or given the class, to where it belongs; one cell at a time."""
    size = len(counts) - 2
    edited = [list(row) for row in counts]
    for column in range(size + 3):
        if column != index:
            edited[index][index] += edited[index][column]
            edited[index][column] = 0
    for row in range(size):
        if row != index:
            edited[row][row] += edited[row][index]
            edited[row][index] = 0
    edited[size + 1][index] = 0
    return edited


def cell_corrected(counts: list[list[int]], row: int, column: int) -> list[list[int]]:
    edited = [list(cells) for cells in counts]
    edited[row][row] += edited[row][column]
    edited[row][column] = 0
    return edited


@st.composite
def tables(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(1, 4))
    cell = st.one_of(st.just(0), st.integers(0, 50))
    return [[draw(cell) for _ in range(size + 3)] for _ in range(size + 2)]


@pytest.mark.parametrize("average", ["image", "class-image", "image-class", "micro"])
def test_means_that_are_no_function_of_one_table_have_no_gains(average: str) -> None:
    one = table([5, 1, 0, 0, 0], [0, 4, 0, 0, 0])
    assert perfect_class_gains(one, Convention(average=average)) is None
    assert top_confusions(one, Convention(average=average)) is None


def test_where_the_mean_is_undefined_so_is_the_gain() -> None:
    absent = table([5, 1, 0, 0, 0], [0, 0, 0, 0, 0])
    poisoned = Convention(absent="undefined")
    gains = perfect_class_gains(table([5, 0, 0, 0, 0], [0, 0, 0, 0, 0]), poisoned)
    assert gains is not None
    assert [(entry.miou, entry.gain) for entry in gains] == [(None, None)] * 2
    # Correcting the only prediction of class 1 would leave it absent, and the mean undefined.
    assert top_confusions(absent, poisoned) == ()
    assert top_confusions(table([5, 0, 0, 0, 0], [0, 0, 0, 0, 0]), poisoned) is None


def test_no_pixels_no_gains() -> None:
    nothing = table([0] * 5, [0] * 5)
    gains = perfect_class_gains(nothing, HERE)
    assert gains is not None
    assert [entry.gain for entry in gains] == [None, None]
    assert top_confusions(nothing, HERE) is None


def test_a_perfect_run_has_nothing_to_gain() -> None:
    perfect = table([5, 0, 0, 0, 0], [0, 4, 0, 0, 0])
    gains = perfect_class_gains(perfect, HERE)
    assert gains is not None
    assert [(entry.miou, entry.gain) for entry in gains] == [(1.0, 0.0)] * 2
    assert top_confusions(perfect, HERE) == ()


def test_by_hand() -> None:
    # With class 0 perfect, class 1 has 8 hits, 2 false alarms and a miss: the two pixels that 0 had taken come back.
    run = table([6, 1, 0, 1, 0, 0], [2, 6, 1, 0, 0, 0], [0, 2, 5, 0, 0, 0])
    before = (6 / 10 + 6 / 12 + 5 / 8) / 3
    gains = perfect_class_gains(run, HERE)
    assert gains is not None
    assert gains[0].miou == pytest.approx((1 + 8 / 11 + 5 / 8) / 3, abs=1e-15)
    assert gains[0].gain == pytest.approx((1 + 8 / 11 + 5 / 8) / 3 - before, abs=1e-15)
    costs = top_confusions(run, HERE)
    assert costs is not None
    assert [(cost.gt, cost.pred, cost.pixels) for cost in costs] == [
        (2, 1, 2),
        (1, 0, 2),
        (1, 2, 1),
        (0, 1, 1),
        (0, VOID, 1),
    ]
    changes = (
        (7 / 8 - 5 / 8) + (6 / 10 - 6 / 12),
        (8 / 12 - 6 / 12) + (6 / 8 - 6 / 10),
        (7 / 12 - 6 / 12) + (5 / 7 - 5 / 8),
    )
    assert [cost.gain for cost in costs[:3]] == pytest.approx([change / 3 for change in changes], abs=1e-15)
    assert costs[0].share_of_gt == pytest.approx(2 / 7)


def test_void_unknown_and_missing_predictions_are_confusions_too() -> None:
    costs = top_confusions(table([5, 3, 2, 1]), Convention(unknown="miss"))
    assert costs is not None
    assert [(cost.gt, cost.pred, cost.pixels) for cost in costs] == [(0, VOID, 3), (0, UNKNOWN, 2), (0, NO_FILE, 1)]
    assert [cost.gain for cost in costs] == [pytest.approx(3 / 11), pytest.approx(2 / 11), pytest.approx(1 / 11)]


def test_equal_gains_are_ranked_by_class() -> None:
    costs = top_confusions(table([7, 1, 1, 0, 0, 0], [1, 7, 1, 0, 0, 0], [1, 1, 7, 0, 0, 0]), HERE, limit=4)
    assert costs is not None
    assert [(cost.gt, cost.pred) for cost in costs] == [(0, 1), (0, 2), (1, 0), (1, 2)]


def test_rounding_does_not_rank() -> None:
    # Both void cells gain a seventh of IoU, 2/7 - 1/7 and 5/7 - 4/7, which differ in the last bits.
    costs = top_confusions(table([1, 0, 1, 5, 0], [0, 4, 1, 2, 0]), Convention(unknown="miss"))
    assert costs is not None
    first, second = (cost for cost in costs if cost.pred == VOID)
    assert first.gain < second.gain
    assert (first.gt, second.gt) == (0, 1)


@pytest.mark.parametrize("rule", DATASET, ids=lambda rule: rule.name)
@settings(max_examples=examples(40), deadline=None)
@given(counts=tables())
def test_a_perfect_class_scores_as_the_edited_table_does(rule: Convention, counts: list[list[int]]) -> None:
    gains = perfect_class_gains(Confusion(np.array(counts, np.int64)), rule)
    assert gains is not None
    before = rescored(counts, rule)
    for index, entry in enumerate(gains):
        after = rescored(made_perfect(counts, index), rule)
        assert entry.index == index
        assert entry.miou == (None if after is None else pytest.approx(after, abs=1e-14))
        assert entry.gain == (None if before is None or after is None else pytest.approx(after - before, abs=1e-14))


@pytest.mark.parametrize("rule", DATASET, ids=lambda rule: rule.name)
@settings(max_examples=examples(40), deadline=None)
@given(counts=tables())
def test_a_confusion_costs_what_correcting_its_cell_gains(rule: Convention, counts: list[list[int]]) -> None:
    size, before = len(counts) - 2, rescored(counts, rule)
    costs = top_confusions(Confusion(np.array(counts, np.int64)), rule, limit=1000)
    if before is None:
        assert costs is None
        return
    expected = {}
    for row in range(size):
        for column in range(size + 3):
            after = rescored(cell_corrected(counts, row, column), rule)
            if row != column and counts[row][column] and after is not None and after - before > 1e-12:
                expected[row, column if column < size else (VOID, UNKNOWN, NO_FILE)[column - size]] = after - before
    assert costs is not None
    assert {(cost.gt, cost.pred): cost.gain for cost in costs} == {
        cell: pytest.approx(gain, abs=1e-13) for cell, gain in expected.items()
    }
    assert all(one.gain >= two.gain - 1e-12 for one, two in pairwise(costs))
    for cost in costs:
        assert cost.share_of_gt == cost.pixels / sum(counts[cost.gt])


def test_a_thousand_classes_take_no_time() -> None:
    counts = np.random.default_rng(0).integers(0, 1000, (1002, 1003))
    begin = time.process_time()
    perfect_class_gains(Confusion(counts), HERE)
    top_confusions(Confusion(counts), HERE)
    assert time.process_time() - begin < 5, "each takes a quarter to half a second on one core"


CLASSES = tuple(SegmentationClass(index, str(index)) for index in range(3))
LABELING = Labeling(CLASSES, value_map(CLASSES, ignore=[255]), value_map(CLASSES, ignore=[255]))


def test_worst_images_with_the_class_that_costs_most() -> None:
    images = {
        "b": ([0, 0, 1, 1], [0, 1, 1, 1]),  # IoU 1/2, 2/3; with 0 or 1 perfect all is right: the first is told
        "a": ([0, 0, 1, 1], [0, 1, 1, 1]),
        "perfect": ([2, 2], [2, 2]),
        "void": ([255, 255], [0, 0]),
        "zero": ([0, 0, 0], [1, 2, 255]),
        "two": ([0, 0, 1, 1, 2], [1, 0, 1, 1, 0]),  # IoU 1/3, 2/3, 0; class 0 perfect mends everything
    }
    tables = [joint_counts(gt=np.array(gt), pred=np.array(pred)) for gt, pred in images.values()]
    worst = worst_images(list(images), tables, LABELING, limit=5)
    assert [(image.key, image.costliest) for image in worst] == [
        ("zero", 0),
        ("two", 0),
        ("a", 0),
        ("b", 0),
        ("perfect", None),
    ]
    assert worst[0] == WorstImage("zero", 0.0, 0, 1.0)
    assert worst[1].image_miou == pytest.approx(1 / 3)
    assert worst[1].gain == pytest.approx(2 / 3)
    assert worst[4] == WorstImage("perfect", 1.0, None, None)
    assert [image.key for image in worst_images(list(images), tables, LABELING, limit=1)] == ["zero"]


def test_the_costliest_class_is_one_of_the_ground_truth() -> None:
    # Class 0 takes every pixel but is in no ground truth.
    tables = [joint_counts(gt=np.array([1, 1, 2, 2]), pred=np.array([0, 0, 0, 0]))]
    assert worst_images(["one"], tables, LABELING) == (WorstImage("one", 0.0, 1, 0.5),)


def test_the_costliest_class_is_not_always_the_one_with_the_lowest_iou() -> None:
    # IoU 4/7, 3/7 and 0 (one pixel of class 2 is called void); class 1 mends five of the six wrong pixels.
    gt, pred = [0] * 5 + [1] * 6 + [2], [0] * 4 + [1] + [1] * 3 + [0] * 2 + [255] + [255]
    worst = worst_images(["one"], [joint_counts(gt=np.array(gt), pred=np.array(pred))], LABELING)[0]
    assert worst.image_miou == pytest.approx((4 / 7 + 3 / 7 + 0) / 3)
    assert worst.costliest == 1
    assert worst.gain == pytest.approx((1 + 1 + 0) / 3 - (4 / 7 + 3 / 7 + 0) / 3)
