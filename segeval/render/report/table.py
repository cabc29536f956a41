"""A report as a table for a terminal, or for a file at its natural width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from segeval.errors import printable
from segeval.render.messages import finding_label, note_text
from segeval.render.report.details import print_details
from segeval.render.report.losses import print_losses
from segeval.render.report.wording import (
    UNDEFINED,
    bounds_of,
    data_text,
    has_intervals,
    heading,
    in_percent,
    interval_text,
    lowest,
    mean_text,
    own_text,
    percent,
    score_interval_text,
    score_text,
    signature_text,
    title,
    verdict_text,
    writer,
)
from segeval.render.syntax.page import (
    FULL_BLOCK,
    Page,
    fitted,
    names_and_numbers,
    narrowed,
    page_text,
    placeholders,
    side_by_side,
)
from segeval.report.report import ClassScores, GroupScores, Report
from segeval.scores.registry import HEADLINE, OF_CLASSES, OF_CONTOURS, OF_MASKS, SCORE, chosen

EIGHTHS = " ▏▎▍▌▋▊▉"
LOW = "▼"

VARIANTS: tuple[tuple[int, frozenset[str]], ...] = (
    (24, frozenset()),
    (12, frozenset()),
    (8, frozenset()),
    (8, frozenset({"gt_share"})),
    (0, frozenset({"gt_share"})),
    (0, frozenset({"gt_share", "precision", "recall"})),
    (0, frozenset({"gt_share", "precision", "recall", "dice"})),
    (0, frozenset({"gt_share", "precision", "recall", "dice", "id"})),
    (0, frozenset({"gt_share", "precision", "recall", "dice", "id", "interval"})),
)
"""Cells of the bar, and the columns that are left out, from the roomiest to the narrowest table of classes."""
COLUMN_TITLES: Mapping[str, str] = {
    **{name: SCORE[name].title for name in OF_CLASSES if name != "iou"},
    "gt_share": "GT share",
}


def render_table(report: Report, *, color: bool = False, width: int | None = None, verbose: bool = False) -> str:
    """Return classes, groups, scores, data, warnings, gates and the signature, for reading.

    `width` is the terminal's, to which the table is cut by leaving out columns; `None` gives every column. Meaning is
    never in the colour alone. `verbose` adds what was inferred and the whole signature.
    """
    return page_text(lambda page: _print_report(page, report, verbose), color=color, width=width)


def _print_report(page: Page, report: Report, verbose: bool) -> None:
    low = lowest(report)
    page.show(_class_table(page, report, low))
    if low:
        page.say(Text(f"{LOW} lowest IoU", "dim"))
    if report.groups:
        page.show(_group_table(page, report.groups))
    _print_scores(page, report, OF_MASKS)
    if report.boundary is not None or report.distances is not None:
        page.show(_contour_table(page, report))
        _print_scores(page, report, OF_CONTOURS)
    if report.probabilities is not None:
        print_losses(page, report)
    if report.has_details:
        print_details(page, report)
    page.say(f"{mean_text(report)}; {data_text(report.data)}")
    if own := own_text(report):
        page.say(Text(own, "dim"))
    for warning in report.warnings:
        page.label(finding_label(warning), "bold yellow", str(warning))
    if verbose:
        for note in report.notes:
            page.note(note_text(note))
    for verdict in report.gates:
        page.judge(verdict.passed, verdict_text(verdict))
    page.say(Text(signature_text(report, verbose=verbose), "dim"), whole=True)


def _class_table(page: Page, report: Report, low: Iterable[int]) -> Table:
    names = [entry.name for entry in report.classes]
    short = placeholders(names)
    numbered = all(entry.name == str(entry.id) for entry in report.classes)
    for bar, left_out in VARIANTS:
        hidden = left_out | {"id"} if numbered else left_out
        build = _class_builder(page, report, frozenset(low), bar, hidden)
        if page.width is None or page.fits(build(short)):
            break
    return fitted(page, names, build)


def _class_builder(
    page: Page, report: Report, low: frozenset[int], bar: int, hidden: frozenset[str]
) -> Callable[[list[str]], Table]:
    kept = [column for column in COLUMN_TITLES if column not in hidden]
    with_id = "id" not in hidden
    with_intervals = has_intervals(report) and "interval" not in hidden

    def build(names: list[str]) -> Table:
        table = names_and_numbers("id" if with_id else "class")
        if with_id:
            table.columns[0].justify = "right"
            table.add_column("class", no_wrap=True)
        table.add_column("IoU %", justify="right", no_wrap=True)
        if bar:
            table.add_column("", width=bar, no_wrap=True)
        if with_intervals:
            table.add_column("interval", justify="right", no_wrap=True)
        for column in kept:
            table.add_column(COLUMN_TITLES[column], justify="right", no_wrap=True)
        named = list(enumerate(zip(report.classes, names, strict=True)))
        apart = len([entry for entry in report.classes if not entry.in_means])
        for place, (index, (entry, name)) in enumerate(sorted(named, key=lambda row: not row[1][0].in_means)):
            if apart and place == len(named) - apart:
                table.add_section()
            is_low = index in low
            cells: list[RenderableType] = [str(entry.id)] if with_id else []
            cells.append(_name_cell(name, entry, page.color))
            iou = percent(entry.iou, bounds_of(report, "iou", entry))
            cells.append(Text(f"{LOW} {iou}" if is_low else iou, style="bold red" if is_low else "bold"))
            if bar:
                cells.append(Text(_bar(entry.iou, bar), style="red" if is_low else "cyan"))
            if with_intervals:
                cells.append(interval_text(report.iou_interval(index)))
            cells.extend(percent(getattr(entry, column), bounds_of(report, column, entry)) for column in kept)
            table.add_row(*cells, style=None if entry.in_means else "dim")
        return table

    return build


def _name_cell(name: str, entry: ClassScores, color: bool) -> Text:
    """Return a class's name behind a patch of its colour; without colours there is nothing to patch."""
    if not color or entry.color is None:
        return Text(name)
    red, green, blue = entry.color
    return Text.assemble((FULL_BLOCK * 2, f"rgb({red},{green},{blue})"), " ", name)


