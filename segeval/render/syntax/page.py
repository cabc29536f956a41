"""A page of a terminal or of a file: what is printed on it, and whether it fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from segeval.errors import printable

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
