"""The classes of a report as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segeval.render.report.wording import has_intervals
from segeval.render.syntax.csv import csv_text
from segeval.report.report import CLASS_FIELDS, Report
from segeval.scores.registry import OF_CLASS_MAPS, OF_CONTOURS, chosen


def render_csv(report: Report) -> str:
    """Return a header and one row a class: fractions at full precision, counts in pixels, undefined values empty.

    Scores along contours and of probability maps follow as further columns, then the ends of the IoU's interval where
    one was drawn, and `in_mean` (true or false) where the means leave classes out.
    """
    return csv_text(_rows(report))


def _rows(report: Report) -> Iterator[Sequence[object]]:
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    of_contours = chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours))
    apart = report.mean_over is not None
    ends = ("iou_low", "iou_high") if has_intervals(report) else ()
    yield [*CLASS_FIELDS, *of_contours, *of_maps, *ends, *["in_mean"] * apart]
    for index, entry in enumerate(report.classes):
        cells = [getattr(entry, column) for column in CLASS_FIELDS]
        cells += [entry.contours.get(name) for name in of_contours] + [entry.losses.get(name) for name in of_maps]
        drawn = report.iou_interval(index)
        if drawn is not None:
            cells += drawn.bounds() or [None, None]
        yield [*cells, *[str(entry.in_means).lower()] * apart]
