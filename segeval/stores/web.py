"""Files behind https addresses: whole or in parts, never more than is asked for, and never without encryption."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from segeval.stores.urls import WEB

ABSENT = (404, 410)
DENIED = (401, 403, 407)


class WebError(OSError):
    """An answer that is no content; `status` is its number."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answered {status}")
        self.status = status


class NoPartsError(OSError):
    """A server that sends whole files only, or what is too large."""


async def part(files: Any, url: str, start: int, stop: int) -> bytes:
    """Return the bytes of a file from `start` up to `stop`; raises `OSError`."""
    async with _answer(files, url, f"bytes={start}-{stop - 1}") as answer:
        if answer.status != 206:
            raise NoPartsError("the server sends no parts of files")
        return await _body(answer, stop - start)


async def whole(files: Any, url: str, most: int) -> bytes:
    """Return a file of at most `most` bytes; raises `OSError`."""
    async with _answer(files, url, None) as answer:
        return await _body(answer, most)


async def size(files: Any, url: str) -> int:
    """Return the number of bytes of a file, of which parts can be read; raises `OSError`."""
    async with _answer(files, url, "bytes=0-0") as answer:
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if answer.status != 206 or not total.isdecimal():
            raise NoPartsError("the server sends no parts of files")
        return int(total)


@asynccontextmanager
async def _answer(files: Any, url: str, wanted: str | None) -> AsyncIterator[Any]:
    headers = {"Accept-Encoding": "identity", **({"Range": wanted} if wanted else {})}
    session = await files.set_session()
    async with session.get(files.encode_url(url), headers=headers, **files.kwargs) as answer:
        if answer.status in ABSENT:
            raise FileNotFoundError
        if answer.status in DENIED:
            raise PermissionError
        if not 200 <= answer.status < 300:
            raise WebError(answer.status)
        if answer.url.scheme != WEB:
            raise NoPartsError("the address leads to another without encryption")
        yield answer


async def _body(answer: Any, most: int) -> bytes:
    parts, left = [], most
    async for data in answer.content.iter_any():
        left -= len(data)
        if left < 0:
            raise NoPartsError("the server sends more than it was asked for")
        parts.append(data)
    return b"".join(parts)
