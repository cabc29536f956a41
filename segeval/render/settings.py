"""The options that hold for a verb, and where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from segeval.errors import printable
from segeval.render.syntax.json import json_line, json_text
from segeval.render.syntax.page import Page, grid, page_text

Row = tuple[str, Any, str]
"""An option, its value, and its place."""


def render_settings(
    verb: str, path: str | None, rows: Sequence[Row], *, color: bool = False, width: int | None = None
) -> str:
    """Return a table of what somebody set, between the file that was read and what holds for all else."""
    table = grid(
        ("option", "value", "from"),
        [(option, printable(_text(value)), printable(place)) for option, value, place in rows],
        folded=(1, 2),
    )
    read = f"read {path}" if path else "no pyproject.toml from here upwards has a [tool.segeval]"
    others = "every other option" if rows else "every option"

    def write(page: Page) -> None:
        page.say(printable(read))
        if rows:
            page.show(table)
        page.say(f"{others} of 'segeval {verb}' has its default: 'segeval {verb} --help'")

    return page_text(write, color=color, width=width)


def render_settings_json(verb: str, path: str | None, rows: Sequence[Row]) -> str:
    """Return every option as JSON, defaults too; of those that add up, each value is one entry."""
    settings = [{"option": option, "value": _plain(value), "from": place} for option, value, place in rows]
    return f"{json_text({'verb': verb, 'file': path, 'options': settings})}\n"


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, PurePath) else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json_line(_plain(value)) if isinstance(value, list | tuple) else str(value)
