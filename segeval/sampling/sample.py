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
from segeval.protocol.conventions import Convention, ScoringRules
from segeval.scores.foreground import image_kinds, positive_dices
from segeval.scores.overlap import (
    Outcomes,
    Value,
    averaged,
    filled,
    floored,
    image_mious,
    image_values,
    outcomes,
    overlap,
    pixel_parts,
    present,
    true_pixels,
)
from segeval.scores.registry import mask_scores, program_of
from segeval.tables.counts import Int64Array, Tallies

Floats = NDArray[np.float64]
OF_SUMS = ("dataset", "micro", "weighted")
"""Averages that are functions of sums over the images; the others average what images have."""
FOREGROUND_COLUMNS = ("positive_dice", "miss_rate", "false_alarm_rate")
"""Scores of binary masks alone: each a sum over the images of one kind, divided by how many these are."""
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
    rules: ScoringRules
    extras: tuple[str, ...]
    observed: Mapping[str, Value]
    observed_iou: tuple[Value, ...]

    def statistics(self, sums: Floats) -> Floats:
        """Compute every statistic of B resamples from their sums, shape (B, M).

        Returns (B, S): the scores in the order of `observed`, then the IoU of each class; undefined is NaN.
        """
        part = {name: sums[:, where] for name, where in self.layout.items()}
        rules = self.rules
        iou, miou = _overlap_scores(part, "miou", rules, 1)
        weighed, weight = _overlap_scores(part, "fwiou", rules, 1)[0], part["fwiou.true"]
        weight = np.where(np.isnan(weighed), 0.0, weight)
        accurate = filled(part["hit"], part["recall.true"], part["pred"], program_of(rules, "mean_accuracy"))
        present_means = _divided(part["present.sum"], part["present.count"])
        scores = {
            "miou": miou,
            "mdice": _overlap_scores(part, "mdice", rules, 2)[1],
            "pixel_accuracy": _divided(part["accuracy.hit"][:, 0], part["accuracy.all"][:, 0]),
            "mean_accuracy": _mean(accurate[:, rules.over("mean_accuracy")]),
            "fwiou": _divided((weight * np.nan_to_num(weighed)).sum(axis=1), weight.sum(axis=1)),
            "image_miou": _divided(part["image.sum"][:, 0], part["image.count"][:, 0]),
            "class_miou": _mean(present_means[:, rules.over("class_miou")]),
        }
        if "threshold_jaccard" in self.observed:
            scores["threshold_jaccard"] = _divided(part["floor.sum"][:, 0], part["floor.count"][:, 0])
        if rules.foreground is not None:
            for name in FOREGROUND_COLUMNS:
                scores[name] = _divided(part[f"{name}.sum"][:, 0], part[f"{name}.count"][:, 0])
        if "group_miou" in self.observed:
            scores["group_miou"] = _overlap_scores(part, "group", _of_groups(rules, self.layout["group.tp"]), 1)[1]
        for name in self.extras:
            scores[name] = _divided(part[f"{name}.numerator"][:, 0], part[f"{name}.denominator"][:, 0])
        return np.column_stack([*(scores[name] for name in self.observed), iou])


def sample(
    images: Tallies,
    rules: ScoringRules | Convention,
    unit: Units,
    *,
    groups: Tallies | None = None,
    extra: Extra | None = None,
) -> Sample:
    """Sum what the scores are made of over the images of each unit.

    `images` has shape (N, K), `groups` (N, G) the same pixels with each group of classes as one; a convention alone has
    its means over all classes. `extra` names further scores that are a sum over a sum, each as numerators and
    denominators of the images, shape (N,), finite.

    Every resampled sum is exact in float64: pixel counts as they are while units x pixels of a unit stays below 2^53
    (9e15), all else rounded once to 53 bits of the largest sum there can be. So no order of addition, number of
    threads or block size shows in a result. Raises `NothingToScoreError` without images.
    """
    if not len(unit.of_image):
        raise NothingToScoreError("there are no images to resample", (), "Give at least one pair")
    if isinstance(rules, Convention):
        rules = ScoringRules(rules, images.hit.shape[1])
    plain = outcomes(images)
    in_gt = present(plain)
    found = mask_scores(_summed(images), images, rules)
    observed = dict(found.scores)
    columns: dict[str, NDArray[Any]] = {
        "hit": images.hit,
        "true": images.true_pixels,
        "pred": plain.tp + plain.fp,
        "recall.true": true_pixels(images, program_of(rules, "mean_accuracy")),
        "fwiou.true": true_pixels(images, program_of(rules, "fwiou")),
        **_accuracy_columns(images, rules),
        **_overlap_columns("miou", images, rules, 1),
        **_overlap_columns("mdice", images, rules, 2),
        **_overlap_columns("fwiou", images, rules, 1),
        **_value_columns("image", image_mious(plain.of(rules.over("image_miou")))),
        "present.sum": np.where(in_gt.defined, in_gt.value, 0.0),
        "present.count": in_gt.defined,
        **_foreground_columns(images, rules.foreground),
    }
    if groups is not None:
        rule = rules.rule("group_miou")
        merged = outcomes(groups, rule)
        columns |= {"group.tp": merged.tp, "group.fp": merged.fp, "group.fn": merged.fn}
        observed["group_miou"] = averaged(outcomes(_summed(groups), rule), merged, rule).mean
    for name, (numerators, denominators) in (extra or {}).items():
        columns |= {f"{name}.numerator": numerators[:, None], f"{name}.denominator": denominators[:, None]}
        denominator = math.fsum(denominators.tolist())
        observed[name] = math.fsum(numerators.tolist()) / denominator if denominator else None
    ends = np.cumsum([part.shape[1] for part in columns.values()]).tolist()
    layout = {name: slice(end - part.shape[1], end) for (name, part), end in zip(columns.items(), ends, strict=True)}
    table = np.column_stack([part.astype(np.float64) for part in columns.values()])
    sums = np.zeros((len(unit.names), table.shape[1]))
    np.add.at(sums, unit.of_image, _on_exact_grid(table, len(unit.names) * int(np.bincount(unit.of_image).max())))
    return Sample(unit.names, sums, layout, rules, tuple(extra or ()), observed, found.iou.classes)


