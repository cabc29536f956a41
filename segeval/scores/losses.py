"""BCE, focal loss and cross-entropy of stored probabilities, as evaluators and training code compute them.

A source is a `LevelHistogram` (or the `LevelTable` that counts one), `FloatSums`, or `FloatLevels`, whose p is taken
as the middle of each level. With p the stored probability and
y in {0, 1}, p_t = p of positives and 1 - p of negatives. `eps` decides what a logarithm of 0 costs:

- a number replaces p by min(max(p, eps), 1 - eps), and every factor uses that p (Keras, with 1e-7);
- "half-step" is such a number, half a level: 1/510 for 8 bits, 1/131070 for 16;
- "torch" clamps each logarithm at -100 and nothing else (torch `BCELoss`);
- None is half-step for levels and torch for floats. Sums have one eps and one gamma, and take no other.

Sums over levels are correctly rounded sums of count times loss, so a figure is right to 1e-12 relative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from segeval.errors import UsageError
from segeval.protocol.mapkinds import LEVELS
from segeval.protocol.settings import (
    USUAL,
    USUAL_ALPHA,
    Eps,
    check_alpha,
    check_class_weights,
    check_gamma,
    check_pos_weight,
    resolve_eps,
)
from segeval.records import dataclass
from segeval.scores.lossums import FloatSums
from segeval.scores.overlap import mean
from segeval.scores.pixelloss import FloatArray, clamped, clip, focal_factor, log_loss
from segeval.tables.counts import Int64Array
from segeval.tables.floatlevels import FloatLevels
from segeval.tables.levels import HistogramLike, histogram_of

Source = HistogramLike | FloatSums
"""What a loss is exact of."""
AnySource = Source | FloatLevels


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold one loss, in nats per element.

    `value` is None where it is undefined. `elements` are the pixels it is over (pixels times classes in a mean over
    classes) and `clamped` those whose loss is that of another p, because of eps. `classes` is how many classes it is
    over.

    `[low, high]` is what the loss can have been, given that a level tells p to half a step: it spans the loss of every
    such p, logarithms clamped at -100 and without eps, and `value` itself. `unbounded` tells that p can have been 0
    where the loss then has no bound, so that `high` rests on that clamp. Both are None for floats.
    """

    value: float | None
    low: float | None
    high: float | None
    unbounded: bool
    clamped: int
    elements: int
    classes: int = 1

    @property
    def clamped_share(self) -> float | None:
        """Return the share of clamped elements, None where there is no element."""
        return self.clamped / self.elements if self.elements else None


@dataclass(frozen=True, slots=True)
class _Side:
    """Sum the losses of the positives or of the negatives; `low` and `high` are None for floats."""

    pixels: int
    clamped: int
    value: float
    low: float | None = None
    high: float | None = None
    unbounded: bool = False


def bce(source: AnySource, *, pos_weight: float | str = USUAL.pos_weight, eps: Eps = None) -> Loss:
    """Return the mean of -[q y ln p + (1 - y) ln(1 - p)] over all pixels, q = `pos_weight`.

    The denominator is the number of pixels, not the sum of weights: torch `BCELoss` and
    `BCEWithLogitsLoss(pos_weight)`. "auto" is N_neg / N_pos; without positives or without negatives it is undefined.
    """
    check_pos_weight(pos_weight)
    positives, negatives = _sides(source, None, eps)
    weight = auto_pos_weight(positives.pixels, negatives.pixels) if pos_weight == "auto" else float(pos_weight)
    return _mean(((weight, positives), (None if weight is None else 1.0, negatives)))


def focal(
    source: AnySource,
    *,
    gamma: float | None = None,
    alpha: float | str | None = USUAL_ALPHA,
    eps: Eps = None,
) -> Loss:
    """Return the mean of alpha_t (1 - p_t)^gamma (-ln p_t) over all pixels.

    alpha_t is `alpha` for positives and 1 - alpha for negatives (torchvision `sigmoid_focal_loss`; Lin et al. 2017,
    equation 5); None weighs neither (equation 4; Keras `BinaryFocalCrossentropy`); "auto" is N_neg / (N_neg + N_pos),
    undefined without positives or without negatives. `gamma` None is 2, or that of the sums.
    """
    check_alpha(alpha)
    positives, negatives = _sides(source, _gamma(source, gamma), eps)
    if alpha is None:
        return _mean(((1.0, positives), (1.0, negatives)))
    weight = auto_alpha(positives.pixels, negatives.pixels) if alpha == "auto" else float(alpha)
    return _mean(((weight, positives), (None if weight is None else 1 - weight, negatives)))


