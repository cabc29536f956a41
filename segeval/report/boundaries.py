"""The scores of a run along contours, from the counts that its rows keep at each width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import ContourCounts
from segeval.errors import Finding, LabelError
from segeval.protocol.conventions import ScoringRules
from segeval.protocol.labeling import Labeling
from segeval.protocol.protocol import Protocol
from segeval.protocol.regions import region_rules
from segeval.protocol.widths import Width, write_widths
from segeval.records import dataclass
from segeval.runs.run import Run, raw_values
from segeval.scores.contours import (
    BY_PIXELS,
    band_union,
    bf,
    class_means,
    davis_f,
    image_iou,
    image_means,
    pooled_iou,
)
from segeval.scores.overlap import Ratios, Value, mean, ratio
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

    `images` has the scores of every image and class at the first width, (N, K), by name.
    """

    at: tuple[WidthScores, ...]
    class_images: tuple[ContourImages, ...]
    images: Mapping[str, Ratios]
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
    first = stacked(run, labeling, 0)
    of_images = _class_images(first)
    return BoundaryScores(
        tuple(_at_width(stacked(run, labeling, place), width, rules) for place, width in enumerate(widths)),
        of_images,
        {name: images for name, (images, _) in _scored(first).items()},
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


def stacked(run: Run, labeling: Labeling, place: int) -> ContourCounts:
    """Lay the counts of all images at one width side by side: arrays get the images as their first axis, (N, K, ...).

    That is 120 bytes for each image and class, however many widths the run keeps.
    """
    position = {entry.id: index for index, entry in enumerate(labeling.classes)}
    shape = (len(run.rows), len(position))
    ends: dict[str, tuple[int, ...]] = {
        "bands": (1, 3),
        "trimaps": (1, 3),
        "matched": (1, 2),
        "corners_matched": (1, 2),
    }
    ends |= {"borders": (3,), "corners": (2,)}
    whole: dict[str, Int64Array] = {name: np.zeros((*shape, *end), np.int64) for name, end in ends.items()}
    for image, row in enumerate(run.rows):
        if row.contours is None:
            continue
        known = [(index, position[one]) for index, one in enumerate(row.contours.ids.tolist()) if one in position]
        if known:
            places, at = (list(part) for part in zip(*known, strict=True))
            kept = row.contours.at_widths([place])
            for name, array in whole.items():
                array[image, at] = getattr(kept, name)[places]
    return ContourCounts(ids=np.array(list(position), np.int64), **whole)


def _scored(whole: ContourCounts) -> dict[str, tuple[Ratios, tuple[Value, ...]]]:
    """Return by name the values of images and classes, and of classes over all images."""
    bands, trimaps = whole.bands[:, :, 0], whole.trimaps[:, :, 0]
    by_border = bf(whole.matched[:, :, 0], whole.borders)
    # A region shows in the band of its own or, within void, in DAVIS's border.
    met = np.logical_or((bands[..., :2] > 0).any(axis=(0, 2)), (whole.corners > 0).any(axis=(0, 2)))
    by_corner = davis_f(whole.corners_matched[:, :, 0], whole.corners, met)
    return {
        "boundary_iou": (image_iou(bands), pooled_iou(bands)),
        "trimap_iou": (image_iou(trimaps), pooled_iou(trimaps)),
        "bf": (by_border, class_means(by_border)),
        "davis_f": (by_corner, class_means(by_corner)),
    }


def _at_width(whole: ContourCounts, width: Width, rules: ScoringRules) -> WidthScores:
    found = _scored(whole)
    scores: dict[str, Value] = {}
    for name, (images, classes) in found.items():
        over = rules.over(name)
        if name == "bf":  # MATLAB's MeanBFScore: of each image, then over the images
            scores[name] = mean(image_means(images, over))
        else:
            scores[name] = mean(value for value, is_in in zip(classes, over.tolist(), strict=True) if is_in)
    of_classes = zip(*(classes for _, classes in found.values()), strict=True)
    return WidthScores(width, scores, tuple(dict(zip(found, values, strict=True)) for values in of_classes))


def _class_images(whole: ContourCounts) -> tuple[ContourImages, ...]:
    gt, pred, lost = (whole.borders[..., place] for place in range(3))
    void = (gt == 0) & (lost > 0)
    one = ((gt == 0) != (pred == 0)) & ~void
    both = (gt == 0) & (pred == 0) & ~void
    columns = (part.sum(axis=0).tolist() for part in (one, both, void, lost, gt + lost))
    return tuple(
        ContourImages(one_empty, both_empty, void_border, ratio(taken, everything))
        for one_empty, both_empty, void_border, taken, everything in zip(*columns, strict=True)
    )


def contour_ratios(run: Run, labeling: Labeling, rules: ScoringRules) -> dict[str, Columns]:
    """Return what the scores at the first width are quotients of, for each image: numerators and denominators.

    Arrays of shape (N, K) are of a mean over classes, those of shape (N,) of all classes at once.
    """
    whole = stacked(run, labeling, 0)
    found: dict[str, Columns] = {}
    for name, (images, _) in _scored(whole).items():
        over = rules.over(name)
        if name in BY_PIXELS:
            counts = (whole.bands if name == "boundary_iou" else whole.trimaps)[:, over, 0]
            found[name] = counts[..., 2], band_union(counts)
        elif name == "davis_f":
            found[name] = np.where(images.defined, images.value, 0.0)[:, over], images.defined[:, over]
        else:
            values = image_means(images, over)
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
