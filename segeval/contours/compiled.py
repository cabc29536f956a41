"""Whether the kernels of contours are there; without them NumPy does the same, several times as slowly."""

from __future__ import annotations

from functools import cache

from segeval.tables.lane import fast, loads

KERNELS = tuple(f"segeval.contours.{name}" for name in ("bandrows", "borderrows", "matchrows", "runrows"))


@cache
def _all_load() -> bool:
    return all(map(loads, KERNELS))


def compiled() -> bool:
    """Tell whether the kernels are compiled, and the lane is fast."""
    return fast() and _all_load()
