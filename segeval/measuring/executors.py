"""Any executor of `concurrent.futures` as an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import TracebackType

from segeval.errors import SegevalError, unexpected_error
from segeval.measuring.chunks import measured_chunk
from segeval.measuring.measurement import CHUNKS_IN_FLIGHT, usable_cpus

AGAIN = "Start a new one; with --save, --resume goes on from the rows that came"


class ExecutorEngine:
    """Send chunks to an executor that somebody else opened and will close.

    A pool of processes that has lost one is broken for good, and so is the engine.
    """

    def __init__(self, executor: Executor) -> None:
        self.name = type(executor).__name__
        self.here = isinstance(executor, ThreadPoolExecutor)
        self._executor = executor
        workers = getattr(executor, "_max_workers", None)  # of both pools of the standard library, and of loky
        self._workers = workers if isinstance(workers, int) else usable_cpus()
        self._dead: set[int] = set()

    def __enter__(self) -> ExecutorEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def chunks_in_flight(self) -> int:
        """Return a few for each worker."""
        return (CHUNKS_IN_FLIGHT + 1) * self._workers

    def submit(self, head: bytes, chunk: bytes, done: Callable[[Future[bytes]], object]) -> Future[bytes]:
        """Send a chunk out; raises `SegevalError` where the executor takes none."""
        try:
            future = self._executor.submit(measured_chunk, head, chunk)
        except BrokenExecutor as error:
            raise self._broken() from error
        except RuntimeError as error:  # what executors say when they have been shut down
            raise SegevalError(f"{self.name} takes no work: {error}", (), AGAIN, kind="engine") from error
        future.add_done_callback(done)
        return future

    def outcome(self, future: Future[bytes]) -> bytes:
        """Return what a chunk gave; raises `SegevalError` where the executor lost it."""
        try:
            return future.result()
        except BrokenExecutor as error:
            raise self._broken() from error
        except CancelledError as error:
            raise SegevalError(f"{self.name} has cancelled its work", (), AGAIN, kind="engine") from error
        except Exception as error:
            raise unexpected_error(error, (self.name,)) from error

    def check(self) -> None:
        """Break a pool that lost a process as it sent its result: Python's own waits for the rest of that for ever."""
        processes = dict(getattr(self._executor, "_processes", None) or {})
        dead = {number for number, process in processes.items() if process.exitcode not in (None, 0)}
        if dead & self._dead:  # and what the pool itself has noticed, it has told since the last look
            for process in processes.values():
                process.kill()
            with suppress(AttributeError, KeyError, OSError):
                # Nobody can send any more, and the pool's reader sees the end only of a pipe that nobody holds open.
                vars(self._executor)["_result_queue"]._writer.close()
        self._dead = dead

    def _broken(self) -> SegevalError:
        return SegevalError(
            "a process of the pool ended, and the pool with it",
            (self.name,),
            f"{AGAIN}; Dask (engine dask) outlives such a loss, and names the image that causes it",
            kind="engine",
        )


@contextmanager
def threads(jobs: int | None) -> Iterator[ExecutorEngine]:
    """Give threads of this process, one a usable processor by default."""
    executor = ThreadPoolExecutor(jobs or usable_cpus(), thread_name_prefix="segeval")
    try:
        yield ExecutorEngine(executor)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
