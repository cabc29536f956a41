"""The losses of each image, as sums over sums: what intervals, comparisons and the table of images need of maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Resolution
from segeval.protocol.settings import resolve_eps
from segeval.records import dataclass
from segeval.report.mapscores import ProbabilityScores
from segeval.report.probabilities import map_classes
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import COUNTED, OF_SUMS, areas_of, has_prediction, level_cells, sums_of_maps
from segeval.runs.ragged import joined_ragged
from segeval.runs.run import Run
from segeval.sampling.sample import Extra
from segeval.scores.lossums import FloatSums
from segeval.scores.pixelloss import FloatArray, clip, focal_factor, log_loss
from segeval.scores.registry import ordered
from segeval.tables.levels import probabilities

LEVELS = EIGHT_BIT.counted_levels
SUMMED = tuple(
    field.name
    for field in fields(FloatSums)
    if field.name.endswith(("_pos", "_neg")) and not field.name.startswith("clamped")
)


@dataclass(frozen=True, slots=True, eq=False)
class ImageLosses:
    """Hold the losses of each image that are a sum over a sum.

    `ratios` has numerators and denominators, shape (N,), by the name of a score of the data set; weights that "auto"
    takes from the ground truth are those of the whole data set. `classes` has, by the position of a class, the mean
    loss of its map in each image, shape (N,), NaN where the image has no valid pixel or no prediction.
    """

    ratios: Extra
    classes: Mapping[int, Mapping[str, FloatArray]]


def image_losses(run: Run, resolution: Resolution, scores: ProbabilityScores) -> ImageLosses:
    """Take the losses of `scores` apart into what each image adds to them.

    The sum over the images is the loss of the data set, to rounding. Average precision, AUROC and calibration are no
    ratios of sums and have no part in it.
    """
    assert run.protocol.probabilities is not None
    positions = [
        position for position, index in enumerate(map_classes(resolution, scores.maps.count)) if index is not None
    ]
    indices = [entry.class_index for entry in scores.per_map]
    sums = _sums_of_maps(run, resolution, list(zip(positions, indices, strict=True)))
    pixels = [part["n_pos"] + part["n_neg"] for part in sums]
    # Where "auto" has no weight the loss is undefined, and what stands here is not used.
    alphas = [entry.alpha for entry in scores.per_map]
    losses = [
        {
            "bce": _weighted(part, "bce", 1.0 if entry.pos_weight is None else entry.pos_weight, 1.0),
            "focal": _weighted(part, "focal", *((1.0, 1.0) if alpha is None else (float(alpha), 1 - float(alpha)))),
            "brier": part["brier_pos"] + part["brier_neg"],
            "mae": part["mae_pos"] + part["mae_neg"],
        }
        for part, entry, alpha in zip(sums, scores.per_map, alphas, strict=True)
    ]
    ratios: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for name in losses[0]:
        defined = [at for at, entry in enumerate(scores.per_map) if entry.scores[name] is not None and entry.in_means]
        if defined:
            ratios[name] = (
                np.sum([losses[at][name] for at in defined], axis=0),
                np.sum([pixels[at] for at in defined], axis=0),
            )
    if run.maps is not None and run.maps.count > 1 and not resolution.labeling.sets:
        ratios["classwise_brier"] = ratios["brier"]
        ratios["brier"] = ratios["brier"][0], pixels[0]
        weights = scores.class_weights or (1.0,) * len(sums)
        entered = np.sum([weight * part["n_pos"] for weight, part in zip(weights, sums, strict=True)], axis=0)
        for name, kind in (("cross_entropy", "bce_pos"), ("focal_cross_entropy", "focal_pos")):
            parts = [weight * part[kind] for weight, part in zip(weights, sums, strict=True)]
            ratios[name] = (np.sum(parts, axis=0), entered)
    classes = {
        entry.class_index: {
            name: _divided(values, count) for name, values in of_map.items() if entry.scores[name] is not None
        }
        for entry, of_map, count in zip(scores.per_map, losses, pixels, strict=True)
    }
    reduction = run.protocol.probabilities.loss_reduction
    reduced = {name: _reduced(name, ratio, reduction, pixels[0], run) for name, ratio in ratios.items()}
    return ImageLosses(ordered(reduced), classes)


Ratio = tuple[NDArray[np.float64], NDArray[np.float64]]


def _reduced(name: str, ratio: Ratio, reduction: str | None, valid: FloatArray, run: Run) -> Ratio:
    """Divide the sums of a loss by what `--loss-reduction` says; each image's quotient and 1 where images count."""
    sums, below = ratio
    of_true_class = name.endswith("cross_entropy")
    if reduction == "images":
        return np.nan_to_num(_divided(sums, below)), (below > 0).astype(np.float64)
    if reduction == "all-pixels":
        blocks = [np.where(has_prediction(block), areas_of(block), 0) for block in blocks_of(run.rows)]
        areas = np.concatenate(blocks).astype(np.float64)
        # A mean over classes has their pixels below, each valid pixel once a class.
        classes = 1.0 if of_true_class or not valid.any() else round(float(below.sum() / valid.sum()))
        return sums, areas * classes
    return (sums, valid) if reduction == "pixels" and of_true_class else ratio


