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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from segeval.errors import RunFileError
from segeval.files.atomic import AtomicFile
from segeval.runs.columns import LazyRows, RowColumns, joined_columns
from segeval.runs.leveltables import (
    FloatReader,
    float_lines,
    histogram_from_json,
    histogram_to_json,
)
from segeval.runs.lines import split_lines, unpacked, whole_lines
from segeval.runs.rowblocks import plain_rows
from segeval.runs.rows import (
    check_contours,
    maps_from_json,
    maps_to_json,
    protocol_from_json,
    protocol_to_json,
    row_from_json,
    row_of,
    row_to_json,
)
from segeval.runs.run import NO_TRAITS, Maps, Row, Run, sort_key
from segeval.runs.traitrows import traits_from_json, traits_to_json
from segeval.runs.values import Damage, dumps, loads
from segeval.tables.floatlevels import FloatLevels, LevelCounts
from segeval.version import __version__

SCHEMA = 2
FLOATS_SINCE = 2
"""Float maps have had levels of their own since this schema; all other runs are still what schema 1 says."""
TOOL = "segeval"
MOST_ROWS = 1 << 22
PACKING_LEVEL = 6
WRITE_AGAIN = "Save the run again with --save; a file that segeval wrote is whole"


def save_run(run: Run, path: Path) -> None:
    """Write a run to `path`, packed where the name ends in .gz; raises `OutputError` and leaves the old file then."""
    with AtomicFile(path) as file:
        file.commit(run_to_bytes(run, packed=is_packed(path)))


def is_packed(path: Path) -> bool:
    """Tell whether a run file of this name is written through gzip."""
    return path.suffix.casefold() == ".gz"


def run_to_bytes(run: Run, *, packed: bool) -> bytes:
    """Return the run file of `run`, through gzip if `packed`; equal runs give equal bytes."""
    buffer = io.BytesIO()
    if not packed:
        buffer.writelines(_lines_of(run))
        return buffer.getvalue()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=PACKING_LEVEL, fileobj=buffer, mtime=0) as file:
        for line in _lines_of(run):
            file.write(line)
    return buffer.getvalue()


def header(run: Run) -> dict[str, Any]:
    """Return the first line of a run file as JSON values."""
    facts = {
        "schema": schema_of(run.maps),
        "tool": TOOL,
        "version": __version__,
        "protocol": protocol_to_json(run.protocol),
        "maps": maps_to_json(run.maps),
    }
    return {**facts, "traits": traits_to_json(run.traits)} if run.traits.telling else facts


def schema_of(maps: Maps | None) -> int:
    """Return the first schema that can say what a run of these maps says, so that older versions read what they can."""
    return FLOATS_SINCE if maps is not None and maps.kind.levels is None else 1


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
    for position, levels in enumerate(run.levels):
        lines = float_lines(levels) if isinstance(levels, FloatLevels) else (histogram_to_json(levels),)
        yield from ({"map": position, **facts} for facts in lines)


def load_run(path: Path) -> Run:
    """Read a run file, packed or not, with every value checked; raises `RunFileError`.

    Memory is bounded by what the run itself needs and by one line of at most 32 MiB.
    """
    with _opened(path) as stream:
        return _read(stream, os.fstat(stream.fileno()).st_size, str(path))


def run_from_bytes(data: bytes, *, name: str) -> Run:
    """Read the bytes of a run file; `name` is what errors call it. Raises `RunFileError`."""
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
        if isinstance(damage, _NotOurs):
            raise RunFileError(damage.what, (where,), damage.fix) from None
        raise RunFileError("a run file is damaged", (where,), WRITE_AGAIN) from None
    except (OSError, EOFError, zlib.error) as error:
        raise RunFileError("a run file cannot be read", (f"{name}: {error}",), WRITE_AGAIN) from None


