"""Words that several formats share: what scores are called, and sentences about a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segeval.errors import listed, printable
from segeval.render.report.view import COMPACT, View
from segeval.render.syntax.numbers import against, against_in_percent, count, percent
from segeval.scores.registry import HEADLINE, SCORE

if TYPE_CHECKING:
    from segeval.report.report import ClassScores, Data, Report, Verdict


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
    if not in_percent(verdict.metric.partition(".")[0]):
        return f"{verdict.metric} {plain}"
    value, bound = against_in_percent(verdict.value, verdict.bound)
    return f"{verdict.metric} {value} % {sign} {bound} % ({plain})"


def headline(report: Report) -> str:
    """Tell the mean IoU and what it is the mean of: "mIoU 71.23 %, 19 of 19 classes in the mean"."""
    value = score_text(report, HEADLINE.name)
    shown = "undefined" if report.scores[HEADLINE.name] is None else f"{value} %"
    return f"{HEADLINE.title} {shown}, {mean_text(report)}"


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
