"""Run files united into a Parquet file in bounded memory: rows are sorted a part at a time, spilled, and merged by key.

What is united, and what is refused, is as in `segeval.runs.unions`.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.runs.columns import LazyRows, RowColumns, blocks_of, joined_columns, taken
from segeval.runs.parquet import ParquetWriter, read_parquet, write_parquet
from segeval.runs.rowparts import row_of
from segeval.runs.run import NO_TRAITS, Row, Run, keys_of, sort_key
from segeval.runs.unions import check_kinds, check_protocols, conflict_error, union

HELD_CELLS = 1 << 23
"""Cells that are sorted at once, some 200 MB."""
SPILL_CELLS = 1 << 16
"""Cells of a block of a spill, of which one each is in memory while they are merged."""
MOST_SPILLS = 64
"""Spills that are merged at once; of more, these become one."""
MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Merged:
    """Say how many parts there were, and how many rows they had together."""

    parts: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Hold rows that ascend by key, and which part each is of."""

    rows: Sequence[Row]
    owners: NDArray[np.int64]

    def split(self, bound: bytes) -> tuple[_Rows, _Rows]:
        """Return the rows up to a key, and the rows behind it."""
        end = bisect_right(keys_of(self.rows), bound, key=sort_key)
        return self._part(0, end), self._part(end, len(self.rows))

    def _part(self, start: int, end: int) -> _Rows:
        if isinstance(self.rows, LazyRows):
            rows: Sequence[Row] = LazyRows(taken(self.rows.columns, np.arange(start, end)), row_of)
        else:
            rows = self.rows[start:end]
        return _Rows(rows, self.owners[start:end])


def merge_files(names: Sequence[str], load: Callable[[int], Run], stream: BinaryIO) -> Merged:
    """Write the union of run files to a stream; `load` reads the file of a name by its place.

    Raises `RunFileError` as `union` does. Runs that have level tables for all images together are united in memory.
    """
    first = load(0)
    if len(names) == 1:
        write_parquet(first, stream)
        return Merged(1, len(first.rows))
    if first.maps is not None and not first.maps.in_rows:
        named = [(name, load(place)) for place, name in enumerate(names)]
        write_parquet(union(named), stream)
        return Merged(len(names), sum(len(run.rows) for _, run in named))
    with tempfile.TemporaryDirectory(prefix="segeval-") as folder:
        merging = _Merging(names, first, Path(folder))
        for place in range(len(names)):
            merging.add(place, load(place) if place else first)
        merging.finish(stream)
    return Merged(len(names), merging.count)


