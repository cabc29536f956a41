"""The gates of a report as JUnit XML."""

from __future__ import annotations

from segeval.errors import printable
from segeval.render.messages import finding_label
from segeval.render.report.wording import headline, signature_text, ungated_text, verdict_text
from segeval.render.syntax.junit import SUITE, Case, junit_text
from segeval.report.report import Report, Verdict


def render_junit(report: Report) -> str:
    """Return a test case for each gate, failed where the gate failed, or one that passes where there are none."""
    told = [(finding_label(finding), printable(str(finding))) for finding in report.warnings]
    left_out = filter(None, [printable(ungated_text(report))])
    output = "\n".join([headline(report), *left_out, *(f"{label}: {text}" for label, text in told)])
    scores = [(f"score.{name}", repr(value)) for name, value in report.scores.items() if value is not None]
    cases = [_case(verdict, output) for verdict in report.gates] or [Case("scored", SUITE, output)]
    return junit_text([("signature", signature_text(report)), *scores, *told], cases)


def _case(verdict: Verdict, output: str) -> Case:
    name = printable(f"{verdict.metric} {verdict.comparison} {verdict.bound!r}")
    failure = "" if verdict.passed else printable(verdict_text(verdict))
    return Case(name, f"{SUITE}.gates", output, failure, "gate")
