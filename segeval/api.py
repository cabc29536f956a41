"""What the commands do, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segeval.errors import LabelError, raise_all
from segeval.findings.policy import Policy, joined, judged, judged_report, refusal
from segeval.findings.runs import run_findings
from segeval.measuring.measure import Measurement, Progress
from segeval.measuring.measure import measure as measure_pairs
from segeval.protocol.allowing import parse_allow
from segeval.report.report import Report
from segeval.report.scoring import measured, report_of
from segeval.request import build_request
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparisonReport
    from segeval.explanation import Explanation
    from segeval.findings.inspection import Inspection
    from segeval.report.extras import Statistics
    from segeval.report.labelcheck import FileNames
    from segeval.sampling.resampling import Resampling
    from segeval.tables.counts import JointCounts


def report_measurement(found: Measurement, *, part: bool = False) -> Report:
    """Score what was measured; raises every problem of its files, and of their values, together.

    What looks wrong is among the report's warnings, errors too, which `judged_report` raises. A `part` of the images,
    as a shard is, is not judged as a whole.
    """
    problems = list(found.problems)
    if found.run.rows or not problems:
        try:
            report = scored_run(found.run, names=found.names, table=found.table, part=part)
        except LabelError as error:
            looks_wrong = () if part else run_findings(found.run, table=found.table)
            problems += [refusal(finding) for finding in looks_wrong if finding.blocks] or [error]
    raise_all(problems)
    return replace(report, warnings=joined((*found.warnings, *report.warnings)))


def scored_run(
    run: Run, *, names: FileNames | None = None, table: JointCounts | None = None, part: bool = False
) -> Report:
    """Score a run and add what looks wrong in it; errors as `segeval.report.scoring.measured`."""
    found = measured(run, names=names, table=table)
    report = report_of(run, found)
    looks_wrong = () if part else run_findings(run, table=found.table, resolution=found.resolution)
    return replace(report, warnings=joined((*looks_wrong, *report.warnings)))


def score(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    statistics: Statistics | None = None,
    strict: bool = False,
    **options: Any,
) -> Report:
    """Score a folder of predictions against a folder of ground truth.

    `options` are those of `segeval.request.build_request`, which are those of the command line: `classes`, `ignore`,
    `mapping`, `binary`, `preset`, `convention`, `missing`, `palette`, `probs`, and so on. `jobs` is the number of
    worker threads, the usable processors by default; `statistics` asks for intervals, images and gains. What looks
    wrong is in the report's `warnings`; `strict` makes it errors, but for the kinds that `allow` names. Raises
    `SegevalError` (`Problems` where several kinds were met).

    >>> score("pred", "gt", classes="classes.txt", ignore=255).scores["miou"]  # doctest: +SKIP
    0.7425
    """
    request = build_request(**options)
    found = measure_pairs(Path(pred), Path(gt), request, jobs=jobs, progress=progress)
    report = report_measurement(found)
    if statistics is not None:
        from segeval.report.extras import with_statistics

        report = with_statistics(report, found.run, statistics)
    return judged_report(report, Policy(request.allow, strict))


def measure(
    pred: str | Path, gt: str | Path, *, jobs: int | None = None, progress: Progress | None = None, **options: Any
) -> Run:
    """Count every pair of two folders and keep the counts: what `score` reports on and `save_run` saves.

    Arguments and errors are those of `score`, but for values that its labeling refuses: a run holds raw values.
    """
    found = measure_pairs(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    raise_all(found.problems)
    return found.run


def rescore(run: str | Path | Run, *, keys: str | None = None, strict: bool = False, **options: Any) -> Report:
    """Score a run, or a run file, under its own protocol but for what `options` say otherwise, reading no image.

    `options` are those of `score` that concern labels, conventions and losses; `keys` chooses images by a glob.

    >>> rescore("run.jsonl", keys="night/*", convention="ade20k").scores["miou"]  # doctest: +SKIP
    0.6326
    """
    from segeval.report.rescoring import rescore as changed
    from segeval.runs.file import load_run

    given = run if isinstance(run, Run) else load_run(Path(run))
    changes = options if keys is None else {**options, "keys": keys}
    policy = Policy(parse_allow(options.get("allow") or ()), strict)
    return judged_report(scored_run(changed(given, **changes)), policy)


def combine(*parts: str | Path | Run) -> Run:
    """Unite runs, or run files, by key: equal rows count once, and rows that differ are an error that names both."""
    from segeval.runs.file import load_run
    from segeval.runs.run import union

    return union(
        [
            (f"run {place}", part) if isinstance(part, Run) else (str(part), load_run(Path(part)))
            for place, part in enumerate(parts)
        ]
    )


def explain(run: str | Path | Run) -> Explanation:
    """Score a run, or a run file, under every convention, and say which rules make the differences."""
    from segeval.explanation import explain as explain_run
    from segeval.runs.file import load_run

    given = run if isinstance(run, Run) else load_run(Path(run))
    return replace(explain_run(given), warnings=judged(run_findings(given), Policy(given.protocol.allow)))


def inspect(pred: str | Path, gt: str | Path, *, jobs: int | None = None, **options: Any) -> Inspection:
    """Look into two folders before scoring them: what is there, what looks wrong, and the option that mends it."""
    from segeval.measuring.inspecting import inspect as inspect_folders

    request = build_request(**options)
    return inspect_folders(Path(pred), Path(gt), request, policy=Policy(request.allow), jobs=jobs)


def compare(
    base: str | Path | Run,
    *new: str | Path | Run,
    resampling: Resampling | None = None,
    group_by: str | None = None,
    fail_regression: Sequence[str] = (),
    force: bool = False,
) -> ComparisonReport:
    """Compare runs, or run files, with a baseline: differences, their intervals and p-values, score by score.

    `fail_regression` has rules as "miou=0.005", judged in the report's `regressions`. Raises `SegevalError` where the
    runs are not of the same images, ground truth and protocol, unless `force`.

    >>> compare("base.jsonl", "new.jsonl").runs[0].differences["miou"].p  # doctest: +SKIP
    0.0215
    """
    from segeval.comparison.regressions import parse_regression
    from segeval.comparison.runs import compare_runs, run_names
    from segeval.runs.file import load_run

    given = (base, *new)
    paths = [Path(f"run {index}") if isinstance(run, Run) else Path(run) for index, run in enumerate(given)]
    runs = [run if isinstance(run, Run) else load_run(path) for run, path in zip(given, paths, strict=True)]
    return compare_runs(
        list(zip(run_names(paths), runs, strict=True)),
        settings=resampling,
        group_by=group_by,
        rules=[parse_regression(text) for text in fail_regression],
        force=force,
    )
