"""The benchmark runs, draws the same corpora every time, and lets no time count whose result is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.benchmarks import competitors, corpora, measure, page, report, updates
from tests.benchmarks.__main__ import main

TINY = next(entry for entry in corpora.CORPORA if entry.name == "tiny")
SMALL = tuple(
    replace(entry, name=f"small-{entry.name}", height=48, width=64, pairs=2)
    for entry in corpora.CORPORA
    if entry.installed()
)


@pytest.mark.parametrize("corpus", SMALL, ids=lambda corpus: corpus.name)
def test_a_corpus_holds_what_it_says(corpus: corpora.Corpus, tmp_path: Path) -> None:
    folders = corpora.folders(corpus, 2, tmp_path)
    pairs = [(np.asarray(Image.open(gt)), np.asarray(Image.open(pred))) for gt, pred in folders.pairs()]
    assert len(pairs) == 2
    for gt, pred in pairs:
        assert gt.shape == pred.shape == (corpus.height, corpus.width)
        assert gt.dtype == pred.dtype == (np.uint16 if corpus.save is corpora.save_words else np.uint8)
        labels = {0, 255} if corpus.probabilities else {*range(corpus.classes), corpus.ignore}
        assert {*gt.ravel().tolist()} <= labels
        assert corpus.probabilities or pred.max() < corpus.classes
    assert not np.array_equal(pairs[0][0], pairs[1][0])


def test_a_corpus_is_drawn_alike_every_time_and_copies_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = (corpora.folders(TINY, 2, tmp_path / name) for name in ("first", "second"))
    copied = corpora.folders(TINY, 2, tmp_path / "first", copies=3)
    for side in ("gt", "pred"):
        originals = [path.read_bytes() for path in sorted(getattr(first, side).iterdir())]
        assert originals == [path.read_bytes() for path in sorted(getattr(second, side).iterdir())]
        assert sorted(3 * originals) == sorted(path.read_bytes() for path in getattr(copied, side).iterdir())


def test_a_certain_level_is_never_wrong_so_that_every_clamp_gives_one_loss(tmp_path: Path) -> None:
    (corpus,) = (entry for entry in SMALL if entry.probabilities)
    for gt, pred in corpora.folders(corpus, 2, tmp_path).pairs():
        truth, levels = np.asarray(Image.open(gt)), np.asarray(Image.open(pred))
        assert levels[truth == 255].min() >= 1
        assert levels[truth == 0].max() <= 254


def test_kornia_decodes_what_pillow_decodes(tmp_path: Path) -> None:
    pytest.importorskip("kornia_rs")
    for paths in corpora.folders(TINY, 2, tmp_path).pairs():
        for path in paths:
            decoded = np.asarray(competitors.kornia_samples(path))
            assert np.array_equal(decoded.reshape(TINY.height, TINY.width), np.asarray(Image.open(path)))


def test_the_script_counts_what_a_loop_counts(tmp_path: Path) -> None:
    folders = corpora.folders(TINY, 1, tmp_path)
    expected = np.zeros((TINY.classes, TINY.classes), np.int64)
    for gt, pred in folders.pairs():
        for true, found in zip(Image.open(gt).tobytes(), Image.open(pred).tobytes(), strict=True):
            if true != TINY.ignore:
                expected[true, found] += 1
    found_counts = competitors.bincount_script(TINY, folders).confusion
    assert found_counts is not None
    np.testing.assert_array_equal(found_counts, expected)


@pytest.mark.parametrize(
    "competitor",
    [entry for entry in competitors.COMPETITORS if not entry.floor and not entry.probabilities],
    ids=lambda entry: entry.name,
)
def test_every_competitor_agrees_with_the_script(competitor: competitors.Competitor, tmp_path: Path) -> None:
    if not competitor.installed():
        pytest.skip(f"{competitor.module} is not installed")
    folders = corpora.folders(TINY, 2, tmp_path)
    assert competitor.run(TINY, folders).agrees(competitors.bincount_script(TINY, folders))


@pytest.mark.parametrize(
    "competitor",
    [entry for entry in competitors.COMPETITORS if not entry.floor and entry.probabilities],
    ids=lambda entry: entry.name,
)
def test_every_loss_agrees_with_the_script(competitor: competitors.Competitor, tmp_path: Path) -> None:
    if not competitor.installed():
        pytest.skip(f"{competitor.module} is not installed")
    (corpus,) = (entry for entry in SMALL if entry.probabilities)
    folders = corpora.folders(corpus, 2, tmp_path)
    assert competitor.run(corpus, folders).agrees(competitors.numpy_bce(corpus, folders))


def _counts(*rows: tuple[int, ...]) -> competitors.Result:
    return competitors.Result(confusion=np.array(rows, np.int64))


def _areas(*areas: tuple[int, ...]) -> competitors.Result:
    intersection, gt, pred = (np.array(area, np.int64) for area in areas)
    return competitors.Result(areas=(intersection, gt, pred))


def test_a_result_that_differs_is_told_apart() -> None:
    reference = _counts((3, 1), (2, 4))
    assert _counts((3, 1), (2, 4)).agrees(reference)
    assert not _counts((3, 2), (1, 4)).agrees(reference), "transposed"
    assert _areas((3, 4), (4, 6), (5, 5)).agrees(reference)
    assert not _areas((3, 4), (5, 5), (4, 6)).agrees(reference), "ground truth and prediction exchanged"
    assert not competitors.Result(bce=0.5).agrees(reference)
    assert not competitors.Result().agrees(reference)
    assert competitors.Result(bce=0.5).agrees(competitors.Result(bce=0.5 + 4e-7))
    assert not competitors.Result(bce=0.5).agrees(competitors.Result(bce=0.5 + 6e-7))


def test_no_time_counts_of_one_that_is_absent_fails_or_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(corpus: corpora.Corpus, folders: corpora.Folders) -> competitors.Result:
        raise RuntimeError("no")

    def differs(corpus: corpora.Corpus, folders: corpora.Folders) -> competitors.Result:
        return competitors.Result(confusion=np.zeros((corpus.classes, corpus.classes), np.int64))

    floor, script, *_ = competitors.competitors_for(TINY)
    field = (
        floor,
        script,
        competitors.Competitor("absent", "", differs, module="no_such_module_anywhere"),
        competitors.Competitor("fails", "", fails),
        competitors.Competitor("differs", "", differs),
    )
    monkeypatch.setattr(measure, "competitors_for", lambda corpus: field)
    timings = measure.time_corpus(TINY, corpora.folders(TINY, 1, tmp_path), rounds=2)
    statuses = {timing.competitor: timing.status for timing in timings}
    assert statuses == {
        "decode only": "",
        "bincount script": "",
        "absent": "absent",
        "fails": "failed (RuntimeError: no)",
        "differs": "another result",
    }
    for timing in timings:
        assert (timing.milliseconds is None) == bool(timing.status)
        assert len(timing.rounds) == (0 if timing.status else 2)
    assert timings[0].to_floor == 1
    assert timings[1].to_script == 1


def test_aims_are_ratios_of_what_was_measured_and_none_where_it_was_not() -> None:
    cityscapes = next(entry for entry in corpora.CORPORA if entry.name == "cityscapes")
    timings = (
        measure.Timing(report.ONE_JOB, "", 18.0, 1.05, 0.6, 55.0, (18.0, 19.0, 18.0)),
        measure.Timing(report.ALL_JOBS, "", 9.0, 0.5, 0.3, 110.0, (9.0, 19.0, 9.0)),
    )
    found = report.Findings(
        (report.CorpusFindings(cityscapes, 8, 2e4, 3e4, timings),),
        {"import click": 100.0, "segeval --help": 160.0},
        growth=1.05,
        updates={"masks": 0.5, "noise": 1.5},
    )
    aims = {aim.aim: (aim.measured, aim.met) for aim in report.aims(found)}
    assert aims["cityscapes, 1 job / decode only"] == (1.05, True)
    assert aims["cityscapes, script / all jobs"] == (1 / 0.3, True)
    assert aims["cityscapes, 1 job / all jobs"] == (2.0, True)
    assert aims["cityscapes, peak memory of 10x the pairs"] == (1.05, True)
    assert aims["segeval --help / import click"] == (1.6, False)
    assert aims["update of masks, 4 x 512 x 1024 / torchmetrics"] == (0.5, True)
    assert aims["update of noise, 4 x 512 x 1024 / torchmetrics"] == (1.5, False)
    assert aims["camvid, 1 job / decode only"] == (None, None)
    assert aims["segeval --version / import click"] == (None, None)


def test_a_ratio_of_updates_counts_only_where_the_matrices_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in updates.NEEDED:
        pytest.importorskip(name)
    small = (2, 40, 70)
    for drawn in updates.BATCHES.values():
        pred, gt = drawn(small)
        assert pred.shape == gt.shape == small
        assert {pred.dtype, gt.dtype} == {np.dtype(np.int64)}
        assert not np.array_equal(pred, gt)
    ratios = updates.update_ratios(rounds=2, shape=small)
    assert ratios.keys() == updates.BATCHES.keys()
    assert all(ratio is not None and ratio > 0 for ratio in ratios.values())
    monkeypatch.setattr("segeval.ConfusionMatrix.counts", np.zeros((19, 19), np.int64))
    assert set(updates.update_ratios(rounds=1, shape=small).values()) == {None}
    monkeypatch.setattr(updates, "NEEDED", ("no_such_module_anywhere",))
    assert set(updates.update_ratios(rounds=1, shape=small).values()) == {None}


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    arguments = ["--quick", "--corpus", "tiny", "--pairs", "2", "--rounds", "1", "--only", "segeval"]
    ended = CliRunner().invoke(main, [*arguments, "--directory", str(tmp_path / "drawn"), "--json", str(output)])
    assert ended.exit_code == 0, ended.output
    assert "bincount script" in ended.stdout
    found = json.loads(output.read_text(encoding="utf-8"))
    (tiny,) = found["corpora"]
    assert [timing["status"] for timing in tiny["timings"]] == [""] * 7
    assert tiny["pairs"] == 2
    assert found["machine"]["numpy"] == np.__version__


def test_peak_memory_is_that_of_a_fresh_process(tmp_path: Path) -> None:
    """A process of a hundred megabytes starts another, whose peak is its own."""
    held = np.ones(1 << 27, np.uint8)
    peak = measure.peak_memory(TINY, "decode only", corpora.folders(TINY, 1, tmp_path))
    assert peak is not None
    assert 1 << 22 < peak < held.nbytes
    assert measure.peak_bytes() > held.nbytes


def test_a_row_of_a_tiny_image_takes_more_than_its_cells_and_less_than_four_kilobytes(tmp_path: Path) -> None:
    assert 200 < measure.row_bytes(TINY, corpora.folders(TINY, 20, tmp_path)) < 4096


def test_the_page_has_a_table_of_masks_one_of_maps_and_one_of_aims() -> None:
    def entry(name: str, about: str, **timing: object) -> dict[str, object]:
        floor = {"competitor": "decode only", "status": "", "milliseconds": 2.0, "to_floor": 1.0}
        return {"name": name, "about": about, "timings": [floor, {"status": "", **timing}]}

    fast = entry("tiny", "tiny ones", competitor="segeval, 1 job", milliseconds=0.5, to_floor=0.25)
    wrong = entry("noise", "noise", competitor="segeval, 1 job", milliseconds=9.0, to_floor=4.5, status="disagrees")
    maps = entry("probability", "maps", competitor="torch", milliseconds=8.0, to_floor=4.0)
    aims = [
        {"aim": "a / b", "measured": 0.254, "bound": 0.3, "at_most": True, "met": True},
        {"aim": "c / d", "measured": None, "bound": 1.0, "at_most": False, "met": None},
    ]
    masks, of_maps, ratios = page.tables({"corpora": [fast, wrong, maps], "aims": aims}).split("\n\n")
    assert masks.splitlines()[2:] == [
        "| decode only | 2.00 (1.00x) | 2.00 (1.00x) |",
        "| **segeval, 1 job** | 0.50 (0.25x) | - |",
    ]
    assert of_maps.splitlines()[3] == "| torch | 8.00 (4.00x) |"
    assert ratios.splitlines()[2:] == ["| a / b | 0.25 | <= 0.3 | met |"]
