"""Outputs by path or URL: their place is proved before the work, and each is written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from segeval.files.atomic import AtomicFile
from segeval.stores.urls import Place, StoreUrl


class Output(Protocol):
    """Hold the place of a file until it is written."""

    def __enter__(self) -> Self:
        """Return the place itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place up."""

    def commit(self, data: bytes) -> None:
        """Put the file in place; raises `OutputError`."""

    def discard(self) -> None:
        """Give the place up; does nothing after `commit`."""


class StoredFile:
    """Hold the place of a file in a store; opening raises `SegevalError` where nothing is written there."""

    def __init__(self, url: StoreUrl) -> None:
        from segeval.stores.files import check_writable  # here and below for URLs alone

        check_writable(url)
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def commit(self, data: bytes) -> None:
        """Put the file in place; raises `OutputError`."""
        from segeval.stores.files import write_file

        write_file(self._url, data)

    def discard(self) -> None:
        """Do nothing: the store has nothing of the file before it is whole."""


def opened_output(place: Place) -> Output:
    """Return the place of an output; raises `OutputError` where it cannot be written."""
    return AtomicFile(place) if isinstance(place, Path) else StoredFile(place)
