"""Which of several probability maps is the highest at each pixel, how high it is, and how sure a model so was."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.readers import Buffer
from segeval.protocol.labeling import UNKNOWN, ValueMap
from segeval.protocol.mapkinds import MapKind
from segeval.records import dataclass
from segeval.scores.calibration import ConfidenceBins, bins_of_levels, confidence_bins
from segeval.tables.lane import fast

SLACK = 8
"""Sums of floats may be off 1 by this many roundings of each map's type."""
MOST_PLACES = 256
INVALID, NEVER = 255, 254
"""Stand for a pixel that does not count, and for a map of an ignored class, where classes are bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Winners:
    """Hold of each pixel, (H, W), the place of the highest map, the first of equals, its level, and the sum of all."""

    places: NDArray[np.uint8] | NDArray[np.uint16]
    best: NDArray[Any]
    sums: NDArray[Any]


class Memory(threading.local):
    """Hold one thread's memory for the winners of one image, until those of the next are looked for in it."""

    def __init__(self) -> None:
        self.best, self.places, self.sums = Buffer(), Buffer(), Buffer()


def winners_of(maps: Sequence[NDArray[Any]], memory: Memory | None = None) -> Winners:
    """Compare two or more maps of one shape and type; the result may lie in `memory`."""
    if maps[0].dtype == np.uint8 and len(maps) <= MOST_PLACES:
        return _winning_bytes(maps, memory or Memory())
    best, places, higher = maps[0].copy(), np.zeros(maps[0].shape, np.uint16), np.empty(maps[0].shape, np.bool_)
    sums: NDArray[Any] = best.astype(np.uint32 if best.dtype in (np.uint8, np.uint16) else np.float64)
    for place, plane in enumerate(maps[1:], start=1):
        np.greater(plane, best, out=higher)
        np.copyto(places, np.uint16(place), where=higher)
        np.copyto(best, plane, where=higher)
        sums += plane
    return Winners(places, best, sums)


def _winning_bytes(maps: Sequence[NDArray[np.uint8]], memory: Memory) -> Winners:
    shape = maps[0].shape
    flat = (1, maps[0].size)
    best = memory.best.array(flat, np.dtype(np.uint8)).reshape(shape)
    places = memory.places.array(flat, np.dtype(np.uint8)).reshape(shape)
    sums = memory.sums.array(flat, np.dtype(np.uint16)).reshape(shape)  # 256 levels of 255 are below 2^16
    best[...], places[...], sums[...] = maps[0], 0, maps[0]
    if fast() and best.size:
        from segeval.tables.levelrows import fold_levels

        into = best.reshape(-1), places.reshape(-1), sums.reshape(-1)
        for place, plane in enumerate(maps[1:], start=1):
            fold_levels(np.ascontiguousarray(plane).reshape(-1), place, *into)
        return Winners(places, best, sums)
    for place, plane in enumerate(maps[1:], start=1):
        np.copyto(places, np.uint8(place), where=plane > best)
        np.maximum(best, plane, out=best)
        sums += plane
    return Winners(places, best, sums)


def unnormalised(won: Winners, kind: MapKind, count: int) -> int:
    """Count the pixels whose `count` probabilities do not add up to 1 within what their type can hold."""
    if kind.levels is None:
        slack = SLACK * count * max(float(np.finfo(won.best.dtype).eps), 1e-7)
        return int(np.count_nonzero(np.abs(won.sums - kind.top) > slack))
    low = max(0, kind.top - count // 2)
    # Unsigned: what is below `low` becomes very large.
    return int(np.count_nonzero(won.sums - won.sums.dtype.type(low) > kind.top + count // 2 - low))


def confidence(
    won: Winners, gt: NDArray[np.integer[Any]], lookup: ValueMap, described: Sequence[int | None], kind: MapKind
) -> ConfidenceBins:
    """Sort the valid pixels of an image by the highest probability.

    `lookup` gives the class of a ground-truth value, `described` that of each map; a map of an ignored class, `None`,
    is never right.
    """
    classes = np.array([UNKNOWN if index is None else index for index in described], np.int32)
    if fast() and gt.dtype == won.places.dtype == won.best.dtype == np.uint8:
        true = lookup(np.arange(256))
        if max(int(true.max()), int(classes.max())) < NEVER:
            return _of_bytes(won, gt, true, classes, kind)
    found = index_image(gt, lookup)
    valid = found >= 0
    return confidence_bins(won.best, (classes[won.places] == found) & valid, valid, kind)


def _of_bytes(
    won: Winners, gt: NDArray[np.integer[Any]], true: NDArray[np.intp], classes: NDArray[np.int32], kind: MapKind
) -> ConfidenceBins:
    from segeval.tables.levelrows import count_levels_of_winners

    tables = np.full((2, 256), INVALID, np.uint8)
    tables[0] = np.where(true < 0, INVALID, true)
    tables[1, : len(classes)] = np.where(classes < 0, NEVER, classes)
    counts = np.zeros((4, 2, 256), np.int64)
    values, places, best = (np.ascontiguousarray(plane, np.uint8).reshape(-1) for plane in (gt, won.places, won.best))
    count_levels_of_winners(values, places, best, tables[0], tables[1], counts.reshape(-1))
    wrong, right = counts.sum(axis=0)
    return bins_of_levels(wrong + right, right, kind)


def class_labels(places: NDArray[np.integer[Any]], class_ids: Sequence[int]) -> NDArray[np.integer[Any]]:
    """Return the id of the class of the map that won each pixel."""
    if tuple(class_ids) == tuple(range(len(class_ids))):
        return places
    ids: NDArray[np.integer[Any]] = np.asarray(class_ids, np.int64)[places]
    return ids


def index_image(gt: NDArray[np.integer[Any]], lookup: ValueMap) -> NDArray[np.int32]:
    """Look every pixel up: for sums of floats and for pictures, which no table of counts can stand for."""
    low, high = int(gt.min()), int(gt.max())
    if high - low >= 1 << 20:
        return lookup(gt).astype(np.int32)
    indices = lookup(np.arange(low, high + 1)).astype(np.int32)
    found: NDArray[np.int32] = indices[gt.astype(np.int64) - low]
    return found
