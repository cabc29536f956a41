"""nnU-Net's `summary.json` of a report: the counts of each case, and their means over the cases.

A superset of what nnunetv2/evaluation/evaluate_predictions.py writes: null stands for its NaN, files are called as
segeval's messages call them, and `labels` and `signature` are segeval's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from segeval.protocol.labelregions import parse_regions
from segeval.report.imagescores import ImageScores
from segeval.report.report import Report
from segeval.scores.overlap import Value, ratio

METRICS = ("Dice", "IoU", "FP", "TP", "FN", "TN", "n_pred", "n_ref")
Metrics = Mapping[str, Value]


def summary_json(report: Report) -> str:
    """Return the file for a report that has the scores of its images; the class of id 0 is background, and left out."""
    images = report.details.images
    assert images is not None, "whoever asks for the summary asks for the images"
    keys = {index: key for index, key in enumerate(_keys(report)) if key != "0"}
    cases = [{key: _metrics(image, index) for index, key in keys.items()} for image in images]
    means = {key: {name: _mean([case[key][name] for case in cases]) for name in METRICS} for key in keys.values()}
    found: dict[str, Any] = {
        "foreground_mean": {name: _plain_mean([of[name] for of in means.values()]) for name in METRICS},
        "mean": means,
        "metric_per_case": [
            {"metrics": case, "prediction_file": image.files[1] or None, "reference_file": image.files[0]}
            for case, image in zip(cases, images, strict=True)
        ],
        "labels": {key: report.classes[index].name for index, key in keys.items()},
        "signature": str(report.signature),
    }
    return json.dumps(found, indent=4, sort_keys=True) + "\n"


def _keys(report: Report) -> Sequence[str]:
    regions = report.protocol.storage.label_regions
    return [str(one.id) for one in report.classes] if regions is None else [one.key for one in parse_regions(regions)]


def _metrics(image: ImageScores, index: int) -> Metrics:
    """Return what is told of one class of a case; Dice and IoU are undefined where neither side has it."""
    tp, fp, fn = image.tp[index], image.fp[index] + image.stray[index], image.fn[index]
    return {
        "Dice": ratio(2 * tp, 2 * tp + fp + fn),
        "IoU": ratio(tp, tp + fp + fn),
        "FP": fp,
        "TP": tp,
        "FN": fn,
        "TN": image.pixels - tp - fp - fn,
        "n_pred": fp + tp,
        "n_ref": fn + tp,
    }


def _mean(values: Sequence[Value]) -> Value:
    """Average the cases where a score is defined."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def _plain_mean(values: Sequence[Value]) -> Value:
    """Average the classes; one that is defined in no case makes the mean undefined, as it does in nnU-Net."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined and len(defined) == len(values) else None
