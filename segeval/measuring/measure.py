"""Measure two folders: pair them, stream the pairs into rows, and tell what is wrong with any of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import MaskError
from segeval.folders.pairing import pair_folders
from segeval.images.readers import IMAGE_SUFFIXES
from segeval.measuring.measurement import (
    Course,
    Measurement,
    Progress,
    class_folders_given,
    collected,
    in_order,
    names_of,
    pairing_warnings,
    predictions_of,
    reading_of,
    usable_pairs,
)
from segeval.measuring.workers import measure_masks
from segeval.request import Request
from segeval.runs.run import Run, raw_values
from segeval.tables.lane import lane

if TYPE_CHECKING:
    from segeval.runs.journal import Journal
    from segeval.runs.sharding import Shard

__all__ = ["Measurement", "Progress", "measure"]

MANY_VALUES = 20
"""Predictions with more distinct values than this, against a two-valued ground truth, are no labels."""


def measure(
    pred: Path,
    gt: Path,
    request: Request,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
    shard: Shard | None = None,
) -> Measurement:
    """Pair two folders and count every pair that can be counted.

    Rows go to `journal` as they come, and those that it has of an earlier attempt are taken from there where their
    files have not changed. With a `shard` only its images are measured; what does not pair is told of all. What is
    wrong with single files is collected in `problems`, so that all of it can be told together; only folders that do
    not exist, options that contradict each other, and a journal that cannot be written are raised at once.
    """
    lane()  # what is wrong with SEGEVAL_LANE is told once, not for every image
    course = Course(jobs, progress, journal, shard)
    if request.protocol.probabilities is None:
        found = _measure_masks(pred, gt, request, course)
    else:
        from segeval.measuring.mapfolders import measure_probabilities

        found = measure_probabilities(pred, gt, request, request.protocol.probabilities, course)
    if not found.problems:
        return found
    from segeval.findings.colors import with_color_hints

    roots = [path if path.is_dir() else path.parent for path in (pred, gt)]
    return replace(found, problems=tuple(with_color_hints(found.problems, request, roots)))


def _measure_masks(pred: Path, gt: Path, request: Request, course: Course) -> Measurement:
    pairing = pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    pairs, problems = usable_pairs(pairing, request.protocol.missing)
    problems = list(class_folders_given(pairing)) or problems
    pairs = course.of(pairs)
    reading = reading_of(pairing, request, digest_predictions=course.journal is not None)
    if course.journal is not None:
        course.journal.begin()
    rows = [found.row for found in collected(pairs, partial(measure_masks, reading=reading), reading, problems, course)]
    run = Run(request.protocol, in_order(rows))
    warnings = [*pairing_warnings(pairing, request.protocol.missing)]
    if _looks_like_maps(run):
        said = "predictions hold many values where the ground truth holds two: they look like probability maps"
        remedy = "Score them with --probs, which reads them as probabilities"
        if request.protocol.binary:
            warnings.append(f"{said}, of which every nonzero pixel is now foreground; --probs reads probabilities")
        elif len(request.protocol.classes or ()) <= 2:
            # Without rows nothing is said of values that are no labels to begin with.
            run, problems = Run(request.protocol, ()), [*problems, MaskError(said, predictions_of(pairs), remedy)]
    return Measurement(run, names_of(pairs), tuple(warnings), tuple(problems))


def _looks_like_maps(run: Run) -> bool:
    if not run.rows:
        return False
    gt_values, pred_values = raw_values(run.table())
    two_valued = len(set(gt_values) - {255}) <= 2 and set(gt_values) <= {0, 1, 255}
    return two_valued and len(pred_values) > MANY_VALUES
