"""The scores of a run along contours, from the counts that its rows keep at each width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, LabelError
from segeval.protocol.conventions import ScoringRules
from segeval.protocol.labeling import Labeling
from segeval.protocol.protocol import Protocol
from segeval.protocol.regions import region_rules
from segeval.protocol.widths import Width, write_widths
from segeval.records import dataclass
from segeval.report.classcells import ClassValues, class_cells, class_sums
from segeval.runs.partcolumns import contours_at
from segeval.runs.run import Run, raw_values
from segeval.scores.contours import BY_PIXELS, band_union, bf, davis_f, image_iou
from segeval.scores.imageoverlap import Cells
from segeval.scores.overlap import Value, mean, ratio
from segeval.tables.counts import Int64Array, JointCounts

MOST_LOST = 0.1
"""A class that lost more of its border to void is told of."""
Columns = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class WidthScores:
    """Hold the scores at one width: of the data set, and of each class, by name."""

    width: Width
    scores: Mapping[str, Value]
    classes: tuple[Mapping[str, Value], ...]


@dataclass(frozen=True, slots=True)
class ContourImages:
    """Count the images of one class that have no border on one side, on both, or only one that void took."""

    one_empty: int
    both_empty: int
    void_border: int
    lost_share: Value


@dataclass(frozen=True, slots=True)
class BoundaryScores:
    """Hold the scores at every width that the run keeps, the first being that of the report, and each class's images.

    `images` has the scores of every image and class at the first width by name.
    """

    at: tuple[WidthScores, ...]
    class_images: tuple[ContourImages, ...]
    images: Mapping[str, ClassValues]
    warnings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {
            "widths": [write_widths([one.width]) for one in self.at],
            "by_width": [{**one.scores, "classes": [dict(of_class) for of_class in one.classes]} for one in self.at],
            "class_images": [
                {field.name: getattr(one, field.name) for field in fields(ContourImages)} for one in self.class_images
            ],
        }


def boundary_scores(run: Run, labeling: Labeling, rules: ScoringRules) -> BoundaryScores:
    """Compute the scores along contours of `run`, whose protocol asks for them.

    Raises `LabelError` where a value is of another class than it was when the contours were counted.
    """
    widths = run.protocol.boundary
    assert widths is not None
    check_regions(run, labeling)
    first = _counted(run, labeling, 0)
    of_images = _class_images(first)
    return BoundaryScores(
        tuple(_at_width(_counted(run, labeling, place), width, rules) for place, width in enumerate(widths)),
        of_images,
        {name: images for name, (images, _) in first.scored().items()},
        _warnings(of_images, labeling),
    )


def check_regions(run: Run, labeling: Labeling) -> None:
    """Raise `LabelError` where a value is of another class than contours were counted for."""
    strangers = region_differences(run.protocol, labeling, run.table())
    if strangers:
        raise LabelError(
            "contours were counted before it was known what these values mean",
            strangers,
            "Add --binary where 255 is foreground; else name the classes with --classes",
        )


def region_differences(protocol: Protocol, labeling: Labeling, table: JointCounts) -> list[str]:
    """Tell the raw values of `table` that are a class of `labeling`, and another or none to contours of `protocol`."""
    ids = [entry.id for entry in labeling.classes]
    found = []
    rules = region_rules(protocol)
    for side, lookup, rule, values in zip(
        ("ground truth", "predictions"), (labeling.gt, labeling.pred), rules, raw_values(table), strict=True
    ):
        for value in values:
            index, counted = lookup.index(value), rule(value)
            if index >= 0 and ids[index] != counted:
                found.append(f"{value} in {side}: class {ids[index]}, counted as {_called(counted)}")
    return found


def _called(class_id: int | None) -> str:
    return "void" if class_id is None else f"class {class_id}"


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Hold the counts of classes of images at one width, by name, as `ContourCounts` has them without that axis."""

    at: Cells
    counts: Mapping[str, Int64Array]

    def scored(self) -> dict[str, tuple[ClassValues, tuple[Value, ...]]]:
        """Return by name the values of images and classes, and of classes over all images."""
        of = self.counts
        # A region shows in the band of its own or, within void, in DAVIS's border.
        is_met = np.logical_or((of["bands"][:, :2] > 0).any(axis=1), (of["corners"] > 0).any(axis=1))
        met = class_sums(self.at, is_met) > 0
        every = np.ones(self.at.classes, np.bool_)
        by_border = ClassValues(self.at, *bf(of["matched"], of["borders"]), every)
        by_corner = ClassValues(self.at, davis_f(of["corners_matched"], of["corners"]), met[self.at.label], met, 1.0)
        return {
            "boundary_iou": self._pooled("bands", every),
            "trimap_iou": self._pooled("trimaps", every),
            "bf": (by_border, by_border.means()),
            "davis_f": (by_corner, by_corner.means()),
        }

    def _pooled(self, name: str, every: NDArray[np.bool_]) -> tuple[ClassValues, tuple[Value, ...]]:
        """Return the IoU in the bands; that of a class has the pixels of all images."""
        counts, whole = self.counts[name], class_sums(self.at, self.counts[name])
        of_classes = tuple(map(ratio, whole[:, 2].tolist(), band_union(whole).tolist()))
        return ClassValues(self.at, *image_iou(counts), every), of_classes


