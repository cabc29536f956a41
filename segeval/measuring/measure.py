"""Measure two folders: pair them, stream the pairs into rows, and tell what is wrong with any of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.folders.pairing import Pairing
from segeval.measuring.masks import measure_masks
from segeval.measuring.measurement import (
    Course,
    Measurement,
    Progress,
    class_folders_given,
    collected,
    in_order,
    names_of,
    paired,
    pairing_warnings,
    reading_of,
    usable_pairs,
)
from segeval.request import Request
from segeval.runs.run import Run, traits_of_all
from segeval.tables.lane import lane

if TYPE_CHECKING:
    from segeval.runs.journal import Journal
    from segeval.runs.sharding import Shard

__all__ = ["Measurement", "Progress", "measure"]


def measure(
    pred: Path,
    gt: Path,
    request: Request,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
    shard: Shard | None = None,
    pairing: Pairing | None = None,
) -> Measurement:
    """Pair two folders, or take their `pairing`, and count every pair that can be counted.

    Rows go to `journal` as they come, and those that it has of an earlier attempt are taken from there where their
    files have not changed. With a `shard` only its images are measured; what does not pair is told of all. What is
    wrong with single files is collected in `problems`, so that all of it can be told together; only folders that do
    not exist, options that contradict each other, and a journal that cannot be written are raised at once.
    """
    lane()  # what is wrong with SEGEVAL_LANE is told once, not for every image
    course = Course(jobs, progress, journal, shard)
    pairing = pairing or paired(pred, gt, request)
    if request.protocol.probabilities is None:
        found = _measure_masks(pairing, request, course)
    else:
        from segeval.measuring.mapfolders import measure_probabilities

        found = measure_probabilities(pairing, request, request.protocol.probabilities, course)
    if not found.problems:
        return found
    from segeval.findings.colors import with_color_hints

    return replace(found, problems=tuple(with_color_hints(found.problems, request)))


def _measure_masks(pairing: Pairing, request: Request, course: Course) -> Measurement:
    pairs, problems = usable_pairs(pairing, request.protocol.missing)
    problems = list(class_folders_given(pairing)) or problems
    pairs = course.of(pairs)
    reading = reading_of(pairing, request, digest_predictions=course.journal is not None)
    if course.journal is not None:
        course.journal.begin()
    found = list(collected(pairs, partial(measure_masks, reading=reading), reading, problems, course))
    traits = traits_of_all(one.traits for one in found)
    run = Run(request.protocol, in_order(one.row for one in found), traits=traits)
    table = run.table() if found else None
    warnings = pairing_warnings(pairing, request.protocol.missing)
    return Measurement(run, names_of(pairs), warnings, tuple(problems), table=table)
