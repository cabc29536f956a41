"""A report as JSON: the contract's order, ASCII, one line for each class and each row of the confusion matrix."""

from __future__ import annotations

import json
from typing import Any

from segeval.render.syntax.text import inert_json
from segeval.report.report import Report

INDENT = "  "


def render_json(report: Report) -> str:
    """Return the report as JSON text; the same report gives the same bytes.

    Raises `ValueError` for a number that is not finite, which no report may hold.
    """
    return f"{json_text(report.to_dict())}\n"


def json_text(value: Any, depth: int = 0) -> str:
    """Write JSON values indented by two, lists of plain values and plain members of lists on one line."""
    if isinstance(value, dict) and value:
        opening, closing = "{", "}"
        parts = [f"{_line(str(key))}: {json_text(member, depth + 1)}" for key, member in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(member, dict | list | tuple) for member in value):
        opening, closing = "[", "]"
        parts = [_line(member) if _is_flat(member) else json_text(member, depth + 1) for member in value]
    else:
        return _line(value)
    margin = "\n" + INDENT * (depth + 1)
    return f"{opening}{margin}{f',{margin}'.join(parts)}\n{INDENT * depth}{closing}"


def _is_flat(value: Any) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return dict not in set(map(type, members))  # four million members of a matrix are looked at by this


def _line(value: Any) -> str:
    return inert_json(json.dumps(value, ensure_ascii=True, allow_nan=False))
