"""Measure two folders: pair them, make a row of each pair of label masks, and tell what is wrong with any of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.folders.pairing import Pair, Pairing, pair_folders
from segeval.folders.walking import gt_name, opened, pred_name
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
    reading_of,
    usable_pairs,
)
from segeval.measuring.reading import (
    Reading,
    ReadMask,
    both,
    fitted,
    missing_counts,
    read_ground_truth,
    read_prediction,
)
from segeval.protocol.protocol import Protocol
from segeval.request import Request
from segeval.runs.run import MeasuredRow, Row, Run, SideTraits, traits_of_all
from segeval.tables.counts import IntArray, JointCounts, joint_counts
from segeval.tables.lane import lane

if TYPE_CHECKING:
    from segeval.measuring.engines import AnyEngine
    from segeval.measuring.scope import Region
    from segeval.runs.journal import Journal
    from segeval.runs.sharding import Shard
    from segeval.stores.urls import Root


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    read_true, read_predicted = read_ground_truth, read_prediction
    if pair.plane is not None:
        from segeval.measuring.planes import predicted_plane, true_plane  # few masks are volumes

        read_true, read_predicted = true_plane, partial(predicted_plane, plane=pair.plane)
    if not pair.pred:
        gt = read_true(pair, reading)
        region = _region(pair, gt, reading)
        counts = missing_counts(gt.values if region is None else region.of(gt.values))
        row = _surrounded(_row(pair, gt, counts, 0, region), pair, gt, None, reading, region)
        return MeasuredRow(row, traits=SideTraits(gt=gt.traits(counts.gt)))
    (file,) = pair.pred
    gt, pred = both(partial(read_true, pair, reading), partial(read_predicted, file, reading))
    predicted = fitted(pred.values, gt.values.shape, file, reading.resize_pred)
    if gt.facts is not None and gt.facts.geometry is not None and pred.facts is not None:
        from segeval.measuring.scope import require_place  # few masks are volumes

        require_place(gt.facts, pred.facts, pair, file)
    region = _region(pair, gt, reading)
    if region is None:
        counts = joint_counts(gt=gt.values, pred=predicted)
    else:
        counts = joint_counts(gt=region.of(gt.values), pred=region.of(predicted))
    if reading.most_values is not None and len(counts) > reading.most_values:
        _require_few_values(counts.gt, gt_name(pair.gt), reading.most_values)
        _require_few_values(counts.pred, pred_name(file), reading.most_values)
    pred_digest = pred.digest if reading.digest_predictions else ""
    traits = SideTraits(gt.traits(counts.gt), pred.traits(counts.pred))
    row = _row(pair, gt, counts, pred.inexact, region)
    row = _surrounded(row, pair, gt, predicted, reading, region)
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


def _surrounded(
    row: Row, pair: Pair, gt: ReadMask, pred: IntArray | None, reading: Reading, region: Region | None
) -> Row:
    """Add what is asked for around the pixels of each class."""
    if reading.contours is None:
        return row
    from segeval.measuring.surroundings import with_contours  # few runs look at contours

    return with_contours(row, gt_name(pair.gt), gt, pred, reading.contours, region)


def _region(pair: Pair, gt: ReadMask, reading: Reading) -> Region | None:
    """Return the region of interest of an image, `None` where all of it counts."""
    if reading.roi is None:
        return None
    from segeval.measuring.scope import region_of  # few data sets have regions

    return region_of(pair, reading, gt.values.shape)


def _row(pair: Pair, gt: ReadMask, counts: JointCounts, inexact: int, region: Region | None) -> Row:
    *slices, height, width = gt.values.shape
    row = Row(pair.key, height, width, gt.digest, counts, inexact=(gt.inexact, inexact), depth=math.prod(slices))
    if region is not None:
        row = region.noted(row)
    if counts.total != row.pixels - row.outside:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {row.pixels - row.outside} pixels")
    return row


__all__ = ["Measurement", "Progress", "measure", "with_folder_classes"]


def paired(pred: Root, gt: Root, request: Request) -> Pairing:
    """Pair two folders for `request`, and with them the regions of interest."""
    if not (isinstance(pred, Path) and isinstance(gt, Path)):
        from segeval.measuring.remote import bounded_sides  # for URLs

        pred, gt = bounded_sides(pred, gt, request)
    found = _paired(opened(pred), opened(gt), request)
    if request.protocol.storage.per_slice:
        from segeval.measuring.planes import with_planes  # few masks are volumes

        return with_planes(found, request)
    if request.roi is None:
        return found
    from segeval.folders.regions import with_regions  # few data sets have them

    return with_regions(found, request.roi, request.rules, IMAGE_SUFFIXES)


def _paired(pred: Root, gt: Root, request: Request) -> Pairing:
    """Pair file by file, or with one folder of maps a class."""
    names = [(entry.id, entry.name) for entry in request.protocol.classes or ()]
    if request.protocol.storage.multilabel:
        from segeval.folders.classpairing import pair_sets  # few masks lie in folders of classes

        return pair_sets(pred, gt, names, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    if request.protocol.probabilities is not None:
        from segeval.folders.classfolders import class_folders  # label masks lie in none
        from segeval.folders.classpairing import pair_class_folders

        folders = class_folders(pred, names)
        if folders is not None:
            return pair_class_folders(pred, gt, folders, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    return pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)


def measure(
    pred: Root,
    gt: Root,
    request: Request,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
    shard: Shard | None = None,
    pairing: Pairing | None = None,
    engine: AnyEngine | None = None,
) -> Measurement:
    """Pair two folders, or take their `pairing`, and count every pair that can be counted.

    Rows go to `journal` as they come, and those that it has of an earlier attempt are taken from there where their
    files have not changed. With a `shard` only its images are measured; what does not pair is told of all. An `engine`
    measures in place of threads of this process. What is
    wrong with single files is collected in `problems`, so that all of it can be told together; only folders that do
    not exist, options that contradict each other, and a journal that cannot be written are raised at once.
    """
    lane()  # what is wrong with SEGEVAL_LANE is told once, not for every image
    course = Course(jobs, progress, journal, shard)
    request = with_folder_classes(pred, gt, request)
    if engine is None and isinstance(pred, Path) and isinstance(gt, Path):
        return _measured(pairing or paired(pred, gt, request), request, course)
    from segeval.measuring.dispatch import collected_from  # for engines, and for URLs
    from segeval.measuring.engines import opened_engine

    opening = opened_engine(engine, jobs)
    pairing = pairing or paired(pred, gt, request)
    with opening as opened:
        return _measured(pairing, request, replace(course, gather=partial(collected_from, opened)))


def _measured(pairing: Pairing, request: Request, course: Course) -> Measurement:
    if request.protocol.probabilities is None:
        found = _measure_masks(pairing, request, course)
    else:
        from segeval.measuring.mapfolders import measure_probabilities

        found = measure_probabilities(pairing, request, request.protocol.probabilities, course)
    if not found.problems:
        return found
    from segeval.findings.colors import with_color_hints

    return replace(found, problems=tuple(with_color_hints(found.problems, request)))


def with_folder_classes(pred: Root, gt: Root, request: Request) -> Request:
    """Name the classes of pixels of several classes after their folders, where they are not given."""
    if not request.protocol.storage.multilabel:
        return request
    from segeval.measuring.labelsets import with_classes  # most pixels have one class

    return with_classes(pred, gt, request)


def _measure_one(reading: Reading, protocol: Protocol) -> Callable[[Pair], MeasuredRow]:
    if not protocol.storage.multilabel:
        return partial(measure_masks, reading=reading)
    from segeval.measuring.labelsets import meaning_of, measure_sets  # most pixels have one class

    return partial(measure_sets, reading=reading, meaning=meaning_of(protocol))


def _measure_masks(pairing: Pairing, request: Request, course: Course) -> Measurement:
    pairs, problems = usable_pairs(pairing, request.protocol.missing)
    if not request.protocol.storage.multilabel:
        problems = list(class_folders_given(pairing)) or problems
    pairs = course.of(pairs)
    reading = reading_of(pairing, request, digest_predictions=course.journal is not None)
    if course.journal is not None:
        course.journal.begin()
    found = list(collected(pairs, _measure_one(reading, request.protocol), reading, problems, course))
    traits = traits_of_all(one.traits for one in found)
    run = Run(request.protocol, in_order(one.row for one in found), traits=traits)
    table = run.table() if found else None
    warnings = pairing_warnings(pairing, request.protocol.missing)
    return Measurement(run, names_of(pairs), warnings, tuple(problems), table=table)
