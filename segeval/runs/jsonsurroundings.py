"""What rows keep of contours, distances and lesions, read by the block from JSON; raises `Damage` for all else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import ONE, VOID
from segeval.protocol.protocol import Protocol
from segeval.runs.contourrows import NAMES
from segeval.runs.jsontables import UNLIKE, flat, floats, lists, nested, whole
from segeval.runs.partcolumns import OF_BORDERS, OF_WIDTHS
from segeval.runs.ragged import Places, Ragged, ends_of
from segeval.runs.rows import MOST_PIXELS
from segeval.runs.values import LARGEST, SMALLEST, require
from segeval.tables.counts import Int64Array

Rows = list[dict[str, Any]]


def surroundings_from(rows: Rows, protocol: Protocol, pixels: Int64Array) -> dict[str, Ragged]:
    """Return what rows of so many pixels keep of contours, distances and lesions, which is what a protocol asks for."""
    asked = {"contours": protocol.boundary, "distances": protocol.distances, "lesions": protocol.lesions}
    for name, choice in asked.items():
        require(all((name in row) == (choice is not None) for row in rows), UNLIKE)
    found: dict[str, Ragged] = {}
    if protocol.boundary is not None:
        found["contours"] = _contours([row["contours"] for row in rows], len(protocol.boundary), pixels)
    if protocol.distances is not None:
        found["distances"] = _distances([row["distances"] for row in rows], len(protocol.distances.scores))
    if protocol.lesions is not None:
        found["lesions"] = _lesions([row["lesions"] for row in rows], len(protocol.lesions.values), pixels)
    return found


def _ids(stored: list[Any]) -> tuple[Places, Int64Array]:
    """Return where the classes of each image end, and the classes."""
    ends = ends_of(lists(stored))
    ids = whole(flat(stored), SMALLEST, LARGEST)
    rises = np.append(ids[1:] > ids[:-1], True)[: len(ids)]
    rises[ends[1:][np.diff(ends) > 0] - 1] = True
    require(bool(rises.all()), UNLIKE)
    return ends, ids


def _shaped(stored: list[Any], ends: Places, shape: tuple[int, ...]) -> list[Any]:
    """Return the numbers of lists of one list a class, which are nested as `shape` says."""
    require(np.array_equal(lists(stored), np.diff(ends)), UNLIKE)
    values = flat(stored)
    for length in shape:
        values = nested(values, length)
    return values


def _counts(stored: list[Any], ends: Places, shape: tuple[int, ...], most: Int64Array) -> Int64Array:
    """Read counts of classes, of which an image has at most `most`."""
    numbers = whole(_shaped(stored, ends, shape), 0, 4 * MOST_PIXELS).reshape(-1, *shape)
    limits = np.repeat(most, np.diff(ends)).reshape(-1, *(1 for _ in shape))
    require(bool((numbers <= limits).all()), UNLIKE)
    return numbers


def _contours(stored: list[Any], widths: int, pixels: Int64Array) -> Ragged:
    columns = nested(stored, len(NAMES))
    by_name = {name: columns[place :: len(NAMES)] for place, name in enumerate(NAMES)}
    ends, ids = _ids(by_name["ids"])
    found: dict[str, NDArray[Any]] = {"ids": ids}
    for name, numbers in OF_WIDTHS.items():
        found[name] = _counts(by_name[name], ends, (widths, numbers), pixels)
    for name, numbers in OF_BORDERS.items():
        found[name] = _counts(by_name[name], ends, (numbers,), 4 * pixels)
    for name in ("bands", "trimaps"):
        require(bool((found[name][..., 2] <= found[name][..., :2].min(axis=-1)).all()), UNLIKE)
    for border, near in (("borders", "matched"), ("corners", "corners_matched")):
        require(bool((found[near] <= found[border][:, None, :2]).all()), UNLIKE)
    return Ragged(ends, found)


def _distances(stored: list[Any], size: int) -> Ragged:
    columns = nested(stored, 4)
    ends, ids = _ids(columns[0::4])
    states = whole(_shaped(columns[1::4], ends, ()), 0, VOID)
    require(all(type(value) is int and value == size for value in columns[3::4]), UNLIKE)
    values = _shaped(columns[2::4], ends, (size,))
    defined = np.array([value is not None for value in values], np.bool_)
    numbers = np.full(len(values), np.nan)
    numbers[defined] = floats([value for value in values if value is not None])
    return Ragged(ends, {"ids": ids, "values": numbers.reshape(-1, size), "states": states})


def _lesions(stored: list[Any], size: int, pixels: Int64Array) -> Ragged:
    columns = nested(stored, 5)
    ends, ids = _ids(columns[0::5])
    counts = _counts(columns[1::5], ends, (3,), pixels)
    values = floats(_shaped(columns[2::5], ends, (size,))).reshape(len(ids), size)
    states = whole(_shaped(columns[3::5], ends, ()), 0, ONE)
    require(all(type(value) is int and value == size for value in columns[4::5]), UNLIKE)
    return Ragged(ends, {"ids": ids, "counts": counts, "values": values, "states": states})
