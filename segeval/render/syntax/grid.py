"""Tables of a page, in one style, and how they are made to fit it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from segeval.errors import printable
from segeval.render.syntax.page import Page

BOX = box.ROUNDED
FEWEST_NAME_CELLS = 14
"""Columns go before names are cut to less than this."""

Cell = Text | str


def grid(
    titles: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = (), folded: Collection[int] = ()
) -> Table:
    """Return a table; `right` columns hold numbers, `folded` ones may take several lines on a narrow page."""
    table = Table(box=BOX, header_style="bold", border_style="dim")
    for index, title in enumerate(titles):
        table.add_column(
            title, justify="right" if index in right else "left", no_wrap=index not in folded, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    return table


def in_lines(names: Iterable[str], width: int) -> str:
    """Return names with commas between them, in lines of at most `width` cells where a name itself is no wider."""
    lines: list[str] = []
    for name in map(printable, names):
        if lines and cell_len(lines[-1]) + cell_len(name) + 3 <= width:
            lines[-1] += f", {name}"
        else:
            lines.append(name)
    return ",\n".join(lines)


def names_and_numbers(first: str, numbers: Iterable[str] = ()) -> Table:
    """Return a table without rows: a first column for names, then columns of numbers, none of which folds."""
    titles = [first, *numbers]
    table = Table(box=BOX, header_style="bold", border_style="dim")
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index else "left", no_wrap=True)
    return table


def side_by_side(titles: Iterable[str]) -> Table:
    """Return a table without rows whose cells stand centred below their titles."""
    table = Table(box=BOX, header_style="dim", border_style="dim")
    for title in titles:
        table.add_column(title, justify="center", no_wrap=True)
    return table


def fitted(page: Page, names: Sequence[str], build: Callable[[list[str]], Table]) -> Table:
    """Build a table with its names whole where they fit, and cut to what is left for them otherwise."""
    shown = [printable(name) for name in names]
    table = build(shown)
    excess = page.excess(table)
    if excess <= 0:
        return table
    room = max(1, max(map(cell_len, shown), default=0) - excess)
    return build([cut(name, room) for name in shown])


def narrowed(
    page: Page,
    names: Sequence[str],
    columns: Sequence[str],
    builder: Callable[[Sequence[str]], Callable[[list[str]], Table]],
) -> Table:
    """Build a table with as many of the columns as the page has room for beside names of readable length."""
    kept = list(columns)
    while len(kept) > 1 and not page.fits(builder(kept)(placeholders(names))):
        kept.pop()
    return fitted(page, names, builder(kept))


def placeholders(names: Sequence[str]) -> list[str]:
    """Return names as short as they may be cut before columns go."""
    longest = max((cell_len(printable(name)) for name in names), default=0)
    return ["x" * min(FEWEST_NAME_CELLS, longest)] * len(names)


def cut(name: str, cells: int) -> str:
    """Cut a name to so many cells, the last an ellipsis where something is cut off."""
    text = Text(name)
    text.truncate(cells, overflow="ellipsis")
    return text.plain
