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
WEIGHTED = "deepmind"


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """Hold the distances of each surface element of one side to the other side, and the elements' weights."""

    gt_to_pred: Floats
    pred_to_gt: Floats
    gt_weights: Floats
    pred_weights: Floats


@cache
def _transform() -> Any:
    try:
        return import_module("scipy.ndimage").distance_transform_edt
    except ImportError:
        raise UsageError("distances need SciPy", (), "Install it: pip install 'segeval-masks[surface]'") from None


def require_transform() -> None:
    """Raise `UsageError` where the library of distance transforms is not installed."""
    _transform()


def borders(mask: Mask, valid: Mask) -> Mask:
    """Return the elements of a mask that a neighbour outside touches face to face; beyond the image is outside.

    What is not `valid` is neither inside nor outside. Arrays have two or three axes.
    """
    outside = np.pad(valid & ~mask, 1, constant_values=True)
    inner = tuple(slice(1, -1) for _ in range(mask.ndim))
    touched = np.zeros(mask.shape, np.bool_)
    for axis in range(mask.ndim):
        for shift in (-1, 1):
            touched |= np.roll(outside, shift, axis)[inner]
    return touched & mask & valid


def surfaces(gt: Mask, pred: Mask, chosen: Distances, valid: Mask, spacing: Sequence[float]) -> Surfaces:
    """Measure two masks of one shape, (H, W) or (D, H, W), in units of `spacing`; a side without border is infinite."""
    weighted = chosen.definition == WEIGHTED
    gt, pred, valid = _cropped(gt, pred, valid)
    if weighted:
        sides = [corner_weights(side, valid, spacing) for side in (gt, pred)]
    else:
        sides = [borders(side, valid).astype(np.float64) for side in (gt, pred)]
    on_gt, on_pred = (side > 0 for side in sides)
    return Surfaces(
        _nearest(on_gt, on_pred, spacing), _nearest(on_pred, on_gt, spacing), sides[0][on_gt], sides[1][on_pred]
    )


def _cropped(gt: Mask, pred: Mask, valid: Mask) -> tuple[Mask, Mask, Mask]:
    """Cut all to the box of both masks and one element around it, so that the image's edge stays one."""
    places = np.nonzero(gt | pred)
    if not len(places[0]):
        return gt, pred, valid
    box = tuple(slice(max(0, int(at.min()) - 1), int(at.max()) + 2) for at in places)
    return gt[box], pred[box], valid[box]


def _nearest(here: Mask, there: Mask, spacing: Sequence[float]) -> Floats:
    """Return the distance of every element of one surface to the other."""
    if not there.any() or not here.any():
        return np.full(int(here.sum()), np.inf)
    found: Floats = _transform()(~there, sampling=tuple(spacing))[here]
    return found


def distance_scores(of: Surfaces, chosen: Distances) -> dict[str, float]:
    """Return every score of the definition by name; where a side has nothing, what its program gives, or NaN.

    HD95 is the 95th percentile of both directions together (medpy), the larger of the two (monai, metricsreloaded), or
    the smallest distance within which 95 % of the contour lie, the larger of two (deepmind).
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
    if chosen.definition == "medpy":
        found["hd95"] = float(np.percentile(together, PERCENT))
    elif chosen.definition == WEIGHTED:
        found["hd95"] = max(
            _weighted_percentile(direction, part)
            for direction, part in zip(directions, (of.gt_weights, of.pred_weights), strict=True)
        )
    else:
        found["hd95"] = max(float(np.percentile(direction, PERCENT)) for direction in directions)
    return {name: found[name] for name in chosen.scores}


def _of_empty(chosen: Distances, *, both: bool) -> dict[str, float]:
    """Return what a program gives without a border on one side, or on both; infinite and raised is undefined."""
    found = dict.fromkeys(chosen.scores, np.nan)
    if not both and "nsd" in found:
        found["nsd"] = 0.0
    elif both and chosen.definition == "metricsreloaded":
        found = {name: float(name == "nsd") for name in found}
    return found


def _weighted_percentile(distances: Floats, weights: Floats) -> float:
    order = np.argsort(distances, kind="stable")
    shares = np.cumsum(weights[order]) / np.sum(weights)
    place = min(int(np.searchsorted(shares, PERCENT / 100)), len(order) - 1)
    return float(distances[order][place])


def distance_values(of: Regions, chosen: Distances) -> DistanceValues:
    """Measure every class of two masks."""
    valid = of.gt != NO_REGION
    rows, states = [], []
    for code in range(1, of.stray):
        gt, pred = of.gt == code, of.pred == code
        found = surfaces(gt, pred, chosen, valid, chosen.spacing)
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
