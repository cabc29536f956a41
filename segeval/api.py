"""What the commands do, as functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from segeval.errors import LabelError, raise_all
from segeval.measuring import Measurement, Progress, measure
from segeval.report import Report
from segeval.request import build_request
from segeval.scoring import build_report


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
    **options: Any,
) -> Report:
    """Score a folder of predictions against a folder of ground truth.

    `options` are those of `segeval.request.build_request`, which are those of the command line: `classes`, `ignore`,
    `mapping`, `binary`, `preset`, `convention`, `missing`, `palette`, `probs`, and so on. `jobs` is the number of
    worker threads, the usable processors by default. Raises `SegevalError` (`Problems` where several kinds were met).

    >>> score("pred", "gt", classes="classes.txt", ignore=255).scores["miou"]  # doctest: +SKIP
    0.7425
    """
    found = measure(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    return report_measurement(found)
