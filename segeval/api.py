"""What the commands do, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segeval.errors import LabelError, raise_all
from segeval.measuring.measure import Measurement, Progress
from segeval.measuring.measure import measure as measure_pairs
from segeval.report.report import Report
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparisonReport
    from segeval.explanation import Explanation
    from segeval.findings.folders import Inspection
    from segeval.report.extras import Statistics
    from segeval.sampling.resampling import Resampling


def report_measurement(found: Measurement) -> Report:
    """Score what was measured; raises every problem of its files, and of their values, together."""
    problems = list(found.problems)
    try:
        if found.run.rows or not problems:
            report = build_report(found.run, names=found.names)
    except LabelError as error:
        problems.append(error)
    raise_all(problems)
    return replace(report, warnings=(*found.warnings, *report.warnings))


def score(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    statistics: Statistics | None = None,
    **options: Any,
) -> Report:
    """Score a folder of predictions against a folder of ground truth.

    `options` are those of `segeval.request.build_request`, which are those of the command line: `classes`, `ignore`,
    `mapping`, `binary`, `preset`, `convention`, `missing`, `palette`, `probs`, and so on. `jobs` is the number of
    worker threads, the usable processors by default; `statistics` asks for intervals, images and gains. Raises
    `SegevalError` (`Problems` where several kinds were met).

    >>> score("pred", "gt", classes="classes.txt", ignore=255).scores["miou"]  # doctest: +SKIP
    0.7425
    """
    found = measure_pairs(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    report = report_measurement(found)
    if statistics is None:
        return report
    from segeval.report.extras import with_statistics

    return with_statistics(report, found.run, statistics)


def measure(
    pred: str | Path, gt: str | Path, *, jobs: int | None = None, progress: Progress | None = None, **options: Any
) -> Run:
    """Count every pair of two folders and keep the counts: what `score` reports on and `save_run` saves.

    Arguments and errors are those of `score`, but for values that its labeling refuses: a run holds raw values.
    """
    found = measure_pairs(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    raise_all(found.problems)
    return found.run


def rescore(run: str | Path | Run, *, keys: str | None = None, **options: Any) -> Report:
    """Score a run, or a run file, under its own protocol but for what `options` say otherwise, reading no image.

    `options` are those of `score` that concern labels, conventions and losses; `keys` chooses images by a glob.

    >>> rescore("run.jsonl", keys="night/*", convention="ade20k").scores["miou"]  # doctest: +SKIP
    0.6326
    """
    from segeval.report.rescoring import report_run
    from segeval.report.rescoring import rescore as changed
    from segeval.runs.file import load_run

    given = run if isinstance(run, Run) else load_run(Path(run))
    changes = options if keys is None else {**options, "keys": keys}
    return report_run(changed(given, **changes))


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

    return explain_run(run if isinstance(run, Run) else load_run(Path(run)))


def inspect(pred: str | Path, gt: str | Path, *, jobs: int | None = None, **options: Any) -> Inspection:
    """Look into two folders before scoring them: what is there, what looks wrong, and the option that mends it."""
    from segeval.findings.folders import inspect as inspect_folders

    return inspect_folders(Path(pred), Path(gt), build_request(**options), jobs=jobs)


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
