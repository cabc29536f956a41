"""The columns of a sample: one value of every class of every image, summed by what is drawn as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.scores.imageoverlap import Cells
from segeval.scores.overlap import Value

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Hold one value of every class of every image: those of the cells that are kept, and what all others have."""

    at: Cells
    kept: NDArray[Any]
    absent: float = 0.0

    def dense(self) -> Floats:
        """Return the values of every class, shape (images, K)."""
        values = np.full((self.at.images, self.at.classes), self.absent)
        values[self.at.image, self.at.label] = self.kept
        return values


class Columns:
    """Collect the columns of a sample; one that is the same by the rules of the scores is kept once."""

    def __init__(self, at: Cells) -> None:
        self._at = at
        self._parts: list[Part] = []
        self._width = 0
        self._kept: dict[object, slice] = {}
        self.layout: dict[str, slice] = {}

    def add(self, name: str, part: Part, same_as: object = None) -> None:
        """Add columns of classes; `same_as` is equal where two names have the same columns."""
        key = name if same_as is None else same_as
        if key not in self._kept:
            self._parts.append(part)
            self._kept[key] = slice(self._width, self._width + part.at.classes)
            self._width += part.at.classes
        self.layout[name] = self._kept[key]

    def add_images(self, name: str, values: NDArray[Any]) -> None:
        """Add one value an image, shape (N,), or C of them, (N, C)."""
        columns = values.reshape(self._at.images, -1)
        image, label = (places.reshape(-1) for places in np.indices(columns.shape, np.int32))
        self.add(name, Part(Cells(image, label, *columns.shape), columns.reshape(-1)))

    def add_values(self, name: str, values: Sequence[Value]) -> None:
        """Add what a mean of values is made of."""
        self.add_images(f"{name}.sum", np.array([value or 0.0 for value in values]))
        self.add_images(f"{name}.count", np.array([value is not None for value in values]))

    def dense(self) -> Floats:
        """Return every column of every image, shape (images, columns)."""
        return np.concatenate([part.dense() for part in self._parts], axis=1)

    def sums(self, of_image: NDArray[np.intp], units: int) -> Floats:
        """Add the images of each unit, shape (units, columns); `of_image` has the position of each image's unit.

        What was collected is given up on the way: sums and parts together would take twice the memory.
        """
        sums = np.zeros((units, self._width), order="F")
        most = units * int(np.bincount(of_image).max())
        end = 0
        self._parts.reverse()
        while self._parts:
            values = _on_exact_grid(self._parts.pop().dense(), most)
            start, end = end, end + values.shape[1]
            np.add.at(sums[:, start:end], of_image, values)
        return sums


def _on_exact_grid(columns: Floats, most: int) -> Floats:
    """Round each column, in place, so that the sum of any `most` of its values is exact in float64, repeated or not."""
    _require_finite(columns)
    return on_grid(columns, grid_of(np.maximum(columns.max(axis=0), -columns.min(axis=0)), most), out=columns)


def grid_of(largest: Floats, most: int) -> NDArray[np.intp]:
    """Return how many binary digits each column keeps, so that sums of `most` values up to `largest` are exact."""
    _require_finite(largest)
    exponents: NDArray[np.intp] = 53 - np.frexp(largest * most)[1]
    return exponents


def on_grid(columns: Floats, exponents: NDArray[np.intp], out: Floats | None = None) -> Floats:
    """Round each column to a grid, into `out` where it is given."""
    rounded: Floats = np.ldexp(columns, exponents, out=out)
    np.rint(rounded, out=rounded)
    np.ldexp(rounded, -exponents, out=rounded)
    return rounded


def _require_finite(columns: Floats) -> None:
    if not np.isfinite(columns).all():
        raise UsageError("a score to be resampled has an image with an infinite or undefined sum", (), "Clamp the loss")
