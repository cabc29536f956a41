"""One pair of masks, ten answers: every evaluator's number under its name, computed or run outside the project."""

from __future__ import annotations

import numpy as np
import pytest

from segeval.errors import UsageError
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention, convention, conventions
from segeval.protocol.labeling import VOID, Labeling, SegmentationClass, value_map
from segeval.scores.imageoverlap import image_mious, image_outcomes, image_tallies, present
from segeval.scores.overlap import mean, outcomes
from segeval.scores.registry import averaged
from segeval.tables.counts import confusion, joint_counts, tallies, total
from tests.support.tallies import dense_tallies

GT = (
    np.array([[0, 0, 0, 0, 0], [1, 1, 1, 255, 255]]),
    np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
)
PRED = (
    np.array([[0, 0, 0, 1, 255], [1, 1, 2, 2, 255]]),
    np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]),
)
CLASSES = tuple(SegmentationClass(index, str(index)) for index in range(4))
LABELING = Labeling(CLASSES, value_map(CLASSES, ignore=[255]), value_map(CLASSES, ignore=[255]))
TABLES = [joint_counts(gt=gt, pred=pred) for gt, pred in zip(GT, PRED, strict=True)]
WHOLE = confusion(total(TABLES), LABELING)

GOLDEN: dict[str, tuple[tuple[float | None, ...] | None, float | None, int]] = {
    # name: (per class, mean, decimals given)
    "segeval": ((0.8, 0.4, 0, None), 0.4, 6),
    "ade20k": ((0.8, 0.4, 0, 0), 0.300000, 6),
    "segnet": ((0.8571, 0.4, 0, 0), 0.314286, 6),
    "mmseg": ((0.8, 0.4, 0, None), 0.400000, 6),
    "hf": ((0.8, 0.4, 0, None), 0.400000, 6),
    "cityscapes": ((0.8, 0.4, 0, None), 0.400000, 6),
    "mapillary": ((0.8571, 0.4, 0, None), 0.419048, 6),
    "keras": ((0.8571, 0.4, 0, None), 0.419048, 6),
    "torchmetrics-jaccard": ((0.8571, 0.4, 0, None), 0.419048, 6),
    "torchmetrics-miou": ((0.75, 0.25, 0, None), 0.400000, 6),
    "smp-macro": ((0.8, 0.4, 0, 1), 0.550000, 6),
    "smp-macro-imagewise": ((0.75, 0.25, 0.5, 1), 0.625000, 6),
    "cocostuff": ((0.8571, 0.4, None, None), 0.628571, 6),
    "detectron2": ((0.8571, 0.4, None, None), 0.628571, 6),
    "smp-micro": (None, 0.666667, 6),
    "voc": (None, None, 6),
    "torchvision": (None, None, 6),
    "fast-hist": ((0.8571, 0.4, 0, 0), 0.314286, 6),
    "deeplab": ((0.8571, 0.4, 0, None), 0.419048, 6),
    "detectron2-void-class": ((0.8571, 0.4, None, None), 0.628571, 6),
    "smp-micro-imagewise": (None, 0.659091, 6),
    "smp-weighted": ((0.8, 0.4, 0, 1), 0.550000, 6),
    "smp-binary": (None, 0.4, 6),
    "keras-binary-iou": (None, 0.4, 6),
    "monai-miou": (None, 0.725000, 6),
    "monai-dice": (None, 0.725000, 6),
    "nnunet": (None, None, 6),
    "paddleseg": ((0.8, 0.4, 0, 1), 0.550000, 6),
    "paddleseg-2.8.0": ((0.8, 0.4, 0, 0), 0.300000, 6),
    "isic2018": (None, 0.625000, 6),
    "kaggle-dice": (None, 0.625000, 6),
}


def test_confusion_is_the_golden_one() -> None:
    assert WHOLE.counts[:4, :5].tolist() == [[12, 2, 0, 0, 1], [0, 2, 1, 0, 0], [0] * 5, [0] * 5]
    assert WHOLE.void_pixels == 2
    assert WHOLE.valid_pixels == 18


def test_every_convention_has_a_golden_row() -> None:
    assert set(GOLDEN) == set(conventions())


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_vector(name: str) -> None:
    rule = convention(name)
    whole = outcomes(tallies(WHOLE), rule)
    images = image_outcomes(image_tallies(TABLES, LABELING), rule)
    score = averaged(whole, images, rule)
    classes, expected, decimals = GOLDEN[name]
    if expected is None:
        assert score.mean is None
    else:
        assert score.mean == pytest.approx(expected, abs=0.5 * 10**-decimals)
    for value, wanted in zip(score.classes, classes or (), strict=bool(classes)):
        assert value == (wanted if wanted is None else pytest.approx(wanted, abs=5e-5))


def test_fine_grained_mious_are_the_same_under_every_convention() -> None:
    images = image_outcomes(image_tallies(TABLES, LABELING))
    assert mean(image_mious(images)) == pytest.approx(0.725, abs=1e-15)
    assert present(images).class_means()[:2] == pytest.approx((0.75, 0.5))
    assert present(images).class_means()[2:] == (None, None)
    assert mean(present(images).class_means()) == pytest.approx(0.625, abs=1e-15)


def test_every_axis_names_its_choices() -> None:
    for axis, choices in AXES.items():
        for choice in choices:
            assert getattr(Convention().with_axes(**{axis: choice}), axis) == choice
        with pytest.raises(UsageError, match="Choose one of") as caught:
            Convention().with_axes(**{axis: "perhaps"})
        assert axis in caught.value.what


def test_unknown_convention_is_told_with_the_choices() -> None:
    with pytest.raises(UsageError, match="cityscapes"):
        convention("cityscape")


def test_images_sum_to_the_whole() -> None:
    whole, images = tallies(WHOLE), image_tallies(TABLES, LABELING)
    for field in ("hit", "gt", "pred", "void", "unknown", "missing", "stray"):
        assert getattr(dense_tallies(images), field).sum(axis=0).tolist() == getattr(whole, field).tolist()


def test_an_ignored_value_in_the_ground_truth_never_counts() -> None:
    assert LABELING.gt.index(255) == VOID
    swapped = joint_counts(gt=np.full((2, 2), 255), pred=np.zeros((2, 2), int))
    assert confusion(swapped, LABELING).valid_pixels == 0
