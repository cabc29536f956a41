"""Numbers for people, and how a report is shown: how much of it, in which order, with how many digits.

Rounding never turns a verdict round, and no number depends on how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, get_args

from segeval.scores.registry import SCORE

if TYPE_CHECKING:
    from segeval.report.report import ClassScores, Report
    from segeval.scores.overlap import Value

UNDEFINED = "-"
MOST_DECIMALS = 17


def percent(value: Value, bounds: Iterable[float] = (), digits: int = 2) -> str:
    """Write a fraction in percent with so many decimals, or as many as keep it on its side of every bound: 69.998."""
    return UNDEFINED if value is None else f"{_rounded(value, digits + 2, bounds).scaleb(2):f}"


def fraction(value: Value, bounds: Iterable[float] = ()) -> str:
    """Write a fraction with four decimals, or as many as keep it on its side of every bound."""
    return UNDEFINED if value is None else f"{_rounded(value, 4, bounds):f}"


def loss(value: Value, bounds: Iterable[float] = (), significant: int = 5) -> str:
    """Write a loss with so many significant digits, or as many as keep it on its side of every bound."""
    if value is None:
        return UNDEFINED
    limits = tuple(bounds)
    for digits in range(significant, MOST_DECIMALS):
        text = f"{value:#.{digits}g}"
        if _agrees(Decimal(text), value, limits):
            return text.removesuffix(".")
    return repr(value)


def against(value: float, bound: float) -> tuple[str, str]:
    """Write a value and the bound it was held against so that they compare as the unrounded ones do."""
    bound_text = repr(bound)
    if len(bound_text.partition(".")[2]) == 1 and "e" not in bound_text:
        bound_text += "0"
    text = fraction(value, (bound,)) if value >= 0.001 or value == 0 else loss(value, (bound,))
    return text, bound_text


def against_in_percent(value: float, bound: float) -> tuple[str, str]:
    """Write both as `against` does, in percent with two decimals or more."""
    scaled = Decimal(repr(bound)).scaleb(2)
    places = max(2, -int(scaled.normalize().as_tuple().exponent))
    return percent(value, (bound,)), f"{scaled:.{places}f}"


def count(number: int) -> str:
    """Write a count with its thousands set apart."""
    return f"{number:,}"


def _rounded(value: float, decimals: int, bounds: Iterable[float]) -> Decimal:
    limits = tuple(bounds)
    for places in range(decimals, MOST_DECIMALS):
        text = Decimal(f"{value:.{places}f}")
        if _agrees(text, value, limits):
            return text
    return Decimal(repr(value))


def _agrees(shown: Decimal, value: float, bounds: tuple[float, ...]) -> bool:
    """Tell whether what is shown lies below, on or above each bound (as that is written) just as the value does."""
    return all(
        (shown > Decimal(repr(bound))) == (value > bound) and (shown < Decimal(repr(bound))) == (value < bound)
        for bound in bounds
    )


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
