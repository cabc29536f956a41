"""What rows keep of the classes that an image has, beside what all other classes have: scores of images and classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import Labeling
from segeval.records import dataclass
from segeval.runs.columns import blocks_of
from segeval.runs.ragged import Ragged, ends_of, joined_ragged
from segeval.runs.run import Row, Run
from segeval.scores.imageoverlap import Cells
from segeval.scores.overlap import Value, mean

Bools = NDArray[np.bool_]


def class_cells(
    run: Run, labeling: Labeling, part: Callable[[Sequence[Row]], Ragged]
) -> tuple[Cells, dict[str, NDArray[Any]]]:
    """Return which classes of which images rows keep something of, and what: `part` takes it from rows in memory.

    What is of another class than those of the labeling is left out.
    """
    whole = joined_ragged([part(block) for block in blocks_of(run.rows)])
    ids = np.array([entry.id for entry in labeling.classes], np.int64)
    order = np.argsort(ids)
    places = np.minimum(np.searchsorted(ids[order], whole["ids"]), len(ids) - 1)
    known = ids[order][places] == whole["ids"]
    at = Cells(
        whole.images[known].astype(np.int32), order[places[known]].astype(np.int32), len(whole.ends) - 1, len(ids)
    )
    return at, {name: column[known] for name, column in whole.columns.items()}


def met_classes(at: Cells) -> Bools:
    """Tell which classes some image has."""
    return np.bincount(at.label, minlength=at.classes) > 0


def class_sums(at: Cells, values: NDArray[Any]) -> NDArray[np.int64]:
    """Add whole numbers of cells up by class, shape (K, ...)."""
    sums = np.zeros((at.classes, *values.shape[1:]), np.int64)
    np.add.at(sums, at.label, values)
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class ClassValues:
    """Hold one score of images and classes: `value` of the cells that are kept, where it is `defined`.

    Any other class of an image has the value `absent`, where some image has the class, shape (K,) of `met`.
    """

    at: Cells
    value: NDArray[np.float64]
    defined: Bools
    met: Bools
    absent: Value = None

    def means(self) -> tuple[Value, ...]:
        """Return each class's mean over the images in which it is defined."""
        order = np.argsort(self.at.label, kind="stable")
        values, defined = self.value[order], self.defined[order]
        ends = ends_of(np.bincount(self.at.label, minlength=self.at.classes)).tolist()
        return tuple(
            self._mean(values[start:end][defined[start:end]].tolist(), self.at.images - (end - start), met=met)
            for (start, end), met in zip(pairwise(ends), self.met.tolist(), strict=True)
        )

    def _mean(self, values: list[float], others: int, *, met: bool) -> Value:
        if not met or self.absent is None or not others:
            return mean(values)
        # What others have is 0 or 1, so that their sum is exact.
        return math.fsum([*values, others * self.absent]) / (len(values) + others)

    def image(self, index: int) -> tuple[Value, ...]:
        """Return the values of every class in one image."""
        start, end = self.at.between(index, index + 1)
        found: list[Value] = [self.absent if met else None for met in self.met.tolist()]
        here = slice(start, end)
        for label, value, defined in zip(
            self.at.label[here].tolist(), self.value[here].tolist(), self.defined[here].tolist(), strict=True
        ):
            found[label] = value if defined else None
        return tuple(found)

    def image_means(self, over: Bools) -> list[Value]:
        """Return each image's mean over the classes `over` that it has and that are defined in it."""
        here = self.defined & over[self.at.label]
        values = self.value[here].tolist()
        ends = np.searchsorted(self.at.image[here], np.arange(self.at.images + 1)).tolist()
        return [mean(values[start:end]) for start, end in pairwise(ends)]

    def dense(self, over: Bools) -> tuple[NDArray[np.float64], Bools]:
        """Return the values of the classes `over`, 0 where undefined, and where they are defined, shape (images, C)."""
        at, here = self.at.of(over)
        shape = at.images, at.classes
        values, defined = np.zeros(shape), np.zeros(shape, np.bool_)
        if self.absent is not None:
            values[:, self.met[over]], defined[:, self.met[over]] = self.absent, True
        known = self.defined[here]
        values[at.image, at.label] = np.where(known, self.value[here], 0.0)
        defined[at.image, at.label] = known
        return values, defined
