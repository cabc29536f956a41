"""What is noted of a run whose files store labels in another way than plainly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from segeval.protocol.protocol import Inference

if TYPE_CHECKING:
    from segeval.runs.run import Run


def storage_notes(run: Run) -> Iterator[Inference]:
    """Tell what was read otherwise than its files say, with the option that asks for it where it was not given."""
    for side, traits in (("gt", run.traits.gt), ("pred", run.traits.pred)):
        if traits.gray_as_rgb:
            yield Inference(f"three equal channels of {side} are read as gray", f"--{side}-channel R")
    tolerance = run.protocol.storage.palette_tolerance
    for place, side in enumerate(("gt", "pred") if tolerance else ()):
        pixels = sum(row.inexact[place] for row in run.rows)
        if pixels:
            of_all = f"{pixels:,} of {run.pixels:,} pixels of {side} ({100 * pixels / run.pixels:.2f} %)"
            yield Inference(f"{of_all} have a colour up to {tolerance} off the palette's, read as the nearest", "")
