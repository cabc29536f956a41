"""JUnit XML, in the part of its schema that Jenkins and Surefire agree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from segeval.records import dataclass

SUITE = "segeval"
NO_TIME = "0"
"""The schema asks for durations; a report has none, so that equal runs give equal bytes."""


@dataclass(frozen=True, slots=True)
class Case:
    """Hold a test case: its name, what it belongs to, what it prints, and why and of what kind it failed, if it did."""

    name: str
    group: str
    output: str
    failure: str = ""
    kind: str = ""


def junit_text(properties: Iterable[tuple[str, str]], cases: Sequence[Case]) -> str:
    """Return one suite of test cases; all texts are printable already."""
    failures = str(sum(bool(case.failure) for case in cases))
    counts = {"tests": str(len(cases)), "failures": failures, "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": SUITE, **counts, "time": NO_TIME})
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, **counts, "skipped": "0", "time": NO_TIME})
    listed = ElementTree.SubElement(suite, "properties")
    for name, value in properties:
        ElementTree.SubElement(listed, "property", name=name, value=value)
    for case in cases:
        entry = ElementTree.SubElement(suite, "testcase", name=case.name, classname=case.group, time=NO_TIME)
        if case.failure:
            ElementTree.SubElement(entry, "failure", message=case.failure, type=case.kind).text = case.failure
        ElementTree.SubElement(entry, "system-out").text = case.output
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
