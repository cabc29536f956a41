"""The scores of every image as files: CSV or JSON Lines, a line for each class of each image."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

from segeval.render.report.csv import safe_cell
from segeval.render.syntax.text import inert_json
from segeval.report.report import Report


def images_csv(report: Report) -> str:
    """Return a header and a row for each class of each image; undefined values are empty, text safe to open."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header: list[str] = []
    for record in _records(report):
        if not header:
            header = list(record)
            writer.writerow([safe_cell(name) for name in header])
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in record.values()])
    return text.getvalue()


def images_jsonl(report: Report) -> str:
    """Return a JSON object a line for each class of each image; undefined values are null."""
    lines = (inert_json(json.dumps(record, ensure_ascii=True, allow_nan=False)) for record in _records(report))
    return "".join(f"{line}\n" for line in lines)


def _records(report: Report) -> Iterator[dict[str, Any]]:
    images = () if report.details is None else report.details.images or ()
    classes = [(entry.id, entry.name) for entry in report.classes]
    for image in images:
        yield from image.records(classes)
