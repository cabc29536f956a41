"""Losses of stored probabilities: undefined and saturated cases first, then figures that are not ours."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError, SegevalError, UsageError
from segeval.protocol.labeling import NO_PREDICTION, SegmentationClass, value_map
from segeval.protocol.settings import Eps, LossSettings, resolve_eps
from segeval.scores import lossums as floatmaps
from segeval.scores.losses import (
    Loss,
    auto_alpha,
    auto_class_weights,
    auto_pos_weight,
    bce,
    class_mean,
    cross_entropy,
    focal,
    focal_cross_entropy,
)
from segeval.scores.lossums import FloatSums, combine, float_sums
from segeval.tables.counts import joint_counts
from segeval.tables.levels import LevelHistogram, LevelTable, add, count_levels, empty_histogram, level_histogram
from tests.support.properties import examples

VOID = 255
CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val"
needs_camvid = pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid maps are not here")

Pixels = list[tuple[int, int]]


def histogram(pixels: Pixels, levels: int = 256) -> LevelHistogram:
    """Count (level, ground truth) pixels; 1 is positive, 255 void, everything else negative."""
    table = LevelTable(1, ignore=(VOID,), levels=levels)
    prob = np.array([level for level, _ in pixels], np.uint16)
    table.update(prob, np.array([gt for _, gt in pixels], np.int64))
    return table.histogram


def naive_pixel(p: float, positive: bool, gamma: float, eps: float | str) -> float:
    """Return (1 - p_t)^gamma (-ln p_t) of one pixel, clamped as CONVENTIONS has it."""
    if not isinstance(eps, str):
        p = min(max(p, eps), 1 - eps)
    if positive:
        return math.pow(1 - p, gamma) * -(max(math.log(p), -100) if p > 0 else -100)
    return math.pow(p, gamma) * -(max(math.log1p(-p), -100) if p < 1 else -100)


def used_eps(eps: Eps, levels: int) -> float | str:
    return 0.5 / (levels - 1) if eps is None or eps == "half-step" else eps


def value(loss: Loss) -> float:
    assert loss.value is not None
    return loss.value


def levels_of(top: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from([0, 1, top // 2, top - 1, top]), st.integers(0, top))


def pixel_lists(top: int) -> st.SearchStrategy[Pixels]:
    return st.lists(st.tuples(levels_of(top), st.sampled_from([0, 1, VOID])), min_size=1, max_size=30)


maps = st.sampled_from([256, 65536]).flatmap(lambda levels: st.tuples(st.just(levels), pixel_lists(levels - 1)))
gammas = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0, 6))
epsilons = st.one_of(st.sampled_from(["half-step", "torch", 1e-7, None]), st.floats(1e-9, 0.4))


class TestUndefined:
    def test_no_pixel_has_no_loss(self) -> None:
        for loss in (bce(empty_histogram(256)), focal(empty_histogram(65536)), cross_entropy([empty_histogram(256)])):
            assert loss == Loss(None, None, None, False, 0, 0, 0)
            assert loss.clamped_share is None

    def test_void_and_unknown_pixels_are_no_pixels(self) -> None:
        lookup = value_map([SegmentationClass(0, "a"), SegmentationClass(1, "b")], ignore=[VOID])
        table = joint_counts(gt=np.array([VOID, 7, 7]), pred=np.array([0, 200, 255]))
        assert level_histogram(table, lookup, 1, 256) == empty_histogram(256)

    def test_no_class_has_no_cross_entropy_and_no_mean(self) -> None:
        assert cross_entropy([]).value is None
        assert class_mean([]) == Loss(None, None, None, False, 0, 0, 0)

    @pytest.mark.parametrize("gt", [0, 1])
    def test_auto_needs_positives_and_negatives(self, gt: int) -> None:
        one_sided = histogram([(100, gt), (0, gt)])
        assert bce(one_sided, pos_weight="auto").value is None
        assert focal(one_sided, alpha="auto").value is None
        assert bce(one_sided).value is not None
        assert focal(one_sided).value is not None
        assert auto_pos_weight(3, 0) is auto_pos_weight(0, 3) is auto_alpha(3, 0) is auto_alpha(0, 3) is None

    def test_the_mean_leaves_undefined_classes_out_and_says_how_many_are_left(self) -> None:
        two_sided, one_sided = histogram([(204, 1), (51, 0)]), histogram([(51, 0), (51, 0)])
        mean = class_mean([bce(part, pos_weight="auto") for part in (two_sided, one_sided, two_sided)])
        assert (mean.classes, mean.elements) == (2, 4)
        assert value(mean) == pytest.approx(-math.log(0.8), rel=1e-15)

    def test_weights_on_absent_classes_alone_leave_nothing_to_divide_by(self) -> None:
        sources = [histogram([(51, 1)]), empty_histogram(256)]
        assert cross_entropy(sources, class_weights=(0.0, 1.0)).value is None

    def test_a_perfect_loss_is_zero_not_minus_zero(self) -> None:
        perfect = histogram([(255, 1), (0, 0)])
        for loss in (bce(perfect, eps="torch"), focal(perfect, eps="torch"), cross_entropy([perfect], eps="torch")):
            assert str(loss.value) == str(loss.low) == "0.0"


class TestRefused:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"gamma": -0.1},
            {"gamma": math.inf},
            {"gamma": math.nan},
            {"alpha": -0.1},
            {"alpha": 1.1},
            {"alpha": "none"},
            {"pos_weight": 0},
            {"pos_weight": math.inf},
            {"pos_weight": math.nan},
            {"pos_weight": "half"},
            {"eps": 0},
            {"eps": 0.5},
            {"eps": 1e-17},
            {"eps": math.nan},
            {"eps": "keras"},
            {"eps": True},
            {"class_weights": ()},
            {"class_weights": (0.0, 0.0)},
            {"class_weights": (1.0, -1.0)},
            {"class_weights": (1.0, math.nan)},
            {"class_weights": "balanced"},
        ],
    )
    def test_settings_that_mean_nothing(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            LossSettings(**wrong)

    def test_the_same_values_are_refused_by_the_losses(self) -> None:
        source = histogram([(51, 1)])
        calls: list[Callable[[], Loss]] = [
            lambda: bce(source, pos_weight=0),
            lambda: bce(source, eps=0.7),
            lambda: focal(source, gamma=-1),
            lambda: focal(source, alpha=2),
            lambda: cross_entropy([source], class_weights=(-1.0,)),
            lambda: cross_entropy([source], class_weights=(1.0, 1.0)),
        ]
        for call in calls:
            with pytest.raises(UsageError):
                call()

    def test_settings_that_mean_something(self) -> None:
        LossSettings(gamma=0, alpha=0, pos_weight=1e-9, eps=0.49, class_weights=(0.0, 3.0))
        LossSettings(alpha="auto", pos_weight="auto", eps="torch", class_weights="auto")
        LossSettings(alpha=None, eps="half-step")

    def test_half_a_step_of_floats(self) -> None:
        with pytest.raises(UsageError, match="half-step"):
            float_sums(np.zeros((1, 1)), np.ones((1, 1), bool), np.ones((1, 1), bool), LossSettings(eps="half-step"))

    def test_sums_asked_for_what_they_do_not_hold(self) -> None:
        sums = FloatSums(2.0, 1e-7, n_pos=1, bce_pos=3.0, focal_pos=2.0)
        assert value(bce(sums)) == value(bce(sums, eps=1e-7)) == 3.0
        assert value(focal(sums, gamma=2, alpha=None)) == 2.0
        for call in (
            lambda: bce(sums, eps="torch"),
            lambda: bce(sums, eps="half-step"),
            lambda: focal(sums, gamma=1),
            lambda: combine([sums, FloatSums(1.0, 1e-7)]),
            lambda: combine([sums, FloatSums(2.0, "torch")]),
            lambda: combine([]),
        ):
            with pytest.raises(UsageError):
                call()

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1e-9, 1.0000001, 255.0])
    def test_floats_that_are_no_probabilities(self, bad: float) -> None:
        prob = np.array([[0.5, bad]])
        everything, first = np.ones((1, 2), bool), np.array([[True, False]])
        with pytest.raises(MaskError, match=r"outside \[0, 1\]"):
            float_sums(prob, everything, everything, LossSettings())
        assert float_sums(prob, everything, first, LossSettings()).n_pos == 1

    def test_maps_of_another_type_or_shape(self) -> None:
        yes = np.ones((2, 2), bool)
        wrong: Sequence[tuple[Any, ...]] = [
            (float_sums, np.zeros((2, 2), np.int32), yes, yes, LossSettings()),
            (float_sums, np.zeros((2, 2), bool), yes, yes, LossSettings()),
            (float_sums, np.zeros((2, 2), np.longdouble), yes, yes, LossSettings()),
            (float_sums, np.zeros((2, 3)), yes, yes, LossSettings()),
            (float_sums, np.zeros((2, 2)), yes, yes[:1], LossSettings()),
            (LevelTable().update, np.zeros((2, 2)), yes),
            (LevelTable().update, np.zeros((2, 3), np.uint8), yes),
            (LevelTable().update, np.full((2, 2), 256, np.uint16), yes),
        ]
        for call, *arguments in wrong:
            with pytest.raises(MaskError):
                call(*arguments)

    @pytest.mark.parametrize("level", [-1, 256, NO_PREDICTION])
    def test_a_predicted_value_that_is_no_level(self, level: int) -> None:
        lookup = value_map([SegmentationClass(0, "a")])
        with pytest.raises(MaskError, match=r"not a level of 0\.\.255"):
            level_histogram(joint_counts(gt=np.array([0]), pred=np.array([level])), lookup, 0, 256)

    def test_histograms_of_another_size(self) -> None:
        with pytest.raises(UsageError, match="shape"):
            empty_histogram(100)
        with pytest.raises(UsageError, match="8 and of 16"):
            add(empty_histogram(256), empty_histogram(65536))

    def test_every_refusal_says_how_to_mend_it(self) -> None:
        with pytest.raises(SegevalError) as refusal:
            LossSettings(gamma=-1)
        assert refusal.value.fix


class TestSaturated:
    """What a pixel costs whose map is certain and wrong."""

    @pytest.mark.parametrize(
        ("levels", "eps", "cost"),
        [
            (256, "torch", 100.0),
            (65536, "torch", 100.0),
            (256, 1e-7, 16.118095650958319),
            (256, "half-step", 6.234410725718371),
            (256, None, 6.234410725718371),
            (65536, "half-step", 11.78348681061359),
        ],
    )
    def test_positive_at_zero_and_negative_at_one(self, levels: int, eps: Eps, cost: float) -> None:
        for wrong in ((0, 1), (levels - 1, 0)):
            loss = bce(histogram([wrong], levels), eps=eps)
            assert value(loss) == pytest.approx(cost, rel=1e-9)  # 1 - 1e-7 in float64 is off by 5e-10
            assert (loss.clamped, loss.clamped_share) == (1, 1.0)
            assert loss.unbounded
            assert loss.high == 100.0
            assert loss.low == pytest.approx(math.log(2 * (levels - 1)), rel=1e-10)

    def test_certain_and_right_costs_nothing_under_torch_and_a_little_under_eps(self) -> None:
        right = histogram([(255, 1), (0, 0)])
        assert bce(right, eps="torch").clamped == 0
        assert bce(right, eps="half-step").clamped == 2
        assert value(bce(right)) == pytest.approx(-math.log(1 - 1 / 510), rel=1e-12)
        assert not bce(right).unbounded

    def test_a_float_below_the_clamp_counts_as_clamped(self) -> None:
        prob, yes = np.array([[1e-50, 1e-40]]), np.ones((1, 2), bool)
        sums = float_sums(prob, yes, yes, LossSettings())
        assert (sums.eps, sums.clamped_pos) == ("torch", 1)
        assert sums.bce_pos == pytest.approx(100 + 40 * math.log(10), rel=1e-14)

    def test_eps_moves_p_in_every_factor(self) -> None:
        # (1 - eps)^2 ln(1/eps), where torch's clamp leaves the factor at 1.
        assert value(focal(histogram([(0, 1)]), alpha=None, eps=0.1)) == pytest.approx(0.81 * math.log(10), rel=1e-12)
        assert value(focal(histogram([(0, 1)]), alpha=None, eps="torch")) == 100.0


class TestByHand:
    # p = 0.8 and 0.2 of positives, 0.2 and 1 of negatives; the void pixel would cost most.
    pixels: ClassVar[Pixels] = [(204, 1), (51, 1), (51, 0), (255, 0), (0, VOID)]
    near, far = -math.log(0.8), -math.log(0.2)

    def test_bce(self) -> None:
        source = histogram(self.pixels)
        assert value(bce(source)) == pytest.approx((2 * self.near + self.far + math.log(510)) / 4, rel=1e-12)
        assert value(bce(source, eps="torch")) == pytest.approx((2 * self.near + self.far + 100) / 4, rel=1e-12)
        weighted = (3 * (self.near + self.far) + self.near + 100) / 4
        assert value(bce(source, pos_weight=3, eps="torch")) == pytest.approx(weighted, rel=1e-12)
        assert bce(source).elements == 4

    def test_focal(self) -> None:
        positives, negatives = 0.04 * self.near + 0.64 * self.far, 0.04 * self.near + 100
        source = histogram(self.pixels)
        assert value(focal(source, eps="torch")) == pytest.approx((positives + 3 * negatives) / 16, rel=1e-12)
        assert value(focal(source, alpha=None, eps="torch")) == pytest.approx((positives + negatives) / 4, rel=1e-12)

    def test_auto_is_the_balance_of_the_ground_truth(self) -> None:
        source = histogram([(204, 1), (51, 0), (51, 0), (51, 0)])
        assert (auto_pos_weight(1, 3), auto_alpha(1, 3)) == (3.0, 0.75)
        assert bce(source, pos_weight="auto") == bce(source, pos_weight=3)
        assert focal(source, alpha="auto") == focal(source, alpha=0.75)

    def test_cross_entropy_divides_by_the_weights_of_the_pixels(self) -> None:
        # Class 0 has one pixel at 0.8; class 1 two at 0.2, and a negative that must not enter.
        sources = [histogram([(204, 1), (255, 0)]), histogram([(51, 1), (51, 1), (255, 0)])]
        assert value(cross_entropy(sources)) == pytest.approx((self.near + 2 * self.far) / 3, rel=1e-12)
        weighted = (4 * self.near + 2 * self.far) / 6
        assert value(cross_entropy(sources, class_weights=(4, 1))) == pytest.approx(weighted, rel=1e-12)
        focal_sum = 0.04 * self.near + 2 * 0.64 * self.far
        assert value(focal_cross_entropy(sources)) == pytest.approx(focal_sum / 3, rel=1e-12)
        assert (cross_entropy(sources).elements, cross_entropy(sources).classes) == (3, 2)
        assert not cross_entropy(sources).unbounded

    def test_auto_class_weights_average_the_classes_that_exist(self) -> None:
        assert auto_class_weights([1, 3, 0]) == (2.0, 4 / 6, 0.0)
        sources = [histogram([(204, 1)]), histogram([(51, 1)] * 3), empty_histogram(256)]
        loss = cross_entropy(sources, class_weights="auto")
        assert value(loss) == pytest.approx((self.near + self.far) / 2, rel=1e-12)
        assert loss.classes == 2

    def test_keras_binary_focal_has_no_alpha_and_clips_p(self) -> None:
        # keras.losses.BinaryFocalCrossentropy(gamma=2): p clipped to [1e-7, 1 - 1e-7], then the mean.
        clipped = [min(max(level / 255, 1e-7), 1 - 1e-7) for level, gt in self.pixels if gt != VOID]
        p_t = [p if gt == 1 else 1 - p for p, (_, gt) in zip(clipped, self.pixels, strict=False)]
        expected = sum((1 - p) ** 2 * -math.log(p) for p in p_t) / 4
        assert value(focal(histogram(self.pixels), alpha=None, eps=1e-7)) == pytest.approx(expected, rel=1e-11)


class TestAgainstALoopOverPixels:
    @given(maps, gammas, st.one_of(st.none(), st.floats(0, 1)), st.floats(0.01, 100), epsilons)
    def test_binary(
        self, drawn: tuple[int, Pixels], gamma: float, alpha: float | None, pos_weight: float, eps: Eps
    ) -> None:
        levels, pixels = drawn
        source, used = histogram(pixels, levels), used_eps(eps, levels)
        valid = [(level / (levels - 1), gt == 1) for level, gt in pixels if gt != VOID]
        if not valid:
            assert bce(source, eps=eps).value is focal(source, eps=eps).value is None
            return
        weights = {True: 1.0, False: 1.0} if alpha is None else {True: alpha, False: 1 - alpha}
        bce_sum = sum((pos_weight if y else 1.0) * naive_pixel(p, y, 0, used) for p, y in valid)
        focal_sum = sum(weights[y] * naive_pixel(p, y, gamma, used) for p, y in valid)
        assert value(bce(source, pos_weight=pos_weight, eps=eps)) == pytest.approx(
            bce_sum / len(valid), rel=1e-12, abs=0
        )
        assert value(focal(source, gamma=gamma, alpha=alpha, eps=eps)) == pytest.approx(
            focal_sum / len(valid), rel=1e-12, abs=1e-300
        )
        if isinstance(used, str):
            wrong = sum(p == 0 if y else p == 1 for p, y in valid)
        else:
            wrong = sum(min(max(p, used), 1 - used) != p for p, _ in valid)
        assert bce(source, eps=eps).clamped == focal(source, eps=eps).clamped == wrong

    @given(
        st.lists(st.tuples(st.sampled_from([0, 1, 2, VOID]), *[levels_of(255)] * 3), min_size=1, max_size=30),
        st.tuples(*[st.floats(0.01, 100)] * 3),
        gammas,
        epsilons,
    )
    def test_true_class(
        self, pixels: list[tuple[int, ...]], weights: tuple[float, ...], gamma: float, eps: Eps
    ) -> None:
        gt = np.array([pixel[0] for pixel in pixels])
        tables = [LevelTable(k, ignore=(VOID,)) for k in range(3)]
        for k, table in enumerate(tables):
            table.update(np.array([pixel[k + 1] for pixel in pixels], np.uint8), gt)
        valid = [(pixel[0], pixel[pixel[0] + 1] / 255) for pixel in pixels if pixel[0] != VOID]
        plain, focused = (
            cross_entropy(tables, class_weights=weights, eps=eps),
            focal_cross_entropy(tables, gamma=gamma, class_weights=weights, eps=eps),
        )
        if not valid:
            assert plain.value is focused.value is None
            return
        used, whole = used_eps(eps, 256), sum(weights[k] for k, _ in valid)
        for loss, exponent in ((plain, 0.0), (focused, gamma)):
            expected = sum(weights[k] * naive_pixel(p, True, exponent, used) for k, p in valid) / whole
            assert value(loss) == pytest.approx(expected, rel=1e-12, abs=1e-300)
            assert loss.elements == len(valid)

    @given(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.lists(
            st.tuples(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), st.sampled_from([0, 1, VOID])),
            min_size=1,
            max_size=30,
        ),
        gammas,
        st.sampled_from([None, "torch", 1e-7, 0.01]),
    )
    def test_floats(
        self, kind: type[np.floating[Any]], pixels: list[tuple[float, int]], gamma: float, eps: Eps
    ) -> None:
        prob, gt = np.array([[p for p, _ in pixels]], kind), np.array([[y for _, y in pixels]])
        sums = float_sums(prob, gt == 1, gt != VOID, LossSettings(gamma=gamma, eps=eps))
        used = "torch" if eps is None else eps
        stored = [(float(p), y) for p, y in zip(prob[0], gt[0].tolist(), strict=True)]
        for y, suffix in ((1, "pos"), (0, "neg")):
            side = [p for p, label in stored if label == y]
            expected = {
                "n": len(side),
                "bce": math.fsum(naive_pixel(p, y == 1, 0, used) for p in side),
                "focal": math.fsum(naive_pixel(p, y == 1, gamma, used) for p in side),
                "brier": math.fsum((p - y) ** 2 for p in side),
                "mae": math.fsum(abs(p - y) for p in side),
            }
            found = {name: getattr(sums, f"{name}_{suffix}") for name in expected}
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


class TestInterval:
    """[low, high] is what the loss can have been before p was rounded to a level."""

    @given(maps, gammas, st.floats(0, 1), st.floats(0.01, 100), epsilons, st.randoms(use_true_random=False))
    def test_it_holds_the_figure_and_the_loss_of_any_p_within_half_a_step(
        self,
        drawn: tuple[int, Pixels],
        gamma: float,
        alpha: float,
        pos_weight: float,
        eps: Eps,
        chance: random.Random,
    ) -> None:
        levels, pixels = drawn
        source = histogram(pixels, levels)
        unrounded = [
            (
                min(1.0, max(0.0, (level + chance.choice([-0.5, 0.5, chance.uniform(-0.5, 0.5)])) / (levels - 1))),
                gt == 1,
            )
            for level, gt in pixels
            if gt != VOID
        ]
        for loss, exponent, weights in (
            (bce(source, pos_weight=pos_weight, eps=eps), 0.0, (1.0, pos_weight)),
            (focal(source, gamma=gamma, alpha=alpha, eps=eps), gamma, (1 - alpha, alpha)),
            (cross_entropy([source], eps=eps), 0.0, (0.0, 1.0)),
        ):
            if loss.value is None:
                continue
            assert loss.low is not None
            assert loss.high is not None
            assert loss.low <= loss.value <= loss.high
            true = sum(weights[y] * naive_pixel(p, y, exponent, "torch") for p, y in unrounded) / loss.elements
            assert loss.low * (1 - 1e-12) - 1e-300 <= true <= loss.high * (1 + 1e-12) + 1e-300

    def test_its_ends_by_hand(self) -> None:
        loss = bce(histogram([(51, 1)]))
        assert loss.low == pytest.approx(-math.log(51.5 / 255), rel=1e-14)
        assert loss.high == pytest.approx(-math.log(50.5 / 255), rel=1e-14)
        assert not loss.unbounded

    def test_a_weight_of_zero_takes_the_unbounded_side_out(self) -> None:
        positive, negative = histogram([(0, 1), (9, 0)]), histogram([(9, 1), (255, 0)])
        assert focal(positive).unbounded
        assert focal(negative).unbounded
        assert not focal(positive, alpha=0).unbounded
        assert not focal(negative, alpha=1).unbounded
        assert not cross_entropy([negative]).unbounded

    def test_sixteen_bits_leave_less_open_than_eight(self) -> None:
        narrow, wide = bce(histogram([(51 * 257, 1)], 65536)), bce(histogram([(51, 1)]))
        assert narrow.low is not None
        assert narrow.high is not None
        assert wide.low is not None
        assert wide.high is not None
        assert wide.low < narrow.low < value(wide) < narrow.high < wide.high

    def test_floats_have_none(self) -> None:
        sums = FloatSums(2.0, "torch", n_pos=1, bce_pos=1.0)
        assert bce(sums) == Loss(1.0, None, None, False, 0, 1)
        assert class_mean([bce(sums), bce(sums)]).high is None


class TestCounting:
    @given(st.lists(st.lists(st.tuples(levels_of(255), st.sampled_from([0, 1, 2, VOID])), max_size=20), min_size=1))
    def test_a_table_updated_by_image_is_the_table_of_the_counts(self, images: list[Pixels]) -> None:
        lookup = value_map([SegmentationClass(k, str(k)) for k in range(3)], ignore=[VOID])
        every = list(itertools.chain(*images))
        gt, pred = np.array([y for _, y in every], np.int64), np.array([level for level, _ in every], np.int64)
        direct = level_histogram(joint_counts(gt=gt, pred=pred), lookup, 1, 256)
        parts = [histogram(image) for image in images]
        assert add(*parts) == add(*reversed(parts)) == direct
        assert hash(add(*parts)) == hash(direct)
        assert (direct.n_pos, direct.n_neg) == (sum(y == 1 for _, y in every), sum(y in (0, 2) for _, y in every))

    def test_counting_does_not_change_what_was_counted_before(self) -> None:
        table = LevelTable()
        before = table.histogram
        table.update(np.array([[3]], np.uint8), np.array([[1]]))
        assert before == empty_histogram(256)
        assert table.histogram.n_pos == 1

    def test_half_a_level_is_the_usual_eps_of_levels_and_torch_that_of_floats(self) -> None:
        assert (resolve_eps(None, 256), resolve_eps("half-step", 65536)) == (1 / 510, 1 / 131070)
        assert (resolve_eps(None, None), resolve_eps(1e-7, None)) == ("torch", 1e-7)

    @given(pixel_lists(65535), gammas, st.sampled_from([None, "half-step", "torch", 1e-7]))
    def test_sums_of_levels_are_those_of_their_histogram(self, pixels: Pixels, gamma: float, eps: Eps) -> None:
        prob, gt = np.array([[level for level, _ in pixels]], np.uint16), np.array([[y for _, y in pixels]])
        sums = float_sums(prob, gt == 1, gt != VOID, LossSettings(gamma=gamma, eps=eps))
        source = count_levels(prob, gt == 1, gt != VOID, levels=65536)
        for one, other in (
            (bce(sums, eps=eps), bce(source, eps=eps)),
            (focal(sums), focal(source, gamma=gamma, eps=eps)),
            (cross_entropy([sums]), cross_entropy([source], eps=eps)),
            (focal_cross_entropy([sums]), focal_cross_entropy([source], gamma=gamma, eps=eps)),
        ):
            assert (one.clamped, one.elements, one.classes) == (other.clamped, other.elements, other.classes)
            assert (one.value is None) == (other.value is None)
            assert one.value is None or one.value == pytest.approx(other.value, rel=1e-12, abs=1e-300)

    def test_combined_sums_are_the_same_bit_for_bit_in_any_order(self) -> None:
        noise = np.random.default_rng(3)
        parts = [
            float_sums(noise.random((4, 5)), noise.random((4, 5)) < 0.5, noise.random((4, 5)) < 0.8, LossSettings())
            for _ in range(40)
        ]
        shuffled = parts.copy()
        random.Random(5).shuffle(shuffled)
        assert combine(parts) == combine(shuffled)
        assert combine(parts).n_pos == sum(part.n_pos for part in parts)

    def test_chunks_do_not_show(self, monkeypatch: pytest.MonkeyPatch) -> None:
        noise = np.random.default_rng(4)
        prob = noise.random((3, 7, 10)).astype(np.float32).transpose(1, 0, 2)[:, 1]
        positive, valid = noise.random((7, 10)) < 0.3, noise.random((7, 10)) < 0.9
        whole = float_sums(prob, positive, valid, LossSettings())
        monkeypatch.setattr(floatmaps, "CHUNK", 16)
        pieces = float_sums(prob, positive, valid, LossSettings())
        assert (
            (pieces.n_pos, pieces.n_neg)
            == (whole.n_pos, whole.n_neg)
            == (
                int(np.sum(positive & valid)),
                int(np.sum(~positive & valid)),
            )
        )
        assert value(bce(pieces)) == pytest.approx(value(bce(whole)), rel=1e-13)

    def test_an_empty_map_sums_to_nothing(self) -> None:
        none = np.zeros((0, 3), bool)
        assert float_sums(np.zeros((0, 3), np.float32), none, none, LossSettings()) == FloatSums(2.0, "torch")


@pytest.fixture(scope="module")
def camvid_tables() -> list[LevelTable]:
    names = (CAMVID / "classes.txt").read_text().split()
    tables = [LevelTable(k, ignore=(11,)) for k in range(len(names))]
    for frame in sorted(path.name for path in (CAMVID / "prob" / names[0]).iterdir()):
        gt = read(CAMVID / "gt" / frame)
        for name, table in zip(names, tables, strict=True):
            table.update(read(CAMVID / "prob" / name / frame), gt)
    return tables


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


@needs_camvid
class TestCamVid:
    """Figures computed outside the project with NumPy and PyTorch, in the data's README."""

    @pytest.mark.parametrize(
        ("eps", "figures"),
        [
            ("torch", (0.057800079381689455, 0.012644146578433546, 0.43094778680375884)),
            (1e-7, (0.0457441291584405, 0.009603378351642907, 0.29892034419292435)),
            (1 / 510, (0.045732027125121304, 0.009244207684416072, 0.2837907236233922)),
            (None, (0.045732027125121304, 0.009244207684416072, 0.2837907236233922)),
        ],
    )
    def test_eight_bit_maps(self, camvid_tables: list[LevelTable], eps: Eps, figures: tuple[float, ...]) -> None:
        losses = (
            class_mean([bce(table, eps=eps) for table in camvid_tables]),
            class_mean([focal(table, eps=eps) for table in camvid_tables]),
            cross_entropy(camvid_tables, eps=eps),
        )
        assert [loss.value for loss in losses] == pytest.approx(figures, rel=1e-11, abs=0)
        assert [loss.elements for loss in losses] == [3_561_698 * 11, 3_561_698 * 11, 3_561_698]
        assert all(loss.unbounded for loss in losses)

    @pytest.mark.parametrize(
        ("eps", "figures"),
        [
            (None, (0.04045748198548535, 0.0074639793314683475, 0.2552993290661504)),
            (1e-7, (0.0404574819912806, 0.0074639793314683475, 0.25529932911240205)),
        ],
    )
    def test_float16_maps(self, eps: Eps, figures: tuple[float, ...]) -> None:
        images: list[list[FloatSums]] = []
        for path in sorted((CAMVID / "softmax").glob("*.npz")):
            gt = read(CAMVID / "gt" / f"{path.stem}.png")
            with np.load(path) as file:
                prob = file["arr_0"]
            images.append([float_sums(prob[k], gt == k, gt != 11, LossSettings(eps=eps)) for k in range(11)])
        sums = [combine(column) for column in zip(*images, strict=True)]
        losses = (
            class_mean([bce(part) for part in sums]),
            class_mean([focal(part) for part in sums]),
            cross_entropy(sums),
        )
        assert [loss.value for loss in losses] == pytest.approx(figures, rel=1e-9, abs=0)
        assert losses[2].elements == 510_251


@settings(max_examples=examples(50))
@given(maps)
def test_positives_alone_are_the_cross_entropy_of_their_class(drawn: tuple[int, Pixels]) -> None:
    levels, pixels = drawn
    positives = [(level, 1) for level, gt in pixels if gt == 1]
    assert cross_entropy([histogram(pixels, levels)]).value == (
        bce(histogram(positives, levels)).value if positives else None
    )
