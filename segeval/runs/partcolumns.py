"""What rows that memory holds keep besides label tables, as columns, whether they are kept so or as objects.

In `each`, one value an image: `unnormalised` pixels; `shaded`, whether 256 levels are kept; of regions of interest
`roi`, the digest as bytes, and `outside`. In `several`, by image: `levels`, cells of level tables with the position of
their `map`; `sums`, one a map, with the `numbers` of `OF_SUMS`, `eps` (NaN for "torch") and `counts` of `COUNTED`;
`confidence`, one or none; `shades`, cells of the 256 levels; `contours`, `distances` and `lesions`, one a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import LazyRows
from segeval.runs.ragged import Ragged, ends_of
from segeval.scores.curves import ECE_BINS
from segeval.scores.lossums import FloatSums
from segeval.tables.counts import Int64Array, JointCounts, StackedTables, stacked, total

if TYPE_CHECKING:
    from segeval.runs.run import Row

COUNTED = ("n_pos", "n_neg", "clamped_pos", "clamped_neg")
OF_SUMS = tuple(field.name for field in fields(FloatSums) if field.name not in (*COUNTED, "eps"))
"""What is counted and what is summed of a map, gamma first."""
OF_WIDTHS = {"bands": 3, "trimaps": 3, "matched": 2, "corners_matched": 2}
"""Numbers of a class at each width of its contours."""
OF_BORDERS = {"borders": 3, "corners": 2}
"""Numbers of a class whatever the width."""


def has_prediction(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """Tell which rows have a prediction."""
    if not isinstance(rows, LazyRows):
        return np.array([not row.missing for row in rows], np.bool_)
    tables = rows.columns.tables
    predicted: NDArray[np.bool_] = tables.pred[tables.ends[:-1]] != NO_PREDICTION
    return predicted


def areas_of(rows: Sequence[Row]) -> Int64Array:
    """Return the pixels of every row, those outside its region of interest too."""
    if isinstance(rows, LazyRows):
        areas: Int64Array = rows.columns.sizes.prod(axis=1)
        return areas
    return np.array([row.pixels for row in rows], np.int64)


def level_cells(rows: Sequence[Row]) -> Ragged:
    """Return the cells of the level tables of every row."""
    return _kept(rows, "levels", _level_cells)


def sums_of_maps(rows: Sequence[Row]) -> Ragged:
    """Return the loss sums of every row, one a map."""
    return _kept(rows, "sums", _sums)


def confidences(rows: Sequence[Row]) -> Ragged:
    """Return the confidence bins of every row that has some."""
    return _kept(rows, "confidence", _confidences)


def shades(rows: Sequence[Row]) -> tuple[NDArray[np.bool_], Ragged]:
    """Tell which rows keep 256 levels, and return their cells."""
    if isinstance(rows, LazyRows):
        kept = rows.columns.each.get("shaded", np.zeros(len(rows), np.bool_))
    else:
        kept = np.array([row.shades is not None for row in rows], np.bool_)
    return kept, _kept(rows, "shades", _shades)


def contours_at(rows: Sequence[Row], place: int) -> Ragged:
    """Return the contours of every row, one a class, at one of their widths: arrays lose the axis of widths."""
    if isinstance(rows, LazyRows) and "contours" in rows.columns.several:
        kept = rows.columns.several["contours"]
        at_width = {name: kept[name][:, place] for name in OF_WIDTHS}
        return Ragged(kept.ends, {"ids": kept["ids"], **at_width, **{name: kept[name] for name in OF_BORDERS}})
    ends, parts = _parts(rows, "contours")
    shapes = {"ids": (), **{name: (numbers,) for name, numbers in (OF_WIDTHS | OF_BORDERS).items()}}
    values = {
        name: [getattr(part, name)[:, place] if name in OF_WIDTHS else getattr(part, name) for part in parts]
        for name in shapes
    }
    return Ragged(ends, {name: _together(values[name], shape, np.int64) for name, shape in shapes.items()})


def at_widths(rows: Sequence[Row], places: list[int]) -> Sequence[Row]:
    """Return rows whose contours are at some of their widths only, by their positions."""
    if not isinstance(rows, LazyRows):
        return tuple(
            row if row.contours is None else replace(row, contours=row.contours.at_widths(places)) for row in rows
        )
    several = dict(rows.columns.several)
    if "contours" in several:
        kept = several["contours"]
        chosen = {name: kept[name][:, places] for name in OF_WIDTHS}
        several["contours"] = Ragged(kept.ends, {**kept.columns, **chosen})
        if not places:
            del several["contours"]
    return LazyRows(replace(rows.columns, several=several), rows.make)


def distances_of(rows: Sequence[Row], size: int) -> Ragged:
    """Return the distances of every row, one a class, of so many scores."""
    return _of_classes(rows, "distances", {"ids": (), "values": (size,), "states": ()})


def lesions_of(rows: Sequence[Row], size: int) -> Ragged:
    """Return the lesions of every row, one a class, of so many values."""
    return _of_classes(rows, "lesions", {"ids": (), "counts": (3,), "values": (size,), "states": ()})


def level_totals(blocks: Iterable[Sequence[Row]]) -> tuple[JointCounts, ...]:
    """Add the level tables of each map up over rows that come by the block."""
    totals: list[JointCounts] = []
    for block in blocks:
        cells = level_cells(block)
        order = np.argsort(cells["map"], kind="stable")
        gt, pred, pixels = (cells[name][order] for name in ("gt", "pred", "pixels"))
        ends = ends_of(np.bincount(cells["map"]))
        for place, (start, end) in enumerate(pairwise(ends.tolist())):
            here = slice(start, end)
            found = total(StackedTables(np.array([0, end - start]), gt[here], pred[here], pixels[here]))
            if place < len(totals):
                totals[place] = total((totals[place], found))
            else:
                totals.append(found)
    return tuple(totals)


def _kept(rows: Sequence[Row], name: str, make: Callable[[Sequence[Row]], Ragged]) -> Ragged:
    if isinstance(rows, LazyRows):
        return rows.columns.several[name] if name in rows.columns.several else _spread(make(()), len(rows))
    return make(rows)


def _spread(nothing: Ragged, images: int) -> Ragged:
    """Return what has no items as that of so many images."""
    return Ragged(np.zeros(images + 1, np.intp), nothing.columns)


def _of_classes(rows: Sequence[Row], name: str, shapes: Mapping[str, tuple[int, ...]]) -> Ragged:
    if isinstance(rows, LazyRows) and name in rows.columns.several:
        return rows.columns.several[name]
    ends, parts = _parts(rows, name)
    kinds = {column: np.float64 if column == "values" else np.int64 for column in shapes}
    columns = {
        column: _together([getattr(part, column) for part in parts], shape, kinds[column])
        for column, shape in shapes.items()
    }
    return Ragged(ends, columns)


def _parts(rows: Sequence[Row], name: str) -> tuple[NDArray[np.intp], list[Any]]:
    """Return where the classes of each row end, and the parts of those rows that have some."""
    parts = [getattr(row, name) for row in rows]
    ends = ends_of([0 if part is None else len(part.ids) for part in parts])
    return ends, [part for part in parts if part is not None and len(part.ids)]


def _together(parts: Sequence[NDArray[Any]], shape: tuple[int, ...], kind: type[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros((0, *shape), kind), *parts])


def _level_cells(rows: Sequence[Row]) -> Ragged:
    tables = stacked([table for row in rows for table in row.levels])
    positions = np.array([at for row in rows for at in range(len(row.levels))], np.uint16)
    position = np.repeat(positions, np.diff(tables.ends))
    ends = tables.ends[ends_of([len(row.levels) for row in rows])]
    return Ragged(ends, {"map": position, "gt": tables.gt, "pred": tables.pred, "pixels": tables.pixels})


def _sums(rows: Sequence[Row]) -> Ragged:
    every = [one for row in rows for one in row.sums]
    numbers = np.array([[getattr(one, name) for name in OF_SUMS] for one in every], np.float64)
    counts = np.array([[getattr(one, name) for name in COUNTED] for one in every], np.int64)
    columns = {
        "numbers": numbers.reshape(-1, len(OF_SUMS)),
        "eps": np.array([np.nan if isinstance(one.eps, str) else one.eps for one in every], np.float64),
        "counts": counts.reshape(-1, len(COUNTED)),
    }
    return Ragged(ends_of([len(row.sums) for row in rows]), columns)


def _confidences(rows: Sequence[Row]) -> Ragged:
    every = [row.confidence for row in rows if row.confidence is not None]
    sums = [one.sums for one in every]
    kind = np.float64 if any(type(value) is float for one in sums for value in one) else np.int64
    columns = {
        "pixels": np.array([one.pixels for one in every], np.int64).reshape(-1, ECE_BINS),
        "correct": np.array([one.correct for one in every], np.int64).reshape(-1, ECE_BINS),
        "sums": np.array(sums, kind).reshape(-1, ECE_BINS),
    }
    return Ragged(ends_of([row.confidence is not None for row in rows]), columns)


def _shades(rows: Sequence[Row]) -> Ragged:
    kept = [(row.shades.positives, row.shades.negatives) if row.shades else () for row in rows]
    sides = [(place == 0, side, np.flatnonzero(side)) for of_row in kept for place, side in enumerate(of_row)]
    columns: dict[str, list[NDArray[Any]]] = {
        "positive": [np.full(len(met), positive) for positive, _, met in sides],
        "level": [met.astype(np.uint8) for _, _, met in sides],
        "pixels": [side[met] for _, side, met in sides],
    }
    kinds = {"positive": np.bool_, "level": np.uint8, "pixels": np.int64}
    joined = {name: _together(parts, (), kinds[name]) for name, parts in columns.items()}
    return Ragged(ends_of([sum(map(np.count_nonzero, of_row)) for of_row in kept]), joined)
