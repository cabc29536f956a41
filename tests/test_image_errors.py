"""The wrong pixels of each class of an image: those missed, and those wrongly predicted as it."""

from __future__ import annotations

import numpy as np

from segeval.protocol.labeling import NO_PREDICTION, VOID_SET, Labeling, SegmentationClass, set_labeling, value_map
from segeval.scores.imageerrors import class_errors
from segeval.tables.counts import joint_counts

CLASSES = tuple(SegmentationClass(index, name) for index, name in enumerate("abcd"))
VALUES = value_map(CLASSES, ignore=[255])
LABELING = Labeling(CLASSES, VALUES, VALUES)


def errors(gt: list[int], pred: list[int], labeling: Labeling = LABELING) -> dict[int, int]:
    return class_errors(joint_counts(gt=np.array(gt), pred=np.array(pred)), labeling)


def test_a_wrong_pixel_is_one_of_both_its_classes() -> None:
    assert errors([0, 0, 0, 1], [0, 1, 1, 2]) == {0: 2, 1: 3, 2: 1}


def test_void_unknown_and_missing_predictions_are_missed() -> None:
    assert errors([0, 0, 1, 1], [255, 99, NO_PREDICTION, 1]) == {0: 2, 1: 1}


def test_what_is_void_in_the_ground_truth_is_of_no_class() -> None:
    assert errors([255, 0], [3, 0]) == {0: 0}


def test_a_class_only_on_unknown_ground_truth_is_not_in_the_image() -> None:
    assert errors([99, 0], [3, 0]) == {0: 0}


def test_sets_are_compared_class_by_class() -> None:
    gt, pred = [0b011, 0b001, 0b000, VOID_SET], [0b001, 0b101, 0b000, 0b1000]
    assert errors(gt, pred, set_labeling(CLASSES)) == {0: 0, 1: 1, 2: 1}
