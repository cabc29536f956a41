"""Small files that the user names, read whole as text."""

from __future__ import annotations

from pathlib import Path

from segeval.errors import UsageError
from segeval.files.usertexts import LARGEST_TEXT

LARGEST_LIST = 1 << 26
"""Bytes of a list of files, one a line: half a million of 100 characters."""


def read_user_file(path: str | Path, *, most: int = LARGEST_TEXT) -> str:
    """Return the text of a file, of at most `most` bytes, that the user names; raises `UsageError` for what is none."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(
            "a file cannot be read", (f"{path}: {error.strerror or error}",), "Check the path that the option names"
        ) from None
    if len(data) > most:
        raise UsageError(
            "a file is too large for a list",
            (f"{path}: more than {most:,} bytes",),
            "Check the path that the option names",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("a file is not UTF-8 text", (str(path),), "Check the path that the option names") from None
