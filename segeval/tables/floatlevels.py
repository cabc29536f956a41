"""How often each level of p occurs among the positives and the negatives of one map of floats.

Levels are spaced by the logit: p below one half and 1 - p above it keep a relative width of 2^-12, so that neither
6e-6 nor 1 - 6e-6 is rounded away. Only levels that occur are held, each with its least and its greatest p: a level
whose two ends are equal is one exact tie, and only the others leave an order open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.records import dataclass
from segeval.tables.counts import Int64Array
from segeval.tables.levels import LevelHistogram, add

FloatArray = NDArray[np.float64]

MANTISSA = 52
"""Bits of a float64 behind its exponent."""
OPEN_BITS = MANTISSA - 12
"""Low bits of a rank that a level leaves open: 12 bits of the mantissa remain, a relative width of 2^-12."""
RANK_OF_HALF = 1022 << MANTISSA
RANK_OF_ONE = 2 * RANK_OF_HALF
RELIABILITY_BINS = 15
"""Bins of the expected calibration error, (b / 15, (b + 1) / 15], the first closed (Guo et al. 2017)."""
EDGES = np.arange(1, RELIABILITY_BINS) / RELIABILITY_BINS
SUM_UNIT = 1 << 46
"""Parts of 1 that p is rounded to in the sums of the bins, which are whole numbers and the same in any order."""
CHUNK = 1 << 16
"""Values whose sum in parts of 1 stays within int64."""


def ranks(p: FloatArray) -> Int64Array:
    """Return whole numbers that order probabilities in [0, 1] as their values do, different ones for different p.

    Below one half it is the pattern of the float64 p itself, which ascends with p; from one half on it is counted down
    from 1 by the pattern of 1 - p, which is exact there. The steps are thus as fine near 1 as near 0, but for what a
    float64 near 1 can hold.

    >>> ranks(np.array([0.0, 5e-324, 0.5, 1.0])).tolist() == [0, 1, RANK_OF_HALF, RANK_OF_ONE]
    True
    """
    # -0.0 is 0, and has another pattern.
    positive = np.abs(p)
    near_one = RANK_OF_ONE - (1 - positive).view(np.int64)
    return np.where(positive < 0.5, positive.view(np.int64), near_one)


def probabilities_of(of_ranks: Int64Array) -> FloatArray:
    """Return p of each rank; the inverse of `ranks`."""
    below = np.minimum(of_ranks, RANK_OF_HALF).view(np.float64)
    above = 1 - (RANK_OF_ONE - np.maximum(of_ranks, RANK_OF_HALF)).view(np.float64)
    return np.where(of_ranks < RANK_OF_HALF, below, above)


@dataclass(frozen=True, slots=True)
class BinSums:
    """Hold pixels, positives and the sum of p (in parts of 1 / `SUM_UNIT`) of each of `RELIABILITY_BINS` bins of p."""

    pixels: tuple[int, ...] = (0,) * RELIABILITY_BINS
    positives: tuple[int, ...] = (0,) * RELIABILITY_BINS
    sums: tuple[int, ...] = (0,) * RELIABILITY_BINS


@dataclass(frozen=True, slots=True, eq=False)
class FloatLevels:
    """Hold the pixels of each level that occurs, apart for positives and negatives, in ascending order of p.

    `least` and `greatest` are float64, the ends of each level; `positives` and `negatives` are int64; all are (N,).
    No level has pixels on both sides of `threshold`, so that what is predicted p > `threshold` is exact. `bins` has
    what the expected calibration error needs, from p itself.
    """

    threshold: float
    least: FloatArray
    greatest: FloatArray
    positives: Int64Array
    negatives: Int64Array
    bins: BinSums = BinSums()

    def __len__(self) -> int:
        return len(self.least)

    @property
    def n_pos(self) -> int:
        """Return the number of positive pixels."""
        return int(self.positives.sum(dtype=np.int64))

    @property
    def n_neg(self) -> int:
        """Return the number of negative pixels."""
        return int(self.negatives.sum(dtype=np.int64))

    @property
    def keys(self) -> Int64Array:
        """Return the number of each level, which ascends."""
        return level_keys(self.least, self.threshold)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FloatLevels):
            return NotImplemented
        mine, theirs = ((part.least, part.greatest, part.positives, part.negatives) for part in (self, other))
        return (self.threshold, self.bins) == (other.threshold, other.bins) and all(map(np.array_equal, mine, theirs))

    def __hash__(self) -> int:
        return hash((self.threshold, self.bins, self.least.tobytes(), self.positives.tobytes()))


LevelCounts = LevelHistogram | FloatLevels


def level_keys(p: FloatArray, threshold: float) -> Int64Array:
    """Return the number of each p's level: twice the top bits of its rank, and one more above `threshold`.

    The bits are rounded up, so that 0 is a level of its own and no smallest number shares it.
    """
    return 2 * -(-ranks(p) >> OPEN_BITS) + (p > threshold)


def no_levels(threshold: float) -> FloatLevels:
    """Return levels without pixels."""
    nothing = np.zeros(0, np.int64)
    return FloatLevels(threshold, np.zeros(0), np.zeros(0), nothing, nothing)


def count_float_levels(
    prob: NDArray[Any], positive: NDArray[np.bool_], valid: NDArray[np.bool_], *, threshold: float
) -> FloatLevels:
    """Count the levels of one map of floats, and the pixels that are positive and that are valid.

    `prob` is float16, float32 or float64; the three arrays have one shape. Raises `MaskError` for other types and
    shapes, and for a valid pixel that is NaN or outside [0, 1].
    """
    if not prob.shape == positive.shape == valid.shape:
        raise MaskError(
            "a probability map and its ground truth have different shapes",
            (f"map {prob.shape}, ground truth {positive.shape}",),
            "Give a map of the size of its ground truth",
        )
    if prob.dtype.kind != "f" or prob.dtype.itemsize > 8:
        raise MaskError(f"a map of floats is {prob.dtype}", (), "Give float16, float32 or float64")
    return add_float_levels(
        _of_side(prob[valid & positive], True, threshold), _of_side(prob[valid & ~positive], False, threshold)
    )


def _of_side(values: NDArray[Any], positive: bool, threshold: float) -> FloatLevels:
    if not len(values):
        return no_levels(threshold)
    # Sorting is what costs; numpy sorts halves slowly.
    p = np.sort(values.astype(np.float32) if values.dtype == np.float16 else values).astype(np.float64)
    # NaN is sorted last, and no comparison with it holds.
    if not (p[0] >= 0 and p[-1] <= 1):
        bad = p[0] if p[0] < 0 else p[-1]
        raise MaskError("a probability is NaN or outside [0, 1]", (f"value {bad}",), "Store probabilities, not logits")
    keys = level_keys(p, threshold)
    starts = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1))
    ends = np.append(starts[1:], len(p))
    counts = (ends - starts).astype(np.int64)
    nothing = np.zeros_like(counts)
    bins = _bins_of(p, positive)
    # -0.0 is 0 and must not be written as something else.
    least, greatest = np.abs(p[starts]), np.abs(p[ends - 1])
    return FloatLevels(threshold, least, greatest, *((counts, nothing) if positive else (nothing, counts)), bins)


def _bins_of(p: FloatArray, positive: bool) -> BinSums:
    """Sum what is sorted by bin."""
    cuts = [0, *np.searchsorted(p, EDGES, side="right").tolist(), len(p)]
    pixels = tuple(np.diff(cuts).tolist())
    sums = tuple(
        sum(
            int(np.rint(p[at : min(at + CHUNK, stop)] * SUM_UNIT).astype(np.int64).sum())
            for at in range(start, stop, CHUNK)
        )
        for start, stop in pairwise(cuts)
    )
    return BinSums(pixels, pixels if positive else BinSums().positives, sums)


def add_float_levels(first: FloatLevels, *others: FloatLevels) -> FloatLevels:
    """Add levels of one threshold; exact, and the same whatever their order. Raises `UsageError` for two thresholds."""
    tables = (first, *others)
    if any(other.threshold != first.threshold for other in others):
        raise UsageError("levels of two thresholds cannot be added", (), "Score all maps with one threshold")
    return reduce(_added, (part for part in tables if len(part)), no_levels(first.threshold))


def _added(one: FloatLevels, other: FloatLevels) -> FloatLevels:
    if not len(one):
        return other
    keys = np.concatenate((one.keys, other.keys))
    # Each table ascends, which this kind of sorting makes use of; a level is then in one place, or in two beside.
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(ordered)) - 1
    first, last, twice = order[starts], order[ends], starts != ends
    least, greatest, positives, negatives = (
        np.concatenate((getattr(one, name), getattr(other, name)))
        for name in ("least", "greatest", "positives", "negatives")
    )
    bins = BinSums(
        *(
            tuple(map(sum, zip(getattr(one.bins, name), getattr(other.bins, name), strict=True)))
            for name in ("pixels", "positives", "sums")
        )
    )
    return FloatLevels(
        one.threshold,
        np.minimum(least[first], least[last]),
        np.maximum(greatest[first], greatest[last]),
        positives[first] + positives[last] * twice,
        negatives[first] + negatives[last] * twice,
        bins,
    )


def add_levels(parts: Sequence[LevelCounts]) -> LevelCounts:
    """Add the levels of one map of several images or runs; raises `UsageError` for maps of different kinds."""
    floats = [part for part in parts if isinstance(part, FloatLevels)]
    stored = [part for part in parts if isinstance(part, LevelHistogram)]
    if floats and stored:
        raise UsageError("maps of floats and of levels cannot be added", (), "Score maps of each kind on their own")
    return add_float_levels(*floats) if floats else add(*stored)
