"""Small files that the user names, of this machine or of a store, read whole."""

from __future__ import annotations

from pathlib import Path

from segeval.errors import SegevalError, UsageError
from segeval.files.usertexts import LARGEST_TEXT

LARGEST_LIST = 1 << 26
"""Bytes of a list of files, one a line: half a million of 100 characters."""
CHECK = "Check the path that the option names"


def read_user_file(named: object, *, most: int = LARGEST_TEXT) -> str:
    """Return the text of a file, by its path or URL, of at most `most` bytes; raises `UsageError` for what is none."""
    text, data = user_bytes(named, most=most)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("a file is not UTF-8 text", (text,), CHECK) from None


def user_bytes(named: object, *, most: int) -> tuple[str, bytes]:
    """Return what messages call a file and its content, of at most `most` bytes; raises `UsageError`."""
    text = str(named)
    return _from_store(text, most) if "://" in text else (text, _from_path(text, most))


def _from_path(path: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError("a file cannot be read", (f"{path}: {error.strerror or error}",), CHECK) from None
    if len(data) > most:
        raise UsageError("a file is too large for a list", (f"{path}: more than {most:,} bytes",), CHECK)
    return data


def _from_store(text: str, most: int) -> tuple[str, bytes]:
    from segeval.stores.files import read_url  # few lists lie in stores
    from segeval.stores.urls import parse_url

    url = parse_url(text)
    try:
        return str(url), read_url(url, most=most)
    except SegevalError as error:
        raise UsageError(error.what, error.where, error.fix) from error
