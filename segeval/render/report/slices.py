"""The slices of a report in words and numbers: a table for each column."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.errors import printable
from segeval.records import dataclass
from segeval.render.report.extras import drawn_text, level_text
from segeval.render.report.wording import COMPACT, UNDEFINED, View, count, heading, interval_text
from segeval.report.report import Report
from segeval.report.slicescores import SliceScores
from segeval.scores.registry import HEADLINE, chosen

BESIDE = ("pixel_accuracy", "bce")
"""Scores that are shown beside the headline where a slice has them; JSON has all."""


@dataclass(frozen=True, slots=True)
class SliceRows:
    """Hold one table of slices as text: the title of its first column, those of numbers, and a row a slice."""

    column: str
    titles: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def slice_rows(report: Report, view: View = COMPACT) -> list[SliceRows]:
    """Return the tables of slices; numbers in the order of their weight, the first ones last to go."""
    slices = report.details.slices
    if slices is None:
        return []
    level = level_text(slices.settings)
    found = []
    for table in slices.tables:
        beside = chosen(BESIDE, (name for one in table.slices for name in one.scores))
        titles = (heading(HEADLINE.name), "images", "vs rest", "p (Holm)", level, *map(heading, beside), "pixels")
        rows = tuple(_row(one, beside, view) for one in table.slices)
        found.append(SliceRows(printable(table.column), titles, tuple(one.name for one in table.slices), rows))
    return found


def _row(one: SliceScores, beside: Sequence[str], view: View) -> tuple[str, ...]:
    name = HEADLINE.name
    difference = one.difference(name)
    return (
        view.percent(one.scores.get(name)),
        count(one.images),
        UNDEFINED if difference is None else f"{100 * difference:+.{view.digits}f}",
        p_text(one.holm.get(name)),
        interval_text(one.intervals.get(name), view.percent),
        *(view.writer(score)(one.scores.get(score)) for score in beside),
        count(one.pixels),
    )


def p_text(p: float | None) -> str:
    """Write a p-value."""
    if p is None:
        return UNDEFINED
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def slices_line(report: Report) -> str:
    """Tell how intervals and p-values of slices were drawn, "" where there are none."""
    slices = report.details.slices
    if slices is None:
        return ""
    drawn = drawn_text(slices.settings, slices.unit, slices.units)
    return f"slices: p by randomisation, adjusted for the number of slices (Holm): {drawn}"
