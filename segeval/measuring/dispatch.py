"""Pairs measured by other processes: chunks go out in a bounded number, rows come back in the order of completion.

A chunk that a process took with it when it ended is sent out again in halves, and at last image by image.
"""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from segeval.errors import MaskError, SegevalError, raise_all
from segeval.folders.pairing import Pair
from segeval.measuring.chunks import SILENCE, Engine, LostError, require_versions
from segeval.measuring.measurement import Course, Failure, guarded
from segeval.measuring.reading import KnownFiles, Reading, files_of, is_unchanged, known_files
from segeval.runs.run import MeasuredRow
from segeval.stores.urls import is_far

LARGEST_CHUNK = 256
CHUNK_SECONDS = 0.25
"""What a chunk takes: an engine has some 8 ms of work with each, and what is lost with a process is measured again."""
FIRST_CHUNK, SMALLEST_CHUNK = 4, 2
"""Images of a chunk before anything is known of their pace, and of one that still tells it."""
LARGEST_CHUNK_FETCHED = 16
"""Images of a chunk whose files are fetched before a thread takes it: of all that wait, some hundred files."""
LARGEST_CHUNK_OF_LEVELS = 8
"""Images whose rows bring tables of their levels, which take megabytes, travel in smaller chunks."""
MOST_DEATHS = 3
"""How often an image that is measured alone may end its process before it is told as an error."""
TICK = 1.0
"""Seconds between two looks at whether an engine is still there."""


class _Flight:
    """Keep which items are out, which were lost, and which wait."""

    def __init__(
        self,
        engine: Engine,
        head: bytes,
        items: Sequence[Any],
        largest: int,
        before: Callable[[Sequence[Any]], None] | None,
    ) -> None:
        self.engine = engine
        self.before = before
        self.head = head
        self.items = items
        self.largest = largest
        self.size = min(FIRST_CHUNK, largest)
        self.begun = 0
        self.again: deque[list[int]] = deque()
        self.suspects: deque[int] = deque()
        self.deaths: Counter[int] = Counter()
        self.flying: dict[int, tuple[Any, list[int]]] = {}
        self.landed: SimpleQueue[int] = SimpleQueue()
        self._numbers = 0

    def fill(self) -> bool:
        """Send out what may be sent; tell whether anything is out. Suspects go one by one, when nothing else is out."""
        most = self.engine.chunks_in_flight()
        while len(self.flying) < most:
            chunk = self.again.popleft() if self.again else self._fresh(most)
            if not chunk:
                break
            self._send(chunk)
        if not self.flying and self.suspects:
            self._send([self.suspects.popleft()])
        return bool(self.flying)

    def _fresh(self, most: int) -> list[int]:
        """Return the next items that were not out yet, ever fewer towards the end, so that workers end together."""
        share = 2 * (len(self.items) - self.begun) // most
        count = max(SMALLEST_CHUNK, self.size // 8, min(self.size, share))
        chunk = list(range(len(self.items))[self.begun : self.begun + count])
        self.begun += len(chunk)
        return chunk

    def learn(self, pace: float) -> None:
        """Take what an item of a chunk took, in seconds; 0 is not known."""
        if pace:
            self.size = int(min(self.largest, max(SMALLEST_CHUNK, CHUNK_SECONDS / pace)))

    def _send(self, chunk: list[int]) -> None:
        number = self._numbers = self._numbers + 1
        items = [self.items[index] for index in chunk]
        if self.before is not None:
            self.before(items)
        data = pickle.dumps(items, pickle.HIGHEST_PROTOCOL)
        self.flying[number] = (None, chunk)
        future = self.engine.submit(self.head, data, lambda _: self.landed.put(number))
        self.flying[number] = (future, chunk)

    def next_landed(self) -> tuple[Any, list[int]]:
        """Wait for the next chunk, within limits."""
        deadline = time.monotonic() + SILENCE
        while True:
            try:
                return self.flying.pop(self.landed.get(timeout=TICK))
            except Empty:
                self.engine.check()
                if time.monotonic() > deadline:
                    raise SegevalError(
                        f"{self.engine.name} has brought no result for {SILENCE / 60:.0f} minutes",
                        (f"{len(self.flying)} chunks of images are out",),
                        "Look at its workers; with --save, --resume goes on from the rows that came",
                        kind="engine",
                    ) from None

    def lost(self, chunk: list[int], alone: bool) -> int | None:
        """Note that a chunk went down with its process; return the image that has done so too often."""
        if len(chunk) > 1:
            half = len(chunk) // 2
            self.again.extend((chunk[:half], chunk[half:]))
            return None
        (index,) = chunk
        self.deaths[index] += alone
        if self.deaths[index] >= MOST_DEATHS:
            return index
        self.suspects.append(index)
        return None

    def cancel(self) -> None:
        """Call back what is out."""
        for future, _ in self.flying.values():
            if future is not None:
                future.cancel()


def on_engine(
    engine: Engine,
    items: Sequence[Any],
    measure: Callable[[Any], Any],
    *,
    name: Callable[[Any], str],
    largest: int = LARGEST_CHUNK,
    prepare: Callable[[Sequence[Any]], None] | None = None,
) -> Iterator[tuple[int, Any]]:
    """Measure items on an engine, and yield (place, result) in the order of completion, a `Failure` for an error.

    `prepare` is called with the items of a chunk before the first is measured: on its worker, or here, when the chunk
    is sent out to threads of this process.

    An image whose process ends is measured alone, when nothing else is out, and is told as an error when its process
    has ended three times. Raises `SegevalError` where the engine is gone.
    """
    there, before = (None, prepare) if engine.here else (prepare, None)
    run = os.urandom(8)  # another run of the same options finds nothing that this one left on a worker
    head = pickle.dumps((partial(guarded, measure=measure, name=name), there, run), pickle.HIGHEST_PROTOCOL)
    most = largest if before is None else min(largest, LARGEST_CHUNK_FETCHED)
    flight = _Flight(engine, head, items, most, before)
    returned = 0
    try:
        while flight.fill():
            future, chunk = flight.next_landed()
            alone = not flight.flying
            try:
                versions, results, pace = pickle.loads(engine.outcome(future))
            except LostError:
                culprit = flight.lost(chunk, alone)
                if culprit is not None:
                    yield culprit, Failure(items[culprit], _deadly(name(items[culprit])))
                    returned += 1
                continue
            require_versions(versions, "a worker", engine.name)
            flight.learn(pace)
            yield from zip(chunk, results, strict=True)
            returned += len(chunk)
    finally:
        flight.cancel()
    if returned != len(items):
        raise AssertionError(f"{engine.name}: {returned} of {len(items)} images came back")


def _deadly(where: str) -> SegevalError:
    return MaskError(
        f"measuring an image has ended its process {MOST_DEATHS} times",
        (where,),
        "Measure it on this machine (without --engine), look at the file, or give each worker more memory",
    )


UNCHANGED = "unchanged"
Item = tuple[Pair, KnownFiles | None]


def _measured_or_unchanged(
    item: Item, *, measure: Callable[[Pair], MeasuredRow], reading: Reading
) -> MeasuredRow | str:
    """Measure a pair, unless its files are still those of a row that the journal has; runs on a worker."""
    pair, known = item
    if known is not None and is_unchanged(pair, known, reading):
        return UNCHANGED
    return measure(pair)


def _files_of_item(item: Item) -> str:
    return files_of(item[0])


class _Items(Sequence[Item]):
    """Put beside each pair what the journal knows of its files, when it is asked for."""

    def __init__(self, pairs: Sequence[Pair], course: Course) -> None:
        self._pairs = pairs
        self._journal = course.journal

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, place: Any) -> Any:
        pair = self._pairs[place]
        known = self._journal.find(pair.key) if self._journal is not None else None
        return pair, None if known is None else known_files(known)


