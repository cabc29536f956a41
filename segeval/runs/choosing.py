"""Some of the rows of a run; of a file too large for memory they stay there, unless they are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segeval.errors import RunFileError
from segeval.runs import columns
from segeval.runs.columns import BlockRows, LazyRows, joined_columns, key_blocks, taken
from segeval.runs.run import Row, Run


def subset(run: Run, chosen: Callable[[str], bool]) -> Run:
    """Keep the rows whose key is `chosen`; raises `RunFileError` where run-wide tables cannot be taken apart."""
    rows = _chosen(run.rows, chosen)
    if run.levels and len(rows) != len(run.rows):
        raise RunFileError(
            "a run of 16-bit or float maps keeps its level tables for the whole run only",
            (),
            "Score the images again to get a subset",
        )
    return replace(run, rows=rows)


def _chosen(rows: Sequence[Row], chosen: Callable[[str], bool]) -> Sequence[Row]:
    if not isinstance(rows, BlockRows):
        return columns.chosen_rows(rows, chosen)
    return rows_at(rows, np.array([chosen(key) for keys in key_blocks(rows) for key in keys], np.bool_))


def rows_at(rows: Sequence[Row], here: NDArray[np.bool_]) -> Sequence[Row]:
    """Keep the rows of a mask, shape (rows,)."""
    if isinstance(rows, BlockRows):
        return rows if here.all() else _of_file(rows, here)
    places = np.flatnonzero(here)
    if isinstance(rows, LazyRows):
        return LazyRows(taken(rows.columns, places), rows.make)
    return tuple(rows[place] for place in places.tolist())


def _of_file(rows: BlockRows[Row], here: NDArray[np.bool_]) -> Sequence[Row]:
    from segeval.runs.parquet import IN_MEMORY_ROWS, Sums

    sums, few = Sums(), int(here.sum()) <= IN_MEMORY_ROWS
    parts: list[Sequence[Row]] = []
    places: list[tuple[int, NDArray[np.bool_]]] = []
    start = 0
    for place, block in enumerate(rows.blocks()):  # which holds all of them against the file's totals, once
        of_block = here[start : start + len(block)]
        start += len(block)
        if of_block.any():
            part = rows_at(block, of_block)
            sums.add(part)
            parts += [part] if few else []
            places.append((place, of_block))
    if few:
        return _joined(parts)
    return BlockRows(
        [int(of_block.sum()) for _, of_block in places],
        lambda at: rows_at(rows.read(places[at][0]), places[at][1]),
        lambda at: [key for key, kept in zip(rows.read_keys(places[at][0]), places[at][1], strict=True) if kept],
        sums.totals(),
        _unchanged,
    )


def _joined(parts: Sequence[Sequence[Row]]) -> Sequence[Row]:
    lazy = [part for part in parts if isinstance(part, LazyRows)]
    if lazy and len(lazy) == len(parts):
        return LazyRows(joined_columns([part.columns for part in lazy]), lazy[0].make)
    return tuple(row for part in parts for row in part)


def _unchanged(blocks: Iterator[Sequence[Row]]) -> Iterator[Sequence[Row]]:
    return blocks
