"""The curves of a report as files: a row or a list entry for every threshold of every map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from segeval.errors import UsageError
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.render.syntax.csv import csv_text
from segeval.render.syntax.json import json_text
from segeval.report.mapscores import MapScores, ProbabilityScores
from segeval.report.report import ClassScores, Report
from segeval.scores.curves import Curve, Threshold, curve, reliability
from segeval.tables.floatlevels import FloatLevels, LevelCounts

COLUMNS = ("id", "name", "threshold", "tp", "fp", "fn", "precision", "recall", "iou", "f1")
SCHEMA = 1


def curves_csv(report: Report) -> str:
    """Return a header and one row a class and threshold: a pixel is predicted where p > threshold.

    Counts are in pixels, scores fractions at full precision, undefined ones empty. Thresholds are those of
    `kept_thresholds`. Raises `UsageError` for a report of label masks, which has no curves.
    """
    return csv_text((COLUMNS, *_rows(report)))


def curves_json(report: Report) -> str:
    """Return one entry a class: the columns of `curves_csv` as lists, reliability bins, and best thresholds.

    Undefined is null; the same report gives the same bytes. Raises `UsageError` for a report of label masks.
    """
    value = {
        "schema": SCHEMA,
        "signature": str(report.signature),
        "maps": {"kind": _maps(report).maps.kind.name, "count": _maps(report).maps.count},
        "curves": [_entry(*found) for found in _curves(report)],
    }
    return f"{json_text(value)}\n"


def _rows(report: Report) -> Iterator[Sequence[object]]:
    for scores, _, points in _curves(report):
        columns = (
            *(points.thresholds.tolist(), points.tp.tolist(), points.fp.tolist(), points.fn.tolist()),
            *(points.precision, points.recall, points.iou, points.f1),
        )
        yield from ((scores.id, scores.name, *row) for row in zip(*columns, strict=True))


def kept_thresholds(histogram: LevelCounts) -> Curve:
    """Return the curve of a map: all 256 thresholds of 8 bits; of more levels those where something changes.

    Between two thresholds that are kept, every count is that of the lower one. The first and the last are always kept.
    """
    points = curve(histogram)
    if isinstance(histogram, FloatLevels) or histogram.levels <= EIGHT_BIT.counted_levels:
        return points
    occupied = histogram.positives + histogram.negatives > 0
    occupied[[0, -1]] = True
    kept = np.flatnonzero(occupied)
    return Curve(points.thresholds[kept], points.tp[kept], points.fp[kept], points.fn[kept])


def _maps(report: Report) -> ProbabilityScores:
    if report.probabilities is None:
        raise UsageError(
            "label masks have no curves", (), "Score probability maps with --probs, or drop --curves and --plot"
        )
    return report.probabilities


def _curves(report: Report) -> Iterator[tuple[ClassScores, MapScores, Curve]]:
    for entry in _maps(report).per_map:
        yield report.classes[entry.class_index], entry, kept_thresholds(entry.histogram)


def _entry(scores: ClassScores, entry: MapScores, points: Curve) -> dict[str, Any]:
    return {
        "id": scores.id,
        "name": scores.name,
        "levels": len(entry.histogram) if isinstance(entry.histogram, FloatLevels) else entry.histogram.levels,
        "positives": entry.histogram.n_pos,
        "negatives": entry.histogram.n_neg,
        **{name: entry.scores[name] for name in ("average_precision", "auroc", "ece")},
        **({"ranking": {name: asdict(bounds) for name, bounds in entry.ranking.items()}} if entry.ranking else {}),
        "best_iou": _best(entry.best_iou),
        "best_f1": _best(entry.best_f1),
        "threshold": points.thresholds.tolist(),
        **{name: getattr(points, name).tolist() for name in ("tp", "fp", "fn")},
        **{name: list(getattr(points, name)) for name in ("precision", "recall", "iou", "f1")},
        "reliability": [asdict(part) for part in reliability(entry.histogram)],
    }


def _best(best: Threshold | None) -> dict[str, Any] | None:
    return None if best is None else asdict(best) | {"chosen_on_this_data": True}
