"""Words and numbers for people, whatever the format, and how a report is shown: how much, in which order and digits.

Rounding never turns a verdict round, and no number depends on how it is shown. `decimal` costs a report in JSON, which
rounds nothing, two milliseconds: it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, get_args

from segeval.errors import listed, printable
from segeval.records import dataclass
from segeval.scores.registry import HEADLINE, SCORE, score_of

if TYPE_CHECKING:
    from decimal import Decimal

    from segeval.report.report import ClassScores, Data, Report, Verdict
    from segeval.sampling.resampling import Interval
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
    from decimal import Decimal

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
    from decimal import Decimal

    scaled = Decimal(repr(bound)).scaleb(2)
    places = max(2, -int(scaled.normalize().as_tuple().exponent))
    return percent(value, (bound,)), f"{scaled:.{places}f}"


def count(number: int) -> str:
    """Write a count with its thousands set apart."""
    return f"{number:,}"


def _rounded(value: float, decimals: int, bounds: Iterable[float]) -> Decimal:
    from decimal import Decimal

    limits = tuple(bounds)
    for places in range(decimals, MOST_DECIMALS):
        text = Decimal(f"{value:.{places}f}")
        if _agrees(text, value, limits):
            return text
    return Decimal(repr(value))


def _agrees(shown: Decimal, value: float, bounds: tuple[float, ...]) -> bool:
    """Tell whether what is shown lies below, on or above each bound (as that is written) just as the value does."""
    from decimal import Decimal

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


MOST_LISTED = 5
"""Classes left out of the means that are named."""


def title(score: str) -> str:
    """Return what a score is called."""
    return SCORE[score].title


def in_percent(score: str) -> bool:
    """Tell whether a score is shown in percent."""
    return SCORE[score].unit == "%"


def heading(score: str) -> str:
    """Return what a column of a score is headed with, with the unit of the numbers below: "mIoU %", "BCE nats"."""
    return f"{title(score)} {SCORE[score].unit}".rstrip()


def score_text(report: Report, name: str, view: View = COMPACT) -> str:
    """Write a score of the report, in percent or as a plain number."""
    return view.writer(name)(report.scores[name], bounds_of(report, name))


def bounds_of(report: Report, metric: str, entry: ClassScores | None = None) -> tuple[float, ...]:
    """Return the bounds of the gates on a score of the report or, with `entry`, of one of its classes."""
    names = {metric} if entry is None else {f"{metric}.{entry.name}", f"{metric}.{entry.id}"}
    return tuple(verdict.bound for verdict in report.gates if verdict.metric in names)


def verdict_text(verdict: Verdict) -> str:
    """Tell a verdict as a true comparison in the unit of tables: "miou 69.998 % < 70.00 % (0.69998 < 0.70)"."""
    sign = verdict.comparison if verdict.passed else {">=": "<", "<=": ">"}[verdict.comparison]
    plain = f" {sign} ".join(against(verdict.value, verdict.bound))
    if score_of(verdict.metric).unit != "%":
        return f"{verdict.metric} {plain}"
    value, bound = against_in_percent(verdict.value, verdict.bound)
    return f"{verdict.metric} {value} % {sign} {bound} % ({plain})"


def ungated_text(report: Report) -> str:
    """Tell what gates on every class leave out, "" where that is nothing."""
    if not report.ungated:
        return ""
    return f"undefined, and left out by the gates on every class: {printable(listed(report.ungated, MOST_LISTED))}"


def headline(report: Report) -> str:
    """Tell the mean IoU and what it is the mean of: "mIoU 71.23 %, 19 of 19 classes in the mean"."""
    value = score_text(report, HEADLINE.name)
    shown = "undefined" if report.scores[HEADLINE.name] is None else f"{value} %"
    return f"{HEADLINE.title} {shown}, {mean_text(report)}"


def report_line(report: Report) -> str:
    """Tell a report in a line: its headline, the images, and that gates failed or something looks wrong."""
    parts = [headline(report), _plural(report.data.images, "image")]
    failed = sum(not verdict.passed for verdict in report.gates)
    parts += [f"{failed} of {_plural(len(report.gates), 'gate')} failed"] * bool(failed)
    parts += [_plural(len(report.warnings), "warning")] * bool(report.warnings)
    return ", ".join(parts)


def mean_text(report: Report) -> str:
    """Tell how many classes entered the mean, and which are left out of it by choice."""
    total = len(report.classes)
    told = f"{report.classes_in_mean} of {count(total)} class{'es' * (total != 1)} in the mean"
    apart = [entry.name for entry in report.classes if not entry.in_means]
    return f"{told}, without {printable(listed(apart, MOST_LISTED))}" if apart else told


def own_text(report: Report) -> str:
    """Tell which scores the convention's evaluator does not print, "" where it prints all."""
    if not report.own_scores:
        return ""
    name = report.protocol.convention.name
    return f"segeval's own, as {name} does not print them: {', '.join(map(title, report.own_scores))}"


def headline_value(report: Report, view: View = COMPACT) -> str:
    """Tell the mean IoU and its interval where one was drawn: "mIoU 71.23 % [70.12, 72.30]"."""
    if report.scores[HEADLINE.name] is None:
        return f"{HEADLINE.title} undefined"
    drawn = report.interval(HEADLINE.name)
    ends = "" if drawn is None or drawn.low is None else f" [{view.percent(drawn.low)}, {view.percent(drawn.high)}]"
    return f"{HEADLINE.title} {score_text(report, HEADLINE.name, view)} %{ends}"


def in_neither(report: Report) -> frozenset[int]:
    """Return the positions of the classes that are in neither ground truth nor predictions."""
    return frozenset(index for index, one in enumerate(report.classes) if not (one.tp or one.fp or one.fn))


def data_text(data: Data) -> str:
    """Tell what was scored: "500 images, 1,048,576,000 pixels, 0.01 % void"."""
    parts = [_plural(data.images, "image"), _plural(data.pixels, "pixel")]
    share = percent(data.void_pixels / data.pixels if data.pixels else None)
    parts.append(f"{'<0.01' if data.void_pixels and share == '0.00' else share} % void")
    if data.unscored_images:
        parts.append(f"{_plural(data.unscored_images, 'image')} without a valid pixel")
    if data.missing_images:
        parts.append(f"{_plural(data.missing_images, 'image')} without a prediction, counted as wrong")
    return ", ".join(parts)


def lowest(report: Report, limit: int = 3) -> frozenset[int]:
    """Return the positions of the classes of lowest IoU: at most `limit` and at most half, none as good as the best."""
    ranked = sorted(
        (entry.iou, index) for index, entry in enumerate(report.classes) if entry.iou is not None and entry.in_means
    )
    chosen = ranked[: min(limit, len(ranked) // 2)]
    return frozenset(index for iou, index in chosen if iou < ranked[-1][0])


def signature_text(report: Report, *, verbose: bool = True) -> str:
    """Return the signature as one line without acting characters."""
    return printable(str(report.signature) if verbose else report.signature.short())


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def interval_text(interval: Interval | None, write: Callable[[Value], str] = percent) -> str:
    """Write an interval as "[70.12, 72.30]", `-` where there is none."""
    if interval is None or interval.low is None:
        return UNDEFINED
    return f"[{write(interval.low)}, {write(interval.high)}]"


def has_intervals(report: Report) -> bool:
    """Tell whether the report has intervals."""
    return report.details.uncertainty is not None


def score_interval_text(report: Report, name: str, view: View = COMPACT) -> str:
    """Write the interval of a score as the score itself is written."""
    return interval_text(report.interval(name), view.writer(name))
