"""Slices of a data set: images grouped by what is told of them, and whether a slice differs from the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.sampling.columns import Floats
from segeval.sampling.resampling import Resampling, block_sizes
from segeval.sampling.sample import Sample
from segeval.sampling.significance import TIE, p_value
from segeval.scores.overlap import Value


@dataclass(frozen=True, slots=True)
class Slice:
    """Name one slice and hold the positions of its images, ascending."""

    name: str
    images: tuple[int, ...]


def by_value(values: Sequence[str]) -> tuple[Slice, ...]:
    """Group images whose value is the same text, in the order of the texts."""
    members: dict[str, list[int]] = {}
    for image, value in enumerate(values):
        members.setdefault(value, []).append(image)
    return tuple(Slice(name, tuple(members[name])) for name in sorted(members))


def by_number(values: Sequence[float], bins: int) -> tuple[Slice, ...]:
    """Group images into at most `bins` ranges of about as many images each, named by their least and greatest value.

    A range ends at one of the quantiles 1/bins, 2/bins, ..., each the least value that so many images do not exceed;
    equal values share a range, so that ties leave fewer ranges.
    """
    numbers = np.array(values, np.float64)
    shares = np.arange(1, bins) / bins
    ends = np.unique(np.quantile(numbers, shares, method="inverted_cdf"))
    place = np.searchsorted(ends, numbers, side="left")
    found = []
    for at in np.unique(place).tolist():
        images = np.flatnonzero(place == at)
        name = "..".join(dict.fromkeys((_plain(numbers[images].min()), _plain(numbers[images].max()))))
        found.append(Slice(name, tuple(images.tolist())))
    return tuple(found)


def _plain(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


def permutation_p(data: Sample, inside: NDArray[np.bool_], settings: Resampling) -> tuple[Value, ...]:
    """Test each statistic for a difference between the units `inside` a slice, shape (units,), and the rest.

    Approximate randomisation: which units are inside is permuted `resamples` times, and p = (c + 1) / (n + 1), where c
    of the n permutations in which the difference is defined reach it in size (Noreen 1989). Two-sided, never 0, and
    unadjusted. `None` where a statistic is undefined on a side, and where either side is empty.
    """
    whole = data.columns.sum(axis=0, keepdims=True)

    def sides(chosen: Floats) -> tuple[Floats, Floats]:
        sums = chosen @ data.columns
        return data.statistics(sums), data.statistics(whole - sums)

    first, second = (side[0] for side in sides(inside[None].astype(np.float64)))
    if inside.all() or not inside.any():
        return (None,) * len(first)
    drawn = [np.subtract(*sides(chosen)) for chosen in _permutations(inside, data.columns.shape[1], settings)]
    shuffled = np.abs(np.concatenate(drawn))
    slack = TIE * np.fmax(np.abs(first), np.abs(second))
    observed = np.abs(first - second)
    return tuple(p_value(observed[index], shuffled[:, index], slack[index]) for index in range(len(observed)))


def _permutations(inside: NDArray[np.bool_], width: int, settings: Resampling) -> Iterator[Floats]:
    """Draw which units are inside: blocks of 0 and 1, shape (rows, units), from a child of the bootstrap's stream."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(settings.seed, spawn_key=(2,))))
    for rows in block_sizes(len(inside), width, settings):
        yield generator.permuted(np.tile(inside.astype(np.float64), (rows, 1)), axis=1)


def holm(p_values: Sequence[Value]) -> tuple[Value, ...]:
    """Adjust p-values for their number by Holm's step-down method (Holm 1979); `None` stays and does not count."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[Value] = [None] * len(p_values)
    reached = 0.0
    for rank, (p, index) in enumerate(known):
        reached = max(reached, min(1.0, (len(known) - rank) * p))
        adjusted[index] = reached
    return tuple(adjusted)
