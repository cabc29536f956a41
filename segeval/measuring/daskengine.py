"""Dask as an engine: a cluster on this machine, a scheduler somewhere else, or a client that somebody has opened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Any

from segeval.errors import SegevalError, UsageError
from segeval.measuring.chunks import PACKAGES, SILENCE, LostError, measured_chunk, require_versions
from segeval.measuring.measurement import CHUNKS_IN_FLIGHT, usable_cpus

FEWEST_CHUNKS = 8
"""Chunks in flight where a cluster has few workers or none yet: those that grow look at what waits."""
FETCHERS = 8
"""Results that are fetched at once: each waits for several processes in turn."""
CONNECTING = 30
"""Seconds in which a scheduler must answer."""
LOOK_AGAIN = 10.0
"""Seconds after which the workers are counted again."""
WITHOUT_WORKERS = 600.0
"""Seconds that a scheduler may have no worker at all."""
LOST = (OSError, TimeoutError, CancelledError, asyncio.CancelledError)
"""What calls raise whose scheduler goes: of futures that it had, Dask says that they were cancelled."""
LOGGERS = ("distributed", "distributed.client")
"""Those that Dask gives a level of their own; the others take it from them."""
GO_ON = "Look at the scheduler and its log; with --save, --resume goes on from the rows that came"
OF_LOCAL_CLUSTERS = {
    # Chunks come back at the first loss, to be halved here; nobody else uses this scheduler.
    "distributed.scheduler.allowed-failures": 0,
    # After this time a cluster drops a worker that is just then being started again.
    "distributed.deploy.lost-worker-timeout": "30 days",
    # Schedulers and workers open a web server whatever is said of the dashboard: here it knows no page.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Workers would give memory back at once, and the system takes longer to hand it out again than an image takes.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
TLS_FIX = (
    "Set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and "
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY to files, here and on the workers"
)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError("--engine dask needs Dask", (), "Install it: pip install 'segeval-masks[dask]'") from None
    return distributed


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what Dask logs of a lost connection off the terminal: it is told as an error."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def local_cluster(jobs: int | None) -> Iterator[DaskEngine]:
    """Give a cluster of `jobs` processes of this machine, one a usable processor by default."""
    distributed = _distributed()
    import dask

    with (
        _silent(),
        dask.config.set(OF_LOCAL_CLUSTERS),
        distributed.LocalCluster(
            n_workers=jobs or usable_cpus(),
            threads_per_worker=1,
            security=True,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # without one it listens at 8787
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
        closing(_ready(client, "the Dask cluster of this machine")) as engine,
    ):
        cluster.scheduler.http_server.stop()
        yield engine


@contextmanager
def at_address(address: str, name: str) -> Iterator[DaskEngine]:
    """Give the cluster of the scheduler at `address`; raises `SegevalError` where it does not answer in time."""
    distributed = _distributed()
    encrypted = address.startswith("tls:")
    try:
        security = distributed.Security() if encrypted else None
        client = distributed.Client(address, timeout=CONNECTING, security=security, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        fix = "Check host and port, and that dask-scheduler runs there and can be reached from here"
        raise SegevalError(
            "a Dask scheduler does not answer",
            (f"{name}: {type(error).__name__}",),
            f"{fix}. {TLS_FIX}" if encrypted else fix,
            kind="engine",
        ) from error
    with _silent(), client, closing(_ready(client, name)) as engine:
        yield engine


@contextmanager
def of_client(client: Any) -> Iterator[DaskEngine]:
    """Give the cluster of a client that somebody else opened and will close; raises `UsageError` for no client."""
    if not _is_client(client):
        raise UsageError(
            "this is no engine",
            (type(client).__name__,),
            'Give "dask", "dask://HOST:PORT", an executor of concurrent.futures, or a Dask client that waits',
        )
    with closing(_ready(client, f"the Dask scheduler {client.scheduler.address}")) as engine:
        yield engine


def _is_client(client: Any) -> bool:
    """Tell whether something is a Dask client that waits; without Dask nothing is."""
    try:
        return isinstance(client, _distributed().Client) and not client.asynchronous
    except UsageError:
        return False


def _ready(client: Any, name: str) -> DaskEngine:
    """Return the engine of a client, once it has a worker and all are of our versions."""
    engine = DaskEngine(client, name)
    with _told(name):
        try:
            client.wait_for_workers(1, timeout=WITHOUT_WORKERS)
        except TimeoutError:
            raise engine.without_workers() from None
        found: dict[str, list[str]] = {}
        for package in PACKAGES:
            for worker, answer in client.run(version, package, on_error="return").items():
                told = answer if isinstance(answer, str) else "not installed"
                found.setdefault(worker, []).append(told)
    for worker, versions in sorted(found.items()):
        if len(versions) == len(PACKAGES):  # one that came or went meanwhile is looked at with its first chunk
            require_versions(versions, f"worker {worker}", name)
    return engine


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Make errors of a connection into one that names the scheduler."""
    try:
        yield
    except LOST as error:
        raise SegevalError(
            "the Dask scheduler is gone", (f"{name}: {type(error).__name__}",), GO_ON, kind="engine"
        ) from error


