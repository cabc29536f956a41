"""What each image, or group of images, adds to every score: the sums that resampling draws from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import NothingToScoreError, UsageError
from segeval.protocol.conventions import Convention
from segeval.scores.overlap import (
    Outcomes,
    Overlap,
    Value,
    averaged,
    class_mious,
    frequency_weighted,
    image_means,
    image_mious,
    mean,
    outcomes,
    overlap,
    pixel_accuracy,
    present,
    recalls,
)
from segeval.tables.confusion import Tallies
from segeval.tables.counts import Int64Array

Floats = NDArray[np.float64]
Extra = Mapping[str, tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Tell what is drawn as one: `names` ascending, and for each image the position of its unit, shape (N,)."""

    names: tuple[str, ...]
    of_image: NDArray[np.intp]


def units(keys: Sequence[str], group_by: str | None = None) -> Units:
    """Make each image a unit, or each group of images whose keys have the same part found by the regex `group_by`.

    The part is the first group of the expression, or the whole match where it has none. Raises `UsageError` for an
    expression that cannot be read and for keys in which it finds nothing.
    """
    if group_by is None:
        names = list(keys)
    else:
        try:
            pattern = re.compile(group_by)
        except re.error as error:
            raise UsageError(
                f"--group-by '{group_by}' is not a regular expression: {error}", (), "Fix the expression"
            ) from None
        found = [pattern.search(key) for key in keys]
        parts = [match and match[min(1, pattern.groups)] for match in found]
        without = [key for key, part in zip(keys, parts, strict=True) if part is None]
        if without:
            raise UsageError(
                f"--group-by '{group_by}' finds no group in the names of some images",
                without,
                "Give an expression that matches every name",
            )
        names = [part for part in parts if part is not None]
    distinct = sorted(set(names))
    position = {name: index for index, name in enumerate(distinct)}
    return Units(tuple(distinct), np.array([position[name] for name in names], np.intp))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Hold the sums of each unit from which every statistic is computed.

    `columns` has shape (units, M), the parts of it named by `layout`; `extras` are the names of the extra statistics.
    `observed` and `observed_iou` are the scores of the data as it is, exact as `segeval.scores.overlap` has them.
    """

    units: tuple[str, ...]
    columns: Floats
    layout: Mapping[str, slice]
    convention: Convention
    extras: tuple[str, ...]
    observed: Mapping[str, Value]
    observed_iou: tuple[Value, ...]

    def statistics(self, sums: Floats) -> Floats:
        """Compute every statistic of B resamples from their sums, shape (B, M).

        Returns (B, S): the scores in the order of `observed`, then the IoU of each class; undefined is NaN.
        """
        part = {name: sums[:, where] for name, where in self.layout.items()}
        iou, miou = _overlap_scores(part, "class", self.convention, 1)
        weight = np.where(np.isnan(iou), 0.0, part["true"])
        scores = {
            "miou": miou,
            "mdice": _overlap_scores(part, "class", self.convention, 2)[1],
            "pixel_accuracy": _divided(part["hit"].sum(axis=1), part["true"].sum(axis=1)),
            "mean_accuracy": _mean(_divided(part["hit"], part["true"])),
            "fwiou": _divided((weight * np.nan_to_num(iou)).sum(axis=1), weight.sum(axis=1)),
            "image_miou": _divided(part["image.sum"][:, 0], part["image.count"][:, 0]),
            "class_miou": _mean(_divided(part["present.sum"], part["present.count"])),
        }
        if "group_miou" in self.observed:
            scores["group_miou"] = _overlap_scores(part, "group", self.convention, 1)[1]
        for name in self.extras:
            scores[name] = _divided(part[f"{name}.numerator"][:, 0], part[f"{name}.denominator"][:, 0])
        return np.column_stack([*(scores[name] for name in self.observed), iou])


def sample(
    images: Tallies,
    convention: Convention,
    unit: Units,
    *,
    groups: Tallies | None = None,
    extra: Extra | None = None,
) -> Sample:
    """Sum what the scores are made of over the images of each unit.

    `images` has shape (N, K), `groups` (N, G) the same pixels with each group of classes as one. `extra` names further
    scores that are a sum over a sum, each as numerators and denominators of the images, shape (N,), finite.

    Every resampled sum is exact in float64: pixel counts as they are while units x pixels of a unit stays below 2^53
    (9e15), all else rounded once to 53 bits of the largest sum there can be. So no order of addition, number of
    threads or block size shows in a result. Raises `NothingToScoreError` without images.
    """
    if not len(unit.of_image):
        raise NothingToScoreError("there are no images to resample", (), "Give at least one pair")
    counted, plain = outcomes(images, convention), outcomes(images)
    in_gt = present(plain)
    image_values = image_mious(plain)
    columns: dict[str, NDArray[Any]] = {
        "hit": images.hit,
        "true": images.true_pixels,
        **_overlap_columns("class", counted, convention),
        **_value_columns("image", image_values),
        "present.sum": np.where(in_gt.defined, in_gt.value, 0.0),
        "present.count": in_gt.defined,
    }
    observed_miou, observed = _observed(images, counted, convention)
    observed["image_miou"] = mean(image_values)
    observed["class_miou"] = mean(class_mious(plain))
    if groups is not None:
        merged = outcomes(groups, convention)
        columns |= _overlap_columns("group", merged, convention)
        observed["group_miou"] = averaged(outcomes(_summed(groups), convention), merged, convention).mean
    for name, (numerators, denominators) in (extra or {}).items():
        columns |= {f"{name}.numerator": numerators[:, None], f"{name}.denominator": denominators[:, None]}
        denominator = math.fsum(denominators.tolist())
        observed[name] = math.fsum(numerators.tolist()) / denominator if denominator else None
    ends = np.cumsum([part.shape[1] for part in columns.values()]).tolist()
    layout = {name: slice(end - part.shape[1], end) for (name, part), end in zip(columns.items(), ends, strict=True)}
    table = np.column_stack([part.astype(np.float64) for part in columns.values()])
    sums = np.zeros((len(unit.names), table.shape[1]))
    np.add.at(sums, unit.of_image, _on_exact_grid(table, len(unit.names) * int(np.bincount(unit.of_image).max())))
    return Sample(unit.names, sums, layout, convention, tuple(extra or ()), observed, observed_miou.classes)


def _summed(images: Tallies) -> Tallies:
    return Tallies(**{field.name: getattr(images, field.name).sum(axis=0) for field in fields(Tallies)})


def _observed(images: Tallies, counted: Outcomes, convention: Convention) -> tuple[Overlap, dict[str, Value]]:
    whole = _summed(images)
    whole_counted = outcomes(whole, convention)
    iou = averaged(whole_counted, counted, convention)
    return iou, {
        "miou": iou.mean,
        "mdice": averaged(whole_counted, counted, convention, hit_weight=2).mean,
        "pixel_accuracy": pixel_accuracy(whole),
        "mean_accuracy": mean(recalls(whole)),
        "fwiou": frequency_weighted(iou.classes, whole),
    }


def _overlap_columns(name: str, counts: Outcomes, convention: Convention) -> dict[str, NDArray[Any]]:
    """Return what `_overlap_scores` needs of each image: pixels, or for averages over images the images' values."""
    if convention.average in ("dataset", "micro"):
        return {f"{name}.tp": counts.tp, f"{name}.fp": counts.fp, f"{name}.fn": counts.fn}
    columns: dict[str, NDArray[Any]] = {}
    for hit_weight in (1, 2):
        ratios = overlap(counts, convention, hit_weight=hit_weight)
        columns |= {
            f"{name}.{hit_weight}.sum": np.where(ratios.defined, ratios.value, 0.0),
            f"{name}.{hit_weight}.count": ratios.defined,
            f"{name}.{hit_weight}.poison": np.any(ratios.poison, axis=1)[:, None],
            **_value_columns(f"{name}.{hit_weight}.image", image_means(ratios)),
        }
    return columns


