"""What stands in the place of a folder: it lists its files by path, and gives the bytes of one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Files by their POSIX paths, as a folder has them.

    `files` are all of them in code point order, `problems` (path, reason) of places that cannot be read. Stores are
    read by several threads at once.
    """

    @property
    def name(self) -> str:
        """Return what a folder of these files would be called."""

    @property
    def files(self) -> tuple[str, ...]:
        """Return the paths of all files."""

    @property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """Return (path, reason) of what cannot be read."""

    def read(self, file: str, *, name: str, most: int) -> bytes:
        """Return the bytes of a file; `MaskError` of `name` where it cannot be read or has more than `most`."""


Root = Path | Store
"""A folder of this machine, or what stands in its place."""
