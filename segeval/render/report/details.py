"""What a report was asked for beyond its scores, for reading: the worst images, and where the points are."""

from __future__ import annotations

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
from segeval.render.syntax.page import Page, grid
from segeval.report.report import Report


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
