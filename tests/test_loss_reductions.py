"""What reductions of losses keep: intervals of means, shares of clamped pixels, the balance of positives, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from segeval.protocol.settings import LossSettings
from segeval.scores.losses import Loss, auto_alpha, auto_pos_weight, bce, class_mean, cross_entropy
from segeval.scores.lossums import float_sums
from segeval.tables.levels import LevelHistogram, empty_histogram


def histogram(positives: dict[int, int], negatives: dict[int, int]) -> LevelHistogram:
    found = empty_histogram(256)
    for counts, cells in ((found.positives, positives), (found.negatives, negatives)):
        for level, pixels in cells.items():
            counts[level] = pixels
    return found


def test_the_balance_is_a_quotient() -> None:
    assert auto_pos_weight(2, 6) == 3.0
    assert auto_alpha(2, 6) == 0.75


def test_the_interval_of_a_mean_is_the_mean_of_the_intervals() -> None:
    first, second = (bce(histogram({200: 3}, {level: 5})) for level in (10, 90))
    undefined = bce(empty_histogram(256))
    found = class_mean([first, undefined, second])
    assert first.low is not None
    assert second.low is not None
    assert first.high is not None
    assert second.high is not None
    assert found.low == pytest.approx((first.low + second.low) / 2, rel=1e-15)
    assert found.high == pytest.approx((first.high + second.high) / 2, rel=1e-15)
    assert found.classes == 2


def test_one_class_without_an_interval_leaves_the_mean_without_one() -> None:
    p = np.array([[0.25, 0.75]])
    sums = float_sums(p, np.array([[False, True]]), np.ones((1, 2), bool), LossSettings())
    found = class_mean([bce(histogram({200: 3}, {10: 5})), bce(sums)])
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


def test_the_clamped_share_is_a_share_of_the_elements() -> None:
    found = bce(histogram({0: 1, 128: 1}, {128: 2}))
    assert (found.clamped, found.elements, found.clamped_share) == (1, 4, 0.25)
    assert Loss(None, None, None, False, 0, 0).clamped_share is None


def test_cross_entropy_without_weights_is_the_mean_over_pixels() -> None:
    maps = [histogram({128: 1}, {}), histogram({64: 3}, {})]
    by_hand = -(np.log(128 / 255) + 3 * np.log(64 / 255)) / 4
    assert cross_entropy(maps).value == pytest.approx(by_hand, rel=1e-14)
    doubled = cross_entropy(maps, class_weights=(2.0, 1.0)).value
    assert doubled == pytest.approx(-(2 * np.log(128 / 255) + 3 * np.log(64 / 255)) / 5, rel=1e-14)


def test_an_undefined_loss_has_no_bound_to_lack() -> None:
    found = bce(histogram({0: 4}, {}), pos_weight="auto")
    assert (found.value, found.unbounded, found.classes) == (None, False, 0)
