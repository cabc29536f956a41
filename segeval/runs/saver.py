"""The place of a run file: proved before the work, filled row by row beside it, and whole at the end."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from segeval.errors import OutputError
from segeval.files.atomic import AtomicFile
from segeval.protocol.protocol import Protocol
from segeval.runs.differences import protocol_differences
from segeval.runs.file import is_parquet, load_run, save_run
from segeval.runs.journal import Journal, other_protocol
from segeval.runs.run import Run

PARTIAL = ".partial"
"""What ends the name of a file of rows that are kept for a run."""


class Saver:
    """Hold the place of a run: rows go to a journal as they come, `save` puts the whole in place.

    Leaving without `save` keeps the journal for a later attempt.
    """

    journal: Journal

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what there is to tell of an earlier attempt."""
        return tuple(self.journal.notes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()

    def save(self, run: Run) -> None:
        """Put the run in place and delete the journal; raises `OutputError`, and changes nothing, where it cannot."""
        raise NotImplementedError


class RunSaver(Saver):
    """Hold the place of a run file of this machine; its rows are kept in a partial file beside it.

    Opening raises `OutputError` where the file could not be written, and `RunFileError` where `resume` finds a run or
    a partial one of another protocol, both before any work. With `resume` and a finished run only, everything is
    measured again, since a run does not know its predictions' digests, and `notes` tell what is not as it was.
    """

    def __init__(self, path: Path, protocol: Protocol, *, resume: bool = False) -> None:
        self.path = path
        if is_parquet(path.name):
            from segeval.runs.parquet import require_pyarrow

            require_pyarrow(str(path))
        target = Path(os.path.realpath(path))
        if _is_special(target):
            raise OutputError(
                "a run is saved to a regular file only", (str(path),), "Name a file that is new or may be replaced"
            )
        # Tells now what would go wrong at the end, and leaves no file behind if the process is killed meanwhile.
        AtomicFile(path).discard()
        self._finished: Run | None = None
        self.journal = Journal(partial_file(path), protocol, resume=resume)
        try:
            if resume and not len(self.journal) and target.exists():
                self._finished = load_run(target)
                if differences := protocol_differences(self._finished.protocol, protocol):
                    raise other_protocol(path, differences)
        except BaseException:
            self.journal.close()
            raise

    def save(self, run: Run) -> None:
        """Put the run in place and delete the partial file; raises `OutputError` and leaves the old run then."""
        save_run(run, self.path)
        self.journal.remove()
        if self._finished is not None:
            self.journal.notes.append(_comparison(self._finished, run))


def partial_file(path: Path) -> Path:
    """Return where the rows of a run are kept until it is whole, its name given."""
    target = Path(os.path.realpath(path))
    return target.with_name(f".{target.name}{PARTIAL}")


def _comparison(before: Run, after: Run) -> str:
    old, new = ({row.key: row for row in run.rows} for run in (before, after))
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    if old == new:
        return f"the saved run was checked: all {len(new):,} images are as they were"
    added, gone = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    return f"the saved run was checked and replaced: {changed:,} images changed, {added:,} are new, {gone:,} are gone"


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode) and not path.is_dir()
    except OSError:
        return False
