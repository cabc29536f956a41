"""Locks on files: held by one process, and on the file that a path names now."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What file systems without locks answer."""


def lock(file: int, *, needed: bool = True) -> None:
    """Lock an open file for this process until it is closed; never waits.

    Raises `BlockingIOError` where another process holds it, and `OSError` where there are no locks: unless they are
    not `needed`.
    """
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if needed or error.errno not in _NO_LOCKS:
                raise


def still_at(file: int, path: Path) -> bool:
    """Tell whether an open file is the one that `path` names: between opening and locking it may have been replaced."""
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False


def open_locked(path: Path) -> int:
    """Open a regular file for reading and appending that no other process holds, created if absent.

    The lock is on the file that the path names when this returns. Raises `OSError`, as `BlockingIOError` where
    another process holds it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    while True:
        file = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileExistsError(17, "is not a regular file")
            lock(file)
            if still_at(file, path):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def unlink_held(file: int, path: Path) -> None:
    """Unlink a file that is open and locked, and close it: in this order, so that nobody else gets the lock on it."""
    if sys.platform == "win32":  # an open file cannot be unlinked there, and nothing is locked
        os.close(file)
        path.unlink(missing_ok=True)
        return
    try:
        path.unlink(missing_ok=True)
    finally:
        os.close(file)
