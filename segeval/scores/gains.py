"""Where the points are: what the mean IoU would be were some of the pixels predicted right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import Convention
from segeval.protocol.labeling import NO_FILE, OUTSIDE, UNKNOWN, VOID, IdAndName, Labeling
from segeval.records import dataclass
from segeval.scores.imageoverlap import PIECE_CELLS, image_mious, image_outcomes, image_tallies
from segeval.scores.overlap import Outcomes, Value, mean, outcomes, overlap
from segeval.tables.counts import Confusion, JointCounts, tallies

Chosen = NDArray[np.bool_]
PRESENT = Convention(pred_only="skip", unknown="miss")
"""The convention behind an image's own mean IoU: classes in its ground truth, every other answer a miss."""
BLOCK = 64
"""Classes that are made perfect at a time."""
SAME = 12
"""Gains that agree to so many decimals are ranked as equal: by ground truth, then prediction."""
NEAR = 1e-11
"""Means that were added up in another order and are as near to the best may be the best."""


@dataclass(frozen=True, slots=True)
class ClassGain:
    """Hold the mean IoU were one class (a position in the class list) perfect, and what it would gain; fractions."""

    index: int
    miou: Value
    gain: Value


@dataclass(frozen=True, slots=True)
class ConfusionCost:
    """Hold one way of being wrong: `pixels` of class `gt` that were predicted `pred`.

    Both are positions in the class list; `pred` may be `VOID`, `UNKNOWN` or `NO_FILE`. `share_of_gt` is the part of the
    class's valid pixels, in (0, 1]; `gain` the mean IoU that predicting these pixels right would add, a fraction
    (0.019 is 1.9 points).
    """

    gt: int
    pred: int
    pixels: int
    share_of_gt: float
    gain: float


@dataclass(frozen=True, slots=True)
class Gains:
    """Hold what the mean IoU would gain from each class, and from each of the dearest confusions.

    Both are `None` where the convention's mean is no function of the confusion matrix.
    """

    classes: tuple[ClassGain, ...] | None
    confusions: tuple[ConfusionCost, ...] | None

    def to_dict(self, classes: Sequence[IdAndName]) -> dict[str, Any]:
        """Return the JSON; what is no class is told by its word."""
        perfect = self.classes and [
            {"id": classes[one.index][0], "name": classes[one.index][1], "miou": one.miou, "gain": one.gain}
            for one in self.classes
        ]
        if self.confusions is None:
            return {"classes": perfect, "confusions": None}
        confusions = []
        for one in self.confusions:
            (gt, gt_name) = classes[one.gt]
            pred, pred_name = (OUTSIDE[one.pred],) * 2 if one.pred < 0 else classes[one.pred]
            said = {"gt": gt, "gt_name": gt_name, "pred": pred, "pred_name": pred_name}
            confusions.append(said | {"pixels": one.pixels, "share_of_gt": one.share_of_gt, "gain": one.gain})
        return {"classes": perfect, "confusions": confusions}


@dataclass(frozen=True, slots=True)
class WorstImage:
    """Name an image of low mean IoU, and the class in its ground truth (a position) whose correction gains most.

    `costliest` and `gain` (a fraction of the image's mean IoU) are `None` where no correction gains anything.
    """

    key: str
    image_miou: float
    costliest: int | None
    gain: Value


def perfect_class_gains(
    table: Confusion, convention: Convention, *, over: Chosen | None = None
) -> tuple[ClassGain, ...] | None:
    """Return for each class the mean IoU if that class were perfect, and the gain; the mean runs over `over`.

    Perfect means that every pixel that is truly of the class, or was given it, is predicted right: its misses become
    hits (void, unknown and missing predictions too), its false alarms go back to their true classes, and where the
    ground truth is unknown the class is not predicted. `miou` and `gain` are `None` where the convention leaves the
    mean undefined. Returns `None` for averages other than over the data set, which are no function of one table.
    """
    if convention.average != "dataset":
        return None
    marginals = tallies(table)
    before = outcomes(marginals, convention)
    base = _mious(before, convention, over)[0]
    mious: list[Value] = []
    for start in range(0, table.size, BLOCK):
        # A row has the outcomes of every class once one class is perfect; all rows at once would be large.
        at = np.arange(start, min(start + BLOCK, table.size))
        returned = table.matrix.T[at]
        tp, fp, fn = before.tp + returned, before.fp - table.matrix[at], before.fn - returned
        here = at - start, at
        tp[here], fp[here], fn[here] = marginals.true_pixels[at], 0, 0
        mious += _mious(Outcomes(tp, fp, fn), convention, over)
    return tuple(
        ClassGain(index, miou, None if base is None or miou is None else miou - base)
        for index, miou in enumerate(mious)
    )


