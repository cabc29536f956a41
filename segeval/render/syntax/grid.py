"""Pages of plain tables and lines, for verbs that show no report: in the report's style."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.table import Table
from rich.text import Text

from segeval.render.report.table import BOX

Cell = Text | str


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
