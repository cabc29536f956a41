"""What a report was asked for beyond its scores, for reading: the worst images, and where the points are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from segeval.render.report.intervals import (
    confusion_lines,
    empty_gt_text,
    gain_rows,
    intervals_line,
    loss_intervals_line,
    worst_rows,
)
from segeval.report.report import Report

if TYPE_CHECKING:
    from segeval.render.report.table import Page


def print_details(page: Page, report: Report) -> None:
    """Print what the report holds of it; nothing where nothing was asked for."""
    for line in (loss_intervals_line(report), intervals_line(report), empty_gt_text(report)):
        if line:
            page.say(Text(line))
    if rows := worst_rows(report):
        page.console.print(_folding(("worst images", "mIoU^I %", "costliest class", "its points"), rows, (0, 2)))
    if gains := gain_rows(report):
        page.console.print(_folding(("were it perfect", "mIoU %", "points"), gains, (0,)))
    for line in confusion_lines(report):
        page.say(Text(line))


def _folding(titles: Sequence[str], rows: Sequence[Sequence[str]], names: Sequence[int]) -> Table:
    """Return a table whose columns of `names` fold where the page is narrow, and whose numbers never do."""
    table = Table(box=box.ROUNDED, header_style="bold", border_style="dim")
    for index, title in enumerate(titles):
        is_name = index in names
        table.add_column(title, justify="left" if is_name else "right", no_wrap=not is_name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
