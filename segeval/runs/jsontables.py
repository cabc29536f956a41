"""Numbers and tables of many rows out of their JSON values: put one after another, and checked as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION
from segeval.records import dataclass
from segeval.runs.ragged import Places, ends_of
from segeval.runs.rowblocks import checked_tables
from segeval.runs.values import LARGEST, SMALLEST, Damage, require
from segeval.tables.counts import Int64Array, StackedTables

WHOLE, FLOATS, LISTS, NOTHING = {int}, {float}, {list}, type(None)
UNLIKE = "values are unlike those that segeval writes"


def lists(values: Sequence[Any]) -> NDArray[np.int64]:
    """Return how long each of some lists is; raises `Damage` where one is none."""
    require(set(map(type, values)) <= LISTS, UNLIKE)
    return np.fromiter(map(len, values), np.int64, len(values))


def flat(values: Iterable[Iterable[Any]]) -> list[Any]:
    """Put the items of lists one after another."""
    return list(chain.from_iterable(values))


def nested(values: Sequence[Any], length: int) -> list[Any]:
    """Put the items of lists of one length one after another; raises `Damage` for any other."""
    require(bool((lists(values) == length).all()), UNLIKE)
    return flat(values)


def whole(values: Sequence[Any], low: int, high: int) -> Int64Array:
    """Return whole numbers from `low` to `high`, within int64; raises `Damage` for anything else."""
    # A set of types, since JSON's true is an int to Python and 1.0 equals 1.
    require(set(map(type, values)) <= WHOLE, UNLIKE)
    try:
        found = np.array(values, np.int64)
    except OverflowError as error:
        raise Damage(UNLIKE) from error
    require(not len(found) or (low <= int(found.min()) and int(found.max()) <= high), UNLIKE)
    return found


def floats(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return finite floats of at least 0; raises `Damage` for anything else."""
    require(set(map(type, values)) <= FLOATS, UNLIKE)
    found = np.array(values, np.float64)
    require(bool(((found >= 0) & (found < np.inf)).all()), UNLIKE)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Marginals:
    """Hold how many pixels each ground-truth value of each table has; `ends` says where those of a table end."""

    ends: Places
    values: Int64Array
    pixels: Int64Array


def tables_from(tables: Sequence[Any], totals: Int64Array) -> tuple[StackedTables, Marginals]:
    """Read tables of so many pixels each; raises `Damage` where one is none."""
    if not len(tables):
        nothing = np.zeros(0, np.int64)
        return StackedTables(ends_of(()), nothing, nothing, nothing), Marginals(ends_of(()), nothing, nothing)
    of_table = lists(tables)
    require(bool((of_table > 0).all()), UNLIKE)
    columns = nested(flat(tables), 3)
    gt = whole(columns[0::3], SMALLEST, LARGEST)
    lengths = lists(columns[1::3])
    require(bool((lengths > 0).all()) and np.array_equal(lengths, lists(columns[2::3])), UNLIKE)
    pred, pixels = _predictions(flat(columns[1::3])), whole(flat(columns[2::3]), 1, LARGEST)
    ends = ends_of(of_table)
    found = checked_tables(gt, lengths, ends[:-1], pred, pixels, totals)
    if found is None:
        raise Damage(UNLIKE)
    starts = ends_of(lengths)[:-1]
    return found, Marginals(ends, gt, np.add.reduceat(pixels, starts))


def _predictions(values: list[Any]) -> Int64Array:
    if NOTHING not in set(map(type, values)):
        return whole(values, SMALLEST, LARGEST)
    known = whole([value for value in values if value is not None], SMALLEST, LARGEST)
    is_known = np.array([value is not None for value in values], np.bool_)
    found = np.full(len(values), NO_PREDICTION, np.int64)
    found[is_known] = known
    return found
