"""Measure two folders: pair them, make a row of each pair of label masks, and tell what is wrong with any of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, pred_name
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
from segeval.measuring.reading import (
    Contours,
    Reading,
    ReadMask,
    both,
    digest,
    missing_counts,
    read_ground_truth,
    read_prediction,
    require_size,
)
from segeval.measuring.scope import Region, counted, placed, region_of
from segeval.request import Request
from segeval.runs.run import MeasuredRow, Row, Run, SideTraits, traits_of_all
from segeval.tables.counts import IntArray, JointCounts, joint_counts
from segeval.tables.lane import lane

if TYPE_CHECKING:
    from segeval.runs.journal import Journal
    from segeval.runs.sharding import Shard


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    if not pair.pred:
        gt = read_ground_truth(pair, reading)
        region = region_of(pair, reading, gt.values.shape)
        counts = missing_counts(counted(gt.values, region))
        row = _with_contours(_row(pair, gt, counts, 0, region), gt.values, None, reading.contours, region)
        return MeasuredRow(row, traits=SideTraits(gt=gt.traits(counts.gt)))
    (file,) = pair.pred
    gt, pred = both(partial(read_ground_truth, pair, reading), partial(read_prediction, file, reading))
    require_size(pred.values.shape, gt.values.shape, file)
    region = region_of(pair, reading, gt.values.shape)
    counts = joint_counts(gt=counted(gt.values, region), pred=counted(pred.values, region))
    if reading.most_values is not None and len(counts) > reading.most_values:
        _require_few_values(counts.gt, gt_name(pair.gt), reading.most_values)
        _require_few_values(counts.pred, pred_name(file), reading.most_values)
    pred_digest = digest(pred.data) if reading.digest_predictions else ""
    traits = SideTraits(gt.traits(counts.gt), pred.traits(counts.pred))
    row = _row(pair, gt, counts, pred.inexact, region)
    row = _with_contours(row, gt.values, pred.values, reading.contours, region)
    return MeasuredRow(row, pred_digest=pred_digest, traits=traits)


def _require_few_values(values: NDArray[np.integer[Any]], name: str, most: int) -> None:
    distinct = len(np.unique(values))
    if distinct > most:
        raise MaskError(
            f"a mask holds more than {most:,} distinct values, which no list of classes explains",
            (f"{name}: {distinct:,} values",),
            "This looks like a photograph or a probability map (--probs); if these are labels, give --classes",
            kind="probability-maps",
        )


def _with_contours(row: Row, gt: IntArray, pred: IntArray | None, asked: Contours | None, region: Region | None) -> Row:
    """Add what is measured around the regions of a pair, of whose prediction there may be none."""
    if asked is None:
        return row
    from segeval.contours.counts import contour_counts  # few runs look at contours
    from segeval.contours.regions import regions

    predicted = () if pred is None else row.counts.pred.tolist()
    values = sorted(set(row.counts.gt.tolist())), sorted(set(predicted))
    if region is None:
        of = regions(gt, pred, values=values, class_of=asked.class_of)
    else:
        parts = region.filled(gt), None if pred is None else region.filled(pred)
        of = regions(*parts, values=values, class_of=asked.class_of).within(region.inside)
    if asked.widths is not None:
        row = replace(row, contours=contour_counts(of, asked.widths))
    if asked.distances is not None:
        from segeval.contours.distances import distance_values

        row = replace(row, distances=distance_values(of, asked.distances))
    return row


def _row(pair: Pair, gt: ReadMask, counts: JointCounts, inexact: int, region: Region | None) -> Row:
    row = placed(Row(pair.key, 1, 1, digest(gt.data), counts, inexact=(gt.inexact, inexact)), gt.values.shape, region)
    if counts.total != row.pixels - row.outside:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {row.pixels - row.outside} pixels")
    return row


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
