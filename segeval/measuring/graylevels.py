"""Count the levels of a probability map beside its ground truth, the fastest way for what the two hold."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.histogram import histogram
from segeval.images.readers import Buffer
from segeval.tables.counts import JointCounts, joint_counts, table
from segeval.tables.lane import fast

LOOKED_AT = 8
"""Of so many rows, one is looked at to tell whether a map is grey."""

PIXELS_PER_CHANGE = 7
"""Mean pixels between two changes of level from which gathering runs costs less than histograms, as measured."""


class _Scratch(threading.local):
    """Hold one thread's memory for what belongs to the second of two values."""

    def __init__(self) -> None:
        self.selected = Buffer()


_scratch = _Scratch()


def joint_levels(*, gt: NDArray[np.integer[Any]], levels: NDArray[np.integer[Any]]) -> JointCounts:
    """Count how often each (ground-truth value, level) occurs: `segeval.tables.counts.joint_counts` of any two arrays.

    A grey 8-bit map, (H, W), over an 8-bit ground truth of one or two values, as binary ones are, takes a histogram of
    each value instead, unless a compiled kernel counts. Raises `MaskError` as `joint_counts` does.
    """
    if fast():
        return joint_counts(gt=gt, pred=levels)
    if gt.dtype == levels.dtype == np.uint8 and gt.ndim == 2 and gt.shape == levels.shape and _is_grey(levels):
        return _of_histograms(gt, levels.view(np.uint8)) or joint_counts(gt=gt, pred=levels)
    return joint_counts(gt=gt, pred=levels)


def _is_grey(levels: NDArray[np.integer[Any]]) -> bool:
    rows = levels[LOOKED_AT // 2 :: LOOKED_AT]
    return int(np.count_nonzero(rows[:, 1:] != rows[:, :-1])) * PIXELS_PER_CHANGE > rows.size


def _of_histograms(gt: NDArray[np.integer[Any]], levels: NDArray[np.uint8]) -> JointCounts | None:
    """Count pixels that are known to be some; `None` where the ground truth has more than two values."""
    selected = _scratch.selected.array((gt.shape[0], gt.shape[1]), np.dtype(np.bool_))
    first = gt[0, 0]
    np.equal(gt, first, out=selected)
    of_first = int(np.count_nonzero(selected))
    if of_first == gt.size:
        return table(np.repeat(first, 256), np.arange(256), histogram(levels))
    second = gt.reshape(-1)[selected.argmin()]
    np.equal(gt, second, out=selected)
    of_second = int(np.count_nonzero(selected))
    if of_first + of_second < gt.size:
        return None
    kept = selected.view(np.uint8)
    np.negative(kept, out=kept)  # all bits of a pixel, or none
    kept &= levels
    counts = histogram(kept)
    counts[0] -= of_first
    return table(
        np.repeat((first, second), 256),
        np.tile(np.arange(256), 2),
        np.concatenate((histogram(levels) - counts, counts)),
    )
