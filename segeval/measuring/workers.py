"""Go through items on worker threads, in order, within bounded memory, each error tied to its item."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from segeval.errors import MaskError, SegevalError, unexpected_error

if TYPE_CHECKING:  # one worker needs no executor
    from concurrent.futures import Executor, Future

LARGEST_CHUNK = 16
CHUNKS_IN_FLIGHT = 2
"""Chunks of items that wait or run for each worker: enough to keep it busy, few enough to bound memory."""
QUICK = 0.0006
"""Processor seconds an item below which one thread is faster than two, which would wait for the interpreter's lock."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failure(Generic[Item]):
    """Tie an error to the item that it came from."""

    item: Item
    error: SegevalError


def usable_cpus() -> int:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def stream(
    items: Sequence[Item],
    measure: Callable[[Item], Result],
    *,
    name: Callable[[Item], str] = str,
    jobs: int | None = None,
) -> Iterator[Result | Failure[Item]]:
    """Measure `items` on worker threads and yield the results in the order given.

    Decoding and counting release the interpreter lock, so threads suffice. An error of one item becomes its
    `Failure`, which calls it by its `name` where the error itself does not, and the others go on. At most a few chunks
    are in flight for each worker. Where items turn out to be so small that the interpreter's own work rules, the rest
    is measured on one thread.
    """
    guarded = partial(_guarded, measure=measure, name=name)
    workers = min(jobs or usable_cpus(), max(1, len(items)))
    if workers == 1:
        yield from map(guarded, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers, thread_name_prefix="segeval")
    try:
        yield from _windowed(items, guarded, executor, workers)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _windowed(
    items: Sequence[Item], guarded: Callable[[Item], Result], executor: Executor, workers: int
) -> Iterator[Result]:
    size = max(1, min(LARGEST_CHUNK, len(items) // (workers * 8)))
    rest = iter(items)
    chunks = iter(lambda: list(islice(rest, size)), [])
    waiting: deque[Future[tuple[list[Result], float]]] = deque()
    for chunk in chunks:
        waiting.append(_submitted(executor, chunk, guarded))
        if len(waiting) > CHUNKS_IN_FLIGHT * workers:
            results, seconds = waiting.popleft().result()
            yield from results
            if seconds < QUICK * len(results):
                break
    while waiting:
        yield from waiting.popleft().result()[0]
    yield from map(guarded, rest)


def _submitted(
    executor: Executor, chunk: list[Item], guarded: Callable[[Item], Result]
) -> Future[tuple[list[Result], float]]:
    try:
        return executor.submit(_chunk, chunk, guarded)
    except RuntimeError as error:  # what Python makes of a system that starts no thread
        raise SegevalError(
            "the system starts no more threads",
            (),
            "Say -j 1, which needs none, or raise the limits on processes and memory (ulimit -a)",
        ) from error


def _chunk(items: Sequence[Item], guarded: Callable[[Item], Result]) -> tuple[list[Result], float]:
    """Measure some items on this thread; return also the processor seconds that it took."""
    start = time.thread_time()
    results = list(map(guarded, items))
    return results, time.thread_time() - start


def _guarded(item: Item, *, measure: Callable[[Item], Result], name: Callable[[Item], str]) -> Result | Failure[Item]:
    try:
        return measure(item)
    except SegevalError as error:
        return Failure(item, error)
    except MemoryError:
        return Failure(item, MaskError("there is not enough memory for an image", (name(item),), "Lower -j/--jobs"))
    except Exception as error:
        # A fault of ours with one image: the others are measured all the same, and whoever reports it can name a file.
        return Failure(item, unexpected_error(error, (name(item),)))
