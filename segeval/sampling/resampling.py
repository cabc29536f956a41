"""How far a score would move had other images been drawn: bootstrap intervals over images or groups of images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from statistics import NormalDist

import numpy as np

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.sampling.columns import Floats
from segeval.sampling.poisson import MOST_DRAWN, LargeSample, as_large, is_large, poisson_weights, weighted_sums
from segeval.sampling.sample import Sample
from segeval.scores.overlap import Value

METHODS = ("percentile", "bca")
MOST_RESAMPLES = 1_000_000
"""More would change no digit that is printed, and take memory for each."""
FEW_UNITS = 30
"""With fewer units than this an interval is too narrow to be trusted."""
BLOCK_CELLS = 1 << 21
"""Resamples are drawn in blocks of at most so many float64 cells (16 MB); no block size changes a result."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """Choose how resamples are drawn and intervals read off: `level` in percent, `method` one of `METHODS`."""

    level: float = 95.0
    resamples: int = 2000
    seed: int = 0
    method: str = "percentile"

    def __post_init__(self) -> None:
        if not 0 < self.level < 100:
            raise UsageError(f"{self.level:g} is not a confidence level", (), "Give a percentage such as 95")
        if self.resamples < 1:
            raise UsageError(f"the number of resamples is {self.resamples}", (), "Give at least 1, better 1000")
        if self.resamples > MOST_RESAMPLES:
            raise UsageError(f"{self.resamples:,} resamples are too many", (), f"Give at most {MOST_RESAMPLES:,}")
        if self.seed < 0:
            raise UsageError(f"{self.seed} is not a valid seed", (), "Give 0 or more")
        if self.method not in METHODS:
            raise UsageError(f"'{self.method}' is not an interval method", (), f"Choose one of {', '.join(METHODS)}")


def bootstrap_weights(unit_count: int, width: int, settings: Resampling) -> Iterator[Floats]:
    """Draw how often each unit enters each resample: blocks of shape (rows, units), `resamples` rows in all.

    Counts of indices drawn with replacement (a multinomial), the stream of `numpy.random.Generator(PCG64(seed))` that
    `scipy.stats.bootstrap` draws too. `width` is the number of columns that the weights will be multiplied with.
    """
    generator = np.random.Generator(np.random.PCG64(settings.seed))
    for rows in block_sizes(unit_count, width, settings):
        drawn = generator.integers(0, unit_count, (rows, unit_count))
        drawn += np.arange(rows)[:, None] * unit_count
        yield np.bincount(drawn.reshape(-1), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)


def block_sizes(unit_count: int, width: int, settings: Resampling) -> Iterator[int]:
    """Split the resamples into blocks that keep to `BLOCK_CELLS`."""
    block = max(1, BLOCK_CELLS // max(unit_count, width))
    for start in range(0, settings.resamples, block):
        yield min(block, settings.resamples - start)


def jackknife(data: Sample) -> Floats:
    """Compute every statistic with each unit left out once, shape (units, S)."""
    whole = data.columns.sum(axis=0)
    block = max(1, BLOCK_CELLS // data.columns.shape[1])
    # In the order of rows, in which means over classes add them up.
    rows = (np.ascontiguousarray(data.columns[at : at + block]) for at in range(0, len(data.columns), block))
    return np.concatenate([data.statistics(whole - part) for part in rows])


@dataclass(frozen=True, slots=True)
class Interval:
    """Hold a confidence interval, and how many resamples left its score undefined and were left out of it.

    `low` and `high` are both `None` where there is none: the score itself is undefined, or it is in more than half of
    the resamples, or there are fewer than two units, or BCa has no finite bias correction.
    """

    low: Value
    high: Value
    undefined: int

    def bounds(self) -> list[float] | None:
        """Return [low, high], `None` where there is none."""
        return None if self.low is None or self.high is None else [self.low, self.high]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Hold the interval of every score by its name, and of each class's IoU; `units` were drawn from."""

    scores: Mapping[str, Interval]
    iou: tuple[Interval, ...]
    units: int

    @property
    def few_units(self) -> bool:
        """Tell whether the units are too few to trust the intervals."""
        return self.units < FEW_UNITS


