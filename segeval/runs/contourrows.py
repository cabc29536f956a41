"""What rows keep of contours, distances and lesions as JSON values, and back with every value checked."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from segeval.contours.counts import ONE, VOID, ContourCounts, DistanceValues, LesionCounts
from segeval.protocol.protocol import Protocol
from segeval.runs.partcolumns import OF_BORDERS, OF_WIDTHS
from segeval.runs.run import Row
from segeval.runs.values import LARGEST, SMALLEST, Damage, integer, integers, listed, require
from segeval.tables.counts import Int64Array

MOST_SCORES = 5
NAMES = ContourCounts.__slots__


def surroundings_to_json(row: Row) -> dict[str, Any]:
    """Return what a row keeps of contours, distances and lesions, by field."""
    facts: dict[str, Any] = {} if row.contours is None else {"contours": contours_to_json(row.contours)}
    facts |= {} if row.distances is None else {"distances": distances_to_json(row.distances)}
    return facts | ({} if row.lesions is None else {"lesions": lesions_to_json(row.lesions)})


def surroundings_from_json(facts: dict[str, Any], pixels: int) -> dict[str, Any]:
    """Read what `surroundings_to_json` wrote of an image of so many pixels; raises `Damage`."""
    found: dict[str, Any] = {}
    if "contours" in facts:
        found["contours"] = contours_from_json(facts["contours"], pixels)
    if "distances" in facts:
        found["distances"] = distances_from_json(facts["distances"])
    if "lesions" in facts:
        found["lesions"] = lesions_from_json(facts["lesions"], pixels)
    return found


def check_surroundings(row: Row, protocol: Protocol) -> None:
    """Raise `Damage` where a row keeps other widths or scores than its run asks for."""
    if row.contours is not None and len(row.contours.ids):
        widths = protocol.boundary or ()
        require(row.contours.bands.shape[1] == len(widths), "the row has contours at other widths than the run")
    if row.distances is not None:
        scores = protocol.distances.scores if protocol.distances else ()
        require(row.distances.size == len(scores), "the row has other distances than the run")
    if row.lesions is not None:
        values = protocol.lesions.values if protocol.lesions else ()
        require(row.lesions.values.shape[1] == len(values), "the row has other scores of lesions than the run")


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


def lesions_to_json(found: LesionCounts) -> list[Any]:
    """Return the fields of `LesionCounts` in their order, as nested lists; and the number of values."""
    return [*(getattr(found, name).tolist() for name in LesionCounts.__slots__), int(found.values.shape[1])]


def lesions_from_json(facts: Any, pixels: int) -> LesionCounts:
    """Read what `lesions_to_json` wrote of an image of so many pixels; raises `Damage`."""
    require(len(listed(facts, "lesions")) == len(LesionCounts.__slots__) + 1, "lesions have other columns")
    ids = integers(facts[0], SMALLEST, LARGEST, "a class of lesions")
    require(all(first < second for first, second in pairwise(ids)), "classes do not ascend")
    counts = _numbers(facts[1], (len(ids), 3), pixels)
    size = integer(facts[4], 0, MOST_SCORES, "the number of values of lesions")
    rows = listed(facts[2], "lesions")
    states = integers(facts[3], 0, ONE, "a state of lesions")
    require(len(ids) == len(rows) == len(states), "lesions are of other classes")
    for row in rows:
        require(len(listed(row, "lesions")) == size, "lesions have another shape")
        require(all(type(value) is float and 0 <= value < math.inf for value in row), "a value of lesions is none")
    values = np.array(rows, np.float64).reshape(len(ids), size)
    return LesionCounts(np.array(ids, np.int64), counts, values, np.array(states, np.int64))


def _widths(bands: Any) -> int:
    rows = listed(bands, "contours")
    return len(listed(rows[0], "contours")) if rows else 0


def _numbers(values: Any, shape: tuple[int, ...], most: int) -> Int64Array:
    """Read whole numbers from 0 to `most` in nested lists of `shape`."""
    flat: list[Any] = listed(values, "contours")
    require(len(flat) == shape[0], "contours have another shape")
    for inner in shape[1:]:
        require(all(isinstance(part, list) and len(part) == inner for part in flat), "contours have another shape")
        flat = [number for part in flat for number in part]
    if len(flat) != int(np.prod(shape)):
        raise Damage("contours have another shape")
    return np.array(integers(flat, 0, most, "a count of contours"), np.int64).reshape(shape)
