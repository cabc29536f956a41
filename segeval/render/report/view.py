"""How a report is shown: how much of it, in which order, with how many digits. No number depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from segeval.render.syntax.numbers import loss, percent
from segeval.scores.registry import SCORE

if TYPE_CHECKING:
    from segeval.report.report import ClassScores, Report
    from segeval.scores.overlap import Value

Order = Literal["id", "name", "iou", "share"]
ORDERS: tuple[Order, ...] = get_args(Order)
"""The given order; by name; the lowest IoU first; the largest share of the ground truth first."""
DIGITS = 2
MOST_DIGITS = 10
MORE_OF_LOSSES = 3
"""Significant digits of losses beyond the decimals of percentages."""


@dataclass(frozen=True, slots=True)
class View:
    """Say how a report is shown.

    `details` shows all that is known where a page is short of it otherwise; `sort` orders classes; `digits` are the
    decimals of percentages; `confusion` adds the confusion matrix.
    """

    details: bool = False
    sort: Order = "id"
    digits: int = DIGITS
    confusion: bool = False

    def percent(self, value: Value, bounds: Iterable[float] = ()) -> str:
        """Write a fraction in percent."""
        return percent(value, bounds, self.digits)

    def loss(self, value: Value, bounds: Iterable[float] = ()) -> str:
        """Write a loss, or any other plain number."""
        return loss(value, bounds, self.digits + MORE_OF_LOSSES)

    def writer(self, score: str) -> Callable[..., str]:
        """Return how the values of a score are written: in percent, or as plain numbers."""
        return self.percent if SCORE[score].unit == "%" else self.loss

    def ranked(self, report: Report) -> tuple[int, ...]:
        """Return the positions of the classes in the order of the view, undefined values last."""

        def place(index: int) -> tuple[bool, float, str]:
            entry: ClassScores = report.classes[index]
            value = {"iou": entry.iou, "share": None if entry.gt_share is None else -entry.gt_share}.get(self.sort, 0.0)
            return value is None, value or 0.0, entry.name.casefold() if self.sort == "name" else ""

        return tuple(sorted(range(len(report.classes)), key=place))


COMPACT = View()
"""What is shown where nobody says otherwise."""
