"""Write a file whole or not at all: opened before the work, put in place after it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from segeval.errors import OutputError


class AtomicFile:
    """Hold a place for `path`: bytes go to a hidden file beside it, and `commit` renames that over it.

    Opening raises `OutputError` where the folder cannot be written to, before any work is done. Without `commit`
    the old file stays as it was. A device or a pipe is written to directly, since it has no content to protect.
    `hidden` names the file beside it, for a caller who holds a lock: one that a killed process left is then replaced.
    """

    def __init__(self, path: Path, *, hidden: str | None = None) -> None:
        self.path = path
        self._temporary: Path | None = None
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder")
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                self._file: BinaryIO = path.open("wb")
                return
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(13, "is write-protected")
            target = Path(os.path.realpath(path))
            if hidden is not None:
                (target.parent / hidden).unlink(missing_ok=True)
                handle, name = _created(str(target.parent / hidden))
            else:
                handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
            self._temporary, self._target = Path(name), target
            self._file = os.fdopen(handle, "wb")
        except OSError as error:
            raise self._error(error) from None

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def commit(self, data: bytes) -> None:
        """Write `data` and put the file in place; raises `OutputError` and leaves the old file where that fails."""
        try:
            self._file.write(data)
            self._file.flush()
            if self._temporary is not None:
                os.fsync(self._file.fileno())
                self._file.close()
                self._temporary.chmod(self._mode())
                self._temporary.replace(self._target)
                self._temporary = None
            self._file.close()
        except OSError as error:
            self.discard()
            raise self._error(error) from None

    def discard(self) -> None:
        """Give the place up; does nothing after `commit`."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def _mode(self) -> int:
        """Return the permissions of the file replaced, or those of a new file."""
        if self._target.exists():
            return stat.S_IMODE(self._target.stat().st_mode)
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

    def _error(self, error: OSError) -> OutputError:
        reason = error.strerror or str(error)
        return OutputError("a file cannot be written", (f"{self.path}: {reason}",), "Check the folder and its space")


def _created(path: str) -> tuple[int, str]:
    """Create a file that is not there yet, for the owner only, as `mkstemp` does."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), path
