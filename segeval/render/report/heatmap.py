"""The confusion matrix as a heat map of a terminal: every cell has its number, and colour or shade besides."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from segeval.errors import printable
from segeval.render.report.confusion import REST, TITLE, Matrix, left_out_text, shown_matrix, top_confusions
from segeval.render.report.wording import UNDEFINED, View
from segeval.render.syntax.page import Page, cut
from segeval.report.report import Report
from segeval.scores.overlap import Value

NARROWEST_CELL = 4
WIDEST_NAME = 20
NOTHING = "·"
SHADES = ((0.6, "█", 160, 25), (0.3, "▓", 124, 24), (0.1, "▒", 88, 23), (0.005, "░", 52, 17))
"""Least share; the sign before the number where there are no colours; the colours of a confusion and of a hit."""


def print_confusion(page: Page, report: Report, view: View) -> None:
    """Print the classes that have room, their matrix, and the top confusions in words."""
    ids = {index: str(entry.id) for index, entry in enumerate(report.classes)}
    numbered = all(entry.name == ids[index] for index, entry in enumerate(report.classes))
    matrix = shown_matrix(report, view)
    longest = max((len(_number(share)) for row in matrix.shares for share in row), default=0)
    cell = max(NARROWEST_CELL, 1 + max(map(len, ids.values()), default=0), 2 + longest)
    widest = WIDEST_NAME
    if page.width is not None:
        # The widest that may stand beside the classes is there from the start, so that one pass is enough.
        outside = sum(_cell_of(word, cell) for word in (*matrix.outside, REST))
        room = (page.width - 3 - min(widest, page.width // 3) - outside) // cell
        matrix = shown_matrix(report, view, max(1, min(room, len(matrix.classes))))
        cells = cell * len(matrix.classes) + sum(_cell_of(word, cell) for word in matrix.outside)
        widest = max(1, min(widest, page.width - 3 - cells))
    names = [
        cut(ids[index] if numbered else f"{ids[index]} {printable(report.classes[index].name)}", widest)
        for index in matrix.classes
    ]
    page.say(Text(TITLE, "bold"))
    for line in _lines(matrix, names, [ids[index] for index in matrix.classes], cell, color=page.color):
        page.say(line, whole=True)
    if left := left_out_text(matrix):
        page.say(Text(left, "dim"))
    for told in top_confusions(report):
        page.say(told)


def _lines(matrix: Matrix, names: list[str], ids: list[str], cell: int, *, color: bool) -> list[Text]:
    widest = max(map(cell_len, names), default=0)
    widths = [*[cell] * len(matrix.classes), *(_cell_of(word, cell) for word in matrix.outside)]
    heads = [f"{word:>{width}}" for word, width in zip([*ids, *matrix.outside], widths, strict=True)]
    lines = [Text(f"{'':{widest}} {''.join(heads)}", "bold")]
    for row, (name, shares) in enumerate(zip(names, matrix.shares, strict=True)):
        line = Text(name + " " * (widest - cell_len(name) + 1))
        for column, (share, width) in enumerate(zip(shares, widths, strict=True)):
            line.append_text(_cell(share, width, hit=row == column, color=color))
        lines.append(line)
    return lines


def _cell_of(word: str, narrowest: int) -> int:
    return max(narrowest, len(word) + 1)


def _cell(share: Value, width: int, *, hit: bool, color: bool) -> Text:
    number = _number(share)
    shade = next((shade for shade in SHADES if share is not None and share >= shade[0]), None)
    if shade is None:
        return Text(f"{number:>{width}}", "dim")
    _, sign, miss_color, hit_color = shade
    if not color:
        return Text(f"{sign + number:>{width}}")
    return Text(f"{number:>{width - 1}} ", f"color(231) on color({hit_color if hit else miss_color})")


def _number(share: Value) -> str:
    """Write a share in whole percent: "<1" and ">99" are neither 0 nor 100."""
    if share is None or not share:
        return UNDEFINED if share is None else NOTHING
    if share < 0.005:
        return "<1"
    return ">99" if 0.995 <= share < 1 else f"{100 * share:.0f}"
