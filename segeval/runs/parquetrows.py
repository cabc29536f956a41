"""Rows as the columns of a Parquet file, and back with every value checked.

A row an image: key, size and digest of its ground truth, and its table as a list of cells. What few rows have besides,
such as level tables and contours, is one text of JSON, as in a line of a run file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import LazyRows, RowColumns, narrowed, part_of
from segeval.runs.rowparts import row_of
from segeval.runs.rows import LONGEST_KEY, MOST_PIXELS, OF_EVERY_ROW, row_from_json, row_to_json
from segeval.runs.run import Maps, Row
from segeval.runs.values import SMALLEST, dumps, loads, mapping, require
from segeval.tables.counts import Int64Array, StackedTables, stacked

CELL = pyarrow.struct(
    [
        pyarrow.field("gt", pyarrow.int64(), nullable=False),
        pyarrow.field("pred", pyarrow.int64()),
        pyarrow.field("pixels", pyarrow.int64(), nullable=False),
    ]
)
CELLS = pyarrow.list_(pyarrow.field("element", CELL, nullable=False))
FIELDS = (
    pyarrow.field("key", pyarrow.string()),
    pyarrow.field("height", pyarrow.int64(), nullable=False),
    pyarrow.field("width", pyarrow.int64(), nullable=False),
    pyarrow.field("depth", pyarrow.int64(), nullable=False),
    pyarrow.field("gt_digest", pyarrow.binary(16)),
    pyarrow.field("cells", CELLS, nullable=False),
    pyarrow.field("more", pyarrow.string()),
)
"""A missing prediction is null in `pred`. Lines behind the rows, of run-wide levels, have `more` alone."""
DIGEST = "blake2b:"
BLOCK_CELLS, BLOCK_ROWS = 1 << 20, 1 << 16
"""A block has at most so many rows, and so many cells where it has more than one row."""


def pieces(rows: Sequence[Row], cells: int) -> Iterator[Sequence[Row]]:
    """Split rows into blocks of at most so many cells."""
    if isinstance(rows, LazyRows):
        ends = rows.columns.tables.ends
    else:
        ends = np.append(0, np.cumsum([len(row.counts) for row in rows], dtype=np.intp))
    start = 0
    while start < len(rows):
        end = int(np.searchsorted(ends, ends[start] + cells, side="right")) - 1
        end = min(max(end, start + 1), start + BLOCK_ROWS, len(rows))
        yield _part(rows, start, end)
        start = end


def _part(rows: Sequence[Row], start: int, end: int) -> Sequence[Row]:
    if not isinstance(rows, LazyRows):
        return rows[start:end]
    return LazyRows(part_of(rows.columns, start, end), row_of)


def batch_of(rows: Sequence[Row], schema: Any) -> Any:
    """Return the record batch of a block of rows."""
    more: list[str | None] = [None] * len(rows)
    if isinstance(rows, LazyRows):
        columns = rows.columns
        keys, sizes, digests, tables = columns.keys, columns.sizes, columns.digests, columns.tables
        telling = columns.inexact.any(axis=1) if columns.plain else np.ones(len(rows), np.bool_)
        for place in np.flatnonzero(telling).tolist():
            more[place] = _more(rows[place])
    else:
        keys, digests = tuple(row.key for row in rows), tuple(row.digest for row in rows)
        sizes = np.array([(row.depth, row.height, row.width) for row in rows], np.int64).reshape(-1, 3)
        tables = stacked([row.counts for row in rows])
        more = [_more(row) for row in rows]
    if "".join(keys).isascii():
        texts: Sequence[str] = keys
    else:
        texts = [key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for key in keys]
        more = [_with_key(text, key, told) for text, key, told in zip(texts, keys, more, strict=True)]
    pred = tables.pred.astype(np.int64)
    cells = pyarrow.StructArray.from_arrays(
        [
            pyarrow.array(tables.gt.astype(np.int64)),
            pyarrow.array(pred, mask=pred == NO_PREDICTION),
            pyarrow.array(tables.pixels),
        ],
        fields=list(CELL),
    )
    raw = bytes.fromhex("".join(digests).replace(DIGEST, ""))
    each = pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(16), len(keys), [None, pyarrow.py_buffer(raw)])
    return pyarrow.RecordBatch.from_arrays(
        [
            pyarrow.array(texts, pyarrow.string()),
            *(pyarrow.array(np.ascontiguousarray(sizes[:, place])) for place in (1, 2, 0)),
            each,
            pyarrow.ListArray.from_arrays(pyarrow.array(tables.ends.astype(np.int32)), cells, type=CELLS),
            pyarrow.array(more, pyarrow.string()),
        ],
        schema=schema,
    )


def _more(row: Row) -> str | None:
    facts = row_to_json(row)
    told = {name: value for name, value in facts.items() if name not in OF_EVERY_ROW}
    return dumps(told).decode("ascii") if told else None


def _with_key(text: str, key: str, told: str | None) -> str | None:
    """Keep the key itself where it is the name of a file that is no text."""
    if text == key:
        return told
    return dumps({"key": key, **({} if told is None else json.loads(told))}).decode("ascii")


def lines_batch(lines: Sequence[bytes], schema: Any) -> Any:
    """Return the record batch of lines behind the rows."""
    count = len(lines)
    zeros = pyarrow.array(np.zeros(count, np.int64))
    nothing = pyarrow.array([[]] * count, CELLS)
    more = pyarrow.array([line.decode("ascii") for line in lines], pyarrow.string())
    key, digest = (pyarrow.nulls(count, kind) for kind in (pyarrow.string(), pyarrow.binary(16)))
    return pyarrow.RecordBatch.from_arrays([key, zeros, zeros, zeros, digest, nothing, more], schema=schema)


def rows_from(table: Any, maps: Maps | None) -> Sequence[Row]:
    """Read the rows of a block, each of a run with `maps`; raises `Damage`."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    for name in ("key", "height", "width", "depth", "gt_digest", "cells"):
        require(columns[name].null_count == 0, f"{name} is missing in a row")
    found = _columns(columns)
    if columns["more"].null_count == len(found.keys):
        added = np.add.reduceat(found.tables.pixels, found.tables.ends[:-1])
        require(bool((added == found.sizes.prod(axis=1)).all()), "the counts do not add up to the size")
        require(maps is None or len(found.missing()) == len(found.keys), "the rows have other maps than the run")
        return LazyRows(found, row_of)
    return tuple(
        _full_row(row, told, maps)
        for row, told in zip(LazyRows(found, row_of), columns["more"].to_pylist(), strict=True)
    )


