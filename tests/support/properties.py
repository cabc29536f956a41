"""How many examples a property is tried on: a quarter where a change is checked, all of them at night."""

from __future__ import annotations

import os

VARIABLE = "SEGTEST_EXAMPLES"
USUAL = 100
"""Examples of a property that names no number."""


def examples(number: int = USUAL) -> int:
    """Return `number` where `SEGTEST_EXAMPLES` is `all`, and a quarter of it otherwise."""
    return number if os.environ.get(VARIABLE) == "all" else max(number // 4, 10)
