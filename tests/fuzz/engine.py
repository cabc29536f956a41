"""Run cases one by one, each under a time limit, and count the change in them."""

from __future__ import annotations

import faulthandler
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType

LIMIT = 5.0
"""Processor seconds that one case may take."""
WAITING = 12
"""Times as long may pass on the clock: other programs run too."""

Check = Callable[[Random], tuple[str, bytes]]
"""Makes a case, tries it, and returns what became of it and the bytes; raises for what must never happen."""


class WrongError(AssertionError):
    """A mutated file was taken for a good one and gave another value than it holds."""

    def __init__(self, what: str, data: bytes) -> None:
        super().__init__(what)
        self.data = data


class HangError(BaseException):
    """A case took longer than the limit; no handler of the package may swallow this."""


@dataclass
class Tally:
    """Count outcomes; `failures` hold the index of the case, what happened, and its bytes."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str, bytes]] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: int = -1
    seconds: float = 0.0


@dataclass
class Case:
    """Hold the bytes of the case that runs, so that a crash does not lose them."""

    data: bytes = b""


CURRENT = Case()


def run(check: Check, *, count: int, seed: int, start: int = 0, limit: float = LIMIT) -> Tally:
    """Try `count` cases; the bytes of each follow from `seed` and its index alone."""
    tally = Tally()
    began = time.perf_counter()
    for index in range(start, start + count):
        CURRENT.data = b""
        before = time.process_time()
        try:
            with _limited(limit):
                outcome, _ = check(Random(f"{seed}:{index}"))
        except HangError:
            outcome = "hang"
            tally.failures.append((index, f"no end within {limit} s", CURRENT.data))
        except WrongError as wrong:
            outcome = "silently wrong"
            tally.failures.append((index, str(wrong), wrong.data))
        except Exception:
            outcome = "crash"
            tally.failures.append((index, traceback.format_exc(limit=-6), CURRENT.data))
        took = time.process_time() - before
        if took > limit and outcome != "hang":
            tally.failures.append((index, f"took {took:.1f} s", CURRENT.data))
            outcome = "hang"
        if took > tally.slowest:
            tally.slowest, tally.slowest_case = took, index
        tally.outcomes[outcome] += 1
    tally.seconds = time.perf_counter() - began
    return tally


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `HangError` after processor `seconds`, or `WAITING` times as many on the clock.

    Where C code does not come back, end the process with a traceback.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise HangError

    faulthandler.dump_traceback_later(60 + WAITING * seconds, exit=True)
    before = [signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAITING * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(number, handler)
        faulthandler.cancel_dump_traceback_later()
