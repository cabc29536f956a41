"""`segeval explain`: every convention's mean, and rules whose points add up to the difference."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segeval.errors import LabelError, NothingToScoreError, SegevalError
from segeval.explanation.accounts import explain
from segeval.explanation.explanation import Account, Explanation
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention, convention, conventions
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import Protocol
from segeval.render.explanation import refusal_warning, render_explanation, render_explanation_json
from segeval.report.scoring import build_report
from segeval.runs.run import Row, Run
from segeval.tables.counts import joint_counts
from tests.snapshots import check_snapshot
from tests.support.commandline import run_segeval
from tests.support.properties import examples

GT = ([[0, 0, 0, 0, 0], [1, 1, 1, 255, 255]], [[0] * 5, [0] * 5])
PRED = ([[0, 0, 0, 1, 255], [1, 1, 2, 2, 255]], [[0] * 5, [0, 0, 0, 0, 1]])
CLASSES = tuple(SegmentationClass(index, name) for index, name in enumerate(("road", "car", "sky", "train")))

# The golden table of the conventions: what each says of these two images, with its rules worked out by hand.
RULES: dict[str, list[tuple[str, float]]] = {
    "cityscapes": [],
    "mmseg": [],
    "hf": [],
    "ade20k": [("absent", -0.1)],
    "detectron2-void-class": [("pred_only", 0.6 - 0.4), ("pred_void", 0.628571 - 0.6)],
    # void in the predictions is refused
    **{name: [] for name in ("cocostuff", "detectron2", "fast-hist", "deeplab", "torchvision", "torchmetrics-jaccard")},
    # more than two classes, or no weights, are refused
    **{name: [] for name in ("smp-binary", "keras-binary-iou", "isic2018", "kaggle-dice", "smp-weighted")},
    "monai-miou": [("pred_only", 0.6 - 0.4), ("average", 0.725 - 0.6)],
    # which prints no IoU
    "monai-dice": [],
    "paddleseg": [("absent", 0.15)],
    "paddleseg-2.8.0": [("absent", -0.1)],
    "smp-micro-imagewise": [("absent", 0.15), ("average", 0.659091 - 0.55)],
    "mapillary": [("pred_void", 0.019048)],
    "segnet": [("absent", -0.1), ("pred_void", 0.314286 - 0.3)],
    "torchmetrics-miou": [("average", 0.0)],
    "smp-macro": [("absent", 0.15)],
    "smp-macro-imagewise": [("absent", 0.15), ("average", 0.075)],
    "smp-micro": [("absent", 0.15), ("average", 0.666667 - 0.55)],
    "keras": [("pred_void", 0.019048)],
}


def run_of(gt: object = GT, pred: object = PRED, protocol: Protocol | None = None) -> Run:
    rows = []
    for index, (truth, guess) in enumerate(zip(gt, pred, strict=True)):  # type: ignore[call-overload]  # nested lists
        counts = joint_counts(gt=np.array(truth), pred=np.array(guess))
        height, width = np.shape(truth)
        rows.append(Row(f"{index:03}", height, width, "digest", counts))
    return Run(protocol or Protocol(classes=CLASSES), tuple(rows))


def account_of(found: Explanation, name: str) -> Account:
    (account,) = [account for account in (found.chosen, *found.others) if account.name == name]
    return account


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for side, masks in (("gt", GT), ("pred", PRED)):
        (tmp_path / side).mkdir()
        for name, mask in zip("AB", masks, strict=True):
            Image.fromarray(np.array(mask, np.uint8)).save(tmp_path / side / f"{name}.png")
    return tmp_path / "pred", tmp_path / "gt"


# What cannot be scored


def test_a_convention_that_refuses_stops_nobody_else() -> None:
    found = explain(run_of())
    voc = account_of(found, "voc")
    assert (voc.miou, voc.steps, voc.ious) == (None, (), (None,) * 4)
    assert [(refusal.axis, refusal.pixels) for refusal in voc.refusals] == [("pred_void", 2)]
    assert found.chosen.miou == pytest.approx(0.4)


def test_a_chosen_convention_that_refuses_leaves_no_steps_and_says_so() -> None:
    found = explain(run_of(protocol=Protocol(classes=CLASSES, convention=convention("voc"))))
    assert found.chosen.name == "voc"
    assert all(not account.steps for account in found.others)
    assert account_of(found, "ade20k").miou == pytest.approx(0.3)
    told = refusal_warning(found)
    assert told is not None
    assert told.what == "the chosen convention voc refuses these masks: void in the predictions (2 px)"
    assert refusal_warning(explain(run_of())) is None


def test_an_unknown_value_is_counted_where_a_convention_counts_it() -> None:
    found = explain(run_of(protocol=Protocol(classes=CLASSES[:2])))
    refusing = {account.name for account in (found.chosen, *found.others) if account.refusals}
    counting = {name for name, rule in conventions().items() if rule.unknown != "error"}
    # a weighted mean needs weights
    assert refusing == set(conventions()) - counting | {"smp-weighted"}
    # two pixels hold the value 2, one of them on void
    assert {refusal.pixels for refusal in found.chosen.refusals} == {2}
    unknown = [entry.pixels for entry in found.circumstances if entry.axis == "unknown"]
    assert unknown == [1, 1]


def test_without_a_valid_pixel_nobody_can_score() -> None:
    run = run_of([[[7, 7]]], [[[0, 0]]])
    with pytest.raises(NothingToScoreError, match="no pixel of the ground truth has a class"):
        explain(run)


def test_the_chosen_refusal_is_raised_where_all_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = {"segeval": Convention(), "voc": convention("voc")}
    monkeypatch.setattr("segeval.explanation.accounts.conventions", lambda: strict)
    with pytest.raises(LabelError, match="neither a class nor ignored") as caught:
        explain(run_of([[[0, 1]]], [[[0, 9]]]), names={"000": ("a_gt.png", "a.png")})
    assert caught.value.where == ("a.png: value 9 (1 px)",)


def test_an_undefined_mean_is_no_refusal_and_worth_no_points() -> None:
    found = explain(run_of([[[0, 0, 1]]], [[[0, 1, 1]]]))
    voc = account_of(found, "voc")
    assert (voc.miou, voc.refusals) == (None, ())
    assert [(step.axis, step.after, step.difference) for step in voc.steps] == [("absent", None, None)]
    assert "absent skip -> undefined (mean undefined)" in render_explanation(found)


# What the rules are worth


@pytest.mark.parametrize("name", RULES)
def test_rules_of_the_golden_masks_are_worth_what_they_are_by_hand(name: str) -> None:
    account = account_of(explain(run_of()), name)
    assert [step.axis for step in account.steps] == [axis for axis, _ in RULES[name]]
    for step, (_, worth) in zip(account.steps, RULES[name], strict=True):
        assert step.difference == pytest.approx(worth, abs=2e-6)


def test_every_convention_is_explained() -> None:
    assert set(RULES) | {"segeval", "voc", "nnunet"} == set(conventions())


def test_a_step_names_the_classes_that_it_moves() -> None:
    (absent, void) = account_of(explain(run_of()), "segnet").steps
    assert [(change.name, change.before, change.after) for change in absent.classes] == [("train", None, 0)]
    (road,) = void.classes
    assert road.name == "road"
    assert road.before == pytest.approx(12 / 15)
    assert road.after == pytest.approx(12 / 14)


def test_an_ignored_class_that_is_kept_enters_the_mean() -> None:
    protocol = Protocol(classes=CLASSES[:3], ignore=(0, 255))
    found = explain(run_of([[[0, 1, 1]]], [[[0, 0, 1]]], protocol))
    (step,) = account_of(found, "mmseg").steps
    assert (step.axis, step.old, step.new) == ("ignored_class", "leave-out", "keep")
    # road is predicted once where it is not, and has no ground truth of its own
    assert [(change.name, change.before, change.after) for change in step.classes] == [("road", None, 0)]
    assert [entry.id for entry in found.classes] == [0, 1, 2]
    (kept,) = [entry for entry in found.circumstances if entry.axis == "ignored_class"]
    assert (kept.classes, kept.pixels) == (("road",), 1)


def test_axes_of_the_users_own_have_a_name_and_a_row_of_their_own() -> None:
    own = convention("segeval").with_axes(pred_void="drop")
    found = explain(run_of(protocol=Protocol(classes=CLASSES, convention=own)))
    assert found.chosen.name == "segeval pred_void=drop"
    assert found.chosen.miou == pytest.approx(0.419048, abs=1e-6)
    assert [account.name for account in found.others] == list(conventions())
    (step,) = account_of(found, "segeval").steps
    assert (step.axis, step.old, step.new) == ("pred_void", "drop", "miss")


def test_circumstances_count_what_the_axes_decide_over() -> None:
    found = [(entry.axis, entry.pixels, entry.classes) for entry in explain(run_of()).circumstances]
    assert found == [
        ("absent", None, ("train",)),
        ("pred_only", 1, ("sky",)),
        ("pred_void", 1, ("road",)),
        ("average", None, ()),
    ]


def test_unknown_ground_truth_is_counted() -> None:
    found = explain(run_of([[[0, 0, 9]]], [[[0, 0, 0]]], Protocol(classes=CLASSES[:1])))
    (entry,) = [entry for entry in found.circumstances if entry.axis == "gt_unknown"]
    assert entry.pixels == 1
    # the pixel leaves the ground truth, and its prediction stays a false positive
    assert account_of(found, "hf").miou == pytest.approx(2 / 3)
    # whose histogram of a single class counts every pixel as predicted
    assert account_of(found, "mmseg").refusals


VALUES = st.sampled_from([0, 1, 2, 3, 255, 9])
IMAGES = st.lists(st.tuples(*[st.lists(VALUES, min_size=6, max_size=6)] * 2), min_size=1, max_size=3)
RULE = st.builds(Convention, **{axis: st.sampled_from(choices) for axis, choices in AXES.items()})


@settings(max_examples=examples(60), deadline=None)
@given(
    images=IMAGES, rule=st.sampled_from(list(conventions().values())) | RULE, ignore=st.sampled_from([(255,), (0, 255)])
)
def test_steps_lead_from_the_chosen_mean_to_each_other_one(
    images: list[tuple[list[int], list[int]]], rule: Convention, ignore: tuple[int, ...]
) -> None:
    protocol = Protocol(classes=CLASSES, ignore=ignore, convention=rule)
    run = run_of([[gt] for gt, _ in images], [[pred] for _, pred in images], protocol)
    try:
        found = explain(run)
    except SegevalError:
        return
    for account in found.others:
        if found.chosen.refusals or account.refusals:
            assert not account.steps
            continue
        mean, ious = found.chosen.miou, list(found.chosen.ious)
        for step in account.steps:
            assert step.before == mean
            mean = step.after
            for change in step.classes:
                assert ious[change.id] == change.before
                ious[change.id] = change.after
        assert (mean, tuple(ious)) == (account.miou, account.ious)
        for other, score in account.scores.items():
            value = found.chosen.scores[other].value
            for step in score.steps:
                assert step.before == value
                value = step.after
            assert value == score.value


@settings(max_examples=examples(40), deadline=None)
@given(images=IMAGES, ignore=st.sampled_from([(255,), (0, 255)]))
def test_each_convention_says_what_score_says_under_its_name(
    images: list[tuple[list[int], list[int]]], ignore: tuple[int, ...]
) -> None:
    gt, pred = [[gt] for gt, _ in images], [[pred] for _, pred in images]
    found: Explanation | None = None
    with contextlib.suppress(SegevalError):
        found = explain(run_of(gt, pred, Protocol(classes=CLASSES, ignore=ignore)))
    for name, rule in conventions().items():
        try:
            report = build_report(run_of(gt, pred, Protocol(classes=CLASSES, ignore=ignore, convention=rule)))
        except SegevalError:
            assert found is None or account_of(found, name).refusals
            continue
        assert found is not None
        account = account_of(found, name)
        assert not account.refusals
        assert (account.miou, account.classes_in_mean) == (report.scores["miou"], report.classes_in_mean)
        by_id = {entry.id: entry.iou for entry in report.classes}
        assert account.ious == tuple(by_id.get(entry.id) for entry in found.classes)
        for other, score in account.scores.items():
            assert score.value == report.scores[other]
            assert score.own == (other in report.own_scores)


# What a shell sees


def test_the_table(folders: tuple[Path, Path]) -> None:
    done = run_segeval("explain", *folders, "--classes", "4")
    assert (done.code, done.stderr) == (0, "")
    check_snapshot("explain.txt", done.stdout)


def test_json_holds_every_convention(folders: tuple[Path, Path]) -> None:
    done = run_segeval("explain", *folders, "--classes", "4", "-f", "json")
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == [
        "schema",
        "signature",
        "chosen",
        "images",
        "classes",
        "circumstances",
        "conventions",
        "warnings",
    ]
    assert [entry["name"] for entry in found["conventions"]] == list(conventions())
    by_name = {entry["name"]: entry for entry in found["conventions"]}
    assert by_name["ade20k"]["ious"] == [pytest.approx(0.8), pytest.approx(0.4), 0, 0]
    assert by_name["ade20k"]["difference"] == pytest.approx(-0.1)
    assert by_name["ade20k"]["steps"] == [
        {
            "axis": "absent",
            "old": "skip",
            "new": "zero",
            "before": pytest.approx(0.4),
            "after": pytest.approx(0.3),
            "difference": pytest.approx(-0.1),
            "classes": [{"id": 3, "name": "3", "before": None, "after": 0}],
        }
    ]
    assert by_name["voc"]["refusals"] == [{"axis": "pred_void", "what": "void in the predictions", "pixels": 2}]
    assert done.stdout == run_segeval("explain", *folders, "--classes", "4", "-f", "json", "-j", "1").stdout


def test_a_refusing_choice_is_a_warning_on_stderr(folders: tuple[Path, Path]) -> None:
    done = run_segeval("explain", *folders, "--classes", "4", "--convention", "voc", "-f", "json")
    assert done.code == 0
    assert done.stderr == (
        "warning (refused): the chosen convention voc refuses these masks: void in the predictions (2 px). "
        "Choose another with --convention\n"
    )
    assert json.loads(done.stdout)["chosen"] == "voc"


def test_what_cannot_be_read_is_exit_2_with_an_empty_stdout(folders: tuple[Path, Path]) -> None:
    (folders[0] / "B.png").write_bytes(b"no image")
    done = run_segeval("explain", *folders, "--classes", "4")
    assert (done.code, done.stdout) == (2, "")
    assert "B.png" in done.stderr


def test_a_saved_run_takes_the_place_of_both_folders(folders: tuple[Path, Path], tmp_path: Path) -> None:
    saved = tmp_path / "run.jsonl"
    assert run_segeval("score", *folders, "--classes", "4", "--save", saved).code == 0
    assert run_segeval("explain", saved, "-f", "json") == run_segeval("explain", *folders, "-c", "4", "-f", "json")
    changed = run_segeval("explain", saved, "--convention", "mapillary", "-f", "json")
    assert json.loads(changed.stdout)["conventions"][0]["miou"] == pytest.approx(0.419048, abs=1e-6)
    done = run_segeval("explain", saved, "--missing", "skip")
    assert (done.code, done.stdout) == (2, "")
    assert "--missing" in done.stderr
    done = run_segeval("explain", folders[0])
    assert (done.code, done.stdout) == (2, "")
    assert "Give PRED and GT, or a saved run" in done.stderr


def test_no_valid_pixel_is_exit_2(folders: tuple[Path, Path]) -> None:
    done = run_segeval("explain", *folders, "--classes", "4", "--ignore", "0,1,255")
    assert (done.code, done.stdout) == (2, "")
    assert "no pixel of the ground truth has a class" in done.stderr


def test_names_act_on_nothing() -> None:
    classes = (SegmentationClass(0, "a\x1b[31m"), SegmentationClass(1, "b\n"), SegmentationClass(2, "c"))
    text = render_explanation(explain(run_of([[[0, 0]]], [[[0, 1]]], Protocol(classes=classes))))
    assert "\x1b" not in text
    assert "b\\n" in text


def test_many_classes_are_cut_on_a_page_but_not_with_verbose() -> None:
    classes = tuple(SegmentationClass(index, f"class {index}") for index in range(30))
    found = explain(run_of([[[0, 0]]], [[[0, 1]]], Protocol(classes=classes)))
    short, whole = render_explanation(found), render_explanation(found, verbose=True)
    assert "and 20 more (-v)" in short
    assert "class 29" not in short
    assert "class 29" in whole
    assert len(json.loads(render_explanation_json(found))["conventions"][5]["steps"][0]["classes"]) == 28


def test_a_narrow_page_keeps_its_width() -> None:
    text = render_explanation(explain(run_of()), width=90)
    tables = [line for line in text.splitlines() if line.startswith("│")]
    assert tables
    assert max(map(len, tables)) <= 90


def test_colour_changes_no_character() -> None:
    found = explain(run_of())
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_explanation(found, color=True)) == render_explanation(found)
