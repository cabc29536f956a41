"""A report as a table for a terminal, or for a file at its natural width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from segeval.errors import listed, printable
from segeval.records import dataclass
from segeval.render.messages import finding_label, note_text
from segeval.render.report.details import print_details
from segeval.render.report.losses import print_losses
from segeval.render.report.wording import (
    COMPACT,
    UNDEFINED,
    View,
    bounds_of,
    data_text,
    has_intervals,
    heading,
    headline_value,
    in_neither,
    interval_text,
    lowest,
    mean_text,
    own_text,
    score_interval_text,
    score_text,
    signature_text,
    title,
    ungated_text,
    verdict_text,
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
from segeval.scores.registry import HEADLINE, OF_CLASSES, OF_CONTOURS, OF_MASKS, chosen

EIGHTHS = " ▏▎▍▌▋▊▉"
LOW = "▼"

COLUMN_TITLES: Mapping[str, str] = {
    **{name: heading(name) for name in OF_CLASSES if name != "iou"},
    "average_precision": f"{title('average_precision')} %",
    "gt_share": "GT share %",
}
VARIANTS: tuple[tuple[int, frozenset[str]], ...] = (
    (24, frozenset()),
    (12, frozenset()),
    (8, frozenset()),
    (8, frozenset({"gt_share"})),
    (0, frozenset({"gt_share"})),
    (0, frozenset({"gt_share", "precision", "recall"})),
    (0, frozenset({"gt_share", "precision", "recall", "dice"})),
    (0, frozenset({*COLUMN_TITLES})),
    (0, frozenset({*COLUMN_TITLES, "id"})),
    (0, frozenset({*COLUMN_TITLES, "id", "interval"})),
)
"""Cells of the bar, and the columns that are left out, from the roomiest to the narrowest table of classes."""
MOST_ABSENT = 12
"""Classes in neither side that are named."""


def render_table(
    report: Report, *, color: bool = False, width: int | None = None, verbose: bool = False, view: View = COMPACT
) -> str:
    """Return classes, groups, scores, data, warnings, gates and the signature between two headlines, for reading.

    `width` is the terminal's, to which the table is cut by leaving out columns; `None` gives every column. Meaning is
    never in the colour alone. `verbose` adds what was inferred and the whole signature.
    """
    return page_text(lambda page: _print_report(page, report, verbose, view), color=color, width=width)


def _print_report(page: Page, report: Report, verbose: bool, view: View) -> None:
    page.say(Text(headline_value(report, view), "bold"))
    low = lowest(report)
    page.show(_class_table(page, report, low, view))
    if told := "; ".join(filter(None, (f"{LOW} lowest IoU" if low else "", _absent_text(report, view)))):
        page.say(Text(told, "dim"))
    if report.groups:
        page.show(_group_table(page, report.groups, view))
    _print_scores(page, report, OF_MASKS, view)
    if any(part is not None for part in (report.boundary, report.distances, report.lesions)):
        page.show(_contour_table(page, report, view))
        _print_scores(page, report, OF_CONTOURS, view)
        if told := _empties_text(report):
            page.say(Text(told, "dim"))
    if report.probabilities is not None:
        print_losses(page, report, view)
    if report.has_details:
        print_details(page, report, view)
    if view.confusion:
        from segeval.render.report.heatmap import print_confusion  # few ask for it

        print_confusion(page, report, view)
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
    if left_out := ungated_text(report):
        page.say(left_out)
    page.say(Text(signature_text(report, verbose=verbose), "dim"), whole=True)
    page.say(Text(headline_value(report, view), "bold"))


def _absent_text(report: Report, view: View) -> str:
    """Tell the classes that have no row: "in neither side, IoU -: train"."""
    ious: dict[str, list[str]] = {}
    for index in sorted(_folded(report, view)):
        entry = report.classes[index]
        shown = UNDEFINED if entry.iou is None else f"{view.percent(entry.iou, bounds_of(report, 'iou', entry))} %"
        ious.setdefault(shown, []).append(printable(entry.name))
    return "; ".join(f"in neither side, IoU {iou}: {listed(names, MOST_ABSENT)}" for iou, names in ious.items())


def _folded(report: Report, view: View) -> frozenset[int]:
    return frozenset() if view.details else in_neither(report)


def _class_table(page: Page, report: Report, low: Iterable[int], view: View) -> Table:
    folded = _folded(report, view)
    shown = sorted(
        (index for index in view.ranked(report) if index not in folded),
        key=lambda index: not report.classes[index].in_means,
    )
    rows = ClassRows(page, report, view, tuple(shown), frozenset(low))
    names = [report.classes[index].name for index in shown]
    short = placeholders(names)
    numbered = all(entry.name == str(entry.id) for entry in report.classes)
    unheld = frozenset({"average_precision"} if view.details or report.probabilities is None else ())
    for bar, left_out in VARIANTS:
        hidden = left_out | unheld | {"id"} if numbered else left_out | unheld
        build = rows.builder(bar, hidden)
        if page.width is None or page.fits(build(short)):
            break
    return fitted(page, names, build)


@dataclass(frozen=True, slots=True)
class ClassRows:
    """Hold what the table of classes is made of: the positions of those that it shows, and the lowest of them."""

    page: Page
    report: Report
    view: View
    shown: tuple[int, ...]
    low: frozenset[int]

    def builder(self, bar: int, hidden: frozenset[str]) -> Callable[[list[str]], Table]:
        """Return what builds the table from names, with a bar of so many cells and without the hidden columns."""
        return partial(self._table, bar, hidden)

    def _table(self, bar: int, hidden: frozenset[str], names: list[str]) -> Table:
        kept = [column for column in COLUMN_TITLES if column not in hidden]
        with_id = "id" not in hidden
        with_intervals = has_intervals(self.report) and "interval" not in hidden
        table = names_and_numbers("id" if with_id else "class")
        if with_id:
            table.columns[0].justify = "right"
            table.add_column("class", no_wrap=True)
        table.add_column("IoU %", justify="right", no_wrap=True)
        if bar:
            table.add_column("", width=bar, no_wrap=True)
        if with_intervals:
            table.add_column("interval %", justify="right", no_wrap=True)
        for column in kept:
            table.add_column(COLUMN_TITLES[column], justify="right", no_wrap=True)
        apart = sum(not self.report.classes[index].in_means for index in self.shown)
        for place, (index, name) in enumerate(zip(self.shown, names, strict=True)):
            if apart and place == len(names) - apart:
                table.add_section()
            entry = self.report.classes[index]
            cells: list[RenderableType] = [str(entry.id)] if with_id else []
            cells += [_name_cell(name, entry, self.page.color), *self._iou_cells(index, bar)]
            if with_intervals:
                cells.append(interval_text(self.report.iou_interval(index), self.view.percent))
            cells.extend(self._percent(column, entry) for column in kept)
            table.add_row(*cells, style=None if entry.in_means else "dim")
        return table

    def _iou_cells(self, index: int, bar: int) -> list[Text]:
        entry, is_low = self.report.classes[index], index in self.low
        iou = self._percent("iou", entry)
        cells = [Text(f"{LOW} {iou}" if is_low else iou, style="bold red" if is_low else "bold")]
        return [*cells, Text(_bar(entry.iou, bar), style="red" if is_low else "cyan")] if bar else cells

    def _percent(self, column: str, entry: ClassScores) -> str:
        value = entry.gt_share if column == "gt_share" else entry.scores().get(column)
        return self.view.percent(value, bounds_of(self.report, column, entry))


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


def _group_table(page: Page, groups: Sequence[GroupScores], view: View) -> Table:
    cells: Mapping[str, Callable[[GroupScores], Text]] = {
        "IoU %": lambda group: Text(view.percent(group.iou), "bold"),
        "Dice %": lambda group: Text(view.percent(group.dice)),
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


def _contour_table(page: Page, report: Report, view: View) -> Table:
    """Return the scores of each class along its contours."""
    names = chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours))
    shown = [report.classes[index] for index in view.ranked(report) if index not in _folded(report, view)]
    cells = {heading(name): name for name in names}

    def builder(kept: Sequence[str]) -> Callable[[list[str]], Table]:
        def build(classes: list[str]) -> Table:
            table = names_and_numbers("class", kept)
            for entry, called in zip(shown, classes, strict=True):
                values = ((cells[column], entry.contours.get(cells[column])) for column in kept)
                texts = (view.writer(name)(value, bounds_of(report, name, entry)) for name, value in values)
                table.add_row(Text(called), *map(Text, texts), style=None if entry.in_means else "dim")
            return table

        return build

    return narrowed(page, [entry.name for entry in shown], list(cells), builder)


def _empties_text(report: Report) -> str:
    """Tell in how many images a class has nothing on a side: "images with nothing on one side: car 2; on both: ..."."""
    if report.distances is not None:
        counted = [(one["one_empty"], one["both_empty"]) for one in report.distances.class_images]
    elif report.lesions is not None:
        counted = [(one["one_empty"], one["both_empty"]) for one in report.lesions.class_lesions]
    else:
        counted = [(one.one_empty, one.both_empty) for one in report.boundary.class_images] if report.boundary else []
    met = [
        (printable(entry.name), counts)
        for entry, counts in zip(report.classes, counted, strict=True)
        if counts[1] < report.data.images
    ]
    sides = [[f"{name} {counts[side]}" for name, counts in met if counts[side]] for side in (0, 1)]
    parts = [
        f"{words}: {listed(names, MOST_ABSENT)}"
        for words, names in zip(("on one side", "on both"), sides, strict=True)
        if names
    ]
    return f"images in which a class has nothing {'; '.join(parts)}" if parts else ""


def _print_scores(page: Page, report: Report, names: Sequence[str], view: View) -> None:
    """Print some of the scores side by side: in one row, or in as many as the page needs."""
    scores = chosen(names, report.scores)
    rows = 1
    while rows < len(scores) and not all(page.fits(_beside(report, part, view)) for part in _parts(scores, rows)):
        rows += 1
    for part in _parts(scores, rows):
        page.show(_beside(report, part, view))


def _parts(scores: Sequence[str], rows: int) -> list[Sequence[str]]:
    size = -(-len(scores) // rows)
    return [scores[start : start + size] for start in range(0, len(scores), size or 1)]


def _beside(report: Report, scores: Sequence[str], view: View) -> Table:
    table = side_by_side(printable(heading(name)) for name in scores)
    cells = []
    for name in scores:
        shown = score_text(report, name, view)
        cells.append(Text(f" {shown} ", "bold reverse") if name == HEADLINE.name else Text(shown, "bold"))
    table.add_row(*cells)
    if any(report.interval(name) is not None for name in scores):
        table.add_row(*(score_interval_text(report, name, view) for name in scores))
    return table
