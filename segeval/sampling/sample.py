"""What each image, or group of images, adds to every score: the sums that resampling draws from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import NothingToScoreError, UsageError
from segeval.protocol.conventions import Convention, ScoringRules
from segeval.records import dataclass
from segeval.sampling.columns import Columns, Floats, Part
from segeval.scores.foreground import image_kinds, positive_dices
from segeval.scores.imageoverlap import (
    OF_SUMS,
    PRESENT,
    ImageTallies,
    image_mious,
    image_values,
)
from segeval.scores.overlap import Outcomes, Value, filled, floored, mean, outcomes, overlap, pixel_parts, true_pixels
from segeval.scores.registry import averaged, mask_scores, program_of
from segeval.tables.counts import Int64Array

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllTallies

SIDES = ("tp", "fp", "fn")
MOST_CELLS = 1 << 22
"""Images or groups times classes: what is drawn from is dense, and takes 80 to 140 bytes of memory for each."""
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
        present_means = _divided(part["present.sum"], part["present.count"])
        scores = {
            "miou": miou,
            "mdice": _overlap_scores(part, "mdice", rules, 2)[1],
            **({} if rules.sets else _pixel_scores(part, rules)),
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
            scores[name] = _mean(_divided(part[f"{name}.numerator"], part[f"{name}.denominator"]))
        return np.column_stack([*(scores[name] for name in self.observed), iou])


def _pixel_scores(part: Mapping[str, Floats], rules: ScoringRules) -> dict[str, Floats]:
    """Compute the scores of pixels that have one class each."""
    weighed, weight = _overlap_scores(part, "fwiou", rules, 1)[0], part["fwiou.true"]
    weight = np.where(np.isnan(weighed), 0.0, weight)
    accurate = filled(part["hit"], part["recall.true"], part["pred"], program_of(rules, "mean_accuracy"))
    return {
        "pixel_accuracy": _divided(part["accuracy.hit"][:, 0], part["accuracy.all"][:, 0]),
        "mean_accuracy": _mean(accurate[:, rules.over("mean_accuracy")]),
        "fwiou": _divided((weight * np.nan_to_num(weighed)).sum(axis=1), weight.sum(axis=1)),
    }


def sample(
    images: ImageTallies,
    rules: ScoringRules | Convention,
    unit: Units,
    *,
    groups: ImageTallies | None = None,
    extra: Extra | None = None,
) -> Sample:
    """Sum what the scores are made of over the images of each unit.

    `groups` has the same pixels with each group of classes as one; a convention alone has its means over all classes.
    `extra` names further scores that are a sum over a sum, each as numerators and denominators of the images, shape
    (N,), finite; of shape (N, C) they are the mean of C such quotients.

    Every resampled sum is exact in float64: pixel counts as they are while units x pixels of a unit stays below 2^53
    (9e15), all else rounded once to 53 bits of the largest sum there can be. So no order of addition, number of
    threads or block size shows in a result. Raises `NothingToScoreError` without images
    and `UsageError` for more units and classes than `MOST_CELLS`.
    """
    if not len(unit.of_image):
        raise NothingToScoreError("there are no images to resample", (), "Give at least one pair")
    if isinstance(rules, Convention):
        rules = ScoringRules(rules, images.at.classes)
    _require_room(unit, images.at.classes)
    columns = columns_of(images, rules, groups=groups, extra=extra)
    sums = columns.sums(unit.of_image, len(unit.names))
    return sample_model(images, rules, columns.layout, unit.names, sums, groups=groups, extra=extra)


def columns_of(
    images: ImageTallies, rules: ScoringRules, *, groups: ImageTallies | None = None, extra: Extra | None = None
) -> Columns:
    """Return what each image adds to every statistic; arguments as in `sample`."""
    columns = Columns(images.at)
    _add_pixels(columns, images, rules)
    for name, hit_weight in (("miou", 1), ("mdice", 2), ("fwiou", 1)):
        _add_overlap(columns, name, images, rules, hit_weight)
    _add_foreground(columns, images, rules.foreground)
    if groups is not None:
        merged = groups.outcomes(rules.rule("group_miou"))
        for kind in SIDES:
            columns.add(f"group.{kind}", Part(groups.at, getattr(merged.kept, kind)))
    for name, (numerators, denominators) in (extra or {}).items():
        columns.add_images(f"{name}.numerator", numerators)
        columns.add_images(f"{name}.denominator", denominators)
    return columns


def sample_model(
    images: AllTallies,
    rules: ScoringRules,
    layout: Mapping[str, slice],
    names: tuple[str, ...],
    sums: Floats,
    *,
    groups: AllTallies | None = None,
    extra: Extra | None = None,
) -> Sample:
    """Return a sample with the scores of the data as it is; `sums` are those of the units `names`."""
    found = mask_scores(images.whole(), images, rules)
    observed = dict(found.scores)
    if groups is not None:
        rule = rules.rule("group_miou")
        observed["group_miou"] = averaged(outcomes(groups.whole(), rule), groups.outcomes(rule), rule).mean
    for name, (numerators, denominators) in (extra or {}).items():
        sides = (part.reshape(len(part), -1).T.tolist() for part in (numerators, denominators))
        observed[name] = mean(map(_quotient, *sides))
    return Sample(names, sums, layout, rules, tuple(extra or ()), observed, found.iou.classes)


def _quotient(numerators: Sequence[float], denominators: Sequence[float]) -> Value:
    denominator = math.fsum(denominators)
    return math.fsum(numerators) / denominator if denominator else None


def _require_room(unit: Units, classes: int) -> None:
    count = len(unit.names)
    if count * classes > MOST_CELLS:
        raise UsageError(
            "there are more images and classes than intervals can be drawn over",
            (f"{count:,} images or groups of {classes:,} classes, their product may be {MOST_CELLS:,}",),
            "Leave intervals out, give fewer classes with --classes, or draw over groups with --group-by",
        )


def _of_groups(rules: ScoringRules, columns: slice) -> ScoringRules:
    """Return how groups are scored: all of them enter their mean, by the rule of the score."""
    return ScoringRules(rules.rule("group_miou"), columns.stop - columns.start)


def _add_pixels(columns: Columns, images: ImageTallies, rules: ScoringRules) -> None:
    """Add what accuracies, and the scores that no convention changes, are made of."""
    plain = images.outcomes(None)
    columns.add("hit", Part(images.at, images.kept.hit), "hit")
    columns.add("true", Part(images.at, images.kept.true_pixels), "valid")
    columns.add("pred", Part(images.at, plain.kept.tp + plain.kept.fp))
    for name, score in (("recall.true", "mean_accuracy"), ("fwiou.true", "fwiou")):
        program = program_of(rules, score)
        columns.add(name, Part(images.at, true_pixels(images.kept, program)), program.recall)
    _add_accuracy(columns, images, rules)
    columns.add_values("image", image_mious(plain.of(rules.over("image_miou"))))
    in_gt = plain.overlap(PRESENT, 1)
    columns.add("present.sum", Part(images.at, np.where(in_gt.kept.defined, in_gt.kept.value, 0.0)))
    columns.add("present.count", Part(images.at, in_gt.kept.defined))


def _add_accuracy(columns: Columns, images: ImageTallies, rules: ScoringRules) -> None:
    """Add what pixel accuracy is a quotient of, for each image, and ISIC's floored values."""
    program = program_of(rules, "pixel_accuracy")
    hits, pixels = pixel_parts(images.pixels, program)
    if program.pixel_accuracy == "images":
        columns.add_images("accuracy.hit", np.nan_to_num(_divided(hits, pixels)))
        columns.add_images("accuracy.all", pixels > 0)
    else:
        columns.add_images("accuracy.hit", hits)
        columns.add_images("accuracy.all", pixels)
    if rules.program.floor is not None:
        rule = rules.rule("threshold_jaccard")
        of_images = image_values(images.outcomes(rule).of(rules.over("threshold_jaccard")), rule)
        columns.add_values("floor", [floored([value], rules.program.floor) for value in of_images])


