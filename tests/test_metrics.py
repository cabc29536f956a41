"""Overlap scores against a loop over pixels that knows nothing of tables, under every choice of every axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention
from segeval.protocol.labeling import (
    NO_FILE,
    NO_PREDICTION,
    UNKNOWN,
    VOID,
    Group,
    Labeling,
    SegmentationClass,
    value_map,
)
from segeval.scores.imageoverlap import image_mious, image_outcomes, image_tallies, present
from segeval.scores.overlap import (
    Outcomes,
    frequency_weighted,
    mean,
    micro,
    outcomes,
    pixel_accuracy,
    precisions,
    ratio,
    recalls,
    worst_mean,
)
from segeval.scores.registry import averaged
from segeval.tables.counts import JointCounts, Tallies, confusion, grouped, table, tallies, total
from tests.support.tallies import dense_tallies

CLASSES = tuple(SegmentationClass(index, str(index)) for index in range(3))
VALUES = value_map(CLASSES, ignore=[255])
LABELING = Labeling(CLASSES, VALUES, VALUES)
K = len(CLASSES)
Pixels = list[tuple[int, int]]
Score = Fraction | None

GT_VALUES = (0, 1, 2, 255, 7)
PRED_VALUES = (0, 1, 2, 255, 7)
PIXELS = st.lists(st.tuples(st.sampled_from(GT_VALUES), st.sampled_from(PRED_VALUES)), max_size=12)
LOST = st.lists(st.tuples(st.sampled_from(GT_VALUES), st.just(NO_PREDICTION)), max_size=6)
IMAGES = st.lists(st.one_of(PIXELS, PIXELS, LOST), min_size=1, max_size=4)
AXIS_CHOICES = st.fixed_dictionaries({axis: st.sampled_from(choices) for axis, choices in AXES.items()})


def counted(pixels: Pixels) -> JointCounts:
    gt, pred = (np.array([pair[side] for pair in pixels], np.int64) for side in (0, 1))
    return table(gt, pred, np.ones(len(pixels), np.int64))


def kind(value: int) -> str:
    return {255: "void", 7: "unknown", NO_PREDICTION: "missing"}.get(value, "class")


def loop(pixels: Pixels, rule: Convention | None) -> tuple[list[int], list[int], list[int]]:
    """Count hits, false alarms and misses of each class, pixel by pixel."""
    tp, fp, fn = [0] * K, [0] * K, [0] * K
    for gt, pred in pixels:
        given_class = kind(pred) == "class"
        if kind(gt) == "class":
            if gt == pred:
                tp[gt] += 1
            elif given_class:
                fp[pred] += 1
                fn[gt] += 1
            elif kind(pred) == "missing":
                fn[gt] += 1
            else:
                choice = "miss" if rule is None else rule.pred_void if kind(pred) == "void" else rule.unknown
                fn[gt] += choice == "miss"
        elif kind(gt) == "unknown" and given_class and rule is not None and rule.gt_unknown == "drop-fp":
            fp[pred] += 1
    return tp, fp, fn


def score(tp: int, fp: int, fn: int, rule: Convention, weight: int) -> tuple[Score, bool]:
    """Return an overlap and whether it makes a mean undefined."""
    if tp + fp + fn == 0:
        return {"skip": None, "zero": Fraction(0), "one": Fraction(1), "undefined": None, "skip-image": None}[
            rule.absent
        ], (rule.absent == "undefined")
    if rule.pred_only == "skip" and tp + fn == 0:
        return None, False
    return Fraction(weight * tp, weight * tp + fp + fn), False


def average(scores: Iterable[Score]) -> Score:
    known = [value for value in scores if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def close(found: float | None, expected: Score) -> bool:
    if found is None or expected is None:
        return found is None and expected is None
    return math.isclose(found, float(expected), rel_tol=1e-14, abs_tol=1e-300)


@given(IMAGES, AXIS_CHOICES, st.sampled_from([1, 2]))
def test_overlap_is_that_of_a_loop_over_pixels(images: list[Pixels], axes: dict[str, str], weight: int) -> None:
    rule = Convention(**axes)
    tables = [counted(pixels) for pixels in images]
    found = averaged(
        outcomes(tallies(confusion(total(tables), LABELING)), rule),
        image_outcomes(image_tallies(tables, LABELING), rule),
        rule,
        hit_weight=weight,
    )
    parts = [loop(pixels, rule) for pixels in images]
    of_images = [[score(*counts, rule, weight) for counts in zip(*part, strict=True)] for part in parts]
    whole = [[sum(part[side][index] for part in parts) for index in range(K)] for side in range(3)]
    of_whole = [score(tp, fp, fn, rule, weight) for tp, fp, fn in zip(*whole, strict=True)]
    if rule.average in ("dataset", "micro", "weighted"):
        classes, poison = [value for value, _ in of_whole], any(spoiled for _, spoiled in of_whole)
        expected = average(classes)
        if rule.average == "micro":
            tp, fp, fn = map(sum, whole)
            expected = Fraction(weight * tp, weight * tp + fp + fn) if tp + fp + fn else None
    else:
        poison = any(spoiled for image in of_images for _, spoiled in image)
        classes = [average(image[index][0] for image in of_images) for index in range(K)]
        expected = {
            "image": average(average(value for value, _ in image) for image in of_images),
            "class-image": average(classes),
            "image-class": average(value for image in of_images for value, _ in image),
            "image-micro": average(score(sum(tp), sum(fp), sum(fn), rule, weight)[0] for tp, fp, fn in parts),
        }[rule.average]
    if rule.absent == "skip-image":
        poison = any(value is None for value in classes)
    assert all(map(close, found.classes, classes))
    assert close(found.mean, None if poison else expected)
    assert found.in_mean == sum(value is not None for value in classes)


@given(IMAGES)
def test_what_no_convention_changes_is_that_of_a_loop_over_pixels(images: list[Pixels]) -> None:
    tables = [counted(pixels) for pixels in images]
    whole, each = tallies(confusion(total(tables), LABELING)), image_tallies(tables, LABELING)
    pixels = [pair for image in images for pair in image]
    tp, fp, fn = loop(pixels, None)
    true = [sum(gt == index for gt, _ in pixels) for index in range(K)]
    found = outcomes(whole)
    assert (found.tp.tolist(), found.fp.tolist(), found.fn.tolist()) == (tp, fp, fn)
    assert whole.true_pixels.tolist() == true == [hit + missed for hit, missed in zip(tp, fn, strict=True)]
    assert pixel_accuracy(whole) == (sum(tp) / sum(true) if sum(true) else None)
    assert recalls(whole) == tuple(hit / size if size else None for hit, size in zip(tp, true, strict=True))
    assert precisions(whole) == tuple(
        hit / (hit + wrong) if hit + wrong else None for hit, wrong in zip(tp, fp, strict=True)
    )
    fine = [
        [Fraction(h, h + f + m) if h + m else None for h, f, m in zip(*loop(image, None), strict=True)]
        for image in images
    ]
    assert all(map(close, image_mious(image_outcomes(each)), map(average, fine)))
    assert all(map(close, present(image_outcomes(each)).class_means(), map(average, zip(*fine, strict=True))))
    ious = [Fraction(h, h + f + m) if h + f + m else None for h, f, m in zip(tp, fp, fn, strict=True)]
    weighted = [(size, iou) for size, iou in zip(true, ious, strict=True) if size and iou is not None]
    floats = [None if iou is None else float(iou) for iou in ious]
    expected = sum((size * iou for size, iou in weighted), Fraction(0)) / sum(true) if sum(true) else None
    assert close(frequency_weighted(floats, whole.true_pixels.tolist()), expected)


OF_NO_CLASS = ("gt_unknown", "same_unknown")


@given(IMAGES)
def test_images_add_up_to_the_whole(images: list[Pixels]) -> None:
    tables = [counted(pixels) for pixels in images]
    whole, each = tallies(confusion(total(tables), LABELING)), image_tallies(tables, LABELING)
    for name in Tallies.__dataclass_fields__:
        assert getattr(dense_tallies(each), name).shape == (len(images), 1 if name in OF_NO_CLASS else K)
        assert getattr(each.pixels, name).shape == (len(images), 1)
        if name != "same_unknown":  # which a confusion table does not hold
            assert getattr(dense_tallies(each), name).sum(axis=0).tolist() == getattr(whole, name).tolist(), name
            assert getattr(each.whole(), name).tolist() == getattr(whole, name).tolist(), name
            assert int(getattr(each.pixels, name).sum()) == int(getattr(whole, name).sum()), name


def test_no_image_at_all_has_tallies_of_no_image() -> None:
    each = dense_tallies(image_tallies([], LABELING))
    for name in Tallies.__dataclass_fields__:
        assert getattr(each, name).shape == (0, 1 if name in OF_NO_CLASS else K)
        assert getattr(each, name).dtype == np.int64


def test_an_image_of_nothing_is_an_image() -> None:
    each = image_tallies([counted([]), counted([(0, 0)])], LABELING)
    assert dense_tallies(each).hit.tolist() == [[0, 0, 0], [1, 0, 0]]


@given(PIXELS, st.lists(st.integers(0, 2), min_size=K, max_size=K))
def test_groups_are_what_the_loop_says_of_merged_classes(pixels: Pixels, belongs: Sequence[int]) -> None:
    """Classes of one group are one class; those of none are a last one, and no group's false alarm is lost."""
    groups = [Group(str(number), tuple(index for index in range(K) if belongs[index] == number)) for number in (0, 1)]
    merged = [
        (belongs[gt] if gt in range(K) else gt, belongs[pred] if pred in range(K) else pred) for gt, pred in pixels
    ]
    found = outcomes(tallies(grouped(confusion(counted(pixels), LABELING), LABELING, groups)))
    assert (found.tp.tolist(), found.fp.tolist(), found.fn.tolist()) == loop(merged, None)


