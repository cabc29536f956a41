"""A plan as text or as JSON: what was measured, and what was extrapolated from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segeval.render.syntax.json import json_text
from segeval.render.syntax.page import Cell, Page, grid, page_text
from segeval.report.plan import MILLION, Plan

MEASURED, EXTRAPOLATED = "measured", "extrapolated"
SHORT = 1.0
"""Seconds of a sample below which chance has a large part in it."""
UNITS = ((86_400 * 2, 86_400, "days"), (5_400, 3_600, "h"), (90, 60, "min"), (0, 1, "s"))
"""From how many seconds on a time is written in a unit, and its seconds."""


def render_plan_json(found: Plan) -> str:
    """Return the plan as JSON text."""
    return f"{json_text(found.to_dict())}\n"


def render_plan(found: Plan, *, color: bool = False, width: int | None = None) -> str:
    """Return the plan for reading."""
    return page_text(lambda page: _print(page, found), color=color, width=width)


def _print(page: Page, found: Plan) -> None:
    page.show(grid(("", "amount", "how it is known"), _rows(found), folded=(1,)))
    for note in _notes(found):
        page.note(note)


def _rows(found: Plan) -> Iterator[Sequence[Cell]]:
    whole = MEASURED if found.complete else EXTRAPOLATED
    start = f", after {time_text(found.start)} to start" if found.start >= 0.005 else ""
    yield "pairs", f"{found.pairs:,}, listed in {time_text(found.listing)}", MEASURED
    yield "sample", f"{found.sample:,} pairs in {time_text(found.sample_seconds)}{start}, by {found.engine}", MEASURED
    yield "speed", f"{1 / found.per_pair:,.1f} pairs/s", MEASURED
    yield "time for all", time_text(found.seconds), whole
    cost = found.cost(MILLION)
    price = "" if cost is None else f", for {cost:,.2f} at {found.price:g} an hour"
    yield "a million", f"{time_text(MILLION * found.per_pair)}{price}", EXTRAPOLATED
    if found.peak is not None and found.memory is not None:
        row = f"{size_text(found.row_memory)} a row"
        yield "memory", f"{size_text(found.memory)}: {size_text(found.peak)} at the peak so far, and {row}", whole
    packed = f"{size_text(found.pairs * found.row_packed)} as .jsonl.gz"
    yield "run file", f"{size_text(found.pairs * found.row_file)}, or {packed}", whole


def _notes(found: Plan) -> Iterator[str]:
    if not found.complete:
        yield f"{EXTRAPOLATED}: as if all pairs were like those of the sample, which a hash of the keys chooses"
    yield "files that were read a moment ago are read faster than others"
    if found.sample_seconds < SHORT:
        yield f"{time_text(found.sample_seconds)} are little to go by: more pairs, or --sample N, say more"


def time_text(seconds: float) -> str:
    """Write a time in the unit in which it is short."""
    for least, unit, name in UNITS:
        if seconds >= least:
            value = seconds / unit
            return f"{value:,.0f} {name}" if value >= 10 else f"{value:.2f} {name}"
    raise AssertionError("a time is not negative")


def size_text(size: float) -> str:
    """Write a number of bytes in the unit in which it is short."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.0f} {name}" if size >= 10 * unit else f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"
