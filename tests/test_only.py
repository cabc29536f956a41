"""`--only`: one bare value, or a line NAME=VALUE each."""

from __future__ import annotations

from pathlib import Path

import pytest

import segeval
from segeval.errors import UsageError
from segeval.render.report.only import check_only, render_only
from tests.support.commandline import run_segeval
from tests.support.sample_reports import REPORTS, report_of

SAMPLES = Path(__file__).parent.parent / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt", "--classes", SAMPLES / "classes.txt", "--no-config")
REPORT = segeval.score(SAMPLES / "pred", SAMPLES / "gt", classes=SAMPLES / "classes.txt")
MIOU, PERSON = REPORT.scores["miou"], REPORT.classes[6].iou


@pytest.mark.parametrize("written", ["miou", "mIoU", "MIOU"])
def test_one_score_is_bare(written: str) -> None:
    assert run_segeval("score", *MASKS, "--only", written).stdout == f"{MIOU!r}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--only", "miou", "--only", "iou.person"),
        ("--only", "miou,iou.person"),
        ("--only", "mIoU, IoU.person"),
    ],
)
def test_several_are_a_line_each_in_the_order_given(words: tuple[str, ...]) -> None:
    done = run_segeval("score", *MASKS, *words)
    assert (done.code, done.stdout) == (0, f"miou={MIOU!r}\niou.person={PERSON!r}\n")


def test_every_class_is_a_line_each_undefined_ones_too() -> None:
    done = run_segeval("score", *MASKS, "--only", "iou.*")
    expected = [f"iou.{one.name}={'-' if one.iou is None else repr(one.iou)}" for one in REPORT.classes]
    assert done.stdout.splitlines() == expected
    assert "iou.train=-" in expected
    assert render_only(REPORTS["one-class"], ["iou.*"]) == "iou.thing=1.0\n", "a script need not count the classes"


def test_a_variable_and_a_configuration_name_several_too(tmp_path: Path) -> None:
    told = f"miou={MIOU!r}\niou.person={PERSON!r}\n"
    masks = MASKS[:-1]
    done = run_segeval("score", *masks, environment={"SEGEVAL_ONLY": "miou\niou.person"}, cwd=tmp_path)
    assert done.stdout == told
    (tmp_path / "pyproject.toml").write_text('[tool.segeval]\nonly = ["miou", "iou.person"]\n', encoding="utf-8")
    assert run_segeval("score", *masks, cwd=tmp_path).stdout == told
    assert run_segeval("score", *masks, "--only", "miou", cwd=tmp_path).stdout == f"{MIOU!r}\n"


def test_a_class_with_a_comma_in_its_name_is_meant_first() -> None:
    report = report_of([[5, 1], [1, 3]], ("sofa, couch", "b"))
    assert render_only(report, ["iou.sofa, couch"]) == f"{5 / 7!r}\n"
    assert render_only(report, ["iou.b,iou.0"]) == f"iou.b={3 / 5!r}\niou.0={5 / 7!r}\n"


def test_no_name_adds_a_line() -> None:
    lines = render_only(REPORTS["hostile"], ["iou.*"]).splitlines()
    assert len(lines) == len(REPORTS["hostile"].classes)
    assert "iou.two\\nlines=" in "\n".join(lines)


@pytest.mark.parametrize("text", ["miuo", "miou,miuo", "miou,", ""])
def test_what_names_no_score_is_refused_before_any_work(text: str) -> None:
    with pytest.raises(UsageError, match="no metric of this name"):
        check_only([text])
    done = run_segeval("score", "no/such", "no/such", "--only", text)
    assert (done.code, done.stdout) == (2, "")
    assert "no metric of this name" in done.stderr


def test_an_unknown_class_is_refused_with_the_nearest() -> None:
    done = run_segeval("score", *MASKS, "--only", "miou,iou.persn")
    assert (done.code, done.stdout) == (2, "")
    assert "did you mean 'iou.person'" in done.stderr