def test_the_table_of_classes_has_a_place_for_everything() -> None:
    """Each kind of pixel a different number of times: no two places can be exchanged unnoticed."""
    kinds = [*range(K), 255, 7]
    cells = {pair: 2**place for place, pair in enumerate(product(kinds, [*kinds, NO_PREDICTION]))}
    gt, pred = (np.array([pair[side] for pair in cells], np.int64) for side in (0, 1))
    found = confusion(table(gt, pred, np.array(list(cells.values()), np.int64)), LABELING)
    expected = [[cells[row, column] for column in [*kinds, NO_PREDICTION]] for row in kinds]
    assert found.counts.tolist() == expected
    assert found.size == K
    assert found.matrix.tolist() == [line[:K] for line in expected[:K]]
    assert found.column(VOID).tolist() == [line[K] for line in expected[:K]]
    assert found.column(UNKNOWN).tolist() == [line[K + 1] for line in expected[:K]]
    assert found.column(NO_FILE).tolist() == [line[K + 2] for line in expected[:K]]
    assert found.column(1).tolist() == [line[1] for line in expected[:K]]
    assert found.valid_pixels == sum(map(sum, expected[:K]))
    assert found.void_pixels == sum(expected[K])
    assert found.unknown_pixels == sum(expected[K + 1])
    assert tallies(found).stray.tolist() == expected[K + 1][:K]