class DaskEngine:
    """Send chunks to a Dask cluster.

    Work-stealing and what becomes of results is Dask's; what a lost process was measuring comes back as `LostError`.
    """

    here = False

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self._client = client
        self._threads = 1
        self._looked = float("-inf")
        self._manned = time.monotonic()
        self._fetched: dict[str, bytes | Exception] = {}
        self._fetchers = ThreadPoolExecutor(FETCHERS, thread_name_prefix="segeval-fetcher")

    def close(self) -> None:
        """Fetch nothing more."""
        self._fetchers.shutdown(wait=False, cancel_futures=True)

    def chunks_in_flight(self) -> int:
        """Return a few for each thread of the workers that there are now."""
        if time.monotonic() - self._looked > LOOK_AGAIN:
            with _told(self.name):
                self._look()
        return max(FEWEST_CHUNKS, (CHUNKS_IN_FLIGHT + 1) * self._threads)

    def submit(self, head: bytes, chunk: bytes, done: Callable[[Any], object]) -> Any:
        """Send a chunk out; raises `SegevalError` where the scheduler is gone."""
        if self._client.status != "running":
            raise self._gone()
        with _told(self.name):
            future = self._client.submit(measured_chunk, head, chunk, pure=False)
        future.add_done_callback(partial(self._fetch_soon, done=done))
        return future

    def _fetch_soon(self, future: Any, *, done: Callable[[Any], object]) -> None:
        """Fetch the result of a future that has ended, and say so then: many fetches wait at once for their answers."""

        def fetch() -> None:
            try:
                self._fetched[future.key] = self._fetch(future)
            except Exception as error:  # told by `outcome`, in the thread that asks
                self._fetched[future.key] = error
            done(future)

        with suppress(RuntimeError):  # nobody waits any more
            self._fetchers.submit(fetch)

    def outcome(self, future: Any) -> bytes:
        """Return what a chunk gave; raises `LostError` where its worker ended, `SegevalError` where all is lost."""
        found = self._fetched.pop(future.key)
        future.release()
        if isinstance(found, Exception):
            raise found
        return found

    def _fetch(self, future: Any) -> bytes:
        from distributed import KilledWorker

        try:
            return self._waited_for(future)
        except KilledWorker as error:
            raise LostError from error
        except LOST as error:
            raise self._gone() from error
        except Exception as error:
            raise SegevalError(
                f"a worker of {self.name} could not run segeval",
                (f"{type(error).__name__}: {error}",),
                "Install segeval-masks with the same extras on every worker",
                kind="engine",
            ) from error

    def _waited_for(self, future: Any) -> bytes:
        """Return a result; where its worker ends before it is fetched, Dask computes it again."""
        deadline = time.monotonic() + SILENCE
        while True:
            try:
                data: bytes = future.result(timeout=LOOK_AGAIN)
                return data
            except TimeoutError:
                self.check()
                if time.monotonic() > deadline:
                    raise

    def check(self) -> None:
        """Raise `SegevalError` where the scheduler is gone, or has had no worker for long."""
        if self._client.status != "running":
            raise self._gone()
        if time.monotonic() - self._looked > LOOK_AGAIN:
            with _told(self.name):
                self._look()
        if time.monotonic() - self._manned > WITHOUT_WORKERS:
            raise self.without_workers()

    def without_workers(self) -> SegevalError:
        """Return the error of a scheduler without workers."""
        return SegevalError(
            f"{self.name} has had no worker for {WITHOUT_WORKERS / 60:.0f} minutes",
            (),
            "Start workers (dask worker HOST:PORT), or wait for them before the run; with --save, --resume goes on",
            kind="engine",
        )

    def _look(self) -> None:
        self._threads = sum(self._client.nthreads().values())
        self._looked = time.monotonic()
        if self._threads:
            self._manned = self._looked

    def _gone(self) -> SegevalError:
        return SegevalError("the Dask scheduler is gone", (self.name,), GO_ON, kind="engine")
