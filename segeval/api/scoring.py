"""What was measured, and what a run holds, scored and judged: what functions and commands share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segeval.errors import Finding, FoundError, LabelError, Problems, raise_all
from segeval.findings.policy import Policy, explained, joined, marked
from segeval.findings.runs import run_findings
from segeval.measuring.measure import Measurement
from segeval.report.report import Report
from segeval.report.scoring import measured, report_of
from segeval.request.options import RescoreOptions, ScoreOptions, SliceOptions, StatisticsOptions, chosen, names_in
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.report.extras import Statistics
    from segeval.report.refusals import FileNames
    from segeval.tables.counts import JointCounts


def report_measurement(found: Measurement, asked: Statistics | None = None, *, part: bool = False) -> Report:
    """Score what was measured; raises every problem of its files, and of their values, together.

    What looks wrong is among the report's warnings, errors too, which `judged_report` raises. A `part` of the images,
    as a shard is, is not judged as a whole.
    """
    problems = list(found.problems)
    if found.run.rows or not problems:
        try:
            report = scored_run(found.run, asked, names=found.names, table=found.table, part=part)
        except (LabelError, FoundError, Problems) as error:
            problems.append(error)
    raise_all(problems)
    return _with_findings(report, found.warnings)


def scored_run(
    run: Run,
    asked: Statistics | None = None,
    *,
    names: FileNames | None = None,
    table: JointCounts | None = None,
    part: bool = False,
) -> Report:
    """Score a run, with what is asked beyond scores and what looks wrong in it, counted once.

    Errors are those of `segeval.report.scoring.measured`; those about values say which reading would agree.
    """
    try:
        found = measured(run, names=names, table=table)
    except (LabelError, Problems) as error:
        if not part:
            error.__traceback__ = None  # which holds all that was made of the values, and they may be very many
            looks_wrong = marked(run_findings(run, table=table, names=names), Policy(run.protocol.allow))
            raise_all(explained(error, looks_wrong))
        raise
    report = report_of(run, found)
    if asked is not None:
        from segeval.report.extras import with_statistics

        report = with_statistics(report, run, found, asked, names=names)
        if asked.slices is not None:
            from segeval.report.slicing import with_slices

            report = with_slices(report, run, found, asked)
    looks_wrong = () if part else run_findings(run, table=found.table, resolution=found.resolution, names=names)
    return _with_findings(report, looks_wrong)


def _with_findings(report: Report, findings: tuple[Finding, ...]) -> Report:
    """Put findings before those of a report; of what is said twice one is left."""
    told = (*findings, *report.warnings)
    return replace(report, warnings=joined(told)) if told else report


def statistics_of(options: StatisticsOptions | ScoreOptions | RescoreOptions) -> Statistics | None:
    """Return what options ask for beyond scores, checked; `None` where that is nothing. Raises `UsageError`."""
    asked = chosen(StatisticsOptions, options)
    wanted = ("ci", "group_by", "worst", "gain", "per_image", *names_in(SliceOptions))
    given = [asked.get(name) for name in wanted]
    if all(value is None or value is False or value == () for value in given):
        return None
    from segeval.report.extras import asked_statistics

    return asked_statistics(asked)
