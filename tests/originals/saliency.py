"""PySODMetrics and SOD_Evaluation_Metrics: MAE and F-measures of 8-bit saliency maps, image by image."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tests.originals.clones import execute, source
from tests.originals.inputs import GreyMaps
from tests.originals.programs import SINGLE, Printed, Program

SOD = "d25e25a0dcd0722253e121e884047af06e9c4cef"


def pysodmetrics(maps: GreyMaps) -> Printed:
    """`MAE` and `Fmeasure` of PySODMetrics on uint8 maps."""
    metrics: Any = importlib.import_module("py_sod_metrics")
    mae, f_measure = metrics.MAE(), metrics.Fmeasure(beta=0.3)
    for pred, gt in zip(maps.pred, maps.gt, strict=True):
        mae.step(pred, gt)
        f_measure.step(pred, gt)
    found = f_measure.get_results()["fm"]
    return {
        "mae": mae.get_results()["mae"],
        "max_f": found["curve"].max(),
        "mean_f": found["curve"].mean(),
        "adaptive_f": found["adp"],
    }


def _transforms() -> ModuleType:
    """Return `ToTensor` of torchvision for 8-bit maps: (1, H, W) in float32, divided by 255."""
    torch: Any = importlib.import_module("torch")

    def to_tensor(image: np.ndarray[Any, Any]) -> Any:
        return torch.from_numpy(image.copy())[None].to(torch.float32).div(255)

    def compose(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        return steps[0]

    torchvision = ModuleType("torchvision")
    torchvision.__dict__["transforms"] = SimpleNamespace(ToTensor=lambda: to_tensor, Compose=compose)
    return torchvision


def sod(maps: GreyMaps) -> Printed:
    """`Eval_thread` of zyjwuyan/SOD_Evaluation_Metrics: `Eval_MAE` and `Eval_Fmeasure`."""
    text = source("SOD_Evaluation_Metrics", SOD, "evaluator.py")
    sys.modules["torchvision"] = _transforms()
    try:
        module: Any = execute(text, "evaluator", ["scipy.ndimage"])
        module.tqdm, module.print = iter, lambda *_: None
        loader = [(pred, gt, str(index)) for index, (pred, gt) in enumerate(zip(maps.pred, maps.gt, strict=True))]
        with tempfile.TemporaryDirectory() as folder:
            evaluation = module.Eval_thread(loader, "method", "data", folder, False)
            max_f, mean_f, adaptive_f = evaluation.Eval_Fmeasure()
            mae = evaluation.Eval_MAE()
    finally:
        del sys.modules["torchvision"]
    return {"mae": mae, "max_f": max_f, "mean_f": mean_f, "adaptive_f": adaptive_f}


PROGRAMS = [
    Program("pysodmetrics", "PySODMetrics 1.6.2, py_sod_metrics.MAE and Fmeasure", [("grey", 50)], pysodmetrics),
    Program("sod", f"zyjwuyan/SOD_Evaluation_Metrics {SOD[:8]}, evaluator.py", [("grey", 50)], sod, digits=SINGLE),
]
