"""The field's evaluators, each rewritten here from what its source does, or called where its package installs.

Every formula takes `Masks` and returns `Scores`, in float64 unless its docstring says otherwise, and raises `Refused`
where the evaluator stops, or where it files a value under a class that the value does not name: an answer that depends
on such an accident is none to agree with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Mask = NDArray[np.int64]


class Refused(Exception):  # noqa: N818 - it is an outcome that a test expects, not an error of the formula
    """The evaluator gives no answer for these masks."""


@dataclass(frozen=True)
class Masks:
    """Hold equally large masks, (H, W) each, whose classes are `first` .. `first + size - 1` and whose void is `void`.

    `void` may lie inside the classes, or be `None`.
    """

    pred: tuple[Mask, ...]
    gt: tuple[Mask, ...]
    size: int
    void: int | None
    first: int = 0

    @property
    def ids(self) -> range:
        """Return the values of the classes, void among them where it lies inside."""
        return range(self.first, self.first + self.size)

    @property
    def scored(self) -> list[int]:
        """Return the values of the classes but for void."""
        return [value for value in self.ids if value != self.void]

    def known(self, mask: Mask) -> bool:
        """Tell whether a mask holds classes and void only."""
        return bool(np.isin(mask, [*self.ids, *([] if self.void is None else [self.void])]).all())


@dataclass(frozen=True)
class Scores:
    """Hold IoU by class value, `None` where the evaluator leaves it out, and the mean, `None` where it is no number."""

    classes: dict[int, float | None]
    mean: float | None


def scores(ids: Iterable[int], values: Iterable[float], *, mean: float | None = None) -> Scores:
    """Turn an evaluator's numbers into `Scores`: NaN is `None`, the mean is over the rest unless given."""
    classes = {key: none_if_nan(value) for key, value in zip(ids, values, strict=True)}
    if mean is None:
        defined = [value for value in classes.values() if value is not None]
        mean = sum(defined) / len(defined) if defined else math.nan
    return Scores(classes, none_if_nan(mean))


def none_if_nan(value: float) -> float | None:
    """Return a plain number, or `None` for NaN."""
    return None if math.isnan(value) else float(value)


def divide(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide as the evaluators do: 0/0 is NaN, and nobody minds."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(numerator, np.float64) / np.asarray(denominator, np.float64)


def close(value: float | None, precision: float = 1e-12) -> Any:
    """Return what compares equal to a value within `precision`, and to `None` only where there is none."""
    return None if value is None else pytest.approx(value, rel=0, abs=precision)
