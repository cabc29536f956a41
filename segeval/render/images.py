"""The scores of every image as files: CSV or JSON Lines, a line for each class of each image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from segeval.render.syntax.csv import csv_text
from segeval.render.syntax.json import json_line
from segeval.report.report import Report


def images_csv(report: Report) -> str:
    """Return a header and a row for each class of each image; undefined values are empty, text safe to open."""
    return csv_text(_rows(report))


def images_jsonl(report: Report) -> str:
    """Return a JSON object a line for each class of each image; undefined values are null."""
    return "".join(f"{json_line(record)}\n" for record in _records(report))


def _rows(report: Report) -> Iterator[Sequence[object]]:
    has_header = False
    for record in _records(report):
        if not has_header:
            yield list(record)
            has_header = True
        yield list(record.values())


def _records(report: Report) -> Iterator[dict[str, Any]]:
    classes = [(entry.id, entry.name) for entry in report.classes]
    for image in report.details.images or ():
        yield from image.records(classes)
