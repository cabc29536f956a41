"""One score and nothing else, for scripts."""

from __future__ import annotations

from segeval.render.report.wording import UNDEFINED
from segeval.report.gates import metric
from segeval.report.report import Report


def render_only(report: Report, name: str) -> str:
    """Return a score at full precision, `-` where it is undefined; raises `UsageError` for an unknown name."""
    value = metric(report, name)
    return f"{UNDEFINED if value is None else repr(value)}\n"
