"""The scores of slices of a data set, and how each differs from the rest, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segeval.protocol.labeling import IdAndName
from segeval.records import dataclass
from segeval.sampling.resampling import Interval, Resampling
from segeval.sampling.uncertainty import resampling_dict
from segeval.scores.overlap import Value


@dataclass(frozen=True, slots=True)
class SliceScores:
    """Hold one slice: its scores by name, the IoU of each class, and what sets it apart.

    `rest` has the scores of all other images, of those that are functions of sums; `p` tells by randomisation whether
    slice and rest differ, `holm` the same adjusted for the number of slices that are shown.
    """

    name: str
    images: int
    pixels: int
    scores: Mapping[str, Value]
    iou: tuple[Value, ...]
    intervals: Mapping[str, Interval]
    rest: Mapping[str, Value]
    p: Mapping[str, Value]
    holm: Mapping[str, Value]

    def difference(self, score: str) -> Value:
        """Return the score of the slice less that of the rest."""
        value, rest = self.scores.get(score), self.rest.get(score)
        return None if value is None or rest is None else value - rest

    def to_dict(self, classes: Sequence[IdAndName]) -> dict[str, Any]:
        """Return the JSON of one slice."""
        return {
            "name": self.name,
            "images": self.images,
            "pixels": self.pixels,
            "scores": dict(self.scores),
            "intervals": {name: one.bounds() for name, one in self.intervals.items()},
            "rest": dict(self.rest),
            "differences": {name: self.difference(name) for name in self.rest},
            "p": dict(self.p),
            "p_holm": dict(self.holm),
            "classes": [
                {"id": class_id, "name": name, "iou": iou}
                for (class_id, name), iou in zip(classes, self.iou, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class SliceTable:
    """Hold the slices of one column, or of several that are crossed."""

    column: str
    slices: tuple[SliceScores, ...]


@dataclass(frozen=True, slots=True)
class Slices:
    """Hold every table of slices, and how intervals and p-values were drawn from `units` images or groups."""

    settings: Resampling
    unit: str
    units: int
    tables: tuple[SliceTable, ...]

    def each(self) -> Iterator[tuple[str, SliceScores]]:
        """Return every slice with its column."""
        return ((table.column, one) for table in self.tables for one in table.slices)

    def table(self, column: str) -> SliceTable | None:
        """Return the slices of a column, `None` where it was not asked for."""
        return next((table for table in self.tables if table.column == column), None)

    def to_dict(self, classes: Sequence[IdAndName]) -> dict[str, Any]:
        """Return the JSON of all slices."""
        return {
            "resampling": resampling_dict(self.settings, self.unit, self.units),
            "by": [
                {"column": table.column, "slices": [one.to_dict(classes) for one in table.slices]}
                for table in self.tables
            ],
        }
