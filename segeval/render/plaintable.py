"""Pages of plain tables and lines, for verbs that show no report: in the report's style."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segeval.render.table import BOX, NATURAL, Page

Cell = Text | str


def page_text(write: Callable[[Page], None], *, color: bool, width: int | None) -> str:
    """Return what `write` prints on a page of `width` columns, of any where `None`, without trailing blanks."""
    console = Console(
        file=StringIO(),
        color_system="256" if color else None,
        force_terminal=color,
        force_jupyter=False,
        no_color=not color,
        legacy_windows=False,
        width=width or NATURAL,
        height=100,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        write(Page(console, color, width))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def grid(
    titles: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = (), folded: Collection[int] = ()
) -> Table:
    """Return a table; `right` columns hold numbers, `folded` ones may take several lines on a narrow page."""
    table = Table(box=BOX, header_style="bold", border_style="dim")
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index in right else "left", no_wrap=index not in folded)
    for row in rows:
        table.add_row(*row)
    return table
