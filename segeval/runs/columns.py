"""Rows as columns: what is asked of all rows of a run at once, whether they are objects, columns, or stay in a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from operator import eq
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION, distinct_values
from segeval.records import dataclass
from segeval.tables.counts import Int64Array, IntArray, JointCounts, StackedTables, smallest_type

if TYPE_CHECKING:
    from segeval.runs.run import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class RowColumns:
    """Hold what rows of label masks keep: keys, sizes, digests of the ground truth, and tables.

    `sizes` are depths, heights and widths, shape (N, 3); `inexact` has the pixels of each side whose colour is only
    near one of the palette, shape (N, 2).
    """

    keys: tuple[str, ...]
    sizes: Int64Array
    digests: tuple[str, ...]
    tables: StackedTables
    inexact: Int64Array

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
        """Return what is digested of every image: how long its key is, the key, and the digest of its ground truth."""
        if "".join(self.keys).isascii():
            lengths: Iterable[int] = map(len, self.keys)
        else:
            lengths = (len(key.encode("utf-8", "surrogateescape")) for key in self.keys)
        each = zip(lengths, self.keys, self.digests, strict=True)
        return "".join([f"{length}:{key}{digest}" for length, key, digest in each])


def narrowed(values: Int64Array) -> IntArray:
    """Return values in the smallest integer type that holds all of them."""
    return values.astype(smallest_type(int(values.min()), int(values.max())))


def joined_columns(parts: Sequence[RowColumns]) -> RowColumns:
    """Put the columns of several blocks of rows one after another."""
    if len(parts) == 1:
        return parts[0]
    tables = [part.tables for part in parts]
    ends, behind = [np.zeros(1, np.intp)], 0
    for table in tables:
        ends.append(table.ends[1:] + behind)
        behind += len(table.pixels)
    gt, pred, pixels = (np.concatenate([getattr(table, name) for table in tables]) for name in ("gt", "pred", "pixels"))
    return RowColumns(
        tuple(key for part in parts for key in part.keys),
        np.concatenate([part.sizes for part in parts]),
        tuple(digest for part in parts for digest in part.digests),
        StackedTables(np.concatenate(ends), gt, pred, pixels),
        np.concatenate([part.inexact for part in parts]),
    )


def taken(columns: RowColumns, places: NDArray[np.intp]) -> RowColumns:
    """Return the columns of some rows, in the order of their places."""
    tables = columns.tables
    lengths = np.diff(tables.ends)[places]
    ends = np.append(0, np.cumsum(lengths)).astype(np.intp)
    cells = np.arange(ends[-1]) + np.repeat(tables.ends[places] - ends[:-1], lengths)
    at = places.tolist()
    return RowColumns(
        tuple(columns.keys[place] for place in at),
        columns.sizes[places],
        tuple(columns.digests[place] for place in at),
        StackedTables(ends, tables.gt[cells], tables.pred[cells], tables.pixels[cells]),
        columns.inexact[places],
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

    __slots__ = ("_audit", "_ends", "_last", "_read", "_read_keys", "totals")

    def __init__(
        self,
        counts: Sequence[int],
        read: Callable[[int], Sequence[T]],
        read_keys: Callable[[int], Sequence[str]],
        totals: Totals,
        audit: Callable[[Iterator[Sequence[T]]], Iterator[Sequence[T]]],
    ) -> None:
        self._ends = list(accumulate(counts))
        self._read, self._read_keys, self.totals, self._audit = read, read_keys, totals, audit
        self._last: tuple[int, Sequence[T]] | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def blocks(self) -> Iterator[Sequence[T]]:
        """Read block after block, the next one while this one is used."""
        return self._audit(self._blocks())

    def _blocks(self) -> Iterator[Sequence[T]]:
        from concurrent.futures import ThreadPoolExecutor  # only here

        with ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(self._read, 0) if self._ends else None
            for place in range(1, len(self._ends) + 1):
                assert following is not None
                block = following.result()
                following = ahead.submit(self._read, place) if place < len(self._ends) else None
                yield block

    def key_blocks(self) -> Iterator[Sequence[str]]:
        """Read the keys of block after block."""
        return map(self._read_keys, range(len(self._ends)))

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
            self._last = block, self._read(block)
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
