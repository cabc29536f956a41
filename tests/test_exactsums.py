"""Sums by the block are those of `math.fsum`, whatever the numbers and the blocks."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.scores.exactsums import ExactSums
from tests.support.properties import examples

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(st.lists(st.tuples(st.integers(0, 2), numbers), max_size=30), st.integers(0, 30))
@settings(max_examples=examples())
def test_sums_are_those_of_fsum(values: list[tuple[int, float]], cut: int) -> None:
    sums = ExactSums(3)
    for part in (values[:cut], values[cut:]):
        sums.add(np.array([label for label, _ in part], np.int64), np.array([value for _, value in part], np.float64))
    for label in range(3):
        mine = [value for of, value in values if of == label]
        assert sums.sums()[label] == math.fsum(mine)
        assert sums.means()[label] == (math.fsum(mine) / len(mine) if mine else None)


def test_ones_and_zeros_are_added_as_often_as_is_said() -> None:
    sums = ExactSums(2)
    sums.add_times(1.0, np.array([3, 0]))
    sums.add_times(0.0, np.array([1, 2]))
    sums.add(np.array([0]), np.array([0.5]))
    assert sums.means() == (3.5 / 5, 0.0)
