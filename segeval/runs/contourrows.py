"""Counts along contours as JSON values of a row, and back with every value checked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from segeval.contours.counts import ContourCounts
from segeval.runs.values import LARGEST, SMALLEST, Damage, integers, listed, require
from segeval.tables.counts import Int64Array

NAMES = ContourCounts.__slots__
OF_WIDTHS = {"bands": 3, "trimaps": 3, "matched": 2, "corners_matched": 2}
"""Numbers of a class at each width."""
OF_BORDERS = {"borders": 3, "corners": 2}
"""Numbers of a class whatever the width."""


def contours_to_json(counts: ContourCounts) -> list[Any]:
    """Return the fields of `ContourCounts` in their order, as nested lists."""
    return [getattr(counts, name).tolist() for name in NAMES]


def contours_from_json(facts: Any, pixels: int) -> ContourCounts:
    """Read what `contours_to_json` wrote of an image of so many pixels; raises `Damage`."""
    require(len(listed(facts, "contours")) == len(NAMES), "contours have other columns")
    columns = dict(zip(NAMES, facts, strict=True))
    ids = integers(columns["ids"], SMALLEST, LARGEST, "a class of contours")
    require(all(first < second for first, second in pairwise(ids)), "classes do not ascend")
    read = {"ids": np.array(ids, np.int64)}
    widths = _widths(columns["bands"])
    for name, numbers in OF_WIDTHS.items():
        read[name] = _numbers(columns[name], (len(ids), widths, numbers), pixels)
    for name, numbers in OF_BORDERS.items():
        read[name] = _numbers(columns[name], (len(ids), numbers), 4 * pixels)
    found = ContourCounts(**read)
    for counted in (found.bands, found.trimaps):
        require(bool((counted[..., 2] <= counted[..., :2].min(axis=-1)).all()), "a band holds more hits than pixels")
    for of_border, near in ((found.borders, found.matched), (found.corners, found.corners_matched)):
        require(bool((near <= of_border[:, None, :2]).all()), "more of a border is matched than there is")
    return found


def _widths(bands: Any) -> int:
    rows = listed(bands, "contours")
    return len(listed(rows[0], "contours")) if rows else 0


def _numbers(values: Any, shape: tuple[int, ...], most: int) -> Int64Array:
    """Read whole numbers from 0 to `most` in nested lists of `shape`."""
    flat: list[Any] = listed(values, "contours")
    for inner in shape[1:]:
        require(all(isinstance(part, list) and len(part) == inner for part in flat), "contours have another shape")
        flat = [number for part in flat for number in part]
    if len(flat) != int(np.prod(shape)):
        raise Damage("contours have another shape")
    return np.array(integers(flat, 0, most, "a count of contours"), np.int64).reshape(shape)
