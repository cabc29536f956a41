"""The place of a run file in a store: rows are kept on this machine meanwhile, and the run goes up once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from segeval.errors import OutputError
from segeval.protocol.protocol import Protocol
from segeval.runs.file import is_parquet
from segeval.runs.journal import Journal
from segeval.runs.run import Run
from segeval.runs.saver import Saver
from segeval.runs.storedruns import save_named
from segeval.stores.files import check_writable
from segeval.stores.urls import StoreUrl


class StoredRunSaver(Saver):
    """Hold the place of a run file in a store: rows are kept in a file of this machine.

    Opening raises as `RunSaver` does, and `OutputError` where the store does not answer.
    """

    def __init__(self, url: StoreUrl, protocol: Protocol, *, journal: Path | None = None, resume: bool = False) -> None:
        self.path = url
        if is_parquet(url.name):
            from segeval.runs.parquet import require_pyarrow

            require_pyarrow(str(url))
        self._kept = journal or usual_journal(url)
        try:
            check_writable(url)  # who may not look is told before the work
            self._kept.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "rows cannot be kept while they are measured",
                (f"{self._kept.parent}: {error.strerror}",),
                "Name another place with --journal FILE",
            ) from error
        self.journal = Journal(self._kept, protocol, resume=resume)

    def save(self, run: Run) -> None:
        """Put the run into the store and delete the rows kept here; raises `OutputError` and keeps them then."""
        try:
            save_named(run, self.path)
        except OutputError as error:
            raise error.changed(fix=f"{error.fix}; --resume then goes on from what is kept") from error
        self.journal.remove()


def usual_journal(url: StoreUrl) -> Path:
    """Return where rows are kept for a URL, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "segeval" / f"{hashlib.blake2b(str(url).encode(), digest_size=12).hexdigest()}.partial"
