"""p-values are those of a naive loop over images; equal runs never differ; ties count."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]  # SciPy ships no types

from segeval.errors import UsageError
from segeval.protocol.conventions import Convention, conventions
from segeval.sampling.resampling import FEW_UNITS, METHODS, Interval, Resampling, bootstrap_weights, interval, jackknife
from segeval.sampling.sample import Sample, sample, units
from segeval.sampling.significance import Comparison, compare, p_value, swaps
from segeval.scores.imageoverlap import image_mious, image_outcomes, present
from segeval.scores.overlap import mean, outcomes, pixel_accuracy
from segeval.scores.registry import averaged
from segeval.tables.counts import Tallies
from tests.benchmarks.coverage_simulation import TESTED, null_p_values, rejected
from tests.benchmarks.coverage_simulation import p_values as simulated
from tests.support.properties import examples
from tests.support.tallies import kept_tallies

HERE = Convention()


def two_runs(count: int, size: int, seed: int, better: float = 0.0) -> tuple[Tallies, Tallies]:
    """Draw the marginals of two runs over the same ground truth; the second is right more often by `better`."""
    draw = np.random.default_rng(seed)
    gt = draw.integers(1, 1000, (count, size)) * (draw.random((count, size)) < 0.6)
    ease = draw.uniform(0.4, 0.9, (count, 1))
    return run_over(gt, ease, draw), run_over(gt, np.minimum(ease + better, 1), draw)


def run_over(gt: NDArray[np.int64], ease: NDArray[np.float64], draw: np.random.Generator) -> Tallies:
    hit = draw.binomial(gt, ease)
    zero = np.zeros_like(gt)
    wrong = draw.permuted(gt - hit, axis=1)
    return Tallies(hit, gt, hit + wrong, zero, zero, zero, zero, zero, zero)


def names(count: int) -> list[str]:
    return [f"{index:04}" for index in range(count)]


def paired(base: Tallies, new: Tallies, rule: Convention = HERE, group_by: str | None = None) -> tuple[Sample, Sample]:
    unit = units(names(len(base.hit)), group_by)
    return sample(kept_tallies(base), rule, unit), sample(kept_tallies(new), rule, unit)


def mixed(base: Tallies, new: Tallies, from_new: NDArray[np.bool_]) -> Tallies:
    return Tallies(
        **{
            field.name: np.where(from_new[:, None], getattr(new, field.name), getattr(base, field.name))
            for field in fields(Tallies)
        }
    )


def drawn(images: Tallies, indices: NDArray[np.intp]) -> Tallies:
    return Tallies(**{field.name: getattr(images, field.name)[indices] for field in fields(Tallies)})


def scored(images: Tallies, rule: Convention) -> dict[str, float]:
    whole = Tallies(**{field.name: getattr(images, field.name).sum(axis=0) for field in fields(Tallies)})
    values = {
        "miou": averaged(outcomes(whole, rule), image_outcomes(kept_tallies(images), rule), rule).mean,
        "pixel_accuracy": pixel_accuracy(whole),
        "image_miou": mean(image_mious(image_outcomes(kept_tallies(images)))),
        "class_miou": mean(present(image_outcomes(kept_tallies(images))).class_means()),
    }
    return {name: value for name, value in values.items() if value is not None}


def p_values(found: Comparison) -> list[tuple[float | None, float | None]]:
    return [(one.p, one.p_bootstrap) for one in (*found.scores.values(), *found.iou)]


# What is undefined, and what is refused


def test_runs_over_other_images_are_refused() -> None:
    base, new = two_runs(3, 2, 0)
    with pytest.raises(UsageError, match="same images") as caught:
        compare(
            sample(kept_tallies(base), HERE, units(["a", "b", "c"])),
            sample(kept_tallies(new), HERE, units(["a", "b", "d"])),
            Resampling(),
        )
    assert caught.value.where == ("c", "d")


def test_runs_scored_otherwise_are_refused() -> None:
    base, new = two_runs(3, 2, 0)
    unit = units(names(3))
    losses = {"bce": (np.ones(3), np.ones(3))}
    others = (
        sample(kept_tallies(new), Convention(absent="zero"), unit),
        sample(kept_tallies(new), HERE, unit, extra=losses),
        sample(kept_tallies(two_runs(3, 4, 0)[1]), HERE, unit),
    )
    for other in others:
        with pytest.raises(UsageError, match="same way"):
            compare(sample(kept_tallies(base), HERE, unit), other, Resampling())


def test_a_class_that_one_run_leaves_undefined_has_no_difference() -> None:
    base, new = two_runs(40, 3, 0)
    for run in (base, new):
        for field in fields(Tallies):
            getattr(run, field.name)[:, 2] = 0
    new.pred[0, 2] = 5  # a false alarm makes the class defined in one run
    one = compare(*paired(base, new), Resampling(resamples=50)).iou[2]
    assert (one.base, one.new, one.difference, one.p, one.p_bootstrap) == (None, 0.0, None, None, None)
    assert one.interval == Interval(None, None, 50)


def test_one_unit_is_no_evidence() -> None:
    found = compare(*paired(*two_runs(1, 3, 0, better=0.3)), Resampling(resamples=50)).scores["miou"]
    assert found.interval == Interval(None, None, 0)
    assert (found.p, found.p_bootstrap) == (1.0, None)


def test_fewer_than_thirty_units_are_flagged() -> None:
    assert compare(*paired(*two_runs(FEW_UNITS - 1, 2, 0)), Resampling(resamples=5)).few_units
    assert not compare(*paired(*two_runs(FEW_UNITS, 2, 0)), Resampling(resamples=5)).few_units
    assert compare(*paired(*two_runs(60, 2, 0), group_by=r"\d$"), Resampling(resamples=5)).units == 10


# Ties


def test_a_run_does_not_differ_from_itself() -> None:
    base, _ = two_runs(40, 3, 0)
    found = compare(*paired(base, base), Resampling(resamples=60))
    for one in (*found.scores.values(), *found.iou):
        assert one.difference == 0.0
        assert one.interval == Interval(0.0, 0.0, 0)
        assert (one.p, one.p_bootstrap) == (1.0, 1.0)


def test_p_is_never_zero() -> None:
    found = compare(*paired(*two_runs(200, 3, 0, better=0.5)), Resampling(resamples=99))
    assert set(p_values(found)) == {(0.01, 0.01)}


def test_a_distance_that_reaches_the_observed_one_but_for_rounding_counts() -> None:
    sums = np.array([0.1 + 0.2, 0.3, 0.2])
    assert sums[0] > 0.3
    assert p_value(float(sums[0]), sums) == 2 / 4
    assert p_value(float(sums[0]), sums, slack=1e-12) == 3 / 4
    assert p_value(0.2, np.array([0.1, np.nan, 0.2])) == 2 / 3
    assert p_value(0.2, np.array([0.1, np.nan, np.nan])) is None
    assert p_value(math.nan, np.array([0.1])) is None


@pytest.mark.parametrize("rule", [HERE, Convention(average="image-class")], ids=lambda rule: rule.average)
def test_swapping_all_units_or_none_is_a_tie(rule: Convention) -> None:
    # With three images two of the eight swaps reproduce the difference exactly, and so p is about a quarter.
    base, new = two_runs(3, 3, 1, better=0.3)
    setting = Resampling(resamples=400)
    found = compare(*paired(base, new, rule), setting)
    tied = sum(int(np.isin(block.sum(axis=1), (0, 3)).sum()) for block in swaps(3, 1, setting))
    for one in found.scores.values():
        assert one.p is not None
        assert round(one.p * 401) - 1 >= tied
    assert found.scores["pixel_accuracy"].p == (tied + 1) / 401, "every image is better, so no other swap reaches it"


def test_exchanging_the_runs_changes_the_sign_and_nothing_else() -> None:
    base, new = paired(*two_runs(50, 3, 5, better=0.02))
    there, back = compare(base, new, Resampling(resamples=300)), compare(new, base, Resampling(resamples=300))
    for one, two in zip(there.scores.values(), back.scores.values(), strict=True):
        assert one.difference is not None
        assert two.difference == -one.difference
        assert (one.p, one.p_bootstrap) == (two.p, two.p_bootstrap)
        assert (two.interval.low, two.interval.high) == pytest.approx(
            [-(one.interval.high or 0), -(one.interval.low or 0)], abs=1e-14
        )


# Against a naive loop


@pytest.mark.parametrize("rule", [conventions()[name] for name in ("segeval", "smp-macro-imagewise", "smp-micro")])
def test_p_values_are_those_of_a_naive_loop(rule: Convention) -> None:
    base, new = two_runs(12, 3, 7, better=0.004)
    setting = Resampling(resamples=150)
    found = compare(*paired(base, new, rule), setting).scores
    scores_base, scores_new = scored(base, rule), scored(new, rule)
    bootstrap, randomised = dict.fromkeys(scores_base, 0), dict.fromkeys(scores_base, 0)
    drawer = np.random.default_rng(0)
    for _ in range(150):
        indices = drawer.integers(0, 12, 12)
        first, second = scored(drawn(base, indices), rule), scored(drawn(new, indices), rule)
        for name in scores_base:
            difference = scores_new[name] - scores_base[name]
            bootstrap[name] += abs(second[name] - first[name] - difference) >= abs(difference) - 1e-13
    for swapped in np.concatenate(list(swaps(12, 1, setting))) > 0:
        first, second = scored(mixed(base, new, swapped), rule), scored(mixed(new, base, swapped), rule)
        for name in scores_base:
            difference = scores_new[name] - scores_base[name]
            randomised[name] += abs(second[name] - first[name]) >= abs(difference) - 1e-13
    for name in scores_base:
        assert found[name].base == scores_base[name]
        assert found[name].new == scores_new[name]
        assert found[name].difference == scores_new[name] - scores_base[name]
        assert found[name].p_bootstrap == (bootstrap[name] + 1) / 151
        assert found[name].p == (randomised[name] + 1) / 151
    found_p = [p for name in scores_base for p in (found[name].p, found[name].p_bootstrap)]
    assert all(p is not None and 1 / 151 < p < 1 for p in found_p), "a difference neither certain nor absent"


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_is_that_of_the_paired_difference(method: str) -> None:
    base, new = paired(*two_runs(40, 3, 2, better=0.02))
    setting = Resampling(resamples=200, method=method)
    weights = np.concatenate(list(bootstrap_weights(40, 1, setting)))
    resampled = (new.statistics(weights @ new.columns) - base.statistics(weights @ base.columns))[:, 0]
    value = new.statistics(new.columns.sum(axis=0)[None])[0, 0] - base.statistics(base.columns.sum(axis=0)[None])[0, 0]
    left_out = (jackknife(new) - jackknife(base))[:, 0] if method == "bca" else None
    found = compare(base, new, setting).scores["miou"].interval
    assert found == interval(value, resampled, setting, left_out)
    assert found.low is not None
    assert found.high is not None
    assert found.low < value < found.high


def test_swaps_are_fair_and_not_those_of_the_bootstrap() -> None:
    drawn_swaps = np.concatenate(list(swaps(50, 1, Resampling(resamples=2000))))
    bootstrap = np.random.Generator(np.random.PCG64(0)).random((2000, 50)) < 0.5
    assert not np.array_equal(drawn_swaps, bootstrap)
    assert set(np.unique(drawn_swaps)) == {0.0, 1.0}
    assert abs(drawn_swaps.mean() - 0.5) < 4 * 0.5 / math.sqrt(100_000)
    assert np.abs(drawn_swaps.mean(axis=0) - 0.5).max() < 5 * 0.5 / math.sqrt(2000)


def test_no_block_size_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = paired(*two_runs(33, 3, 0, better=0.01), Convention(average="image"))
    whole = compare(*runs, Resampling(resamples=101))
    for cells in (1, 1000):
        monkeypatch.setattr("segeval.sampling.resampling.BLOCK_CELLS", cells)
        assert compare(*runs, Resampling(resamples=101)) == whole


# Size and power, on synthetic runs of known truth


def test_tests_reject_seldom_without_a_difference_and_often_with_one() -> None:
    same = simulated(examples(60), resamples=200, names=["pixel_accuracy"])["pixel_accuracy"]
    better = simulated(examples(30), better=0.03, resamples=200, names=["pixel_accuracy"])["pixel_accuracy"]
    for test in (0, 1):
        assert rejected(same[:, test]).rate <= 0.15
        assert rejected(better[:, test]).rate >= 0.9


SIZES = (200, 400)
TOO_FEW = pytest.mark.xfail(
    strict=True, reason="rejected in 7.2 +- 0.2 % of 20,000 trials: the paired bootstrap of mIoU wants 400 such images"
)


@cache
def without_a_difference(images: int) -> dict[str, NDArray[np.float64]]:
    return null_p_values(images)


@pytest.mark.slow
@pytest.mark.parametrize("name", TESTED)
@pytest.mark.parametrize("images", SIZES)
def test_randomisation_is_uniform_without_a_difference(images: int, name: str) -> None:
    p = without_a_difference(images)[name][:, 0]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.03 <= rejected(p).rate <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "name"),
    [
        pytest.param(images, name, marks=TOO_FEW if (images, name) == (200, "miou") else ())
        for images in SIZES
        for name in TESTED
    ],
)
def test_the_bootstrap_rejects_as_often_as_it_says_without_a_difference(images: int, name: str) -> None:
    """Hold the bootstrap to 0.03-0.07 at 0.05: it holds for every score at 400 images, and for all but mIoU at 200.

    mIoU weighs three classes that a handful of 200 images hold as much as any other, and its bootstrap p is then too
    small: 7.2 +- 0.2 % of the trials are rejected, against 6.5 +- 0.2 % at 400 images, and 5.0 +- 0.2 % by
    randomisation at either size. That is why `p` is the randomisation's.
    """
    assert 0.03 <= rejected(without_a_difference(images)[name][:, 1]).rate <= 0.07


@pytest.mark.slow
def test_a_real_difference_is_found() -> None:
    power = {name: rejected(values[:, 0]).rate for name, values in simulated(200, better=0.03, names=TESTED).items()}
    assert power["pixel_accuracy"] >= 0.9
    assert power["miou"] >= 0.6
