"""The confusion matrix for reading: which classes are shown, what share of each went where, and the top confusions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segeval.errors import printable
from segeval.protocol.labeling import OUTSIDE
from segeval.records import dataclass
from segeval.render.report.extras import CALLED
from segeval.render.report.wording import View, count, in_neither
from segeval.report.report import Report
from segeval.scores.confusions import Confused, confusions, row_shares
from segeval.scores.overlap import Value

MOST_CLASSES = 40
"""Classes that a matrix for reading has; of more, the most confused are shown."""
MOST_NAMED = 5
REST = "rest"
TITLE = "confusion: rows are the ground truth, columns what was predicted, in %"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold the part of a confusion matrix that is shown, rows the ground truth.

    `classes` are the positions that have a row and a column, in the order shown; `outside` the words of the columns
    behind them: what is no class, where it occurs, and `REST` where classes are left out. `shares` has a row for each
    class, `None` where the ground truth does not have it.
    """

    classes: tuple[int, ...]
    outside: tuple[str, ...]
    shares: tuple[tuple[Value, ...], ...]
    left_out: int


def shown_matrix(report: Report, view: View, most: int = MOST_CLASSES) -> Matrix:
    """Return the matrix of the classes that either side has or, where those are too many, of the most confused."""
    absent = in_neither(report)
    present = [index for index in view.ranked(report) if index not in absent]
    kept = present if len(present) <= most else _most_confused(report, present, most)
    known = [index for index in present if index in set(kept)]
    shares = row_shares(report.confusion)
    size = report.confusion.size
    occurring = [place for place in range(len(OUTSIDE)) if any(shares[index][size + place] for index in known)]
    words = [word for place, word in enumerate(OUTSIDE.values()) if place in occurring]
    left = [index for index in present if index not in set(known)]

    def cells(row: Sequence[Value]) -> tuple[Value, ...]:
        rest = [row[index] for index in left]
        told = [*(row[index] for index in known), *(row[size + place] for place in occurring)]
        if left:
            told.append(None if None in rest else sum(value or 0.0 for value in rest))
        return tuple(told)

    return Matrix(
        tuple(known), (*words, *[REST] * bool(left)), tuple(cells(shares[index]) for index in known), len(left)
    )


def _most_confused(report: Report, present: Sequence[int], most: int) -> Collection[int]:
    """Return the classes of the top confusions, as many as are wanted; then those that come first."""
    kept: dict[int, None] = {}
    for one in confusions(report.confusion):
        for index in (one.gt, one.pred):
            if index >= 0 and len(kept) < most:
                kept[index] = None
    for index in present:
        if len(kept) < most:
            kept[index] = None
    return kept


def top_confusions(report: Report) -> list[str]:
    """Return the confusions that take the largest shares of their classes, in words."""
    return [_told(report, one) for one in confusions(report.confusion)[:MOST_NAMED]]


def left_out_text(matrix: Matrix) -> str:
    """Tell that classes are left out and where all are, "" where none is."""
    if not matrix.left_out:
        return ""
    shown = len(matrix.classes)
    return (
        f"the {count(shown)} most confused of {count(shown + matrix.left_out)} classes; all of them with "
        "-o confusion:FILE.csv"
    )


def _told(report: Report, one: Confused) -> str:
    called = CALLED[OUTSIDE[one.pred]] if one.pred < 0 else f"predicted as {printable(report.classes[one.pred].name)}"
    pixels = f"{count(one.pixels)} pixel{'' if one.pixels == 1 else 's'}"
    return f"{_rough(one.share)} % of {printable(report.classes[one.gt].name)} is {called} ({pixels})"


def _rough(share: float) -> str:
    return f"{100 * share:.1f}" if share >= 0.0005 else f"{100 * share:.1g}"
