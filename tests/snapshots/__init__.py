"""Texts that are held as files beside this one; `SEGTEST_UPDATE_SNAPSHOTS=1` writes them anew."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

FOLDER = Path(__file__).parent
UPDATE = os.environ.get("SEGTEST_UPDATE_SNAPSHOTS") == "1"
FULL_PRECISION = re.compile(r"(?=[\d.]{14})\d+\.\d+(?:e[+-]?\d+)?")
"""What is printed to the last digit, 13 digits or more: logarithms differ there between processors."""


def check_snapshot(name: str, text: str) -> None:
    """Compare a text with the file of that name; a file that is missing is a difference.

    Numbers of full precision may differ by 1e-12 of themselves, which is what is promised of logarithms.
    """
    path = FOLDER / name
    if UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.exists(), f"no snapshot {name}: run with SEGTEST_UPDATE_SNAPSHOTS=1 and read what it writes"
    held = path.read_text(encoding="utf-8")
    assert FULL_PRECISION.sub("#", text) == FULL_PRECISION.sub("#", held)
    for ours, theirs in zip(FULL_PRECISION.findall(text), FULL_PRECISION.findall(held), strict=True):
        assert math.isclose(float(ours), float(theirs), rel_tol=1e-12), (ours, theirs)
