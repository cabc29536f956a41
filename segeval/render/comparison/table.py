"""A comparison as tables for a terminal, or for a file at their natural width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from segeval.errors import and_more, printable
from segeval.render.comparison.wording import (
    Line,
    class_lines,
    headline,
    hit_rows,
    p_line,
    regression_text,
    score_lines,
)
from segeval.render.messages import finding_label
from segeval.render.report.extras import level_text
from segeval.render.syntax.page import Page, grid, page_text

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparedRun, ComparisonReport

MOST_FORCED = 10
VARIANTS = (
    ("base", "new", "difference", "interval", "p"),
    ("base", "new", "difference", "p"),
    ("new", "difference", "p"),
    ("difference", "p"),
)
"""Columns from the roomiest page to the narrowest."""


def comparison_table(
    found: ComparisonReport, *, color: bool = False, width: int | None = None, verbose: bool = False
) -> str:
    """Return, for each run, its scores and classes beside the baseline's, and the images that it hits worst."""

    def write(page: Page) -> None:
        for run in found.runs:
            _print_run(page, found, run)
        _print_rest(page, found, verbose)

    return page_text(write, color=color, width=width)


def _print_run(page: Page, found: ComparisonReport, run: ComparedRun) -> None:
    page.say(Text(headline(found, run), "bold"))
    _print_lines(page, found, run, "score", list(score_lines(run)))
    _print_lines(page, found, run, "IoU %", list(class_lines(run)))
    if rows := hit_rows(run):
        titles = ("worst-hit images", printable(found.base_name), printable(run.name), "mIoU^I", "class that fell most")
        page.show(grid(titles, [[Text(cell) for cell in row] for row in rows], right=(1, 2, 3), folded=(0, 4)))


def _print_lines(page: Page, found: ComparisonReport, run: ComparedRun, first: str, lines: Sequence[Line]) -> None:
    titles = {
        "base": printable(found.base_name),
        "new": printable(run.name),
        "difference": "difference",
        "interval": level_text(found.settings),
        "p": "p",
    }
    for columns in VARIANTS:
        rows = [_cells(line, columns) for line in lines]
        shown = [first, *(titles[column] for column in columns)]
        table = grid(shown, rows, right=range(1, len(shown)), folded=(0,))
        if page.fits(table):
            break
    page.show(table)


def _cells(line: Line, columns: Iterable[str]) -> list[Text]:
    style = "" if not line.is_significant else "green" if line.difference.startswith("+") else "red"
    cells = {
        "base": Text(line.base),
        "new": Text(line.new, "bold"),
        "difference": Text(line.difference, style),
        "interval": Text(line.interval),
        "p": Text(f"{line.p} {line.mark or ' '}"),
    }
    return [Text(line.name), *(cells[column] for column in columns)]


def _print_rest(page: Page, found: ComparisonReport, verbose: bool) -> None:
    page.say(p_line(found))
    for told in found.forced[:MOST_FORCED]:
        page.label("forced", "bold yellow", told)
    if len(found.forced) > MOST_FORCED:
        page.say(f"forced: ... {and_more(len(found.forced) - MOST_FORCED)}")
    for warning in found.warnings:
        page.label(finding_label(warning), "bold yellow", str(warning))
    for verdict in found.regressions:
        page.judge(verdict.passed, regression_text(verdict))
    signature = str(found.signature) if verbose else found.signature.short()
    page.say(Text(printable(signature), "dim"), whole=True)
