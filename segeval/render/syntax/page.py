"""A page of a terminal or of a file: what is printed on it, and tables in one style that are made to fit it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from segeval.errors import printable
from segeval.records import dataclass

NATURAL = 1_000_000
"""Columns that consoles have: what is to be narrower is given the page's width, and no number is ever cut unasked."""
FULL_BLOCK = "█"


@dataclass(frozen=True, slots=True)
class Page:
    """Hold where to print: the console, whether it has colours, and its width (`None` for a file)."""

    console: Console
    color: bool
    width: int | None

    def fits(self, table: Table) -> bool:
        """Tell whether a table stands on the page without folding."""
        return self.excess(table) <= 0

    def excess(self, table: Table) -> int:
        """Return how many columns a table is too wide."""
        if self.width is None:
            return 0
        return self.console.measure(table).maximum - self.width

    def show(self, table: RenderableType) -> None:
        """Print a table, folded where its columns allow it, and cut to the page otherwise."""
        self.console.print(table, width=self.width)

    def show_whole(self, table: RenderableType) -> None:
        """Print a table at its natural width, on a page of any width: no number in it is ever cut."""
        self.console.print(table)

    def say(self, text: Text | str, *, whole: bool = False) -> None:
        """Print a line, one cell in; on a terminal folded between words unless it is to stay `whole`."""
        line = Text(text) if isinstance(text, str) else text
        if whole or self.width is None:
            self.console.print(Text.assemble(" ", line), soft_wrap=True)
        else:
            self.console.print(Padding(line, (0, 1)), width=self.width)

    def label(self, label: str, style: str, text: str) -> None:
        """Print a line behind a label in colour: "warning: ..."; the text is made printable."""
        self.say(Text.assemble((f"{label}:", style), f" {printable(text)}"))

    def note(self, text: str) -> None:
        """Print a note."""
        self.label("note", "bold cyan", text)

    def judge(self, passed: bool, text: str) -> None:
        """Print whether a gate holds."""
        label, style = ("✓ gate holds", "bold green") if passed else ("✗ gate failed", "bold red")
        self.label(label, style, text)


def page_text(write: Callable[[Page], None], *, color: bool, width: int | None) -> str:
    """Return what `write` prints on a page of `width` columns, of any where `None`, without trailing blanks."""
    console = Console(
        file=StringIO(),
        color_system="256" if color else None,
        force_terminal=color,
        force_jupyter=False,
        no_color=not color,
        legacy_windows=False,
        width=NATURAL,
        height=100,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        write(Page(console, color, width))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


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
