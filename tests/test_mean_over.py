"""Means over chosen classes: which scores they restrict, how classes are named, what is told of those left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segeval
from segeval import ConfusionMatrix
from segeval.errors import SegevalError, UsageError
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import conventions, evaluators
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import protocol_from_dict
from segeval.protocol.signature import Signature
from segeval.render import render
from segeval.report.report import Report
from tests.support.commandline import run_segeval
from tests.support.properties import examples

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
NAMES = ["background", "car", "sky", "road"]
GT = np.array([[0, 0, 0, 1], [1, 1, 2, 2], [3, 3, 0, 255]])
PRED = np.array([[0, 0, 1, 1], [1, 2, 2, 0], [3, 0, 0, 0]])
FREE = ("pixel_accuracy", "fwiou")


def report(pred: Any = PRED, gt: Any = GT, **options: Any) -> Report:
    counted = ConfusionMatrix(**{"classes": NAMES, **options})
    counted.update(pred, gt)
    return counted.compute()


# What must not happen


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("tree", "--mean-over names what is no class that is scored"),
        ("7", "--mean-over names what is no class that is scored"),
        ("1,,2", "--mean-over has an empty place"),
        ([], "--mean-over has an empty place"),
    ],
)
def test_what_is_no_class_is_told(chosen: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        report(mean_over=chosen)


def test_a_foreground_without_a_class_of_id_0_asks_for_the_classes() -> None:
    classes = [SegmentationClass(1, "car"), SegmentationClass(2, "sky")]
    with pytest.raises(UsageError, match="no class has that id") as caught:
        report(np.array([[1, 2]]), np.array([[1, 2]]), classes=classes, mean_over="foreground")
    assert "--mean-over 1,2" in caught.value.fix


def test_a_weighted_mean_without_weights_asks_for_them() -> None:
    with pytest.raises(UsageError, match="needs a weight for each class"):
        report(average="weighted")
    with pytest.raises(UsageError, match="class weights and classes do not match"):
        report(average="weighted", class_weights=[1, 2])


@pytest.mark.parametrize("name", [name for name, program in evaluators().items() if program.only_binary])
def test_evaluators_of_binary_masks_refuse_void_and_more_classes(name: str) -> None:
    with pytest.raises(UsageError, match="scores two classes, not 4"):
        report(convention=name)
    with pytest.raises(SegevalError, match="knows none"):
        report(np.array([[0, 1, 1]]), np.array([[0, 1, 255]]), classes=2, convention=name)


@pytest.mark.parametrize("name", [name for name in conventions() if name.startswith("smp-") and name != "smp-binary"])
def test_smp_refuses_an_ignored_value_inside_the_class_range(name: str) -> None:
    with pytest.raises(UsageError, match="does not ignore a value inside the class range"):
        report(convention=name, ignore=[1, 255], class_weights="auto")


# What it means


def test_means_run_over_the_classes_and_pixels_of_all_count() -> None:
    found, everything = report(mean_over="1,sky"), report()
    assert [entry.iou for entry in found.classes] == [entry.iou for entry in everything.classes]
    of_class = {entry.name: entry for entry in everything.classes}
    for mean, name in (("miou", "iou"), ("mdice", "dice"), ("mean_accuracy", "recall")):
        values = [getattr(of_class[entry], name) for entry in ("car", "sky")]
        assert found.scores[mean] == pytest.approx(sum(values) / 2, abs=1e-15)
    for name in FREE:
        assert found.scores[name] == everything.scores[name]
    assert found.scores["image_miou"] == found.scores["class_miou"] == found.scores["miou"]
    assert (found.classes_in_mean, found.mean_over) == (2, (1, 2))


def test_micro_sums_over_the_chosen_classes() -> None:
    found = report(mean_over="foreground", average="micro")
    part = found.classes[1:]
    assert found.scores["miou"] == sum(entry.tp for entry in part) / sum(
        entry.tp + entry.fp + entry.fn for entry in part
    )


def test_weights_weigh_and_auto_is_the_share_of_the_ground_truth() -> None:
    ious = [entry.iou for entry in report().classes]
    shares = [entry.gt_share for entry in report().classes]
    given_weights = report(average="weighted", class_weights=[1, 2, 3, 4]).scores["miou"]
    assert given_weights == pytest.approx(sum(w * (x or 0) for w, x in zip([1, 2, 3, 4], ious, strict=True)) / 10)
    auto = report(average="weighted", class_weights="auto").scores["miou"]
    assert auto == pytest.approx(sum((w or 0) * (x or 0) for w, x in zip(shares, ious, strict=True)))


VALUES = st.lists(st.sampled_from([0, 1, 2, 3, 255]), min_size=12, max_size=12)


@settings(max_examples=examples(60), deadline=None)
@given(VALUES, VALUES, st.sampled_from(sorted(conventions())), st.sampled_from(AXES["average"]))
def test_all_classes_are_the_same_as_none_named(gt: list[int], pred: list[int], name: str, average: str) -> None:
    if evaluators()[name].mean_over != "all":
        return
    found: list[Any] = []
    for chosen in (None, "0,1,2,3"):
        options = {"convention": name, "average": average, "class_weights": "auto", "mean_over": chosen}
        try:
            one = report(np.array([pred]), np.array([gt]), **options)
        except SegevalError as error:
            found.append(str(error))
            continue
        found.append((dict(one.scores), one.classes, one.classes_in_mean, one.own_scores))
    assert found[0] == found[1]


# What is told


def test_signature_and_protocol_have_it_only_where_it_is_given() -> None:
    found = report(mean_over="foreground")
    assert "|mean-over:foreground(background)|" in str(found.signature)
    parsed = Signature.parse(str(found.signature)).protocol()
    assert parsed.mean_over == ("foreground",)
    assert protocol_from_dict(json.loads(json.dumps(found.protocol.to_dict()))).mean_over == ("foreground",)
    assert "mean-over" not in str(report().signature)
    assert "mean_over" not in report().to_dict() | report().protocol.to_dict()


def test_a_foreground_without_a_named_class_that_is_no_background_is_warned_about() -> None:
    (warning,) = report(classes=["road", "car", "sky", "tree"], mean_over="foreground").warnings
    assert warning.kind == "odd-foreground"
    assert "road" in warning.what
    assert not report(mean_over="foreground").warnings
    assert not report(classes=4, mean_over="foreground").warnings
    assert not report(classes=["road", "car", "sky", "tree"], mean_over="1,2,3").warnings


def test_every_format_sets_the_classes_left_out_apart() -> None:
    found = report(mean_over="car,road")
    rows = [line.split(",") for line in render(found, "csv").splitlines()]
    assert [(row[1], row[-1]) for row in rows] == [
        ("name", "in_mean"),
        ("background", "false"),
        ("car", "true"),
        ("sky", "false"),
        ("road", "true"),
    ]
    parts = render(found, "latex").split("\\midrule\n")[1:]
    assert [[row.partition(" &")[0] for row in part.splitlines() if "&" in row] for part in parts] == [
        ["car", "road"],
        ["Mean"],
        ["background", "sky"],
    ]
    cells = [line.split("|")[2].strip() for line in render(found, "markdown").splitlines() if line.startswith("|")]
    assert cells[-4:] == ["car", "road", "background (not in the mean)", "sky (not in the mean)"]
    everything = report()
    assert "in_mean" not in render(everything, "csv")
    assert render(everything, "latex").count("midrule") == 2
    assert "not in the mean" not in render(everything, "markdown")


def test_losses_that_are_means_over_classes_follow() -> None:
    folders = SAMPLES / "multiclass" / "probs", SAMPLES / "multiclass" / "gt"
    options: dict[str, Any] = {"probs": True, "classes": SAMPLES / "classes.txt"}
    everything, found = segeval.score(*folders, **options), segeval.score(*folders, **options, mean_over="1,2")
    for name in ("bce", "focal", "mae", "auroc", "average_precision"):
        values = [entry.losses[name] for entry in everything.classes if entry.id in (1, 2)]
        known = [value for value in values if value is not None]
        assert found.scores[name] == pytest.approx(sum(known) / len(known), rel=1e-12), name
    for name in ("cross_entropy", "focal_cross_entropy"):
        assert found.scores[name] == everything.scores[name]


def test_the_case_of_a_mean_without_background() -> None:
    (case,) = CASES.glob("B19*") if CASES.exists() else [None]
    if case is None:
        pytest.skip("the shared cases are not beside this checkout")
    done = run_segeval("score", case / "pred", case / "gt", "--mean-over", "foreground", "--only", "miou", "-q")
    assert (done.code, done.stdout) == (0, "0.7747175276951571\n")
    gated = run_segeval(
        "score", case / "pred", case / "gt", "--mean-over", "foreground", "--fail-under", "miou=0.78", "-q"
    )
    assert gated.code == 1


def test_the_case_of_isic() -> None:
    (case,) = CASES.glob("A02*") if CASES.exists() else [None]
    if case is None:
        pytest.skip("the shared cases are not beside this checkout")
    scores = segeval.score(
        case / "pred", case / "gt", gt_suffix="_segmentation", pred_suffix="_prediction", convention="isic2018"
    ).scores
    assert scores["miou"] == pytest.approx(0.6716960114460422, abs=1e-15)
    assert scores["threshold_jaccard"] == pytest.approx(0.4905978281433274, abs=1e-15)
    assert scores["mdice"] == pytest.approx(0.7888453194545049, abs=1e-15)


def test_the_case_of_a_field_of_view() -> None:
    (case,) = CASES.glob("A03*") if CASES.exists() else [None]
    if case is None:
        pytest.skip("the shared cases are not beside this checkout")
    options: dict[str, Any] = {"mean_over": "foreground", "classes": 2, "ignore": 255}
    per_image = segeval.score(case / "pred", case / "gt", average="image", **options).scores["mdice"]
    assert per_image == pytest.approx(0.7568083249365558, abs=1e-15)
    assert segeval.score(case / "pred", case / "gt", **options).scores["mdice"] == pytest.approx(
        0.7568590350047304, abs=1e-15
    )