def collected_from(
    engine: Engine,
    pairs: Sequence[Pair],
    measure_one: Callable[[Pair], MeasuredRow],
    reading: Reading,
    problems: list[SegevalError],
    course: Course,
) -> Iterator[MeasuredRow]:
    """Yield what an engine could measure, kept in the journal as it comes, and add what went wrong to `problems`."""
    journal = course.journal
    failures: list[tuple[int, SegevalError]] = []
    largest = LARGEST_CHUNK_OF_LEVELS if course.levels_travel else LARGEST_CHUNK
    measure = partial(_measured_or_unchanged, measure=measure_one, reading=reading)
    prepare = None
    if any(map(is_far, (reading.gt, reading.pred, reading.roi))):
        from segeval.measuring.remote import fetch_ahead  # for URLs

        prepare = partial(fetch_ahead, reading=reading)
    items = _Items(pairs, course)
    results = on_engine(engine, items, measure, name=_files_of_item, largest=largest, prepare=prepare)
    try:
        for done, (place, result) in enumerate(results, start=1):
            if isinstance(result, Failure):
                failures.append((place, result.error))
            elif result is not UNCHANGED and result != UNCHANGED:
                if journal is not None:
                    journal.record(result)
                    journal.check()
                yield result
            elif journal is not None and (known := journal.find(pairs[place].key)) is not None:
                yield known
            if course.progress is not None:
                course.progress(done, len(pairs))
    except SegevalError as error:
        raise_all([*(failure for _, failure in sorted(failures, key=lambda failure: failure[0])), error])
    problems.extend(failure for _, failure in sorted(failures, key=lambda failure: failure[0]))
