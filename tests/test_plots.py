"""Terminal plots: what is drawn stands where the numbers say, reads without colour, and fits the width."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import segeval
from segeval.errors import UsageError
from segeval.render.plots import DOTS, MARGIN, ROWS, Canvas, render_plots
from segeval.report.report import Report
from tests.support.probability_folders import converted, save_gt, save_npy
from tests.support.sample_reports import REPORTS

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_masks"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BRAILLE = re.compile("[\u2801-\u28ff]")


@pytest.fixture(scope="module")
def binary() -> Report:
    return segeval.score(SAMPLES / "binary" / "probs", SAMPLES / "binary" / "gt", probs=True)


@pytest.fixture(scope="module")
def several() -> Report:
    folder = SAMPLES / "multiclass"
    return segeval.score(folder / "probs", folder / "gt", probs=True, classes=SAMPLES / "classes.txt")


def report_of(root: Path, gt: object, levels: object, **options: Any) -> Report:
    """Score one image of one map, of 8-bit levels."""
    save_gt(root / "gt", [np.asarray(gt, np.uint8)])
    save_npy(root / "p" / "a.npy", converted(np.asarray(levels), "uint8"))
    return segeval.score(root / "p", root / "gt", probs=True, **{"classes": 2, **options})


def panels(text: str, across: int, width: int = 80) -> list[list[str]]:
    """Take drawn panels apart: the rows of each one's canvas, panel by panel."""
    cells = (width - (across - 1)) // across
    found = []
    for block in text.rstrip("\n").split("\n\n"):
        lines = block.split("\n")
        if len(lines) < ROWS:
            continue
        for index in range(across):
            start = index * (cells + 1)
            part = [line.ljust(width)[start : start + cells] for line in lines]
            found.append([line[MARGIN + 1 :] for line in part[2 : 2 + ROWS]])
    return found


def test_label_masks_have_no_plots() -> None:
    with pytest.raises(UsageError, match="--probs"):
        render_plots(REPORTS["street"])


def test_without_positives_there_is_no_precision_to_draw(tmp_path: Path) -> None:
    text = render_plots(report_of(tmp_path, [[0, 0, 0]], [[0, 100, 255]]))
    assert "needs both classes" in text
    assert "AP -" in text
    assert "●" in text


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 200])
def test_every_line_fits(width: int, binary: Report, several: Report) -> None:
    for report in (binary, several):
        for line in render_plots(report, width=width).splitlines():
            assert cell_len(line) <= width
            assert line == line.rstrip()


def test_colour_adds_escapes_and_nothing_else(binary: Report, several: Report) -> None:
    for report in (binary, several):
        plain, coloured = render_plots(report), render_plots(report, color=True)
        assert "\x1b" not in plain
        assert "\x1b" in coloured
        bare = [ESCAPE.sub("", line).rstrip() for line in coloured.splitlines()]
        assert bare == plain.splitlines()


def test_a_binary_map_has_one_set_and_axes_with_names(binary: Report) -> None:
    text = render_plots(binary)
    for part in ("PR curve: foreground", "reliability: foreground", "AP 0.86066", "ECE 0.021248"):
        assert text.count(part) == 1
    for part in ("recall", "prec", "mean p of a bin", "true", "-ln p", "(1 - p)^2", "p of the true class", "6.234"):
        assert part in text
    assert " of " not in text.splitlines()[0]


def test_of_many_classes_those_of_lowest_precision_are_drawn(several: Report) -> None:
    text = render_plots(several)
    assert text.splitlines()[0] == " 3 of 10 classes, of lowest average precision"
    ranked = sorted(
        (entry.losses["average_precision"] or 0, entry.name)
        for entry in several.classes
        if entry.losses["average_precision"] is not None
    )
    for position, (_, name) in enumerate(ranked):
        assert (f"PR curve: {name}" in text) == (position < 3)
        assert (f"reliability: {name}" in text) == (position < 3)


