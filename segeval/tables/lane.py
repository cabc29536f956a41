"""Which of two lanes images take: compiled kernels, or Pillow and NumPy; no number depends on it."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec

from segeval.errors import UsageError

VARIABLE = "SEGEVAL_LANE"
LANES = ("fast", "pillow")
KERNELS = ("segeval.tables.pairrows", "segeval.images.pngrows")


def lane() -> str:
    """Return "fast" or "pillow": what `SEGEVAL_LANE` says, else "fast" where the kernels are compiled.

    Raises `UsageError` for another value, and for "fast" where there are no kernels.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked and asked not in LANES:
        raise UsageError(f"{VARIABLE} is {asked!r}", (), f"Set it to {' or '.join(LANES)}, or unset it")
    if asked == "pillow":
        return asked
    if compiled():
        return "fast"
    if asked:
        raise UsageError(
            f"{VARIABLE} is fast, and segeval was installed without its compiled kernels",
            (),
            f"Unset {VARIABLE}, or install segeval anew where there is a C compiler",
        )
    return "pillow"


@cache
def fast() -> bool:
    """Tell whether images take the fast lane, as it was chosen when first asked; raises as `lane` does."""
    return lane() == "fast"


def forget() -> None:
    """Let the lane be chosen anew, after `SEGEVAL_LANE` has changed."""
    fast.cache_clear()


def compiled() -> bool:
    """Tell whether every kernel is compiled and can be loaded, on a little-endian machine, for which they are made."""
    return sys.byteorder == "little" and all(map(_loads, KERNELS))


def _loads(name: str) -> bool:
    """Tell whether a module is compiled; the same module as Python, which needs Cython and takes minutes, is not."""
    found = find_spec(name)
    if found is None or not isinstance(found.loader, ExtensionFileLoader):
        return False
    try:
        import_module(name)
    except ImportError:  # compiled for another system
        return False
    return True
