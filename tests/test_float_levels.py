"""Float maps are ranked by their own values: what levels of p leave open is told, and holds what is true.

The truth is scikit-learn's where it is installed, and everywhere a loop over pixels in whole numbers.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import segeval
from segeval.errors import MaskError, RunFileError, UsageError
from segeval.runs.file import load_run
from segeval.runs.leveltables import packed, unpacked
from segeval.scores.curves import auroc, average_precision, best_threshold, confusion_by_loss, curve, ece, reliability
from segeval.scores.ranking import Interval, auroc_interval, average_precision_interval
from segeval.tables.floatlevels import (
    RANK_OF_HALF,
    RANK_OF_ONE,
    FloatLevels,
    add_float_levels,
    add_levels,
    count_float_levels,
    level_keys,
    no_levels,
    probabilities_of,
    ranks,
)
from segeval.tables.levels import empty_histogram
from tests.support.probability_folders import save_gt, save_npy

Truth = tuple[NDArray[np.bool_], NDArray[Any]]
ROUNDING = 1e-12
UGLY = (0.0, -0.0, 5e-324, 1e-300, 4.999e-6, 6e-6, 1 / 15, 0.49999999999999994, 0.5, 0.5000000000000001, 2 / 3)
values = st.one_of(st.sampled_from([*UGLY, *(1 - abs(p) for p in UGLY)]), st.floats(0, 1))
# Values that crowd into few levels, so that order is lost.
crowded = st.integers(0, 40).map(lambda step: 0.3 + step * 2.0**-20)
pixel_lists = st.lists(st.tuples(st.one_of(values, crowded), st.booleans()), max_size=12)


def levels_of(positive: NDArray[np.bool_], p: NDArray[Any], threshold: float = 0.5) -> FloatLevels:
    return count_float_levels(p, positive, np.ones(p.shape, bool), threshold=threshold)


def of_pixels(pixels: list[tuple[float, bool]]) -> Truth:
    return np.array([y for _, y in pixels], bool), np.array([p for p, _ in pixels], np.float64)


def brute_auroc(positive: NDArray[np.bool_], p: NDArray[Any]) -> Fraction | None:
    wins = [Fraction(int(a > b) * 2 + int(a == b), 2) for a in p[positive].tolist() for b in p[~positive].tolist()]
    return sum(wins, Fraction(0)) / len(wins) if wins else None


def brute_average_precision(positive: NDArray[np.bool_], p: NDArray[Any]) -> Fraction | None:
    if positive.all() or not positive.any():
        return None
    precisions = [Fraction(int(positive[p >= at].sum()), int((p >= at).sum())) for at in p[positive]]
    return sum(precisions, Fraction(0)) / len(precisions)


def holds(interval: Interval | None, true: Fraction | float | None) -> bool:
    if interval is None or true is None:
        return interval is None and true is None
    return interval.low <= interval.value <= interval.high and (
        interval.low - ROUNDING <= float(true) <= interval.high + ROUNDING
    )


class TestRanks:
    @given(st.lists(values, min_size=1))
    def test_they_order_as_the_values_do_and_tell_them_apart(self, found: list[float]) -> None:
        p = np.sort(np.abs(np.array(found)))
        assert (np.diff(ranks(p)) > 0).tolist() == (np.diff(p) > 0).tolist()
        assert np.array_equal(probabilities_of(ranks(p)), p)

    def test_ends_and_middle(self) -> None:
        assert ranks(np.array([0.0, -0.0, 5e-324, 0.5, 1.0])).tolist() == [0, 0, 1, RANK_OF_HALF, RANK_OF_ONE]

    @given(st.floats(1e-300, 1), st.floats(0, 2.0**-11))
    def test_a_level_is_narrower_than_a_4096th_of_p_and_of_1_minus_p(self, p: float, share: float) -> None:
        other = min(1.0, p * (1 + share))
        low, high = level_keys(np.array([p, other]), 0.0).tolist()
        near = min(other, 1 - p)
        if low == high and near:
            assert other - p <= near * 2.0**-12 * (1 + 1e-9)

    def test_the_threshold_parts_a_level(self) -> None:
        p = np.array([0.3, 0.3 + 1e-9])
        assert len(levels_of(np.array([True, False]), p)) == 1
        assert len(levels_of(np.array([True, False]), p, 0.3)) == 2


class TestCounting:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
    def test_every_float_is_taken_as_stored(self, dtype: Any) -> None:
        p = np.random.default_rng(1).random((20, 30)).astype(dtype)
        positive, valid = p > 0.6, np.random.default_rng(2).random(p.shape) < 0.9
        levels = count_float_levels(p, positive, valid, threshold=0.5)
        kept = p[valid].astype(np.float64)
        assert (levels.n_pos, levels.n_neg) == (int((positive & valid).sum()), int((~positive & valid).sum()))
        assert (levels.least[0], levels.greatest[-1]) == (kept.min(), kept.max())
        assert set(levels.least.tolist()) | set(levels.greatest.tolist()) <= set(kept.tolist())

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1e-9, 1.0000001])
    def test_what_is_no_probability_is_refused_where_it_is_valid(self, bad: float) -> None:
        prob, first = np.array([0.5, bad]), np.array([True, False])
        with pytest.raises(MaskError, match=r"outside \[0, 1\]"):
            count_float_levels(prob, first, first | True, threshold=0.5)
        assert count_float_levels(prob, first, first, threshold=0.5).n_pos == 1

    def test_other_types_shapes_and_thresholds_are_refused(self) -> None:
        yes = np.ones(2, bool)
        for wrong in (np.zeros(2, np.uint8), np.zeros(2, np.longdouble), np.zeros(3)):
            with pytest.raises(MaskError):
                count_float_levels(wrong, yes, yes, threshold=0.5)
        with pytest.raises(UsageError, match="thresholds"):
            add_float_levels(no_levels(0.5), no_levels(0.4))
        with pytest.raises(UsageError, match="floats"):
            add_levels([no_levels(0.5), empty_histogram(256)])

    @given(pixel_lists, st.integers(0, 12))
    def test_images_add_up_in_any_order(self, pixels: list[tuple[float, bool]], cut: int) -> None:
        whole, first, second = (levels_of(*of_pixels(part)) for part in (pixels, pixels[:cut], pixels[cut:]))
        assert add_float_levels(first, second) == add_float_levels(second, first) == whole
        assert hash(add_float_levels(first, second)) == hash(whole)

    @given(pixel_lists)
    def test_a_journal_gives_them_back(self, pixels: list[tuple[float, bool]]) -> None:
        levels = levels_of(*of_pixels(pixels))
        assert unpacked(json.loads(json.dumps(packed(levels, 1))), 0.5, len(pixels)) == levels


class TestRanking:
    def test_what_16_bits_cannot_tell_apart(self) -> None:
        positive = np.arange(1000) % 2 == 0
        p = np.where(positive, 6e-6, np.linspace(0, 4.999e-6, 1000))
        levels = levels_of(positive, p)
        assert auroc(levels) == average_precision(levels) == 1.0
        assert auroc_interval(levels) == average_precision_interval(levels) == Interval(1.0, 1.0, 1.0)
        best = best_threshold(curve(levels))
        assert best is not None
        assert best.value == 1.0
        assert p[~positive].max() == best.threshold

    @given(pixel_lists)
    def test_the_truth_of_a_loop_lies_within(self, pixels: list[tuple[float, bool]]) -> None:
        positive, p = of_pixels(pixels)
        levels = levels_of(positive, p)
        assert holds(auroc_interval(levels), brute_auroc(positive, p))
        assert holds(average_precision_interval(levels), brute_average_precision(positive, p))

    @given(st.lists(st.tuples(st.integers(0, 16).map(lambda step: step / 16), st.booleans()), max_size=12))
    def test_levels_of_one_value_are_exact(self, pixels: list[tuple[float, bool]]) -> None:
        positive, p = of_pixels(pixels)
        levels = levels_of(positive, p)
        true = brute_auroc(positive, p), brute_average_precision(positive, p)
        found = auroc_interval(levels), average_precision_interval(levels)
        for interval, value in zip(found, true, strict=True):
            assert (interval is None) == (value is None)
            if interval is not None and value is not None:
                assert [interval.low, interval.value, interval.high] == pytest.approx([float(value)] * 3, abs=1e-14)

    def test_the_ends_are_reached_by_some_order_of_a_level(self) -> None:
        steps = 0.3 + np.arange(5) * 2.0**-20
        found = {"low": 1.0, "high": 0.0}
        for order in permutations([True, True, False, False, False]):
            for p in (steps, np.maximum(steps, steps[1]), np.minimum(steps, steps[3])):
                true = brute_average_precision(np.array(order), p)
                assert true is not None
                found = {"low": min(found["low"], float(true)), "high": max(found["high"], float(true))}
        interval = average_precision_interval(levels_of(np.array([True, True, False, False, False]), steps))
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx((found["low"], found["high"]))

    def test_many_pixels_in_one_level(self) -> None:
        """The closed form of the lower end against the sum that it stands for."""
        positive = np.arange(300_000) % 3 == 0
        levels = levels_of(positive, np.linspace(0.3, 0.30001, 300_000))
        assert len(levels) == 1
        pos, neg = levels.n_pos, levels.n_neg
        interval = average_precision_interval(levels)
        assert interval is not None
        assert interval.low == pytest.approx(math.fsum(k / (k + neg) for k in range(1, pos + 1)) / pos, rel=1e-13)
        assert interval.high == 1.0


class TestCurves:
    @given(pixel_lists)
    def test_every_threshold_has_the_counts_of_a_loop(self, pixels: list[tuple[float, bool]]) -> None:
        positive, p = of_pixels(pixels)
        points = curve(levels_of(positive, p))
        assert (points.thresholds[0], points.thresholds[-1]) == (0.0, 1.0)
        assert (np.diff(points.thresholds) > 0).all()
        for at, tp, fp, fn in zip(points.thresholds, points.tp, points.fp, points.fn, strict=True):
            above = p > at
            true = int((above & positive).sum()), int((above & ~positive).sum()), int((~above & positive).sum())
            assert (int(tp), int(fp), int(fn)) == true

    @given(pixel_lists)
    def test_bins_are_of_p_itself(self, pixels: list[tuple[float, bool]]) -> None:
        positive, p = of_pixels(pixels)
        levels = levels_of(positive, p)
        gaps = []
        for index, part in enumerate(reliability(levels)):
            within = (p > index / 15) & (p <= (index + 1) / 15) | ((index == 0) & (p == 0))
            assert part.pixels == int(within.sum())
            if part.pixels:
                assert part.mean_probability == pytest.approx(p[within].mean(), abs=1e-13)
                gaps.append(part.pixels * abs(positive[within].mean() - p[within].mean()))
        value = ece(levels)
        assert value == (pytest.approx(math.fsum(gaps) / len(p), abs=1e-13) if len(p) else None)
        with pytest.raises(UsageError, match="15 bins"):
            ece(levels, 10)

    def test_outcomes_are_parted_at_the_threshold_exactly(self) -> None:
        p = np.array([0.3, 0.3 + 1e-9, 0.3 + 2e-9, 0.9])
        cells = confusion_by_loss(levels_of(np.array([True, True, False, False]), p, 0.3), 0.3)
        assert [[cell.pixels for cell in row] for row in cells] == [[0, 2], [1, 1]]


# Against scikit-learn


def ordinary(seed: int, size: int = 160_000) -> Truth:
    """Return a map of logits of scale 1 to 30 and a foreground of 0.1 to 50 %, in one of three types."""
    random = np.random.default_rng(seed)
    share = 10 ** random.uniform(-3, math.log10(0.5))
    positive = random.random(size) < share
    positive[:2] = True, False
    scale = random.uniform(1, 30)
    logit = scale * (random.normal(size=size) + np.where(positive, 1.0, -1.0) * random.uniform(0, 1.5))
    dtype = (np.float16, np.float32, np.float64)[seed % 3]
    return positive, (1 / (1 + np.exp(-np.clip(logit, -700, 700)))).astype(dtype)


def adversarial(seed: int, size: int = 20_000) -> Truth:
    """Return a map whose values crowd: into one level, below what 16 bits tell, near 1, or in doubles an ulp apart."""
    random = np.random.default_rng(seed)
    positive = random.random(size) < 10 ** random.uniform(-3, math.log10(0.5))
    positive[:2] = True, False
    noise = random.random(size) + np.where(positive, random.uniform(-0.5, 0.5), 0)
    noise = (noise - noise.min()) / np.ptp(noise)
    p = (
        lambda: 0.3 + noise * 1e-7,
        lambda: noise * 1e-5,
        lambda: 1 - noise * 10 ** random.uniform(-15, -3),
        lambda: np.where(positive, 6e-6, noise * 4.999e-6),
        lambda: 10 ** (-300 * noise),
        lambda: np.round(noise * 7) / 7 + (noise - 0.5) * 1e-9 * (np.abs(noise - 0.5) < 0.4),
        lambda: 0.5 + (noise - 0.5) * 1e-12,
        lambda: random.choice([0.0, 5e-324, 1e-310, 1e-20], size) * positive,
    )[seed % 8]()
    return positive, np.clip(p, 0, 1).astype((np.float64, np.float32)[seed // 8 % 2])


def checked_by_scikit_learn(make: Callable[[int], Truth], seed: int) -> float:
    """Require that both true values lie in their intervals, and return the greater width."""
    metrics = importlib.import_module("sklearn.metrics")
    positive, p = make(seed)
    levels = levels_of(positive, p)
    found = (
        (average_precision_interval(levels), metrics.average_precision_score(positive, p.astype(np.float64))),
        (auroc_interval(levels), metrics.roc_auc_score(positive, p.astype(np.float64))),
    )
    widths = []
    for interval, true in found:
        assert holds(interval, true), (seed, interval, true)
        assert interval is not None
        widths.append(interval.high - interval.low)
    return max(widths)


needs_scikit_learn = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="needs scikit-learn")
SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 200))]


@needs_scikit_learn
@pytest.mark.parametrize("seed", SEEDS)
def test_scikit_learn_on_ordinary_maps(seed: int) -> None:
    assert checked_by_scikit_learn(ordinary, seed) < 1e-3


@needs_scikit_learn
@pytest.mark.parametrize("seed", SEEDS)
def test_scikit_learn_on_adversarial_maps(seed: int) -> None:
    checked_by_scikit_learn(adversarial, seed)


# Folders and run files


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    gt = np.tile(np.array([[0, 1], [1, 0]], np.uint8), (4, 8))
    save_gt(tmp_path / "gt", [gt, gt])
    p = np.where(gt == 1, 6e-6, 4.9e-6).astype(np.float32)
    for name in "ab":
        save_npy(tmp_path / "p" / f"{name}.npy", p)
    return tmp_path


def test_a_report_ranks_what_16_bits_cannot(folders: Path) -> None:
    report = segeval.score(folders / "p", folders / "gt", probs=True)
    assert report.scores["auroc"] == report.scores["average_precision"] == 1.0
    found = report.to_dict()["probabilities"]
    exact = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["ranking"] == found["per_map"][0]["ranking"] == {"average_precision": exact, "auroc": exact}
    assert found["per_map"][0]["best_iou"]["threshold"] == float(np.float32(4.9e-6))


def test_an_older_run_of_floats_is_refused_with_what_to_do(folders: Path) -> None:
    saved = folders / "run.jsonl"
    segeval.save_run(segeval.measure(folders / "p", folders / "gt", probs=True), saved)
    assert load_run(saved).levels
    assert segeval.rescore(saved).scores["auroc"] == 1.0
    head, rest = saved.read_text().split("\n", 1)
    saved.write_text(head.replace('"schema":2', '"schema":1') + "\n" + rest)
    with pytest.raises(RunFileError, match="older segeval") as refusal:
        load_run(saved)
    assert "Score the images again" in refusal.value.fix