def _bar(value: float | None, cells: int) -> str:
    """Draw a fraction as a bar, to an eighth of a cell; anything above 0 shows."""
    if value is None:
        return ""
    eighths = max(int(value * cells * 8), int(value > 0))
    return (FULL_BLOCK * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _group_table(page: Page, groups: Sequence[GroupScores]) -> Table:
    cells: Mapping[str, Callable[[GroupScores], Text]] = {
        "IoU %": lambda group: Text(percent(group.iou), "bold"),
        "Dice": lambda group: Text(percent(group.dice)),
        "classes": lambda group: Text(str(len(group.ids))),
    }

    def builder(kept: Sequence[str]) -> Callable[[list[str]], Table]:
        def build(names: list[str]) -> Table:
            table = names_and_numbers("group", kept)
            for group, name in zip(groups, names, strict=True):
                table.add_row(Text(name), *(cells[column](group) for column in kept))
            return table

        return build

    return narrowed(page, [group.name for group in groups], list(cells), builder)


def _contour_table(page: Page, report: Report) -> Table:
    """Return the scores of each class along its contours."""
    names = chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours))
    cells = {heading(name): name for name in names}

    def builder(kept: Sequence[str]) -> Callable[[list[str]], Table]:
        def build(classes: list[str]) -> Table:
            table = names_and_numbers("class", kept)
            for entry, called in zip(report.classes, classes, strict=True):
                values = ((cells[column], entry.contours.get(cells[column])) for column in kept)
                texts = (writer(name)(value, bounds_of(report, name, entry)) for name, value in values)
                table.add_row(Text(called), *map(Text, texts), style=None if entry.in_means else "dim")
            return table

        return build

    return narrowed(page, [entry.name for entry in report.classes], list(cells), builder)


def _print_scores(page: Page, report: Report, names: Sequence[str]) -> None:
    """Print some of the scores side by side: in one row, or in as many as the page needs."""
    scores = chosen(names, report.scores)
    rows = 1
    while rows < len(scores) and not all(page.fits(_beside(report, part)) for part in _parts(scores, rows)):
        rows += 1
    for part in _parts(scores, rows):
        page.show(_beside(report, part))


def _parts(scores: Sequence[str], rows: int) -> list[Sequence[str]]:
    size = -(-len(scores) // rows)
    return [scores[start : start + size] for start in range(0, len(scores), size or 1)]


def _beside(report: Report, scores: Sequence[str]) -> Table:
    table = side_by_side(printable(title(name)) for name in scores)
    cells = []
    for name in scores:
        value = score_text(report, name)
        shown = value if value == UNDEFINED or not in_percent(name) else f"{value} %"
        cells.append(Text(f" {shown} ", "bold reverse") if name == HEADLINE.name else Text(shown, "bold"))
    table.add_row(*cells)
    if any(report.interval(name) is not None for name in scores):
        table.add_row(*(score_interval_text(report, name) for name in scores))
    return table