def test_what_is_no_class_has_an_index_of_its_own_below_all_classes() -> None:
    assert sorted({VOID, UNKNOWN, NO_FILE}) == [-3, -2, -1]
    assert (VOID, UNKNOWN, NO_FILE) == (-1, -2, -3)
    assert NO_PREDICTION == -(2**63)
    assert VALUES.index(NO_PREDICTION) == NO_FILE
    assert VALUES(np.array([], np.int64)).shape == (0,)


# --- Small pieces ----------------------------------------------------------------------------------------------------


def test_ratios_are_rounded_once_whatever_the_size() -> None:
    assert ratio(3, 0) is None
    assert ratio(0, 5) == 0
    assert ratio(2**70 + 1, 2**70) == 1
    assert ratio(10**400, 10**400 * 3) == 1 / 3


def test_means_leave_out_what_is_undefined_and_lose_no_small_part() -> None:
    assert mean([]) is None
    assert mean([None, None]) is None
    assert mean([None, 0.25, 0.75]) == 0.5
    assert mean([1e16, 1.0, -1e16, 1.0]) == 0.5


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([4.0, 1.0, 3.0, 2.0], 50, 1.5),
        ([4.0, 1.0, 3.0, 2.0], 74.9, 1.5),
        ([4.0, 1.0, 3.0, 2.0], 75, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 100, 2.5),
        ([4.0, 1.0, 3.0, 2.0], 1, 1.0),
        ([7.0], 5, 7.0),
        ([], 5, None),
    ],
)
def test_the_worst_are_the_lowest_share_and_at_least_one(
    values: list[float], percent: float, expected: float | None
) -> None:
    assert worst_mean(values, percent) == expected


