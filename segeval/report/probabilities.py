"""The scores of a run of probability maps: losses, calibration, and what a threshold decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segeval.errors import RunFileError, UsageError
from segeval.protocol.conventions import scoring_rules
from segeval.protocol.protocol import Resolution
from segeval.protocol.settings import LossSettings, resolve_eps
from segeval.report.mapscores import MapScores, ProbabilityScores
from segeval.runs.columns import blocks_of, pixels_of_each
from segeval.runs.leveltables import kinds_of
from segeval.runs.partcolumns import COUNTED, OF_SUMS, sums_of_maps
from segeval.runs.ragged import joined_ragged
from segeval.runs.run import Run, missing_keys
from segeval.scores.curves import (
    auroc,
    average_precision,
    best_threshold,
    brier,
    confusion_by_loss,
    curve,
    ece,
    mae,
)
from segeval.scores.losses import (
    Loss,
    Source,
    auto_alpha,
    auto_class_weights,
    auto_pos_weight,
    bce,
    class_mean,
    cross_entropy,
    focal,
    focal_cross_entropy,
)
from segeval.scores.lossums import FloatSums
from segeval.scores.overlap import Value, mean
from segeval.scores.ranking import Interval, auroc_interval, average_precision_interval
from segeval.scores.registry import OF_CLASS_MAPS, ordered
from segeval.tables.counts import Int64Array
from segeval.tables.floatlevels import FloatLevels, LevelCounts
from segeval.tables.levels import level_histogram


def probability_scores(run: Run, resolution: Resolution) -> ProbabilityScores | None:
    """Compute every score of the maps of `run`; `None` for label masks, and where no image has a prediction.

    Raises `RunFileError` where the run's loss sums have another gamma or eps than its protocol asks for.
    """
    if run.maps is None or run.protocol.probabilities is None or len(missing_keys(run.rows)) == len(run.rows):
        return None
    settings = run.protocol.probabilities
    described = map_classes(resolution, run.maps.count)
    scored = [(position, index) for position, index in enumerate(described) if index is not None]
    positions, indices = [position for position, _ in scored], [index for _, index in scored]
    if not scored:
        raise UsageError(
            "the class that the probability maps describe is ignored",
            (resolution.protocol.classes[1].name,) if resolution.protocol.classes else (),
            "Take it out of --ignore",
        )
    histograms = _histograms(run, resolution, scored)
    sources = _sources(run, histograms, positions, settings)
    each = [_settings_of(settings, run.maps.count, position) for position in positions]
    kept = _in_means(resolution, indices)
    per_map = tuple(
        replace(_map_scores(index, source, histogram, of_map), in_means=is_in)
        for index, source, histogram, of_map, is_in in zip(indices, sources, histograms, each, kept, strict=True)
    )
    eps = resolve_eps(settings.eps, run.maps.kind.levels)
    entered = [(source, of_map) for source, of_map, is_in in zip(sources, each, kept, strict=True) if is_in]
    losses = {
        "bce": class_mean([bce_of(*pair) for pair in entered]),
        "focal": class_mean([focal_of(*pair) for pair in entered]),
    }
    weights = None
    if run.maps.count > 1 and not resolution.labeling.sets:  # several classes at a pixel are no distribution
        weights = _class_weights(settings, run.maps.count, positions, histograms)
        losses["cross_entropy"] = cross_entropy(sources, class_weights=weights, eps=settings.eps)
        losses["focal_cross_entropy"] = focal_cross_entropy(
            sources, gamma=settings.gamma, class_weights=weights, eps=settings.eps
        )
    cells = None
    if run.maps.count == 1:
        cells = confusion_by_loss(
            histograms[0],
            settings.threshold,
            pos_weight=settings.pos_weight,
            gamma=settings.gamma,
            alpha=_own_alpha(each[0]),
            eps=eps,
        )
    return ProbabilityScores(
        maps=run.maps,
        eps=eps,
        losses=losses,
        scores=data_scores([entry.scores for entry in per_map], losses, kept),
        per_map=per_map,
        class_weights=weights,
        cells=cells,
        unnormalised=pixels_of_each(run.rows, "unnormalised"),
        ranking=_mean_ranking(per_map),
    )


def _class_weights(
    settings: LossSettings, count: int, positions: Sequence[int], histograms: Sequence[LevelCounts]
) -> tuple[float, ...] | None:
    """Return the weights of the scored classes in cross-entropy, `None` where all weigh alike."""
    if isinstance(settings.class_weights, tuple):
        return _weights_of(settings.class_weights, count, positions)
    return None if settings.class_weights is None else auto_class_weights([one.n_pos for one in histograms])


def _in_means(resolution: Resolution, indices: Sequence[int]) -> list[bool]:
    """Tell of each map whether the means over classes have it; one map alone is no mean over classes."""
    if len(indices) == 1:
        return [True]
    over = scoring_rules(resolution.protocol, resolution.labeling.classes).over("bce")
    return [bool(over[index]) for index in indices]


def map_classes(resolution: Resolution, count: int) -> tuple[int | None, ...]:
    """Return which class of the labeling each of `count` maps describes, `None` for an ignored one.

    Maps stand in the order of the class list, which still has the classes that are ignored; one map is of the second.
    """
    if resolution.labeling.sets:
        return tuple(range(count))
    classes = resolution.protocol.classes or ()
    indices = {entry.id: index for index, entry in enumerate(resolution.labeling.classes)}
    return tuple(indices.get(entry.id) for entry in (classes[1:2] if count == 1 else classes))


def _weights_of(weights: tuple[float, ...], count: int, positions: Sequence[int]) -> tuple[float, ...]:
    """Leave the weights of ignored classes out; another number of weights than maps is told where they are used."""
    return tuple(weights[position] for position in positions) if len(weights) == count else weights


def _histograms(run: Run, resolution: Resolution, scored: Sequence[tuple[int, int]]) -> tuple[LevelCounts, ...]:
    assert run.maps is not None
    if not run.maps.in_rows:
        return tuple(run.levels[position] for position, _ in scored)
    tables, levels = run.level_tables(), run.maps.kind.counted_levels
    return tuple(
        level_histogram(tables[position], resolution.labeling.truth_of(index), index, levels)
        for position, index in scored
    )


def _sources(
    run: Run, histograms: Sequence[LevelCounts], positions: Sequence[int], settings: LossSettings
) -> Sequence[Source]:
    """Return what the losses are computed from: histograms where p is one of their levels, sums where it is not."""
    assert run.maps is not None
    stored = [histogram for histogram in histograms if not isinstance(histogram, FloatLevels)]
    if run.maps.in_rows:
        return stored
    found = joined_ragged([sums_of_maps(block) for block in blocks_of(run.rows)])
    asked = (settings.gamma, resolve_eps(settings.eps, run.maps.kind.levels))
    kept = kinds_of(found)
    if kept - {asked}:
        gamma, eps = sorted(kept, key=str)[0]
        raise RunFileError(
            "a run of 16-bit or float maps keeps its losses for one gamma and one eps only",
            (f"kept with gamma {gamma:g}, eps {eps}; asked for gamma {asked[0]:g}, eps {asked[1]}",),
            "Score the images again with the gamma and eps that are wanted",
        )
    if run.maps.kind.levels is not None:
        return stored
    numbers, counts = (found[name].reshape(-1, run.maps.count, found[name].shape[1]) for name in ("numbers", "counts"))
    return [_combined(numbers[:, position, 1:], counts[:, position], *asked) for position in positions]


def _combined(
    numbers: NDArray[np.float64], counts: Int64Array, gamma: float, eps: float | Literal["torch"]
) -> FloatSums:
    """Do what `combine` does with the sums of many images, shape (images, sums)."""
    named: dict[str, Any] = dict(zip(COUNTED, counts.sum(axis=0).tolist(), strict=True))
    named |= zip(OF_SUMS[1:], map(math.fsum, numbers.T.tolist()), strict=True)
    return FloatSums(gamma, eps, **named)


def data_scores(
    of_maps: Sequence[Mapping[str, Value]], losses: Mapping[str, Loss], in_means: Sequence[bool]
) -> dict[str, Value]:
    """Return the scores of the data set from those of each map and the losses; means have the maps `in_means`.

    Of several maps, Brier is the sum over the classes (scikit-learn), and calibration the mean over the classes; that
    of the predicted class is none of theirs.
    """
    entered = [entry for entry, is_in in zip(of_maps, in_means, strict=True) if is_in]
    scores = {name: mean(entry[name] for entry in entered) for name in OF_CLASS_MAPS}
    if "cross_entropy" in losses:
        scores["classwise_brier"], scores["classwise_ece"] = scores["brier"], scores["ece"]
        parts = [value for entry in of_maps if (value := entry["brier"]) is not None]
        scores["brier"] = math.fsum(parts) if len(parts) == len(of_maps) else None
        scores["ece"] = None
    return ordered(scores | {name: loss.value for name, loss in losses.items()})


def bce_of(source: Source, settings: LossSettings) -> Loss:
    """Return the BCE of one map under the settings."""
    return bce(source, pos_weight=settings.pos_weight, eps=settings.eps)


def focal_of(source: Source, settings: LossSettings) -> Loss:
    """Return the focal loss of one map under the settings, whose alpha is that of this map."""
    return focal(source, gamma=settings.gamma, alpha=_own_alpha(settings), eps=settings.eps)


def _own_alpha(settings: LossSettings) -> float | str | None:
    """Return the alpha of settings of one map."""
    assert not isinstance(settings.alpha, tuple), "settings of one map have its own alpha"
    return settings.alpha


def _settings_of(settings: LossSettings, count: int, position: int) -> LossSettings:
    """Give one of `count` maps its own alpha."""
    if not isinstance(settings.alpha, tuple):
        return settings
    # One map is of the second class, and an alpha alone is its own.
    at = 1 if count == 1 and len(settings.alpha) == 2 else position
    if len(settings.alpha) not in ({1, 2} if count == 1 else {count}):
        raise UsageError(
            f"there are {len(settings.alpha)} alphas for {count} map{'' if count == 1 else 's'}",
            (),
            "Give one alpha a class",
        )
    return replace(settings, alpha=settings.alpha[at])


def _map_scores(index: int, source: Source, histogram: LevelCounts, settings: LossSettings) -> MapScores:
    sides, alpha = (histogram.n_pos, histogram.n_neg), _own_alpha(settings)
    of_histogram: Mapping[str, Callable[[LevelCounts], Value]] = {
        "ece": ece,
        "average_precision": average_precision,
        "auroc": auroc,
    }
    scores: dict[str, Value] = {
        "bce": bce_of(source, settings).value,
        "focal": focal_of(source, settings).value,
        "brier": brier(source),
        "mae": mae(source),
    } | {name: function(histogram) for name, function in of_histogram.items()}
    if not all(sides):
        # Without positives or without negatives there is nothing to rank.
        scores["average_precision"] = scores["auroc"] = None
    points = curve(histogram)
    return MapScores(
        class_index=index,
        scores=ordered(scores),
        histogram=histogram,
        pos_weight=auto_pos_weight(*sides) if settings.pos_weight == "auto" else float(settings.pos_weight),
        alpha=auto_alpha(*sides) if settings.alpha == "auto" else alpha,
        best_iou=best_threshold(points, "iou"),
        best_f1=best_threshold(points, "f1"),
        ranking=_ranking(histogram),
    )


def _ranking(levels: LevelCounts) -> Mapping[str, Interval]:
    if not isinstance(levels, FloatLevels):
        return {}
    bounds = {"average_precision": average_precision_interval(levels), "auroc": auroc_interval(levels)}
    return {name: interval for name, interval in bounds.items() if interval is not None}


def _mean_ranking(per_map: Sequence[MapScores]) -> Mapping[str, Interval]:
    """Return the mean of values and of bounds over the classes that can be ranked."""
    found: dict[str, Interval] = {}
    for name in ("average_precision", "auroc"):
        known = [entry.ranking[name] for entry in per_map if name in entry.ranking and entry.in_means]
        value, low, high = (mean(getattr(one, column) for one in known) for column in ("value", "low", "high"))
        if value is not None and low is not None and high is not None:
            found[name] = Interval(value, low, high)
    return found
