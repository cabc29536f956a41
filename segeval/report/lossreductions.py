"""The losses of a run divided by what `--loss-reduction` says: all pixels, weights, or image by image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import compress

from segeval.errors import UsageError
from segeval.protocol.protocol import Resolution
from segeval.protocol.settings import LOSS_REDUCTIONS, LossSettings, Probabilities
from segeval.report.mapscores import MapScores, ProbabilityScores
from segeval.report.probabilities import data_scores, map_classes, probability_scores
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import areas_of, has_prediction
from segeval.runs.run import Run
from segeval.scores.curves import brier, mae
from segeval.scores.losses import Loss, Source, bce, class_mean, cross_entropy, focal, focal_cross_entropy
from segeval.scores.overlap import Value, mean
from segeval.scores.registry import OF_PIXELS, SCORE, ordered
from segeval.tables.levels import level_histogram

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
    images = image_sources(run, resolution)
    columns = list(zip(*images, strict=True))
    bces = [_image_mean(column, _bce_of(entry, settings)) for column, entry in zip(columns, found.per_map, strict=True)]
    focals = [
        _image_mean(column, _focal_of(entry, settings)) for column, entry in zip(columns, found.per_map, strict=True)
    ]
    in_means = [entry.in_means for entry in found.per_map]
    losses = {"bce": class_mean(list(compress(bces, in_means))), "focal": class_mean(list(compress(focals, in_means)))}
    if found.maps.count > 1:
        weights, eps, gamma = found.class_weights, settings.eps, settings.gamma
        losses["cross_entropy"] = mean_of_images(
            [cross_entropy(maps, class_weights=weights, eps=eps) for maps in images],
            found.losses["cross_entropy"].classes,
        )
        losses["focal_cross_entropy"] = mean_of_images(
            [focal_cross_entropy(maps, gamma=gamma, class_weights=weights, eps=eps) for maps in images],
            found.losses["focal_cross_entropy"].classes,
        )
    of_maps = [
        {
            **entry.scores,
            "bce": bces[at].value,
            "focal": focals[at].value,
            "brier": mean(value for source in column if (value := brier(source)) is not None),
            "mae": mean(value for source in column if (value := mae(source)) is not None),
        }
        for at, (entry, column) in enumerate(zip(found.per_map, columns, strict=True))
    ]
    skipped = sum(brier(maps[0]) is None for maps in images)
    return replace(_with(found, of_maps, losses), skipped_images=skipped)


def _image_mean(images: Sequence[Source], loss_of: Callable[[Source], Loss] | None) -> Loss:
    if loss_of is None:
        return Loss(None, None, None, False, 0, 0, 0)
    return mean_of_images([loss_of(image) for image in images], 1)


def _bce_of(entry: MapScores, settings: LossSettings) -> Callable[[Source], Loss] | None:
    """Return the BCE of an image, with the weight of the whole data set; `None` where it has none."""
    weight = entry.pos_weight
    return None if weight is None else lambda source: bce(source, pos_weight=weight, eps=settings.eps)


def _focal_of(entry: MapScores, settings: LossSettings) -> Callable[[Source], Loss] | None:
    alpha = entry.alpha
    if alpha is None and settings.alpha is not None:
        return None
    return lambda source: focal(source, gamma=settings.gamma, alpha=alpha, eps=settings.eps)


def mean_of_images(images: Sequence[Loss], classes: int) -> Loss:
    """Return the plain mean of the images whose loss is defined."""
    return replace(
        class_mean(images),
        clamped=sum(loss.clamped for loss in images),
        elements=sum(loss.elements for loss in images),
        classes=classes,
    )


def image_sources(run: Run, resolution: Resolution) -> list[tuple[Source, ...]]:
    """Return the maps of each image that has a prediction: histograms of levels, or the sums of floats."""
    assert run.maps is not None
    described = [
        (position, index) for position, index in enumerate(map_classes(resolution, run.maps.count)) if index is not None
    ]
    if not run.maps.in_rows:
        return [tuple(row.sums[position] for position, _ in described) for row in run.rows if row.sums]
    levels, labeling = run.maps.kind.counted_levels, resolution.labeling
    return [
        tuple(
            level_histogram(row.levels[position], labeling.truth_of(index), index, levels)
            for position, index in described
        )
        for row in run.rows
        if row.levels
    ]
