"""Score two folders on a Dask cluster of two processes, of which one is killed every so many rows or seconds.

    python -m tests.support.daskkills PRED GT RUN --rows 100 [--seconds 1] [--chunk 64]

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

from distributed import Client, LocalCluster

from segeval.measuring import dispatch
from segeval.measuring.measure import measure
from segeval.request import build_request
from segeval.runs.file import save_run


class Killer:
    """Kill the worker processes of a cluster in turn, with the signal that nothing can catch."""

    def __init__(self, client: Client, rows: int) -> None:
        self.kills = 0
        self._client = client
        self._rows = rows

    def progress(self, done: int, total: int) -> None:
        if self._rows and done % self._rows == 0 and done < total:
            self.kill()

    def kill(self) -> None:
        with suppress(Exception):  # who is being started again does not answer
            processes = sorted(self._client.run(os.getpid, on_error="ignore").values())
            os.kill(processes[self.kills % len(processes)], signal.SIGKILL)
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
    parser.add_argument("folders", nargs=2, type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--chunk", type=int, default=dispatch.LARGEST_CHUNK)
    chosen = parser.parse_args()
    dispatch.LARGEST_CHUNK = chosen.chunk
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, security=True, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        Client(cluster) as client,
    ):
        killer = Killer(client, chosen.rows)
        with killer.every(chosen.seconds):
            request = build_request(classes=19)
            found = measure(*chosen.folders, request, engine=client, progress=killer.progress)
        assert not found.problems, found.problems
        save_run(found.run, chosen.run)
        print(f"{killer.kills} kills, {len(found.run.rows)} images")


if __name__ == "__main__":
    main()
