"""Run segeval as a process of its own, with true descriptors, signals and exit codes: forked where the system can.

What is about the start itself (imports, entry points, limits of the system, variables that Python reads as it begins)
is no matter for this module: it starts `[sys.executable, "-P", "-m", "segeval"]`.
"""

from __future__ import annotations

import atexit
import os
import select
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from tests.support.forkserver import WIDTH, exactly

FORKS = sys.platform == "linux" and hasattr(os, "pidfd_open")
STARTED = (sys.executable, "-P", "-m", "segeval")
DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
LONG = 120
"""Seconds after which a command has hung."""
Stream = int | None
"""A descriptor, `DEVNULL` or `PIPE`; `None` for a standard stream that is closed."""


@cache
def folder() -> Path:
    """Start the server of this process; return a folder with its socket, and `bin` with programs that ask it."""
    place = Path(tempfile.mkdtemp(prefix="segeval-"))
    here = Path(__file__).parent
    # One thread, since only the one that forks survives; and threads to come reserve little, where a test bounds it.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    serving = [sys.executable, "-P", str(here / "forkserver.py"), str(place / "socket")]
    server = subprocess.Popen(serving, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    (place / "bin").mkdir()
    for name in ("segeval", "python"):
        client = shlex.join((sys.executable, "-I", "-S", str(here / "forkclient.py"), str(place / "socket"), name))
        (place / "bin" / name).write_text(f'#!/bin/sh\nexec {client} "$@"\n', encoding="utf-8")
        (place / "bin" / name).chmod(0o755)

    def end() -> None:
        server.communicate()
        shutil.rmtree(place)

    atexit.register(end)
    return place


def programs() -> Path:
    """Return a folder of programs for shells: `segeval` and `python`."""
    return folder() / "bin" if FORKS else Path(sys.executable).parent


def search_path() -> str:
    """Return a PATH for shells with those and what else is installed beside them."""
    return os.pathsep.join((str(programs()), str(Path(sys.executable).parent), os.environ["PATH"]))


class Forked:
    """A process of the server, with what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: tuple[Stream, Stream, Stream],
    ) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._pipes: dict[int, BinaryIO] = {}
        given, own = {}, []
        for number, stream in enumerate(streams):
            if stream is not None:
                given[number] = stream
            if stream == PIPE:
                reading, given[number] = os.pipe()
                self._pipes[number] = os.fdopen(reading, "rb")  # closed by whoever waits for the process
                own.append(given[number])
            elif stream == DEVNULL:
                given[number] = os.open(os.devnull, os.O_RDWR)
                own.append(given[number])
        fields = ["".join(map(str, given)), str(len(arguments)), str(cwd), program, *arguments]
        body = os.fsencode("\0".join((*fields, *(f"{name}={value}" for name, value in env.items()))))
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(str(folder() / "socket"))
            socket.send_fds(self._connection, [len(body).to_bytes(WIDTH, "little")], list(given.values()))
            self._connection.sendall(body)
            self.pid = int.from_bytes(exactly(self._connection, WIDTH), "little")
        finally:
            for descriptor in own:
                os.close(descriptor)

    @property
    def stdout(self) -> BinaryIO | None:
        return self._pipes.get(1)

    def poll(self) -> int | None:
        """Return the exit code, `None` before the end."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float = LONG) -> int:
        """Wait for the end, and return the exit code: minus the number of a signal that ended it."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            with self._connection:
                self.returncode = int.from_bytes(exactly(self._connection, WIDTH), "little", signed=True)
        return self.returncode

    def communicate(self, timeout: float = LONG) -> tuple[bytes, bytes]:
        """Read both streams to their ends, wait, and return what came; b"" for one that is no pipe."""
        found = dict.fromkeys((1, 2), b"")
        until = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for number, pipe in self._pipes.items():
                selector.register(pipe, selectors.EVENT_READ, number)
            while selector.get_map():
                ready = selector.select(until - time.monotonic())
                if not ready:
                    self.kill()
                    raise subprocess.TimeoutExpired(self.args, timeout)
                for key, _ in ready:
                    part = os.read(key.fd, 1 << 16)
                    found[key.data] += part
                    if not part:
                        selector.unregister(key.fileobj)
        self.wait()
        self._close()
        return found[1], found[2]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it is known that the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def abandon(self) -> None:
        """Let go of the process, which the server then kills."""
        self._connection.close()
        self.returncode = -signal.SIGKILL

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self.wait()

    def _close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()


Started = Forked | subprocess.Popen[bytes]


def start(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Stream = DEVNULL,
    stdout: Stream = PIPE,
    stderr: Stream = PIPE,
    program: str = "segeval",
) -> Started:
    """Start segeval, or the text of a Python program, by default without input and with a pipe for each output."""
    words, streams = [str(argument) for argument in arguments], (stdin, stdout, stderr)
    environment = os.environ if env is None else env
    if FORKS:
        return Forked(program, words, Path.cwd() if cwd is None else cwd, environment, streams)
    closed = " ".join(f"{number}>&-" for number, stream in enumerate(streams) if stream is None)
    through = ("sh", "-c", f'exec "$@" {closed}', "sh") if closed else ()
    command = STARTED if program == "segeval" else (sys.executable, "-c", program)
    given = [DEVNULL if stream is None else stream for stream in streams]
    return subprocess.Popen(
        [*through, *command, *words], cwd=cwd, env=environment, stdin=given[0], stdout=given[1], stderr=given[2]
    )


def run(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Stream = DEVNULL,
    stdout: Stream = PIPE,
    stderr: Stream = PIPE,
    program: str = "segeval",
) -> subprocess.CompletedProcess[bytes]:
    """Run segeval, or the text of a Python program, to its end."""
    with start(*arguments, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, program=program) as process:
        out, told = process.communicate(timeout=LONG)
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, out or b"", told or b"")
