"""Zip archives of stores: the directory is read once, and of an entry its own bytes, each as one request."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import BinaryIO, cast

from segeval.errors import UsageError
from segeval.stores.archives import Archive
from segeval.stores.files import archive_size, read_part
from segeval.stores.urls import PACKED, WEB, StoreUrl

ZIP = ".zip"


def opened_url(root: StoreUrl) -> StoreUrl | Archive:
    """Return what a URL of masks stands for: a folder of a store, or a zip archive as a store of files.

    Raises `UsageError` for an archive that nothing says is one, and for a page of the web, which is no folder; and
    `PairingError` for an archive that is none.
    """
    if root.packed or (root.scheme == WEB and root.suffix.lower() == ZIP):
        return archive_behind(root, archive_size(root), time.time_ns())
    if root.scheme == WEB:
        raise UsageError(
            "folders of the web cannot be listed", (str(root),), "Name a zip archive there, as in https://host/gt.zip"
        )
    if root.suffix.lower() == ZIP:
        raise UsageError("a URL names a zip archive and not a folder", (str(root),), f"Write {PACKED}{root}")
    return root


@lru_cache(maxsize=4)
def archive_behind(url: StoreUrl, size: int, asked: int) -> Archive:
    """Return the archive of `size` bytes behind a URL, whose directory a process reads once each time it is `asked`.

    Raises `PairingError`.
    """

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield cast(BinaryIO, _Parts(url, size))

    return Archive(str(url), opened, again=(archive_behind, (url, size, asked)), far=True)


class _Parts(io.RawIOBase):
    """Read a file of a store where it is asked for; of what came last nothing is asked for twice."""

    def __init__(self, url: StoreUrl, size: int) -> None:
        self._url, self._size, self._at = url, size, 0
        self._start, self._kept = 0, b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        stop = self._size if size < 0 else min(self._at + size, self._size)
        if stop <= self._at:
            return b""
        if self._at < self._start or stop > self._start + len(self._kept):
            self._start, self._kept = self._at, read_part(self._url, self._at, stop)
        data = self._kept[self._at - self._start : stop - self._start]
        self._at += len(data)
        return data
