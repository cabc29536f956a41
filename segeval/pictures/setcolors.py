"""Colours of pixels that may be of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import in_sets

Indices = NDArray[np.int32]
Sets = NDArray[np.integer[Any]]


def of_sets(gt: Sets, pred: Sets, colors: NDArray[np.uint8]) -> tuple[Indices, Indices, NDArray[np.uint8]]:
    """Return ground truth and prediction as positions in a table of colours, and the table; negative values stay.

    Sets have the class at position i at bit i. The colour of a set is the mean of its classes' colours, that of none
    is the one of what is outside the classes; the last two rows stay those of `colors`.
    """
    sets, places = np.unique(np.concatenate([gt.ravel(), pred.ravel()]), return_inverse=True)
    classes = len(colors) - 2
    members = np.stack([in_sets(sets, index) for index in range(classes)], axis=1)
    sizes = members.sum(axis=1)
    summed = members.astype(np.int64) @ colors[:classes].astype(np.int64)
    mixed = np.where(sizes[:, None] > 0, summed // np.maximum(sizes, 1)[:, None], colors[-2]).astype(np.uint8)
    found = np.where(sets < 0, sets, np.arange(len(sets))).astype(np.int32)[places.reshape(-1)]
    sides = found[: gt.size].reshape(gt.shape), found[gt.size :].reshape(pred.shape)
    return *sides, np.concatenate([mixed, colors[-2:]])
