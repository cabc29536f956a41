"""Label masks: from a pair of files to a row, the pixels forgotten."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.folders.pairing import Pair
from segeval.folders.walking import gt_name, pred_name
from segeval.measuring.reading import (
    Reading,
    ReadMask,
    both,
    digest,
    missing_counts,
    read_ground_truth,
    read_prediction,
    require_size,
)
from segeval.runs.run import MeasuredRow, Row, SideTraits
from segeval.tables.counts import IntArray, JointCounts, joint_counts

if TYPE_CHECKING:
    from segeval.contours.counts import ContourCounts


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    if not pair.pred:
        gt = read_ground_truth(pair, reading)
        counts = missing_counts(gt.values)
        row = _row(pair, gt, counts, _contours(gt.values, None, counts, reading))
        return MeasuredRow(row, traits=SideTraits(gt=gt.traits))
    (file,) = pair.pred
    gt, pred = both(partial(read_ground_truth, pair, reading), partial(read_prediction, file, reading))
    require_size(pred.values.shape, gt.values.shape, file)
    counts = joint_counts(gt=gt.values, pred=pred.values)
    if reading.most_values is not None and len(counts) > reading.most_values:
        _require_few_values(counts.gt, gt_name(pair.gt), reading.most_values)
        _require_few_values(counts.pred, pred_name(file), reading.most_values)
    pred_digest = digest(pred.data) if reading.digest_predictions else ""
    traits = SideTraits(gt.traits, pred.traits)
    row = _row(pair, gt, counts, _contours(gt.values, pred.values, counts, reading))
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


def _contours(gt: IntArray, pred: IntArray | None, counts: JointCounts, reading: Reading) -> ContourCounts | None:
    if reading.contours is None:
        return None
    from segeval.contours.counts import contour_counts  # few runs count contours
    from segeval.contours.regions import regions

    values = sorted(set(counts.gt.tolist())), sorted(set(counts.pred.tolist()))
    of = regions(gt, pred, values=values, class_of=reading.contours.class_of)
    return contour_counts(of, reading.contours.widths)


def _row(pair: Pair, gt: ReadMask, counts: JointCounts, contours: ContourCounts | None) -> Row:
    height, width = gt.values.shape
    if counts.total != height * width:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {height * width} pixels")
    return Row(pair.key, height, width, digest(gt.data), counts, contours=contours)