def _mious(counts: Outcomes, convention: Convention, over: Chosen | None) -> tuple[Value, ...]:
    """Return the mean IoU of each row of outcomes, shape (K,) or (rows, K)."""
    counts = counts if over is None else counts.of(over)
    ratios = overlap(Outcomes(*map(np.atleast_2d, (counts.tp, counts.fp, counts.fn))), convention)
    return tuple(
        None if poison.any() else mean(value[defined].tolist())
        for value, defined, poison in zip(ratios.value, ratios.defined, ratios.poison, strict=True)
    )


def top_confusions(
    table: Confusion, convention: Convention, limit: int = 5, *, over: Chosen | None = None
) -> tuple[ConfusionCost, ...] | None:
    """Rank the confusions by what the mean IoU would gain were the pixels of that cell alone predicted right.

    Only cells that gain anything are listed, at most `limit`, the largest first. Returns `None` where the convention
    leaves the mean undefined and for averages other than over the data set, which are no function of one table.
    """
    if convention.average != "dataset":
        return None
    size, marginals = table.size, tallies(table)
    before = outcomes(marginals, convention)
    if _mious(before, convention, over)[0] is None:
        return None
    entering = np.ones(size, np.bool_) if over is None else over
    old_values, old_counts, _ = _terms(before, convention, entering)
    total, defined = float(old_values.sum()), int(old_counts.sum())
    parts = []
    step = max(1, PIECE_CELLS // table.counts.shape[1])
    for start in range(0, size, step):
        gt, pred = np.nonzero(table.counts[start : min(start + step, size)])
        gt += start
        gt, pred = gt[gt != pred], pred[gt != pred]
        pixels = table.counts[gt, pred]
        values, counts, poison = _changes(before, (gt, pred, pixels), convention, entering, (old_values, old_counts))
        # A corrected cell leaves its true class a hit, so a mean that was defined stays so but for `poison`.
        gains = (total + values) / (defined + counts) - total / defined
        ranks = np.round(gains, SAME)
        kept = np.flatnonzero((ranks > 0) & ~poison)
        best = kept[np.lexsort((pred[kept], gt[kept], -ranks[kept]))[:limit]]
        parts.append((ranks[best], gt[best], pred[best], pixels[best], gains[best]))
    ranks, gt, pred, pixels, gains = (np.concatenate(column) for column in zip(*parts, strict=True))
    best = np.lexsort((pred, gt, -ranks))[:limit]
    behind = (VOID, UNKNOWN, NO_FILE)
    return tuple(
        ConfusionCost(row, column if column < size else behind[column - size], cell, cell / whole, gain)
        for row, column, cell, whole, gain in zip(
            gt[best].tolist(),
            pred[best].tolist(),
            pixels[best].tolist(),
            marginals.true_pixels[gt[best]].tolist(),
            gains[best].tolist(),
            strict=True,
        )
    )


def _changes(
    before: Outcomes,
    cells: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]],
    convention: Convention,
    entering: Chosen,
    old: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return how each confusion, predicted right, changes sum and count of a mean IoU, and whether it poisons it.

    Correcting a cell changes its true class and, where one was predicted, that class; all others keep their IoU.
    """
    (gt, pred, pixels), (old_values, old_counts), size = cells, old, len(before.tp)
    counted = _is_miss(pred, size, convention)
    truth = Outcomes(before.tp[gt] + pixels, before.fp[gt], before.fn[gt] - np.where(counted, pixels, 0))
    values, counts, poison = _terms(truth, convention, entering[gt])
    values, counts = values - old_values[gt], counts - old_counts[gt]
    is_class = pred < size
    other = pred[is_class]
    blamed = Outcomes(before.tp[other], before.fp[other] - pixels[is_class], before.fn[other])
    other_values, other_counts, other_poison = _terms(blamed, convention, entering[other])
    values[is_class] += other_values - old_values[other]
    counts[is_class] += other_counts - old_counts[other]
    poison[is_class] |= other_poison
    return values, counts, poison


def _terms(
    counts: Outcomes, convention: Convention, entering: Chosen
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return what each class adds to the sum and to the count of a mean IoU, and whether it makes it undefined."""
    ratios = overlap(counts, convention)
    defined = ratios.defined & entering
    return np.where(defined, ratios.value, 0.0), defined.astype(np.int64), ratios.poison & entering


def _is_miss(pred: NDArray[np.intp], size: int, convention: Convention) -> NDArray[np.bool_]:
    """Tell which predicted columns the convention counts among the misses."""
    is_void, is_unknown = pred == size, pred == size + 1
    dropped: NDArray[np.bool_] = is_void & (convention.pred_void != "miss")
    dropped |= is_unknown & (convention.unknown != "miss")
    return np.logical_not(dropped)


