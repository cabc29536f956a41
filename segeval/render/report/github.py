"""A report as GitHub workflow commands."""

from __future__ import annotations

from segeval.errors import Finding
from segeval.render.report.wording import headline, verdict_text
from segeval.render.syntax.github import annotation, workflow_commands
from segeval.report.report import Report


def render_github(report: Report) -> str:
    """Return at most ten annotations: failed gates as errors, then warnings, and the headline as a notice."""
    failed = [verdict_text(verdict) for verdict in report.gates if not verdict.passed]
    lines = [annotation("error", "segeval gate failed", text) for text in failed]
    lines += map(finding_annotation, report.warnings)
    return workflow_commands(lines, headline(report))


def finding_annotation(finding: Finding) -> str:
    """Write one finding as an annotation: a warning, or a notice where it is allowed."""
    return annotation("notice" if finding.allowed else "warning", f"segeval {finding.kind}", str(finding))
