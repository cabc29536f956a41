"""What a report was asked for beyond its scores, for reading: the worst images, and where the points are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from segeval.render.report.extras import (
    GAIN_TITLES,
    WORST_TITLES,
    confusion_lines,
    foreground_text,
    gain_rows,
    intervals_line,
    loss_intervals_line,
    worst_rows,
)
from segeval.render.report.wording import View
from segeval.render.syntax.page import Page, grid, names_and_numbers, narrowed
from segeval.report.report import Report

if TYPE_CHECKING:
    from segeval.render.report.slices import SliceRows


def print_details(page: Page, report: Report, view: View) -> None:
    """Print what the report holds of it."""
    for line in (loss_intervals_line(report), intervals_line(report), foreground_text(report)):
        if line:
            page.say(line)
    if rows := worst_rows(report, view):
        page.show(grid(WORST_TITLES, rows, right=(1, 3), folded=(0, 2)))
    if gains := gain_rows(report, view):
        page.show(grid(GAIN_TITLES, gains, right=(1, 2), folded=(0,)))
    for line in confusion_lines(report):
        page.say(line)
    if report.details.slices is not None:
        _print_slices(page, report, view)


def _print_slices(page: Page, report: Report, view: View) -> None:
    from segeval.render.report.slices import slice_rows, slices_line  # few reports have slices

    for told in slice_rows(report, view):

        def builder(kept: Sequence[str], told: SliceRows = told) -> Callable[[list[str]], Table]:
            def build(names: list[str]) -> Table:
                table = names_and_numbers(told.column, kept)
                for name, row in zip(names, told.rows, strict=True):
                    table.add_row(Text(name), *row[: len(kept)])
                return table

            return build

        page.show(narrowed(page, told.names, told.titles, builder))
    page.say(slices_line(report))
