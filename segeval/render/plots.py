"""The curves of a report drawn in a terminal: braille dots for curves, letters and signs for what goes with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.cells import set_cell_size
from rich.color import ColorSystem
from rich.style import Style

from segeval.errors import UsageError, printable
from segeval.records import dataclass
from segeval.render.report.wording import loss
from segeval.report.mapscores import MapScores
from segeval.report.report import Report
from segeval.scores.curves import precision_steps, reliability
from segeval.scores.overlap import ratio
from segeval.tables.floatlevels import LevelCounts

SHOWN_CLASSES = 3
"""Of more classes, of lowest average precision are drawn."""
NARROWEST, WIDEST, GAP, MARGIN = 24, 48, 1, 5
"""Cells of a panel at least and at most, between two panels, and of the labels at a panel's left."""
ROWS = 10
HIGHEST_LOSS = 5.0
"""Where the axis of -ln p ends: p = 0.0067."""
FEW_PIXELS = 0.01
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each of a braille cell's 4 x 2 dots."""
BLANK = 0x2800
GUIDE = "·"
CURVE_STYLE, MARK_STYLE, TITLE_STYLE = Style(color="cyan"), Style(color="yellow"), Style(bold=True)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Canvas:
    """Collect what is drawn on `rows` x `columns` cells: marks of one character over curves of dots over guides.

    Coordinates are fractions of the axes, (0, 0) at the lower left; what lies outside is not drawn.
    """

    rows: int
    columns: int
    dots: set[tuple[int, int]] = field(default_factory=set)
    marks: dict[tuple[int, int], str] = field(default_factory=dict)
    guides: set[tuple[int, int]] = field(default_factory=set)

    def centres(self) -> Sequence[float]:
        """Return x at the middle of every column."""
        return [(column + 0.5) / self.columns for column in range(self.columns)]

    def mark(self, x: float, y: float, glyph: str) -> None:
        """Put a character over whatever is in a cell."""
        if 0 <= x <= 1 and 0 <= y <= 1:
            self.marks[self._cell_at(x, y)] = glyph

    def guide(self, height: Callable[[float], float]) -> None:
        """Draw a thin line of one point a column below everything else; `height` gives y for x."""
        self.guides.update(self._cell_at(x, height(x)) for x in self.centres())

    def _cell_at(self, x: float, y: float) -> tuple[int, int]:
        return self.rows - 1 - min(int(y * self.rows), self.rows - 1), min(int(x * self.columns), self.columns - 1)

    def line(self, x: FloatArray, y: FloatArray) -> None:
        """Join points by straight lines of dots."""
        wide, high = 2 * self.columns - 1, 4 * self.rows - 1
        points = np.rint(np.column_stack([x * wide, y * high])).astype(int)
        moved = np.flatnonzero(np.any(np.diff(points, axis=0) != 0, axis=1)) + 1
        corners = points[np.concatenate([[0], moved])].tolist()
        for (x0, y0), (x1, y1) in pairwise([*corners, corners[-1]]):
            steps = max(1, abs(x1 - x0), abs(y1 - y0))
            for step in range(steps + 1):
                column, row = x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
                if 0 <= column <= wide and 0 <= row <= high:
                    self.dots.add((high - row, column))

    def text(self, color: bool) -> list[str]:
        """Return the rows, each of `columns` cells."""
        codes: dict[tuple[int, int], int] = {}
        for row, column in self.dots:
            cell = row // 4, column // 2
            codes[cell] = codes.get(cell, BLANK) | DOTS[row % 4][column % 2]
        return [
            "".join(self._cell(codes, (row, column), color) for column in range(self.columns))
            for row in range(self.rows)
        ]

    def _cell(self, codes: Mapping[tuple[int, int], int], cell: tuple[int, int], color: bool) -> str:
        if cell in self.marks:
            return _styled(self.marks[cell], MARK_STYLE, color)
        if cell in codes:
            return _styled(chr(codes[cell]), CURVE_STYLE, color)
        return GUIDE if cell in self.guides else " "


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold one plot: two lines of title, the labels of both axes, and what draws it.

    `draw` gets an empty canvas and returns False where there is nothing to draw, which `empty` then explains.
    """

    title: str
    legend: str
    x_name: str
    x_ticks: tuple[str, str]
    y_ticks: tuple[str, str, str]
    draw: Callable[[Canvas], bool]
    empty: str = ""

    def lines(self, width: int, color: bool) -> list[str]:
        """Return the panel's lines, each `width` cells wide."""
        columns = width - MARGIN - 1
        canvas = Canvas(ROWS, columns)
        if not self.draw(canvas):
            for index, character in enumerate(self.empty[:columns]):
                canvas.marks[ROWS // 2, index] = character
        ticks = dict(zip((ROWS - 1, ROWS // 2, 0), self.y_ticks, strict=True))
        body = [
            f"{ticks.get(row, ''):>{MARGIN - 1}} {'┤' if row in ticks else '│'}{text}"
            for row, text in enumerate(canvas.text(color))
        ]
        left, right = self.x_ticks
        name = set_cell_size(self.x_name.center(columns - len(left) - len(right)), columns - len(left) - len(right))
        return [
            _styled(set_cell_size(f" {self.title}", width), TITLE_STYLE, color),
            set_cell_size(f" {self.legend}", width),
            *body,
            f"{'':{MARGIN}}└{'─' * columns}",
            f"{'':{MARGIN + 1}}{left}{name}{right}",
        ]


def render_plots(report: Report, *, width: int = 80, color: bool = False) -> str:
    """Draw precision over recall, reliability, and the losses over p, in `width` columns.

    Of a binary map, one of each; of several maps, the first two for the classes of lowest average precision. Meaning is
    in the glyphs, never in the colour alone. Raises `UsageError` for a report of label masks.
    """
    maps, chosen = report.probabilities, report.protocol.probabilities
    if maps is None or chosen is None:
        raise UsageError(
            "label masks have no curves", (), "Score probability maps with --probs, or drop --curves and --plot"
        )
    drawn = _drawn(maps.per_map)
    names = [printable(report.classes[entry.class_index].name) for entry in drawn]
    of_recall = [_recall_panel(name, entry) for name, entry in zip(names, drawn, strict=True)]
    of_trust = [_reliability_panel(name, entry) for name, entry in zip(names, drawn, strict=True)]
    of_loss = [_loss_panel(maps.eps, chosen.gamma), _focal_panel(chosen.gamma)]
    rows = [of_recall + of_trust, of_loss] if len(drawn) == 1 else [of_recall, of_trust, of_loss]
    parts = [part for panels in rows for part in _beside(panels, width, color)]
    if len(drawn) < len(maps.per_map):
        parts.insert(0, f" {len(drawn)} of {len(maps.per_map)} classes, of lowest average precision")
    return "\n\n".join(parts) + "\n"


def _drawn(per_map: Sequence[MapScores]) -> Sequence[MapScores]:
    """Return the maps to draw, in class order."""

    def rank(entry: MapScores) -> tuple[bool, float]:
        value = entry.scores["average_precision"]
        return value is None, value or 0.0

    lowest = sorted(per_map, key=rank)[:SHOWN_CLASSES]
    return [entry for entry in per_map if entry in lowest]


def _beside(panels: Sequence[Panel], width: int, color: bool) -> list[str]:
    """Lay panels side by side, in as many rows as they need."""
    across = max(1, min(len(panels), (width + GAP) // (NARROWEST + GAP)))
    across = math.ceil(len(panels) / math.ceil(len(panels) / across))
    cells = max(NARROWEST, min(WIDEST, (width - GAP * (across - 1)) // across))
    parts = []
    for start in range(0, len(panels), across):
        columns = [panel.lines(cells, color) for panel in panels[start : start + across]]
        parts.append("\n".join((" " * GAP).join(line).rstrip() for line in zip(*columns, strict=True)))
    return parts


def _recall_panel(name: str, entry: MapScores) -> Panel:
    return Panel(
        title=f"PR curve: {name}",
        legend=f"⠒ AP {loss(entry.scores['average_precision'])}  {GUIDE} chance",
        x_name="recall",
        x_ticks=("0", "1"),
        y_ticks=("0", "prec", "1"),
        draw=lambda canvas: _draw_recall(canvas, entry.histogram),
        empty="needs both classes",
    )


def _draw_recall(canvas: Canvas, histogram: LevelCounts) -> bool:
    """Draw the steps that average precision is the area of, and the precision of chance."""
    prevalence = ratio(histogram.n_pos, histogram.n_pos + histogram.n_neg)
    if prevalence is None or not histogram.n_pos or not histogram.n_neg:
        return False
    canvas.guide(lambda _: prevalence)
    canvas.line(*precision_steps(histogram))
    return True


def _reliability_panel(name: str, entry: MapScores) -> Panel:
    return Panel(
        title=f"reliability: {name}",
        legend=f"● ECE {loss(entry.scores['ece'])} ○ <1% px",
        x_name="mean p of a bin",
        x_ticks=("0", "1"),
        y_ticks=("0", "true", "1"),
        draw=lambda canvas: _draw_reliability(canvas, entry.histogram),
        empty="no pixels",
    )


def _draw_reliability(canvas: Canvas, histogram: LevelCounts) -> bool:
    """Mark how often each bin was right over its mean p, on the diagonal of perfect calibration."""
    everything = histogram.n_pos + histogram.n_neg
    canvas.guide(lambda x: x)
    for part in reliability(histogram):
        if part.mean_probability is not None and part.positive_rate is not None:
            glyph = "○" if part.pixels < FEW_PIXELS * everything else "●"
            canvas.mark(part.mean_probability, part.positive_rate, glyph)
    return everything > 0


def _loss_panel(eps: float | str, gamma: float) -> Panel:
    worst = 100.0 if isinstance(eps, str) else -math.log(eps)
    return Panel(
        title=f"pixel loss, at p = 0: {worst:.4g}",
        legend=f"⠒ -ln p  o focal, gamma {gamma:g}",
        x_name="p of the true class",
        x_ticks=("0", "1"),
        y_ticks=("0", f"{HIGHEST_LOSS / 2:g}", f"{HIGHEST_LOSS:g}"),
        draw=lambda canvas: _draw_losses(canvas, gamma),
    )


def _draw_losses(canvas: Canvas, gamma: float) -> bool:
    p = _grid(canvas)
    canvas.line(p, -np.log(p) / HIGHEST_LOSS)
    for x in canvas.centres()[::2]:
        canvas.mark(x, (1 - x) ** gamma * -math.log(x) / HIGHEST_LOSS, "o")
    return True


def _focal_panel(gamma: float) -> Panel:
    return Panel(
        title="focal factor",
        legend=f"⠒ (1 - p)^{gamma:g}",
        x_name="p of the true class",
        x_ticks=("0", "1"),
        y_ticks=("0", "0.5", "1"),
        draw=lambda canvas: _draw_factor(canvas, gamma),
    )


def _draw_factor(canvas: Canvas, gamma: float) -> bool:
    p = _grid(canvas)
    canvas.line(p, (1 - p) ** gamma)
    return True


def _grid(canvas: Canvas) -> FloatArray:
    """Return p at every column of dots, without 0."""
    p: FloatArray = np.linspace(0, 1, 8 * canvas.columns + 1)
    return np.maximum(p, math.exp(-HIGHEST_LOSS))


def _styled(text: str, style: Style, color: bool) -> str:
    return style.render(text, color_system=ColorSystem.EIGHT_BIT) if color else text
