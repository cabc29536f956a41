"""Which classes a picture of the confusion matrix shows, and the share of each row that each column has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segeval.report.report import Report

MOST_CLASSES = 40
"""Classes of a heat map; of more, those that lose or take most pixels."""


def shown_classes(report: Report) -> list[int]:
    """Return the positions of the classes that are shown, in the order of the report: at most `MOST_CLASSES`."""
    matrix = report.confusion.matrix
    if len(matrix) <= MOST_CLASSES:
        return list(range(len(matrix)))
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    return sorted(np.argsort(-wrong, kind="stable")[:MOST_CLASSES].tolist())


def row_shares(report: Report, shown: list[int]) -> NDArray[np.float64]:
    """Return the share of each shown class's valid pixels that each shown class was predicted for; NaN without any."""
    counts = report.confusion.counts[: report.confusion.size]
    total = counts.sum(axis=1)[shown].astype(np.float64)
    cells = report.confusion.matrix[np.ix_(shown, shown)]
    shares = np.full(cells.shape, np.nan)
    np.divide(cells, total[:, None], out=shares, where=total[:, None] > 0)
    return shares
