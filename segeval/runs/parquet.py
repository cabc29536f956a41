"""Runs as Parquet: one file of a row an image, in blocks that are read one at a time; the same content as JSON Lines.

What a run file says of the whole run is JSON in the metadata: the header, and the totals of the rows, so that a report
reads the rows once. Pages carry checksums, and what rows add up to is held against the totals by every full reading.
One file and not a folder of parts, so that a run is copied, uploaded and replaced in one step, as any other.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from segeval.errors import RunFileError, UsageError
from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import BlockRows, LazyRows, Totals, blocks_of, joined_columns
from segeval.runs.header import WRITE_AGAIN, NotOurs, header, header_from, level_reader
from segeval.runs.leveltables import check_levels, level_lines
from segeval.runs.partcolumns import sums_of_maps
from segeval.runs.rowparts import row_of
from segeval.runs.rows import check_contours
from segeval.runs.run import Row, Run, digested, keys_of, pixels_of, sort_key, tables_of
from segeval.runs.values import LARGEST, SMALLEST, Damage, dumps, integer, integers, listed, loads, require
from segeval.tables.counts import JointCounts, ascending, total

if TYPE_CHECKING:
    from segeval.tables.floatlevels import LevelCounts

HEADER, TOTALS = b"segeval", b"segeval.totals"
MOST_CELLS = 1 << 23
"""Cells of one block that are read; a line of a run file holds fewer."""
MOST_BYTES = 1 << 31
IN_MEMORY_ROWS, IN_MEMORY_CELLS = 100_000, 1 << 24
"""A run of at most so many is read whole; of any other a block at a time."""
MOST_TOLD = 1 << 16
"""Cells of a table that is told beside the rows; a larger one is added up where it is asked for."""
MOST_TOTAL = (1 << 63) - 1
ENCODINGS = {"cells.list.element.pixels": "DELTA_BINARY_PACKED"}
IN_DICTIONARIES = ["height", "width", "depth", "cells.list.element.gt", "cells.list.element.pred"]


def require_pyarrow(name: str) -> None:
    """Raise `UsageError` where Parquet can be neither read nor written."""
    try:
        import pyarrow  # noqa: F401  # is it there?
    except ImportError:
        raise UsageError(
            "runs in Parquet need pyarrow, which is not installed",
            (name,),
            "Install it: pip install 'segeval-masks[parquet]', or name the run .jsonl.gz",
        ) from None


class Sums:
    """Add up what is asked of all rows at once, block by block."""

    def __init__(self) -> None:
        self.table = total(())
        self.pixels = 0
        self.rows = 0
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, rows: Sequence[Row]) -> None:
        """Take the next rows; raises `MaskError` for more pixels than int64 counts."""
        self.table = total((self.table, total(tables_of(rows))))
        self.pixels += pixels_of(rows)
        self.rows += len(rows)
        for part in digested(rows):
            self._digest.update(part)

    def totals(self) -> Totals:
        """Return the totals of all rows taken."""
        return Totals(self.table, self.pixels, f"blake2b:{self._digest.hexdigest()}")


def _cells_to_json(table: JointCounts) -> list[list[int | None]]:
    """Return the columns of a table; a missing prediction is null."""
    pred = [None if value == NO_PREDICTION else value for value in table.pred.tolist()]
    return [table.gt.tolist(), pred, table.pixels.tolist()]


def _cells_from_json(columns: Any) -> JointCounts:
    require(len(listed(columns, "the totals")) == 3, "the totals have other columns")
    gt, pred, pixels = columns
    integers(gt, SMALLEST, LARGEST, "a ground-truth value")
    integers(
        [value for value in listed(pred, "the totals") if value is not None], SMALLEST, LARGEST, "a predicted value"
    )
    integers(pixels, 1, LARGEST, "a number of pixels")
    require(len(gt) == len(pred) == len(pixels), "the totals have columns of different lengths")
    return ascending(gt, [NO_PREDICTION if value is None else value for value in pred], pixels)


class ParquetWriter:
    """Write the rows of a run as they come in key order; without `finish` nothing can read the file."""

    def __init__(self, stream: BinaryIO, head: Run, cells: int | None = None) -> None:
        require_pyarrow("RUN.parquet")
        import pyarrow
        from pyarrow import parquet

        from segeval.runs.parquetrows import BLOCK_CELLS, FIELDS

        self._cells, self._stream = cells or BLOCK_CELLS, stream
        self._head = dumps(header(head))
        self._schema = pyarrow.schema(FIELDS)
        self._file = parquet.ParquetWriter(
            stream,
            self._schema,
            compression="zstd",
            use_dictionary=IN_DICTIONARIES,
            column_encoding=ENCODINGS,
            write_page_checksum=True,
            store_schema=False,
        )
        self._sums = Sums()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file.is_open:  # left without an end, while there is still something to write to
            self._file.close()

    def write(self, rows: Sequence[Row]) -> None:
        """Write the next rows."""
        from segeval.runs.parquetrows import batch_of, pieces

        for part in pieces(rows, self._cells):
            self._sums.add(part)
            self._file.write_batch(batch_of(part, self._schema), row_group_size=len(part))

    def finish(self, levels: Iterable[LevelCounts]) -> None:
        """Write the run-wide levels and the end."""
        from segeval.runs.parquetrows import lines_batch

        lines = 0
        for facts in level_lines(levels):
            self._file.write_batch(lines_batch([dumps(facts)], self._schema))
            lines += 1
        sums = self._sums.totals()
        facts = {
            "rows": self._sums.rows,
            "lines": lines,
            "pixels": sums.pixels,
            "gt_digest": sums.digest,
            "cells": _cells_to_json(sums.table) if len(sums.table) <= MOST_TOLD else None,
        }
        self._file.add_key_value_metadata({HEADER: self._head, TOTALS: dumps(facts)})
        self._file.close()
        self._stream.flush()


def write_parquet(run: Run, stream: BinaryIO) -> None:
    """Write a run to a stream as Parquet."""
    with ParquetWriter(stream, run) as writer:
        for block in blocks_of(run.rows):
            writer.write(block)
        writer.finish(run.levels)


def read_parquet(source: Path | BinaryIO, name: str, *, whole: bool = True) -> Run:
    """Read a run, whose rows may stay in its file, and do unless they are few and `whole` is asked for.

    Raises `RunFileError`, also when rows are read later.
    """
    require_pyarrow(name)
    return _Reading(source, name, whole=whole).run()


class _Reading:
    """Read one file, whose errors name it."""

    def __init__(self, source: Path | BinaryIO, name: str, *, whole: bool) -> None:
        self._name, self._source, self._whole = name, source, whole
        self._counts: list[int] = []
        self._cells = 0

    def run(self) -> Run:
        found: Run = self._guarded(self._run)
        return found

    def _guarded(self, action: Any, *given: Any) -> Any:
        from pyarrow import ArrowException

        try:
            return action(*given)
        except NotOurs as damage:
            raise RunFileError(damage.what, (f"{self._name}: {damage}",), damage.fix) from None
        except Damage as damage:
            raise RunFileError("a run file is damaged", (f"{self._name}: {damage}",), WRITE_AGAIN) from None
        except (ArrowException, OSError, ValueError, OverflowError) as error:
            told = (str(error).splitlines() or [""])[0][:200]
            raise RunFileError("a run file is damaged", (f"{self._name}: {told}",), WRITE_AGAIN) from None

    def _run(self) -> Run:
        import pyarrow
        from pyarrow import parquet

        source = pyarrow.OSFile(str(self._source)) if isinstance(self._source, Path) else self._source
        self._file = parquet.ParquetFile(source, page_checksum_verification=True, pre_buffer=False)
        metadata = self._file.metadata.metadata or {}
        self._head = header_from(metadata.get(HEADER, b""))
        if TOTALS not in metadata:
            raise Damage("the totals are missing")
        facts = loads(metadata[TOTALS])
        lines = self._check_totals(facts)
        self._check_form(lines)
        self._totals = self._totals_from(facts)
        reader = level_reader(self._head)
        for line in self._lines(lines):
            told = loads(line)
            require(reader.wants(told), "a line behind the rows is of no map")
            reader.take(told)
        require(not reader.pending, "levels are missing")
        run = replace(self._head, rows=self._rows(), levels=tuple(reader.levels))
        if run.maps is not None and not run.maps.in_rows:
            check_levels(map(sums_of_maps, blocks_of(run.rows)), run.levels)
        return run

    def _check_totals(self, facts: Any) -> int:
        """Read how many rows there are, and return how many lines are behind them."""
        names = {"rows", "lines", "pixels", "gt_digest", "cells"}
        require(isinstance(facts, dict) and set(facts) == names, "the totals have other fields")
        self._row_count = integer(facts["rows"], 0, MOST_TOTAL, "the number of rows")
        return integer(facts["lines"], 0, MOST_TOTAL, "the number of lines")

    def _totals_from(self, facts: Any) -> Totals:
        pixels = integer(facts["pixels"], 0, MOST_TOTAL, "the number of pixels")
        require(isinstance(facts["gt_digest"], str), "the digest is none")
        if facts["cells"] is not None:
            return Totals(_cells_from_json(facts["cells"]), pixels, facts["gt_digest"])
        sums = Sums()
        for place in range(len(self._counts)):
            sums.add(self._block(place))
        return sums.totals()

    def _check_form(self, lines: int) -> None:
        """Hold the columns, and the size of every block, against what segeval writes, before one is read."""
        import pyarrow

        from segeval.runs.parquetrows import FIELDS

        require(self._file.schema_arrow.remove_metadata().equals(pyarrow.schema(FIELDS)), "there are other columns")
        metadata = self._file.metadata
        place = next(at for at in range(metadata.num_columns) if metadata.schema.column(at).path.endswith("pixels"))
        groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
        for group in groups:
            cells = group.column(place).num_values
            require(group.total_byte_size <= MOST_BYTES and cells <= MOST_CELLS, "a block is too large")
            self._cells += cells
        self._counts = [group.num_rows for group in groups[: len(groups) - lines]]
        require(sum(self._counts) == self._row_count, "there are other rows than the totals have")

    def _lines(self, count: int) -> Iterable[bytes]:
        groups = self._file.metadata.num_row_groups
        for place in range(groups - count, groups):
            for text in self._file.read_row_group(place, columns=["more"]).column("more").to_pylist():
                yield text.encode()

    def _rows(self) -> Sequence[Row]:
        rows = BlockRows[Row](
            self._counts,
            partial(self._guarded, self._block),
            partial(self._guarded, self._keys),
            self._totals,
            self._audit,
        )
        if not self._whole or self._row_count > IN_MEMORY_ROWS or self._cells > IN_MEMORY_CELLS:
            return rows
        blocks = list(rows.blocks())
        if blocks and all(isinstance(block, LazyRows) for block in blocks):
            return LazyRows(joined_columns([block.columns for block in blocks if isinstance(block, LazyRows)]), row_of)
        return tuple(row for block in blocks for row in block)

    def _block(self, place: int) -> Sequence[Row]:
        from segeval.runs.parquetrows import rows_from

        rows = rows_from(self._file.read_row_group(place, use_threads=False), self._head.maps)
        kept = self._head.protocol
        asked = (kept.boundary, kept.distances, kept.lesions)
        plain = not kept.storage.roi and all(part is None for part in asked)
        if not (plain and isinstance(rows, LazyRows)):
            for row in rows:
                check_contours(row, kept)
        return rows

    def _keys(self, place: int) -> Sequence[str]:
        from segeval.runs.parquetrows import keys_from

        return keys_from(self._file.read_row_group(place, columns=["key", "more"]))

    def _audit(self, blocks: Iterator[Sequence[Row]]) -> Iterator[Sequence[Row]]:
        """Yield every block, and raise `RunFileError` where keys do not ascend or the rows have other totals."""
        sums, last = Sums(), b""
        for block in blocks:
            last = self._guarded(self._ascended, block, last)
            sums.add(block)
            yield block
        self._guarded(require, sums.totals() == self._totals, "the rows do not add up to the totals")

    @staticmethod
    def _ascended(block: Sequence[Row], last: bytes) -> bytes:
        from segeval.runs.run import ascending_keys

        keys = keys_of(block)
        try:
            require(ascending_keys(keys) and sort_key(keys[0]) > last, "the keys do not ascend")
            return sort_key(keys[-1])
        except UnicodeEncodeError as error:
            raise Damage("a key is no name of a file") from error


def parquet_bytes(run: Run) -> bytes:
    """Return a run as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    write_parquet(run, buffer)
    return buffer.getvalue()
