"""As much of an S3 server as reading needs, that takes little of the processor: a folder's files by GET and LIST.

    python -m tests.support.lights3 FOLDER [DELAY]

Prints its address, and serves the files as those of any bucket until its input ends. It does not look at signatures.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

PAGE = 1000
"""Keys of one page of a listing."""


class Connection(asyncio.Protocol):
    """Answer the requests of one connection, each after the delay."""

    def __init__(self, objects: Mapping[str, bytes], delay: float) -> None:
        self._objects, self._delay = objects, delay
        self._keys = sorted(objects)
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            request, self._heard = self._heard[:end], self._heard[end + 4 :]
            answer = self._answer(request)
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)

    def _answer(self, request: bytes) -> bytes:
        method, target, _ = request.partition(b"\r\n")[0].decode("ascii").split(" ")
        path, _, query = target.partition("?")
        key = unquote(path).lstrip("/").partition("/")[2]
        if method == "GET" and not key:
            return _response("200 OK", self._listing(query), "application/xml")
        if method != "GET" or key not in self._objects:
            return _response("404 Not Found", b"", "application/xml")
        return _response("200 OK", self._objects[key], "application/octet-stream")

    def _listing(self, query: str) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        prefix, after = asked.get("prefix", ""), asked.get("continuation-token", "")
        found = [key for key in self._keys if key.startswith(prefix) and key > after][: PAGE + 1]
        rest = len(found) > PAGE
        found = found[:PAGE]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<Size>{len(self._objects[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in found
        )
        token = f"<NextContinuationToken>{escape(found[-1])}</NextContinuationToken>" if rest else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(rest).lower()}</IsTruncated>{contents}{token}</ListBucketResult>"
        ).encode()


def _response(status: str, body: bytes, kind: str) -> bytes:
    head = f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\nETag: "0"\r\n\r\n'
    return head.encode("ascii") + body


async def serve(folder: Path, delay: float) -> None:
    """Serve the files of a folder until the input ends."""
    objects = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(objects, delay), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
