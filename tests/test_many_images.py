"""The bootstrap of more images than indices are drawn for: weights by name, the same in any blocks, and as wide."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from segeval.comparison.runs import compare_runs
from segeval.errors import UsageError
from segeval.report.samples import drawn_sample
from segeval.report.scoring import measured
from segeval.request import build_request
from segeval.runs.file import load_run, save_run
from segeval.runs.run import Run
from segeval.sampling import poisson, sample
from segeval.sampling.poisson import LargeSample, hashes_of, poisson_weights, swapped_units
from segeval.sampling.resampling import Resampling, intervals
from segeval.sampling.sample import Sample
from tests.support.commandline import run_segeval
from tests.support.runs import run_of

NAMES = [f"{number:05d}" for number in range(2000)]
DRAWS = Resampling(resamples=200, seed=3)


def small_run(images: int, offset: int = 0) -> Run:
    run = run_of(None, [(f"city/{number:05d}", number + offset) for number in range(images)])
    return replace(run, protocol=build_request(classes=3, unknown="miss").protocol)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take forty images for more than indices are drawn for, and a few for what memory holds."""
    for module in ("sampling.poisson", "sampling.uncertainty", "sampling.resampling", "report.samples"):
        monkeypatch.setattr(f"segeval.{module}.MOST_DRAWN", 30)
    monkeypatch.setattr("segeval.report.samples.PART_IMAGES", 7)


def test_weights_are_poisson_of_mean_one_and_swaps_even() -> None:
    weights = poisson_weights(hashes_of(NAMES), 50, seed=0)
    counted = np.bincount(weights.astype(int).reshape(-1), minlength=9)[:6]
    expected = stats.poisson.pmf(np.arange(6), 1) * weights.size
    assert stats.chisquare(counted, expected * counted.sum() / expected.sum()).pvalue > 1e-3
    assert abs(weights.mean() - 1) < 4 / np.sqrt(weights.size)
    swaps = swapped_units(hashes_of(NAMES), 50, seed=0)
    assert set(np.unique(swaps)) == {0.0, 1.0}
    assert abs(swaps.mean() - 0.5) < 2 / np.sqrt(swaps.size)


def test_weights_of_units_and_of_resamples_are_independent() -> None:
    weights = poisson_weights(hashes_of(NAMES), 60, seed=0)
    of_resamples, of_units = np.corrcoef(weights.T), np.corrcoef(weights[:60])
    for correlations, count in ((of_resamples, len(NAMES)), (of_units, 60)):
        assert isinstance(correlations, np.ndarray)
        apart = correlations[np.triu_indices_from(correlations, 1)]
        assert abs(apart.mean()) < 4 / np.sqrt(count * len(apart))
        assert np.abs(apart).max() < 5.5 / np.sqrt(count)


def test_weights_rest_on_name_and_seed_alone() -> None:
    weights = poisson_weights(hashes_of(NAMES), 9, seed=5)
    assert (poisson_weights(hashes_of(NAMES[100:]), 9, seed=5) == weights[100:]).all()
    assert (poisson_weights(hashes_of(NAMES), 5, seed=5) == weights[:, :5]).all()
    assert (poisson_weights(hashes_of(NAMES), 9, seed=6) != weights).any()


@pytest.mark.usefixtures("many")
def test_a_sample_read_by_the_block_gives_the_intervals_of_one_in_memory() -> None:
    run = small_run(40)
    found = measured(run)
    by_block, whole = drawn_sample(run, found, None), drawn_sample(run, found, None, group_by=".+")
    assert isinstance(by_block, LargeSample)
    assert isinstance(whole, Sample)
    streamed, dense = (
        {name: one.bounds() for name, one in intervals(data, DRAWS).scores.items()} for data in (by_block, whole)
    )
    assert streamed.keys() == dense.keys()
    for name, bounds in streamed.items():  # sums in memory are rounded to fewer binary digits first
        assert bounds == pytest.approx(dense[name], rel=1e-12)


