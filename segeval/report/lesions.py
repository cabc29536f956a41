"""The scores of a run lesion by lesion, from what its rows keep of each image and class."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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
from segeval.report.classcells import ClassValues, class_cells, class_sums, met_classes
from segeval.runs.partcolumns import lesions_of
from segeval.runs.run import Run
from segeval.scores.imageoverlap import Cells
from segeval.scores.overlap import Value, mean, ratio
from segeval.tables.counts import Int64Array

SIDES = ("tp", "fp", "fn")
STATES = {"one_empty": ONE, "both_empty": BOTH}
PERFECT = {"lesion_dice": 1.0, "lesion_hd95": 0.0}
"""What BraTS 2023 gives to a class that an image has on neither side."""


@dataclass(frozen=True, slots=True)
class LesionScores:
    """Hold the scores of the data set and of each class by name, and what was counted of each class.

    `images` has those of every image and class by name.
    """

    chosen: Lesions
    scores: Mapping[str, Value]
    classes: tuple[Mapping[str, Value], ...]
    class_lesions: tuple[Mapping[str, int], ...]
    images: Mapping[str, ClassValues]
    warnings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {**self.chosen.to_dict(), "class_lesions": [dict(one) for one in self.class_lesions]}


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Hold what rows keep of classes of images: `counts` (cells, 3), `values` (cells, M), `states`, and classes met."""

    at: Cells
    counts: Int64Array
    values: NDArray[np.float64]
    states: Int64Array
    met: NDArray[np.bool_]


def _counted(run: Run, labeling: Labeling) -> _Counted:
    chosen = run.protocol.lesions
    assert chosen is not None
    at, kept = class_cells(run, labeling, partial(lesions_of, size=len(chosen.values)))
    return _Counted(at, kept["counts"], kept["values"], kept["states"], met_classes(at))


def _columns(found: _Counted, chosen: Lesions) -> dict[str, Columns]:
    """Return numerator and denominator of each score of each cell: a score is the quotient of their sums over images.

    Any other class of an image has 0 in both, but as `_others` says.
    """
    tp, fp, fn = (found.counts[:, side] for side in range(len(SIDES)))
    every = np.ones(len(tp), np.int64)
    columns: dict[str, Columns] = {
        "lesion_precision": (tp, tp + fp),
        "lesion_recall": (tp, tp + fn),
        "lesion_f1": (2 * tp, 2 * tp + fp + fn),
        "lesion_fp": (fp, every),
    }
    for place, name in enumerate(chosen.values):
        columns[name] = found.values[:, place], every
    return {name: columns[name] for name in chosen.scores}


def _others(name: str) -> Value:
    """Return what a class has in an image that has it on neither side: of 1 there, where it is met anywhere."""
    return 0.0 if name == "lesion_fp" else PERFECT.get(name)


def lesion_scores(run: Run, labeling: Labeling, rules: ScoringRules) -> LesionScores:
    """Compute the scores lesion by lesion of `run`, whose protocol asks for them; errors as `check_regions`.

    Counts are added up over the images, Dice and HD95 averaged; a class that no image has is undefined.
    """
    check_regions(run, labeling)
    chosen = run.protocol.lesions
    assert chosen is not None
    found = _counted(run, labeling)
    columns = _columns(found, chosen)
    images = {name: _values(found, name, *sides) for name, sides in columns.items()}
    classes = {
        name: images[name].means() if name in LESION_WISE else _of_classes(found, name, sides)
        for name, sides in columns.items()
    }
    scores = {
        name: mean(value for value, is_in in zip(values, rules.over(name).tolist(), strict=True) if is_in)
        for name, values in classes.items()
    }
    counted = {name: class_sums(found.at, found.counts[:, side]) for side, name in enumerate(SIDES)}
    counted |= {name: class_sums(found.at, found.states == state) for name, state in STATES.items()}
    counted["both_empty"] += found.at.images - np.bincount(found.at.label, minlength=found.at.classes)
    each = {name: column.tolist() for name, column in counted.items()}
    return LesionScores(
        chosen,
        scores,
        tuple(dict(zip(classes, values, strict=True)) for values in zip(*classes.values(), strict=True)),
        tuple(dict(zip(each, values, strict=True)) for values in zip(*each.values(), strict=True)),
        images,
    )


def _values(found: _Counted, name: str, numerator: NDArray[Any], denominator: NDArray[Any]) -> ClassValues:
    defined = denominator > 0
    value = np.divide(numerator, denominator, out=np.zeros(len(defined)), where=defined)
    return ClassValues(found.at, value, defined, found.met, _others(name))


def _of_classes(found: _Counted, name: str, columns: Columns) -> tuple[Value, ...]:
    numerator, denominator = (class_sums(found.at, side) for side in columns)
    if _others(name) is not None:
        denominator = found.met * found.at.images
    return tuple(map(ratio, numerator.tolist(), denominator.tolist()))


def lesion_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what each mean is made of, for each image: numerators and denominators, (N, C)."""
    assert run.protocol.lesions is not None
    found = _counted(run, labeling)
    ratios: dict[str, Columns] = {}
    for name, (numerator, denominator) in _columns(found, run.protocol.lesions).items():
        over, others = rules.over(name), _others(name)
        at, here = found.at.of(over)
        above, below = np.zeros((at.images, at.classes), numerator.dtype), np.zeros((at.images, at.classes), np.int64)
        if others is not None:
            above[:, found.met[over]], below[:, found.met[over]] = others, 1
        above[at.image, at.label], below[at.image, at.label] = numerator[here], denominator[here]
        ratios[name] = above, below
    return ratios
