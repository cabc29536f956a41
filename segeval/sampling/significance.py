"""Is one run better than another on the same images: paired bootstrap and approximate randomisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.sampling.columns import Floats
from segeval.sampling.poisson import (
    LargeSample,
    as_large,
    hashes_of,
    is_large,
    poisson_weights,
    swapped_units,
    weighted_sums,
)
from segeval.sampling.resampling import (
    FEW_UNITS,
    Interval,
    Resampling,
    all_intervals,
    block_sizes,
    bootstrap_weights,
    jackknife,
    require_percentile,
)
from segeval.sampling.sample import Sample
from segeval.scores.overlap import Value

SAME_IMAGES = "Compare runs of one data set; --keys chooses images that all have"
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


def compare(base: Sample | LargeSample, new: Sample | LargeSample, settings: Resampling) -> Comparison:
    """Compare two runs over the same units, score by score.

    Both runs get the same resamples (Koehn 2004). Bootstrap: c = #{|d* - d| >= |d|}, the distribution of d* moved to
    the null hypothesis; randomisation: the runs' results on each unit are swapped with probability 1/2 and
    c = #{|d*| >= |d|} (Noreen 1989; Riezler and Maxwell 2005). p = (c + 1) / (n + 1), never 0, over the n resamples
    that are defined. d* that differs from d by rounding only counts as equal. Raises `UsageError` where the runs do not
    have the same units and statistics.
    """
    _check_paired(base, new)
    if is_large(base) and is_large(new):
        return _compared_large(base, new, settings)
    assert isinstance(base, Sample)
    assert isinstance(new, Sample)
    whole_base, whole_new = (run.columns.sum(axis=0, keepdims=True) for run in (base, new))
    unit_count, width = base.columns.shape
    values = base.statistics(whole_base)[0], new.statistics(whole_new)[0]
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
    found = all_intervals(values[1] - values[0], resampled, left_out, unit_count, settings)
    return _differences(base, new, values, _Drawn(resampled, shuffled, found), len(base.units))


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Hold differences of resamples and of swapped runs, (R, S) each, and the intervals read off the former."""

    resampled: Floats
    shuffled: Floats
    intervals: tuple[Interval, ...]


def _compared_large(base: Sample | LargeSample, new: Sample | LargeSample, settings: Resampling) -> Comparison:
    """Compare over so many units that both tests take weights from their names, in one pass each."""
    require_percentile(settings)
    sides = [as_large(one) if isinstance(one, Sample) else one for one in (base, new)]
    models = [side.model for side in sides]
    drawn = partial(poisson_weights, resamples=settings.resamples, seed=settings.seed)
    whole, sums = weighted_sums(sides, drawn, settings.resamples)
    values = models[0].statistics(whole[0])[0], models[1].statistics(whole[1])[0]
    resampled = models[1].statistics(sums[1]) - models[0].statistics(sums[0])
    swapped = partial(swapped_units, resamples=settings.resamples, seed=settings.seed)
    _, (from_base, from_new) = weighted_sums(sides, swapped, settings.resamples)
    after = whole[0] - from_base + from_new, whole[1] - from_new + from_base
    shuffled = models[1].statistics(after[1]) - models[0].statistics(after[0])
    found = all_intervals(values[1] - values[0], resampled, None, sides[0].count, settings)
    return _differences(models[0], models[1], values, _Drawn(resampled, shuffled, found), sides[0].count)


def _differences(base: Sample, new: Sample, values: tuple[Floats, Floats], drawn: _Drawn, units: int) -> Comparison:
    value = values[1] - values[0]
    slack = TIE * np.fmax(np.abs(values[0]), np.abs(values[1]))
    # One unit is every resample, which would look like certainty.
    enough = units > 1
    observed_base, observed_new = [[*run.observed.values(), *run.observed_iou] for run in (base, new)]
    differences = tuple(
        Difference(
            first,
            second,
            None if first is None or second is None else second - first,
            drawn.intervals[index],
            p_value(abs(value[index]), np.abs(drawn.shuffled[:, index]), slack[index]),
            p_value(abs(value[index]), np.abs(drawn.resampled[:, index] - value[index]), slack[index])
            if enough
            else None,
        )
        for index, (first, second) in enumerate(zip(observed_base, observed_new, strict=True))
    )
    scores = len(base.observed)
    return Comparison(dict(zip(base.observed, differences[:scores], strict=True)), differences[scores:], units)


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


def _check_paired(base: Sample | LargeSample, new: Sample | LargeSample) -> None:
    one, other = (data if isinstance(data, Sample) else data.model for data in (base, new))
    if isinstance(base, Sample) and isinstance(new, Sample):
        if base.units != new.units:
            raise UsageError(
                "the runs do not hold the same images",
                sorted(set(base.units) ^ set(new.units)),
                SAME_IMAGES,
            )
    else:
        first, second = (hashes_of(side.units) if isinstance(side, Sample) else side.hashes for side in (base, new))
        if not np.array_equal(first, second):
            raise UsageError("the runs do not hold the same images", (), SAME_IMAGES)
    if one.layout != other.layout or one.rules != other.rules or list(one.observed) != list(other.observed):
        raise UsageError("the runs are not scored in the same way", (), "Score both under one protocol")
