"""How the pixels of each class were predicted: the confusion matrix by rows, and what is confused most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segeval.protocol.labeling import OUTSIDE
from segeval.records import dataclass
from segeval.scores.overlap import Value
from segeval.tables.counts import Confusion


@dataclass(frozen=True, slots=True)
class Confused:
    """Hold one way of being wrong: `pixels` of class `gt` that were predicted `pred`, and their share of the class.

    Both are positions in the class list; `pred` may be `VOID`, `UNKNOWN` or `NO_FILE`. `share` is in (0, 1].
    """

    gt: int
    pred: int
    pixels: int
    share: float


def row_shares(table: Confusion) -> tuple[tuple[Value, ...], ...]:
    """Return what share of each class's valid pixels was predicted as each class, void, unknown, and not at all.

    K rows of K + 3 fractions, which sum to 1; `None` throughout for a class that the ground truth does not have. This
    is the confusion matrix normalised over the true classes (rows).
    """
    counts = table.counts[: table.size]
    return tuple(
        tuple(pixels / whole for pixels in row) if whole else (None,) * len(row)
        for row, whole in zip(counts.tolist(), counts.sum(axis=1).tolist(), strict=True)
    )


def confusions(table: Confusion) -> tuple[Confused, ...]:
    """Return every confusion that occurs, the largest share of its class first, then the most pixels."""
    places: Sequence[int] = (*range(table.size), *OUTSIDE)
    counts = table.counts[: table.size]
    wholes = counts.sum(axis=1).tolist()
    rows, columns = np.nonzero(counts)
    found = [
        Confused(gt, places[column], pixels, pixels / wholes[gt])
        for gt, column, pixels in zip(rows.tolist(), columns.tolist(), counts[rows, columns].tolist(), strict=True)
        if column != gt
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, -one.pixels, one.gt)))