def _summed(images: Tallies) -> Tallies:
    return Tallies(**{field.name: getattr(images, field.name).sum(axis=0) for field in fields(Tallies)})


def _of_groups(rules: ScoringRules, columns: slice) -> ScoringRules:
    """Return how groups are scored: all of them enter their mean, by the rule of the score."""
    return ScoringRules(rules.rule("group_miou"), columns.stop - columns.start)


def _accuracy_columns(images: Tallies, rules: ScoringRules) -> dict[str, NDArray[Any]]:
    """Return what pixel accuracy is a quotient of, for each image, and ISIC's floored values."""
    program = program_of(rules, "pixel_accuracy")
    hits, pixels = pixel_parts(images, program)
    columns: dict[str, NDArray[Any]] = {"accuracy.hit": hits[:, None], "accuracy.all": pixels[:, None]}
    if program.pixel_accuracy == "images":
        values = np.nan_to_num(_divided(hits, pixels))
        columns = {"accuracy.hit": values[:, None], "accuracy.all": (pixels > 0)[:, None]}
    if rules.program.floor is not None:
        rule = rules.rule("threshold_jaccard")
        of_images = image_values(outcomes(images, rule).of(rules.over("threshold_jaccard")), rule)
        columns |= _value_columns("floor", [floored([value], rules.program.floor) for value in of_images])
    return columns


def _overlap_columns(name: str, images: Tallies, rules: ScoringRules, hit_weight: int) -> dict[str, NDArray[Any]]:
    """Return what `_overlap_scores` needs of each image: pixels, or for averages over images the images' values."""
    rule = rules.rule(name)
    counts = outcomes(images, rule)
    if rule.average in OF_SUMS:
        return {f"{name}.tp": counts.tp, f"{name}.fp": counts.fp, f"{name}.fn": counts.fn}
    ratios = overlap(counts, rule, hit_weight=hit_weight)
    chosen = rules.over(name)
    return {
        f"{name}.sum": np.where(ratios.defined, ratios.value, 0.0),
        f"{name}.count": ratios.defined,
        f"{name}.poison": np.any(ratios.poison[:, chosen], axis=1)[:, None],
        **_value_columns(f"{name}.image", image_values(counts.of(chosen), rule, hit_weight=hit_weight)),
    }


def _foreground_columns(images: Tallies, foreground: int | None) -> dict[str, NDArray[Any]]:
    """Return what each image adds to the scores that only binary masks have, and to how many images they are of."""
    if foreground is None:
        return {}
    dices = positive_dices(images, foreground)
    positive, negative, predicted = image_kinds(images, foreground)
    summed = (np.where(dices.defined, dices.value, 0.0)[:, 0], positive & ~predicted, negative & predicted)
    counted = (dices.defined[:, 0], positive, negative)
    return {
        f"{name}.{kind}": column[:, None]
        for name, *columns in zip(FOREGROUND_COLUMNS, summed, counted, strict=True)
        for kind, column in zip(("sum", "count"), columns, strict=True)
    }


def _value_columns(name: str, values: Sequence[Value]) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.sum": np.array([[value or 0.0] for value in values]),
        f"{name}.count": np.array([[value is not None] for value in values]),
    }


def _overlap_scores(
    part: Mapping[str, Floats], name: str, rules: ScoringRules, hit_weight: int
) -> tuple[Floats, Floats]:
    """Return an overlap score of each class, (B, K), and its mean, (B,); the arithmetic of `overlap.averaged`."""
    rule = rules.rule({"group": "group_miou"}.get(name, name))
    chosen = rules.over(name)
    if rule.average in OF_SUMS:
        tp, fp, fn = (_counts(part[f"{name}.{kind}"]) for kind in ("tp", "fp", "fn"))
        ratios = overlap(Outcomes(tp, fp, fn), rule, hit_weight=hit_weight)
        classes = np.where(ratios.defined, ratios.value, np.nan)
        undefined = ratios.poison[:, chosen].any(axis=1)
        if rule.average == "micro":
            hits = hit_weight * tp[:, chosen].sum(axis=1)
            average = _divided(hits, hits + (fp + fn)[:, chosen].sum(axis=1))
        elif rule.average == "weighted":
            weights = part["true"] if rules.weights is None else np.array(rules.weights)
            weights = np.where(np.isnan(classes) | ~chosen, 0.0, weights)
            average = _divided((np.nan_to_num(classes) * weights).sum(axis=1), weights.sum(axis=1))
        else:
            average = _mean(classes[:, chosen])
    else:
        sums, counts = part[f"{name}.sum"], part[f"{name}.count"]
        classes = _divided(sums, counts)
        undefined = part[f"{name}.poison"][:, 0] > 0
        if rule.average == "class-image":
            average = _mean(classes[:, chosen])
        elif rule.average == "image-class":
            average = _divided(sums[:, chosen].sum(axis=1), counts[:, chosen].sum(axis=1))
        else:
            average = _divided(part[f"{name}.image.sum"][:, 0], part[f"{name}.image.count"][:, 0])
    if rule.absent == "skip-image":
        undefined = undefined | np.isnan(classes[:, chosen]).any(axis=1)
    return classes, np.where(undefined, np.nan, average)


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
