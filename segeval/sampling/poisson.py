"""The bootstrap of many units: Poisson weights from the seed and a unit's name, in one pass over what units add.

A resample of N units draws each about Poisson(1) times, and more exactly so the more they are (Hanley and MacGibbon
2006, Creating non-parametric bootstrap samples using Poisson frequencies). Weights that rest on a unit's own name need
no order and no state, so blocks of any size, read from a file, give the same sums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.sampling.columns import Floats, grid_of, on_grid
from segeval.sampling.sample import Sample
from segeval.scores.overlap import Value

MOST_DRAWN = 100_000
"""Of so many units indices are drawn, of more weights."""
LARGEST_WEIGHT = 8
CHUNK = 1024
Hashes = NDArray[np.uint64]
SHARES = (24109, 24110, 12055, 4018, 1004, 201, 33, 5, 1)
"""Of 2^16 numbers how many stand for each weight: Poisson(1), with a mean of exactly 1 and a variance of 1.0001."""
WEIGHTS = np.repeat(np.arange(len(SHARES), dtype=np.float64), SHARES)
GOLDEN, FIRST, SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""The constants of SplitMix64 (Steele, Lea and Flood 2014)."""


def hashes_of(names: Iterable[str]) -> Hashes:
    """Return 64 bits of each name."""
    parts = (hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(parts), "<u8").astype(np.uint64)


def poisson_weights(hashes: Hashes, resamples: int, seed: int) -> Floats:
    """Return how often each unit enters each resample, shape (units, resamples)."""
    words = _words(hashes, -(-resamples // 4), seed, stream=0)
    weights: Floats = WEIGHTS[words.view("<u2").reshape(len(hashes), -1)[:, :resamples]]
    return weights


def swapped_units(hashes: Hashes, resamples: int, seed: int) -> Floats:
    """Tell of each unit and resample whether the runs swap it, 0 or 1, shape (units, resamples)."""
    words = _words(hashes, -(-resamples // 64), seed, stream=1)
    bits = np.unpackbits(words.view(np.uint8).reshape(len(hashes), -1), axis=1)[:, :resamples]
    return bits.astype(np.float64)


def _words(hashes: Hashes, count: int, seed: int, *, stream: int) -> NDArray[np.uint64]:
    """Return `count` numbers of 64 bits of each unit, little-endian: SplitMix64, started from name, seed and stream."""
    start = int.from_bytes(hashlib.blake2b(f"{seed} {stream}".encode(), digest_size=8).digest(), "little")
    with np.errstate(over="ignore"):
        found = _mixed(hashes ^ np.uint64(start))[:, None] + np.arange(1, count + 1, dtype=np.uint64)[None] * GOLDEN
    return np.ascontiguousarray(_mixed(found), "<u8")


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        words = (words ^ (words >> np.uint64(30))) * FIRST
        words = (words ^ (words >> np.uint64(27))) * SECOND
        return words ^ (words >> np.uint64(31))


@dataclass(frozen=True, slots=True, eq=False)
class LargeSample:
    """Hold a sample of so many units that what they add is made again, block by block, wherever it is read.

    `model` has the statistics and the scores of the data; `make` yields the columns of the units in their order, and
    `grid` is what each column is rounded to, so that no sum of weighted units is rounded.
    """

    model: Sample
    hashes: Hashes
    make: Callable[[], Iterator[Floats]]
    grid: NDArray[np.intp]

    @property
    def observed(self) -> Mapping[str, Value]:
        """Return the scores of the data as it is."""
        return self.model.observed

    @property
    def count(self) -> int:
        """Return the number of units."""
        return len(self.hashes)

    def chunks(self) -> Iterator[tuple[Hashes, Floats]]:
        """Yield hashes and columns of the units in chunks that are the same however the blocks are."""
        start, held = 0, np.zeros((0, self.model.columns.shape[1]))
        for block in self.make():
            held = np.concatenate([held, on_grid(block, self.grid)])
            while len(held) >= CHUNK:
                yield self.hashes[start : start + CHUNK], held[:CHUNK]
                start, held = start + CHUNK, held[CHUNK:]
        if len(held):
            yield self.hashes[start:], held


def is_large(data: Sample | LargeSample) -> bool:
    """Tell whether weights are drawn for the units of a sample, and not indices."""
    return unit_count(data) > MOST_DRAWN


def unit_count(data: Sample | LargeSample) -> int:
    """Return the number of units of a sample."""
    return len(data.units) if isinstance(data, Sample) else data.count


def large_sample(model: Sample, hashes: Hashes, make: Callable[[], Iterator[Floats]]) -> LargeSample:
    """Return the sample of units whose columns `make` yields; they are read once to find their largest values."""
    largest = np.zeros(model.columns.shape[1])
    for block in make():
        if len(block):
            largest = np.fmax(largest, np.abs(block).max(axis=0))
    return LargeSample(model, hashes, make, grid_of(largest, LARGEST_WEIGHT * len(hashes)))


def as_large(data: Sample) -> LargeSample:
    """Return a sample in memory as one that is read by the block."""
    return large_sample(data, hashes_of(data.units), lambda: iter([data.columns]))


def weighted_sums(
    samples: Sequence[LargeSample], weights: Callable[[Hashes], Floats], resamples: int
) -> tuple[list[Floats], list[Floats]]:
    """Return the sums of each sample, shape (1, M), and of its resamples, (R, M), all under the same weights."""
    widths = [one.model.columns.shape[1] for one in samples]
    whole, drawn = ([np.zeros((rows, width)) for width in widths] for rows in (1, resamples))
    for parts in zip(*(one.chunks() for one in samples), strict=True):
        chosen = weights(parts[0][0]).T
        for place, (_, columns) in enumerate(parts):
            whole[place] += columns.sum(axis=0)
            some = columns.any(axis=0)  # most classes are in few images
            if some.all():
                drawn[place] += chosen @ columns
            else:
                drawn[place][:, some] += chosen @ columns[:, some]
    return whole, drawn