def class_mean(losses: Sequence[Loss]) -> Loss:
    """Return the mean of one-vs-rest losses over the classes where it is defined.

    All classes have the same pixels, so this is the mean over pixels and classes (mmsegmentation, SMP). `classes` says
    how many are defined; none makes it undefined.
    """
    defined = [loss for loss in losses if loss.value is not None]
    bounded = all(loss.low is not None for loss in defined)
    return Loss(
        mean(loss.value for loss in defined),
        mean(loss.low for loss in defined) if bounded else None,
        mean(loss.high for loss in defined) if bounded else None,
        any(loss.unbounded for loss in defined),
        sum(loss.clamped for loss in defined),
        sum(loss.elements for loss in defined),
        len(defined),
    )


def cross_entropy(
    sources: Sequence[Source], *, class_weights: Sequence[float] | str | None = None, eps: Eps = None
) -> Loss:
    """Return the sum of w_y (-ln p_y) over the sum of w_y, p_y the probability of the true class.

    `sources` has each class's own map, one-vs-rest, in class order; only its positives enter. torch
    `CrossEntropyLoss(weight, ignore_index)` with the mean reduction; probabilities are taken as stored, never
    normalised. "auto" weighs by inverse frequency, see `auto_class_weights`.
    """
    return _true_class([_sides(source, None, eps)[0] for source in sources], class_weights)


def focal_cross_entropy(
    sources: Sequence[Source],
    *,
    gamma: float | None = None,
    class_weights: Sequence[float] | str | None = None,
    eps: Eps = None,
) -> Loss:
    """Return the sum of w_y (1 - p_y)^gamma (-ln p_y) over the sum of w_y.

    As `cross_entropy`; Keras `CategoricalFocalCrossentropy` is this with eps 1e-7, times its alpha.
    """
    return _true_class([_sides(source, _gamma(source, gamma), eps)[0] for source in sources], class_weights)


def auto_pos_weight(positives: int, negatives: int) -> float | None:
    """Return N_neg / N_pos, None where either is 0."""
    return negatives / positives if positives and negatives else None


def auto_alpha(positives: int, negatives: int) -> float | None:
    """Return N_neg / (N_neg + N_pos), None where either is 0."""
    return negatives / (negatives + positives) if positives and negatives else None


def auto_class_weights(pixels: Sequence[int]) -> tuple[float, ...]:
    """Return N / (C N_c) for each class: N pixels in all, N_c of the class, C classes that have any.

    Inverse frequency as in scikit-learn's "balanced"; a class without pixels has weight 0 and is no part of C. The
    weighted cross-entropy is then the mean over those classes of each one's mean.
    """
    present = sum(count > 0 for count in pixels)
    return tuple(sum(pixels) / (present * count) if count else 0.0 for count in pixels)


def _gamma(source: AnySource, gamma: float | None) -> float:
    if gamma is None:
        return source.gamma if isinstance(source, FloatSums) else USUAL.gamma
    check_gamma(gamma)
    return gamma


def _sides(source: AnySource, gamma: float | None, eps: Eps) -> tuple[_Side, _Side]:
    """Return the sums of positives and of negatives: focal for a gamma, BCE for None."""
    if isinstance(source, FloatSums):
        return _stored_sides(source, gamma, eps)
    if isinstance(source, FloatLevels):
        float_eps = resolve_eps(eps, None)
        return (
            _side_of_floats(source, source.positives, True, gamma, float_eps),
            _side_of_floats(source, source.negatives, False, gamma, float_eps),
        )
    histogram = histogram_of(source)
    used_eps = resolve_eps(eps, histogram.levels)
    return (
        _counted_side(histogram.positives, True, gamma, used_eps),
        _counted_side(histogram.negatives, False, gamma, used_eps),
    )


