"""Settings and fixtures that all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from segeval.tables import lane

# Machines are shared and slow at times: what a property needs is examples, not a deadline for each.
settings.register_profile("segeval", deadline=None)
settings.load_profile("segeval")


@pytest.fixture
def pillow_lane(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decode by Pillow and count by NumPy, whatever is compiled."""
    with monkeypatch.context() as patched:
        patched.setenv(lane.VARIABLE, "pillow")
        lane.forget()
        yield
    lane.forget()
