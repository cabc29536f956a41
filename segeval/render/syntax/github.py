"""GitHub workflow commands: annotations that show on the page of a run."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.errors import printable

MOST = 10
"""GitHub shows ten annotations of a kind for a step."""


def workflow_commands(lines: Sequence[str], notice: str) -> str:
    """Return at most ten annotations: the first of `lines`, and a notice that tells how many are left out."""
    left = len(lines) - (MOST - 1)
    told = f"{notice}; {left:,} more errors or warnings are in the report" if left > 0 else notice
    return "".join(f"{line}\n" for line in (*lines[: MOST - 1], annotation("notice", "segeval", told)))


def annotation(level: str, title: str, message: str) -> str:
    """Write one workflow command; `level` is error, warning or notice."""
    escaped_title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped_title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    shown = printable(text, keep="\r\n")
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