def worst_images(
    keys: Sequence[str],
    tables: Sequence[JointCounts],
    labeling: Labeling,
    limit: int = 10,
    *,
    over: Chosen | None = None,
) -> tuple[WorstImage, ...]:
    """Return the images of lowest mean IoU (over the classes in the image's ground truth), the worst first.

    Ties go by key, and among classes to the first; images without valid pixels are left out. The worst class is
    the one which, made perfect in this image as in `perfect_class_gains`, raises the image's mean IoU most; there is
    none where a pixel may be of several classes.
    """
    chosen = np.ones(len(labeling.classes), np.bool_) if over is None else over
    if labeling.sets:
        from segeval.scores.labelsets import set_tallies  # most pixels have one class

        images = set_tallies(tables, len(labeling.classes))
    else:
        images = image_tallies(tables, labeling)
    values = image_mious(image_outcomes(images).of(chosen))
    return lowest_images(keys, values, tables.__getitem__, labeling, limit, over=chosen)


def lowest_images(
    keys: Sequence[str],
    values: Sequence[Value],
    table_of: Callable[[int], JointCounts],
    labeling: Labeling,
    limit: int,
    *,
    over: Chosen,
) -> tuple[WorstImage, ...]:
    """Return what `worst_images` does, from the images' values; `table_of` has the table of an image by its place."""
    known = ((value, key, at) for at, (key, value) in enumerate(zip(keys, values, strict=True)) if value is not None)
    ranked = nsmallest(limit, known)
    if labeling.sets:
        return tuple(WorstImage(key, value, None, None) for value, key, _ in ranked)
    return tuple(WorstImage(key, value, *_costliest(table_of(at), labeling, over)) for value, key, at in ranked)


def _costliest(table: JointCounts, labeling: Labeling, chosen: Chosen) -> tuple[int | None, Value]:
    """Return the class of one image whose correction gains most, and what; only cells that the image has are looked at.

    What each class gains is first added up from the classes that it is confused with, to rank it; of the best the mean
    is then taken as `perfect_class_gains` takes it.
    """
    image = image_tallies((table,), labeling)
    labels, over = image.at.label, chosen[image.at.label]
    before, size = outcomes(image.kept, PRESENT), len(labels)
    gt, pred = labeling.gt(table.gt), labeling.pred(table.pred)
    wrong = (gt >= 0) & (pred >= 0) & (gt != pred)
    row, column = np.searchsorted(labels, gt[wrong]), np.searchsorted(labels, pred[wrong])
    # A class made perfect takes false alarms from the classes that its pixels were given, and gives back theirs.
    pairs, place = np.unique(np.concatenate([row * size + column, column * size + row]), return_inverse=True)
    perfect, other = np.divmod(pairs, size)
    alarms, hits = np.zeros((2, len(pairs)), np.int64)
    np.add.at(alarms, place[: len(row)], table.pixels[wrong])
    np.add.at(hits, place[len(row) :], table.pixels[wrong])
    after = Outcomes(before.tp[other] + hits, before.fp[other] - alarms, before.fn[other] - hits)
    nothing = np.zeros_like(before.tp)
    own = Outcomes(image.kept.true_pixels, nothing, nothing)
    old, new, changed = (
        _terms(before, PRESENT, over),
        _terms(own, PRESENT, over),
        _terms(after, PRESENT, over[other]),
    )
    values, counts = new[0] - old[0], new[1] - old[1]
    np.add.at(values, perfect, changed[0] - old[0][other])
    np.add.at(counts, perfect, changed[1] - old[1][other])
    sums, defined = old[0].sum() + values, old[1].sum() + counts
    ranks = np.divide(sums, defined, out=np.zeros(size), where=defined > 0)
    present = np.flatnonzero(image.kept.true_pixels > 0)
    best = present[ranks[present] >= ranks[present].max() - NEAR]
    best = best[np.unique(np.round(ranks[best], SAME + 1), return_index=True)[1]]  # of equal ones the first
    base = _mious(before, PRESENT, over)[0]
    gains = []
    for index in best.tolist():
        here = perfect == index
        tp, fp, fn = (side.copy() for side in (before.tp, before.fp, before.fn))
        tp[other[here]], fp[other[here]], fn[other[here]] = after.tp[here], after.fp[here], after.fn[here]
        tp[index], fp[index], fn[index] = own.tp[index], 0, 0
        miou = _mious(Outcomes(tp, fp, fn), PRESENT, over)[0]
        gains.append((int(labels[index]), 0.0 if base is None or miou is None else miou - base))
    index, gain = max(gains, key=lambda entry: (round(entry[1], SAME), -entry[0]))
    return (index, gain) if round(gain, SAME) > 0 else (None, None)
