"""A report as GitHub workflow commands: annotations that show on the page of a run."""

from __future__ import annotations

from segeval.errors import Finding
from segeval.render.report.wording import headline
from segeval.render.syntax.numbers import verdict_text
from segeval.render.syntax.text import visible
from segeval.report.report import Report

MOST = 10
"""GitHub shows ten annotations of a kind for a step."""


def render_github(report: Report) -> str:
    """Return at most ten annotations: failed gates as errors, then warnings, and the headline as a notice."""
    failed = [verdict_text(verdict) for verdict in report.gates if not verdict.passed]
    found = [annotation("error", "segeval gate failed", text) for text in failed]
    found += [finding_annotation(finding) for finding in report.warnings]
    left = len(found) - (MOST - 1)
    notice = headline(report) + (f"; {left} more errors or warnings are in the report" if left > 0 else "")
    return "".join(f"{line}\n" for line in (*found[: MOST - 1], annotation("notice", "segeval", notice)))


def finding_annotation(finding: Finding) -> str:
    """Write one finding as an annotation: a warning, or a notice where it is allowed."""
    return annotation("notice" if finding.allowed else "warning", f"segeval {finding.kind}", str(finding))


def annotation(level: str, title: str, message: str) -> str:
    """Write one workflow command; `level` is error, warning or notice."""
    escaped_title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped_title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    shown = visible(text, keep="\r\n")
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
