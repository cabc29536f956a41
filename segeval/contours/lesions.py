"""Lesions of each class, the connected components of its elements, and which of them a prediction finds.

Two definitions: detection, where lesions of both sides are matched one to one, and BraTS 2023, which scores each lesion
of the ground truth against all that touches it (rachitsaluja/BraTS-2023-Metrics at 43c9052, `get_LesionWiseScores`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import BOTH, ONE, LesionCounts
from segeval.contours.distances import distance_scores, surfaces
from segeval.contours.regions import NO_REGION, Regions
from segeval.errors import UsageError
from segeval.protocol.distances import Distances
from segeval.protocol.lesions import RANKS, Growth, Lesions
from segeval.records import dataclass
from segeval.tables.counts import Int64Array

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Found = tuple[tuple[int, int, int], tuple[float, ...]]
"""Lesions that were found, predictions that are none, lesions that were missed; and the values of the definition."""
MISSED = 374.0
"""What BraTS 2023 gives as HD95 where nothing is near: its volumes of 240 x 240 x 155 have that diagonal."""
SURFACE = Distances("deepmind")
"""By whose definition BraTS 2023 measures HD95."""
GROWN_ALONG = 2
"""BraTS grows by elements one step away along two axes at once, and joins those along three."""


@cache
def _scipy(module: str) -> Any:
    try:
        return import_module(f"scipy.{module}")
    except ImportError:
        raise UsageError("lesions need SciPy", (), "Install it: pip install 'segeval-masks[surface]'") from None


def require_labelling() -> None:
    """Raise `UsageError` where the library that tells components apart is not installed."""
    _scipy("ndimage")


def components(mask: Mask, rank: int) -> tuple[Labels, int]:
    """Number the connected components of a mask from 1, and count them; see `segeval.protocol.lesions.RANKS`."""
    ndimage = _scipy("ndimage")
    labels, count = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, rank), np.int32)
    return labels, int(count)


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Hold how components of two sides meet: pairs of their numbers with the elements shared, and the sizes of all."""

    first: Int64Array
    second: Int64Array
    shared: Int64Array
    sizes: tuple[Int64Array, Int64Array]


def meetings(first: Labels, second: Labels, counts: tuple[int, int]) -> Meetings:
    """Count the elements that each component of one side shares with each of the other; sizes are by number, from 0."""
    sizes = [
        np.bincount(side.ravel(), minlength=count + 1) for side, count in zip((first, second), counts, strict=True)
    ]
    both = (first > 0) & (second > 0)
    pairs, shared = np.unique(first[both].astype(np.int64) * (counts[1] + 1) + second[both], return_counts=True)
    of_first, of_second = np.divmod(pairs, counts[1] + 1)
    return Meetings(of_first, of_second, shared.astype(np.int64), (sizes[0], sizes[1]))


def predicted_components(pred: Mask, rank: int, valid: Mask) -> tuple[Labels, int]:
    """Number the components of a prediction, then take what is void out of them: void splits none, and may take all."""
    labels, count = components(pred, rank)
    labels[~valid] = 0
    return labels, count


def detected(gt: Mask, pred: Mask, valid: Mask, chosen: Lesions, rank: int) -> Found:
    """Match the lesions of two masks one to one, as many as possible of those that overlap enough.

    StarDist's `matching` counts the same: of each best assignment the pairs at or above the threshold.
    """
    (of_gt, lesions), (of_pred, numbered) = components(gt, rank), predicted_components(pred, rank, valid)
    met = meetings(of_gt, of_pred, (lesions, numbered))
    predicted = int(np.count_nonzero(met.sizes[1][1:]))
    assert chosen.overlap is not None
    criterion, least = chosen.overlap
    total = met.sizes[0][met.first] + met.sizes[1][met.second]
    value = met.shared / (total - met.shared) if criterion == "iou" else 2 * met.shared / total
    enough = value >= least
    sparse = _scipy("sparse")
    ones = np.ones(int(enough.sum()), np.int8), (met.first[enough] - 1, met.second[enough] - 1)
    graph = sparse.csr_matrix(ones, shape=(lesions, numbered))
    matched = int((_scipy("sparse.csgraph").maximum_bipartite_matching(graph) >= 0).sum()) if graph.nnz else 0
    return (matched, predicted - matched, lesions - matched), ()


