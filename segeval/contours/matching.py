"""How near each border element is to the nearest of its own class on the other side, up to a limit."""

from __future__ import annotations

import math

import numpy as np

from segeval.contours.borders import Border
from segeval.tables.counts import Int64Array

FAR = int(np.iinfo(np.int64).max)
"""The square of a distance above the limit."""


def squared_distances(source: Border, target: Border, limit: int) -> Int64Array:
    """Return the squared distance, in pixels, of each element of `source` to the nearest of `target` of its class.

    Euclidean and exact; `FAR` where it is above `limit`. Both borders are of one image. Elements are looked for row by
    row, the nearest rows first: in a row the nearest lie left and right of where the element would stand among the
    others.
    """
    height, width = source.shape
    reach = math.isqrt(limit)
    # Keys ascend by class, row and column, with so much room between rows that none is in reach of the next.
    stride = width + 2 * reach + 1
    rows_apart = height + 2 * reach + 1
    others = np.sort(_keys(target, stride, rows_apart, width))
    keys = _keys(source, stride, rows_apart, width)
    found = np.full(len(keys), FAR, np.int64)
    if not len(others):
        return found
    order = np.argsort(keys)  # neighbours in the search are neighbours in memory
    keys, best = keys[order], found[order]
    fences = np.concatenate([[-FAR // 2], others, [FAR // 2]])
    at = np.arange(len(keys))
    for distance in range(reach + 1):
        at = at[best[at] > distance**2]  # others have a nearer one already
        for shift in (distance, -distance) if distance else (0,):
            wanted = keys[at] + shift * stride
            place = np.searchsorted(others, wanted)
            beside = np.minimum(wanted - fences[place], fences[place + 1] - wanted)
            squares = np.minimum(beside, reach + 1) ** 2 + distance**2
            near = squares <= limit
            best[at[near]] = np.minimum(best[at[near]], squares[near])
    found[order] = best
    return found


def _keys(border: Border, stride: int, rows_apart: int, width: int) -> Int64Array:
    rows, columns = np.divmod(border.places, width)
    keys: Int64Array = (border.codes.astype(np.int64) * rows_apart + rows) * stride + columns
    return keys
