"""How much is tried of properties and of what originals print: a quarter where a change is checked, all at night."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

VARIABLE = "SEGTEST_EXAMPLES"
Member = TypeVar("Member")
USUAL = 100
"""Examples of a property that names no number."""


def examples(number: int = USUAL) -> int:
    """Return `number` where `SEGTEST_EXAMPLES` is `all`, and a quarter of it otherwise."""
    return number if os.environ.get(VARIABLE) == "all" else max(number // 4, 10)


def some(members: Sequence[Member]) -> Sequence[Member]:
    """Return all members where `SEGTEST_EXAMPLES` is `all`, and every fourth otherwise."""
    return members if os.environ.get(VARIABLE) == "all" else members[::4]
