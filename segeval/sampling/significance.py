"""Is one run better than another on the same images: paired bootstrap and approximate randomisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.sampling.columns import Floats
from segeval.sampling.resampling import (
    FEW_UNITS,
    Interval,
    Resampling,
    all_intervals,
    block_sizes,
    bootstrap_weights,
    jackknife,
)
from segeval.sampling.sample import Sample
from segeval.scores.overlap import Value

TIE = 1e-12
"""Differences of two scores that agree to this part of the larger score are the same difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold one score of two runs: `difference` is new minus base, `interval` that of the difference.

    `p` is two-sided by approximate randomisation, `p_bootstrap` by the paired bootstrap; both are in (0, 1] and
    unadjusted for the number of comparisons. What a missing score leaves undefined is `None`.
    """

    base: Value
    new: Value
    difference: Value
    interval: Interval
    p: Value
    p_bootstrap: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold the difference of every score by its name, and of each class's IoU; `units` were drawn from."""

    scores: Mapping[str, Difference]
    iou: tuple[Difference, ...]
    units: int

    @property
    def few_units(self) -> bool:
        """Tell whether the units are too few to trust intervals and p-values."""
        return self.units < FEW_UNITS


def compare(base: Sample, new: Sample, settings: Resampling) -> Comparison:
    """Compare two runs over the same units, score by score.

    Both runs get the same resamples (Koehn 2004). Bootstrap: c = #{|d* - d| >= |d|}, the distribution of d* moved to
    the null hypothesis; randomisation: the runs' results on each unit are swapped with probability 1/2 and
    c = #{|d*| >= |d|} (Noreen 1989; Riezler and Maxwell 2005). p = (c + 1) / (n + 1), never 0, over the n resamples
    that are defined. d* that differs from d by rounding only counts as equal. Raises `UsageError` where the runs do not
    have the same units and statistics.
    """
    _check_paired(base, new)
    whole_base, whole_new = (run.columns.sum(axis=0, keepdims=True) for run in (base, new))
    value_base, value_new = base.statistics(whole_base)[0], new.statistics(whole_new)[0]
    value = value_new - value_base
    unit_count, width = base.columns.shape
    resampled = np.concatenate(
        [
            new.statistics(weights @ new.columns) - base.statistics(weights @ base.columns)
            for weights in bootstrap_weights(unit_count, width, settings)
        ]
    )
    shuffled = np.concatenate(
        [_swapped(base, new, whole_base, whole_new, swapped) for swapped in swaps(unit_count, width, settings)]
    )
    left_out = jackknife(new) - jackknife(base) if settings.method == "bca" else None
    found = all_intervals(value, resampled, left_out, unit_count, settings)
    slack = TIE * np.fmax(np.abs(value_base), np.abs(value_new))
    # One unit is every resample, which would look like certainty.
    enough = unit_count > 1
    observed_base, observed_new = [[*run.observed.values(), *run.observed_iou] for run in (base, new)]
    differences = tuple(
        Difference(
            first,
            second,
            None if first is None or second is None else second - first,
            found[index],
            p_value(abs(value[index]), np.abs(shuffled[:, index]), slack[index]),
            p_value(abs(value[index]), np.abs(resampled[:, index] - value[index]), slack[index]) if enough else None,
        )
        for index, (first, second) in enumerate(zip(observed_base, observed_new, strict=True))
    )
    scores = len(base.observed)
    return Comparison(
        dict(zip(base.observed, differences[:scores], strict=True)), differences[scores:], len(base.units)
    )


def p_value(observed: float, resampled: Floats, slack: float = 0.0) -> Value:
    """Return (c + 1) / (n + 1): c of the n defined `resampled` distances reach `observed`, to within `slack`.

    `None` where `observed` is NaN or more than half of `resampled` are.
    """
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(observed) or 2 * len(defined) < len(resampled):
        return None
    return (int(np.count_nonzero(defined >= observed - slack)) + 1) / (len(defined) + 1)


def swaps(unit_count: int, width: int, settings: Resampling) -> Iterator[Floats]:
    """Draw for each resample which units the two runs swap: blocks of 0 and 1, shape (rows, units).

    The stream is a child of the bootstrap's, so that the two tests do not share their chance.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(settings.seed, spawn_key=(1,))))
    for rows in block_sizes(unit_count, width, settings):
        yield (generator.random((rows, unit_count)) < 0.5).astype(np.float64)


def _swapped(base: Sample, new: Sample, whole_base: Floats, whole_new: Floats, swapped: Floats) -> Floats:
    # Each product is exact, so swapping a set of units and swapping all others give exactly opposite differences.
    from_base, from_new = swapped @ base.columns, swapped @ new.columns
    after_new = new.statistics((whole_new - from_new) + from_base)
    return after_new - base.statistics((whole_base - from_base) + from_new)


def _check_paired(base: Sample, new: Sample) -> None:
    if base.units != new.units:
        raise UsageError(
            "the runs do not hold the same images",
            sorted(set(base.units) ^ set(new.units)),
            "Compare runs of one data set; --keys chooses images that all have",
        )
    if base.layout != new.layout or base.rules != new.rules or list(base.observed) != list(new.observed):
        raise UsageError("the runs are not scored in the same way", (), "Score both under one protocol")
