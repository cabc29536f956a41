"""Import segeval once, and fork for each command or Python program: a process as one started anew, in less time.

    python -P forkserver.py ADDRESS

A program of its own with one thread, since pytest has several and only one survives a fork. It listens at a socket of
ADDRESS and ends when its stdin does. A request is one message: the number of its bytes, beside which the standard
streams that are open come as descriptors, and fields between NULs: which streams those are, how many arguments there
are, the folder, `segeval` or the text of a program, the arguments, the environment. The answers are the number of the
process, and how it ended.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pkgutil
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

WIDTH = 8
"""Bytes of a number."""
USED = ("PIL.PngImagePlugin", "PIL.TiffImagePlugin", "rich.console", "rich.table", "click.shell_completion", "tqdm")
"""What commands import and the modules of segeval do not when they are imported."""
THREADED = ("pyarrow",)
"""What starts threads when it is imported: a child imports it itself."""


def preload() -> None:
    """Import what commands do, and leave it out of every later search for cycles."""
    import segeval

    sys.modules.update(dict.fromkeys(THREADED))  # type: ignore[arg-type]  # None: cannot be imported
    found = [module.name for module in pkgutil.walk_packages(segeval.__path__, "segeval.")]
    for name in (*found, *USED):
        if not name.endswith(".__main__"):
            with suppress(ImportError, AttributeError):  # what is not installed, or not compiled; the latter of Cython
                importlib.import_module(name)
    for name in THREADED:
        del sys.modules[name]
    gc.collect()
    gc.freeze()


def exactly(connection: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        parts.append(connection.recv(size))
        if not parts[-1]:
            raise EOFError
        size -= len(parts[-1])
    return b"".join(parts)


def request(connection: socket.socket) -> tuple[list[bytes], list[int]]:
    """Return the fields of a request, and the descriptors that came with it."""
    size, streams, _, _ = socket.recv_fds(connection, WIDTH, 3)
    if len(size) < WIDTH:
        raise EOFError
    return exactly(connection, int.from_bytes(size, "little")).split(b"\0"), streams


def standard(number: int, errors: str) -> io.TextIOWrapper | None:
    """Open a standard stream as Python does when it begins, `None` where it is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None
    encoding, _, handling = os.environ.get("PYTHONIOENCODING", "").partition(":")
    if encoding and not handling:
        handling = "strict"
    raw = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115  # open to the end
    return io.TextIOWrapper(
        raw,
        encoding=encoding or "utf-8",
        errors="backslashreplace" if number == 2 else handling or errors,
        line_buffering=number == 2 or os.isatty(number),
    )


def become(fields: list[bytes], streams: list[int], errors: str) -> NoReturn:
    """Be what was asked for, in a child, up to its end."""
    from segeval.cli import main

    code = 1
    try:
        open_streams, count, folder, program = fields[0], int(fields[1]), fields[2], os.fsdecode(fields[3])
        arguments, environment = fields[4 : 4 + count], fields[4 + count :]
        os.chdir(folder)
        for number in range(3):
            os.close(number)
        for number, given in zip(open_streams, streams, strict=True):
            os.dup2(given, number - ord("0"))
        os.closerange(3, 1 << 16)
        os.environ.clear()
        os.environ.update(
            {
                os.fsdecode(name): os.fsdecode(value)
                for name, _, value in (entry.partition(b"=") for entry in environment)
            }
        )
        sys.argv = ["segeval" if program == "segeval" else "-c", *map(os.fsdecode, arguments)]
        sys.stdin, sys.stdout, sys.stderr = (standard(number, errors) for number in range(3))
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
        if program == "segeval":
            main()
        sys.path.insert(0, "")
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        flush()
        os._exit(code)


def flush() -> None:
    """Write what a program has printed; segeval does so itself."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


class Server:
    """Fork for whoever asks, and tell each how its process ended."""

    def __init__(self, address: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.errors = sys.stdin.errors or "strict"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(0, selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == 0:
                    return
                if key.fileobj is self.listener:
                    with suppress(EOFError, OSError):
                        self.begin(self.listener.accept()[0])
                else:
                    key.data()

    def begin(self, connection: socket.socket) -> None:
        fields, streams = request(connection)
        child = os.fork()
        if not child:
            become(fields, streams, self.errors)
        for given in streams:
            os.close(given)
        watched = os.pidfd_open(child)
        self.selector.register(watched, selectors.EVENT_READ, lambda: self.end(child, watched, connection))
        self.selector.register(connection, selectors.EVENT_READ, lambda: self.abandon(child, connection))
        connection.sendall(child.to_bytes(WIDTH, "little"))

    def end(self, child: int, watched: int, connection: socket.socket) -> None:
        _, status = os.waitpid(child, 0)
        self.selector.unregister(watched)
        os.close(watched)
        with suppress(KeyError):
            self.selector.unregister(connection)
        with suppress(OSError), connection:
            connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(WIDTH, "little", signed=True))

    def abandon(self, child: int, connection: socket.socket) -> None:
        """Kill a process that nobody waits for any more."""
        self.selector.unregister(connection)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    preload()
    server = Server(sys.argv[1])
    os.write(1, b"ready\n")
    server.serve()
