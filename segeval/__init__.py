"""Score folders of segmentation masks: the number that the field's own evaluators give, and how it was obtained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from segeval.accumulator import ConfusionMatrix
    from segeval.api import score
    from segeval.errors import SegevalError
    from segeval.report import Report
    from segeval.signature import Signature

__all__ = ["ConfusionMatrix", "Report", "SegevalError", "Signature", "__version__", "score"]

# Imported when first used: `segeval --help` needs neither numpy nor Pillow.
_HOMES = {
    "ConfusionMatrix": "segeval.accumulator",
    "Report": "segeval.report",
    "SegevalError": "segeval.errors",
    "Signature": "segeval.signature",
    "score": "segeval.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segeval' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
