"""The distances of a run: each image's values averaged for each class, then over the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from segeval.runs.run import Run
from segeval.scores.contours import class_means
from segeval.scores.overlap import Ratios, Value, mean

STATES = {"one_empty": ONE, "both_empty": BOTH, "void_border": VOID}


@dataclass(frozen=True, slots=True)
class DistanceScores:
    """Hold the distances of the data set and of each class by name, and how many images of a class have none, by why.

    `images` has those of every image and class, (N, K), by name.
    """

    chosen: Distances
    scores: Mapping[str, Value]
    classes: tuple[Mapping[str, Value], ...]
    class_images: tuple[Mapping[str, int], ...]
    images: Mapping[str, Ratios]
    warnings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {**self.chosen.to_dict(), "class_images": [dict(one) for one in self.class_images]}


def distance_means(run: Run, labeling: Labeling, rules: ScoringRules) -> DistanceScores:
    """Average the distances of `run`, whose protocol asks for them; errors as `check_regions`."""
    check_regions(run, labeling)
    images, states = image_distances(run, labeling)
    assert run.protocol.distances is not None
    classes = {name: class_means(values) for name, values in images.items()}
    scores = {
        name: mean(value for value, is_in in zip(values, rules.over(name).tolist(), strict=True) if is_in)
        for name, values in classes.items()
    }
    of_classes = tuple(dict(zip(classes, values, strict=True)) for values in zip(*classes.values(), strict=True))
    counts = {name: (states == state).sum(axis=0).tolist() for name, state in STATES.items()}
    class_images = tuple(dict(zip(counts, values, strict=True)) for values in zip(*counts.values(), strict=True))
    warnings = _warnings(class_images, labeling)
    return DistanceScores(run.protocol.distances, scores, of_classes, class_images, images, warnings)


def image_distances(run: Run, labeling: Labeling) -> tuple[dict[str, Ratios], NDArray[np.int64]]:
    """Return the distances of every image and class by name, (N, K), and the state of each.

    A class that an image has on neither side has what the definition gives there; one that no image has is undefined.
    """
    chosen = run.protocol.distances
    assert chosen is not None
    position = {entry.id: index for index, entry in enumerate(labeling.classes)}
    shape = len(run.rows), len(position)
    values = np.empty((*shape, len(chosen.scores)))
    values[:] = list(values_of_nothing(chosen).values())
    states = np.full(shape, BOTH, np.int64)
    met = np.zeros(shape[1], np.bool_)
    for image, row in enumerate(run.rows):
        if row.distances is None:
            continue
        known = [(place, position[one]) for place, one in enumerate(row.distances.ids.tolist()) if one in position]
        for place, at in known:
            values[image, at], states[image, at] = row.distances.values[place], row.distances.states[place]
            met[at] = True
    found = {}
    for place, name in enumerate(chosen.scores):
        of_score = values[..., place]
        defined = ~np.isnan(of_score) & met
        found[name] = Ratios(np.where(defined, of_score, 0.0), defined, np.zeros(shape, np.bool_))
    return found, states


def distance_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what each mean is made of, for each image: values and whether they are defined, (N, C)."""
    images, _ = image_distances(run, labeling)
    return {name: (one.value[:, rules.over(name)], one.defined[:, rules.over(name)]) for name, one in images.items()}


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
