"""Settings and fixtures that all tests share."""

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from segeval.tables import lane
from tests.support.properties import examples

# Machines are shared and slow at times: what a property needs is examples, not a deadline for each.
settings.register_profile("segeval", deadline=None, max_examples=examples())
settings.load_profile("segeval")


# A run in the background begins with signals that are ignored, and what it starts would ignore them too.
for number, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, number) and signal.getsignal(getattr(signal, number)) is signal.SIG_IGN:
        signal.signal(getattr(signal, number), handler)


# Where a test bounds the size of files, Python (seen in 3.11) would leave half a file of bytecode to all later runs.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


# Every run that is saved waits for the disk; one in memory is as good for tests, and there at once.
IN_MEMORY, ROOM = Path("/dev/shm"), 4 << 30
if os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


# Searching thousands of tests for cycles all the time costs a tenth of it.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish() -> None:
    """Leave what was collected out of every later search."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _lane_is_left_as_it_was() -> Iterator[None]:
    """Fail a test that leaves its choice of a lane to those after it."""
    before = os.environ.get(lane.VARIABLE)
    yield
    assert os.environ.get(lane.VARIABLE) == before


@pytest.fixture
def chosen_lane(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return what has images take the lane of a name for the rest of the test."""

    def choose(name: str) -> None:
        patched.setenv(lane.VARIABLE, name)
        lane.forget()

    with monkeypatch.context() as patched:
        yield choose
    lane.forget()


@pytest.fixture
def pillow_lane(chosen_lane: Callable[[str], None]) -> None:
    """Decode by Pillow and count by NumPy, whatever is compiled."""
    chosen_lane("pillow")