def _weighted(part: Mapping[str, FloatArray], kind: str, positive: float, negative: float) -> FloatArray:
    return positive * part[f"{kind}_pos"] + negative * part[f"{kind}_neg"]


def _sums_of_maps(run: Run, resolution: Resolution, maps: Sequence[tuple[int, int]]) -> list[dict[str, FloatArray]]:
    """Return the sums of maps, each a position and a class, in each image, (N,), by their names in `FloatSums`."""
    if run.maps is not None and run.maps.in_rows:
        return _sums_of_levels(run, resolution, maps)
    kept = joined_ragged([sums_of_maps(block) for block in blocks_of(run.rows)])
    count = int(kept.counts.max(initial=1))
    by_name: dict[str, NDArray[Any]] = dict(zip(OF_SUMS, kept["numbers"].T, strict=True))
    by_name |= zip(COUNTED, kept["counts"].T, strict=True)
    described = kept.counts > 0
    found = []
    for position, _ in maps:
        of_map = {name: np.zeros(len(described)) for name in SUMMED}
        for name, values in of_map.items():
            values[described] = by_name[name][position::count]
        found.append(of_map)
    return found


def _sums_of_levels(run: Run, resolution: Resolution, maps: Sequence[tuple[int, int]]) -> list[dict[str, FloatArray]]:
    settings = run.protocol.probabilities
    assert settings is not None
    stored = probabilities(LEVELS)
    used = clip(stored, resolve_eps(settings.eps, LEVELS))
    cells = joined_ragged([level_cells(block) for block in blocks_of(run.rows)])
    order = np.argsort(cells["map"], kind="stable")
    ends = np.searchsorted(cells["map"][order], np.arange(max(position for position, _ in maps) + 2))
    images = cells.images
    of_sides: dict[str, dict[str, FloatArray]] = {}
    for side, positive in (("pos", True), ("neg", False)):
        loss = log_loss(used, positive=positive)
        distance = 1 - stored if positive else stored
        of_sides[side] = {
            "n": np.ones(LEVELS),
            "bce": loss,
            "focal": focal_factor(used, positive=positive, gamma=settings.gamma) * loss,
            "brier": distance * distance,
            "mae": distance,
        }
    found = []
    for position, class_index in maps:
        here = order[ends[position] : ends[position + 1]]
        image, level, pixels = images[here], cells["pred"][here], cells["pixels"][here]
        true_class = resolution.labeling.truth_of(class_index)(cells["gt"][here])
        of_map: dict[str, FloatArray] = {}
        for side, of_level in of_sides.items():
            is_side = (true_class == class_index) if side == "pos" else (true_class >= 0) & (true_class != class_index)
            for name, values in of_level.items():
                weights = pixels[is_side] * values[level[is_side]]
                sums = np.bincount(image[is_side], weights=weights, minlength=len(run.rows))
                of_map[f"{name}_{side}"] = sums.astype(np.float64)
        found.append(of_map)
    return found


def _divided(sums: FloatArray, pixels: FloatArray) -> FloatArray:
    quotient = np.full(len(sums), np.nan)
    np.divide(sums, pixels, out=quotient, where=pixels > 0)
    return quotient
