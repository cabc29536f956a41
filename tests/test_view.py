"""How a report is shown: one screen by default, everything with --details, sorted and rounded as asked."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import segeval
from segeval.render import render
from segeval.render.report.table import render_table
from segeval.render.report.wording import ORDERS, Order, View
from segeval.report.report import Report, Verdict
from tests.support.commandline import run_segeval
from tests.support.sample_reports import REPORTS, report_of

SAMPLES = Path(__file__).parent.parent / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt", "--classes", SAMPLES / "classes.txt", "--no-config", "-q")
MAPS = (
    SAMPLES / "multiclass/probs",
    SAMPLES / "multiclass/gt",
    "--probs",
    "--classes",
    SAMPLES / "classes.txt",
    "--no-config",
    "-q",
)
NUMBER = re.compile(r"\d[\d.,]*(?:e-\d+)?")


def printed(*words: str | Path, columns: int = 100) -> str:
    done = run_segeval("score", *words, environment={"COLUMNS": f"{columns}", "NO_COLOR": "1"}, terminal=True)
    assert (done.code, done.stderr) == (0, "")
    return done.stdout


def lines_on_screen(text: str, columns: int) -> int:
    return sum(-(-len(line) // columns) or 1 for line in text.splitlines())


def classes_of(text: str) -> list[str]:
    """Return the names in the first table with a column of classes."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if " class " in line and line.startswith(("│", "|")))
    rows = lines[start + 2 :]
    end = next(index for index, line in enumerate(rows) if not line.startswith(("│", "|", "├")))
    return [re.split("[│|]", line)[2].strip() for line in rows[:end] if not line.startswith("├")]


def test_the_maps_of_ten_classes_are_one_screen_of_40_lines_at_100_columns() -> None:
    text = printed(*MAPS)
    assert lines_on_screen(text, 100) <= 40
    for shown in ("BCE", "focal", "cross-entropy", "ECE", "Brier", "IoU %", "AP %", "--details"):
        assert shown in text


def test_details_hold_every_number_of_the_short_report() -> None:
    short, long = (set(NUMBER.findall(printed(*MAPS, *words))) for words in ((), ("--details",)))
    report = segeval.score(MAPS[0], MAPS[1], probs=True, classes=SAMPLES / "classes.txt")
    of_classes = {f"{100 * (entry.losses['average_precision'] or 0):.2f}" for entry in report.classes}
    assert short - long <= of_classes  # which the details have as fractions


def test_details_have_clamped_pixels_parameters_and_the_scores_of_each_map() -> None:
    short, long = printed(*MAPS), printed(*MAPS, "--details")
    titles = (
        "clamped",
        "pos_weight 1",
        "gamma 2",
        "class weights none",
        "AUROC",
        "best IoU % (p >)",
        "best F1 % (p >)",
    )
    for shown in (*titles, "│  9 │ train ", "14,835 (8.58 %)", "4.9826e-07"):
        assert shown in long, shown
    assert "clamped by eps" not in short
    report = segeval.score(MAPS[0], MAPS[1], probs=True, classes=SAMPLES / "classes.txt")
    for entry in report.classes:
        for name in ("bce", "focal", "average_precision", "auroc", "ece", "brier", "mae"):
            value = entry.losses[name]
            assert value is None or f"{value:#.5g}" in long


@pytest.mark.parametrize("words", [(), ("--ci", "95")])
def test_the_mean_and_its_interval_are_the_first_and_the_last_line(words: tuple[str, ...]) -> None:
    lines = printed(*MASKS, *words).splitlines()
    assert lines[0] == lines[-1]
    assert lines[0] == (" mIoU 74.25 % [70.37, 77.11]" if words else " mIoU 74.25 %")


def test_an_undefined_mean_is_said_to_be() -> None:
    assert render(REPORTS["voc"], "table").splitlines()[-1] == " mIoU undefined"


