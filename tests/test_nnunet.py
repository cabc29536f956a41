"""nnU-Net in one step: its `dataset.json` as a preset, and its own evaluation's `summary.json`, key by key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import measure, save_run, score, verify
from segeval.errors import MaskError, SegevalError, UsageError
from segeval.protocol.labelregions import parse_regions, write_regions
from tests.originals import GOLDEN
from tests.originals.cases import SPACING, CaseSet, case_set, digest_of, write_dataset
from tests.support.commandline import run_segeval

nibabel = pytest.importorskip("nibabel", reason="comes with the extra medical")

BRATS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4}
FLOAT64 = 1e-12


@cache
def told() -> list[tuple[CaseSet, dict[str, Any]]]:
    found = json.loads((GOLDEN / "nnunet" / "summaries.json").read_text(encoding="utf-8"))
    sets = [(case_set(entry["seed"]), entry["scores"]) for entry in found["sets"]]
    assert digest_of(entry for entry, _ in sets) == found["digest"]
    return sets


def written(found: CaseSet, folder: Path, *, kind: str = ".nii.gz") -> tuple[str, str, str]:
    """Write a raw data set and predictions as nnU-Net does; return predictions, ground truth and `dataset.json`."""
    affine = np.diag([*SPACING[::-1], 1.0])
    for side, place in (("labelsTr", 0), ("predictions", 1)):
        (folder / side).mkdir(parents=True)
        for key, arrays in found.cases.items():
            nibabel.save(nibabel.Nifti1Image(arrays[place].transpose(2, 1, 0), affine), folder / side / f"{key}{kind}")
    return str(folder / "predictions"), str(folder / "labelsTr"), str(write_dataset(found, folder))


def alike(found: Any, theirs: Any, where: str) -> None:
    """Hold every key of theirs to ours, numbers to float64's precision; files by their names."""
    if isinstance(theirs, Mapping):
        assert found.keys() >= theirs.keys(), where
        for key, value in theirs.items():
            alike(found[key], value, f"{where}, {key}")
    elif isinstance(theirs, list):
        assert len(found) == len(theirs), where
        for index, value in enumerate(theirs):
            alike(found[index], value, f"{where}, {index}")
    elif isinstance(theirs, str):
        assert found.split("/")[1:] == [theirs], where
    elif theirs is None:
        assert found is None, where
    else:
        assert found is not None, where
        assert math.isclose(found, theirs, rel_tol=FLOAT64), f"{where}: {found} {theirs}"


# Against nnU-Net's own evaluation


@pytest.mark.parametrize("seed", range(40))
def test_the_summary_is_that_of_nnunets_own_evaluation(seed: int, tmp_path: Path) -> None:
    entry, theirs = told()[seed]
    pred, gt, dataset = written(entry, tmp_path)
    target = tmp_path / "summary.json"
    done = run_segeval(
        "score", pred, gt, "--preset", "nnunet", "--dataset", dataset, "-o", f"nnunet:{target}", "-f", "json"
    )
    assert done.code == 0, done.stderr
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["mean"].keys() == theirs["mean"].keys()
    for case, their_case in zip(found["metric_per_case"], theirs["metric_per_case"], strict=True):
        assert case["metrics"].keys() == their_case["metrics"].keys()
    alike(found, theirs, f"seed {seed}")
    scores = json.loads(done.stdout)["scores"]
    for ours, name in (("miou", "IoU"), ("mdice", "Dice")):
        alike(scores[ours], theirs["foreground_mean"][name], f"seed {seed}, {ours}")
    assert found.keys() - theirs.keys() == {"labels", "signature"}
    assert set(found["labels"].values()) <= entry.dataset["labels"].keys()