def lesion_wise(gt: Mask, pred: Mask, valid: Mask, growth: Growth, spacing: Sequence[float]) -> Found:
    """Score each lesion of a volume as BraTS 2023 does; values are lesion-wise Dice and HD95.

    What touches a lesion once it is grown is its prediction, whole, also where it touches several. The sums over the
    lesions that are large enough are divided by their number and that of the predictions which touch none.
    """
    ndimage = _scipy("ndimage")
    step = ndimage.generate_binary_structure(3, GROWN_ALONG)
    grown, lesions = components(ndimage.binary_dilation(gt, step, growth.steps), 3)
    of_pred, numbered = predicted_components(pred, 3, valid)
    touching = meetings(grown, of_pred, (lesions, numbered))
    of_gt = np.where(gt, grown, 0)
    shared = meetings(of_gt, of_pred, (lesions, numbered))
    boxes = ndimage.find_objects(grown, lesions), ndimage.find_objects(of_pred, numbered)
    tp = fn = 0
    dices, hd95s = [], []
    for lesion in range(1, lesions + 1):
        own = touching.second[touching.first == lesion]
        size = int(shared.sizes[0][lesion])
        if _volume(size, spacing) <= growth.smallest:
            continue
        tp, fn = tp + bool(len(own)), fn + (not len(own))
        hits = int(shared.shared[(shared.first == lesion) & np.isin(shared.second, own)].sum())
        dices.append(2 * hits / (size + int(shared.sizes[1][own].sum())))
        box = _joined([boxes[0][lesion - 1], *(boxes[1][one - 1] for one in own.tolist())])
        hd95s.append(_hd95(of_gt[box] == lesion, np.isin(of_pred[box], own), spacing) if len(own) else MISSED)
    fp = int(np.count_nonzero(shared.sizes[1][1:])) - len(np.unique(touching.second))
    if not dices and not fp:
        return (tp, fp, fn), (1.0, 0.0)
    parts = len(dices) + fp
    return (tp, fp, fn), (math.fsum(dices) / parts, (math.fsum(hd95s) + MISSED * fp) / parts)


def _volume(size: int, spacing: Sequence[float]) -> float:
    """Multiply as the program does, along columns, rows and slices: a volume may be the threshold itself."""
    found = float(size)
    for part in reversed(spacing):
        found *= part
    return found


def _joined(boxes: Sequence[tuple[slice, ...]]) -> tuple[slice, ...]:
    return tuple(
        slice(min(one.start for one in axis), max(one.stop for one in axis)) for axis in zip(*boxes, strict=True)
    )


def _hd95(gt: Mask, pred: Mask, spacing: Sequence[float]) -> float:
    found = surfaces(gt, pred, SURFACE, np.ones(gt.shape, np.bool_), spacing)
    return distance_scores(found, SURFACE)["hd95"]


def lesion_counts(of: Regions, predicted: NDArray[Any], chosen: Lesions, spacing: Sequence[float]) -> LesionCounts:
    """Count the lesions of every class of two masks; `predicted` are the codes of the prediction, void or not.

    For BraTS 2023 an image is a volume of one slice, 1 thick. Raises `UsageError` for neighbours of other axes.
    """
    valid = of.gt != NO_REGION
    counts, values, states = [], [], []
    for code in range(1, of.stray):
        gt = of.gt == code
        here, there = bool(gt.any()), bool((of.pred == code).any())
        states.append(0 if here and there else ONE if here or there else BOTH)
        found = _of_class(gt, predicted == code, valid, chosen, spacing)
        counts.append(found[0])
        values.append(found[1])
    size = len(chosen.values)
    return LesionCounts(
        of.ids,
        np.array(counts, np.int64).reshape(len(of.ids), 3),
        np.array(values, np.float64).reshape(len(of.ids), size),
        np.array(states, np.int64),
    )


def _of_class(gt: Mask, pred: Mask, valid: Mask, chosen: Lesions, spacing: Sequence[float]) -> Found:
    growth = chosen.growth
    if growth is None:
        return detected(gt, pred, valid, chosen, rank_of(chosen, gt.ndim))
    if gt.ndim == 2:
        return _of_class(gt[None], pred[None], valid[None], chosen, (1.0, *spacing))
    box = _grown_box(gt | pred, growth.steps)
    return lesion_wise(gt[box], pred[box], valid[box], growth, spacing)


def _grown_box(mask: Mask, margin: int) -> tuple[slice, ...]:
    """Return the box of a mask and `margin` elements around it, as far as there are any."""
    box = []
    for axis in range(mask.ndim):
        at = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not len(at):
            return (slice(0, 1),) * mask.ndim
        box.append(slice(max(0, int(at[0]) - margin), int(at[-1]) + 1 + margin))
    return tuple(box)


def rank_of(chosen: Lesions, axes: int) -> int:
    """Return along how many axes at once neighbours touch; raises `UsageError` for neighbours of other axes."""
    if chosen.connectivity is None:
        return axes
    if chosen.connectivity not in RANKS[axes]:
        known = " or ".join(map(str, RANKS[axes]))
        told = f"--connectivity {chosen.connectivity}, and an image of {axes} axes"
        raise UsageError("--connectivity is of another number of axes", (told,), f"Choose {known}, or leave it out")
    return RANKS[axes][chosen.connectivity]
