"""What becomes of findings: errors refuse, warnings are told, and both can be allowed or, warnings, made errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from segeval.errors import KINDS, Finding, FoundError, SegevalError, merged, raise_all
from segeval.records import dataclass
from segeval.report.report import Report

OF_WHOLE_RUNS = frozenset({"zero-255", "nothing-to-score", "probability-maps"})
"""Kinds of errors that a part of the images cannot decide."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Say which kinds of findings are accepted, and whether warnings are errors."""

    allow: tuple[str, ...] = ()
    strict: bool = False


def judged(findings: Iterable[Finding], policy: Policy) -> tuple[Finding, ...]:
    """Return findings, those of one kind and sentence as one, with what is allowed marked.

    Raises `FoundError` (`Problems` where there are several) for errors that are not allowed, and where the policy is
    strict for warnings that are not allowed.
    """
    told = marked(joined(findings), policy)
    raise_all(refusal(one) for one in told if one.blocks or (policy.strict and not one.allowed))
    return told


def marked(findings: Iterable[Finding], policy: Policy) -> tuple[Finding, ...]:
    """Return findings with those marked that the policy allows."""
    return tuple(replace(one, allowed=True) if one.kind in policy.allow else one for one in findings)


def judged_report(report: Report, policy: Policy) -> Report:
    """Return a report with its findings judged; raises as `judged`."""
    return replace(report, warnings=judged(report.warnings, policy))


def refusal(finding: Finding) -> FoundError:
    """Return the error that a finding is where it refuses."""
    accept = f"--allow {finding.kind} accepts it" if KINDS[finding.kind].allowable else ""
    fix = ". Or: ".join(filter(None, (finding.fix, accept)))
    return FoundError(finding.what, finding.where, fix, kind=finding.kind)


def explained(error: SegevalError, findings: Sequence[Finding]) -> list[SegevalError]:
    """Return what findings say of values that cannot be scored: errors of their own, or the options to put first."""
    refusals: list[SegevalError] = [refusal(one) for one in findings if one.blocks]
    better = next((one for one in findings if one.options), None)
    if refusals or better is None:
        return refusals or [error]
    return [
        problem.changed(fix=f"{better.fix}. Or: {problem.fix}") if problem.kind == "values" else problem
        for problem in merged([error])
    ]


def joined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Make one of findings that say the same, with the places of all, in the order met."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.kind, finding.what, finding.fix), []).append(finding)
    return tuple(_with_places(same) for same in alike.values())


def _with_places(same: Sequence[Finding]) -> Finding:
    places = dict.fromkeys(place for finding in same for place in finding.where)
    return replace(same[0], where=tuple(places))
