"""Score folders of segmentation masks: the number that the field's own evaluators give, and how it was obtained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from segeval.accumulator import ConfusionMatrix
    from segeval.api import compare, score
    from segeval.comparison import ComparisonReport
    from segeval.errors import SegevalError
    from segeval.report import Report
    from segeval.resampling import Resampling
    from segeval.run import Run
    from segeval.runfile import load_run, save_run
    from segeval.signature import Signature
    from segeval.statistics import Statistics

__all__ = [
    "ComparisonReport",
    "ConfusionMatrix",
    "Report",
    "Resampling",
    "Run",
    "SegevalError",
    "Signature",
    "Statistics",
    "__version__",
    "compare",
    "load_run",
    "save_run",
    "score",
]

# Imported when first used: `segeval --help` needs neither numpy nor Pillow.
_HOMES = {
    "ComparisonReport": "segeval.comparison",
    "ConfusionMatrix": "segeval.accumulator",
    "Report": "segeval.report",
    "Resampling": "segeval.resampling",
    "Run": "segeval.run",
    "SegevalError": "segeval.errors",
    "Signature": "segeval.signature",
    "Statistics": "segeval.statistics",
    "compare": "segeval.api",
    "load_run": "segeval.runfile",
    "save_run": "segeval.runfile",
    "score": "segeval.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segeval' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