@pytest.fixture
def absent() -> Report:
    return report_of([[3, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], ("b", "a", "gone", "never"))


def test_classes_in_neither_side_are_one_line_and_rows_with_details(absent: Report) -> None:
    text = render_table(absent)
    assert classes_of(text) == ["b", "a"]
    assert "in neither side, IoU -: gone, never" in text
    assert classes_of(render_table(absent, view=View(details=True))) == ["b", "a", "gone", "never"]


def test_a_class_that_is_only_predicted_keeps_its_row() -> None:
    assert "in neither side" not in render_table(report_of([[3, 1], [0, 0]], ("a", "predicted")))


def test_a_convention_that_counts_absent_classes_is_told_beside_their_names() -> None:
    text = printed(*MASKS, "--absent", "zero")
    assert "in neither side, IoU 0.00 %: train" in text


def test_classes_that_nobody_has_are_no_36_empty_rows() -> None:
    text = printed(SAMPLES / "pred", SAMPLES / "gt", "--classes", "45", "--no-config", "-q")
    assert "in neither side, IoU -: 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 and 24 more" in " ".join(text.split())
    assert "│    44" not in text


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("id", ["m", "B", "a", "z"]),
        ("name", ["a", "B", "m", "z"]),
        ("iou", ["B", "m", "z", "a"]),
        ("share", ["a", "m", "z", "B"]),
    ],
)
@pytest.mark.parametrize("format_name", ["table", "markdown", "latex"])
def test_sort(sort: Order, names: list[str], format_name: str) -> None:
    report = report_of([[8, 2, 0, 0], [2, 2, 0, 0], [0, 0, 20, 1], [0, 0, 1, 5]], ("m", "B", "a", "z"))
    text = render(report, format_name, view=View(sort=sort))
    if format_name == "latex":
        found = [line.split("&")[0].strip() for line in text.splitlines() if line.endswith(r"\\")][1:-1]
    else:
        found = classes_of(text)
    assert found == names


def test_undefined_classes_come_last_when_sorted(absent: Report) -> None:
    assert classes_of(render_table(absent, view=View(sort="iou", details=True)))[2:] == ["gone", "never"]


def test_the_orders_are_those_of_the_option() -> None:
    assert f"[{'|'.join(ORDERS)}]" in run_segeval("score", "--help").stdout


@pytest.mark.parametrize(("digits", "shown"), [(0, "74"), (1, "74.3"), (2, "74.25"), (4, "74.2539")])
@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_digits(digits: int, shown: str, format_name: str) -> None:
    done = run_segeval("score", *MASKS, "-f", format_name, "--digits", f"{digits}")
    assert f"mIoU {shown} %" in done.stdout.splitlines()[0]


def test_losses_have_three_significant_digits_more() -> None:
    assert "│ BCE             │ 0.0582 │" in printed(*MAPS, "--digits", "0")


def test_digits_never_turn_a_verdict_round() -> None:
    report = replace(REPORTS["street"], scores={"miou": 0.69998}, gates=(Verdict("miou", ">=", 0.7, 0.69998, False),))
    assert "mIoU 69.998 %" in render_table(report, view=View(digits=0))


@pytest.mark.parametrize("name", ["street", "probabilities"])
@pytest.mark.parametrize("details", [False, True])
def test_every_column_of_numbers_has_its_unit(name: str, details: bool) -> None:
    text = render_table(REPORTS[name], view=View(details=details))
    for title in ("IoU", "Dice", "precision", "recall", "GT share", "mIoU", "mDice", "pixel acc.", "fwIoU"):
        assert re.search(rf"[│ ] {re.escape(title)} %", text), title
    if name == "probabilities":
        assert re.search(r"│ +nats │", text)


def test_a_table_holds_percent_or_fractions() -> None:
    for block in re.findall(r"╭.*?╯", printed(*MAPS, "--details", columns=200), re.DOTALL):
        head = block.splitlines()[1]
        assert not ("%" in head and ("AUROC" in head or "nats" in head)), head


def test_a_gate_is_told_in_the_unit_of_the_table_with_the_fraction_in_brackets() -> None:
    done = run_segeval("score", *MASKS[:-1], "--fail-under", "miou=0.705", "--fail-under", "iou.person=0.75")
    assert "gate holds: miou 74.25 % >= 70.50 % (0.7425 >= 0.705)\n" in done.stderr
    assert "gate failed: iou.person 68.79 % < 75.00 % (0.6879 < 0.75)\n" in done.stderr
