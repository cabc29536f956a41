"""The confusion matrix for reading: numbers as scikit-learn has them, and never wider than the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID
from segeval.render import render
from segeval.render.report.confusion import MOST_CLASSES, shown_matrix, top_confusions
from segeval.render.report.table import render_table
from segeval.render.report.wording import View
from segeval.report.report import Report
from segeval.scores.confusions import confusions, row_shares
from segeval.tables.counts import Confusion
from tests.snapshots import check_snapshot
from tests.support.commandline import run_segeval
from tests.support.sample_reports import REPORTS, report_of

ROOT = Path(__file__).parent.parent
SAMPLE = (ROOT / "sample_masks/pred", ROOT / "sample_masks/gt", "--classes", ROOT / "sample_masks/classes.txt")
SHOWN = View(confusion=True)


def with_outside(report: Report, *columns: list[int]) -> Report:
    """Return the report with pixels predicted as void, as unknown values, and without a prediction."""
    counts = report.confusion.counts.copy()
    for place, column in enumerate(columns):
        counts[: len(column), len(report.classes) + place] = column
    return replace(report, counted=Confusion(counts))


def map_of(text: str) -> list[str]:
    """Return the lines of a heat map, the head of the columns first."""
    lines = text.splitlines()
    title = next(index for index, line in enumerate(lines) if line.startswith(" confusion: rows"))
    start = next(index for index, line in enumerate(lines[title:], title) if line.endswith("in %")) + 1
    end = next(index for index, line in enumerate(lines[start:], start) if "% of" in line or "most confused" in line)
    return lines[start:end]


# Numbers


def test_shares_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(3)
    gt, pred = generator.integers(0, 6, 5000), generator.integers(0, 6, 5000)
    pred[gt == 2] = 2
    scikit_learn = pytest.importorskip("sklearn.metrics")
    expected = scikit_learn.confusion_matrix(gt, pred, normalize="true", labels=range(6))
    counts = np.zeros((8, 9), np.int64)
    np.add.at(counts, (gt, pred), 1)
    shares = np.array(row_shares(Confusion(counts)), float)
    np.testing.assert_allclose(shares[:, :6], expected, rtol=1e-15)
    assert not shares[:, 6:].any()
    largest = confusions(Confusion(counts))[0]
    np.fill_diagonal(expected, 0)
    assert (largest.gt, largest.pred) == np.unravel_index(expected.argmax(), (6, 6))
    assert largest.pixels == ((gt == largest.gt) & (pred == largest.pred)).sum()


def test_what_is_no_class_counts_in_the_whole_and_can_be_the_top_confusion() -> None:
    report = with_outside(report_of([[1, 0], [0, 8]], ("a", "b")), [3, 0], [0, 1], [0, 1])
    assert row_shares(report.confusion) == ((0.25, 0, 0.75, 0, 0), (0, 0.8, 0, 0.1, 0.1))
    assert [(one.gt, one.pred) for one in confusions(report.confusion)] == [(0, VOID), (1, UNKNOWN), (1, NO_FILE)]
    assert top_confusions(report) == [
        "75.0 % of a is predicted as void (3 pixels)",
        "10.0 % of b is predicted as an unknown value (1 pixel)",
        "10.0 % of b is without a prediction (1 pixel)",
    ]


def test_a_class_without_ground_truth_has_a_row_of_nothing() -> None:
    report = report_of([[3, 1, 0], [0, 0, 0], [0, 0, 0]], ("a", "stray", "nowhere"))
    assert row_shares(report.confusion)[1] == (None,) * 6
    matrix = shown_matrix(report, SHOWN)
    assert matrix.classes == (0, 1), "a class in neither side has no row"
    assert map_of(render_table(report, view=SHOWN)) == [
        "            0   1",
        " 0 a      █75 ▒25",
        " 1 stray    -   -",
    ]


def test_nearly_nothing_and_nearly_all_are_neither_0_nor_100() -> None:
    report = report_of([[9999, 1], [0, 7]], ("a", "b"))
    rows = map_of(render_table(report, view=SHOWN))[1:]
    assert [row.split()[2:] for row in rows] == [["█>99", "<1"], ["·", "█100"]]
    assert top_confusions(report) == ["0.01 % of a is predicted as b (1 pixel)"]


def test_no_confusion_is_none() -> None:
    assert confusions(REPORTS["one-class"].confusion) == ()
    assert "█100" in render_table(REPORTS["one-class"], view=SHOWN)


# Pages


@pytest.mark.parametrize(("width", "color"), [(None, False), (80, False), (100, True)])
def test_snapshot(width: int | None, color: bool) -> None:
    text = render_table(REPORTS["street"], width=width, color=color, view=SHOWN)
    check_snapshot(f"confusion-{width or 'file'}.txt", text.replace("\x1b", "␛"))


@pytest.mark.parametrize("format_name", ["markdown", "latex"])
def test_snapshot_of_a_document(format_name: str) -> None:
    report = with_outside(REPORTS["street"], [7, 0, 2])
    check_snapshot(f"confusion.{format_name}.txt", render(report, format_name, view=SHOWN))


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 30])
def test_a_terminal_is_never_overrun_and_rows_and_columns_are_the_same_classes(name: str, width: int) -> None:
    report = with_outside(REPORTS[name], *([5], [5], [5])[: 3 if width > 30 else 1])
    text = render_table(report, width=width, view=SHOWN)
    assert all(cell_len(line) <= width for line in text.splitlines() if not line.startswith(" segeval|"))
    head, *rows = map_of(text)
    columns = [word for word in head.split() if word.isdecimal()]
    assert columns == [row.split()[0] for row in rows]
    assert len(columns) >= 1


def test_of_many_classes_the_most_confused_are_shown_and_the_rest_is_told() -> None:
    matrix = np.diag(np.full(60, 100)).tolist()
    matrix[50][55] = 30
    matrix[3][57] = 20
    report = report_of(matrix, [f"c{index}" for index in range(60)])
    shown = shown_matrix(report, SHOWN, 5)
    assert shown.classes == (0, 3, 50, 55, 57)
    assert shown.outside == ("rest",)
    assert shown.left_out == 55
    assert shown_matrix(report, SHOWN).left_out == 60 - MOST_CLASSES
    text = render_table(report, width=80, view=SHOWN)
    assert re.search(r"the \d+ most confused of 60 classes; all of them with -o confusion:FILE.csv", text)
    assert "23.1 % of c50 is predicted as c55 (30 pixels)" in text


def test_every_shown_row_sums_to_its_whole_class() -> None:
    report = with_outside(REPORTS["many-classes"], [400] * 9)
    for row in shown_matrix(report, SHOWN, 12).shares:
        assert sum(share or 0.0 for share in row) == pytest.approx(1, abs=1e-12)


def test_classes_stand_in_the_order_of_the_table() -> None:
    report = REPORTS["street"]
    view = View(confusion=True, sort="iou")
    assert list(shown_matrix(report, view).classes) == [index for index in view.ranked(report) if index != 10]


def test_nothing_is_in_the_colour_alone() -> None:
    plain = render_table(REPORTS["street"], width=100, view=SHOWN)
    colored = re.sub(r"\x1b\[[0-9;]*m", "", render_table(REPORTS["street"], width=100, color=True, view=SHOWN))
    numbers = [[re.sub("[^0-9<>·-]", "", word) for word in row.split()] for row in map_of(plain)]
    assert numbers == [[re.sub("[^0-9<>·-]", "", word) for word in row.split()] for row in map_of(colored)]


# The command line


@pytest.mark.parametrize("format_name", ["table", "markdown", "latex"])
def test_the_option_adds_the_matrix_to_what_is_printed_without_it(format_name: str) -> None:
    with_it, without = (run_segeval("score", *SAMPLE, "-f", format_name, *words) for words in (("--confusion",), ()))
    assert with_it.code == 0, with_it.stderr
    assert set(without.stdout.splitlines()) <= set(with_it.stdout.splitlines())
    assert "20.2 % of sidewalk is predicted as road (3,295 pixels)" in with_it.stdout.replace("\\", "")
    assert "confusion" not in without.stdout.casefold()


def test_no_name_adds_a_line_or_acts() -> None:
    for format_name in ("table", "markdown", "latex"):
        text = render(REPORTS["hostile"], format_name, view=SHOWN)
        assert "\x1b" not in text
        assert "two\nlines" not in text
