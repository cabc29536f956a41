"""What an engine is: whatever runs a function in another process and gives a future for it."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from segeval.errors import SegevalError

PACKAGES = ("segeval-masks", "numpy", "pillow")
"""Distributions that must be of one version wherever an image is measured."""
SILENCE = 1800.0
"""Seconds without any result after which an engine is given up."""


class LostError(Exception):
    """Tell that a process ended while it measured a chunk."""


class Engine(Protocol):
    """Run functions elsewhere; `name` is what errors call it, and `here` tells of threads of this process."""

    name: str
    here: bool

    def chunks_in_flight(self) -> int:
        """Return how many chunks may wait or run at once."""

    def submit(self, head: bytes, chunk: bytes, done: Callable[[Any], object]) -> Any:
        """Send `measured_chunk` of the two out; the future is handed to `done` when it has ended, however it did."""

    def outcome(self, future: Any) -> bytes:
        """Return what an ended future brings; raises `LostError`, or `SegevalError` where the engine is gone."""

    def check(self) -> None:
        """Raise `SegevalError` where nobody is left who could bring a result."""


@lru_cache(maxsize=1)
def versions_here() -> tuple[str, ...]:
    """Return the versions of `PACKAGES` in this process."""
    return tuple(map(_version, PACKAGES))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def require_versions(found: Sequence[str], where: str, engine: str) -> None:
    """Raise `SegevalError` where a process has other versions than this one."""
    pairs = zip(PACKAGES, found, versions_here(), strict=True)
    different = [f"{where}: {name} {theirs}, here {ours}" for name, theirs, ours in pairs if theirs != ours]
    if different:
        raise SegevalError(
            f"the workers of {engine} have other versions than this process",
            different,
            "Install the same versions on both sides; counts are equal only where the programs are",
            kind="engine",
        )


@lru_cache(maxsize=1)
def _opened(head: bytes) -> Any:
    """Return what all chunks of a run share, as one object, so that what a thread holds for the next one is found."""
    return pickle.loads(head)


def measured_chunk(head: bytes, chunk: bytes) -> bytes:
    """Measure some images in this process, and return (versions, results, pace) as bytes; runs on a worker.

    The pace is the seconds of an image behind the first, which may import what the others find; of one image 0.
    """
    (measure, prepare, _), items = _opened(head), pickle.loads(chunk)
    if prepare is not None:
        prepare(items)
    results = [measure(items[0])]
    start = time.perf_counter()
    results += map(measure, items[1:])
    pace = (time.perf_counter() - start) / max(1, len(items) - 1)
    return pickle.dumps((versions_here(), results, pace), pickle.HIGHEST_PROTOCOL)
