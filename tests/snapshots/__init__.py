"""Texts that are held as files beside this one; `SEGEVAL_UPDATE_SNAPSHOTS=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent
UPDATE = os.environ.get("SEGEVAL_UPDATE_SNAPSHOTS") == "1"


def check_snapshot(name: str, text: str) -> None:
    """Compare a text with the file of that name; a file that is missing is a difference."""
    path = FOLDER / name
    if UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.exists(), f"no snapshot {name}: run with SEGEVAL_UPDATE_SNAPSHOTS=1 and read what it writes"
    assert text == path.read_text(encoding="utf-8")
