"""How far long work is: a bar with the time that remains on a terminal, a line now and then in the log of a CI job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

SECONDS = 30.0
"""Between two lines in a log."""


@contextmanager
def bar(stream: TextIO, *, dumb: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with (done, in all), which moves a bar; a `dumb` terminal has it in ASCII."""
    from tqdm import tqdm

    with tqdm(unit="pair", leave=False, file=stream, dynamic_ncols=True, ascii=dumb or None) as shown:

        def advance(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield advance


class LogLines:
    """Write "1,200 of 5,000 pairs, about 4 min left" to a stream, at most once in so many seconds."""

    def __init__(self, stream: TextIO, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._seconds, self._clock = stream, seconds, clock
        self._start = self._last = clock()

    def __call__(self, done: int, total: int) -> None:
        """Write a line where it is time for one; there is none for the last pair, behind which the result comes."""
        now = self._clock()
        if now - self._last < self._seconds or done >= total:
            return
        self._last = now
        left = (now - self._start) * (total - done) / done
        told = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        self._stream.write(f"{done:,} of {total:,} pairs, about {told} left\n")
        self._stream.flush()
