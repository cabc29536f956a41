"""cityscapesScripts, called as installed: its own search for predictions, its own matrix, its own averages."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.evaluators import Refused, none_if_nan

MODULE = "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"


@dataclass(frozen=True)
class CityscapesScores:
    """Hold IoU by class and by category name, without the names that are never evaluated, and both means."""

    classes: dict[str, float | None]
    categories: dict[str, float | None]
    class_mean: float | None
    category_mean: float | None


def official_scores(pred_root: Path, gt_files: Sequence[Path]) -> CityscapesScores:
    """Evaluate without instances (iIoU needs files of its own); raises `Refused` where the tool stops."""
    tool: Any = importlib.import_module(MODULE)
    arguments = copy.copy(tool.args)
    arguments.evalInstLevelScore, arguments.JSONOutput, arguments.quiet = False, False, True
    arguments.predictionPath, arguments.predictionWalk = str(pred_root), None
    gt_names = [str(path) for path in gt_files]
    try:
        predictions = [tool.getPrediction(arguments, name) for name in gt_names]
        found = tool.evaluateImgLists(predictions, gt_names, arguments)
    except (SystemExit, IndexError) as stop:
        raise Refused(str(stop)) from None
    evaluated = {label.name for label in tool.labels if not label.ignoreInEval}
    return CityscapesScores(
        {name: none_if_nan(iou) for name, iou in found["classScores"].items() if name in evaluated},
        {name: none_if_nan(iou) for name, iou in found["categoryScores"].items() if name != "void"},
        none_if_nan(found["averageScoreClasses"]),
        none_if_nan(found["averageScoreCategories"]),
    )
