"""Sums of many numbers that come by the block, each rounded once: what `math.fsum` of all of them would give."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

MANTISSA = 53
LOW_BITS = 27
"""Mantissas are added in two parts, so that the float64 sums of a block's 2^26 parts are exact."""
LEAST = -1073
"""The exponent of the least number there is."""


class ExactSums:
    """Add numbers by their label, of which there are `size`; what is kept does not grow with the numbers."""

    def __init__(self, size: int) -> None:
        self._sums = [0] * size  # in units of 2^(LEAST - MANTISSA)
        self.counts = np.zeros(size, np.int64)

    def add(self, labels: NDArray[np.integer[Any]], values: NDArray[np.float64]) -> None:
        """Add finite numbers, at most 2^26 at once, each to the sum of its label."""
        size = len(self._sums)
        self.counts += np.bincount(labels, minlength=size)
        if not len(values):
            return
        mantissas, exponents = np.frexp(values)
        whole = np.ldexp(mantissas, MANTISSA).astype(np.int64)
        first = int(exponents.min())
        keys = (exponents - first).astype(np.int64) * size + labels
        high = np.bincount(keys, weights=(whole >> LOW_BITS).astype(np.float64))
        low = np.bincount(keys, weights=(whole & ((1 << LOW_BITS) - 1)).astype(np.float64))
        for key in np.flatnonzero((high != 0) | (low != 0)).tolist():
            exponent, label = divmod(key, size)
            total = (int(high[key]) << LOW_BITS) + int(low[key])
            self._sums[label] += total << (first + exponent - LEAST)

    def add_times(self, value: float, times: NDArray[np.int64]) -> None:
        """Add 0 or 1 as often as is said, to the sum of each label."""
        self.counts += times
        if value:
            for label, count in enumerate(times.tolist()):
                self._sums[label] += count << (MANTISSA - LEAST)

    def sums(self) -> list[float]:
        """Return the sums, each rounded to the nearest float64."""
        unit = 1 << (MANTISSA - LEAST)
        return [total / unit for total in self._sums]

    def running(self) -> list[float]:
        """Return the sums of each label and all before it, each rounded to the nearest float64."""
        unit = 1 << (MANTISSA - LEAST)
        return [total / unit for total in accumulate(self._sums)]

    def means(self) -> tuple[float | None, ...]:
        """Return the mean of each label's numbers, `None` where there is none."""
        counted = zip(self.sums(), self.counts.tolist(), strict=True)
        return tuple(total / count if count else None for total, count in counted)
