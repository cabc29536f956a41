"""The Python API: every command has a function behind it, and a training loop its accumulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segeval
from segeval import ConfusionMatrix, LevelTable
from segeval.errors import LabelError, MaskError, NothingToScoreError, UsageError
from segeval.scores import losses

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt")
CLASSES = SAMPLES / "classes.txt"


def test_every_name_of_all_is_there_and_nothing_else_is_promised() -> None:
    for name in segeval.__all__:
        assert getattr(segeval, name) is not None
    assert set(dir(segeval)) == set(segeval.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = segeval.no_such_name


def test_importing_segeval_imports_neither_numpy_nor_pillow() -> None:
    probe = "import sys, segeval; print(sorted({'numpy', 'PIL', 'rich', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_measure_report_and_combine_are_score_in_steps(tmp_path: Path) -> None:
    whole = segeval.score(*MASKS, classes=CLASSES)
    run = segeval.measure(*MASKS, classes=CLASSES)
    assert segeval.rescore(run).to_dict() == whole.to_dict()
    segeval.save_run(run, tmp_path / "run.jsonl")
    assert segeval.rescore(tmp_path / "run.jsonl").to_dict() == whole.to_dict()
    assert segeval.combine(tmp_path / "run.jsonl", run) == run
    night = segeval.rescore(run, keys="night/*", convention="ade20k")
    assert night.data.images == 1
    assert night.signature.get("keys") == "night/*"


def test_explain_inspect_and_compare_have_functions() -> None:
    run = segeval.measure(*MASKS, classes=CLASSES)
    assert len(segeval.explain(run).others) >= 15
    assert segeval.inspect(*MASKS, classes=CLASSES).ready
    compared = segeval.compare(run, run)
    assert compared.runs[0].differences["miou"].difference == 0


# The accumulator


def test_nothing_counted_is_nothing_to_score() -> None:
    with pytest.raises(NothingToScoreError):
        ConfusionMatrix(classes=3).report()


@pytest.mark.parametrize(
    ("pred", "gt", "said"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "equal stacks"),
        (np.zeros(6, int), np.zeros(6, int), "equal stacks"),
        (np.zeros((2, 3), float), np.zeros((2, 3), int), "not integer"),
        (np.zeros((2, 3), int), np.zeros((2, 3), float), "not integer"),
    ],
)
def test_arrays_that_are_no_masks_count_nothing(pred: np.ndarray, gt: np.ndarray, said: str) -> None:
    matrix = ConfusionMatrix(classes=2)
    matrix.update([[0, 1]], [[0, 1]])
    with pytest.raises(MaskError, match=said):
        matrix.update(pred, gt)
    assert matrix.counts.tolist() == [[1, 0], [0, 1]]


def test_unknown_values_are_refused_as_on_the_command_line() -> None:
    matrix = ConfusionMatrix(classes=2)
    matrix.update([[0, 7]], [[0, 1]])
    with pytest.raises(LabelError, match="neither a class nor ignored"):
        matrix.report()


def test_matrices_of_different_protocols_do_not_merge() -> None:
    with pytest.raises(UsageError, match="different protocols"):
        ConfusionMatrix(classes=2).merge(ConfusionMatrix(classes=3))


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.sampled_from([np.uint8, np.int16, np.int64, np.uint32]),
    st.integers(0, 2**32 - 1),
)
def test_batches_images_and_merged_parts_are_one_count(sizes: list[int], kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches: list[np.ndarray] = [rng.choice([0, 1, 2, 255], (2, size, 4, 5)).astype(kind) for size in sizes]
    by_batch, by_image, parts = (ConfusionMatrix(classes=3) for _ in range(3))
    for pred, gt in batches:
        by_batch.update(pred, gt)
        part = ConfusionMatrix(classes=3)
        for pred_image, gt_image in zip(pred, gt, strict=True):
            by_image.update(pred_image, gt_image)
            part.update(pred_image, gt_image)
        parts.merge(part)
    naive = np.zeros((3, 3), int)
    for pred, gt in batches:
        for predicted, true in zip(pred.ravel().tolist(), gt.ravel().tolist(), strict=True):
            if predicted < 3 and true < 3:
                naive[true, predicted] += 1
    for matrix in (by_batch, by_image, parts):
        assert matrix.counts.tolist() == naive.tolist()
    if naive.sum():
        assert by_batch.report().scores == by_image.report().scores == parts.report().scores


def test_the_accumulator_and_the_command_line_say_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    matrix = ConfusionMatrix(classes=4, ignore=3, convention="mapillary")
    for index in range(5):
        pred, gt = rng.integers(0, 4, (2, 7, 6))
        matrix.update(pred, gt)
        for folder, mask in (("pred", pred), ("gt", gt)):
            (tmp_path / folder).mkdir(exist_ok=True)
            np.save(tmp_path / folder / f"{index}.npy", mask)
    report = segeval.score(tmp_path / "pred", tmp_path / "gt", classes=4, ignore=3, convention="mapillary")
    assert matrix.report().scores == report.scores
    ours, theirs = (dict(one.signature.fields) for one in (matrix.report(), report))
    assert ours.pop("gt") != theirs.pop("gt"), "arrays have no file whose bytes could be told"
    assert ours == theirs


def test_a_level_table_gives_every_loss() -> None:
    table = LevelTable(1, ignore=[255])
    table.update(np.array([[0, 255, 51, 204]], np.uint8), np.array([[0, 1, 1, 255]], np.uint8))
    by_hand = (-np.log(1 - 1 / 510) - np.log(1 - 1 / 510) - np.log(0.2)) / 3
    assert losses.bce(table).value == pytest.approx(by_hand, rel=1e-12)
    weighted = (-np.log(1 - 1 / 510) - 2 * np.log(1 - 1 / 510) - 2 * np.log(0.2)) / 3
    assert losses.bce(table, pos_weight=2.0).value == pytest.approx(weighted, rel=1e-12)
