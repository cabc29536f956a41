"""JSON that people read too: ASCII, indented, with one line for each row of a table."""

from __future__ import annotations

import json
from typing import Any

from segeval.files.usertexts import inert_json

INDENT = "  "


def json_text(value: Any, depth: int = 0) -> str:
    """Write JSON values indented by two, lists of plain values and plain members of lists on one line."""
    if isinstance(value, dict) and value:
        opening, closing = "{", "}"
        parts = [f"{json_line(str(key))}: {json_text(member, depth + 1)}" for key, member in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(member, dict | list | tuple) for member in value):
        opening, closing = "[", "]"
        parts = [json_line(member) if _is_flat(member) else json_text(member, depth + 1) for member in value]
    else:
        return json_line(value)
    margin = "\n" + INDENT * (depth + 1)
    return f"{opening}{margin}{f',{margin}'.join(parts)}\n{INDENT * depth}{closing}"


def _is_flat(value: Any) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return dict not in set(map(type, members))  # four million members of a matrix are looked at by this


def json_line(value: Any) -> str:
    """Write JSON values on one line; raises `ValueError` for a number that is not finite."""
    return inert_json(json.dumps(value, ensure_ascii=True, allow_nan=False))
