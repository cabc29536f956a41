"""What every command does, as functions: measure two folders, score them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from segeval.errors import LabelError, SegevalError, raise_all
from segeval.pairing import Pair, Pairing, pair_folders, require_pairs
from segeval.pipeline import Failure, Reading, measure_masks, stream
from segeval.protocol import MOST_INFERRED_CLASSES
from segeval.readers import IMAGE_SUFFIXES
from segeval.report import Report
from segeval.request import Request, build_request
from segeval.run import Run, sort_key
from segeval.scoring import build_report

Progress = Callable[[int, int], None]
"""Called with (pairs done, pairs in all) after each pair."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Hold a run with what only its files tell: their names by key, warnings about them, and their problems."""

    run: Run
    names: Mapping[str, tuple[str, str]]
    warnings: tuple[str, ...] = ()
    problems: tuple[SegevalError, ...] = ()


def measure(
    pred: Path, gt: Path, request: Request, *, jobs: int | None = None, progress: Progress | None = None
) -> Measurement:
    """Pair two folders and count every pair that can be counted.

    What is wrong with single files is collected in `problems`, so that all of it can be told together; only folders
    that do not exist are raised at once.
    """
    pairing = pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    pairs, problems = _usable_pairs(pairing, request.protocol.missing)
    open_values = request.protocol.classes is None and not request.protocol.binary
    reading = Reading(
        pred=pairing.pred_root,
        gt=pairing.gt_root,
        pred_palette=request.pred_palette,
        gt_palette=request.gt_palette,
        max_pixels=request.max_pixels,
        most_values=MOST_INFERRED_CLASSES if open_values else None,
    )
    rows = []
    results = stream(pairs, partial(measure_masks, reading=reading), jobs=jobs)
    for done, result in enumerate(results, start=1):
        if isinstance(result, Failure):
            problems.append(result.error)
        else:
            rows.append(result)
        if progress is not None:
            progress(done, len(pairs))
    rows.sort(key=lambda row: sort_key(row.key))
    names = {pair.key: (pair.gt, pair.pred[0] if pair.pred else "") for pair in pairs}
    warnings = pairing_warnings(pairing, request.protocol.missing)
    return Measurement(Run(request.protocol, tuple(rows)), names, warnings, tuple(problems))


def _usable_pairs(pairing: Pairing, missing: str) -> tuple[Sequence[Pair], list[SegevalError]]:
    """Return the pairs to measure, and what is wrong with the rest."""
    try:
        return require_pairs(pairing, missing=missing), []
    except SegevalError as error:
        return [pair for pair in pairing.pairs if pair.pred], [error]


def pairing_warnings(pairing: Pairing, missing: str) -> tuple[str, ...]:
    """Tell what does not pair and is yet no error."""
    warnings = []
    if pairing.extra:
        warnings.append(f"predictions without ground truth are not scored: {_some(pairing.extra)}")
    if pairing.missing and missing == "skip":
        warnings.append(f"images without prediction are left out: {_some(pairing.missing)}")
    if pairing.missing and missing == "miss":
        warnings.append(f"images without prediction count as wrong: {_some(pairing.missing)}")
    return tuple(warnings)


def _some(names: Sequence[str], most: int = 3) -> str:
    listed = ", ".join(names[:most])
    return f"{len(names)} ({listed}{', ...' if len(names) > most else ''})"


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
    `mapping`, `binary`, `preset`, `convention`, `missing`, `palette`, and so on. `jobs` is the number of worker
    threads, the usable processors by default. Raises `SegevalError` (`Problems` where several kinds were met).

    >>> score("pred", "gt", classes="classes.txt", ignore=255).scores["miou"]  # doctest: +SKIP
    0.7425
    """
    found = measure(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    return report_measurement(found)
