"""Words for people, whatever the format: titles of scores, sentences about a report and its intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from segeval.errors import listed, printable
from segeval.protocol.labeling import OUTSIDE
from segeval.render.report.view import COMPACT, UNDEFINED, View, against, against_in_percent, count, loss, percent
from segeval.scores.registry import HEADLINE, OF_MAPS, SCORE, chosen

if TYPE_CHECKING:
    from segeval.report.report import ClassScores, Data, Report, Verdict
    from segeval.sampling.resampling import Interval, Resampling
    from segeval.scores.gains import ConfusionCost
    from segeval.scores.overlap import Value

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


CALLED = {"void": "predicted as void", "unknown": "predicted as an unknown value", "missing": "without a prediction"}
MOST_GAINS = 10
WORST_TITLES = ("worst images", "mIoU^I %", "costliest class", "points lost")
GAIN_TITLES = ("class", "mIoU % if this class were perfect", "points")
"""Titles of the columns of `worst_rows` and of `gain_rows`."""


def interval_text(interval: Interval | None, write: Callable[[Value], str] = percent) -> str:
    """Write an interval as "[70.12, 72.30]", `-` where there is none."""
    if interval is None or interval.low is None:
        return UNDEFINED
    return f"[{write(interval.low)}, {write(interval.high)}]"


def level_text(settings: Resampling) -> str:
    """Return what a column of intervals is headed with: "95 % interval"."""
    return f"{settings.level:g} % interval"


def drawn_text(settings: Resampling, unit: str, units: int) -> str:
    """Tell how resamples were drawn: "2,000 resamples of 500 images, seed 0"."""
    what = f"{count(units)} image{'' if units == 1 else 's'}" if unit == "image" else f"{count(units)} groups"
    return f"{count(settings.resamples)} resamples of {what}, seed {settings.seed}"


def intervals_line(report: Report) -> str:
    """Tell how the intervals were drawn, "" where there are none."""
    drawn = report.details.uncertainty
    if drawn is None:
        return ""
    method = {"bca": "BCa"}.get(drawn.settings.method, drawn.settings.method)
    text = drawn_text(drawn.settings, drawn.unit, drawn.intervals.units)
    return f"{drawn.settings.level:g} % intervals by {method} bootstrap: {text}"


def loss_intervals_line(report: Report) -> str:
    """Tell the intervals of the losses of maps on one line, "" where there are none."""
    names = [name for name in chosen(OF_MAPS, report.scores) if report.interval(name) is not None]
    return ", ".join(f"{title(name)} {interval_text(report.interval(name), loss)}" for name in names)


def has_intervals(report: Report) -> bool:
    """Tell whether the report has intervals."""
    return report.details.uncertainty is not None


def score_interval_text(report: Report, name: str, view: View = COMPACT) -> str:
    """Write the interval of a score as the score itself is written."""
    return interval_text(report.interval(name), view.writer(name))


def confusion_text(report: Report, cost: ConfusionCost) -> str:
    """Tell a confusion: "12.3 % of sidewalk is predicted as road: 1.9 points of mIoU"."""
    share = f"{_one_decimal(100 * cost.share_of_gt)} % of {printable(report.classes[cost.gt].name)} is"
    outside = cost.pred < 0
    called = CALLED[OUTSIDE[cost.pred]] if outside else f"predicted as {printable(report.classes[cost.pred].name)}"
    return f"{share} {called}: {points(cost.gain)} points of mIoU"


def points(gain: float) -> str:
    """Write a difference of fractions in percentage points, with one decimal or as many as show that it is not 0."""
    return _one_decimal(100 * gain)


def _one_decimal(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 0.05 or not value else f"{value:.1g}"


def gain_rows(report: Report, view: View = COMPACT) -> list[tuple[str, str, str]]:
    """Return class, mIoU if it were perfect, and the gain in points, the largest first and at most ten."""
    gains = report.details.gains
    known = [(one.gain, one) for one in (gains.classes or () if gains else ()) if one.gain is not None and one.gain > 0]
    known.sort(key=lambda pair: (-pair[0], pair[1].index))
    return [
        (printable(report.classes[one.index].name), view.percent(one.miou), f"+{100 * gain:.2f}")
        for gain, one in known[:MOST_GAINS]
    ]


def confusion_lines(report: Report) -> list[str]:
    """Return the confusions that cost most, in words."""
    gains = report.details.gains
    return [confusion_text(report, cost) for cost in (gains.confusions or () if gains else ())]


def worst_rows(report: Report, view: View = COMPACT) -> list[tuple[str, str, str, str]]:
    """Return key, mIoU, costliest class and what its correction gains the image in points, for each worst image."""
    images = report.details.worst_images
    return [
        (
            printable(one.key),
            view.percent(one.image_miou),
            UNDEFINED if one.costliest is None else printable(report.classes[one.costliest].name),
            UNDEFINED if one.gain is None else f"+{100 * one.gain:.2f}",
        )
        for one in images or ()
    ]


def foreground_text(report: Report) -> str:
    """Tell what the miss and the false-alarm rate of a binary set count, "" for other sets."""
    counted = report.details.foreground
    if counted is None:
        return ""
    told = []
    for images, has, wrong, odd in (
        (counted.positives, "foreground", counted.missed, "none is predicted"),
        (counted.negatives, "no foreground", counted.false_alarms, "some is predicted"),
    ):
        if images:
            noun = "image has" if images == 1 else "images have"
            told.append(f"{count(images)} {noun} {has} in the ground truth, {odd} in {count(wrong)} of them")
    return "; ".join(told)
