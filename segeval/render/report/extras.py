"""What a report holds beyond its scores in words: intervals, gains, confusions, and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segeval.errors import printable
from segeval.protocol.labeling import OUTSIDE
from segeval.render.report.wording import COMPACT, UNDEFINED, View, count, interval_text, loss, title
from segeval.scores.registry import OF_MAPS, chosen

if TYPE_CHECKING:
    from segeval.report.report import Report
    from segeval.sampling.resampling import Resampling
    from segeval.scores.gains import ConfusionCost

CALLED = {"void": "predicted as void", "unknown": "predicted as an unknown value", "missing": "without a prediction"}
MOST_GAINS = 10
WORST_TITLES = ("worst images", "mIoU^I %", "costliest class", "points lost")
GAIN_TITLES = ("class", "mIoU % if this class were perfect", "points")
"""Titles of the columns of `worst_rows` and of `gain_rows`."""


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
