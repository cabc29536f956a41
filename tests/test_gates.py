"""Gates: what is no gate is refused with the one that was meant, and nothing undefined or rounded ever passes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import NothingToScoreError, Problems, SegevalError, UsageError
from segeval.render import FORMATS, render
from segeval.render.report.html import render_html
from segeval.report.gates import (
    Gate,
    judge,
    metric,
    metric_name,
    metric_names,
    parse_gate,
    with_verdicts,
)
from segeval.report.report import Report
from segeval.scores.registry import OF_MAPS, OF_MASKS, SCORE
from tests.support.sample_reports import REPORTS, report_of

UNDER, OVER = ">=", "<="


def told(error: SegevalError) -> str:
    return " | ".join((error.what, *error.where, error.fix))


def refused(text: str, comparison: str = UNDER) -> str:
    with pytest.raises(UsageError) as caught:
        parse_gate(text, comparison=comparison)
    return told(caught.value)


@pytest.mark.parametrize(
    ("bound", "meant"),
    [
        ("70", "0.70"),
        ("69.5", "0.695"),
        ("7", "0.07"),
        ("100", "1.00"),
        ("70%", "0.70"),
        ("0,7", "0.70"),
        ("0,75", "0.75"),
    ],
)
def test_a_percentage_is_refused_with_the_fraction_it_stands_for(bound: str, meant: str) -> None:
    assert f"Did you mean {meant}?" in refused(f"miou={bound}")
    assert f"miou={bound}" in refused(f"miou={bound}")


@pytest.mark.parametrize("bound", ["nan", "inf", "-inf", "-0.1", "1.5", "101", "", "x", "1e9", "NaN%"])
def test_a_bound_that_is_no_fraction_is_refused_without_a_guess(bound: str) -> None:
    assert "a fraction in [0, 1]" in refused(f"miou={bound}")
    assert "Did you mean" not in refused(f"miou={bound}")


@pytest.mark.parametrize("bound", ["nan", "inf", "-1", ""])
def test_the_bound_of_a_loss_is_a_finite_number_from_0_up(bound: str) -> None:
    assert "a number from 0 up" in refused(f"bce={bound}", OVER)


@pytest.mark.parametrize("text", ["miou", "=0.7", "", ">=0.7", " = ", "0.7"])
def test_what_has_no_name_or_no_sign_is_no_gate(text: str) -> None:
    assert "NAME=VALUE" in refused(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("miuo=0.7", "miou"), ("MIUO=0.7", "miou"), ("iuo.person=0.6", "iou.person"), ("miou.person=0.6", "iou.person")],
)
def test_an_unknown_metric_is_refused_before_any_work_with_the_nearest(text: str, meant: str) -> None:
    message = refused(text)
    assert "no metric of this name" in message
    assert meant in message.partition("did you mean ")[2].partition("?")[0]


def test_an_unknown_metric_that_is_near_nothing_gets_the_list() -> None:
    message = refused("zzzzzz=0.7")
    assert "did you mean" not in message
    assert all(name in message for name in (*OF_MASKS, *OF_MAPS))


@pytest.mark.parametrize("name", ["cross_entropy.person", "miou.person", "iou", "precision"])
def test_a_score_of_the_data_set_has_no_class_and_one_of_a_class_needs_one(name: str) -> None:
    with pytest.raises(UsageError, match="no metric of this name"):
        metric_name(name)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("mIoU", "miou"),
        ("MIOU", "miou"),
        (" fwIoU ", "fwiou"),
        ("Pixel_Accuracy", "pixel_accuracy"),
        ("pixel acc.", "pixel_accuracy"),
        ("AP", "average_precision"),
        ("focal CE", "focal_cross_entropy"),
        ("IoU.Person", "iou.Person"),
        ("AP.a.b", "average_precision.a.b"),
        ("BCE.mIoU", "bce.mIoU"),
    ],
)
def test_a_score_is_meant_in_any_case_by_its_name_or_its_title_and_a_class_as_it_is_written(
    written: str, name: str
) -> None:
    assert metric_name(written) == name
    usual = OVER if SCORE[name.partition(".")[0]].lower_is_better else UNDER
    assert parse_gate(f"{written}{usual}0.5", comparison=usual).metric == name


@pytest.mark.parametrize(
    ("text", "comparison", "option"),
    [("bce=0.2", UNDER, "--fail-over bce=0.2"), ("ece=0.2", UNDER, "--fail-over"), ("miou=0.7", OVER, "--fail-under")],
)
def test_a_gate_that_would_ask_for_the_worse_is_refused_unless_spelled_out(
    text: str, comparison: str, option: str
) -> None:
    assert option in refused(text, comparison)
    spelled = text.replace("=", comparison)
    assert parse_gate(spelled, comparison=comparison).comparison == comparison


@pytest.mark.parametrize(
    ("text", "comparison", "gate"),
    [
        ("miou=0.70", UNDER, Gate("miou", UNDER, 0.7)),
        (" miou >= 0.7 ", UNDER, Gate("miou", UNDER, 0.7)),
        ("bce<=0.2", UNDER, Gate("bce", OVER, 0.2)),
        ("bce=16.5", OVER, Gate("bce", OVER, 16.5)),
        ("ece=1", OVER, Gate("ece", OVER, 1.0)),
        ("miou>=0.7", OVER, Gate("miou", UNDER, 0.7)),
        ("iou.person=0.60", UNDER, Gate("iou.person", UNDER, 0.6)),
        ("bce.person=2", OVER, Gate("bce.person", OVER, 2.0)),
        ("iou.a.b=c=0.5", UNDER, Gate("iou.a.b=c", UNDER, 0.5)),
        ("iou.7=0", UNDER, Gate("iou.7", UNDER, 0.0)),
        ("miou=1", UNDER, Gate("miou", UNDER, 1.0)),
    ],
)
def test_a_gate_is_cut_at_the_last_sign_and_names_its_class_behind_the_first_point(
    text: str, comparison: str, gate: Gate
) -> None:
    assert parse_gate(text, comparison=comparison) == gate


@given(
    st.text(min_size=1).filter(lambda name: name == name.strip() and name[-1] not in "<>"),
    st.floats(0, 1),
    st.sampled_from([UNDER, OVER]),
)
def test_whatever_a_class_is_called_its_gate_reads_back(name: str, bound: float, comparison: str) -> None:
    gate = Gate(f"dice.{name}", comparison, bound)
    assert parse_gate(f"{gate.metric}{comparison}{bound!r}", comparison=UNDER) == gate


def with_miou(value: float | None) -> Report:
    report = REPORTS["street"]
    return replace(report, scores={**report.scores, "miou": value}, gates=())


def test_an_undefined_metric_is_never_a_pass() -> None:
    for gate in (Gate("miou", UNDER, 0.0), Gate("miou", OVER, 1.0)):
        with pytest.raises(NothingToScoreError, match="undefined") as caught:
            judge(with_miou(None), [gate])
        assert caught.value.where == (f"miou{gate.comparison}{gate.bound}",)
    with pytest.raises(NothingToScoreError):
        judge(REPORTS["street"], [Gate("iou.train", UNDER, 0.0)])


@given(st.floats(0, 1), st.floats(0, 1))
def test_values_are_compared_without_rounding(value: float, bound: float) -> None:
    at_least, at_most = judge(with_miou(value), [Gate("miou", UNDER, bound), Gate("miou", OVER, bound)])
    assert at_least.passed is (value >= bound)
    assert at_most.passed is (value <= bound)


def test_the_next_float_below_fails() -> None:
    (verdict,) = judge(with_miou(math.nextafter(0.7, 0)), [Gate("miou", UNDER, 0.7)])
    assert not verdict.passed
    (verdict,) = judge(with_miou(0.7), [Gate("miou", UNDER, 0.7)])
    assert verdict.passed


def test_all_problems_of_gates_are_told_together() -> None:
    gates = [Gate("iou.persn", UNDER, 0.1), Gate("iou.train", UNDER, 0.1), Gate("iou.rod", UNDER, 0.1)]
    with pytest.raises(Problems) as caught:
        judge(REPORTS["street"], gates)
    unknown, undefined = caught.value.problems
    assert isinstance(unknown, UsageError)
    assert unknown.where[0].startswith("iou.persn: did you mean 'iou.person'")
    assert unknown.where[1].startswith("iou.rod: did you mean 'iou.road'")
    assert isinstance(undefined, NothingToScoreError)
    assert undefined.where == ("iou.train>=0.1",)


@pytest.mark.parametrize("name", ["bce", "auroc", "bce.road"])
def test_a_metric_that_the_run_does_not_have_names_the_option_that_gives_it(name: str) -> None:
    with pytest.raises(UsageError, match="no such metric") as caught:
        metric(REPORTS["street"], name)
    assert "--probs" in caught.value.fix


def test_a_class_is_meant_by_name_or_by_id() -> None:
    report = REPORTS["probabilities"]
    assert metric(report, "iou.crack") == metric(report, "iou.1") == 20 / 100
    assert metric(report, "dice.crack") == 40 / 120
    assert metric(report, "precision.crack") == 20 / 70
    assert metric(report, "recall.crack") == 20 / 50
    assert metric(report, "bce.crack") == metric(report, "bce.1") == report.classes[1].losses["bce"]
    assert metric(report, "bce") == report.scores["bce"]
    assert metric(REPORTS["voc"], "iou.bicycle") is None
    assert metric(REPORTS["hostile"], "iou.a.b=c") == REPORTS["hostile"].classes[16].iou


@pytest.mark.parametrize("names", [("1", "0"), ("x", "x"), ("0", "x", "0")])
def test_a_name_that_can_mean_two_classes_is_refused(names: tuple[str, ...]) -> None:
    size = len(names)
    report = report_of([[5] * size] * size, names)
    with pytest.raises(UsageError, match="an ambiguous class"):
        metric(report, f"iou.{names[-1]}")


def test_the_value_of_a_score_is_found_however_its_name_is_spelled() -> None:
    report = with_miou(0.5)
    assert metric(report, "mIoU") == metric(report, "MIOU") == report.scores["miou"] == 0.5
    assert metric(report, "IoU.road") == metric(report, "iou.road") == report.classes[0].iou


@pytest.mark.parametrize("name", REPORTS)
def test_every_name_that_is_offered_works(name: str) -> None:
    report = REPORTS[name]
    for offered in metric_names(report):
        metric(report, offered)


def test_every_score_of_the_samples_can_have_a_gate() -> None:
    for report in REPORTS.values():
        for name in report.scores:
            usual = OVER if SCORE[name].lower_is_better else UNDER
            assert parse_gate(f"{name}=0.5", comparison=usual).metric == name


def test_verdicts_keep_the_order_of_their_gates_and_change_nothing_else() -> None:
    report = with_miou(0.5)
    gates = [Gate("iou.road", UNDER, 0.99), Gate("miou", UNDER, 0.5)]
    judged = with_verdicts(report, gates)
    assert [(verdict.metric, verdict.passed) for verdict in judged.gates] == [("iou.road", False), ("miou", True)]
    assert judged.gates[0].value == report.classes[0].iou
    assert replace(judged, gates=()) == report
    assert with_verdicts(report, []).gates == ()


# Gates on every class


def test_a_gate_on_every_class_is_a_gate_on_each_that_is_defined_and_names_the_others() -> None:
    report = replace(REPORTS["street"], gates=())
    bound = 0.76
    judged = with_verdicts(report, [parse_gate(f"IoU.*={bound}", comparison=UNDER)])
    by_hand = {entry.name: entry.iou for entry in report.classes if entry.iou is not None}
    assert {one.metric: (one.value, one.passed) for one in judged.gates} == {
        f"iou.{name}": (value, value >= bound) for name, value in by_hand.items()
    }
    assert {one.passed for one in judged.gates} == {True, False}
    assert judged.ungated == ("iou.train",)


def test_a_gate_on_every_class_is_no_pass_where_none_is_defined() -> None:
    report = report_of([[0, 0], [0, 0]], ("a", "b"))
    with pytest.raises(NothingToScoreError, match="undefined") as caught:
        judge(report, [Gate("iou.*", UNDER, 0.0)])
    assert caught.value.where == ("iou.*>=0.0",)


def test_every_class_of_maps_has_a_greatest_loss() -> None:
    report = REPORTS["probabilities"]
    judged = judge(report, [parse_gate("bce.*=0.1", comparison=OVER)])
    assert [(one.metric, one.value) for one in judged] == [
        (f"bce.{entry.name}", entry.losses["bce"]) for entry in report.classes if "bce" in entry.losses
    ]
    with pytest.raises(UsageError, match="no such metric"):
        judge(REPORTS["street"], [Gate("bce.*", OVER, 1.0)])
    assert "no metric of this name" in refused("miou.*=0.5")


def test_of_classes_of_one_name_every_verdict_names_another() -> None:
    judged = judge(report_of([[5, 0], [1, 4]], ("x", "x")), [Gate("iou.*", UNDER, 0.5)])
    assert [one.metric for one in judged] == ["iou.0", "iou.1"]


def test_a_class_is_meant_in_any_case_unless_that_means_two() -> None:
    assert metric(REPORTS["street"], "iou.ROAD") == REPORTS["street"].classes[0].iou
    report = report_of([[5, 0], [1, 4]], ("Car", "car"))
    assert metric(report, "iou.car") == report.classes[1].iou
    with pytest.raises(UsageError, match="an ambiguous class"):
        metric(report, "iou.CAR")


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name not in ("csv", "latex", "github")])
def test_every_format_that_has_gates_names_what_they_leave_out(format_name: str) -> None:
    report = with_verdicts(replace(REPORTS["street"], gates=()), [Gate("iou.*", UNDER, 0.5)])
    assert "iou.train" in render(report, format_name)
    assert "iou.train" in render_html(report)
