"""Score two folders on a Dask cluster of two processes, of which one is killed every so many rows or seconds.

    python -m tests.support.daskkills PRED GT RUN [--rows 100] [--seconds 1] [--boundary 3]

Prints how many kills there were. A process of its own, since a cluster leaves threads and warnings behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from segeval.measuring.measure import measure
from segeval.request import build_request
from segeval.runs.file import save_run


class Killer:
    """Kill the worker processes of a cluster in turn, with the signal that nothing can catch."""

    def __init__(self, cluster: LocalCluster, rows: int) -> None:
        self.kills = 0
        self._cluster = cluster
        self._rows = rows

    def progress(self, done: int, total: int) -> None:
        if self._rows and done % self._rows == 0 and done < total:
            self.kill()

    def kill(self) -> None:
        known = self._cluster.scheduler.workers
        # Not one that is still starting: Dask waits for it half a minute.
        alive = [nanny for nanny in self._cluster.workers.values() if nanny.worker_address in known]
        with suppress(TypeError, OSError):  # of the processes that went meanwhile
            if alive:
                os.kill(alive[self.kills % len(alive)].pid, signal.SIGKILL)
                self.kills += 1

    @contextmanager
    def every(self, seconds: float) -> Iterator[None]:
        over = threading.Event()

        def kill_until_over() -> None:
            while not over.wait(seconds):
                self.kill()

        thread = threading.Thread(target=kill_until_over, daemon=True)
        if seconds:
            thread.start()
        yield
        over.set()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("pred", "gt", "run"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--boundary", help="measure borders too, which takes longer")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    chosen = parser.parse_args()
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 day"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, security=True, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        Client(cluster) as client,
    ):
        killer = Killer(cluster, chosen.rows)
        with killer.every(chosen.seconds):
            request = build_request(classes=19, boundary=chosen.boundary)
            found = measure(chosen.pred, chosen.gt, request, engine=client, progress=killer.progress)
        assert not found.problems, found.problems
        save_run(found.run, chosen.run)
        print(f"{killer.kills} kills, {len(found.run.rows)} images")


if __name__ == "__main__":
    main()
