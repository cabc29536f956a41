"""The figures of a report, drawn by matplotlib: equal reports give equal bytes under equal versions of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segeval.errors import UsageError, did_you_mean
from segeval.pictures import FIGURES
from segeval.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
"""Lines, after Okabe and Ito 2008, which are told apart without red and green."""
DASHES = ("-", "--", "-.", ":")
SALT = "segeval"
UNDATED: Mapping[str, Mapping[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
NO_MATPLOTLIB = UsageError(
    "figures need matplotlib, which is not installed", (), "Install it: pip install 'segeval-masks[html]'"
)


def require_matplotlib() -> None:
    """Raise `UsageError` where matplotlib is not installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise NO_MATPLOTLIB


def figures_of(report: Report) -> tuple[str, ...]:
    """Return the names of the figures that can be drawn of a report."""
    return FIGURES if report.probabilities is not None else FIGURES[:1]


def draw(report: Report, name: str) -> Figure:
    """Draw one figure; raises `UsageError` for a name that there is not, and for curves of label masks."""
    require_matplotlib()
    if name not in FIGURES:
        fix = f"{did_you_mean(name, FIGURES)}Figures are {', '.join(FIGURES)}"
        raise UsageError("there is no figure of this name", (name,), fix)
    if name not in figures_of(report):
        raise UsageError("label masks have no curves", (name,), "Score probability maps with --probs")
    from segeval.pictures import curvefigures, heatmap

    drawers: Mapping[str, Callable[[Axes, Report], None]] = {
        "confusion": heatmap.draw_confusion,
        "pr": curvefigures.draw_recall,
        "roc": curvefigures.draw_roc,
        "reliability": curvefigures.draw_reliability,
        "losses": curvefigures.draw_losses,
    }
    return drawn(lambda axes: drawers[name](axes, report), size=heatmap.size_of(report) if name == "confusion" else 4.8)


def drawn(draw_on: Callable[[Axes], None], *, size: float = 4.8) -> Figure:
    """Return a figure, `size` inches wide, with what is drawn on its axes, whatever the user's settings."""
    with usual_settings():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(size, size if size > 4.8 else 3.9), layout="constrained")
        draw_on(figure.add_subplot())
    return figure


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return a figure as "svg", "png" or "pdf", without date and name of a program."""
    written = io.BytesIO()
    with usual_settings():
        figure.savefig(written, format=kind, metadata=dict(UNDATED[kind]))
    return written.getvalue()


def report_figure(report: Report, name: str, kind: str) -> bytes:
    """Draw one figure of a report as a file; errors as in `draw`."""
    return figure_bytes(draw(report, name), kind)


@contextmanager
def usual_settings() -> Iterator[None]:
    """Have matplotlib's own defaults, text without mathematics, and the same names within every SVG."""
    require_matplotlib()
    from matplotlib import style

    with style.context(["default", {"text.parse_math": False, "svg.hashsalt": SALT, "axes.grid": False}]):
        yield


def shown_name(name: str) -> str:
    """Return a name in the glyphs of the font that figures have."""
    from matplotlib import font_manager

    from segeval.pictures.text import figure_name

    glyphs = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    return figure_name(name, glyphs)
