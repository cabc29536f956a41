"""mmsegmentation, Hugging Face evaluate and ADE20K: evaluators that count areas by histograms."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.evaluators import Masks
from tests.originals.clones import execute, source
from tests.originals.programs import SINGLE, Printed, Program

HUGGING_FACE = "a7dd338386a4fae9a1767e05eb9ef9479513d9e8"
SCENE_PARSING = "e20222964c58eba41d8986d45d652d93adc234a5"


@cache
def _mmseg() -> ModuleType:
    """Run `iou_metric.py` of the installed package alone: the package itself needs compiled operators."""
    files = importlib.metadata.files("mmsegmentation") or []
    path = next(file for file in files if str(file) == "mmseg/evaluation/metrics/iou_metric.py")
    text = Path(str(path.locate())).read_text(encoding="utf-8")
    stand_ins = ["mmengine.dist", "mmengine.evaluator", "mmengine.logging", "mmengine.utils", "prettytable"]
    return execute(text, "mmseg_iou_metric", [*stand_ins, "mmseg.registry"])


def mmseg(masks: Masks) -> Printed:
    """`IoUMetric` with all its metrics, before its rounding to two decimals of percent; the ignored index is 255."""
    torch: Any = importlib.import_module("torch")
    metric: Any = _mmseg().__dict__["IoUMetric"]
    areas = [
        metric.intersect_and_union(torch.tensor(pred), torch.tensor(gt), masks.size, 255)
        for pred, gt in zip(masks.pred, masks.gt, strict=True)
    ]
    totals = [sum(area) for area in zip(*areas, strict=True)]
    found = metric.total_area_to_metrics(*totals, ["mIoU", "mDice", "mFscore"])
    return {
        "pixel_accuracy": found["aAcc"],
        "miou": np.nanmean(found["IoU"]),
        "mean_accuracy": np.nanmean(found["Acc"]),
        "mdice": np.nanmean(found["Dice"]),
        "mean_fscore": np.nanmean(found["Fscore"]),
        "mean_precision": np.nanmean(found["Precision"]),
        "mean_recall": np.nanmean(found["Recall"]),
        "iou": found["IoU"],
        "accuracy": found["Acc"],
        "dice": found["Dice"],
        "fscore": found["Fscore"],
        "precision": found["Precision"],
    }


def huggingface(masks: Masks) -> Printed:
    """`mean_iou` of huggingface/evaluate; the ignored index is 255."""
    text = source("evaluate", HUGGING_FACE, "metrics/mean_iou/mean_iou.py")
    module: Any = execute(text, "mean_iou", ["datasets", "evaluate"])
    found = module.mean_iou(list(masks.pred), list(masks.gt), masks.size, 255)
    return {
        "miou": found["mean_iou"],
        "mean_accuracy": found["mean_accuracy"],
        "pixel_accuracy": found["overall_accuracy"],
        "iou": found["per_category_iou"],
        "accuracy": found["per_category_accuracy"],
    }


def ade20k(masks: Masks) -> Printed:
    """`intersectionAndUnion` and `pixelAccuracy` in Python, summed as their comments say."""
    module: Any = execute(source("sceneparsing", SCENE_PARSING, "evaluationCode/utils_eval.py"), "utils_eval")
    pairs = list(zip(masks.pred, masks.gt, strict=True))
    areas = np.array([module.intersectionAndUnion(pred, gt, masks.size) for pred, gt in pairs])
    intersection, union = areas.sum(axis=0)
    pixels = np.array([module.pixelAccuracy(pred, gt)[1:] for pred, gt in pairs])
    correct, labeled = pixels.sum(axis=0)
    iou = intersection / (np.spacing(1) + union)
    return {"miou": iou.mean(), "pixel_accuracy": correct / (np.spacing(1) + labeled), "iou": iou}


PROGRAMS = [
    Program(
        "mmseg",
        "mmsegmentation 1.2.2, mmseg.evaluation.metrics.IoUMetric",
        [("plain", 20), ("void", 20), ("ugly", 40), ("one_class", 20)],
        mmseg,
        digits=SINGLE,
    ),
    Program(
        "hf",
        f"huggingface/evaluate {HUGGING_FACE[:8]}, metrics/mean_iou",
        [("plain", 20), ("void", 20), ("ugly", 40), ("one_class", 20)],
        huggingface,
    ),
    Program(
        "ade20k",
        f"CSAILVision/sceneparsing {SCENE_PARSING[:8]}, evaluationCode/utils_eval.py",
        [("from_1", 60)],
        ade20k,
    ),
]
