"""Runs that others are writing, read as far as they are: rows kept for a run until it is whole, then the run itself.

Nothing is locked and nothing is written. A line that is half there is read when the rest of it has come.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from segeval.errors import RunFileError
from segeval.protocol.protocol import Protocol
from segeval.runs.journal import LONGEST_LINE, measured_from_json, opened_line
from segeval.runs.rows import maps_from_json, protocol_from_json
from segeval.runs.run import Maps, MeasuredRow, Run, sort_key, traits_of_all
from segeval.runs.saver import PARTIAL, partial_file
from segeval.runs.storedruns import WILD, expanded, load_named
from segeval.runs.values import Damage, loads
from segeval.stores.urls import Place

CHUNK = 1 << 20


class PartialRun:
    """Hold the rows of a partial file, of which each look reads what is new.

    Of several rows of an image the last counts, as where it was measured again. A file that begins anew is read anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._identity = (0, 0)
        self._at = 0
        self._rest = b""
        self._protocol: Protocol | None = None
        self._maps: Maps | None = None
        self._rows: dict[str, MeasuredRow] = {}

    def look(self) -> bool:
        """Read what has come since the last look; tell whether the file is there."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                identity = (status.st_dev, status.st_ino)
                if identity != self._identity or status.st_size < self._at:
                    self._forget()
                    self._identity = identity
                file.seek(self._at)
                while chunk := file.read(CHUNK):
                    self._at += len(chunk)
                    self._take(chunk)
        except OSError:
            return False
        return True

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""  # no line of a run
        for line in lines:
            with suppress(Damage):  # as good as absent: whoever goes on with the run measures it again
                self._note(*opened_line(line + b"\n"))

    def _note(self, key: str, text: bytes) -> None:
        facts = loads(text)
        if not isinstance(facts, dict):
            raise Damage("the line is no object")
        if not key:
            self._protocol, self._maps = protocol_from_json(facts.get("protocol")), maps_from_json(facts.get("maps"))
        elif self._protocol is not None:
            chosen = self._protocol.probabilities
            measured = measured_from_json(facts, self._maps, chosen.threshold if chosen else 0.0)
            self._rows[key] = replace(measured, levels=())  # the levels of a run are large, and labels do without

    def run(self) -> Run | None:
        """Return the rows so far, `None` where not even their protocol has come."""
        if self._protocol is None:
            return None
        rows = tuple(self._rows[key].row for key in sorted(self._rows, key=sort_key))
        return Run(self._protocol, rows, self._maps, traits=traits_of_all(one.traits for one in self._rows.values()))

    def __len__(self) -> int:
        """Return the number of images so far."""
        return len(self._rows)


class FollowedRun:
    """Follow one run file by its name: not begun, being written, or whole."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.finished = False
        self._partial = PartialRun(_partial_of(place))
        self._whole: Run | None = None

    def look(self) -> None:
        """Look what there is by now; raises `RunFileError` for a whole run that is damaged."""
        if self.finished:
            return
        if self._partial.look():
            return
        with suppress(_AbsentError):
            self._whole = _whole(self.place)
            self.finished = True

    @property
    def images(self) -> int:
        """Return the number of images so far."""
        return len(self._partial if self._whole is None else self._whole.rows)

    def run(self) -> Run | None:
        """Return the rows so far, without levels of maps that only whole runs have; `None` before it has begun."""
        return self._partial.run() if self._whole is None else self._whole


class _AbsentError(Exception):
    """There is no whole run yet."""


def _whole(place: Place) -> Run:
    if isinstance(place, Path):
        if not place.exists():
            raise _AbsentError
    else:
        from segeval.stores.files import is_there  # for URLs

        if not is_there(place):
            raise _AbsentError
    return replace(load_named(place), levels=())


def _partial_of(place: Place) -> Path:
    if isinstance(place, Path):
        return partial_file(place)
    from segeval.runs.storedsaver import usual_journal  # for URLs

    return usual_journal(place)


def places_of(names: tuple[Place, ...]) -> list[Place]:
    """Return the runs that names and patterns stand for now, begun or whole; a pattern may have none yet."""
    found: dict[Place, None] = {}
    for name in names:
        if not WILD & set(str(name)):
            found[name] = None
            continue
        with suppress(RunFileError):
            found |= dict.fromkeys(expanded([name]))
        if isinstance(name, Path):
            begun = name.parent.glob(f".{name.name}{PARTIAL}")
            found |= dict.fromkeys(path.with_name(path.name.removesuffix(PARTIAL)[1:]) for path in sorted(begun))
    return list(found)
