"""Distances between the surfaces of two masks, each by the definition of a program that prints it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.counts import BOTH, ONE, VOID, DistanceValues
from segeval.contours.regions import NO_REGION, Regions
from segeval.contours.surfels import corner_weights
from segeval.errors import UsageError
from segeval.protocol.distances import Distances
from segeval.records import dataclass

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
PERCENT = 95
MORE = 1e-8
"""What nnU-Net 1 adds to the number of surface elements, by which NSD of two equal masks is a little below 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """Hold the distances of each surface element of one side to the other side, and the elements' weights.

    `full` says that one side is the class everywhere.
    """

    gt_to_pred: Floats
    pred_to_gt: Floats
    gt_weights: Floats
    pred_weights: Floats
    full: bool = False


@cache
def _tree() -> Any:
    try:
        return import_module("scipy.spatial").KDTree
    except ImportError:
        raise UsageError("distances need SciPy", (), "Install it: pip install 'segeval-masks[surface]'") from None


def require_tree() -> None:
    """Raise `UsageError` where the library that finds nearest surface elements is not installed."""
    _tree()


def borders(mask: Mask, valid: Mask) -> Mask:
    """Return the elements of a mask that a neighbour outside touches face to face; beyond the image is outside.

    What is not `valid` is neither inside nor outside. Arrays have two or three axes.
    """
    outside = valid & ~mask
    touched = np.zeros(mask.shape, np.bool_)
    for axis in range(mask.ndim):
        here, there = np.moveaxis(touched, axis, 0), np.moveaxis(outside, axis, 0)
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
        here[0] = here[-1] = True
    return touched & mask & valid


def surfaces(gt: Mask, pred: Mask, chosen: Distances, valid: Mask, spacing: Sequence[float]) -> Surfaces:
    """Measure two masks of one shape, (H, W) or (D, H, W), in units of `spacing`; a side without border is infinite."""
    weighted = chosen.rules.surface == "corners"
    full = bool(gt.all() or pred.all())
    gt, pred, valid = _cropped(gt, pred, valid)
    if weighted:
        sides = [corner_weights(side, valid, spacing) for side in (gt, pred)]
    else:
        sides = [borders(side, valid).astype(np.float64) for side in (gt, pred)]
    on_gt, on_pred = (side > 0 for side in sides)
    there, back = _nearest(on_gt, on_pred, spacing), _nearest(on_pred, on_gt, spacing)
    return Surfaces(there, back, sides[0][on_gt], sides[1][on_pred], full)


def _cropped(gt: Mask, pred: Mask, valid: Mask) -> tuple[Mask, Mask, Mask]:
    """Cut all to the box of both masks and one element around it, so that the image's edge stays one."""
    either, box = gt | pred, []
    for axis in range(gt.ndim):
        at = np.flatnonzero(either.any(axis=tuple(other for other in range(gt.ndim) if other != axis)))
        if not len(at):
            return gt, pred, valid
        box.append(slice(max(0, int(at[0]) - 1), int(at[-1]) + 2))
    return gt[tuple(box)], pred[tuple(box)], valid[tuple(box)]


def _nearest(here: Mask, there: Mask, spacing: Sequence[float]) -> Floats:
    """Return the distance of every element of one surface to the other.

    Most elements lie on both. The tree finds the nearest of the others; their distance is taken from whole steps along
    the axes, as a distance transform does, so that one of exactly the tolerance is within it.
    """
    found = np.zeros(int(here.sum()))
    if not there.any():
        return np.full_like(found, np.inf)
    alone = ~there[here]
    if alone.any():
        steps, source, target = np.array(spacing), np.argwhere(here & ~there), np.argwhere(there)
        tree = _tree()(target * steps, balanced_tree=False, compact_nodes=False)
        apart = (source - target[tree.query(source * steps)[1]]) * steps
        found[alone] = np.sqrt((apart * apart).sum(axis=1))
    return found


def distance_scores(of: Surfaces, chosen: Distances) -> dict[str, float]:
    """Return every score of the definition by name; where a side has nothing, what its program gives, or NaN.

    HD95 is the 95th percentile of both directions together (medpy, nnunet), the larger of the two (monai,
    metricsreloaded), or the smallest distance within which 95 % of the contour lie, the larger of two (deepmind).
    """
    directions = of.gt_to_pred, of.pred_to_gt
    sizes = [len(direction) for direction in directions]
    if not all(sizes):
        return _of_empty(chosen, both=not any(sizes))
    together = np.concatenate(directions)
    weights = np.concatenate([of.gt_weights, of.pred_weights])
    found = {
        "hd": float(together.max()),
        "assd": float(together.mean()),
        "masd": float(np.mean([direction.mean() for direction in directions])),
        "nsd": float(weights[together <= chosen.tolerance].sum() / weights.sum()),
    }
    percentile = _weighted_percentile if chosen.rules.surface == "corners" else _percentile
    if chosen.rules.percentile == "together":
        found["hd95"] = percentile(together, weights)
    else:
        both = zip(directions, (of.gt_weights, of.pred_weights), strict=True)
        found["hd95"] = max(percentile(*direction) for direction in both)
    if chosen.rules.divisor != "elements":
        found["nsd"] = float(weights[together <= chosen.tolerance].sum() / (weights.sum() + MORE))
    if of.full and chosen.rules.everywhere == "undefined":
        found |= dict.fromkeys(("hd", "hd95", "assd"), np.nan)
    return {name: found[name] for name in chosen.scores}


def _of_empty(chosen: Distances, *, both: bool) -> dict[str, float]:
    """Return what a program gives without a border on one side, or on both; infinite and raised is undefined."""
    if both and chosen.rules.both_empty == "perfect":
        return {name: float(name == "nsd") for name in chosen.scores}
    found = dict.fromkeys(chosen.scores, np.nan)
    if not both and "nsd" in found and chosen.rules.one_empty == "nsd=0":
        found["nsd"] = 0.0
    return found


def _percentile(distances: Floats, _weights: Floats) -> float:
    return float(np.percentile(distances, PERCENT))


def _weighted_percentile(distances: Floats, weights: Floats) -> float:
    order = np.argsort(distances, kind="stable")
    shares = np.cumsum(weights[order]) / np.sum(weights)
    place = min(int(np.searchsorted(shares, PERCENT / 100)), len(order) - 1)
    return float(distances[order][place])


def distance_values(of: Regions, chosen: Distances, spacing: Sequence[float]) -> DistanceValues:
    """Measure every class of two masks of two or three axes, in units of their `spacing`."""
    valid = of.gt != NO_REGION
    rows, states = [], []
    for code in range(1, of.stray):
        gt, pred = of.gt == code, of.pred == code
        found = surfaces(gt, pred, chosen, valid, spacing)
        on_gt, on_pred = len(found.gt_to_pred), len(found.pred_to_gt)
        if not on_gt and gt.any():
            states.append(VOID)
            rows.append([np.nan] * len(chosen.scores))
            continue
        states.append(0 if on_gt and on_pred else ONE if on_gt or on_pred else BOTH)
        rows.append(list(distance_scores(found, chosen).values()))
    values = np.array(rows, np.float64).reshape(len(of.ids), len(chosen.scores))
    return DistanceValues(of.ids, values, np.array(states, np.int64))


def values_of_nothing(chosen: Distances) -> dict[str, float]:
    """Return what the definition gives to a class that neither side has; NaN is undefined."""
    return _of_empty(chosen, both=True)
