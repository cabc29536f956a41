"""The scores of a run lesion by lesion, from what its rows keep of each image and class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import BOTH, ONE
from segeval.errors import Finding
from segeval.protocol.conventions import ScoringRules
from segeval.protocol.labeling import Labeling
from segeval.protocol.lesions import LESION_WISE, Lesions
from segeval.records import dataclass
from segeval.report.boundaries import Columns, check_regions
from segeval.runs.run import Run
from segeval.scores.contours import class_means
from segeval.scores.overlap import Ratios, Value, mean, ratio
from segeval.tables.counts import Int64Array

SIDES = ("tp", "fp", "fn")
STATES = {"one_empty": ONE, "both_empty": BOTH}
PERFECT = {"lesion_dice": 1.0, "lesion_hd95": 0.0}
"""What BraTS 2023 gives to a class that an image has on neither side."""


@dataclass(frozen=True, slots=True)
class LesionScores:
    """Hold the scores of the data set and of each class by name, and what was counted of each class.

    `images` has those of every image and class, (N, K), by name.
    """

    chosen: Lesions
    scores: Mapping[str, Value]
    classes: tuple[Mapping[str, Value], ...]
    class_lesions: tuple[Mapping[str, int], ...]
    images: Mapping[str, Ratios]
    warnings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {**self.chosen.to_dict(), "class_lesions": [dict(one) for one in self.class_lesions]}


@dataclass(frozen=True, slots=True, eq=False)
class _Stacked:
    """Lay what the rows keep side by side: `counts` (N, K, 3), `values` (N, K, M), `states` (N, K), and classes met."""

    counts: Int64Array
    values: Mapping[str, NDArray[np.float64]]
    states: Int64Array
    met: NDArray[np.bool_]


def _stacked(run: Run, labeling: Labeling) -> _Stacked:
    chosen = run.protocol.lesions
    assert chosen is not None
    position = {entry.id: index for index, entry in enumerate(labeling.classes)}
    shape = len(run.rows), len(position)
    counts = np.zeros((*shape, len(SIDES)), np.int64)
    values = {name: np.full(shape, PERFECT[name]) for name in chosen.values}
    states = np.full(shape, BOTH, np.int64)
    met = np.zeros(shape[1], np.bool_)
    for image, row in enumerate(run.rows):
        if row.lesions is None:
            continue
        for place, one in enumerate(row.lesions.ids.tolist()):
            at = position.get(one)
            if at is None:
                continue
            counts[image, at], states[image, at] = row.lesions.counts[place], row.lesions.states[place]
            for index, of_name in enumerate(values.values()):
                of_name[image, at] = row.lesions.values[place, index]
            met[at] = True
    return _Stacked(counts, values, states, met)


def _columns(found: _Stacked, chosen: Lesions) -> dict[str, Columns]:
    """Return numerator and denominator of each score, (N, K): a score is the quotient of their sums over images."""
    tp, fp, fn = (found.counts[..., side] for side in range(len(SIDES)))
    every = np.broadcast_to(found.met, tp.shape).astype(np.int64)
    of_counts = {
        "lesion_precision": (tp, tp + fp),
        "lesion_recall": (tp, tp + fn),
        "lesion_f1": (2 * tp, 2 * tp + fp + fn),
        "lesion_fp": (fp, every),
    }
    of_values = {name: (np.where(found.met, found.values[name], 0.0), every) for name in chosen.values}
    return {name: of_values[name] if name in LESION_WISE else of_counts[name] for name in chosen.scores}


def lesion_scores(run: Run, labeling: Labeling, rules: ScoringRules) -> LesionScores:
    """Compute the scores lesion by lesion of `run`, whose protocol asks for them; errors as `check_regions`.

    Counts are added up over the images, Dice and HD95 averaged; a class that no image has is undefined.
    """
    check_regions(run, labeling)
    chosen = run.protocol.lesions
    assert chosen is not None
    found = _stacked(run, labeling)
    images = {name: _ratios(*columns) for name, columns in _columns(found, chosen).items()}
    classes = {name: _of_classes(name, images[name], columns) for name, columns in _columns(found, chosen).items()}
    scores = {
        name: mean(value for value, is_in in zip(values, rules.over(name).tolist(), strict=True) if is_in)
        for name, values in classes.items()
    }
    counted = {name: found.counts[..., side].sum(axis=0).tolist() for side, name in enumerate(SIDES)}
    counted |= {name: (found.states == state).sum(axis=0).tolist() for name, state in STATES.items()}
    return LesionScores(
        chosen,
        scores,
        tuple(dict(zip(classes, values, strict=True)) for values in zip(*classes.values(), strict=True)),
        tuple(dict(zip(counted, values, strict=True)) for values in zip(*counted.values(), strict=True)),
        images,
    )


def _ratios(numerator: NDArray[Any], denominator: NDArray[Any]) -> Ratios:
    defined = denominator > 0
    value = np.divide(numerator, denominator, out=np.zeros(defined.shape), where=defined)
    return Ratios(value, defined, np.zeros_like(defined))


def _of_classes(name: str, images: Ratios, columns: Columns) -> tuple[Value, ...]:
    if name in LESION_WISE:
        return class_means(images)
    numerator, denominator = (side.sum(axis=0).tolist() for side in columns)
    return tuple(map(ratio, numerator, denominator))


def lesion_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what each mean is made of, for each image: numerators and denominators, (N, C)."""
    assert run.protocol.lesions is not None
    columns = _columns(_stacked(run, labeling), run.protocol.lesions)
    return {name: (one[:, rules.over(name)], all_of[:, rules.over(name)]) for name, (one, all_of) in columns.items()}
