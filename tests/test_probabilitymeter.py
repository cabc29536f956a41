"""Probability maps counted in a loop: the numbers are those of the command line on the same maps."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval import ProbabilityMeter
from segeval.errors import LabelError, MaskError, NothingToScoreError, SegevalError, UsageError

SHAPE = (7, 9)
KINDS = [np.uint8, np.uint16, np.float16, np.float32, np.float64]


def drawn(kind: type, classes: int, images: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return maps (N, K, H, W), or (N, H, W) of one class, and labels with void."""
    rng = np.random.default_rng(seed)
    planes = rng.random((images, max(1, classes), *SHAPE)) ** 2
    if classes:
        planes /= planes.sum(axis=1, keepdims=True)
    gt = rng.integers(0, max(2, classes), (images, *SHAPE))
    gt[rng.random(gt.shape) < 0.1] = 255
    maps: np.ndarray = (
        planes.astype(kind) if np.dtype(kind).kind == "f" else np.rint(planes * np.iinfo(kind).max).astype(kind)
    )
    return (maps if classes else maps[:, 0]), gt


def saved(folder: Path, maps: np.ndarray, gt: np.ndarray) -> tuple[Path, Path]:
    for side, stack in (("pred", maps), ("gt", gt)):
        (folder / side).mkdir()
        for index, array in enumerate(stack):
            np.save(folder / side / f"{index:02d}.npy", array)
    return folder / "pred", folder / "gt"


def numbers(report: segeval.Report) -> Any:
    """Return the report without what names files."""
    told = report.to_dict()
    del told["signature"], told["data"]["gt_digest"]
    return told