def test_micro_sums_before_it_divides() -> None:
    counts = Outcomes(*(np.array(column, np.int64) for column in ([1, 5], [2, 0], [0, 3])))
    assert micro(counts) == 6 / 11
    assert micro(counts, hit_weight=2) == 12 / 17
    nothing = np.zeros(2, np.int64)
    assert micro(Outcomes(nothing, nothing, nothing)) is None


def _one(**marginals: list[int]) -> Tallies:
    size = len(next(iter(marginals.values())))
    names = ("hit", "gt", "pred", "void", "unknown", "missing", "stray", "gt_unknown", "same_unknown")
    return Tallies(**{name: np.array(marginals.get(name, [0] * size), np.int64) for name in names})


def test_a_prediction_on_an_unknown_ground_truth_is_a_false_alarm_where_drop_fp_says_so() -> None:
    found = _one(hit=[3, 1], gt=[4, 1], pred=[3, 2], stray=[2, 0])
    kept = outcomes(found, Convention(gt_unknown="drop-fp"))
    assert (kept.tp.tolist(), kept.fp.tolist(), kept.fn.tolist()) == ([3, 1], [2, 1], [1, 0])
    dropped = outcomes(found, Convention(gt_unknown="drop"))
    assert dropped.fp.tolist() == [0, 1]


def test_the_frequency_weighted_iou_leaves_undefined_classes_out_with_their_pixels() -> None:
    # class 0 was given void only and is dropped; class 2 is predicted only; by hand (6 * 0.5 + 2 * 1) / 8
    found = _one(hit=[0, 3, 0, 2], gt=[0, 6, 0, 2], pred=[0, 3, 3, 2], void=[5, 0, 0, 0])
    assert frequency_weighted([None, 0.5, 0.0, 1.0], found.true_pixels.tolist()) == 5 / 8
    assert frequency_weighted([None, None, 0.0, None], found.true_pixels.tolist()) is None


def test_merged_classes_keep_void_unknown_and_missing_apart() -> None:
    cells = [(0, 0, 5), (0, 255, 2), (1, 7, 3), (2, NO_PREDICTION, 4), (2, 2, 1), (255, 1, 6), (7, 2, 8)]
    gt, pred, pixels = (np.array(column, np.int64) for column in zip(*cells, strict=True))
    found = grouped(confusion(table(gt, pred, pixels), LABELING), LABELING, [Group("both", (0, 1))])
    # one group, then the classes of no group, then void and unknown; behind them, as a column, missing predictions
    assert found.counts.tolist() == [[5, 0, 2, 3, 0], [0, 1, 0, 0, 4], [6, 0, 0, 0, 0], [0, 8, 0, 0, 0]]
    assert [found.column(index).tolist() for index in (VOID, UNKNOWN, NO_FILE)] == [[2, 0], [3, 0], [0, 4]]
