"""From pairs of files to rows: read, decode, count, forget the pixels; streamed over worker threads."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, SegevalError, unexpected_error
from segeval.folders.pairing import Pair
from segeval.images.buffers import Buffer
from segeval.images.readers import MAX_PIXELS, decode_mask, read_bytes
from segeval.protocol.labeling import MISSING
from segeval.runs.run import MeasuredRow, Row
from segeval.tables.counts import JointCounts, joint_counts, table

if TYPE_CHECKING:  # one worker needs no executor
    from concurrent.futures import Executor, Future

    from segeval.protocol.palettes import Palette
    from segeval.runs.journal import Journal

LARGEST_CHUNK = 16
CHUNKS_IN_FLIGHT = 2
"""Chunks of pairs that wait or run for each worker: enough to keep it busy, few enough to bound memory."""
QUICK = 0.0006
"""Processor seconds a pair below which one thread is faster than two, which would wait for the interpreter's lock."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Say where the files of pairs lie and how they are read.

    `most_values` bounds the distinct values of a mask, where no class list says what they mean. `digest_predictions`
    asks for the digests by which a later run knows that a prediction has not changed.
    """

    pred: Path
    gt: Path
    pred_palette: Palette | None = None
    gt_palette: Palette | None = None
    max_pixels: int = MAX_PIXELS
    most_values: int | None = None
    digest_predictions: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Tie an error to the pair that it came from."""

    pair: Pair
    error: SegevalError


class Buffers(threading.local):
    """Hold each thread's memory for a ground truth and a prediction."""

    def __init__(self) -> None:
        self.gt = Buffer()
        self.pred = Buffer()


BUFFERS = Buffers()

Result = TypeVar("Result")


def usable_cpus() -> int:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def digest(data: bytes) -> str:
    """Return the digest by which rows know a file's bytes."""
    return f"blake2b:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def digest_of_all(digests: Sequence[str]) -> str:
    """Return the digest of a prediction from those of its files: the one, or one of them all in their order."""
    return digests[0] if len(digests) == 1 else digest("".join(digests).encode())


def measure_masks(pair: Pair, reading: Reading) -> MeasuredRow:
    """Count one pair of label masks; raises `MaskError` for what is not an exact mask or not of one size."""
    gt, gt_digest = read_ground_truth(pair, reading)
    if not pair.pred:
        return MeasuredRow(_row(pair, gt, gt_digest, missing_counts(gt)))
    (name,) = pair.pred
    data = _bytes_of(reading.pred, name, reading)
    palette, max_pixels = reading.pred_palette, reading.max_pixels
    pred = decode_mask(data, name=name, palette=palette, max_pixels=max_pixels, buffer=BUFFERS.pred)
    require_size(pred.shape, gt.shape, name)
    counts = joint_counts(gt=gt, pred=pred)
    if reading.most_values is not None and len(counts) > reading.most_values:
        _require_few_values(counts.gt, pair.gt, reading.most_values)
        _require_few_values(counts.pred, name, reading.most_values)
    pred_digest = digest(data) if reading.digest_predictions else ""
    return MeasuredRow(_row(pair, gt, gt_digest, counts), pred_digest=pred_digest)


def measure_unless_known(
    pair: Pair, *, measure: Callable[[Pair], MeasuredRow], reading: Reading, journal: Journal
) -> MeasuredRow:
    """Take a row from the journal where the pair's files are still those it was measured from, else measure it."""
    known = journal.find(pair.key)
    if known is not None and _unchanged(pair, known, reading):
        return known
    measured = measure(pair)
    journal.record(measured)
    return measured


def _unchanged(pair: Pair, known: MeasuredRow, reading: Reading) -> bool:
    row = known.row
    if row.missing == bool(pair.pred) or row.height * row.width > reading.max_pixels:
        return False
    files = [(reading.gt, pair.gt), *((reading.pred, name) for name in pair.pred)]
    try:
        found = [digest(_bytes_of(root, name, reading)) for root, name in files]
    except SegevalError:
        return False
    return found[0] == row.digest and (not pair.pred or digest_of_all(found[1:]) == known.pred_digest)


def _bytes_of(root: Path, name: str, reading: Reading) -> bytes:
    path = os.path.join(root, name)  # noqa: PTH118  # a Path takes as long as reading a small file
    return read_bytes(path, name=name, max_pixels=reading.max_pixels)


def read_ground_truth(pair: Pair, reading: Reading) -> tuple[NDArray[np.integer[Any]], str]:
    """Return the ground truth's stored values, until this thread reads the next one, and the digest of its bytes."""
    data = _bytes_of(reading.gt, pair.gt, reading)
    palette, max_pixels = reading.gt_palette, reading.max_pixels
    gt = decode_mask(data, name=pair.gt, palette=palette, max_pixels=max_pixels, buffer=BUFFERS.gt)
    return gt, digest(data)


