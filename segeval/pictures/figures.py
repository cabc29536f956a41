"""The figures of a report by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from segeval.errors import UsageError, did_you_mean
from segeval.pictures import FIGURES
from segeval.pictures.curvefigures import draw_losses, draw_recall, draw_reliability, draw_roc
from segeval.pictures.drawing import drawn, figure_bytes, require_matplotlib
from segeval.pictures.heatmap import draw_confusion, size_of
from segeval.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWERS: Mapping[str, Callable[[Axes, Report], None]] = {
    "confusion": draw_confusion,
    "pr": draw_recall,
    "roc": draw_roc,
    "reliability": draw_reliability,
    "losses": draw_losses,
}


def figures_of(report: Report) -> tuple[str, ...]:
    """Return the names of the figures that can be drawn of a report."""
    first = FIGURES[:1] if report.counted is not None else ()
    return first if report.probabilities is None else (*first, *FIGURES[1:])


def draw(report: Report, name: str) -> Figure:
    """Draw one figure; raises `UsageError` for a name that there is not, and for curves of label masks."""
    require_matplotlib()
    if name not in FIGURES:
        fix = f"{did_you_mean(name, FIGURES)}Figures are {', '.join(FIGURES)}"
        raise UsageError("there is no figure of this name", (name,), fix)
    if report.probabilities is None and name != FIGURES[0]:
        raise UsageError("label masks have no curves", (name,), "Score probability maps with --probs")
    return drawn(lambda axes: DRAWERS[name](axes, report), size=size_of(report) if name == "confusion" else 4.8)


def report_figure(report: Report, name: str, kind: str) -> bytes:
    """Draw one figure of a report as a file; errors as in `draw`."""
    return figure_bytes(draw(report, name), kind)
