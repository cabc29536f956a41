"""Intervals are scipy's on the same draws; every statistic is the score of the images drawn; no block size shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]  # SciPy ships no types

from segeval.errors import NothingToScoreError, UsageError
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention, ScoringRules, conventions
from segeval.sampling import resampling
from segeval.sampling.resampling import (
    FEW_UNITS,
    Interval,
    Resampling,
    bootstrap_weights,
    interval,
    intervals,
    jackknife,
)
from segeval.sampling.sample import Sample, sample, units
from segeval.scores.registry import mask_scores
from segeval.tables.counts import Tallies
from tests.benchmarks.coverage_simulation import coverage
from tests.support.properties import examples
from tests.support.tallies import kept_tallies

HERE = Convention()


def some_images(count: int, size: int, seed: int) -> Tallies:
    """Draw marginals of images in which most classes are absent, with every kind of miss."""
    draw = np.random.default_rng(seed)
    true = draw.integers(1, 1000, (count, size)) * (draw.random((count, size)) < 0.4)
    hit = draw.binomial(true, 0.7)
    void, unknown = (draw.binomial(true - hit, 0.1) for _ in range(2))
    missing = np.zeros_like(true)
    false_alarms = draw.integers(0, 100, (count, size)) * (draw.random((count, size)) < 0.5)
    stray = draw.integers(0, 5, (count, size))
    return Tallies(hit, true - void - unknown, hit + false_alarms, void, unknown, missing, stray, stray * 0, stray * 0)


def drawn(images: Tallies, indices: NDArray[np.intp]) -> Tallies:
    return Tallies(**{field.name: getattr(images, field.name)[indices] for field in fields(Tallies)})


def scored(images: Tallies, rule: Convention) -> dict[str, float | None]:
    """Score images as a report does, from the functions of segeval.scores.overlap."""
    whole = Tallies(**{field.name: getattr(images, field.name).sum(axis=0) for field in fields(Tallies)})
    found = mask_scores(whole, kept_tallies(images), ScoringRules(rule, images.hit.shape[1]))
    return {**found.scores, **{str(index): value for index, value in enumerate(found.iou.classes)}}


def names(count: int) -> list[str]:
    return [f"image_{index:04}" for index in range(count)]


def plain(images: Tallies, rule: Convention = HERE, **more: Any) -> Sample:
    return sample(kept_tallies(images), rule, units(names(len(images.hit))), **more)


# What is undefined, and what is refused


@pytest.mark.parametrize(
    "wrong", [{"level": 0}, {"level": 100}, {"level": math.nan}, {"resamples": 0}, {"seed": -1}, {"method": "BCA"}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"Give|Choose"):
        Resampling(**wrong)


def test_no_images_are_nothing_to_resample() -> None:
    with pytest.raises(NothingToScoreError):
        plain(some_images(0, 3, 0))


def test_one_image_has_no_interval() -> None:
    found = intervals(plain(some_images(1, 3, 0)), Resampling(resamples=50))
    assert found.scores["miou"] == Interval(None, None, 0)
    assert found.few_units


def test_a_score_undefined_in_the_data_has_no_interval() -> None:
    images = some_images(40, 3, 0)
    for field in fields(Tallies):
        getattr(images, field.name)[:, 2] = 0
    found = intervals(plain(images), Resampling(resamples=50))
    assert found.iou[2] == Interval(None, None, 50)
    assert found.scores["miou"].low is not None
    assert intervals(plain(images, Convention(absent="undefined")), Resampling(resamples=50)).scores[
        "miou"
    ] == Interval(None, None, 50)


def test_undefined_resamples_are_left_out_and_counted() -> None:
    resampled = np.array([0.1, np.nan, 0.3, 0.2, np.nan])
    assert interval(0.2, resampled, Resampling(level=50)) == Interval(0.15000000000000002, 0.25, 2)


def test_more_than_half_undefined_is_no_interval() -> None:
    assert interval(0.2, np.array([0.1, np.nan]), Resampling()).undefined == 1
    assert interval(0.2, np.array([0.1, np.nan]), Resampling()).low == 0.1
    assert interval(0.2, np.array([0.1, np.nan, np.nan]), Resampling()) == Interval(None, None, 2)


def test_a_class_of_one_image_is_undefined_where_that_image_is_not_drawn() -> None:
    images = some_images(50, 3, 1)
    for field in fields(Tallies):
        getattr(images, field.name)[1:, 2] = 0
    images.gt[0, 2], images.pred[0, 2], images.hit[0, 2] = 10, 10, 8
    images.void[0, 2] = images.unknown[0, 2] = 0
    setting = Resampling(resamples=400)
    absent = sum(int((block[:, 0] == 0).sum()) for block in bootstrap_weights(50, 1, setting))
    assert 100 < absent < 200, "(1 - 1/50)^50 is 0.364"
    found = intervals(plain(images), setting).iou[2]
    assert found == Interval(8 / 12, 8 / 12, absent)


def test_identical_images_have_an_interval_without_width() -> None:
    one = some_images(1, 4, 3)
    images = drawn(one, np.zeros(40, np.intp))
    for method in resampling.METHODS:
        data = plain(images)
        found = intervals(data, Resampling(method=method, resamples=100))
        for name, bounds in found.scores.items():
            value = data.observed[name]
            assert (bounds.low, bounds.high) == pytest.approx((value, value), abs=1e-14)
            assert bounds.undefined == 0


def test_bca_has_no_interval_where_all_resamples_are_on_one_side() -> None:
    setting = Resampling(method="bca")
    assert interval(0.5, np.array([0.1, 0.2]), setting, np.array([0.1, 0.2])) == Interval(None, None, 0)
    assert interval(0.0, np.array([0.1, 0.2]), setting, np.array([0.1, 0.2])) == Interval(None, None, 0)


def test_fewer_than_thirty_units_are_flagged() -> None:
    assert intervals(plain(some_images(FEW_UNITS - 1, 2, 0)), Resampling(resamples=5)).few_units
    assert not intervals(plain(some_images(FEW_UNITS, 2, 0)), Resampling(resamples=5)).few_units


def test_an_infinite_loss_is_refused() -> None:
    losses = {"bce": (np.array([1.0, math.inf]), np.array([4, 4]))}
    with pytest.raises(UsageError, match="infinite"):
        plain(some_images(2, 2, 0), extra=losses)


# Units


def test_groups_are_the_first_group_of_the_expression_or_the_whole_match() -> None:
    keys = ["b/s2_0", "a/s1_1", "a/s1_0"]
    assert units(keys, r"/(s\d)_").names == ("s1", "s2")
    assert units(keys, r"/(s\d)_").of_image.tolist() == [1, 0, 0]
    assert units(keys, r"[ab]/s\d").names == ("a/s1", "b/s2")
    assert units(keys).names == tuple(sorted(keys))


def test_keys_without_a_group_are_named() -> None:
    with pytest.raises(UsageError, match="--group-by") as caught:
        units(["s1_a", "other", "s2_b", ""], r"s\d|x(y)?")
    assert caught.value.where == ("s1_a", "other", "s2_b", "")
    with pytest.raises(UsageError) as caught:
        units(["s1_a", "other"], r"s\d")
    assert caught.value.where == ("other",)


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="regular expression"):
        units(["a"], "(")


def test_a_group_is_drawn_as_one() -> None:
    images = some_images(12, 3, 0)
    halves = sample(kept_tallies(images), HERE, units([f"{index % 2}/{index}" for index in range(12)], r"^(\d)/"))
    assert len(halves.units) == 2
    whole = halves.columns.sum(axis=0)
    assert np.array_equal(whole, plain(images).columns.sum(axis=0))
    even = plain(drawn(images, np.arange(0, 12, 2))).columns.sum(axis=0)
    assert halves.columns[0] == pytest.approx(even, rel=1e-12)
    resampled = np.concatenate([weights @ halves.columns for weights in bootstrap_weights(2, 1, Resampling())])
    first_true = {int(value) for value in resampled[:, halves.layout["true"].start]}
    assert len(first_true) <= 3, "both, or one of them twice"


# Statistics


@pytest.mark.parametrize("rule", conventions().values(), ids=lambda rule: rule.name)
def test_a_resampled_statistic_is_the_score_of_the_images_drawn(rule: Convention) -> None:
    images = some_images(9, 4, 5)
    data, setting = plain(images, rule), Resampling(resamples=40)
    drawer = np.random.default_rng(0)
    for weights in bootstrap_weights(9, 1, setting):
        for row, values in zip(weights, data.statistics(weights @ data.columns), strict=True):
            indices = drawer.integers(0, 9, 9)
            assert np.bincount(indices, minlength=9).tolist() == row.tolist()
            expected = scored(drawn(images, indices), rule)
            assert [None if math.isnan(value) else value for value in values.tolist()] == [
                None if value is None else pytest.approx(value, abs=1e-12) for value in expected.values()
            ]


axes = st.fixed_dictionaries({axis: st.sampled_from(choices) for axis, choices in AXES.items()})


@settings(max_examples=examples(60), deadline=None)
@given(chosen=axes, seed=st.integers(0, 1000), count=st.integers(1, 6))
def test_statistics_of_the_data_are_its_scores_whatever_the_convention(
    chosen: dict[str, str], seed: int, count: int
) -> None:
    rule, images = Convention(**chosen), some_images(count, 3, seed)
    data, expected = plain(images, rule), scored(images, rule)
    assert {**data.observed, **{str(at): value for at, value in enumerate(data.observed_iou)}} == expected
    values = data.statistics(data.columns.sum(axis=0, keepdims=True))[0].tolist()
    assert [None if math.isnan(value) else value for value in values] == [
        None if value is None else pytest.approx(value, abs=1e-12) for value in expected.values()
    ]


def test_jackknife_leaves_each_unit_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(7, 3, 2)
    for cells in (resampling.BLOCK_CELLS, 50):
        monkeypatch.setattr(resampling, "BLOCK_CELLS", cells)
        for left, values in enumerate(jackknife(plain(images)).tolist()):
            rest = np.array([index for index in range(7) if index != left])
            assert values == pytest.approx(
                [math.nan if value is None else value for value in scored(drawn(images, rest), HERE).values()],
                abs=1e-12,
                nan_ok=True,
            )


def test_losses_and_groups_have_intervals_too() -> None:
    images, merged = some_images(40, 4, 0), some_images(40, 2, 9)
    sums, pixels = np.random.default_rng(1).random(40), np.arange(40)
    data = plain(images, groups=kept_tallies(merged), extra={"bce": (sums, pixels), "none": (sums * 0, pixels * 0)})
    assert list(data.observed)[-3:] == ["group_miou", "bce", "none"]
    assert data.observed["group_miou"] == scored(merged, HERE)["miou"]
    assert data.observed["bce"] == math.fsum(sums) / pixels.sum()
    found = intervals(data, Resampling(resamples=300)).scores
    assert found["none"] == Interval(None, None, 300)
    expected = stats.bootstrap(
        (sums, pixels),
        lambda one, two, axis: one.sum(axis=axis) / two.sum(axis=axis),
        paired=True,
        n_resamples=300,
        rng=np.random.default_rng(0),
        method="percentile",
    ).confidence_interval
    assert (found["bce"].low, found["bce"].high) == pytest.approx(tuple(expected), rel=1e-12)
    assert found["group_miou"] == intervals(plain(merged), Resampling(resamples=300)).scores["miou"]


# Against scipy


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("level", [95.0, 80.0])
@pytest.mark.parametrize("statistic", ["miou", "pixel_accuracy", "image_miou", "class_miou", "0"])
def test_intervals_are_those_of_scipy(method: str, level: float, statistic: str) -> None:
    # scipy draws indices from the same stream, so the resamples are the same images and there is no luck in it.
    images = some_images(30, 3, 4)

    def score(indices: NDArray[np.intp]) -> float:
        value = scored(drawn(images, indices), HERE)[statistic]
        assert value is not None
        return value

    expected = stats.bootstrap(
        (np.arange(30),),
        score,
        n_resamples=200,
        vectorized=False,
        confidence_level=level / 100,
        method=method,
        rng=np.random.default_rng(7),
    ).confidence_interval
    found = intervals(plain(images), Resampling(level=level, resamples=200, seed=7, method=method))
    own = found.iou[0] if statistic == "0" else found.scores[statistic]
    assert (own.low, own.high) == pytest.approx(tuple(expected), rel=1e-11)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("draw", [np.random.Generator.standard_exponential, np.random.Generator.standard_cauchy])
def test_an_interval_is_that_of_scipy_given_the_same_distribution(
    method: str, draw: Callable[[np.random.Generator, int], NDArray[np.float64]]
) -> None:
    data = draw(np.random.default_rng(3), 25)
    done = stats.bootstrap((data,), np.mean, n_resamples=999, method=method, rng=np.random.default_rng(1))
    left_out = np.array([np.delete(data, index).mean() for index in range(25)])
    own = interval(
        float(data.mean()),
        done.bootstrap_distribution,
        Resampling(method=method),
        left_out if method == "bca" else None,
    )
    assert (own.low, own.high) == pytest.approx(tuple(done.confidence_interval), rel=1e-11)


# Same seed, same bytes


def test_no_block_size_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = {"bce": (np.random.default_rng(0).random(33), np.full(33, 7))}
    for average in AXES["average"]:
        data = plain(some_images(33, 3, 0), Convention(average=average), extra=losses)
        monkeypatch.undo()
        for method in resampling.METHODS:
            setting = Resampling(resamples=101, method=method)
            whole = intervals(data, setting)
            for cells in (1, 1000):
                monkeypatch.setattr(resampling, "BLOCK_CELLS", cells)
                assert intervals(data, setting) == whole
            monkeypatch.undo()


def test_the_order_of_the_images_does_not_show() -> None:
    images, keys = some_images(20, 3, 0), names(20)
    losses = np.random.default_rng(0).random(20) * 1e-7
    order = np.random.default_rng(1).permutation(20)
    for pattern in (None, r"_\d\d\d"):
        one = sample(kept_tallies(images), HERE, units(keys, pattern), extra={"bce": (losses, np.full(20, 7))})
        two = sample(
            kept_tallies(drawn(images, order)),
            HERE,
            units([keys[index] for index in order], pattern),
            extra={"bce": (losses[order], np.full(20, 7))},
        )
        assert np.array_equal(one.columns, two.columns)
        assert one.observed == two.observed
        assert intervals(one, Resampling(resamples=50)) == intervals(two, Resampling(resamples=50))


def test_another_seed_is_another_interval() -> None:
    data = plain(some_images(40, 3, 0))
    assert intervals(data, Resampling(seed=1, resamples=99)) != intervals(data, Resampling(seed=2, resamples=99))


def test_pixel_counts_are_exact_up_to_two_to_the_53() -> None:
    images = some_images(4, 2, 0)
    images.hit[0, 0] = images.gt[0, 0] = images.pred[0, 0] = 2**51 - 1
    data = plain(images)
    assert data.columns[0, data.layout["hit"]].tolist()[0] == 2**51 - 1
    images.hit[0, 0] = images.gt[0, 0] = images.pred[0, 0] = 2**60 - 1
    beyond = plain(images)
    assert beyond.columns[0, beyond.layout["hit"]].tolist()[0] == pytest.approx(2**60, rel=2**-50)


def test_sums_of_real_values_are_exact_too() -> None:
    losses = np.random.default_rng(0).random(50)
    data = plain(some_images(50, 2, 0), extra={"bce": (losses, np.ones(50))})
    column = data.columns[:, data.layout["bce.numerator"]][:, 0]
    assert column == pytest.approx(losses, rel=0, abs=2**-46)
    for weights in np.random.default_rng(1).multinomial(50, [1 / 50] * 50, size=20):
        forward, exact = 0.0, math.fsum((weights * column).tolist())
        for term in (weights * column).tolist():
            forward += term
        assert forward == exact


# Coverage, on synthetic runs of known truth


def test_intervals_cover_roughly() -> None:
    rates = coverage(examples(60), resamples=200)
    for name in ("miou", "image_miou", "pixel_accuracy"):
        assert 0.85 <= rates[name].rate <= 1, name


@pytest.mark.slow
@pytest.mark.parametrize("method", resampling.METHODS)
def test_intervals_cover(method: str) -> None:
    # 200 images with three classes in less than 5 % of them; the figures of the other scores: run the module by hand.
    rates = coverage(1000, method=method)
    for name in ("miou", "image_miou", "class_miou"):
        assert 0.92 <= rates[name].rate <= 0.97, name
