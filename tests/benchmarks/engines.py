"""Dask on street scenes: two processes beside one, and what an image costs beside its measuring.

python -m tests.benchmarks.engines [PAIRS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import dask
from distributed import Client, LocalCluster

from segeval.measuring.daskengine import OF_LOCAL_CLUSTERS
from segeval.measuring.measure import measure
from segeval.request import build_request
from tests.benchmarks import corpora

ROUNDS, TIMES = 4, 2
"""How often each cluster is started, in turns, and how often it measures all pairs then, after once unmeasured."""
DRAWN = 20
STREET = next(entry for entry in corpora.CORPORA if entry.name == "cityscapes")
REQUEST = build_request(classes=STREET.classes, ignore=(STREET.ignore,))


def tree_seconds() -> float:
    """Return the seconds of the processor of this process and of those that it has started."""
    here = import_module("psutil").Process()
    return sum(sum(process.cpu_times()[:2]) for process in (here, *here.children(recursive=True)))


def spent(folders: corpora.Folders, engine: Client | None) -> tuple[float, float]:
    """Return the seconds that measuring takes, of the clock and of the processor; `None` is one thread."""
    start, before = time.perf_counter(), tree_seconds()
    measured = measure(folders.pred, folders.gt, REQUEST, engine=engine, jobs=1)
    assert not measured.problems
    return time.perf_counter() - start, tree_seconds() - before


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """Give a cluster of processes of this machine, as `--engine dask` does."""
    options = {"threads_per_worker": 1, "security": True, "dashboard_address": None, "silence_logs": "CRITICAL"}
    with (
        dask.config.set(OF_LOCAL_CLUSTERS),
        LocalCluster(n_workers=workers, **options) as found,
        Client(found, set_as_default=False) as client,
    ):
        yield client


def main(pairs: int = 3000) -> None:
    """Time both in turns."""
    folders = corpora.folders(STREET, DRAWN, corpora.default_directory(), copies=pairs // DRAWN)
    found: dict[str, list[tuple[float, float]]] = {"a thread": [], "one process": [], "two processes": []}
    for _ in range(ROUNDS):
        found["a thread"].append(spent(folders, None))
        for workers, name in ((1, "one process"), (2, "two processes")):
            with cluster(workers) as client:
                found[name] += [spent(folders, client) for _ in range(TIMES + 1)][1:]
    for name, taken in found.items():
        clock, processor = (statistics.median(part) / pairs * 1000 for part in zip(*taken, strict=True))
        print(f"{name}: {clock:.3f} ms a pair, {processor:.3f} ms of the processor")
    times = [one[0] / two[0] for one, two in zip(found["one process"], found["two processes"], strict=True)]
    print(
        f"two processes are {statistics.median(times):.2f} times as fast as one ({min(times):.2f} to {max(times):.2f})"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