def test_a_perfect_map_keeps_to_the_top_and_a_worthless_one_to_chance(tmp_path: Path) -> None:
    perfect = panels(render_plots(report_of(tmp_path / "a", [[0, 0, 0, 1]], [[0, 0, 0, 255]])), 2)[0]
    assert all(BRAILLE.match(cell) for cell in perfect[0])
    assert not any(BRAILLE.search(row) for row in perfect[1:])
    constant = panels(render_plots(report_of(tmp_path / "b", [[0, 0, 0, 1]], [[9, 9, 9, 9]])), 2)[0]
    height = ROWS - 1 - int(0.25 * ROWS)
    assert all(BRAILLE.match(cell) for cell in constant[height])
    assert not any(BRAILLE.search(row) for index, row in enumerate(constant) if index != height)


def test_bins_stand_at_their_mean_and_rate_and_small_ones_look_different(tmp_path: Path) -> None:
    # 150 pixels at p = 0.2, of which every second is positive, and one at p = 1.
    gt, levels = [[0, 1] * 75 + [1]], [[51] * 150 + [255]]
    canvas = panels(render_plots(report_of(tmp_path, gt, levels)), 2)[1]
    columns = len(canvas[0])
    marks = {(row, column): cell for row, line in enumerate(canvas) for column, cell in enumerate(line) if cell in "●○"}
    assert marks == {(ROWS - 1 - ROWS // 2, int(0.2 * columns)): "●", (0, columns - 1): "○"}
    assert sum(line.count("·") for line in canvas) >= columns - 2


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_loss_curves_pass_where_the_formulas_do(gamma: float, tmp_path: Path) -> None:
    text = render_plots(report_of(tmp_path, [[0, 1]], [[9, 200]], gamma=gamma))
    loss_canvas, factor_canvas = panels(text, 2)[2:]
    columns = len(loss_canvas[0])
    for column in range(columns):
        x = (column + 0.5) / columns
        within = [row for row in range(ROWS) if BRAILLE.match(factor_canvas[row][column])]
        assert min(abs(row - (ROWS - 1 - min(int((1 - x) ** gamma * ROWS), ROWS - 1))) for row in within) <= 1
        if column % 2 == 0 and (1 - x) ** gamma * -math.log(x) <= 5:
            row = ROWS - 1 - min(int((1 - x) ** gamma * -math.log(x) / 5 * ROWS), ROWS - 1)
            assert loss_canvas[row][column] == "o"


def test_names_act_on_nothing_and_are_cut_to_the_panel(tmp_path: Path) -> None:
    text = render_plots(report_of(tmp_path, [[0, 1]], [[9, 200]], classes=["a", "道路" * 30]), width=60)
    assert "道路道路" in text
    assert all(cell_len(line) <= 60 for line in text.splitlines())


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_line_is_connected_and_goes_through_its_points(points: list[tuple[float, float]]) -> None:
    canvas = Canvas(5, 7)
    x, y = (np.array(axis) for axis in zip(*points, strict=True))
    canvas.line(x, y)
    wide, high = 2 * 7 - 1, 4 * 5 - 1
    for left, up in points:
        assert (high - int(np.rint(up * high)), int(np.rint(left * wide))) in canvas.dots
    reached = {next(iter(canvas.dots))}
    while more := {
        dot for dot in canvas.dots - reached if any(max(abs(dot[0] - a), abs(dot[1] - b)) <= 1 for a, b in reached)
    }:
        reached |= more
    assert reached == canvas.dots


def test_each_dot_is_its_braille_bit() -> None:
    for row in range(4):
        for column in range(2):
            canvas = Canvas(1, 1)
            canvas.dots.add((row, column))
            assert canvas.text(False) == [chr(0x2800 + DOTS[row][column])]
    # The order of Unicode: dots 1, 2, 3, 7 on the left and 4, 5, 6, 8 on the right.
    assert [bits[0] for bits in DOTS] == [1, 2, 4, 64]
    assert [bits[1] for bits in DOTS] == [8, 16, 32, 128]


def test_marks_cover_dots_and_dots_cover_guides() -> None:
    canvas = Canvas(1, 3)
    canvas.guide(lambda _: 0.5)
    canvas.line(np.array([0.5, 1.0]), np.array([0.5, 0.5]))
    canvas.mark(1.0, 0.5, "o")
    canvas.mark(1.5, 0.5, "x")
    assert canvas.text(False)[0][0] == "·"
    assert BRAILLE.match(canvas.text(False)[0][1])
    assert canvas.text(False)[0][2] == "o"
