"""Label masks: from a pair of files to a row, the pixels forgotten."""

from __future__ import annotations

from functools import partial
from typing import Any

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
from segeval.tables.counts import JointCounts, joint_counts


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    if not pair.pred:
        gt = read_ground_truth(pair, reading)
        row = _row(pair, gt, missing_counts(gt.values))
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
    return MeasuredRow(_row(pair, gt, counts), pred_digest=pred_digest, traits=traits)


def _require_few_values(values: NDArray[np.integer[Any]], name: str, most: int) -> None:
    distinct = len(np.unique(values))
    if distinct > most:
        raise MaskError(
            f"a mask holds more than {most:,} distinct values, which no list of classes explains",
            (f"{name}: {distinct:,} values",),
            "This looks like a photograph or a probability map (--probs); if these are labels, give --classes",
            kind="probability-maps",
        )


def _row(pair: Pair, gt: ReadMask, counts: JointCounts) -> Row:
    height, width = gt.values.shape
    if counts.total != height * width:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {height * width} pixels")
    return Row(pair.key, height, width, digest(gt.data), counts)
