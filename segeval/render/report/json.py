"""A report as JSON."""

from __future__ import annotations

from segeval.render.syntax.json import json_text
from segeval.report.report import Report


def render_json(report: Report) -> str:
    """Return the report as JSON text; the same report gives the same bytes.

    Raises `ValueError` for a number that is not finite, which no report may hold.
    """
    return f"{json_text(report.to_dict())}\n"