def _add_overlap(columns: Columns, name: str, images: ImageTallies, rules: ScoringRules, hit_weight: int) -> None:
    """Add what `_overlap_scores` needs of each image: pixels, or for averages over images the images' values."""
    rule = rules.rule(name)
    counts = images.outcomes(rule)
    if rule.average in OF_SUMS:
        for kind in SIDES:
            same = "hit" if kind == "tp" else (kind, rule.pred_void, rule.unknown, rule.gt_unknown)
            columns.add(f"{name}.{kind}", Part(images.at, getattr(counts.kept, kind)), same)
        return
    ratios = counts.overlap(rule, hit_weight)
    absent = float(ratios.absent.value[0]) if ratios.absent.defined[0] else 0.0
    columns.add(f"{name}.sum", Part(images.at, np.where(ratios.kept.defined, ratios.kept.value, 0.0), absent))
    columns.add(f"{name}.count", Part(images.at, ratios.kept.defined, float(ratios.absent.defined[0])))
    chosen = counts.of(rules.over(name)).overlap(rule, hit_weight)
    columns.add_images(f"{name}.poison", chosen.poisoned_images())
    columns.add_values(f"{name}.image", image_values(counts.of(rules.over(name)), rule, hit_weight=hit_weight))


def _add_foreground(columns: Columns, images: ImageTallies, foreground: int | None) -> None:
    """Add what scores that only binary masks have are made of, and of how many images they are."""
    if foreground is None:
        return
    dices = positive_dices(images, foreground)
    positive, negative, predicted = image_kinds(images, foreground)
    summed = (np.where(dices.defined, dices.value, 0.0), positive & ~predicted, negative & predicted)
    for name, values, counted in zip(FOREGROUND_COLUMNS, summed, (dices.defined, positive, negative), strict=True):
        columns.add_images(f"{name}.sum", values)
        columns.add_images(f"{name}.count", counted)


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
