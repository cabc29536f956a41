"""How the pairs of two folders are gone through, and what is told of them, whatever their predictions are.

Worker threads take them in order, within bounded memory, each error tied to its pair.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from segeval.errors import Finding, MaskError, SegevalError, unexpected_error
from segeval.findings.runs import swapped_names
from segeval.findings.values import shown
from segeval.folders.pairing import Pair, Pairing, require_pairs
from segeval.folders.walking import gt_name, opened, pred_name
from segeval.measuring.reading import Contours, Reading, files_of, is_unchanged, known_files
from segeval.protocol.protocol import MOST_INFERRED_CLASSES, Protocol
from segeval.protocol.regions import region_rules
from segeval.protocol.storage import AS_STORED, PLAINLY
from segeval.records import dataclass
from segeval.request import Request
from segeval.runs.run import MeasuredRow, Row, Run, sort_key
from segeval.tables.counts import JointCounts

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from segeval.runs.journal import Journal
    from segeval.runs.sharding import Shard

LARGEST_CHUNK = 16
CHUNKS_IN_FLIGHT = 2
"""Chunks of items that wait or run for each worker: enough to keep it busy, few enough to bound memory."""
QUICK = 0.0006
"""Processor seconds an item below which one thread is faster than two, which would wait for the interpreter's lock."""
MANY = 32
"""Items of which the first two are measured on one thread, to see whether they are so quick."""

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
    one = partial(guarded, measure=measure, name=name)
    workers = min(jobs or usable_cpus(), max(1, len(items)))
    if workers == 1:
        yield from map(one, items)
        return
    rest = iter(items)
    if len(items) >= MANY:
        yield one(next(rest))  # the first takes longer: it also loads what measuring needs
        (second,), seconds = _chunk((next(rest),), one)
        yield second
        if seconds < QUICK:
            yield from map(one, rest)
            return
    from concurrent.futures import ThreadPoolExecutor

    size = max(1, min(LARGEST_CHUNK, len(items) // (workers * 8)))
    executor = ThreadPoolExecutor(workers, thread_name_prefix="segeval")
    try:
        yield from _windowed(rest, size, one, executor, workers)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _windowed(
    rest: Iterator[Item], size: int, guarded: Callable[[Item], Result], executor: Executor, workers: int
) -> Iterator[Result]:
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


def guarded(item: Item, *, measure: Callable[[Item], Result], name: Callable[[Item], str]) -> Result | Failure[Item]:
    """Measure an item; whatever is wrong with it becomes its `Failure`."""
    try:
        return measure(item)
    except SegevalError as error:
        return Failure(item, error)
    except MemoryError:
        return Failure(item, MaskError("there is not enough memory for an image", (name(item),), "Lower -j/--jobs"))
    except Exception as error:
        # A fault of ours with one image: the others are measured all the same, and whoever reports it can name a file.
        return Failure(item, unexpected_error(error, (name(item),)))


Measure = Callable[[Pair], MeasuredRow]
Gather = Callable[[Sequence[Pair], Measure, Reading, list[SegevalError], "Course"], Iterator[MeasuredRow]]
Progress = Callable[[int, int], None]
"""Called with (pairs done, pairs in all) after each pair."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Hold a run with what only its files tell: their names by key, warnings about them, and their problems.

    `names` has (ground-truth file, prediction file); `layout` says how probability maps were found, "" for masks;
    `table` is the sum of the run's rows, `None` where there is none.
    """

    run: Run
    names: Mapping[str, tuple[str, str]]
    warnings: tuple[Finding, ...] = ()
    problems: tuple[SegevalError, ...] = ()
    layout: str = ""
    table: JointCounts | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Say how pairs are gone through: by how many workers, told to whom, which of them, kept where, and by whom else.

    `gather` collects rows from other processes than this one, as `collected` does from threads; `levels_travel` says
    that rows bring tables of their levels, which are large.
    """

    jobs: int | None
    progress: Progress | None
    journal: Journal | None
    shard: Shard | None
    gather: Gather | None = None
    levels_travel: bool = False

    def of(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """Return the pairs of the shard."""
        if self.shard is None:
            return pairs
        from segeval.runs.sharding import in_shard

        return [pair for pair in pairs if in_shard(pair.key, self.shard)]


def _contours_of(protocol: Protocol) -> Contours | None:
    if all(asked is None for asked in (protocol.boundary, protocol.distances, protocol.lesions)):
        return None
    if protocol.distances is not None:
        from segeval.contours.distances import require_tree  # few runs measure distances

        require_tree()
    if protocol.lesions is not None:
        from segeval.contours.lesions import require_labelling  # few runs look for lesions

        require_labelling()
    return Contours(region_rules(protocol), protocol.boundary, protocol.distances, protocol.lesions)


def reading_of(pairing: Pairing, request: Request, *, digest_predictions: bool) -> Reading:
    """Say how the files of `pairing` are read for `request`."""
    open_values = request.protocol.classes is None and not request.protocol.binary
    stored = request.protocol.storage
    return Reading(
        pred=opened(pairing.pred_root),
        gt=opened(pairing.gt_root),
        pred_palette=request.pred_palette,
        gt_palette=request.gt_palette,
        max_pixels=request.max_pixels,
        most_values=MOST_INFERRED_CLASSES if open_values else None,
        gt_jpeg=request.protocol.gt_threshold is not None,
        pred_jpeg=request.protocol.pred_threshold is not None,
        gt_storage=AS_STORED if stored == PLAINLY else stored.side("gt"),
        pred_storage=AS_STORED if stored == PLAINLY else stored.side("pred"),
        logits=stored.logits,
        gt_level=request.protocol.gt_threshold,
        pred_level=request.protocol.pred_threshold,
        multilabel=stored.multilabel,
        resize_pred=stored.resize_pred,
        gt_folders=bool(pairing.gt_class_folders),
        pred_folders=bool(pairing.class_folders),
        digest_predictions=digest_predictions,
        contours=_contours_of(request.protocol),
        roi=pairing.roi_root,
        gt_segments=request.gt_segments,
        pred_segments=request.pred_segments,
    )


def collected(
    pairs: Sequence[Pair],
    measure_one: Callable[[Pair], MeasuredRow],
    reading: Reading,
    problems: list[SegevalError],
    course: Course,
) -> Iterator[MeasuredRow]:
    """Yield what could be measured, and add what went wrong to `problems`."""
    if course.gather is not None:
        yield from course.gather(pairs, measure_one, reading, problems, course)
        return
    if course.journal is not None:
        measure_one = partial(_measure_unless_known, measure=measure_one, reading=reading, journal=course.journal)
    for done, result in enumerate(stream(pairs, measure_one, name=files_of, jobs=course.jobs), start=1):
        if course.journal is not None:
            course.journal.check()
        if isinstance(result, Failure):
            problems.append(result.error)
        else:
            yield result
        if course.progress is not None:
            course.progress(done, len(pairs))


def _measure_unless_known(
    pair: Pair, *, measure: Callable[[Pair], MeasuredRow], reading: Reading, journal: Journal
) -> MeasuredRow:
    """Take a row from the journal where the pair's files are still those it was measured from, else measure it."""
    known = journal.find(pair.key)
    if known is not None and is_unchanged(pair, known_files(known), reading):
        return known
    measured = measure(pair)
    journal.record(measured)
    return measured


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows in the order of a run."""
    return tuple(sorted(rows, key=lambda row: sort_key(row.key)))


def names_of(pairs: Iterable[Pair]) -> Mapping[str, tuple[str, str]]:
    """Return the files by which errors name each key."""
    return {pair.key: (gt_name(pair.gt), pred_name(pair.pred[0]) if pair.pred else "") for pair in pairs}


def usable_pairs(pairing: Pairing, missing: str) -> tuple[Sequence[Pair], list[SegevalError]]:
    """Return the pairs to measure, and what is wrong with the rest."""
    try:
        return require_pairs(pairing, missing=missing), []
    except SegevalError as error:
        photos = set(pairing.photos) if pairing.hint else set()
        named = [(pair, {gt_name(pair.gt), *map(pred_name, pair.pred)}) for pair in pairing.pairs if pair.pred]
        return [pair for pair, names in named if not names & photos], [error]


def pairing_warnings(pairing: Pairing, missing: str) -> tuple[Finding, ...]:
    """Tell what does not pair and is yet no error; images that count as wrong are in the run."""
    found = [*swapped_names(pairing)]
    if pairing.extra:
        found.append(
            Finding(
                "extra",
                "predictions without ground truth are not scored",
                shown(map(pred_name, pairing.extra)),
                "Leave them, or add their ground truth",
            )
        )
    if pairing.missing and missing == "skip":
        found.append(
            Finding(
                "missing",
                "images without prediction are left out",
                shown(map(gt_name, pairing.missing)),
                "Add the predictions, or count the images as wrong with --missing miss",
            )
        )
    return tuple(found)


def predictions_of(pairs: Sequence[Pair]) -> list[str]:
    """Return the first prediction file of every pair that has one, as errors name it."""
    return [pred_name(pair.pred[0]) for pair in pairs if pair.pred]


def class_folders_given(pairing: Pairing, *, named: bool = False) -> Iterator[SegevalError]:
    """Tell that predictions lie in one folder a class, where nearly every image finds one candidate in each."""
    candidates = [files for _, files in pairing.ambiguous if len(files) > 1]
    inside = [{file.partition("/")[2] for file in files} for files in candidates]
    alike = [files for files, names in zip(candidates, inside, strict=True) if len(names) == 1 and "" not in names]
    if not alike or 2 * len(alike) < len(pairing.pairs) + len(pairing.ambiguous):
        return
    folders = sorted({file.partition("/")[0] for files in alike for file in files})
    yield MaskError(
        "predictions hold one folder a class, as probability maps do",
        (", ".join(f"pred/{folder}/" for folder in folders),),
        "Name the classes in their order with --classes" if named else "Score them with --probs",
        kind="probability-maps",
    )
