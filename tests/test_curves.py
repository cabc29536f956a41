"""Curves over levels: undefined cases first, then by hand, by loops over pixels, and by scikit-learn."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UsageError
from segeval.protocol.settings import LossSettings
from segeval.scores.curves import (
    Threshold,
    auroc,
    average_precision,
    best_threshold,
    brier,
    confusion_by_loss,
    curve,
    ece,
    mae,
    reliability,
)
from segeval.scores.losses import bce, focal
from segeval.scores.lossums import FloatSums, float_sums
from segeval.tables.levels import LevelHistogram, LevelTable, empty_histogram

Pixels = list[tuple[int, int]]


def histogram(pixels: Pixels, levels: int = 256) -> LevelHistogram:
    """Count (level, ground truth) pixels; 1 is positive, 0 negative."""
    table = LevelTable(1, levels=levels)
    table.update(np.array([level for level, _ in pixels], np.uint16), np.array([gt for _, gt in pixels], np.int64))
    return table.histogram


def pixel_lists(levels: int) -> st.SearchStrategy[tuple[int, Pixels]]:
    top = levels - 1
    level = st.one_of(st.sampled_from([0, 1, top // 15, top // 15 + 1, top // 2, top - 1, top]), st.integers(0, top))
    return st.tuples(st.just(levels), st.lists(st.tuples(level, st.sampled_from([0, 1])), min_size=1, max_size=40))


maps = st.sampled_from([256, 65536]).flatmap(pixel_lists)


class TestUndefined:
    def test_no_pixel_has_no_score(self) -> None:
        nothing = empty_histogram(256)
        for score in (brier, mae, ece, average_precision, auroc):
            assert score(nothing) is None
        assert brier(FloatSums(2.0, "torch")) is mae(FloatSums(2.0, "torch")) is None
        assert best_threshold(curve(nothing)) is None
        assert curve(nothing).iou == (None,) * 256
        assert all(row.mean_probability is row.positive_rate is None for row in reliability(nothing))
        for cell in itertools.chain(*confusion_by_loss(nothing)):
            assert (cell.pixels, cell.bce, cell.bce_share, cell.focal, cell.focal_share) == (0, None, None, None, None)

    @pytest.mark.parametrize("gt", [0, 1])
    def test_ranking_needs_positives_and_negatives_and_the_rest_does_not(self, gt: int) -> None:
        one_sided = histogram([(51, gt), (204, gt)])
        assert average_precision(one_sided) is auroc(one_sided) is None
        assert brier(one_sided) == 0.34
        assert mae(one_sided) == ece(one_sided) == 0.5

    def test_without_positives_no_threshold_is_best_and_without_predictions_there_is_no_precision(self) -> None:
        assert best_threshold(curve(histogram([(51, 0)]))) is None
        found = curve(histogram([(51, 0)]))
        assert found.recall == (None,) * 256
        assert found.precision == (0.0,) * 51 + (None,) * 205

    def test_auto_without_a_side_has_no_loss_but_pixels(self) -> None:
        table = confusion_by_loss(histogram([(51, 0), (204, 0)]), pos_weight="auto", alpha="auto")
        assert [cell.pixels for row in table for cell in row] == [1, 1, 0, 0]
        assert all(cell.bce is cell.focal is cell.bce_share is None for row in table for cell in row)

    def test_fewer_bins_than_one(self) -> None:
        with pytest.raises(UsageError, match="bins"):
            ece(empty_histogram(256), 0)

    @pytest.mark.parametrize(
        "options", [{"pos_weight": 0}, {"pos_weight": "half"}, {"alpha": 2}, {"gamma": -1}, {"eps": 1}]
    )
    def test_loss_options_that_mean_nothing(self, options: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            confusion_by_loss(histogram([(51, 0), (51, 1)]), **options)


class TestByHand:
    # Levels 255 153 102 102 0 of ground truth 1 0 1 0 0: p = 1, 0.6, 0.4 twice, 0.
    source = histogram([(255, 1), (153, 0), (102, 1), (102, 0), (0, 0)])

    def test_brier_and_mae(self) -> None:
        assert brier(self.source) == pytest.approx((0 + 0.36 + 0.36 + 0.16 + 0) / 5, rel=1e-15)
        assert mae(self.source) == pytest.approx((0 + 0.6 + 0.6 + 0.4 + 0) / 5, rel=1e-15)

    def test_average_precision_takes_a_tie_as_one_step(self) -> None:
        # Recall 1/2 at precision 1, then 2/2 at precision 2/4.
        assert average_precision(self.source) == 0.5 * 1 + 0.5 * 0.5

    def test_auroc_counts_a_tie_half(self) -> None:
        # Of 2 x 3 pairs: 1 beats all three; 0.4 loses to 0.6, ties with 0.4 and beats 0.
        assert auroc(self.source) == (3 + 0 + 0.5 + 1) / 6

    def test_curve_predicts_positive_above_the_threshold_and_not_at_it(self) -> None:
        found = curve(self.source)
        assert found.thresholds[[0, 51, 255]].tolist() == [0.0, 0.2, 1.0]
        at = {level: (int(found.tp[level]), int(found.fp[level]), int(found.fn[level])) for level in (0, 101, 102, 254)}
        assert at == {0: (2, 2, 0), 101: (2, 2, 0), 102: (1, 1, 1), 254: (1, 0, 1)}
        assert (found.tp[255], found.fp[255], found.fn[255]) == (0, 0, 2)
        assert (found.precision[0], found.recall[0], found.iou[0], found.f1[0]) == (0.5, 1.0, 0.5, 2 / 3)
        assert (found.precision[255], found.recall[255], found.iou[255], found.f1[255]) == (None, 0.0, 0.0, 0.0)
        assert found.tp.dtype == found.fp.dtype == found.fn.dtype == np.int64

    def test_best_threshold_is_the_lowest_of_equally_good_ones(self) -> None:
        # IoU is 2/4 at levels 0..101 and 1/2 at 153..254; F1 is 2/3 at both.
        assert best_threshold(curve(self.source), "iou") == Threshold(0.5, 0.0)
        assert best_threshold(curve(self.source), "f1") == Threshold(2 / 3, 0.0)
        assert best_threshold(curve(histogram([(200, 1), (100, 0)]))) == Threshold(1.0, 100 / 255)

    def test_a_level_on_an_edge_belongs_to_the_bin_below(self) -> None:
        # 255 / 15 = 17, so level 17 is p = 1/15 exactly.
        rows = reliability(histogram([(0, 0), (17, 1), (18, 0), (34, 1), (255, 1)]))
        assert [row.pixels for row in rows] == [2, 2] + [0] * 12 + [1]
        assert (rows[0].low, rows[0].high, rows[14].high) == (0.0, 1 / 15, 1.0)
        assert (rows[0].positive_rate, rows[0].mean_probability) == (0.5, 8.5 / 255)
        assert ece(histogram([(17, 1), (18, 0)])) == pytest.approx((238 + 18) / 255 / 2, rel=1e-15)

    def test_two_bins_by_hand(self) -> None:
        rows = reliability(self.source, 2)
        assert [(row.pixels, row.positive_rate) for row in rows] == [(3, 1 / 3), (2, 0.5)]
        assert [row.mean_probability for row in rows] == pytest.approx([0.8 / 3, 0.8])
        assert ece(self.source, 2) == pytest.approx((abs(1 - 0.8) + abs(1 - 1.6)) / 5, rel=1e-15)

    def test_who_pays(self) -> None:
        (right_0, wrong_0), (wrong_1, right_1) = confusion_by_loss(self.source, alpha=None, eps="torch")
        assert [cell.pixels for cell in (right_0, wrong_0, wrong_1, right_1)] == [2, 1, 1, 1]
        assert (wrong_1.gt, wrong_1.pred) == (1, 0)
        assert right_0.bce == pytest.approx(-math.log(0.6) / 2, rel=1e-12)
        assert wrong_0.bce == pytest.approx(-math.log(0.4), rel=1e-12)
        assert wrong_1.focal == pytest.approx(0.36 * -math.log(0.4), rel=1e-12)
        assert right_1.bce == right_1.focal_share == 0.0
        assert wrong_0.bce_share == pytest.approx(math.log(0.4) / (2 * math.log(0.4) + math.log(0.6)), rel=1e-12)

    def test_nobody_pays_for_a_perfect_map(self) -> None:
        table = confusion_by_loss(histogram([(255, 1), (0, 0)]), eps="torch")
        assert (table[0][0].bce, table[0][0].bce_share) == (0.0, None)

    def test_at_the_threshold_is_negative(self) -> None:
        # 102 / 255 and 0.4 are one float64.
        assert [cell.pixels for row in confusion_by_loss(self.source, 0.4) for cell in row] == [2, 1, 1, 1]
        assert [cell.pixels for row in confusion_by_loss(self.source, 0.39) for cell in row] == [1, 2, 0, 2]


class TestAgainstLoopsOverPixels:
    @given(maps)
    def test_brier_mae_and_calibration(self, drawn: tuple[int, Pixels]) -> None:
        levels, pixels = drawn
        source = histogram(pixels, levels)
        exact = [(Fraction(level, levels - 1), gt) for level, gt in pixels]
        assert brier(source) == float(sum((p - gt) ** 2 for p, gt in exact) / len(exact))
        assert mae(source) == float(sum(abs(p - gt) for p, gt in exact) / len(exact))
        gaps = Fraction(0)
        for index in range(15):
            low, high = Fraction(index, 15), Fraction(index + 1, 15)
            inside = [(p, gt) for p, gt in exact if low < p <= high or p == low == 0]
            gaps += abs(sum((gt - p for p, gt in inside), Fraction(0)))
            row = reliability(source)[index]
            assert row.pixels == len(inside)
            if inside:
                assert row.mean_probability == float(sum(p for p, _ in inside) / len(inside))
        assert ece(source) == float(gaps / len(exact))

    @given(maps)
    def test_auroc_is_the_share_of_pairs_won(self, drawn: tuple[int, Pixels]) -> None:
        levels, pixels = drawn
        pairs = [
            (positive > negative) + 0.5 * (positive == negative)
            for positive, is_positive in pixels
            for negative, other in pixels
            if is_positive and not other
        ]
        assert auroc(histogram(pixels, levels)) == (sum(pairs) / len(pairs) if pairs else None)

    @given(pixel_lists(256))
    def test_curve(self, drawn: tuple[int, Pixels]) -> None:
        _, pixels = drawn
        found = curve(histogram(pixels))
        for index, threshold in enumerate(found.thresholds):
            predicted = [(level / 255 > threshold, gt == 1) for level, gt in pixels]
            counts = tuple(predicted.count(outcome) for outcome in ((True, True), (True, False), (False, True)))
            assert (found.tp[index], found.fp[index], found.fn[index]) == counts

    @given(maps)
    def test_best_threshold_reaches_its_score_and_nothing_below_does(self, drawn: tuple[int, Pixels]) -> None:
        levels, pixels = drawn
        source = histogram(pixels, levels)
        best = best_threshold(curve(source))
        if best is None:
            assert not source.n_pos
            return

        def iou(threshold: float) -> float:
            predicted = [(level / (levels - 1) > threshold, gt == 1) for level, gt in pixels]
            union = sum(p or y for p, y in predicted)
            return sum(p and y for p, y in predicted) / union

        assert iou(best.threshold) == best.value
        others = {level / (levels - 1) for level, _ in pixels}
        assert all(iou(other) <= best.value for other in others)
        assert all(iou(other) < best.value for other in others if other < best.threshold)

    @given(maps, st.floats(0, 1), st.sampled_from([1.0, 3.0, "auto"]), st.sampled_from([None, 0.25, "auto"]))
    def test_losses_of_the_cells_add_up(
        self, drawn: tuple[int, Pixels], threshold: float, pos_weight: float | str, alpha: float | str | None
    ) -> None:
        levels, pixels = drawn
        source = histogram(pixels, levels)
        table = confusion_by_loss(source, threshold, pos_weight=pos_weight, alpha=alpha, gamma=1.5)
        cells = [*table[0], *table[1]]
        predicted = [(gt, int(level / (levels - 1) > threshold)) for level, gt in pixels]
        assert [cell.pixels for cell in cells] == [predicted.count((cell.gt, cell.pred)) for cell in cells]
        for name, whole in (
            ("bce", bce(source, pos_weight=pos_weight).value),
            ("focal", focal(source, gamma=1.5, alpha=alpha).value),
        ):
            means = [getattr(cell, name) for cell in cells]
            if whole is None:
                assert means == [None] * 4
                continue
            paid = math.fsum(cell.pixels * (mean or 0) for cell, mean in zip(cells, means, strict=True))
            assert paid / len(pixels) == pytest.approx(whole, rel=1e-12)
            assert math.fsum(getattr(cell, f"{name}_share") for cell in cells) == pytest.approx(1, rel=1e-12)


class TestScale:
    def test_counts_beyond_what_int64_products_hold_stay_exact(self) -> None:
        many = 1 << 60
        source = empty_histogram(65536)
        source.positives[65534] = source.negatives[1] = many
        assert brier(source) == 1 / 65535**2
        assert mae(source) == ece(source) == 1 / 65535
        assert auroc(source) == average_precision(source) == 1.0
        source.negatives[65534] = many
        assert auroc(source) == (1 + 0.5) / 2

    def test_floats_take_brier_and_mae_from_their_sums(self) -> None:
        prob, gt = np.array([[0.25, 0.5], [1.0, 0.125]], np.float16), np.array([[1, 0], [1, 0]])
        sums = float_sums(prob, gt == 1, gt != 255, LossSettings())
        assert brier(sums) == (0.75**2 + 0.5**2 + 0.125**2) / 4
        assert mae(sums) == (0.75 + 0.5 + 0.125) / 4

    def test_a_table_that_counts_is_accepted_as_it_is(self) -> None:
        table = LevelTable()
        table.update(np.array([[204, 51]], np.uint8), np.array([[1, 0]]))
        assert brier(table) == pytest.approx(0.04, rel=1e-15)
        assert auroc(table) == 1.0


class TestScikitLearn:
    metrics: Any = None

    @pytest.fixture(autouse=True)
    def _metrics(self) -> None:
        self.metrics = pytest.importorskip("sklearn.metrics")

    @pytest.mark.parametrize(("levels", "spread"), [(256, 5), (256, 256), (65536, 300), (65536, 65536)])
    def test_ranking_and_brier(self, levels: int, spread: int) -> None:
        noise = np.random.default_rng(spread)
        gt = (noise.random(5000) < 0.2).astype(np.int64)
        steps = np.clip(noise.normal(0.35 + 0.3 * gt, 0.2), 0, 1) * (spread - 1)
        level = np.rint(steps) * ((levels - 1) // (spread - 1))
        table, p = LevelTable(levels=levels), level / (levels - 1)
        table.update(level.astype(np.uint16), gt)
        assert average_precision(table) == pytest.approx(self.metrics.average_precision_score(gt, p), rel=1e-12)
        assert auroc(table) == pytest.approx(self.metrics.roc_auc_score(gt, p), rel=1e-12)
        assert brier(table) == pytest.approx(self.metrics.brier_score_loss(gt, p), rel=1e-12)
        assert mae(table) == pytest.approx(self.metrics.mean_absolute_error(gt, p), rel=1e-12)
        found, middle = curve(table), (levels - 1) // 2
        predicted = level > middle
        assert found.iou[middle] == pytest.approx(self.metrics.jaccard_score(gt, predicted), rel=1e-15)
        assert found.f1[middle] == pytest.approx(self.metrics.f1_score(gt, predicted), rel=1e-15)
