"""Pages of the manual on a terminal: Markdown, with tables of example output kept in shape."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.text import Text

from segeval.render.syntax.page import Page, page_text

WIDEST = 110
"""Columns of a page: longer lines of prose are hard to follow."""
LINK = re.compile(r"\[([^\]]+)\]\((?P<page>[\w-]+)\.md(?:#[\w-]+)?\)")
"""A link to another page, which nobody can follow on a terminal."""
WITHIN = re.compile(r"\[([^\]]+)\]\(#[\w-]+\)")
"""A link within the page."""
RULED = ("╭", "├", "│", "╰")
"""How a line of a table begins."""
INDENT = 2
"""Columns before a line of code or output."""


class Title(Heading):
    """A heading at the left."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class Example(CodeBlock):
    """A block of code or output: lines of tables are cut at the edge, all others continue below."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip("\n").split("\n"):
            table = line.startswith(RULED)
            style = "bold" if line.startswith("$ ") else ""
            shown = Text(line, style, no_wrap=table, overflow="ellipsis" if table else "fold")
            yield Padding.indent(shown, INDENT)


class ManualPage(Markdown):
    """Markdown with the headings and the blocks of this manual."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": Title,
        "fence": Example,
        "code_block": Example,
    }


def render_page(source: str, *, color: bool = False, width: int) -> str:
    """Return a page of the manual, Markdown, for a terminal of `width` columns.

    A link to another page becomes its name and the command that shows it, a link within the page its name.
    """
    text = LINK.sub(lambda link: f"{link[1]} (`segeval help {link['page']}`)", WITHIN.sub(r"\1", source))

    def write(page: Page) -> None:
        page.show(ManualPage(text, hyperlinks=False))

    return page_text(write, color=color, width=min(width, WIDEST))
