"""What ends the process that measures it, for the tests of engines; importable by worker processes."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from typing import Any

POISON = 37


def square(number: int) -> int:
    return number * number


def deadly(number: int) -> int:
    """Return the square, but for one number, which ends its process as the system does where memory is short."""
    if number == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def cut_off(number: int) -> int:
    """Return the square, but for one number, after which its process ends in the middle of sending its results."""

    def send_some(connection: Connection, data: Any, write: Any = None) -> None:
        os.write(connection.fileno(), bytes(data[:100]))
        os.kill(os.getpid(), signal.SIGKILL)

    if number == POISON:
        Connection._send = send_some  # type: ignore[attr-defined]
    return square(number)
