"""Score folders of segmentation masks: the number that the field's own evaluators give, and how it was obtained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.accumulator.confusionmatrix import ConfusionMatrix
    from segeval.accumulator.probabilitymeter import ProbabilityMeter
    from segeval.api.comparing import compare, explain, verify
    from segeval.api.folders import inspect, measure, score
    from segeval.api.partitions import list_pairs, measure_pairs
    from segeval.api.planning import plan
    from segeval.api.report import Report
    from segeval.api.runs import combine, load_run, rescore, save_run
    from segeval.api.watching import Standing, watch
    from segeval.comparison.runs import ComparisonReport
    from segeval.comparison.verification import Verification
    from segeval.errors import Problems, SegevalError
    from segeval.explanation.explanation import Explanation
    from segeval.findings.inspection import Inspection
    from segeval.protocol.presets import preset, preset_names
    from segeval.protocol.protocol import Protocol
    from segeval.protocol.signature import Signature
    from segeval.report.plan import Plan
    from segeval.runs.run import Run
    from segeval.tables.levels import LevelHistogram, LevelTable

__all__ = [
    "ComparisonReport",
    "ConfusionMatrix",
    "Explanation",
    "Inspection",
    "LevelHistogram",
    "LevelTable",
    "Plan",
    "ProbabilityMeter",
    "Problems",
    "Protocol",
    "Report",
    "Run",
    "SegevalError",
    "Signature",
    "Standing",
    "Verification",
    "__version__",
    "combine",
    "compare",
    "explain",
    "inspect",
    "list_pairs",
    "load_run",
    "measure",
    "measure_pairs",
    "plan",
    "preset",
    "preset_names",
    "rescore",
    "save_run",
    "score",
    "verify",
    "watch",
]

# Imported when first used: `segeval --help` needs neither numpy nor Pillow.
_HOMES = {
    "ComparisonReport": "segeval.comparison.runs",
    "ConfusionMatrix": "segeval.accumulator.confusionmatrix",
    "Explanation": "segeval.explanation.explanation",
    "Inspection": "segeval.findings.inspection",
    "LevelHistogram": "segeval.tables.levels",
    "LevelTable": "segeval.tables.levels",
    "Plan": "segeval.report.plan",
    "ProbabilityMeter": "segeval.accumulator.probabilitymeter",
    "Problems": "segeval.errors",
    "Protocol": "segeval.protocol.protocol",
    "Report": "segeval.api.report",
    "Run": "segeval.runs.run",
    "SegevalError": "segeval.errors",
    "Signature": "segeval.protocol.signature",
    "Standing": "segeval.api.watching",
    "Verification": "segeval.comparison.verification",
    "combine": "segeval.api.runs",
    "compare": "segeval.api.comparing",
    "explain": "segeval.api.comparing",
    "inspect": "segeval.api.folders",
    "list_pairs": "segeval.api.partitions",
    "load_run": "segeval.api.runs",
    "measure": "segeval.api.folders",
    "measure_pairs": "segeval.api.partitions",
    "plan": "segeval.api.planning",
    "preset": "segeval.protocol.presets",
    "preset_names": "segeval.protocol.presets",
    "rescore": "segeval.api.runs",
    "save_run": "segeval.api.runs",
    "score": "segeval.api.folders",
    "verify": "segeval.api.comparing",
    "watch": "segeval.api.watching",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segeval' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
