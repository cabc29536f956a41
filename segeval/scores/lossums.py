"""Exact sums of the losses of maps that are not counted by level: those of 16 bits and of floats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.protocol.mapkinds import MapKind, kind_stored_as
from segeval.protocol.settings import LossSettings, resolve_eps
from segeval.records import dataclass
from segeval.scores.pixelloss import FloatArray, clamped, clip, focal_factor, log_loss

CHUNK = 1 << 16
"""Pixels that are worked on at once: a chunk in float64 stays in the cache, whatever the size of the map."""


@dataclass(frozen=True, slots=True)
class FloatSums:
    """Hold the sums of one map's losses over its valid pixels, positives and negatives apart.

    `gamma` and `eps` (a number or "torch") are those of the sums. `focal_*` are without alpha and `bce_*` without
    pos_weight, which weigh the two sides afterwards; `brier_*` sum the squared and `mae_*` the absolute difference
    of p and y, without eps. `clamped_*` are the pixels that eps changed. Of a class's own map, `bce_pos` is also its
    part of the cross-entropy and `focal_pos` that of the focal cross-entropy, since both clamp alike.
    """

    gamma: float
    eps: float | Literal["torch"]
    n_pos: int = 0
    n_neg: int = 0
    clamped_pos: int = 0
    clamped_neg: int = 0
    bce_pos: float = 0.0
    bce_neg: float = 0.0
    focal_pos: float = 0.0
    focal_neg: float = 0.0
    brier_pos: float = 0.0
    brier_neg: float = 0.0
    mae_pos: float = 0.0
    mae_neg: float = 0.0


def float_sums(
    prob: NDArray[Any], positive: NDArray[np.bool_], valid: NDArray[np.bool_], settings: LossSettings
) -> FloatSums:
    """Sum every loss of one map.

    `prob` (H, W) is float16, float32 or float64 in [0, 1], taken as stored, or uint8 or uint16 levels; `positive` and
    `valid` are (H, W). Works in float64 on a chunk at a time and is the same bit for bit for the same arrays.
    Raises `MaskError` for other types and shapes, and for a valid pixel that is NaN or outside [0, 1].
    """
    kind = kind_of_array(prob)
    if not prob.shape == positive.shape == valid.shape:
        raise MaskError(
            "a probability map and its ground truth have different shapes",
            (f"map {prob.shape}, ground truth {positive.shape}",),
            "Give a map of the size of its ground truth",
        )
    eps = resolve_eps(settings.eps, kind.levels)
    parts = [
        _chunk_sums(p, is_positive, settings.gamma, eps) for p, is_positive in _chunks(prob, positive, valid, kind.top)
    ]
    return combine(parts) if parts else FloatSums(settings.gamma, eps)


def kind_of_array(prob: NDArray[Any]) -> MapKind:
    """Return the kind of map that an array is, by its type; raises `MaskError` for a type that holds none."""
    kind = kind_stored_as(prob.dtype.kind, 8 * prob.dtype.itemsize)
    if kind is None:
        raise MaskError(f"a probability map is {prob.dtype}", (), "Give uint8, uint16, float16, float32 or float64")
    return kind


def _chunks(
    prob: NDArray[Any], positive: NDArray[np.bool_], valid: NDArray[np.bool_], top: int
) -> Iterator[tuple[FloatArray, NDArray[np.bool_]]]:
    flat_prob, flat_positive, flat_valid = prob.reshape(-1), positive.reshape(-1), valid.reshape(-1)
    for start in range(0, flat_prob.size, CHUNK):
        piece = slice(start, start + CHUNK)
        kept = flat_valid[piece]
        p = flat_prob[piece][kept].astype(np.float64) / top
        # A NaN is its array's minimum and no comparison with it holds.
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            bad = p[~((p >= 0) & (p <= 1))]
            raise MaskError(
                "a probability is NaN or outside [0, 1]", (f"value {bad[0]}",), "Store probabilities, not logits"
            )
        yield p, flat_positive[piece][kept]


def _chunk_sums(
    p: FloatArray, is_positive: NDArray[np.bool_], gamma: float, eps: float | Literal["torch"]
) -> FloatSums:
    pos = _side_sums(p[is_positive], True, gamma, eps)
    neg = _side_sums(p[~is_positive], False, gamma, eps)
    values: list[Any] = [value for pair in zip(pos, neg, strict=True) for value in pair]
    return FloatSums(gamma, eps, *values)


def _side_sums(
    p: FloatArray, positive: bool, gamma: float, eps: float | Literal["torch"]
) -> tuple[int, int, float, float, float, float]:
    """Return pixels, clamped pixels and the four sums, in the order of the fields of `FloatSums`."""
    used = clip(p, eps)
    loss = log_loss(used, positive=positive)
    difference = 1 - p if positive else p
    return (
        len(p),
        int(np.count_nonzero(clamped(p, positive=positive, eps=eps))),
        float(loss.sum()),
        float((focal_factor(used, positive=positive, gamma=gamma) * loss).sum()),
        float((difference * difference).sum()),
        float(difference.sum()),
    )


def combine(sums: Sequence[FloatSums]) -> FloatSums:
    """Add the sums of several images by `math.fsum`: correctly rounded, and the same whatever their order.

    Combine images, not combinations: each rounding would be kept. Raises `UsageError` where there is none, and where
    gamma or eps differ.
    """
    if len({(part.gamma, part.eps) for part in sums}) != 1:
        raise UsageError(
            "loss sums of different gamma or eps cannot be added",
            sorted({f"gamma {part.gamma}, eps {part.eps}" for part in sums}),
            "Score the files again with one gamma and one eps",
        )
    totals: dict[str, Any] = {"gamma": sums[0].gamma, "eps": sums[0].eps}
    for field in fields(FloatSums)[2:]:
        values = [getattr(part, field.name) for part in sums]
        totals[field.name] = sum(values) if field.type == "int" else math.fsum(values)
    return FloatSums(**totals)
