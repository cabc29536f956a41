"""Precision over recall, ROC, reliability, and the losses over p, of the maps of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.pictures.drawing import COLORS, DASHES, shown_name
from segeval.report.mapscores import MapScores
from segeval.report.report import Report
from segeval.scores.curves import curve, precision_steps, reliability
from segeval.tables.floatlevels import LevelCounts
from segeval.tables.levels import LevelHistogram, probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 8
"""Of more maps, those of lowest average precision are drawn."""
MOST_POINTS = 2000
"""Points of a line; more are not seen, and make a file large."""
HIGHEST_LOSS = 5.0
BINS = 20
FloatArray = NDArray[np.float64]


def draw_recall(axes: Axes, report: Report) -> None:
    """Draw the steps that average precision is the area of."""
    for name, entry, style in _lines(report):
        histogram = entry.histogram
        if not histogram.n_pos or not histogram.n_neg:
            continue
        recall, precision = precision_steps(histogram)
        axes.plot(*_thinned(recall, precision), label=_scored(name, "AP", entry, "average_precision"), **style)
    _finish(axes, "recall", "precision", "precision over recall")


def draw_roc(axes: Axes, report: Report) -> None:
    """Draw the share of positives found over the share of negatives taken for positives."""
    for name, entry, style in _lines(report):
        histogram = entry.histogram
        if not histogram.n_pos or not histogram.n_neg:
            continue
        points = curve(histogram)
        hits = np.concatenate([[0], points.tp[::-1], [histogram.n_pos]]) / histogram.n_pos
        alarms = np.concatenate([[0], points.fp[::-1], [histogram.n_neg]]) / histogram.n_neg
        axes.plot(*_thinned(alarms, hits), label=_scored(name, "AUROC", entry, "auroc"), **style)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
    _finish(axes, "false positive rate", "true positive rate", "ROC")


def draw_reliability(axes: Axes, report: Report) -> None:
    """Draw how often pixels of each range of p are positive, over their mean p."""
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
    for name, entry, style in _lines(report):
        parts = [part for part in reliability(entry.histogram) if part.pixels]
        x = [part.mean_probability or 0.0 for part in parts]
        y = [part.positive_rate or 0.0 for part in parts]
        axes.plot(x, y, marker="o", markersize=3, label=_scored(name, "ECE", entry, "ece"), **style)
    _finish(axes, "mean p", "share of positives", "reliability")


def draw_losses(axes: Axes, report: Report) -> None:
    """Draw what a pixel costs over p of its true class, and mark how many of the data's pixels lie where.

    Of the bars, each is the share of the pixels of all maps whose p of the true side lies there.
    """
    settings = report.protocol.probabilities
    assert settings is not None
    assert report.probabilities is not None
    gamma = settings.gamma
    p = np.linspace(np.exp(-HIGHEST_LOSS), 1, 400)
    axes.plot(p, -np.log(p), color=COLORS[0], label="BCE: -ln p")
    axes.plot(p, (1 - p) ** gamma * -np.log(p), color=COLORS[1], linestyle="--", label=f"focal, gamma {gamma:g}")
    axes.plot(p, (1 - p) ** gamma, color=COLORS[2], linestyle="-.", label=f"factor (1 - p)^{gamma:g}")
    shares, means = _pixels_over_p([entry.histogram for entry in report.probabilities.per_map])
    met = shares > 0
    at = np.maximum(means[met], np.exp(-HIGHEST_LOSS))
    sizes = 8 + 80 * np.sqrt(shares[met])
    axes.scatter(at, -np.log(at), s=sizes, color=COLORS[0], alpha=0.6, linewidths=0)
    axes.scatter(at, (1 - at) ** gamma * -np.log(at), s=sizes, color=COLORS[1], alpha=0.6, linewidths=0)
    beside = axes.twinx()
    edges = np.linspace(0, 1, BINS + 1)
    beside.bar(edges[:-1], 100 * shares, width=1 / BINS, align="edge", color="0.5", alpha=0.25, linewidth=0)
    beside.set_yscale("symlog", linthresh=0.1)
    beside.set_ylim(0, 100)
    beside.set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    beside.set_ylabel("pixels %")
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.set_ylim(0, HIGHEST_LOSS)
    axes.set_xlim(0, 1)
    axes.set_xlabel("p of the true side")
    axes.set_ylabel("loss of a pixel, nats")
    axes.legend(fontsize=7, loc="upper right")
    axes.set_title("what the data's pixels cost", fontsize=9)


def _pixels_over_p(histograms: Sequence[LevelCounts]) -> tuple[FloatArray, FloatArray]:
    """Return the share of pixels, and their mean p of the true side, of each of `BINS` ranges."""
    pixels, sums = np.zeros(BINS), np.zeros(BINS)
    for histogram in histograms:
        if isinstance(histogram, LevelHistogram):
            p = probabilities(histogram.levels)
        else:
            p = (histogram.least + histogram.greatest) / 2
        for counts, of_true in ((histogram.positives, p), (histogram.negatives, 1 - p)):
            place = np.minimum((of_true * BINS).astype(int), BINS - 1)
            pixels += np.bincount(place, weights=counts, minlength=BINS)
            sums += np.bincount(place, weights=counts * of_true, minlength=BINS)
    means = np.divide(sums, pixels, out=np.zeros(BINS), where=pixels > 0)
    return pixels / max(1.0, float(pixels.sum())), means


def _lines(report: Report) -> list[tuple[str, MapScores, dict[str, Any]]]:
    """Return the maps to draw with their names and styles: all, or those of lowest average precision."""
    assert report.probabilities is not None
    per_map = report.probabilities.per_map

    def rank(entry: MapScores) -> tuple[bool, float]:
        value = entry.scores["average_precision"]
        return value is None, value or 0.0

    lowest = sorted(per_map, key=rank)[:MOST_LINES]
    chosen = [entry for entry in per_map if any(entry is one for one in lowest)]
    styles: list[dict[str, Any]] = [
        {"color": color, "linestyle": DASHES[index % len(DASHES)], "linewidth": 1.3}
        for index, color in enumerate(COLORS)
    ]
    return [
        (shown_name(report.classes[entry.class_index].name), entry, style)
        for entry, style in zip(chosen, styles, strict=False)
    ]


def _scored(name: str, title: str, entry: MapScores, score: str) -> str:
    value = entry.scores[score]
    return f"{name}: {title} {'-' if value is None else f'{value:.4f}'}"


def _thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    if len(x) <= MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return x[kept], y[kept]


def _finish(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=9)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
