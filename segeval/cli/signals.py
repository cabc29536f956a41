"""What SIGINT, SIGTERM and SIGHUP do: they unwind the command, so that it leaves nothing half done."""

from __future__ import annotations

import os
import signal
from types import FrameType

BASE = 128
"""A shell tells a process that signal N ended as exit code 128 + N."""
PATIENCE = 2
"""Signals after the first that are passed over: `timeout` sends each twice. Whoever insists gets out at once."""
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(BaseException):
    """Tell that a signal asked the command to stop; no `except Exception`, ours or a library's, holds it up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = BASE + number


class StopSignals:
    """Raise `Stopped` in the main thread at the first signal that asks to stop.

    A signal that was ignored when the process began stays ignored, as under `nohup`.
    """

    def __init__(self) -> None:
        self._seen = 0
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._seen += 1
        if self._seen == 1:
            raise Stopped(number)
        if self._seen > 1 + PATIENCE:
            os._exit(BASE + number)