class _Merging:
    """Take one part after another; what they have together is sorted where memory is full."""

    def __init__(self, names: Sequence[str], first: Run, folder: Path) -> None:
        self._names, self._folder = names, folder
        self._head = replace(first, rows=(), levels=())
        self._kinds = {} if first.maps is None else {first.maps: names[0]}
        self._traits = NO_TRAITS
        self._held: list[_Rows] = []
        self._cells = 0
        self._spills: list[tuple[Path, NDArray[np.int64]]] = []
        self._spilled = 0
        self._conflicts: list[str] = []
        self.count = 0

    def add(self, place: int, run: Run) -> None:
        """Take the rows of a part; raises `RunFileError` where it is of another protocol."""
        check_protocols((self._names[0], self._head), (self._names[place], run))
        if run.maps is not None:
            self._kinds.setdefault(run.maps, self._names[place])
            self._head = replace(self._head, maps=self._head.maps or run.maps)
        self._traits |= run.traits
        self.count += len(run.rows)
        for block in blocks_of(run.rows):
            if not len(block):
                continue
            self._held.append(_Rows(block, np.full(len(block), place)))
            columns = block.columns.tables if isinstance(block, LazyRows) else None
            self._cells += len(columns.pixels) if columns is not None else sum(len(row.counts) for row in block)
            if self._cells >= HELD_CELLS:
                self._spill_held()

    def finish(self, stream: BinaryIO) -> None:
        """Write all rows; raises `RunFileError` where kinds of maps or rows of one key differ."""
        check_kinds(self._kinds)
        traits = self._traits if self._traits.telling else NO_TRAITS
        if self._spills and self._held:
            self._spill_held()
        with ParquetWriter(stream, replace(self._head, traits=traits)) as writer:
            for merged in self._merge(self._opened()) if self._spills else self._sorted_held():
                writer.write(merged.rows)
            if self._conflicts:
                raise conflict_error(self._conflicts)
            writer.finish(())

    def _sorted_held(self) -> Iterable[_Rows]:
        return (self._sorted(self._held),) if self._held else ()

    def _spill_held(self) -> None:
        self._spill(self._sorted_held())
        self._held, self._cells = [], 0

    def _spill(self, merged_rows: Iterable[_Rows]) -> None:
        path = self._folder / f"{self._spilled}.parquet"
        self._spilled += 1
        owners = []
        with path.open("wb") as stream, ParquetWriter(stream, self._head, SPILL_CELLS) as writer:
            for merged in merged_rows:
                writer.write(merged.rows)
                owners.append(merged.owners)
            writer.finish(())
        self._spills.append((path, np.concatenate(owners)))
        if len(self._spills) >= MOST_SPILLS:
            opened, old = self._opened(), self._spills
            self._spills = []
            self._spill(self._merge(opened))
            for spent, _ in old:
                spent.unlink()

    def _opened(self) -> list[Iterator[_Rows]]:
        return [_read(path, owners) for path, owners in self._spills]

    def _merge(self, sources: Iterable[Iterator[_Rows]]) -> Iterator[_Rows]:
        """Yield the rows of all sources in key order, each key once; rows that differ are noted."""
        waiting = [(source, next(source, None)) for source in sources]
        pending = [(source, rows) for source, rows in waiting if rows is not None]
        while pending:
            bound = min(sort_key(keys_of(rows.rows)[-1]) for _, rows in pending)
            ready: list[_Rows] = []
            left: list[tuple[Iterator[_Rows], _Rows]] = []
            for source, rows in pending:
                now, later = rows.split(bound)
                ready += [now] if len(now.rows) else []
                following = later if len(later.rows) else next(source, None)
                if following is not None:
                    left.append((source, following))
            pending = left
            yield self._sorted(ready)

    def _sorted(self, parts: Sequence[_Rows]) -> _Rows:
        """Put parts together by key, and drop rows that are there already."""
        keys = [key for part in parts for key in keys_of(part.rows)]
        owners = np.concatenate([part.owners for part in parts])
        order = sorted(range(len(keys)), key=list(map(sort_key, keys)).__getitem__)  # stable: the first part is first
        starts = np.cumsum([0, *(len(part.rows) for part in parts)])
        kept: list[int] = []
        for at in order:
            if kept and keys[kept[-1]] == keys[at]:
                self._hold_against(_row(parts, starts, kept[-1]), _row(parts, starts, at), owners[[kept[-1], at]])
            else:
                kept.append(at)
        places = np.array(kept, np.intp)
        if all(isinstance(part.rows, LazyRows) for part in parts):
            columns: list[RowColumns] = [part.rows.columns for part in parts if isinstance(part.rows, LazyRows)]
            return _Rows(LazyRows(taken(joined_columns(columns), places), row_of), owners[places])
        rows = [row for part in parts for row in part.rows]
        return _Rows(tuple(rows[at] for at in kept), owners[places])

    def _hold_against(self, first: Row, second: Row, owners: NDArray[np.int64]) -> None:
        if first != second and len(self._conflicts) < MOST_TOLD:
            mine, theirs = (self._names[owner] for owner in owners.tolist())
            self._conflicts.append(f"{first.key}: {mine} and {theirs}")


def _row(parts: Sequence[_Rows], starts: NDArray[np.intp], at: int) -> Row:
    place = int(np.searchsorted(starts, at, side="right")) - 1
    return parts[place].rows[at - int(starts[place])]


def _read(path: Path, owners: NDArray[np.int64]) -> Iterator[_Rows]:
    start = 0
    for block in blocks_of(read_parquet(path, str(path), whole=False).rows):
        yield _Rows(block, owners[start : start + len(block)])
        start += len(block)
