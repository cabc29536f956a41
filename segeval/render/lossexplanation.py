"""The losses of an explanation: each by what it is divided by."""

from __future__ import annotations

from collections.abc import Mapping

from segeval.protocol.settings import LOSS_REDUCTIONS
from segeval.render.report.wording import loss, title
from segeval.render.syntax.page import Page, grid
from segeval.scores.overlap import Value


def print_reductions(page: Page, losses: Mapping[str, Mapping[str, Value]]) -> None:
    """Print a row a loss and a column a reduction, nothing for label masks; "" is what a reduction leaves alone."""
    if not losses:
        return
    used = [rule for rule in LOSS_REDUCTIONS if any(rule in values for values in losses.values())]
    rows = [
        (title(name), *(loss(values[rule]) if rule in values else "" for rule in used))
        for name, values in losses.items()
    ]
    page.show(grid(("divided by", *used), rows, right=tuple(range(1, len(used) + 1))))
    page.say("what a loss is divided by, as --loss-reduction names it; images: each image alone, then their mean")