def test_the_golden_sets_hold_labels_regions_lists_of_one_and_what_nobody_has() -> None:
    keys = [list(theirs["mean"]) for _, theirs in told()]
    assert any(key.isdecimal() for key in keys[0])
    assert any("(1, 2, 3)" in of for of in keys)
    assert any(key.endswith(",)") for of in keys for key in of)
    assert any("(0, 1)" in of for of in keys)
    assert any("ignore" in entry.dataset["labels"] for entry, _ in told())
    assert sum(theirs["foreground_mean"]["Dice"] is None for _, theirs in told()) > 2


# Around it


def brats(tmp_path: Path, **more: Any) -> tuple[str, str, str]:
    noise = np.random.default_rng(7)
    gt = noise.integers(0, 5, (3, 4, 5)).astype(np.uint8)
    pred = np.where(noise.random(gt.shape) < 0.7, gt, noise.integers(0, 5, gt.shape)).astype(np.uint8)
    order = {"regions_class_order": [1, 2, 3]}
    dataset = {"labels": BRATS, "file_ending": ".nii.gz", **order, **more}
    return written(CaseSet(dataset, {"case_000": (gt, pred)}), tmp_path)


def test_regions_are_scored_as_classes_that_overlap(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    report = score(pred, gt, preset="nnunet", dataset=dataset)
    assert [entry.name for entry in report.classes] == ["whole", "core", "enhancing"]
    arrays = [np.asanyarray(nibabel.load(Path(side) / "case_000.nii.gz").dataobj) for side in (gt, pred)]
    valid = arrays[0] != 4
    for entry, labels in zip(report.classes, ([1, 2, 3], [2, 3], [3]), strict=True):
        of_gt, of_pred = (np.isin(array, labels) & valid for array in arrays)
        assert (entry.tp, entry.fp, entry.fn) == (
            (of_gt & of_pred).sum(),
            (~of_gt & of_pred & valid).sum(),
            (of_gt & ~of_pred).sum(),
        )


def test_the_folder_of_the_data_set_and_what_lies_beside_predictions_do_no_harm(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    (tmp_path / "imagesTr").mkdir()
    for name in ("imagesTr/case_000_0000.nii.gz", "predictions/case_000.npz", "predictions/case_000.pkl"):
        (tmp_path / name).write_bytes(b"not looked at")
    whole = score(pred, tmp_path, preset="nnunet", dataset=dataset)
    alone = score(pred, gt, preset="nnunet", dataset=dataset)
    assert whole.scores == alone.scores
    assert whole.data.void_pixels == alone.data.void_pixels


def test_a_saved_run_gives_the_summary_too_and_its_number_can_be_verified(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    run = tmp_path / "run.jsonl"
    save_run(measure(pred, gt, preset="nnunet", dataset=dataset), run)
    for target, line in (
        ("scored", ["score", pred, gt, "--preset", "nnunet", "--dataset", dataset]),
        ("saved", ["report", str(run)]),
    ):
        done = run_segeval(*line, "-o", f"nnunet:{tmp_path / target}.json", "--only", "miou")
        assert done.code == 0, done.stderr
    one, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("scored", "saved"))
    assert one["metric_per_case"][0].pop("reference_file") == "gt/case_000.nii.gz"
    assert other["metric_per_case"][0].pop("reference_file") == "gt/case_000"  # a run keeps keys
    for entry in (one, other):
        entry["metric_per_case"][0].pop("prediction_file")
    assert one == other
    report = score(pred, gt, preset="nnunet", dataset=dataset)
    claim = f"miou={report.scores['miou']!r}"
    assert verify(str(report.signature), claim, pred, gt, preset="nnunet", dataset=dataset).holds(strict=True)
    with pytest.raises(UsageError, match="digest"):
        verify(str(report.signature), claim, pred, gt)


def test_regions_of_volumes_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    path = Path(pred) / "case_000.nii.gz"
    turned = nibabel.Nifti1Image(np.asanyarray(nibabel.load(path).dataobj), np.diag([-1.0, 1.0, 1.0, 1.0]))
    nibabel.save(turned, path)
    with pytest.raises(MaskError, match="lie differently in space"):
        score(pred, gt, preset="nnunet", dataset=dataset)


def test_a_label_that_the_data_set_does_not_have_is_told(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path, labels={**BRATS, "whole": [1, 2], "core": [2, 1], "enhancing": 1})
    with pytest.raises(MaskError, match="values that are no class") as raised:
        score(pred, gt, preset="nnunet", dataset=dataset)
    assert "dataset.json" in raised.value.fix


def test_without_a_file_the_preset_asks_for_the_classes(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    with pytest.raises(UsageError, match="goes with any classes") as raised:
        score(pred, gt, preset="nnunet")
    assert "--dataset dataset.json" in raised.value.fix
    assert score(pred, gt, preset="nnunet", classes=5).classes_in_mean == 4
    with pytest.raises(UsageError, match="completes the preset nnunet"):
        score(pred, gt, dataset=dataset)
    with pytest.raises(UsageError, match="completes the preset nnunet"):
        score(pred, gt, preset="cityscapes", dataset=dataset)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"labels": {"organ": 1}}, "background of a dataset.json is not label 0"),
        ({"labels": {"background": 1, "organ": 0}}, "background of a dataset.json is not label 0"),
        ({"labels": {"0": "background", "1": "organ"}}, "no whole number"),
        ({"labels": {"background": 0, "organ": "1"}}, "no whole number"),
        ({"labels": {"background": 0, "organ": []}}, "no whole number"),
        ({"labels": {"background": 0, "organ": True}}, "no whole number"),
        ({"labels": {"background": 0, "organ": -1}}, "no whole number"),
        ({"labels": {"background": 0, "organ": 2**40}}, "no whole number"),
        ({"labels": {"background": 0, "organ": 1, "liver": 1}}, "class id occurs twice"),
        ({"labels": {"background": 0, "organ": 1, "ignore": 1}}, "ignored label of a dataset.json is a class too"),
        ({"labels": {"background": 0, "organ": 1, "ignore": [2]}}, "ignored label of a dataset.json is a list"),
        ({"labels": {"background": 0, "a\x1b[31m": 1}}, "control character"),
        ({"labels": [0, 1]}, "no dataset.json"),
        ({"file_ending": ".mha"}, "ending that is not read"),
        ({"file_ending": None}, "ending that is not read"),
        ({"regions_class_order": [1]}, "lacks the label of each"),
        ({"regions_class_order": None}, "lacks the label of each"),
        ({"labels": {**BRATS, **{f"r{value}": value for value in range(70)}}}, "ignored label|lacks the label"),
    ],
)
def test_a_dataset_json_that_says_something_else_is_refused(changes: dict[str, Any], what: str, tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path, **changes)
    with pytest.raises(SegevalError, match=what):
        score(pred, gt, preset="nnunet", dataset=dataset)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"labels": {"background": 0}' + "[" * 100, "[" * 100_000, "\0"])
def test_a_text_that_is_no_json_of_this_kind_is_refused(text: str, tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    Path(dataset).write_text(text)
    with pytest.raises(SegevalError):
        score(pred, gt, preset="nnunet", dataset=dataset)


def test_regions_are_written_so_that_they_read_back() -> None:
    for text in ("1+2+3,2+3,3", "3+", "0+1,2"):
        assert write_regions(parse_regions(text)) == text
    for text in ("", "1,", "a", "1++2", "-1", "1.5"):
        with pytest.raises(UsageError):
            parse_regions(text)


def test_the_summary_goes_into_json_only(tmp_path: Path) -> None:
    pred, gt, dataset = brats(tmp_path)
    for name in ("summary.svg", "summary.csv", "summary"):
        done = run_segeval("score", pred, gt, "--preset", "nnunet", "--dataset", dataset, "-o", f"nnunet:{name}")
        assert done.code == 2
        assert ".json" in done.stderr
