"""The losses of a run divided by what `--loss-reduction` says: all pixels, weights, or image by image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress

import numpy as np

from segeval.errors import UsageError
from segeval.protocol.protocol import Resolution
from segeval.protocol.settings import LOSS_REDUCTIONS, LossSettings, Probabilities
from segeval.report.imagemaps import image_maps
from segeval.report.mapscores import MapScores, ProbabilityScores
from segeval.report.probabilities import data_scores, probability_scores
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import areas_of, has_prediction
from segeval.runs.run import Run
from segeval.scores.losses import Loss, class_mean
from segeval.scores.lossmeans import UNDEFINED, mean_of_sides, mean_over_images
from segeval.scores.overlap import Value
from segeval.scores.registry import OF_PIXELS, SCORE, ordered

Scores = Mapping[str, Value]


def reduced(found: ProbabilityScores, run: Run, resolution: Resolution) -> ProbabilityScores:
    """Return the scores of maps with their losses divided as the run's protocol asks.

    `found` has cross-entropy over the sum of weights and all else over valid pixels. Raises `UsageError` for weights
    where there is no cross-entropy.
    """
    settings = run.protocol.probabilities
    assert settings is not None
    rule = settings.loss_reduction
    if rule == "weights" and found.maps.count == 1:
        raise UsageError(
            "--loss-reduction weights divides cross-entropy by the class weights, and one map has no cross-entropy",
            (),
            "Leave the option out, or give pixels, images or all-pixels",
        )
    if rule is None or rule == "weights":
        return found
    if rule == "images":
        return _by_image(found, run, resolution, settings)
    valid = found.per_map[0].histogram.n_pos + found.per_map[0].histogram.n_neg
    pixels = _predicted_pixels(run) if rule == "all-pixels" else valid
    weights = found.class_weights or (1.0,) * len(found.per_map)
    entered = math.fsum(weight * entry.histogram.n_pos for weight, entry in zip(weights, found.per_map, strict=True))
    share = valid / pixels if pixels else 0.0
    losses = {
        name: _times(
            loss, entered / pixels if name.endswith("cross_entropy") and pixels else share, pixels / (valid or 1)
        )
        for name, loss in found.losses.items()
    }
    of_maps = [
        {name: _scaled(value, share) if name in OF_PIXELS else value for name, value in entry.scores.items()}
        for entry in found.per_map
    ]
    return _with(found, of_maps, losses)


def _predicted_pixels(run: Run) -> int:
    """Return the pixels of the images that have a prediction."""
    return sum(int(areas_of(block)[has_prediction(block)].sum()) for block in blocks_of(run.rows))


def by_reduction(run: Run, resolution: Resolution) -> dict[str, dict[str, Value]]:
    """Return each loss of a run by what it is divided by, as `--loss-reduction` names it; empty without maps."""
    found = probability_scores(run, resolution)
    settings = run.protocol.probabilities
    if found is None or settings is None:
        return {}
    names = [name for name, score in SCORE.items() if score.pixel_mean or name in found.losses]
    values: dict[str, dict[str, Value]] = {name: {} for name in names}
    for rule in LOSS_REDUCTIONS:
        if rule == "weights" and found.maps.count == 1:
            continue
        asked = replace(run, protocol=replace(run.protocol, probabilities=replace(settings, loss_reduction=rule)))
        scores = reduced(found, asked, resolution).scores
        for name in names:
            if rule != "weights" or name not in OF_PIXELS:
                values[name][rule] = scores[name]
    return values


def _times(loss: Loss, factor: float, growth: float) -> Loss:
    return replace(
        loss,
        value=_scaled(loss.value, factor),
        low=_scaled(loss.low, factor),
        high=_scaled(loss.high, factor),
        elements=round(loss.elements * growth),
    )


def _scaled(value: Value, factor: float) -> Value:
    return None if value is None else value * factor


def _with(found: ProbabilityScores, of_maps: Sequence[Scores], losses: Mapping[str, Loss]) -> ProbabilityScores:
    per_map = tuple(
        replace(entry, scores=ordered(scores)) for entry, scores in zip(found.per_map, of_maps, strict=True)
    )
    in_means = [entry.in_means for entry in found.per_map]
    return replace(found, losses=losses, scores=data_scores(of_maps, losses, in_means), per_map=per_map)


def _by_image(found: ProbabilityScores, run: Run, resolution: Resolution, settings: Probabilities) -> ProbabilityScores:
    """Take each image's loss by its own rule, and then the plain mean of those that are defined."""
    kept = image_maps(run, resolution)
    bces: list[Loss] = []
    focals: list[Loss] = []
    of_weights = np.array(found.class_weights or (1.0,) * len(found.per_map))
    of_classes: dict[str, Loss] = {}
    for name, gamma, losses in (("cross_entropy", None, bces), ("focal_cross_entropy", settings.gamma, focals)):
        sides = kept.sides(True, gamma, settings), kept.sides(False, gamma, settings)
        for at, entry in enumerate(found.per_map):
            weights = _bce_weights(entry) if gamma is None else _focal_weights(entry, settings)
            here = kept.of_map(at)
            one, other = (side.of(here) for side in sides)
            losses.append(UNDEFINED if weights is None else mean_of_sides(one, other, weights))
        if name in found.losses:
            image, place, positives = kept.true_classes(sides[0])
            classes = found.losses[name].classes
            of_classes[name] = mean_over_images(positives, image, of_weights[place], kept.images, classes)
    in_means = [entry.in_means for entry in found.per_map]
    of_data = {"bce": class_mean(list(compress(bces, in_means))), "focal": class_mean(list(compress(focals, in_means)))}
    brier, mae = kept.mean_errors()
    of_maps = [
        {
            **entry.scores,
            "bce": bces[at].value,
            "focal": focals[at].value,
            "brier": brier[at],
            "mae": mae[at],
        }
        for at, entry in enumerate(found.per_map)
    ]
    pixels = sides[0].pixels[kept.of_map(0)] + sides[1].pixels[kept.of_map(0)]
    skipped = int(np.count_nonzero(pixels == 0))
    return replace(_with(found, of_maps, of_data | of_classes), skipped_images=skipped)


def _bce_weights(entry: MapScores) -> tuple[float, float] | None:
    """Return the weights of both sides, which are those of the whole data set; `None` where it has none."""
    return None if entry.pos_weight is None else (entry.pos_weight, 1.0)


def _focal_weights(entry: MapScores, settings: LossSettings) -> tuple[float, float] | None:
    if entry.alpha is None:
        return None if settings.alpha is not None else (1.0, 1.0)
    alpha = float(entry.alpha)
    return alpha, 1 - alpha
