"""What measuring all pairs of two folders would take, from a few of them measured in the very way that is planned."""

from __future__ import annotations

import pickle
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

from segeval.errors import raise_all
from segeval.measuring.inspecting import SAMPLE, sampled
from segeval.measuring.measure import Progress, measure, paired, with_folder_classes
from segeval.measuring.measurement import usable_cpus, usable_pairs
from segeval.report.plan import Plan
from segeval.request import Request
from segeval.runs.file import run_to_bytes
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.measuring.engines import AnyEngine
    from segeval.stores.urls import Root

FEW = 8
"""Pairs of the first of two samples: what both take beside their pairs is the time to start."""


def plan(
    pred: Root,
    gt: Root,
    request: Request,
    *,
    sample: int = SAMPLE,
    price: float | None = None,
    jobs: int | None = None,
    engine: AnyEngine | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Pair two folders, measure at most `sample` pairs with an engine, and say what all of them would take.

    Raises `SegevalError` for what does not pair or cannot be measured.
    """
    before = time.perf_counter()
    request = with_folder_classes(pred, gt, request)
    pairing = paired(pred, gt, request)
    pairs, problems = usable_pairs(pairing, request.protocol.missing)
    raise_all(problems)
    listing = time.perf_counter() - before

    def timed(most: int) -> tuple[float, Run]:
        begun = time.perf_counter()
        shard = sampled(pairs, most)
        course: dict[str, Any] = {"jobs": jobs, "engine": engine, "progress": progress}
        found = measure(pred, gt, request, **course, shard=shard, pairing=pairing)
        seconds = time.perf_counter() - begun
        raise_all(found.problems)
        return seconds, found.run

    few_seconds, few = timed(max(1, min(FEW, sample // 4, len(pairs) // 4)))
    seconds, run = timed(sample)
    count, start = len(run.rows), 0.0
    if count > len(few.rows):
        per_pair = (seconds - few_seconds) / (count - len(few.rows))
        if per_pair > 0:  # else the first of the two met more than a start: files that no cache had
            start = min(max(0.0, few_seconds - per_pair * len(few.rows)), seconds / 2)
    return Plan(
        engine=_engine_text(engine, jobs),
        pairs=len(pairs),
        listing=listing,
        sample=count,
        sample_seconds=seconds - start,
        start=start,
        peak=_peak(),
        row_memory=_memory(run) / count,
        row_file=len(run_to_bytes(run, packed=False)) / count,
        row_packed=len(run_to_bytes(run, packed=True)) / count,
        price=price,
    )


def _engine_text(engine: AnyEngine | None, jobs: int | None) -> str:
    if engine is None:
        workers = jobs or usable_cpus()
        return f"{workers} thread{'s' if workers > 1 else ''}"
    if engine == "dask":
        return f"dask, {jobs or usable_cpus()} processes"
    return engine if isinstance(engine, str) else type(engine).__name__


def _memory(run: Run) -> int:
    """Return the bytes that the rows of a run take, by making them once more."""
    data = pickle.dumps(tuple(run.rows), pickle.HIGHEST_PROTOCOL)
    tracemalloc.start()
    try:
        rows = pickle.loads(data)
        held, _ = tracemalloc.get_traced_memory()
        del rows
    finally:
        tracemalloc.stop()
    return held


def _peak() -> int | None:
    """Return the most bytes that this process has had in memory, `None` where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
