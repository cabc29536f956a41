"""From stored values to classes: a lookup that is applied to tables of counts, never to pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

VOID = -1
"""Index of a value that is ignored."""
UNKNOWN = -2
"""Index of a value that the labeling does not name."""
NO_FILE = -3
"""Index of `NO_PREDICTION`: what `--missing miss` counts in place of a prediction that does not exist."""

NO_PREDICTION = int(np.iinfo(np.int64).min)
"""The value that stands for a prediction that does not exist; no stored mask can hold it."""

OUTSIDE: Mapping[int, str] = {VOID: "void", UNKNOWN: "unknown", NO_FILE: "missing"}
"""What valid pixels may be given that is no class, in a word."""

Color = tuple[int, int, int]
IdAndName = tuple[int, str]
"""What a class is told by."""


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """Name one class: `id` is its value after mapping, `color` its 8-bit RGB colour where it has one."""

    id: int
    name: str
    color: Color | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Name several classes that are also scored as one, by their ids (Cityscapes calls it a category)."""

    name: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Look a raw value up: `indices` by raw value, and `default` for every value that is not listed.

    An index is a position in the class list, `VOID` or `UNKNOWN`. Where there is a `level`, values that are not listed
    have `default` only above it, and `lower` from it downwards.
    """

    indices: Mapping[int, int] = field(default_factory=dict)
    default: int = UNKNOWN
    level: int | None = None
    lower: int = UNKNOWN

    def __call__(self, values: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the class index of each of `values`, of any shape and integer type; `NO_PREDICTION` is `NO_FILE`."""
        distinct, inverse = np.unique(values, return_inverse=True)
        looked_up = np.array([self.index(value) for value in distinct.tolist()], dtype=np.intp)
        return looked_up[inverse.reshape(np.shape(values))] if looked_up.size else np.zeros(np.shape(values), np.intp)

    def index(self, value: int) -> int:
        """Return the class index of one raw value."""
        if value == NO_PREDICTION:
            return NO_FILE
        return self.indices.get(value, self.default if self.level is None or value > self.level else self.lower)


@dataclass(frozen=True, slots=True)
class Labeling:
    """Fix what each raw value of either folder means.

    `classes` are in report order; `gt` and `pred` map the raw values of the ground truth and of the predictions.
    """

    classes: tuple[SegmentationClass, ...]
    gt: ValueMap
    pred: ValueMap
    groups: tuple[Group, ...] = ()


def value_map(
    classes: Iterable[SegmentationClass],
    *,
    ignore: Iterable[int] = (),
    mapping: Mapping[int, int] | None = None,
    default: int = UNKNOWN,
) -> ValueMap:
    """Build the lookup raw value -> mapped value -> class index or void.

    `mapping` is applied once and all at once, so `{1: 2, 2: 1}` swaps; a value that it does not name stands for
    itself. `ignore` holds mapped values and wins over a class of the same id.
    """
    meaning = {entry.id: index for index, entry in enumerate(classes)}
    meaning.update(dict.fromkeys(ignore, VOID))
    renamed = mapping or {}
    looked_up = {value: index for value, index in meaning.items() if value not in renamed}
    looked_up.update({raw: meaning.get(value, default) for raw, value in renamed.items()})
    return ValueMap(dict(sorted(looked_up.items())), default)
