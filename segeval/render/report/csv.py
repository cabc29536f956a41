"""The classes of a report as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from io import StringIO

from segeval.render.report.intervals import has_intervals
from segeval.render.syntax.text import visible
from segeval.report.report import CLASS_FIELDS, Report
from segeval.scores.registry import OF_CLASS_MAPS, chosen

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula, full-width forms included."""


def render_csv(report: Report) -> str:
    """Return a header and one row a class: fractions at full precision, counts in pixels, undefined values empty.

    Scores of probability maps follow as further columns, then the ends of the IoU's interval where one was drawn.
    """
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    with_intervals = has_intervals(report)
    writer.writerow([*CLASS_FIELDS, *map(safe_cell, of_maps), *(("iou_low", "iou_high") if with_intervals else ())])
    for index, entry in enumerate(report.classes):
        cells = [getattr(entry, column) for column in CLASS_FIELDS] + [entry.losses.get(name) for name in of_maps]
        drawn = report.iou_interval(index)
        if drawn is not None:
            cells += drawn.bounds() or [None, None]
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()


def safe_cell(text: str) -> str:
    """Make a text cell show itself: control characters as escapes, and an apostrophe before what is no formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown
