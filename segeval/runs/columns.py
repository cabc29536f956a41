"""Rows as columns: what is asked of all rows of a run at once, whether they are objects, columns, or stay in a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import accumulate
from operator import eq
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION, distinct_values
from segeval.records import dataclass
from segeval.runs.ragged import Ragged, joined_ragged, taken_items
from segeval.tables.counts import Int64Array, IntArray, JointCounts, StackedTables, smallest_type

if TYPE_CHECKING:
    from segeval.runs.run import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class RowColumns:
    """Hold what rows keep: keys, sizes, digests of the ground truth, and label tables.

    `sizes` are depths, heights and widths, shape (N, 3); `inexact` has the pixels of each side whose colour is only
    near one of the palette, shape (N, 2). What rows of label masks alone have not is by name in `each`, one value an
    image, and in `several`, any number of an image: see `segeval.runs.rowparts`.
    """

    keys: tuple[str, ...]
    sizes: Int64Array
    digests: tuple[str, ...]
    tables: StackedTables
    inexact: Int64Array
    each: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    several: Mapping[str, Ragged] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Tell whether rows have nothing beside what those of label masks have."""
        return not self.each and not self.several

    def missing(self) -> list[int]:
        """Return the places of images without prediction."""
        first = self.tables.pred[self.tables.ends[:-1]]
        return np.flatnonzero(first == NO_PREDICTION).tolist()

    def values_of_images(self, side: int, holding: int | None = None) -> Iterator[tuple[str, set[int]]]:
        """Yield the key and the values of every image on side 0 (ground truth) or 1 (predictions).

        Given `holding`, only of images that hold this value.
        """
        column, ends = self.tables.pred if side else self.tables.gt, self.tables.ends
        places: Iterable[int] = range(len(self.keys))
        if holding is not None:
            places = np.flatnonzero(np.logical_or.reduceat(column == holding, ends[:-1])).tolist()
        for place in places:
            yield self.keys[place], set(distinct_values(column[ends[place] : ends[place + 1]]))

    def digested(self) -> str:
        """Return what is digested of every image: how long its key is, the key, and the digests of its files."""
        if "".join(self.keys).isascii():
            lengths: Iterable[int] = map(len, self.keys)
        else:
            lengths = (len(key.encode("utf-8", "surrogateescape")) for key in self.keys)
        each = zip(lengths, self.keys, self.digests, strict=True)
        if "roi" in self.each:
            with_regions = zip(each, self.each["roi"].astype(str).tolist(), strict=True)
            return "".join([f"{length}:{key}{digest}{roi}" for (length, key, digest), roi in with_regions])
        return "".join([f"{length}:{key}{digest}" for length, key, digest in each])


def narrowed(values: Int64Array) -> IntArray:
    """Return values in the smallest integer type that holds all of them."""
    return values.astype(smallest_type(int(values.min()), int(values.max())))


def joined_columns(parts: Sequence[RowColumns]) -> RowColumns:
    """Put the columns of several blocks of rows one after another."""
    if len(parts) == 1:
        return parts[0]
    tables = joined_ragged([Ragged(part.tables.ends, _cells_of(part.tables)) for part in parts])
    first = parts[0]
    return RowColumns(
        tuple(key for part in parts for key in part.keys),
        np.concatenate([part.sizes for part in parts]),
        tuple(digest for part in parts for digest in part.digests),
        StackedTables(tables.ends, **tables.columns),
        np.concatenate([part.inexact for part in parts]),
        {name: np.concatenate([part.each[name] for part in parts]) for name in first.each},
        {name: joined_ragged([part.several[name] for part in parts]) for name in first.several},
    )


def _cells_of(tables: StackedTables) -> dict[str, NDArray[Any]]:
    return {"gt": tables.gt, "pred": tables.pred, "pixels": tables.pixels}


def taken(columns: RowColumns, places: NDArray[np.intp]) -> RowColumns:
    """Return the columns of some rows, in the order of their places."""
    ends, cells = taken_items(columns.tables.ends, places)
    at = places.tolist()
    return RowColumns(
        tuple(columns.keys[place] for place in at),
        columns.sizes[places],
        tuple(columns.digests[place] for place in at),
        StackedTables(ends, **{name: column[cells] for name, column in _cells_of(columns.tables).items()}),
        columns.inexact[places],
        {name: column[places] for name, column in columns.each.items()},
        {name: one.taken(places) for name, one in columns.several.items()},
    )


def part_of(columns: RowColumns, start: int, end: int) -> RowColumns:
    """Return the columns of the rows from `start` to before `end`, which are views."""
    here = slice(start, end)
    tables = Ragged(columns.tables.ends, _cells_of(columns.tables)).part(start, end)
    return RowColumns(
        columns.keys[here],
        columns.sizes[here],
        columns.digests[here],
        StackedTables(tables.ends, **tables.columns),
        columns.inexact[here],
        {name: column[here] for name, column in columns.each.items()},
        {name: one.part(start, end) for name, one in columns.several.items()},
    )


class LazyRows(Sequence[T], Generic[T]):
    """Be the rows of some columns: each is made when it is asked for, and equal to one that was made before."""

    __slots__ = ("columns", "make")

    def __init__(self, columns: RowColumns, make: Callable[[RowColumns, int], T]) -> None:
        self.columns, self.make = columns, make

    def __len__(self) -> int:
        return len(self.columns.keys)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self.make(self.columns, places)
        return tuple(self.make(self.columns, place) for place in places)

    def __iter__(self) -> Iterator[T]:
        return (self.make(self.columns, place) for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (LazyRows, BlockRows, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class Totals:
    """Hold what is asked of all rows at once, as the file has it: a reading of all rows is held against it."""

    table: JointCounts
    pixels: int
    digest: str


class BlockRows(Sequence[T], Generic[T]):
    """Be the rows of a file: `counts` says how many each block has, `read` reads one, `read_keys` its keys only.

    `audit` is what all blocks go through, and holds them against each other and the totals.
    """

    __slots__ = ("_audit", "_ends", "_last", "read", "read_keys", "totals")

    def __init__(
        self,
        counts: Sequence[int],
        read: Callable[[int], Sequence[T]],
        read_keys: Callable[[int], Sequence[str]],
        totals: Totals,
        audit: Callable[[Iterator[Sequence[T]]], Iterator[Sequence[T]]],
    ) -> None:
        self._ends = list(accumulate(counts))
        self.read, self.read_keys, self.totals, self._audit = read, read_keys, totals, audit
        self._last: tuple[int, Sequence[T]] | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def blocks(self) -> Iterator[Sequence[T]]:
        """Read block after block, the next one while this one is used."""
        return self._audit(self._blocks())

    def _blocks(self) -> Iterator[Sequence[T]]:
        from concurrent.futures import ThreadPoolExecutor  # only here

        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(self.read, 0) if self._ends else None
            for place in range(1, len(self._ends) + 1):
                assert following is not None
                block = following.result()
                following = ahead.submit(self.read, place) if place < len(self._ends) else None
                yield block

    def key_blocks(self) -> Iterator[Sequence[str]]:
        """Read the keys of block after block."""
        return map(self.read_keys, range(len(self._ends)))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        places = range(len(self))[index]
        if not isinstance(places, int):
            return tuple(self[place] for place in places)
        block = bisect_right(self._ends, places)
        if self._last is None or self._last[0] != block:
            self._last = block, self.read(block)
        return self._last[1][places - (self._ends[block - 1] if block else 0)]

    def __iter__(self) -> Iterator[T]:
        return (row for block in self.blocks() for row in block)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (BlockRows, LazyRows, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash((len(self), self.totals.digest))


def blocks_of(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    """Return rows in parts that memory holds: those of a file by its blocks, all others at once."""
    return rows.blocks() if isinstance(rows, BlockRows) else (rows,)


def key_blocks(rows: Sequence[Row]) -> Iterable[Sequence[str]]:
    """Return the keys of rows in parts that memory holds."""
    if isinstance(rows, BlockRows):
        return rows.key_blocks()
    return (rows.columns.keys,) if isinstance(rows, LazyRows) else ([row.key for row in rows],)


def chosen_rows(rows: Sequence[Row], chosen: Callable[[str], bool]) -> Sequence[Row]:
    """Keep the rows whose key is `chosen`."""
    if not isinstance(rows, LazyRows):
        return tuple(row for row in rows if chosen(row.key))
    places = [place for place, key in enumerate(rows.columns.keys) if chosen(key)]
    return LazyRows(taken(rows.columns, np.array(places, np.intp)), rows.make)


def each_of(rows: Sequence[Row], name: str) -> Int64Array:
    """Return a number of every row by its name in `Row`: `unnormalised` or `outside`."""
    if not isinstance(rows, LazyRows):
        return np.array([getattr(row, name) for row in rows], np.int64)
    kept: Int64Array = rows.columns.each.get(name, np.zeros(len(rows), np.int64))
    return kept


def pixels_of_each(rows: Sequence[Row], name: str) -> int:
    """Add up what `each_of` returns of all rows."""
    return sum(int(each_of(block, name).sum()) for block in blocks_of(rows))
