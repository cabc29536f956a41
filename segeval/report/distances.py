"""The distances of a run: each image's values averaged for each class, then over the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import BOTH, ONE, VOID
from segeval.contours.distances import values_of_nothing
from segeval.errors import Finding
from segeval.protocol.conventions import ScoringRules
from segeval.protocol.distances import Distances
from segeval.protocol.labeling import Labeling
from segeval.records import dataclass
from segeval.report.boundaries import Columns, check_regions
from segeval.report.classcells import ClassValues, class_cells, class_sums, met_classes
from segeval.runs.partcolumns import distances_of
from segeval.runs.run import Run
from segeval.scores.imageoverlap import Cells
from segeval.scores.overlap import Value, mean

STATES = {"one_empty": ONE, "both_empty": BOTH, "void_border": VOID}


@dataclass(frozen=True, slots=True)
class DistanceScores:
    """Hold the distances of the data set and of each class by name, and how many images of a class have none, by why.

    `images` has those of every image and class by name.
    """

    chosen: Distances
    scores: Mapping[str, Value]
    classes: tuple[Mapping[str, Value], ...]
    class_images: tuple[Mapping[str, int], ...]
    images: Mapping[str, ClassValues]
    warnings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {**self.chosen.to_dict(), "class_images": [dict(one) for one in self.class_images]}


def distance_means(run: Run, labeling: Labeling, rules: ScoringRules) -> DistanceScores:
    """Average the distances of `run`, whose protocol asks for them; errors as `check_regions`."""
    check_regions(run, labeling)
    assert run.protocol.distances is not None
    at, kept = _kept(run, labeling)
    images = _values(run, at, kept["values"])
    classes = {name: values.means() for name, values in images.items()}
    scores = {
        name: mean(value for value, is_in in zip(values, rules.over(name).tolist(), strict=True) if is_in)
        for name, values in classes.items()
    }
    of_classes = tuple(dict(zip(classes, values, strict=True)) for values in zip(*classes.values(), strict=True))
    counts = {name: class_sums(at, kept["states"] == state) for name, state in STATES.items()}
    counts["both_empty"] += at.images - np.bincount(at.label, minlength=at.classes)  # what rows do not keep
    each = {name: column.tolist() for name, column in counts.items()}
    class_images = tuple(dict(zip(each, values, strict=True)) for values in zip(*each.values(), strict=True))
    warnings = _warnings(class_images, labeling)
    return DistanceScores(run.protocol.distances, scores, of_classes, class_images, images, warnings)


def _kept(run: Run, labeling: Labeling) -> tuple[Cells, dict[str, NDArray[Any]]]:
    assert run.protocol.distances is not None
    return class_cells(run, labeling, partial(distances_of, size=len(run.protocol.distances.scores)))


def _values(run: Run, at: Cells, values: NDArray[np.float64]) -> dict[str, ClassValues]:
    """Return the distances of images and classes by name.

    A class that an image has on neither side has what the definition gives there; one that no image has is undefined.
    """
    chosen = run.protocol.distances
    assert chosen is not None
    nothing, met = values_of_nothing(chosen), met_classes(at)
    found = {}
    for place, name in enumerate(chosen.scores):
        of_score, absent = values[:, place], nothing[name]
        found[name] = ClassValues(at, of_score, ~np.isnan(of_score), met, None if np.isnan(absent) else absent)
    return found


def distance_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what each mean is made of, for each image: values and whether they are defined, (N, C)."""
    at, kept = _kept(run, labeling)
    return {name: one.dense(rules.over(name)) for name, one in _values(run, at, kept["values"]).items()}


def _warnings(images: Sequence[Mapping[str, int]], labeling: Labeling) -> tuple[Finding, ...]:
    """Tell of classes that only one side has in some images."""
    places = [
        f"{entry.name}: {one['one_empty']} image{'s' * (one['one_empty'] != 1)}"
        for entry, one in zip(labeling.classes, images, strict=True)
        if one["one_empty"]
    ]
    if not places:
        return ()
    what = "images in which only one side has a class have no distance, and leaving them out of its mean flatters"
    return (Finding("one-sided", what, tuple(places), "Report their number beside the distance, or read NSD"),)