def intervals(data: Sample | LargeSample, settings: Resampling) -> Intervals:
    """Bootstrap the units and return the interval of every score; the same seed gives the same bytes."""
    if isinstance(data, LargeSample) or is_large(data):
        return _large_intervals(data, settings)
    value = data.statistics(data.columns.sum(axis=0, keepdims=True))[0]
    weights = bootstrap_weights(len(data.units), data.columns.shape[1], settings)
    resampled = np.concatenate([data.statistics(block @ data.columns) for block in weights])
    left_out = jackknife(data) if settings.method == "bca" else None
    return _named(data, all_intervals(value, resampled, left_out, len(data.units), settings), len(data.units))


def _large_intervals(data: Sample | LargeSample, settings: Resampling) -> Intervals:
    large = as_large(data) if isinstance(data, Sample) else data
    require_percentile(settings)
    drawn = partial(poisson_weights, resamples=settings.resamples, seed=settings.seed)
    whole, resampled = (sums[0] for sums in weighted_sums([large], drawn, settings.resamples))
    model = large.model
    found = all_intervals(model.statistics(whole)[0], model.statistics(resampled), None, large.count, settings)
    return _named(model, found, large.count)


def _named(data: Sample, found: tuple[Interval, ...], units: int) -> Intervals:
    scores = len(data.observed)
    return Intervals(dict(zip(data.observed, found[:scores], strict=True)), found[scores:], units)


def require_percentile(settings: Resampling) -> None:
    """Raise `UsageError` for intervals that need each of many units left out once."""
    if settings.method == "bca":
        raise UsageError(
            f"BCa intervals leave each unit out once, and more than {MOST_DRAWN:,} are too many for that",
            (),
            "Give --ci-method percentile, or draw over groups with --group-by",
        )


def all_intervals(
    value: Floats, resampled: Floats, left_out: Floats | None, unit_count: int, settings: Resampling
) -> tuple[Interval, ...]:
    """Return the interval of each of S statistics: `value` (S,), `resampled` (R, S), `left_out` (units, S) for BCa."""
    if unit_count < 2:
        return tuple(Interval(None, None, int(count)) for count in np.isnan(resampled).sum(axis=0))
    return tuple(
        interval(float(value[index]), resampled[:, index], settings, None if left_out is None else left_out[:, index])
        for index in range(len(value))
    )


def interval(value: float, resampled: Floats, settings: Resampling, left_out: Floats | None = None) -> Interval:
    """Read the interval of one statistic off its resampled values, NaN where undefined.

    `value` is the statistic of the data, `left_out` its values with each unit left out, which BCa needs. Percentile
    and BCa after Efron and Tibshirani 1993, sections 13.3 and 14.3; quantiles are linearly interpolated.
    """
    defined = resampled[~np.isnan(resampled)]
    undefined = len(resampled) - len(defined)
    tail = (100 - settings.level) / 200
    probabilities: tuple[float, float] | None = (tail, 1 - tail)
    if math.isnan(value) or 2 * undefined > len(resampled):
        probabilities = None
    elif left_out is not None:
        probabilities = _bca_probabilities(value, defined, left_out[~np.isnan(left_out)], tail)
    if probabilities is None:
        return Interval(None, None, undefined)
    low, high = np.quantile(defined, probabilities).tolist()
    return Interval(low, high, undefined)


def _bca_probabilities(value: float, resampled: Floats, left_out: Floats, tail: float) -> tuple[float, float] | None:
    normal = NormalDist()
    below = (np.count_nonzero(resampled < value) + np.count_nonzero(resampled <= value)) / (2 * len(resampled))
    if not 0 < below < 1:
        return None
    bias = normal.inv_cdf(below)
    deviation = left_out.mean() - left_out if len(left_out) else left_out
    spread = float((deviation**2).sum())
    # Where leaving a unit out changes nothing there is nothing to accelerate.
    acceleration = float((deviation**3).sum()) / (6 * spread**1.5) if spread else 0.0

    def corrected(quantile: float) -> float:
        shifted = bias + quantile
        return normal.cdf(bias + shifted / (1 - acceleration * shifted))

    return corrected(normal.inv_cdf(tail)), corrected(-normal.inv_cdf(tail))
