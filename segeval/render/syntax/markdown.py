"""Markdown as GitHub and GitLab show it: tables, folds, fences, and text that is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from segeval.errors import and_more, printable

MOST_ROWS = 300
MOST_LINES = 20
LONGEST_NAME = 100
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
SPECIAL = re.compile(r"[\\`*_{}\[\]|~#!$^&<>]")
MENTION = re.compile(r"@(?=[\w\\-])")


def escaped(text: str, *, longest: int = LONGEST_NAME) -> str:
    """Write text so that Markdown shows it as it is: no markup, no HTML, no table cell, no mention of a user."""
    shown = printable(text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    marked = SPECIAL.sub(lambda match: ENTITIES.get(match[0], f"\\{match[0]}"), shown)
    return MENTION.sub("@<!-- -->", marked)


def folded(summary: str, text: str) -> str:
    """Put blocks behind a summary that opens on a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def pipe_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int) -> str:
    """Write a table of escaped cells; columns from `numbers_from` on are set right."""
    rule = ["---:" if index >= numbers_from else "---" for index in range(len(titles))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def capped_table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int) -> str:
    """Write a table of at most `MOST_ROWS` rows, and tell how many are left out."""
    left = len(rows) - MOST_ROWS
    table = pipe_table(titles, rows[:MOST_ROWS], numbers_from=numbers_from)
    return f"{table}\n\n... {and_more(left)}" if left > 0 else table


def judged(verdicts: Iterable[tuple[bool, str]]) -> str:
    """Write (holds, text) as a list, those that failed first."""
    lines = [
        f"- {'✅ holds' if passed else '❌ **failed**'}: {escaped(text, longest=300)}"
        for passed, text in sorted(verdicts, key=lambda verdict: verdict[0])
    ]
    return "\n".join(capped(lines, MOST_LINES, "- "))


def capped(lines: Sequence[str], most: int, bullet: str) -> list[str]:
    """Keep at most so many lines, and tell how many are left out."""
    left = len(lines) - most
    return [*lines[:most], f"{bullet}... {and_more(left)}"] if left > 0 else list(lines)


def fenced(text: str) -> str:
    """Put a line in a fence that is longer than any run of backticks in it."""
    runs = re.findall("`+", text)
    fence = "`" * max(3, 1 + max(map(len, runs), default=0))
    return f"{fence}text\n{text}\n{fence}"