def _value_columns(name: str, values: Sequence[Value]) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.sum": np.array([[value or 0.0] for value in values]),
        f"{name}.count": np.array([[value is not None] for value in values]),
    }


def _overlap_scores(
    part: Mapping[str, Floats], name: str, convention: Convention, hit_weight: int
) -> tuple[Floats, Floats]:
    """Return an overlap score of each class, (B, K), and its mean, (B,); the arithmetic of `overlap.averaged`."""
    if convention.average in ("dataset", "micro"):
        tp, fp, fn = (_counts(part[f"{name}.{kind}"]) for kind in ("tp", "fp", "fn"))
        ratios = overlap(Outcomes(tp, fp, fn), convention, hit_weight=hit_weight)
        classes = np.where(ratios.defined, ratios.value, np.nan)
        hits = hit_weight * tp.sum(axis=1)
        micro = convention.average == "micro"
        average = _divided(hits, hits + (fp + fn).sum(axis=1)) if micro else _mean(classes)
        return classes, np.where(ratios.poison.any(axis=1), np.nan, average)
    prefix = f"{name}.{hit_weight}"
    sums, counts = part[f"{prefix}.sum"], part[f"{prefix}.count"]
    classes = _divided(sums, counts)
    if convention.average == "image":
        average = _divided(part[f"{prefix}.image.sum"][:, 0], part[f"{prefix}.image.count"][:, 0])
    elif convention.average == "class-image":
        average = _mean(classes)
    else:
        average = _divided(sums.sum(axis=1), counts.sum(axis=1))
    return classes, np.where(part[f"{prefix}.poison"][:, 0] > 0, np.nan, average)


def _counts(sums: Floats) -> Int64Array:
    return sums.astype(np.int64)


def _divided(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    quotient = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def _mean(classes: Floats) -> Floats:
    defined = ~np.isnan(classes)
    return _divided(np.where(defined, classes, 0.0).sum(axis=1), defined.sum(axis=1))


def _on_exact_grid(columns: Floats, most: int) -> Floats:
    """Round each column so that the sum of any `most` of its values, repeated or not, is exact in float64."""
    if not np.isfinite(columns).all():
        raise UsageError("a score to be resampled has an image with an infinite or undefined sum", (), "Clamp the loss")
    exponent = 53 - np.frexp(np.abs(columns).max(axis=0) * most)[1]
    rounded: Floats = np.ldexp(np.rint(np.ldexp(columns, exponent)), -exponent)
    return rounded
