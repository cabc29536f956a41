"""Write a file whole or not at all: opened before the work, put in place after it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Any

from segeval.errors import OutputError
from segeval.files.locks import lock, still_at

_BINARY = getattr(os, "O_BINARY", 0)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR)
"""What file systems answer that cannot write a folder's entries out on demand."""


class AtomicFile:
    """Hold a place for `path`: bytes go to a hidden file beside it, and `commit` renames that over it.

    Opening raises `OutputError` where the folder cannot be written to, before any work is done. Without `commit`
    the old file stays as it was. A device or a pipe is written to directly, since it has no content to protect.
    The hidden file is this process's own and locked while it lives: one that nobody holds is what a killed process
    left, and is taken away by the next who writes the same file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        self._temporary: Path | None = None
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder")
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                self._file = os.open(path, os.O_WRONLY | _BINARY)
                return
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(13, "is write-protected")
            self._target = Path(os.path.realpath(path))
            _clear_leftovers(self._target)
            self._create()
        except OSError as error:
            self.discard()
            raise self._error(error) from None
        except BaseException:
            self.discard()
            raise

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes | memoryview) -> None:
        """Write the next part of what `commit` puts in place; raises `OutputError`."""
        try:
            self._write(data)
        except OSError as error:
            self.discard()
            raise self._error(error) from None

    def stream(self) -> io.BufferedWriter:
        """Return what libraries write to, which does not close the file."""
        return io.BufferedWriter(_Stream(self), io.DEFAULT_BUFFER_SIZE)

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def commit(self, data: bytes) -> None:
        """Write `data` and put the file in place; raises `OutputError` and leaves the old file where that fails.

        Only an error of the folder itself, after the file is in place, leaves the new one.
        """
        try:
            self._write(data)
            if self._temporary is not None:
                os.fsync(self._file)
                self._temporary.chmod(self._mode())
                self._temporary.replace(self._target)
                self._temporary = None
                _sync_folder(self._target.parent)
            file, self._file = self._file, -1
            os.close(file)
        except OSError as error:
            self.discard()
            raise self._error(error) from None

    def discard(self) -> None:
        """Give the place up; does nothing after `commit`."""
        if self._temporary is not None:
            # Unlinked while it is locked, so that nobody takes it for a leftover meanwhile.
            with contextlib.suppress(OSError):
                self._temporary.unlink()
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = -1
        if self._temporary is not None:
            with contextlib.suppress(OSError):  # where an open file cannot be unlinked
                self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def _create(self) -> None:
        """Create a file of a name of its own, for the owner only, and lock it."""
        while True:
            self._temporary = self._target.with_name(f"{_part_prefix(self._target)}{secrets.token_hex(4)}.part")
            try:
                self._file = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            except FileExistsError:
                self._temporary = None
                continue
            with contextlib.suppress(BlockingIOError):  # a clearing process has it, and takes it away
                lock(self._file, needed=False)
                if still_at(self._file, self._temporary):
                    return
            os.close(self._file)
            self._file = -1

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


class _Stream(io.RawIOBase):
    """Be a place's stream."""

    def __init__(self, file: AtomicFile) -> None:
        self._place = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._place.write(data)
        return len(data)


def _part_prefix(target: Path) -> str:
    return f".{target.name[:40]}.segeval-"


def _clear_leftovers(target: Path) -> None:
    """Take away the hidden files that killed processes left of `target`: those that can be locked."""
    form = re.compile(re.escape(_part_prefix(target)) + r"[0-9a-f]{8}\.part")
    with contextlib.suppress(OSError):  # a folder may be writable and not listable
        for path in target.parent.iterdir():
            if form.fullmatch(path.name):
                _clear(path)


def _clear(leftover: Path) -> None:
    with contextlib.suppress(OSError):
        file = os.open(leftover, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                lock(file)
                if still_at(file, leftover):
                    leftover.unlink()
        finally:
            os.close(file)


def _sync_folder(folder: Path) -> None:
    """Have the folder's entries written out, so that the rename outlives a power cut; raises `OSError`."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(file)
