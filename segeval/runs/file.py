"""Runs as JSON Lines: written whole or not at all, read only where every line holds.

Line 1 says schema, tool, version, protocol and kind of maps; a row an image follows in key order; runs of 16-bit maps
then have a line a map with the level histogram of the whole run, those of floats several (`leveltables`); the last line
counts the rows and has a digest of everything before it, so that a cut file is never taken for a whole one.
`schemas/run.schema.json` is the form of each line. There is no time, host or folder in it: equal runs give equal bytes,
packed ones too where zlib is the same.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from segeval.errors import RunFileError
from segeval.files.atomic import AtomicFile
from segeval.runs.columns import LazyRows, RowColumns, joined_columns
from segeval.runs.header import WRITE_AGAIN, NotOurs, header, header_from, level_reader, not_a_run
from segeval.runs.leveltables import LevelReader, check_levels, level_lines
from segeval.runs.lines import split_lines, unpacked, whole_lines
from segeval.runs.partcolumns import sums_of_maps
from segeval.runs.rowblocks import plain_rows
from segeval.runs.rowparts import row_of
from segeval.runs.rows import check_contours, row_from_json, row_to_json
from segeval.runs.run import Row, Run, sort_key
from segeval.runs.values import Damage, dumps, loads

MOST_ROWS = 1 << 22
PACKING_LEVEL = 6
PARQUET = b"PAR1"
BEHIND_ROWS = b'{"map":', b'{"rows":'
"""How lines behind the rows begin."""
CHUNK = 1 << 20


def save_run(run: Run, path: Path) -> None:
    """Write a run to `path`, as its name says; raises `OutputError` and leaves the old file then."""
    with AtomicFile(path) as file:
        commit_run(run, file)


def commit_run(run: Run, file: AtomicFile) -> None:
    """Write a run to an open place: as Parquet where its name ends in .parquet, packed where it ends in .gz."""
    if is_parquet(file.path.name):
        from segeval.runs.parquet import write_parquet  # few runs are so large

        write_parquet(run, file.stream())
    else:
        for chunk in _chunks(run, packed=is_packed(file.path.name)):
            file.write(chunk)
    file.commit(b"")


def is_packed(name: str) -> bool:
    """Tell whether a run file of this name is written through gzip."""
    return name.casefold().endswith(".gz")


def is_parquet(name: str) -> bool:
    """Tell whether a run file of this name is written as Parquet."""
    return name.casefold().endswith(".parquet")


def named_bytes(run: Run, name: str) -> bytes:
    """Return the run file of `run` as its name says."""
    if is_parquet(name):
        from segeval.runs.parquet import parquet_bytes

        return parquet_bytes(run)
    return run_to_bytes(run, packed=is_packed(name))


def run_to_bytes(run: Run, *, packed: bool) -> bytes:
    """Return the run file of `run`, through gzip if `packed`; equal runs give equal bytes."""
    return b"".join(_chunks(run, packed=packed))


def _chunks(run: Run, *, packed: bool) -> Iterator[bytes]:
    if not packed:
        yield from _lines_of(run)
        return
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=PACKING_LEVEL, fileobj=buffer, mtime=0) as file:
        for line in _lines_of(run):
            file.write(line)
            if buffer.tell() >= CHUNK:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def _lines_of(run: Run) -> Iterator[bytes]:
    digest = hashlib.blake2b(digest_size=16)
    for facts in _facts_of(run):
        line = dumps(facts) + b"\n"
        digest.update(line)
        yield line
    yield dumps({"rows": len(run.rows), "digest": f"blake2b:{digest.hexdigest()}"}) + b"\n"


def _facts_of(run: Run) -> Iterator[dict[str, Any]]:
    yield header(run)
    yield from map(row_to_json, run.rows)
    yield from level_lines(run.levels)


def load_run(path: Path) -> Run:
    """Read a run file, packed or not, with every value checked; raises `RunFileError`.

    Memory is bounded by what the run itself needs and by one line of at most 32 MiB.
    """
    with _opened(path) as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            stream.seek(0)
            return _read(stream, os.fstat(stream.fileno()).st_size, str(path))
    from segeval.runs.parquet import read_parquet

    return read_parquet(path, str(path))


def run_from_bytes(data: bytes, *, name: str) -> Run:
    """Read the bytes of a run file; `name` is what errors call it. Raises `RunFileError`."""
    if data.startswith(PARQUET):
        from segeval.runs.parquet import read_parquet

        return read_parquet(io.BytesIO(data), name)
    return _read(io.BytesIO(data), len(data), name)


def _opened(path: Path) -> BinaryIO:
    """Open a regular file without waiting on a FIFO or a device."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    reason = "is not a regular file"
    try:
        if stat.S_ISREG(path.stat().st_mode):
            stream = os.fdopen(os.open(path, flags), "rb")
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return stream
            stream.close()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    raise RunFileError("a run file cannot be read", (f"{path}: {reason}",), "Name a file that --save has written")


def _read(stream: BinaryIO, size: int, name: str) -> Run:
    reader = _Reader()
    try:
        for block in whole_lines(unpacked(stream, size)):
            reader.take_all(block)
        return reader.run()
    except Damage as damage:
        where = f"{name}, line {reader.lines + 1}: {damage}"
        if isinstance(damage, NotOurs):
            raise RunFileError(damage.what, (where,), damage.fix) from None
        raise RunFileError("a run file is damaged", (where,), WRITE_AGAIN) from None
    except (OSError, EOFError, zlib.error) as error:
        raise RunFileError("a run file cannot be read", (f"{name}: {error}",), WRITE_AGAIN) from None


