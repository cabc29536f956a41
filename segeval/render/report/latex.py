"""The classes of a report as a LaTeX table."""

from __future__ import annotations

from segeval.render.messages import finding_label
from segeval.render.report.extras import intervals_line
from segeval.render.report.wording import (
    COMPACT,
    UNDEFINED,
    View,
    bounds_of,
    has_intervals,
    interval_text,
    signature_text,
)
from segeval.render.syntax.latex import NOTHING, escaped, tabular
from segeval.report.report import Report
from segeval.scores.registry import OF_CLASSES, SCORE

COLUMNS = tuple((name, f"{SCORE[name].title[0].upper()}{SCORE[name].title[1:]} \\%") for name in OF_CLASSES)


def render_latex(report: Report, view: View = COMPACT) -> str:
    """Return IoU, Dice, precision and recall of each class in percent, and the means of IoU and Dice.

    Classes that the means leave out stand below the means, behind a rule.
    """
    drawn = has_intervals(report)
    rows: list[list[str]] = []
    apart: list[list[str]] = []
    for index in view.ranked(report):
        entry = report.classes[index]
        cells = [view.percent(getattr(entry, column), bounds_of(report, column, entry)) for column, _ in COLUMNS]
        cells += [interval_text(report.iou_interval(index), view.percent)] * drawn
        (rows if entry.in_means else apart).append([escaped(entry.name), *map(_shown, cells)])
    means = [view.percent(report.scores.get(name), bounds_of(report, name)) for name in ("miou", "mdice")]
    of_mean = [interval_text(report.interval("miou"), view.percent)] * drawn
    warnings = [f"{finding_label(finding)}: {finding}" for finding in report.warnings]
    table = tabular(
        [signature_text(report), *([intervals_line(report)] if drawn else []), *warnings],
        ["Class", *(heading for _, heading in COLUMNS), *(["IoU interval \\%"] * drawn)],
        rows,
        [["Mean", *map(_shown, means), "", "", *map(_shown, of_mean)]],
        *([apart] if apart else []),
    )
    return f"{table}\n{_confusion(report, view)}" if view.confusion else table


def _confusion(report: Report, view: View) -> str:
    """Return a second table: the confusion matrix, its columns headed with the ids of the rows."""
    from segeval.render.report.confusion import TITLE, left_out_text, shown_matrix, top_confusions

    matrix = shown_matrix(report, view)
    shown = [report.classes[index] for index in matrix.classes]
    rows = [
        [escaped(f"{entry.id} {entry.name}"), *(_shown(view.percent(share)) for share in shares)]
        for entry, shares in zip(shown, matrix.shares, strict=True)
    ]
    comments = [TITLE, *filter(None, [left_out_text(matrix)]), *top_confusions(report)]
    return tabular(comments, ["Class", *(str(entry.id) for entry in shown), *matrix.outside], rows)


def _shown(number: str) -> str:
    return NOTHING if number == UNDEFINED else number