def missing_counts(gt: NDArray[np.integer[Any]]) -> JointCounts:
    """Count a ground truth against the sentinel that stands for no prediction."""
    alone = joint_counts(gt=gt, pred=np.zeros(gt.shape, np.uint8))
    return table(alone.gt, np.full(len(alone), MISSING), alone.pixels)


def require_size(found: tuple[int, ...], wanted: tuple[int, ...], name: str) -> None:
    """Raise `MaskError` where a prediction has another (height, width) than its ground truth."""
    if found != wanted:
        raise MaskError(
            "predictions and ground truth differ in size",
            (f"{name}: {found[1]}x{found[0]}, ground truth {wanted[1]}x{wanted[0]}",),
            "Write predictions at the size of the ground truth (nearest neighbour for labels); nothing is resized here",
        )


def _require_few_values(values: NDArray[np.integer[Any]], name: str, most: int) -> None:
    distinct = len(np.unique(values))
    if distinct > most:
        raise MaskError(
            f"a mask holds more than {most:,} distinct values, which no list of classes explains",
            (f"{name}: {distinct:,} values",),
            "This looks like a photograph or a probability map (--probs); if these are labels, give --classes",
        )


def _row(pair: Pair, gt: NDArray[np.integer[Any]], gt_digest: str, counts: JointCounts) -> Row:
    height, width = gt.shape
    if counts.total != height * width:
        raise AssertionError(f"{pair.gt}: counted {counts.total} of {height * width} pixels")
    return Row(pair.key, height, width, gt_digest, counts)


def stream(
    pairs: Sequence[Pair], measure: Callable[[Pair], Result], *, jobs: int | None = None
) -> Iterator[Result | Failure]:
    """Measure `pairs` on worker threads and yield the results in the order given.

    Decoding and counting release the interpreter lock, so threads suffice. An error of one pair becomes its
    `Failure` and the others go on. At most a few chunks are in flight for each worker. Where images turn out to be so
    small that the interpreter's own work rules, the rest is measured on one thread.
    """
    workers = min(jobs or usable_cpus(), max(1, len(pairs)))
    if workers == 1:
        for pair in pairs:
            yield _guarded(pair, measure)
        return
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(workers, thread_name_prefix="segeval")
    try:
        yield from _windowed(pairs, measure, executor, workers)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _windowed(
    pairs: Sequence[Pair], measure: Callable[[Pair], Result], executor: Executor, workers: int
) -> Iterator[Result | Failure]:
    size = max(1, min(LARGEST_CHUNK, len(pairs) // (workers * 8)))
    rest = iter(pairs)
    chunks = iter(lambda: list(islice(rest, size)), [])
    waiting: deque[Future[tuple[list[Result | Failure], float]]] = deque()
    for chunk in chunks:
        waiting.append(_submitted(executor, chunk, measure))
        if len(waiting) > CHUNKS_IN_FLIGHT * workers:
            results, seconds = waiting.popleft().result()
            yield from results
            if seconds < QUICK * len(results):
                break
    while waiting:
        yield from waiting.popleft().result()[0]
    for pair in rest:
        yield _guarded(pair, measure)


def _submitted(
    executor: Executor, chunk: list[Pair], measure: Callable[[Pair], Result]
) -> Future[tuple[list[Result | Failure], float]]:
    try:
        return executor.submit(_chunk, chunk, measure)
    except RuntimeError as error:  # what Python makes of a system that starts no thread
        raise SegevalError(
            "the system starts no more threads",
            (),
            "Say -j 1, which needs none, or raise the limits on processes and memory (ulimit -a)",
        ) from error


def _chunk(pairs: Sequence[Pair], measure: Callable[[Pair], Result]) -> tuple[list[Result | Failure], float]:
    """Measure some pairs on this thread; return also the processor seconds that it took."""
    start = time.thread_time()
    results = [_guarded(pair, measure) for pair in pairs]
    return results, time.thread_time() - start


def _guarded(pair: Pair, measure: Callable[[Pair], Result]) -> Result | Failure:
    try:
        return measure(pair)
    except SegevalError as error:
        return Failure(pair, error)
    except MemoryError:
        return Failure(pair, MaskError("there is not enough memory for an image", (pair.gt,), "Lower -j/--jobs"))
    except Exception as error:
        # A fault of ours with one image: the others are measured all the same, and whoever reports it can name a file.
        return Failure(pair, unexpected_error(error, (" and ".join((pair.gt, *pair.pred[:1])),)))
