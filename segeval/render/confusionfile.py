"""The confusion matrix as a file: CSV with a row for each class of the ground truth."""

from __future__ import annotations

from segeval.protocol.labeling import OUTSIDE
from segeval.render.syntax.csv import csv_text
from segeval.report.report import Report


def confusion_csv(report: Report) -> str:
    """Return pixels by ground truth (rows) and prediction (columns), names safe to open.

    `id` and `name` of a class are followed by a column for each predicted class, headed with its name, in the order of
    the rows, and by the pixels predicted as void, predicted as an unknown value, and without a prediction. A row sums
    to the valid pixels of its class. Raises `UsageError` where pixels may be of several classes.
    """
    counts = report.confusion.counts[: report.confusion.size].tolist()
    head = ["id", "name", *(entry.name for entry in report.classes), *OUTSIDE.values()]
    rows = ([entry.id, entry.name, *cells] for entry, cells in zip(report.classes, counts, strict=True))
    return csv_text([head, *rows])
