"""Score folders of segmentation masks: the number that the field's own evaluators give, and how it was obtained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.accumulator import ConfusionMatrix
    from segeval.api import combine, compare, explain, inspect, measure, rescore, score, verify
    from segeval.comparison.runs import ComparisonReport
    from segeval.comparison.verification import Verification
    from segeval.errors import Problems, SegevalError
    from segeval.explanation.explanation import Explanation
    from segeval.findings.inspection import Inspection
    from segeval.protocol.presets import preset, preset_names
    from segeval.protocol.protocol import Protocol
    from segeval.protocol.signature import Signature
    from segeval.report.report import Report
    from segeval.runs.file import load_run, save_run
    from segeval.runs.run import Run
    from segeval.tables.levels import LevelHistogram, LevelTable

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
    "Run",
    "SegevalError",
    "Signature",
    "Verification",
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
    "verify",
]

# Imported when first used: `segeval --help` needs neither numpy nor Pillow.
_HOMES = {
    "ComparisonReport": "segeval.comparison.runs",
    "ConfusionMatrix": "segeval.accumulator",
    "Explanation": "segeval.explanation.explanation",
    "Inspection": "segeval.findings.inspection",
    "LevelHistogram": "segeval.tables.levels",
    "LevelTable": "segeval.tables.levels",
    "Problems": "segeval.errors",
    "Protocol": "segeval.protocol.protocol",
    "Report": "segeval.report.report",
    "Run": "segeval.runs.run",
    "SegevalError": "segeval.errors",
    "Signature": "segeval.protocol.signature",
    "Verification": "segeval.comparison.verification",
    "combine": "segeval.api",
    "compare": "segeval.api",
    "explain": "segeval.api",
    "inspect": "segeval.api",
    "load_run": "segeval.runs.file",
    "measure": "segeval.api",
    "preset": "segeval.protocol.presets",
    "preset_names": "segeval.protocol.presets",
    "rescore": "segeval.api",
    "save_run": "segeval.runs.file",
    "score": "segeval.api",
    "verify": "segeval.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segeval' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