def _stored_sides(sums: FloatSums, gamma: float | None, eps: Eps) -> tuple[_Side, _Side]:
    allowed = {resolve_eps(eps, levels) for levels in LEVELS} if eps == "half-step" else {eps}
    if (eps is not None and sums.eps not in allowed) or (gamma is not None and gamma != sums.gamma):
        raise UsageError(
            "sums of a loss exist for one gamma and one eps only",
            (f"summed with gamma {sums.gamma}, eps {sums.eps}",),
            "Score the files again with the gamma and eps that are wanted",
        )
    pos, neg = (sums.bce_pos, sums.bce_neg) if gamma is None else (sums.focal_pos, sums.focal_neg)
    return _Side(sums.n_pos, sums.clamped_pos, pos), _Side(sums.n_neg, sums.clamped_neg, neg)


def _counted_side(counts: Int64Array, positive: bool, gamma: float | None, eps: float | Literal["torch"]) -> _Side:
    levels = len(counts)
    occupied = np.flatnonzero(counts)
    p = occupied / (levels - 1)
    below = np.maximum(occupied - 0.5, 0) / (levels - 1)
    above = np.minimum(occupied + 0.5, levels - 1) / (levels - 1)
    return _side(counts[occupied], (below, p, above), positive, gamma, eps)


def _side_of_floats(
    levels: FloatLevels, counts: Int64Array, positive: bool, gamma: float | None, eps: float | Literal["torch"]
) -> _Side:
    occupied = np.flatnonzero(counts)
    least, greatest = levels.least[occupied], levels.greatest[occupied]
    return _side(counts[occupied], (least, (least + greatest) / 2, greatest), positive, gamma, eps)


def _side(
    pixels: Int64Array,
    of_levels: tuple[FloatArray, FloatArray, FloatArray],
    positive: bool,
    gamma: float | None,
    eps: float | Literal["torch"],
) -> _Side:
    """Sum the losses of levels, each of whose p is taken as the second and lies between the first and the third."""
    below, p, above = of_levels
    # Both losses fall as p_t grows, so that a level's extremes are at the ends of its step.
    likely, unlikely = (above, below) if positive else (below, above)
    loss = _pixel_loss(clip(p, eps), positive, gamma)
    return _Side(
        int(pixels.sum()),
        int(pixels[clamped(p, positive=positive, eps=eps)].sum()),
        math.fsum((pixels * loss).tolist()),
        math.fsum((pixels * np.minimum(loss, _pixel_loss(likely, positive, gamma))).tolist()),
        math.fsum((pixels * np.maximum(loss, _pixel_loss(unlikely, positive, gamma))).tolist()),
        bool((unlikely == (0 if positive else 1)).any()),
    )


def _pixel_loss(p: FloatArray, positive: bool, gamma: float | None) -> FloatArray:
    loss = log_loss(p, positive=positive)
    return loss if gamma is None else focal_factor(p, positive=positive, gamma=gamma) * loss


def _mean(weighted: Sequence[tuple[float | None, _Side]], classes: int = 1, *, by_weight: bool = False) -> Loss:
    """Divide the weighted sums by the pixels, or by the weights of the pixels."""
    sides = [side for _, side in weighted]
    elements = sum(side.pixels for side in sides)
    clamped_pixels = sum(side.clamped for side in sides)
    known = [(weight, side) for weight, side in weighted if weight is not None]
    denominator = math.fsum(weight * side.pixels for weight, side in known) if by_weight else float(elements)
    if len(known) < len(weighted) or not denominator:
        return Loss(None, None, None, False, clamped_pixels, elements, 0)

    def over(parts: Sequence[float | None]) -> float | None:
        numbers = [weight * part for (weight, _), part in zip(known, parts, strict=True) if part is not None]
        return math.fsum(numbers) / denominator if len(numbers) == len(known) else None

    return Loss(
        over([side.value for side in sides]),
        over([side.low for side in sides]),
        over([side.high for side in sides]),
        any(weight > 0 and side.unbounded for weight, side in known),
        clamped_pixels,
        elements,
        classes,
    )


def _true_class(positives: Sequence[_Side], class_weights: Sequence[float] | str | None) -> Loss:
    pixels = [side.pixels for side in positives]
    if class_weights is None:
        weights: tuple[float, ...] = (1.0,) * len(positives)
    elif class_weights == "auto":
        weights = auto_class_weights(pixels)
    else:
        weights = tuple(float(weight) for weight in class_weights)
        check_class_weights(weights)
        if len(weights) != len(positives):
            raise UsageError(
                f"there are {len(weights)} class weights for {len(positives)} classes", (), "Give one weight a class"
            )
    return _mean(list(zip(weights, positives, strict=True)), sum(count > 0 for count in pixels), by_weight=True)
