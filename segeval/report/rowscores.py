"""Scores of maps that rest on what rows keep beside losses: calibration of the predicted class, and F-measures."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from segeval.protocol.conventions import SALIENCY
from segeval.protocol.protocol import Inference, Resolution
from segeval.report.mapscores import ProbabilityScores
from segeval.report.probabilities import map_classes
from segeval.runs.run import Run
from segeval.scores.calibration import top_label_ece
from segeval.scores.fmeasures import BETA2, f_measures
from segeval.scores.overlap import Value
from segeval.scores.registry import ordered
from segeval.tables.counts import confusion
from segeval.tables.levels import LevelHistogram, level_histogram

SCORE_AGAIN = "segeval score --probs --save"


def with_row_scores(found: ProbabilityScores, run: Run, resolution: Resolution) -> ProbabilityScores:
    """Add `ece` of several maps, and F-measures of one; null with a note where the run was saved before rows had them.

    Under a convention of salient object detection, MAE is its own too: the mean of images.
    """
    if resolution.labeling.sets:
        return found
    if found.maps.count > 1:
        value, notes = top_label(run, resolution)
        return replace(found, scores=ordered({**found.scores, "ece": value}), notes=(*found.notes, *notes))
    values, notes = f_scores(run, resolution)
    scores = ordered({**found.scores, **values})
    if "mae" not in values:
        return replace(found, scores=scores, notes=(*found.notes, *notes))
    (entry,) = found.per_map
    own = replace(entry, scores=ordered({**entry.scores, "mae": values["mae"]}))
    return replace(found, scores=scores, per_map=(own,))


def f_scores(run: Run, resolution: Resolution) -> tuple[dict[str, Value], tuple[Inference, ...]]:
    """Return the F-measures of one map by name, with `mae` where the convention has its own, or why there are none."""
    settings = run.protocol.probabilities
    assert settings is not None
    shades = _shades(run, resolution)
    if shades is None:
        note = Inference("F-measures are undefined: this run was saved before rows kept 256 levels", SCORE_AGAIN)
        return dict.fromkeys(("max_f", "mean_f", "adaptive_f")), (note,)
    name = resolution.protocol.convention.name
    rule: Literal["segeval", "sod", "pysodmetrics"] = "sod" if name == "sod" else "segeval"
    if name == SALIENCY[1]:
        rule = "pysodmetrics"
    beta2 = BETA2 if settings.beta2 is None else settings.beta2
    values = f_measures(shades, rule=rule, by_image=settings.loss_reduction == "images", beta2=beta2)
    scores = {"max_f": values.max_f, "mean_f": values.mean_f, "adaptive_f": values.adaptive_f}
    return scores if rule == "segeval" else {**scores, "mae": values.mae}, ()


def top_label(run: Run, resolution: Resolution) -> tuple[Value, tuple[Inference, ...]]:
    """Return the calibration error of the predicted class, or why there is none."""
    assert run.maps is not None
    rows = [row for row in run.rows if not row.missing]
    images = [row.confidence for row in rows if row.confidence is not None]
    if len(images) < len(rows):
        what = "ece is undefined: this run was saved before rows kept how sure the predicted class was"
        return None, (Inference(what, SCORE_AGAIN),)
    for row in rows:
        counted = confusion(row.counts, resolution.labeling)
        assert row.confidence is not None
        sides = counted.valid_pixels, int(counted.matrix.trace())
        if sides != (sum(row.confidence.pixels), sum(row.confidence.correct)):
            what = "ece is undefined: the run was saved under another meaning of the ground truth"
            return None, (Inference(what, SCORE_AGAIN),)
    return top_label_ece(images, run.maps.kind), ()


def _shades(run: Run, resolution: Resolution) -> list[LevelHistogram] | None:
    """Return the 256 levels of each image's map; `None` where a row lacks them."""
    assert run.maps is not None
    rows = [row for row in run.rows if not row.missing]
    if not run.maps.in_rows:
        kept = [row.shades for row in rows if row.shades is not None]
        return kept if len(kept) == len(rows) else None
    index = map_classes(resolution, 1)[0]
    assert index is not None
    levels = run.maps.kind.counted_levels
    return [level_histogram(row.levels[0], resolution.labeling.gt, index, levels) for row in rows]