def close(found: Any, wanted: Any) -> None:
    """Hold nested values equal, floats to 1e-12: sums of several orders differ in their last bits."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name in wanted:
            close(found[name], wanted[name])
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for mine, theirs in zip(found, wanted, strict=True):
            close(mine, theirs)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15)
    else:
        assert found == wanted


# The numbers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [0, 2, 4])
@pytest.mark.parametrize(
    "options",
    [{}, {"gamma": 1, "alpha": "auto", "pos_weight": "auto", "loss_reduction": "images", "convention": "voc"}],
    ids=["usual", "chosen"],
)
def test_the_scores_are_those_of_score_on_the_same_maps(
    kind: type, classes: int, options: dict[str, Any], tmp_path: Path
) -> None:
    maps, gt = drawn(kind, classes)
    options = {"classes": classes or 2, "ignore": 255, "absent": "skip", "pred_void": "miss", **options}
    meter = ProbabilityMeter(**options)
    meter.update(maps[:2], gt[:2])
    meter.update(maps[2], gt[2])
    meter.update(maps[3:], gt[3:])
    found, wanted = meter.compute(), segeval.score(*saved(tmp_path, maps, gt), probs=True, jobs=1, **options)
    assert {"bce", "focal", "average_precision", "auroc", "ece"} <= found.scores.keys()
    assert ("cross_entropy" in found.scores) == (classes > 0)
    close(numbers(found), numbers(wanted))


def test_the_loss_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    logits = torch.tensor(rng.standard_normal((3, 4, *SHAPE)), requires_grad=True)
    gt = torch.tensor(rng.integers(0, 4, (3, *SHAPE)))
    meter = ProbabilityMeter(classes=4, eps="torch")
    meter.update(logits.softmax(1), gt)
    assert meter.compute().scores["cross_entropy"] == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits.detach(), gt)), rel=1e-12
    )


def test_average_precision_and_auroc_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    maps, gt = drawn(np.float64, 0, seed=4)
    meter = ProbabilityMeter(classes=2)
    meter.update(maps, gt)
    scores = meter.compute().scores
    valid = gt != 255
    assert scores["average_precision"] == pytest.approx(
        metrics.average_precision_score(gt[valid], maps[valid]), abs=1e-3
    )
    assert scores["auroc"] == pytest.approx(metrics.roc_auc_score(gt[valid], maps[valid]), abs=1e-3)


def test_255_means_what_the_first_images_say_and_a_contradiction_is_refused() -> None:
    meter = ProbabilityMeter()
    meter.update(np.full((2, 2), 0.25), np.array([[0, 1], [255, 0]]))
    assert meter.compute().data.void_pixels == 1
    other = ProbabilityMeter()
    other.update(np.full((1, 2), 0.25), np.array([[0, 0]]))
    other.update(np.full((1, 2), 0.25), np.array([[0, 255]]))
    with pytest.raises(LabelError):
        other.compute()


# What is refused


@pytest.mark.parametrize(
    ("probs", "gt", "said"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2), int), "do not fit"),
        (np.zeros((2, 3, 4)), np.zeros((3, 4, 2), int), "do not fit"),
        (np.zeros((2, 3, 4, 2)), np.zeros((2, 3, 4), int), "do not fit"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "not integer labels"),
        (np.zeros((2, 3), int), np.zeros((2, 3), int), "int64"),
        (np.full((2, 3), 1.5), np.zeros((2, 3), int), "outside"),
        (np.full((2, 3), -1e-9), np.zeros((2, 3), int), "outside"),
        (np.full((2, 3), np.nan), np.zeros((2, 3), int), "NaN"),
        (np.zeros((1, 2, 3)), np.zeros((1, 2, 3), int), "number or type"),
    ],
)
def test_what_is_no_probability_counts_nothing(probs: Any, gt: Any, said: str) -> None:
    meter = ProbabilityMeter(classes=2)
    meter.update(np.full((2, 1, 2), 0.5, np.float32), np.zeros((1, 2), int))
    before = meter.compute().to_dict()
    with pytest.raises(MaskError, match=said):
        meter.update(probs, gt)
    assert meter.compute().to_dict() == before


def test_logits_are_told_to_be_made_probabilities() -> None:
    with pytest.raises(MaskError) as caught:
        ProbabilityMeter(classes=3).update(np.full((1, 3, 2, 2), 4.2), np.zeros((1, 2, 2), int))
    assert "softmax" in caught.value.fix


def test_a_number_of_maps_that_the_classes_contradict_is_refused_in_update() -> None:
    with pytest.raises(SegevalError):
        ProbabilityMeter(classes=3).update(np.full((1, 4, 2, 2), 0.25), np.zeros((1, 2, 2), int))


def test_ground_truth_outside_the_classes_is_refused_in_update() -> None:
    meter = ProbabilityMeter(classes=2)
    with pytest.raises(LabelError) as caught:
        meter.update(np.full((2, 2), 0.5), np.array([[0, 1], [7, 0]]), keys="a")
    assert caught.value.where == ("a: value 7 (1 px)",)
    with pytest.raises(NothingToScoreError):
        meter.compute()


# Parts


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("keyed", [True, False])
def test_merged_parts_are_one_count(kind: type, keyed: bool) -> None:
    maps, gt = drawn(kind, 3, images=6)
    whole, parts = ProbabilityMeter(classes=3), [ProbabilityMeter(classes=3) for _ in range(3)]
    for index, (planes, truth) in enumerate(zip(maps, gt, strict=True)):
        for meter in (whole, parts[index // 2]):
            meter.update(planes, truth, keys=str(index) if keyed else None)
    total = ProbabilityMeter(classes=3)
    total.merge(*(pickle.loads(pickle.dumps(part)) for part in parts))
    close(numbers(total.compute()), numbers(whole.compute()))
    total.update(maps[0], gt[0], keys="more" if keyed else None)
    assert len(total) == 7


def test_an_image_of_two_parts_counts_once_where_its_row_holds_all_of_it() -> None:
    maps, gt = drawn(np.uint8, 0, images=3)
    first, second, whole = (ProbabilityMeter(classes=2) for _ in range(3))
    first.update(maps[:2], gt[:2], keys=["a", "b"])
    second.update(maps[1:], gt[1:], keys=["b", "c"])
    whole.update(maps, gt, keys=["a", "b", "c"])
    assert (first + second).compute().to_dict() == whole.compute().to_dict()


def test_an_image_of_two_parts_is_refused_where_only_the_run_holds_its_levels() -> None:
    maps, gt = drawn(np.float32, 0, images=3)
    first, second = ProbabilityMeter(classes=2), ProbabilityMeter(classes=2)
    first.update(maps[:2], gt[:2], keys=["a", "b"])
    second.update(maps[1:], gt[1:], keys=["b", "c"])
    with pytest.raises(SegevalError, match="share some of their images"):
        first.merge(second)
    assert len(first) == 2
    first.update(maps[:1], gt[:1], keys="a")
    assert first.compute().data.images == 2, "within one part it counts once"


def test_reset_forgets_the_kind_of_maps_too() -> None:
    meter = ProbabilityMeter(classes=2)
    meter.update(np.full((2, 2), 0.5), np.zeros((2, 2), int))
    meter.reset()
    meter.update(np.full((2, 2, 2), 128, np.uint8), np.zeros((2, 2), int))
    assert repr(meter) == "<segeval.ProbabilityMeter: 1 image, 2 classes, 2 8-bit maps an image>"


def test_meters_of_different_keywords_do_not_merge() -> None:
    with pytest.raises(UsageError, match="same keywords"):
        ProbabilityMeter(classes=2).merge(ProbabilityMeter(classes=2, gamma=1))
