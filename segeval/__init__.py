"""Score folders of segmentation masks: the number that the field's own evaluators give, and how it was obtained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from segeval.accumulator import ConfusionMatrix
    from segeval.analysis.comparison import ComparisonReport
    from segeval.analysis.explanation import Explanation
    from segeval.analysis.statistics import Statistics
    from segeval.api import combine, compare, explain, inspect, measure, rescore, score
    from segeval.errors import Problems, SegevalError
    from segeval.inspection import Inspection
    from segeval.levels import LevelHistogram, LevelTable
    from segeval.presets import preset, preset_names
    from segeval.protocol import Protocol
    from segeval.report import Report
    from segeval.run import Run
    from segeval.runfile import load_run, save_run
    from segeval.sampling.resampling import Resampling
    from segeval.signature import Signature

__all__ = [
    "ComparisonReport",
    "ConfusionMatrix",
    "Explanation",
    "Inspection",
    "LevelHistogram",
    "LevelTable",
    "Problems",
    "Protocol",
    "Report",
    "Resampling",
    "Run",
    "SegevalError",
    "Signature",
    "Statistics",
    "__version__",
    "combine",
    "compare",
    "explain",
    "inspect",
    "load_run",
    "measure",
    "preset",
    "preset_names",
    "rescore",
    "save_run",
    "score",
]

# Imported when first used: `segeval --help` needs neither numpy nor Pillow.
_HOMES = {
    "ComparisonReport": "segeval.analysis.comparison",
    "ConfusionMatrix": "segeval.accumulator",
    "Explanation": "segeval.analysis.explanation",
    "Inspection": "segeval.inspection",
    "LevelHistogram": "segeval.levels",
    "LevelTable": "segeval.levels",
    "Problems": "segeval.errors",
    "Protocol": "segeval.protocol",
    "Report": "segeval.report",
    "Resampling": "segeval.sampling.resampling",
    "Run": "segeval.run",
    "SegevalError": "segeval.errors",
    "Signature": "segeval.signature",
    "Statistics": "segeval.analysis.statistics",
    "combine": "segeval.api",
    "compare": "segeval.api",
    "explain": "segeval.api",
    "inspect": "segeval.api",
    "load_run": "segeval.runfile",
    "measure": "segeval.api",
    "preset": "segeval.presets",
    "preset_names": "segeval.presets",
    "rescore": "segeval.api",
    "save_run": "segeval.runfile",
    "score": "segeval.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segeval' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
