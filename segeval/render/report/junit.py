"""The gates of a report as JUnit XML, in the part of the schema that Jenkins and Surefire agree on."""

from __future__ import annotations

from xml.etree import ElementTree

from segeval.render.messages import finding_label
from segeval.render.report.wording import headline, signature_text
from segeval.render.syntax.numbers import verdict_text
from segeval.render.syntax.text import visible
from segeval.report.report import Report, Verdict

SUITE = "segeval"
NO_TIME = "0"
"""The schema asks for durations; a report has none, so that equal runs give equal bytes."""


def render_junit(report: Report) -> str:
    """Return a test case for each gate, failed where the gate failed, or one that passes where there are none."""
    failures = str(sum(not verdict.passed for verdict in report.gates))
    tests = str(max(1, len(report.gates)))
    root = ElementTree.Element("testsuites", name=SUITE, tests=tests, failures=failures, errors="0", time=NO_TIME)
    suite = ElementTree.SubElement(
        root, "testsuite", name=SUITE, tests=tests, failures=failures, errors="0", skipped="0", time=NO_TIME
    )
    properties = ElementTree.SubElement(suite, "properties")
    told = [(f"{finding_label(finding)}", visible(str(finding))) for finding in report.warnings]
    scores = [(f"score.{name}", value) for name, value in _scores(report)]
    for name, value in (("signature", signature_text(report)), *scores, *told):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for verdict in report.gates:
        _add_case(suite, report, verdict)
    if not report.gates:
        case = ElementTree.SubElement(suite, "testcase", name="scored", classname=SUITE, time=NO_TIME)
        ElementTree.SubElement(case, "system-out").text = _output(report)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ElementTree.Element, report: Report, verdict: Verdict) -> None:
    name = visible(f"{verdict.metric} {verdict.comparison} {verdict.bound!r}")
    case = ElementTree.SubElement(suite, "testcase", name=name, classname=f"{SUITE}.gates", time=NO_TIME)
    text = visible(verdict_text(verdict))
    if not verdict.passed:
        ElementTree.SubElement(case, "failure", message=text, type="gate").text = text
    ElementTree.SubElement(case, "system-out").text = _output(report)


def _scores(report: Report) -> list[tuple[str, str]]:
    return [(visible(name), repr(value)) for name, value in report.scores.items() if value is not None]


def _output(report: Report) -> str:
    return "\n".join([headline(report), *(f"{finding_label(one)}: {visible(str(one))}" for one in report.warnings)])
