"""Reports as a LaTeX table (package booktabs), one alone or several side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from segeval.render.messages import finding_label
from segeval.render.report.intervals import has_intervals, interval_text, intervals_line
from segeval.render.report.wording import signature_text
from segeval.render.syntax.numbers import bounds_of, percent
from segeval.render.syntax.text import visible
from segeval.report.report import ClassScores, Report
from segeval.scores.overlap import Value
from segeval.scores.registry import OF_CLASSES, SCORE

NOTHING = "--"
"""What stands for an undefined value, and for a class that a run does not have."""
ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    # Behind the end of a row, a bracket or a star would be an argument of it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\0": "{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
LIGATURES = re.compile(r"([-'`,])(?=\1)")
"""Two of these in a row would be set as another sign."""
COLUMNS = tuple((name, f"{SCORE[name].title[0].upper()}{SCORE[name].title[1:]}") for name in OF_CLASSES)


def render_latex_report(report: Report) -> str:
    """Return IoU, Dice, precision and recall of each class in percent, and the means of IoU and Dice."""
    drawn = has_intervals(report)
    lines = [f"% {signature_text(report)}", *([f"% {intervals_line(report)}"] if drawn else []), *_warnings(report)]
    lines += [rf"\begin{{tabular}}{{lrrrr{'r' * drawn}}}", r"\toprule"]
    lines += [_row(["Class", *(heading for _, heading in COLUMNS), *(["IoU interval"] * drawn)]), r"\midrule"]
    for index, entry in enumerate(report.classes):
        cells = [percent(getattr(entry, column), bounds_of(report, column, entry)) for column, _ in COLUMNS]
        cells += [interval_text(report.iou_interval(index))] * drawn
        lines.append(_row([escaped(entry.name), *map(_shown, cells)]))
    means = [percent(report.scores.get(name), bounds_of(report, name)) for name in ("miou", "mdice")]
    of_mean = [interval_text(report.interval("miou"))] * drawn
    lines += [
        r"\midrule",
        _row(["Mean", *map(_shown, means), "", "", *map(_shown, of_mean)]),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "".join(f"{line}\n" for line in lines)


def render_latex(reports: Sequence[tuple[str, Report]]) -> str:
    """Return the IoU of each class and the mean, in percent, with a column for each named report.

    Classes are matched by id and name, in the order met. Of two reports and more the best of each row is bold, by the
    unrounded value; equal ones all are.
    """
    lines = []
    for name, report in reports:
        lines += [f"% {visible(name)}: {signature_text(report)}", *_warnings(report)]
    lines += [rf"\begin{{tabular}}{{l{'r' * len(reports)}}}", r"\toprule"]
    lines += [_row(["Class", *(escaped(name) for name, _ in reports)]), r"\midrule"]
    known = [{(entry.id, entry.name): entry for entry in report.classes} for _, report in reports]
    for key in dict.fromkeys(key for entries in known for key in entries):
        lines.append(_row([escaped(key[1]), *_best_bold(_iou(entries.get(key)) for entries in known)]))
    means = _best_bold(report.scores["miou"] for _, report in reports)
    lines += [r"\midrule", _row(["mIoU", *means]), r"\bottomrule", r"\end{tabular}"]
    return "".join(f"{line}\n" for line in lines)


def _warnings(report: Report) -> list[str]:
    return [f"% {finding_label(finding)}: {visible(str(finding))}" for finding in report.warnings]


def escaped(text: str) -> str:
    """Write text so that LaTeX sets it as it is."""
    apart = LIGATURES.sub(r"\1\0", visible(text))
    return "".join(ESCAPES.get(character, character) for character in apart)


def _iou(entry: ClassScores | None) -> Value:
    return None if entry is None else entry.iou


def _best_bold(values: Iterable[Value]) -> list[str]:
    row = list(values)
    best = max((value for value in row if value is not None), default=None)
    return [
        rf"\textbf{{{percent(value)}}}"
        if len(row) > 1 and value is not None and value == best
        else _shown(percent(value))
        for value in row
    ]


def _shown(number: str) -> str:
    return NOTHING if number == "-" else number


def _row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