@pytest.mark.usefixtures("many")
def test_json_and_signature_say_that_weights_were_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.runs.parquet.IN_MEMORY_ROWS", 0)
    monkeypatch.setattr("segeval.runs.parquetrows.BLOCK_ROWS", 11)
    pytest.importorskip("pyarrow")
    reports = []
    for name in ("run.jsonl", "run.parquet"):
        save_run(small_run(40), tmp_path / name)
        done = run_segeval("report", name, "--ci", "95", "--resamples", "50", "-f", "json", cwd=tmp_path)
        assert done.code == 0, done.stderr
        reports.append(json.loads(done.stdout))
    assert reports[0] == reports[1]
    assert reports[0]["resampling"]["draws"] == "poisson"
    assert "draws:poisson" in reports[0]["signature"].replace("=", ":")


@pytest.mark.usefixtures("many")
def test_comparisons_are_the_same_from_memory_and_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    base, new = small_run(40), small_run(40, offset=100)
    alike = [replace(row, digest=old.digest) for row, old in zip(new.rows, base.rows, strict=True)]
    new = replace(new, rows=tuple(alike))
    monkeypatch.setattr("segeval.runs.parquet.IN_MEMORY_ROWS", 0)
    monkeypatch.setattr("segeval.runs.parquetrows.BLOCK_ROWS", 11)
    for name, run in (("base", base), ("new", new)):
        save_run(run, tmp_path / f"{name}.parquet")
    stored = [(name, load_run(tmp_path / f"{name}.parquet")) for name in ("base", "new")]
    told: list[Any] = [
        compare_runs(named, settings=DRAWS).to_dict() for named in ([("base", base), ("new", new)], stored)
    ]
    assert told[0] == told[1]
    assert told[0]["resampling"]["draws"] == "poisson"
    assert 0 < told[0]["differences"]["miou"]["p"] <= 1
    itself = compare_runs([stored[0], ("again", stored[0][1])], settings=DRAWS).to_dict()
    assert itself["differences"]["miou"]["p"] == 1


@pytest.mark.usefixtures("many")
def test_bca_is_refused_with_a_fix_that_works() -> None:
    run = small_run(40)
    data = drawn_sample(run, measured(run), None)
    with pytest.raises(UsageError) as caught:
        intervals(data, replace(DRAWS, method="bca"))
    assert "--ci-method percentile" in caught.value.fix
    intervals(data, replace(DRAWS, method="percentile"))


@pytest.mark.usefixtures("many")
def test_many_images_of_very_many_classes_are_refused_with_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(40)
    found = measured(run)
    classes = found.images.at.classes
    monkeypatch.setattr("segeval.report.samples.MOST_LARGE_CLASSES", classes)
    drawn_sample(run, found, None)
    monkeypatch.setattr("segeval.report.samples.MOST_LARGE_CLASSES", classes - 1)
    with pytest.raises(UsageError) as caught:
        drawn_sample(run, found, None)
    assert f"40 images of {classes} classes; above 30 images there may be {classes - 1}" in caught.value.where[0]


def test_few_images_are_drawn_as_before() -> None:
    run = small_run(40)
    assert isinstance(drawn_sample(run, measured(run), None), Sample)
    assert poisson.MOST_DRAWN == 100_000
    assert sample.MOST_CELLS == 1 << 22


def assert_as_wide(images: int, resamples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw indices, then weights, and hold the ends against each other within the error of both."""
    run = small_run(images)
    found = measured(run)
    settings = Resampling(resamples=resamples)
    drawn = intervals(drawn_sample(run, found, None), settings)
    for module in ("sampling.poisson", "sampling.resampling", "report.samples"):
        monkeypatch.setattr(f"segeval.{module}.MOST_DRAWN", 10)
    weighed = intervals(drawn_sample(run, found, None), settings)
    assert drawn.units == weighed.units == images
    for name, one in drawn.scores.items():
        other = weighed.scores[name]
        assert one.low is not None
        assert one.high is not None
        assert other.low is not None
        assert other.high is not None
        deviation = (one.high - one.low) / (2 * 1.96)
        # A quantile at 2.5 % of R normal draws has a standard error of 2.67 / sqrt(R) deviations.
        error = 2.67 * np.sqrt(2 / resamples) * deviation
        assert abs(one.low - other.low) < 4.5 * error, name
        assert abs(one.high - other.high) < 4.5 * error, name


def test_both_ways_of_drawing_agree_within_the_error_of_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_as_wide(300, 400, monkeypatch)


@pytest.mark.slow
def test_both_ways_of_drawing_agree_at_fifty_thousand_images(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_as_wide(50_000, 1000, monkeypatch)
