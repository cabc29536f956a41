"""Rows as columns: what is asked of all rows of a run at once, whether they are objects or were read by the block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import eq
from typing import Generic, TypeVar, overload

import numpy as np

from segeval.protocol.labeling import NO_PREDICTION, distinct_values
from segeval.records import dataclass
from segeval.tables.counts import Int64Array, IntArray, StackedTables, smallest_type

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
        if not isinstance(other, (LazyRows, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))
