"""Words and numbers of a comparison, for every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from segeval.errors import printable
from segeval.records import dataclass
from segeval.render.report.extras import drawn_text
from segeval.render.report.wording import UNDEFINED, against, heading, in_percent, interval_text, loss, percent
from segeval.scores.registry import HEADLINE

if TYPE_CHECKING:
    from segeval.comparison.imagechanges import ImageChange
    from segeval.comparison.regressions import Regression
    from segeval.comparison.runs import ComparedRun, ComparisonReport
    from segeval.sampling.significance import Difference
    from segeval.scores.overlap import Value

SIGNIFICANT = 0.05
MARK = "*"
SMALLEST_P = 0.0001


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one difference, written: what of, base, new, difference, its interval, p, and the mark of a small p."""

    name: str
    base: str
    new: str
    difference: str
    interval: str
    p: str
    mark: str

    @property
    def is_significant(self) -> bool:
        """Tell whether p is below 0.05."""
        return bool(self.mark)


def score_lines(run: ComparedRun) -> Iterator[Line]:
    """Write the differences of a run's scores: percent and points, or plain numbers for losses."""
    for name, one in run.differences.items():
        yield line(heading(name), one, in_percent=in_percent(name))


def class_lines(run: ComparedRun) -> Iterator[Line]:
    """Write the differences of the classes' IoU."""
    for one in run.classes:
        yield line(printable(one.name), one.iou, in_percent=True)


def line(name: str, one: Difference, *, in_percent: bool) -> Line:
    """Write one difference."""
    write: Callable[[Value], str] = percent if in_percent else loss
    signed = signed_points if in_percent else signed_loss
    return Line(
        name,
        write(one.base),
        write(one.new),
        signed(one.difference),
        interval_text(one.interval, signed),
        p_text(one.p),
        mark(one),
    )


def mark(one: Difference) -> str:
    """Return a star where p is below 0.05."""
    return MARK if one.p is not None and one.p < SIGNIFICANT else ""


def p_text(p: Value) -> str:
    """Write a p-value with four decimals, or one digit where these would be 0."""
    if p is None:
        return UNDEFINED
    return f"{p:.4f}" if p >= SMALLEST_P else f"{p:.0e}"


def signed_points(difference: Value) -> str:
    """Write a difference of fractions in points with its sign; one that is not 0 never reads 0.00."""
    if difference is None:
        return UNDEFINED
    points = 100 * difference
    if not points:
        return "0.00"
    return f"{points:+.2f}" if abs(points) >= 0.005 else f"{points:+.1g}"


def signed_loss(difference: Value) -> str:
    """Write a difference of losses with its sign and three significant digits."""
    if difference is None:
        return UNDEFINED
    return f"{difference:+.3g}" if difference else "0"


def p_line(found: ComparisonReport) -> str:
    """Tell what p is, and that it stands for one comparison only."""
    drawn = drawn_text(found.settings, found.unit, found.units)
    return (
        f"{MARK} p < 0.05: two-sided, approximate randomisation, unadjusted for the number of comparisons; "
        f"{found.settings.level:g} % interval of the difference by paired bootstrap; {drawn}"
    )


def regression_text(verdict: Regression) -> str:
    """Tell a verdict as a comparison that is true: "new: miou 0.7200 -> 0.7123, worse by 0.0077 > 0.005"."""
    both = (verdict.base, verdict.new)
    before, after = (f"{value:.4f}" if value >= 0.001 or not value else f"{value:.3g}" for value in both)
    told = f"{verdict.run}: {verdict.metric} {before} -> {after}"
    if verdict.worse <= 0:
        return f"{told}, not worse; {verdict.allowed!r} is allowed"
    if verdict.passed:
        # What is above the bound by rounding only is shown on it.
        worse, allowed = against(min(verdict.worse, verdict.allowed), verdict.allowed)
        return f"{told}, worse by {worse} <= {allowed}"
    worse, allowed = against(verdict.worse, verdict.allowed)
    return f"{told}, worse by {worse} > {allowed}"


def headline(found: ComparisonReport, run: ComparedRun) -> str:
    """Tell the change in the mean IoU: "new: mIoU 71.40 %, +0.30 points against base, p 0.0210"."""
    one = run.differences[HEADLINE.name]
    p = f", p {p_text(one.p)}{mark(one)}" if one.p is not None else ""
    value = "undefined" if one.new is None else f"{percent(one.new)} %"
    change = "" if one.difference is None else f", {signed_points(one.difference)} points against {found.base_name}"
    return printable(f"{run.name}: {HEADLINE.title} {value}{change}{p}")


def hit_rows(run: ComparedRun) -> list[tuple[str, str, str, str, str]]:
    """Return key, mIoU before and after, difference, and the class that fell most, for each worst-hit image."""
    return image_rows(run.worst_hit)


def image_rows(images: Iterable[ImageChange]) -> list[tuple[str, str, str, str, str]]:
    """Return key, mIoU before and after, difference, and the class that went furthest with it, for each image."""
    return [
        (
            printable(image.key),
            percent(image.base),
            percent(image.new),
            signed_points(image.difference),
            f"{printable(image.class_name)} {signed_points(image.class_difference)}" if image.class_name else UNDEFINED,
        )
        for image in images
    ]
