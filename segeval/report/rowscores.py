"""Scores of maps that rest on what rows keep beside losses: calibration of the predicted class, and F-measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from segeval.protocol.conventions import SALIENCY
from segeval.protocol.labeling import Labeling
from segeval.protocol.protocol import Inference, Resolution
from segeval.report.mapscores import ProbabilityScores
from segeval.report.probabilities import map_classes
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import confidences, has_prediction, level_cells, shades
from segeval.runs.ragged import Ragged, ends_of, joined_ragged
from segeval.runs.run import Row, Run, tables_of
from segeval.scores.calibration import top_label_ece
from segeval.scores.fmeasures import BETA2, f_measures
from segeval.scores.imagelevels import ImageLevels, image_levels
from segeval.scores.overlap import Value
from segeval.scores.registry import ordered
from segeval.tables.counts import Int64Array, stacked

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
    levels = _levels_of_images(run, resolution)
    if levels is None:
        note = Inference("F-measures are undefined: this run was saved before rows kept 256 levels", SCORE_AGAIN)
        return dict.fromkeys(("max_f", "mean_f", "adaptive_f")), (note,)
    name = resolution.protocol.convention.name
    rule: Literal["segeval", "sod", "pysodmetrics"] = "sod" if name == "sod" else "segeval"
    if name == SALIENCY[1]:
        rule = "pysodmetrics"
    beta2 = BETA2 if settings.beta2 is None else settings.beta2
    values = f_measures(levels, rule=rule, by_image=settings.loss_reduction == "images", beta2=beta2)
    scores = {"max_f": values.max_f, "mean_f": values.mean_f, "adaptive_f": values.adaptive_f}
    return scores if rule == "segeval" else {**scores, "mae": values.mae}, ()


def top_label(run: Run, resolution: Resolution) -> tuple[Value, tuple[Inference, ...]]:
    """Return the calibration error of the predicted class, or why there is none."""
    assert run.maps is not None
    found: list[Ragged] = []
    for block in blocks_of(run.rows):
        bins, predicted = confidences(block), has_prediction(block)
        if not np.array_equal(bins.counts > 0, predicted):
            what = "ece is undefined: this run was saved before rows kept how sure the predicted class was"
            return None, (Inference(what, SCORE_AGAIN),)
        sides = _valid_and_right(block, resolution.labeling)[:, predicted]
        if not np.array_equal(sides, np.stack([bins["pixels"].sum(axis=1), bins["correct"].sum(axis=1)])):
            what = "ece is undefined: the run was saved under another meaning of the ground truth"
            return None, (Inference(what, SCORE_AGAIN),)
        found.append(bins)
    columns = joined_ragged(found)
    return top_label_ece(columns["pixels"], columns["correct"], columns["sums"], run.maps.kind), ()


def _valid_and_right(rows: Sequence[Row], labeling: Labeling) -> Int64Array:
    """Return the valid pixels of each row, and those of them that were given their class, shape (2, rows)."""
    cells = stacked(tables_of(rows))
    gt, pred = labeling.gt(cells.gt), labeling.pred(cells.pred)
    counts = np.zeros((2, len(rows)), np.int64)
    image = np.repeat(np.arange(len(rows)), np.diff(cells.ends))
    for side, chosen in zip(counts, (gt >= 0, (gt >= 0) & (gt == pred)), strict=True):
        np.add.at(side, image[chosen], cells.pixels[chosen])
    return counts


def _levels_of_images(run: Run, resolution: Resolution) -> ImageLevels | None:
    """Return the 256 levels of each image's map; `None` where a row lacks them."""
    assert run.maps is not None
    found: list[Ragged] = []
    for block in blocks_of(run.rows):
        if run.maps.in_rows:
            found.append(level_cells(block))
            continue
        kept, cells = shades(block)
        if not np.array_equal(kept, has_prediction(block)):
            return None
        found.append(cells)
    cells = joined_ragged(found)
    if not run.maps.in_rows:
        return image_levels(cells.ends, cells["positive"], cells["level"], cells["pixels"])
    index = map_classes(resolution, 1)[0]
    assert index is not None
    indices = resolution.labeling.gt(cells["gt"])
    valid = indices >= 0
    ends = ends_of(valid)[cells.ends]
    return image_levels(ends, indices[valid] == index, cells["pred"][valid], cells["pixels"][valid])
