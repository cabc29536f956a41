"""What is noted of a run whose files store labels in another way than plainly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from segeval.protocol.protocol import Inference
from segeval.runs.columns import LazyRows

if TYPE_CHECKING:
    from segeval.runs.run import Row, Run


def storage_notes(run: Run) -> Iterator[Inference]:
    """Tell what was read otherwise than its files say, with the option that asks for it where it was not given."""
    for side, traits in (("gt", run.traits.gt), ("pred", run.traits.pred)):
        if traits.gray_as_rgb:
            yield Inference(f"three equal channels of {side} are read as gray", f"--{side}-channel R")
    tolerance = run.protocol.storage.palette_tolerance
    for side, pixels in zip(("gt", "pred"), _inexact(run.rows), strict=True) if tolerance else ():
        if pixels:
            of_all = f"{pixels:,} of {run.pixels:,} pixels of {side} ({100 * pixels / run.pixels:.2f} %)"
            yield Inference(f"{of_all} have a colour up to {tolerance} off the palette's, read as the nearest", "")


def _inexact(rows: Sequence[Row]) -> tuple[int, int]:
    """Return the pixels of ground truth and predictions whose colour is only near one of the palette."""
    if isinstance(rows, LazyRows):
        gt, pred = rows.columns.inexact.sum(axis=0).tolist()
        return gt, pred
    return sum(row.inexact[0] for row in rows), sum(row.inexact[1] for row in rows)
