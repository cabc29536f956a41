"""The labels of binary probability maps made again of their levels, under another threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.runs.columns import LazyRows, RowColumns, narrowed
from segeval.runs.ragged import ends_of
from segeval.runs.run import Row
from segeval.tables.counts import StackedTables
from segeval.tables.levels import thresholded


def rethresholded(rows: Sequence[Row], threshold: float) -> Sequence[Row]:
    """Return rows of one 8-bit map each with other labels, 1 where p > `threshold`; those without prediction stay."""
    if isinstance(rows, LazyRows):
        return LazyRows(_relabelled(rows.columns, threshold), rows.make)
    return tuple(replace(row, counts=thresholded(row.levels[0], threshold)) if row.levels else row for row in rows)


def _relabelled(columns: RowColumns, threshold: float) -> RowColumns:
    levels, stored = columns.several["levels"], columns.tables
    label = (levels["pred"] / EIGHT_BIT.top > threshold).astype(np.int64)
    image, gt = levels.images, levels["gt"].astype(np.int64)
    starts = np.flatnonzero(np.append(True, np.diff(image) | np.diff(gt) | np.diff(label))[: len(label)])
    kept = np.repeat(levels.counts == 0, np.diff(stored.ends))
    parts = {
        "image": (image[starts], np.repeat(np.arange(len(columns.keys)), np.diff(stored.ends))[kept]),
        "gt": (gt[starts], stored.gt[kept].astype(np.int64)),
        "pred": (label[starts], stored.pred[kept].astype(np.int64)),
        "pixels": (np.add.reduceat(levels["pixels"], starts) if len(starts) else levels["pixels"], stored.pixels[kept]),
    }
    cells = {name: np.concatenate(sides) for name, sides in parts.items()}
    order = np.argsort(cells["image"], kind="stable")
    gt, pred, pixels = (cells[name][order] for name in ("gt", "pred", "pixels"))
    ends = ends_of(np.bincount(cells["image"], minlength=len(columns.keys)))
    return replace(columns, tables=StackedTables(ends, narrowed(gt), narrowed(pred), pixels))
