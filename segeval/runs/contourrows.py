"""Counts along contours as JSON values of a row, and back with every value checked."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from segeval.contours.counts import VOID, ContourCounts, DistanceValues
from segeval.runs.values import LARGEST, SMALLEST, Damage, integer, integers, listed, require
from segeval.tables.counts import Int64Array

MOST_SCORES = 5
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


def distances_to_json(found: DistanceValues) -> list[Any]:
    """Return classes, their states, and their values, null where they are undefined; and the number of scores."""
    values = [[None if math.isnan(value) else value for value in row] for row in found.values.tolist()]
    return [found.ids.tolist(), found.states.tolist(), values, found.size]


def distances_from_json(facts: Any) -> DistanceValues:
    """Read what `distances_to_json` wrote; raises `Damage`."""
    require(len(listed(facts, "distances")) == 4, "distances have other columns")
    ids = integers(facts[0], SMALLEST, LARGEST, "a class of distances")
    states = integers(facts[1], 0, VOID, "a state of distances")
    size = integer(facts[3], 1, MOST_SCORES, "the number of distances")
    rows = listed(facts[2], "distances")
    require(all(first < second for first, second in pairwise(ids)), "classes do not ascend")
    require(len(ids) == len(states) == len(rows), "distances are of other classes")
    values = []
    for row in rows:
        require(len(listed(row, "distances")) == size, "distances have another shape")
        possible = (value is None or (type(value) is float and 0 <= value < math.inf) for value in row)
        require(all(possible), "a distance is none")
        values.append([math.nan if value is None else value for value in row])
    array = np.array(values, np.float64).reshape(len(ids), size)
    return DistanceValues(np.array(ids, np.int64), array, np.array(states, np.int64))


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
