"""A run while it is measured: rows are kept as they come, so that a run that was cut short can go on.

The partial file lies beside the run, as `.NAME.partial`. Its first line has protocol and context; a line an image
follows in the order of completion: checksum, key and row with the digest of its prediction. Each line is one write, so
killing the process loses no row that was measured; a line that does not fit its checksum is as good as absent.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import OutputError, RunFileError
from segeval.files.locks import open_locked, unlink_held
from segeval.protocol.protocol import Protocol
from segeval.runs.differences import protocol_differences
from segeval.runs.header import TOOL, schema_of
from segeval.runs.leveltables import packed, unpacked
from segeval.runs.lines import CHUNK, split_lines
from segeval.runs.rows import (
    maps_from_json,
    maps_to_json,
    protocol_from_json,
    protocol_to_json,
    row_from_json,
    row_to_json,
)
from segeval.runs.run import NO_TRAITS, Maps, MeasuredRow, Row
from segeval.runs.traitrows import traits_from_json, traits_to_json
from segeval.runs.values import Damage, dumps, loads
from segeval.tables.floatlevels import FloatLevels, LevelCounts
from segeval.tables.levels import LevelHistogram
from segeval.version import __version__

LONGEST_LINE = 1 << 28
QUICK = 1
"""Level of zlib for histograms, which are packed once for each image."""


class Journal:
    """Keep the rows of a run in its partial file, and give those of an earlier attempt back.

    Opening raises `OutputError` where the file cannot be written or another process writes it, and `RunFileError`
    where `resume` finds rows of another protocol. `find` and `record` may be called from any thread after `begin`.
    `notes` tell what became of an earlier attempt.
    """

    def __init__(self, path: Path, protocol: Protocol, *, resume: bool = False) -> None:
        self.path = path
        self.notes: list[str] = []
        self._protocol = protocol
        self._lock = threading.Lock()
        self._places: dict[str, tuple[int, int]] = {}
        self._maps: Maps | None = None
        self._found: dict[str, Any] | None = None
        self._error: OSError | None = None
        self._recorded = False
        self._held_before = False
        try:
            self._file = open_locked(path)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self._look_back(resume)
        except BaseException:
            os.close(self._file)
            raise

    def __len__(self) -> int:
        """Return the number of rows of the earlier attempt."""
        return len(self._places)

    def begin(self, maps: Maps | None = None, context: str = "") -> None:
        """Say what is going to be measured; rows of an earlier attempt at anything else are dropped.

        `context` names what else, besides the protocol, the meaning of a row depends on.
        """
        facts = {
            "schema": schema_of(maps),
            "tool": TOOL,
            "version": __version__,
            "partial": True,
            "protocol": protocol_to_json(self._protocol),
            "maps": maps_to_json(maps),
            "context": context,
        }
        self._maps = maps
        if self._found == facts:
            return
        if self._places:
            self.notes.append("the unfinished run was of other maps or another version; everything is scored again")
            self._places = {}
        self._held_before = False
        try:
            os.ftruncate(self._file, 0)
        except OSError as error:
            raise self._unwritable(error) from None
        self._write(_sealed("", facts))
        self.check()

    def find(self, key: str) -> MeasuredRow | None:
        """Return what the earlier attempt measured for an image, `None` where it did not."""
        place = self._places.get(key)
        if place is None:
            return None
        try:
            _, facts = opened_line(self._read(*place))
            chosen = self._protocol.probabilities
            return measured_from_json(loads(facts), self._maps, chosen.threshold if chosen else 0.0)
        except (Damage, OSError):
            return None

    def record(self, measured: MeasuredRow) -> None:
        """Keep a row; where that fails, `check` tells."""
        self._recorded = True
        self._write(_sealed(measured.row.key, _measured_to_json(measured)))

    def check(self) -> None:
        """Raise `OutputError` where a row could not be kept."""
        if self._error is not None:
            raise self._unwritable(self._error) from None

    def close(self) -> None:
        """Leave the partial file for a later attempt, unless there is nothing in it."""
        if self._file < 0:
            return
        if not self._recorded and not self._places and not self._held_before:
            self.remove()
            return
        os.close(self._file)
        self._file = -1

    def remove(self) -> None:
        """Delete the partial file, once the run is saved."""
        if self._file >= 0:
            file, self._file = self._file, -1
            try:
                unlink_held(file, self.path)
            except OSError as error:
                raise self._unwritable(error) from None

    def _look_back(self, resume: bool) -> None:
        """Index the lines of an earlier attempt, or note that it is given up."""
        self._held_before = os.fstat(self._file).st_size > 0
        if not self._held_before:
            return
        if not resume:
            self.notes.append(
                "an interrupted run is discarded and everything is scored again; --resume would continue it"
            )
            return
        whole = 0
        for number, (start, line) in enumerate(self._lines()):
            try:
                key, text = opened_line(line)
                if number == 0:
                    self._found = self._header(loads(text))
                elif self._found is not None:
                    self._places[key] = (start, len(line))
            except Damage:
                continue
            finally:
                whole = start + len(line) if line.endswith(b"\n") else whole
        if self._places:
            self.notes.append(f"{len(self._places):,} images were scored before; their files are checked")
        os.ftruncate(self._file, whole)

    def _header(self, facts: Any) -> dict[str, Any]:
        """Return the header; raises `RunFileError` where it is of another protocol."""
        if not isinstance(facts, dict):
            raise Damage("the header is no object")
        protocol = protocol_from_json(facts.get("protocol"))
        maps_from_json(facts.get("maps"))
        if differences := protocol_differences(protocol, self._protocol):
            raise other_protocol(self.path, differences)
        return facts

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        start = 0
        try:
            for line in split_lines(self._chunks(), LONGEST_LINE):
                yield start, line
                start += len(line)
        except Damage:
            return

    def _chunks(self) -> Iterator[bytes]:
        os.lseek(self._file, 0, os.SEEK_SET)
        while chunk := os.read(self._file, CHUNK):
            yield chunk

    def _read(self, start: int, length: int) -> bytes:
        pieces = []
        with self._lock:
            os.lseek(self._file, start, os.SEEK_SET)
            while length and (piece := os.read(self._file, length)):
                pieces.append(piece)
                length -= len(piece)
        return b"".join(pieces)

    def _write(self, line: bytes) -> None:
        with self._lock:
            if self._error is not None:
                return
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError as error:
                self._error = error

    def _unwritable(self, error: OSError) -> OutputError:
        reason = "another segeval is writing this run" if isinstance(error, BlockingIOError) else error.strerror
        return OutputError(
            "partial results cannot be stored next to the run",
            (f"{self.path}: {reason}",),
            "Check the folder and its space",
        )


def other_protocol(path: Path, differences: tuple[str, ...]) -> RunFileError:
    """Return the error of going on with a run that was begun under another protocol."""
    return RunFileError(
        "the interrupted run was started with another protocol",
        (str(path), *differences),
        "Use --resume with the options the run was started with, or drop it to start over",
    )


def _sealed(key: str, facts: dict[str, Any]) -> bytes:
    body = dumps(key) + b"\t" + dumps(facts) + b"\n"
    return _checksum(body) + b"\t" + body


def opened_line(line: bytes) -> tuple[str, bytes]:
    """Return key and JSON of a line; raises `Damage` where it is not as it was written."""
    checksum, _, body = line.partition(b"\t")
    if checksum != _checksum(body):
        raise Damage("the checksum is another")
    key, _, facts = body.partition(b"\t")
    return str(loads(key)), facts


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8).hexdigest().encode()


def _measured_to_json(measured: MeasuredRow) -> dict[str, Any]:
    facts = {
        "row": row_to_json(measured.row),
        "pred": measured.pred_digest,
        "levels": list(map(_levels_to_json, measured.levels)),
    }
    return facts if measured.traits == NO_TRAITS else {**facts, "traits": traits_to_json(measured.traits)}


def _levels_to_json(levels: LevelCounts) -> Any:
    if isinstance(levels, FloatLevels):
        return packed(levels, QUICK)
    both = np.stack([levels.positives, levels.negatives]).astype("<i8").tobytes()
    return base64.b64encode(zlib.compress(both, QUICK)).decode("ascii")


def measured_from_json(facts: Any, maps: Maps | None, threshold: float) -> MeasuredRow:
    """Return what a line after the first says of an image; raises `Damage`."""
    if not isinstance(facts, dict) or set(facts) - {"traits"} != {"row", "pred", "levels"}:
        raise Damage("the line has other fields")
    if not isinstance(facts["levels"], list):
        raise Damage("the levels are no list")
    row = row_from_json(facts["row"], maps)
    levels = tuple(_levels(part, maps, threshold, row) for part in facts["levels"]) if maps is not None else ()
    if len(levels) != len(row.sums):
        raise Damage("the row has other maps than the run")
    traits = traits_from_json(facts["traits"]) if "traits" in facts else NO_TRAITS
    return MeasuredRow(row, levels, str(facts["pred"]), traits)


def _levels(facts: Any, maps: Maps, threshold: float, row: Row) -> LevelCounts:
    if maps.kind.levels is None:
        return unpacked(facts, threshold, row.pixels)
    return _histogram(facts, maps.kind.levels)


def _histogram(text: Any, levels: int) -> LevelHistogram:
    size = 2 * levels * 8
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    except (ValueError, TypeError, zlib.error) as error:
        raise Damage("the levels are damaged") from error
    if len(data) != size:
        raise Damage("the levels are damaged")
    positives, negatives = np.frombuffer(data, "<i8").astype(np.int64).reshape(2, levels)
    return LevelHistogram(positives, negatives)
