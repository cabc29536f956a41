"""What ends the process that measures it, for the tests of engines; importable by worker processes."""

from __future__ import annotations

import os
import signal

POISON = 37


def square(number: int) -> int:
    return number * number


def deadly(number: int) -> int:
    """Return the square, but for one number, which ends its process as the system does where memory is short."""
    if number == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)
