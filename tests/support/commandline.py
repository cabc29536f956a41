"""Run segeval's command line in this process and hold all that a shell would see."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from segeval.cli import run


@dataclass(frozen=True)
class Completed:
    """Hold what one command left: exit code, stdout, stderr."""

    code: int
    stdout: str
    stderr: str


class Stream(io.TextIOWrapper):
    """A text stream over bytes, as sys.stdout is, that can be said to be a terminal."""

    def __init__(self, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode("utf-8")


def run_segeval(
    *arguments: str | Path,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    terminal: bool = False,
) -> Completed:
    """Run `segeval` with `arguments`, from `cwd`, with only `environment` of the variables that it knows."""
    stdout, stderr = Stream(terminal), Stream(terminal)
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        foreign.pop(name, None)
    with (
        contextlib.chdir(cwd or Path.cwd()),
        mock.patch.dict(os.environ, {**foreign, **(environment or {})}, clear=True),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        code = run([str(argument) for argument in arguments])
    return Completed(code, stdout.text(), stderr.text())