def _end_of_rows(block: bytes) -> int:
    """Return where the lines behind the rows begin in a block of whole lines, as segeval writes them."""
    if block.startswith(BEHIND_ROWS):
        return 0
    found = [block.find(b"\n" + start) + 1 for start in BEHIND_ROWS]
    return min((place for place in found if place), default=len(block))


def _end_of_keys(block: bytes) -> int:
    """Return where the lines without a key begin that are the last of a block, however they are written."""
    end = len(block)
    while end:
        start = block.rfind(b"\n", 0, end - 1) + 1
        try:
            facts = loads(block[start:end])
        except Damage:  # told where its turn comes
            break
        if not isinstance(facts, dict) or "key" in facts:
            break
        end = start
    return end


def _block_of_rows(block: bytes, head: Run) -> RowColumns | None:
    """Read whole lines of rows, those of label masks from their bytes and all others from their JSON."""
    asked = (head.maps, head.protocol.boundary, head.protocol.distances, head.protocol.lesions)
    columns = None
    if all(part is None for part in asked) and not head.protocol.storage.roi:
        columns = plain_rows(block)
    if columns is None:
        from segeval.runs.jsonrows import rows_in  # most runs do without

        columns = rows_in(block, head)
    return columns


class _Reader:
    """Take the lines of a run file one by one, each in its turn: header, rows, histograms, end."""

    def __init__(self) -> None:
        self.lines = 0
        self.complete = False
        self._head: Run | None = None
        self._rows: list[Row] = []
        self._blocks: list[RowColumns] = []  # of the rows, those that were read by the block, where all were
        self._row_count = 0
        self._key = b""  # that of the last row; no key is empty
        self._levels = LevelReader(0, None, 0.0)
        self._digest = hashlib.blake2b(digest_size=16)

    def take_all(self, block: bytes) -> None:
        """Read the next lines; raises `Damage`."""
        if self._head is None:
            end = block.find(b"\n") + 1 or len(block)
            self.take(block[:end])
            block = block[end:]
        for rows_end in (_end_of_rows(block), _end_of_keys(block)):
            if self._take_rows(block[:rows_end]):
                break
        else:
            rows_end = 0
        for line in split_lines(iter((block[rows_end:],))):
            self.take(line)

    def _take_rows(self, block: bytes) -> bool:
        """Read a block of rows at once; `False` where it has to be read by the line."""
        head = self._head
        if head is None or self._levels.begun or self.complete or not block:
            return False
        columns = _block_of_rows(block, head)
        if columns is None or sort_key(columns.keys[0]) <= self._key:
            return False
        if self._row_count + len(columns.keys) > MOST_ROWS:
            return False
        if self._rows:
            self._rows.extend(LazyRows(columns, row_of))
        else:
            self._blocks.append(columns)
        self._key = sort_key(columns.keys[-1])
        self._row_count += len(columns.keys)
        self._digest.update(block)
        self.lines += len(columns.keys)
        return True

    def take(self, line: bytes) -> None:
        """Read the next line; raises `Damage`."""
        if self._head is None:
            self._head = header_from(line)
            self._levels = level_reader(self._head)
        elif self.complete:
            raise Damage("there is something behind the last line")
        else:
            if not line.endswith(b"\n"):
                raise Damage("the line is cut off")
            self._take_part(loads(line), self._head)
        self._digest.update(line)
        self.lines += 1

    def _take_part(self, facts: Any, head: Run) -> None:
        maps = head.maps
        if not isinstance(facts, dict):
            raise Damage("the line is no object")
        if "key" in facts:
            row = row_from_json(facts, maps)
            check_contours(row, head.protocol)
            if self._levels.begun or self._row_count >= MOST_ROWS:
                raise Damage("the row is out of place")
            key = sort_key(row.key)
            if key <= self._key:
                raise Damage("the keys do not ascend")
            for columns in self._blocks:
                self._rows.extend(LazyRows(columns, row_of))
            self._blocks = []
            self._rows.append(row)
            self._row_count += 1
            self._key = key
        elif self._levels.wants(facts):
            self._levels.take(facts)
        elif set(facts) == {"rows", "digest"}:
            self._finish(facts)
        else:
            raise Damage("the line is neither row nor map nor end")

    def _finish(self, facts: dict[str, Any]) -> None:
        if facts != {"rows": self._row_count, "digest": f"blake2b:{self._digest.hexdigest()}"}:
            raise Damage("rows or digest are not those of the lines before")
        if self._levels.pending:
            raise Damage("levels are missing")
        head = self._head
        if self._levels.levels or (head is not None and head.maps is not None and not head.maps.in_rows):
            check_levels(map(sums_of_maps, (self._read_rows(),)), self._levels.levels)
        self.complete = True

    def _read_rows(self) -> Sequence[Row]:
        """Return the rows so far; blocks of them become one."""
        if len(self._blocks) > 1:
            self._blocks = [joined_columns(self._blocks)]
        return LazyRows(self._blocks[0], row_of) if self._blocks else tuple(self._rows)

    def run(self) -> Run:
        """Return what was read; raises `Damage` where the end has not come."""
        if self._head is None:
            raise not_a_run("the file is empty")
        if not self.complete:
            raise Damage("the file ends early")
        return replace(self._head, rows=self._read_rows(), levels=tuple(self._levels.levels))
