"""Label masks: from a pair of files to a row, the pixels forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.folders.pairing import Pair
from segeval.images.readers import decode_mask
from segeval.measuring.reading import (
    BUFFERS,
    Reading,
    bytes_of,
    digest,
    missing_counts,
    read_ground_truth,
    require_size,
)
from segeval.runs.run import MeasuredRow, Row
from segeval.tables.counts import JointCounts, joint_counts


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    gt, gt_digest = read_ground_truth(pair, reading)
    if not pair.pred:
        return MeasuredRow(_row(pair, gt, gt_digest, missing_counts(gt)))
    (name,) = pair.pred
    data = bytes_of(reading.pred, name, reading)
    palette, max_pixels = reading.pred_palette, reading.max_pixels
    pred = decode_mask(data, name=name, palette=palette, max_pixels=max_pixels, buffer=BUFFERS.pred)
    require_size(pred.shape, gt.shape, name)
    counts = joint_counts(gt=gt, pred=pred)
    if reading.most_values is not None and len(counts) > reading.most_values:
        _require_few_values(counts.gt, pair.gt, reading.most_values)
        _require_few_values(counts.pred, name, reading.most_values)
    pred_digest = digest(data) if reading.digest_predictions else ""
    return MeasuredRow(_row(pair, gt, gt_digest, counts), pred_digest=pred_digest)


def _require_few_values(values: NDArray[np.integer[Any]], name: str, most: int) -> None:
    distinct = len(np.unique(values))
    if distinct > most:
        raise MaskError(
            f"a mask holds more than {most:,} distinct values, which no list of classes explains",
            (f"{name}: {distinct:,} values",),
            "This looks like a photograph or a probability map (--probs); if these are labels, give --classes",
            kind="probability-maps",
        )


def _row(pair: Pair, gt: NDArray[np.integer[Any]], gt_digest: str, counts: JointCounts) -> Row:
    height, width = gt.shape
    if counts.total != height * width:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {height * width} pixels")
    return Row(pair.key, height, width, gt_digest, counts)
