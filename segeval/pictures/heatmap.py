"""The confusion matrix as a heat map: each row is a class of the ground truth, and adds up to 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segeval.pictures.confusions import row_shares, shown_classes
from segeval.pictures.drawing import shown_name
from segeval.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERS = 15
"""Classes up to which each cell has its number."""


def size_of(report: Report) -> float:
    """Return the inches that the heat map takes."""
    return 4.8 + 0.22 * max(0, len(shown_classes(report)) - 6)


def draw_confusion(axes: Axes, report: Report) -> None:
    """Draw the matrix, row by row in shares of the ground truth."""
    shown = shown_classes(report)
    shares = row_shares(report, shown)
    names = [shown_name(report.classes[index].name) for index in shown]
    # The map of least trouble for the colour-blind that still prints in gray.
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("ground truth")
    left_out = len(report.classes) - len(shown)
    axes.set_title(f"share of each class's pixels{f', the {len(shown)} most confused' if left_out else ''}", fontsize=9)
    if len(shown) <= MOST_NUMBERS:
        for row, cells in enumerate(shares.tolist()):
            for column, share in enumerate(cells):
                if not math.isnan(share) and share >= 0.005:
                    color = "black" if share > 0.5 else "white"
                    axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=color, fontsize=6)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
