"""A report as a page: what its tables say, the heat map, and the figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from segeval.pictures.confusions import row_shares, shown_classes
from segeval.pictures.drawing import drawn, figure_bytes
from segeval.pictures.figures import figures_of, report_figure
from segeval.pictures.pagetext import (
    LONGEST_LINE,
    Cell,
    Figure,
    Gallery,
    Heat,
    HeatCell,
    HeatRow,
    Page,
    Table,
    Tile,
    data_url,
    shown,
)
from segeval.render.messages import finding_label
from segeval.render.report.wording import (
    COMPACT,
    bounds_of,
    data_text,
    has_intervals,
    heading,
    headline_value,
    interval_text,
    mean_text,
    own_text,
    score_interval_text,
    score_text,
    signature_text,
    verdict_text,
)
from segeval.scores.registry import OF_CLASS_MAPS, OF_CLASSES, OF_CONTOURS, chosen

if TYPE_CHECKING:
    from segeval.report.report import ClassScores, Report

NAMES = {
    "pr": "precision over recall",
    "roc": "ROC",
    "reliability": "reliability",
    "losses": "what the data's pixels cost",
}
EVEN = 0.179
"""Luminance on which black and white are read equally well."""


def report_page(report: Report, values: Sequence[float], galleries: Sequence[Gallery] = ()) -> Page:
    """Return the page of a report; `values` are the mIoU of each image that has one."""
    figures = [_images_figure(values)] if len(values) > 1 else []
    figures += [
        Figure(NAMES[name], data_url("image/svg+xml", report_figure(report, name, "svg")))
        for name in figures_of(report)
        if name in NAMES
    ]
    return Page(
        title=headline_value(report),
        told=[mean_text(report), data_text(report.data), *filter(None, [own_text(report)])],
        signature=signature_text(report),
        gates=[(verdict.passed, shown(verdict_text(verdict), LONGEST_LINE)) for verdict in report.gates],
        warnings=[shown(f"{finding_label(one)}: {one}", LONGEST_LINE) for one in report.warnings],
        tiles=[Tile(heading(name), score_text(report, name), _interval(report, name)) for name in report.scores],
        tables=[_classes(report), *_slices(report)],
        heat=None if report.counted is None else heat_map(report),
        galleries=galleries,
        figures=figures,
    )


def _interval(report: Report, name: str) -> str:
    return score_interval_text(report, name) if has_intervals(report) else ""


def _classes(report: Report) -> Table:
    names = [
        *OF_CLASSES,
        *chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours)),
        *chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses)),
    ]
    drawn = has_intervals(report)
    heads = ["id", "class", "", *map(heading, names), "GT share %", *(["IoU interval %"] if drawn else [])]
    rows = [_class_row(report, index, entry, names) for index, entry in enumerate(report.classes)]
    return Table("Classes", heads, rows, names=(1,), sortable=True)


def _class_row(report: Report, index: int, entry: ClassScores, names: Sequence[str]) -> list[Cell]:
    values = entry.scores()
    cells = [
        Cell(COMPACT.writer(name)(values.get(name), bounds_of(report, name, entry)), _number(values.get(name)))
        for name in names
    ]
    name = shown(entry.name if entry.in_means else f"{entry.name} (not in the mean)")
    drawn = report.iou_interval(index)
    iou = 0.0 if entry.iou is None else entry.iou
    return [
        Cell(str(entry.id), entry.id),
        Cell(name, name),
        Cell("", _number(entry.iou), round(100 * iou, 1)),
        *cells,
        Cell(COMPACT.percent(entry.gt_share), _number(entry.gt_share)),
        *([Cell(interval_text(drawn), "" if drawn is None else _number(drawn.low))] if has_intervals(report) else []),
    ]


def _number(value: float | None) -> float | str:
    return "" if value is None else value


def _slices(report: Report) -> list[Table]:
    if report.details.slices is None:
        return []
    from segeval.render.report.slices import slice_rows, slices_line

    note = slices_line(report)
    return [
        Table(
            shown(f"Slices by {told.column}"),
            ["slice", *told.titles],
            [[Cell(shown(name)), *map(Cell, row)] for name, row in zip(told.names, told.rows, strict=True)],
            note=note,
        )
        for told in slice_rows(report)
    ]


def heat_map(report: Report) -> Heat:
    """Return the confusion matrix, each row in shares of its class's pixels."""
    places = shown_classes(report)
    shares = row_shares(report, places).tolist()
    names = [shown(report.classes[index].name, 40) for index in places]
    rows = [
        HeatRow(
            name,
            [
                _heat_cell(row, column, name, other, share)
                for column, other, share in zip(places, names, cells, strict=True)
            ],
        )
        for row, name, cells in zip(places, names, shares, strict=True)
    ]
    note = "Each row is a class of the ground truth, in percent of its valid pixels."
    if len(places) < len(report.classes):
        others = len(report.classes) - len(places)
        note += f" The {len(places)} most confused classes are shown; {others:,} others are in the table of classes."
    return Heat(names, rows, note)


def _heat_cell(row: int, column: int, name: str, other: str, share: float) -> HeatCell:
    if math.isnan(share):
        return HeatCell(f"{row}-{column}", "", f"{name}: no pixels", "#ffffff", "#000000")
    text = f"{100 * share:.0f}" if share >= 0.005 else ""
    red, green, blue = (round(255 + (end - 255) * share**0.7) for end in (0, 62, 110))
    told = f"{100 * share:.2f} % of {name} is predicted as {other}"
    ink = "#000000" if _luminance(red, green, blue) > EVEN else "#ffffff"
    return HeatCell(f"{row}-{column}", text, told, f"#{red:02x}{green:02x}{blue:02x}", ink)


def _luminance(*channels: int) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    linear = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in channels)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _images_figure(values: Sequence[float]) -> Figure:
    figure = drawn(lambda axes: _draw_images(axes, values))
    told = f"mIoU of each of {len(values):,} images"
    return Figure(told, data_url("image/svg+xml", figure_bytes(figure, "svg")))


def _draw_images(axes: object, values: Sequence[float]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    from matplotlib.ticker import MaxNLocator

    axes.hist(values, bins=[part / 20 for part in range(21)], color="#0072b2", edgecolor="white", linewidth=0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("mIoU of an image")
    axes.set_ylabel("images")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"mIoU of each of {len(values):,} images", fontsize=9)