class _NotOurs(Damage):
    """Tell that a file is something else than a run file of this version, and what to do."""

    def __init__(self, detail: str, what: str, fix: str) -> None:
        super().__init__(detail)
        self.what, self.fix = what, fix


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
        self._levels: list[LevelCounts] = []
        self._floats = FloatReader()
        self._digest = hashlib.blake2b(digest_size=16)

    @property
    def _threshold(self) -> float:
        chosen = self._head.protocol.probabilities if self._head is not None else None
        return 0.0 if chosen is None else chosen.threshold

    def take_all(self, block: bytes) -> None:
        """Read the next lines; raises `Damage`."""
        if self._head is None:
            end = block.find(b"\n") + 1 or len(block)
            self.take(block[:end])
            block = block[end:]
        last = block.rfind(b"\n", 0, -1) + 1
        rows_end = last if block.startswith(b'{"rows"', last) else len(block)
        if not self._take_rows(block[:rows_end]):
            rows_end = 0
        for line in split_lines(iter((block[rows_end:],))):
            self.take(line)

    def _take_rows(self, block: bytes) -> bool:
        """Read a block of rows at once; `False` where it has to be read by the line."""
        head = self._head
        if head is None or head.maps is not None or head.protocol.storage.roi or self.complete or not block:
            return False
        asked = head.protocol
        if any(part is not None for part in (asked.boundary, asked.distances, asked.lesions)):
            return False
        columns = plain_rows(block)
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
            self._head = _header_from(line)
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
            if self._levels or self._floats.pending or self._row_count >= MOST_ROWS:
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
        elif "map" in facts and maps is not None and not maps.in_rows and len(self._levels) < maps.count:
            if facts.pop("map") != len(self._levels):
                raise Damage("the map is out of order")
            if maps.kind.levels is not None:
                self._levels.append(histogram_from_json(facts, maps.kind.levels))
            elif (levels := self._floats.take(facts, self._threshold)) is not None:
                self._levels.append(levels)
        elif set(facts) == {"rows", "digest"}:
            self._finish(facts)
        else:
            raise Damage("the line is neither row nor map nor end")

    def _finish(self, facts: dict[str, Any]) -> None:
        if facts != {"rows": self._row_count, "digest": f"blake2b:{self._digest.hexdigest()}"}:
            raise Damage("rows or digest are not those of the lines before")
        if self._floats.pending:
            raise Damage("levels are missing")
        with_sums = [row.sums for row in self._rows if row.sums]
        of_maps = list(zip(*with_sums, strict=True))
        if len(of_maps) != len(self._levels):
            raise Damage("the level histograms are not those of the rows")
        for sums, histogram in zip(of_maps, self._levels, strict=True):
            sides = sum(part.n_pos for part in sums), sum(part.n_neg for part in sums)
            if sides != (histogram.n_pos, histogram.n_neg):
                raise Damage("the level histograms are not those of the rows")
        if len({(part.gamma, part.eps) for sums in with_sums for part in sums}) > 1:
            raise Damage("rows have losses of different gamma or eps")
        self.complete = True

    def run(self) -> Run:
        """Return what was read; raises `Damage` where the end has not come."""
        if self._head is None:
            raise _not_a_run("the file is empty")
        if not self.complete:
            raise Damage("the file ends early")
        rows = LazyRows(joined_columns(self._blocks), row_of) if self._blocks else tuple(self._rows)
        return replace(self._head, rows=rows, levels=tuple(self._levels))


def _header_from(line: bytes) -> Run:
    """Read the first line into a run without rows."""
    try:
        facts = loads(line)
    except Damage as damage:
        raise _not_a_run(str(damage)) from damage
    if not isinstance(facts, dict) or facts.get("tool") != TOOL or type(facts.get("schema")) is not int:
        raise _not_a_run("the first line is not that of a run")
    if facts["schema"] > SCHEMA:
        raise _NotOurs(
            f"schema {facts['schema'] if facts['schema'] < 10**9 else 'beyond 10^9'}, known is {SCHEMA}",
            "a run file was written by a newer segeval",
            "Upgrade segeval (pip install -U segeval-masks)",
        )
    if facts.get("partial") is True:
        raise _NotOurs(
            "the file is the unfinished part of a run",
            "a run is not finished",
            "Go on with the same command and --resume, which writes the run itself",
        )
    if set(facts) - {"traits"} != {"schema", "tool", "version", "protocol", "maps"} or not isinstance(
        facts["version"], str
    ):
        raise Damage("the header has other fields")
    if facts["schema"] < 1:
        raise Damage("there never was such a schema")
    traits = traits_from_json(facts["traits"]) if "traits" in facts else NO_TRAITS
    run = Run(protocol_from_json(facts["protocol"]), (), maps_from_json(facts["maps"]), traits=traits)
    if run.maps is not None and run.protocol.probabilities is None:
        raise Damage("there are maps without a protocol for them")
    if facts["schema"] < schema_of(run.maps):
        raise _NotOurs(
            "float maps in schema 1 have p rounded to 16 bits, too coarse to rank it",
            "a run of float maps was written by an older segeval",
            "Score the images again with --save",
        )
    if facts["schema"] > schema_of(run.maps):
        raise Damage("such runs have another schema")
    return run


def _not_a_run(detail: str) -> _NotOurs:
    return _NotOurs(
        detail, "this is not a run file", "Name a file that 'segeval score --save' or 'combine' has written"
    )
