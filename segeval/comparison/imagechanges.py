"""The images that a new run changed most against a baseline: those that fell, and those that rose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from segeval.records import dataclass
from segeval.report.scoring import Measured
from segeval.scores.imageoverlap import image_mious, image_outcomes, present
from segeval.scores.overlap import Value

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllRatios


@dataclass(frozen=True, slots=True)
class ImageChange:
    """Hold an image whose mean IoU changed, and the class in its ground truth whose IoU there went furthest with it."""

    key: str
    base: float
    new: float
    difference: float
    class_name: str | None
    class_difference: Value

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one image."""
        return {name: getattr(self, name) for name in ImageChange.__slots__}


def image_changes(
    keys: Sequence[str], base: Measured, new: Measured, limit: int
) -> tuple[tuple[ImageChange, ...], tuple[ImageChange, ...]]:
    """Return the images whose own mean IoU fell most, and those whose rose most, at most `limit` each.

    The largest change comes first, ties by key; `keys` are those of both runs' rows, in their order. Classes are named
    where both runs have the same.
    """
    before, after = (
        image_mious(image_outcomes(found.images).of(found.rules.over("image_miou"))) for found in (base, new)
    )
    values = [
        (second - first, key, index, first, second)
        for index, (key, first, second) in enumerate(zip(keys, before, after, strict=True))
        if first is not None and second is not None and first != second
    ]
    old, later = (present(image_outcomes(found.images)) for found in (base, new))
    named = _classes(base) if _classes(base) == _classes(new) else None

    def change(index: int, key: str, first: float, second: float) -> ImageChange:
        name, difference = None, None
        if named is not None:
            name, difference = _furthest(old, later, index, named, falls=second < first)
        return ImageChange(key, first, second, second - first, name, difference)

    fallen = sorted(one for one in values if one[0] < 0)[:limit]
    risen = sorted((one for one in values if one[0] > 0), key=lambda one: (-one[0], one[1]))[:limit]
    told = [
        tuple(change(index, key, first, second) for _, key, index, first, second in part) for part in (fallen, risen)
    ]
    return told[0], told[1]


def _classes(found: Measured) -> list[tuple[int, str]]:
    return [(entry.id, entry.name) for entry in found.labeling.classes]


def _furthest(
    old: AllRatios, later: AllRatios, index: int, named: Sequence[tuple[int, str]], *, falls: bool
) -> tuple[str | None, Value]:
    """Return the class whose IoU went furthest down or up in an image, and how far; `None` where none went there."""
    first, second = old.image(index), later.image(index)
    sign = 1 if falls else -1
    went = np.where(first.defined & second.defined, sign * (second.value - first.value), np.inf)
    position = int(np.argmin(went))
    return (named[position][1], sign * float(went[position])) if went[position] < 0 else (None, None)