def _counted(run: Run, labeling: Labeling, place: int) -> _Counted:
    return _Counted(*class_cells(run, labeling, partial(contours_at, place=place)))


def _at_width(whole: _Counted, width: Width, rules: ScoringRules) -> WidthScores:
    found = whole.scored()
    scores: dict[str, Value] = {}
    for name, (images, classes) in found.items():
        over = rules.over(name)
        if name == "bf":  # MATLAB's MeanBFScore: of each image, then over the images
            scores[name] = mean(images.image_means(over))
        else:
            scores[name] = mean(value for value, is_in in zip(classes, over.tolist(), strict=True) if is_in)
    of_classes = zip(*(classes for _, classes in found.values()), strict=True)
    return WidthScores(width, scores, tuple(dict(zip(found, values, strict=True)) for values in of_classes))


def _class_images(whole: _Counted) -> tuple[ContourImages, ...]:
    gt, pred, lost = (whole.counts["borders"][:, place] for place in range(3))
    void = (gt == 0) & (lost > 0)
    one = ((gt == 0) != (pred == 0)) & ~void
    some = (gt > 0) | (pred > 0) | void
    columns = (class_sums(whole.at, part).tolist() for part in (one, some, void, lost, gt + lost))
    return tuple(
        ContourImages(one_empty, whole.at.images - any_border, void_border, ratio(taken, everything))
        for one_empty, any_border, void_border, taken, everything in zip(*columns, strict=True)
    )


def contour_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what the scores at the first width are quotients of, for each image: numerators and denominators.

    Arrays of shape (N, K) are of a mean over classes, those of shape (N,) of all classes at once.
    """
    whole = _counted(run, labeling, 0)
    found: dict[str, Columns] = {}
    for name, (images, _) in whole.scored().items():
        over = rules.over(name)
        if name in BY_PIXELS:
            at, here = whole.at.of(over)
            counts = whole.counts["bands" if name == "boundary_iou" else "trimaps"][here]
            sides = np.zeros((2, at.images, at.classes), np.int64)
            sides[:, at.image, at.label] = counts[:, 2], band_union(counts)
            found[name] = sides[0], sides[1]
        elif name == "davis_f":
            found[name] = images.dense(over)
        else:
            values = images.image_means(over)
            found[name] = np.array([value or 0.0 for value in values]), np.array([one is not None for one in values])
    return found


def _warnings(images: Sequence[ContourImages], labeling: Labeling) -> tuple[Finding, ...]:
    """Tell of classes that lost much of their border to void."""
    lost = [
        f"{entry.name}: {100 * one.lost_share:.0f} % of its border"
        for entry, one in zip(labeling.classes, images, strict=True)
        if one.lost_share is not None and one.lost_share > MOST_LOST
    ]
    if not lost:
        return ()
    what = "void takes much of the border of some classes, where no boundary score looks"
    return (Finding("void-border", what, tuple(lost), "Read their boundary scores with care"),)