def _full_row(row: Row, told: str | None, maps: Maps | None) -> Row:
    facts = row_to_json(row)
    more = {} if told is None else mapping(loads(told.encode()), "more")
    return row_from_json({**facts, **more}, maps)


def keys_from(table: Any) -> list[str]:
    """Return the keys of a block."""
    more = table.column("more")
    keys: list[str] = table.column("key").to_pylist()
    if more.null_count == len(keys):
        return keys
    own = [None if told is None else loads(told.encode()).get("key") for told in more.to_pylist()]
    return [key if name is None else name for key, name in zip(keys, own, strict=True)]


def _columns(columns: dict[str, Any]) -> RowColumns:
    """Check the columns that every row has."""
    keys = tuple(columns["key"].to_pylist())
    require(all(keys) and "\0" not in "".join(keys) and max(map(len, keys)) <= LONGEST_KEY, "a key is none")
    sizes = np.stack([columns[name].to_numpy() for name in ("depth", "height", "width")], axis=1)
    require(int(sizes.min()) >= 1, "a size is none")
    pixels = sizes.astype(np.float64).prod(axis=1)  # exact up to the bound
    require(float(pixels.max()) <= MOST_PIXELS, "a size is none")
    digests = columns["gt_digest"].cast(pyarrow.binary())
    text = b"".join(digests.to_pylist()).hex()
    each = tuple(DIGEST + text[start : start + 32] for start in range(0, len(text), 32))
    cells = columns["cells"]
    ends = cells.offsets.to_numpy().astype(np.intp)
    values = cells.values.slice(ends[0], ends[-1] - ends[0])
    gt, pred, counts = (values.field(name) for name in ("gt", "pred", "pixels"))
    require(gt.null_count == counts.null_count == values.null_count == 0, "a cell has no value")
    present = np.asarray(pyarrow.compute.fill_null(pred, NO_PREDICTION))
    tables = _tables(ends - ends[0], np.asarray(gt), present, np.asarray(counts), pred.null_count)
    return RowColumns(keys, sizes, each, tables, np.zeros((len(keys), 2), np.int64))


def _tables(ends: Any, gt: Int64Array, pred: Int64Array, pixels: Int64Array, missing: int) -> StackedTables:
    require(bool((np.diff(ends) > 0).all()), "a table is empty")
    require(int(pixels.min()) >= 1 and int(pixels.max()) <= MOST_PIXELS, "a number of pixels is out of range")
    require(int(gt.min()) >= SMALLEST, "a ground-truth value is out of range")
    require(missing == np.count_nonzero(pred == NO_PREDICTION), "a predicted value is out of range")
    later = (gt[1:] > gt[:-1]) | ((gt[1:] == gt[:-1]) & (pred[1:] > pred[:-1]))
    later[ends[1:-1] - 1] = True
    require(bool(later.all()), "the cells of a table do not ascend")
    if missing:
        none = pred == NO_PREDICTION
        whole = np.logical_and.reduceat(none, ends[:-1]) == np.logical_or.reduceat(none, ends[:-1])
        require(bool(whole.all()), "a prediction is missing in part")
    return StackedTables(ends, narrowed(gt), narrowed(pred), pixels)
