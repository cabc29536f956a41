"""The file of images holds what a loop over pixels counts, and nothing in it acts on a spreadsheet."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from tests.support.commandline import Completed, run_segeval
from tests.support.statisticsdata import counted, drawn_masks, predicted, write

COLUMNS = [
    *("key", "class_id", "class", "iou", "dice", "precision", "recall", "tp", "fp", "fn"),
    *("image_miou", "pixel_accuracy"),
]


def score(folder: Path, *arguments: str) -> Completed:
    return run_segeval("score", "pred", "gt", "--no-config", "-q", *arguments, cwd=folder)


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def test_every_class_of_every_image_is_what_a_loop_counts(tmp_path: Path) -> None:
    gt = drawn_masks(4)
    pred = predicted(gt, 5, right=0.8)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", pred)
    assert score(tmp_path, "--per-image", "out/images.csv").code == 2, "a folder that is not there is told"
    assert score(tmp_path, "--per-image", "images.csv", "--classes", "5").code == 0
    rows = list(csv.DictReader(StringIO((tmp_path / "images.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == COLUMNS
    assert [(row["key"], row["class_id"]) for row in rows] == [(key, str(index)) for key in gt for index in range(5)]
    for row in rows:
        key = row["key"]
        tp, fp, fn = counted(pred[key], gt[key], int(row["class_id"]))
        assert (int(row["tp"]), int(row["fp"]), int(row["fn"])) == (tp, fp, fn)
        assert number(row["iou"]) == ratio(tp, tp + fp + fn)
        assert number(row["dice"]) == ratio(2 * tp, 2 * tp + fp + fn)
        assert number(row["precision"]) == ratio(tp, tp + fp)
        assert number(row["recall"]) == ratio(tp, tp + fn)
        valid = gt[key] != 255
        assert number(row["pixel_accuracy"]) == (pred[key] == gt[key])[valid].sum() / valid.sum()
        present = [counted(pred[key], gt[key], index) for index in sorted(set(gt[key][valid].tolist()))]
        ious = [hit / (hit + alarm + miss) for hit, alarm, miss in present]
        assert number(row["image_miou"]) == pytest.approx(sum(ious) / len(ious), rel=1e-15)


def test_jsonl_says_the_same(tmp_path: Path) -> None:
    gt = drawn_masks(4)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", predicted(gt, 5, right=0.8))
    assert score(tmp_path, "--per-image", "images.csv").code == 0
    assert score(tmp_path, "--per-image", "images.jsonl").code == 0
    rows = csv.DictReader(StringIO((tmp_path / "images.csv").read_text(encoding="utf-8")))
    records = [json.loads(line) for line in (tmp_path / "images.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, record in zip(rows, records, strict=True):
        assert list(record) == COLUMNS
        assert row == {name: "" if value is None else str(value) for name, value in record.items()}


def test_images_of_a_saved_run_are_the_same_bytes_whatever_the_jobs(tmp_path: Path) -> None:
    gt = drawn_masks(4)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", predicted(gt, 5, right=0.8))
    score(tmp_path, "--per-image", "one.csv", "-j", "1", "--save", "run.jsonl")
    score(tmp_path, "--per-image", "four.csv", "-j", "4")
    done = run_segeval("report", "run.jsonl", "--no-config", "--per-image", "saved.csv", cwd=tmp_path)
    assert done.code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "four.csv").read_bytes()
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "saved.csv").read_bytes()


def test_an_image_without_valid_pixels_has_no_scores(tmp_path: Path) -> None:
    masks = {"void": np.full((2, 2), 255, np.uint8), "x": np.zeros((2, 2), np.uint8)}
    write(tmp_path / "gt", masks)
    write(tmp_path / "pred", {key: np.zeros((2, 2), np.uint8) for key in masks})
    assert score(tmp_path, "--per-image", "images.csv", "--ignore", "255").code == 0
    assert (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()[1:] == [
        "void,0,0,,,,,0,0,0,,",
        "x,0,0,1.0,1.0,1.0,1.0,4,0,0,1.0,1.0",
    ]


@pytest.mark.parametrize("key", ["=cmd|'!A0", "+1", "-1", "@SUM(1)"])
def test_a_name_is_no_formula(tmp_path: Path, key: str) -> None:
    masks = {key: np.zeros((2, 2), np.uint8)}
    for side in ("gt", "pred"):
        write(tmp_path / side, masks)
    (tmp_path / "classes.txt").write_text("=1+1\n", encoding="utf-8")
    assert score(tmp_path, "--per-image", "images.csv", "--classes", "classes.txt").code == 0
    rows = list(csv.reader(StringIO((tmp_path / "images.csv").read_text(encoding="utf-8"))))
    assert (rows[1][0], rows[1][2]) == (f"'{key}", "'=1+1")


def test_another_suffix_is_refused_before_any_work(tmp_path: Path) -> None:
    done = score(tmp_path, "--per-image", "images.txt")
    assert (done.code, done.stdout) == (2, "")
    assert "--per-image writes CSV or JSON Lines" in done.stderr


def test_maps_add_the_losses_of_each_class(tmp_path: Path) -> None:
    (tmp_path / "pred").mkdir()
    write(tmp_path / "gt", {"x": np.array([[0, 1]], np.uint8)})
    np.save(tmp_path / "pred" / "x.npy", np.array([[0.25, 0.75]]))
    assert score(tmp_path, "--probs", "--per-image", "images.jsonl").code == 0
    negative, positive = map(json.loads, (tmp_path / "images.jsonl").read_text(encoding="utf-8").splitlines())
    assert positive["bce"] == pytest.approx(-np.log(0.75))
    assert positive["focal"] == pytest.approx(-np.log(0.75) * 0.25**2 / 2, rel=1e-12)
    assert positive["brier"] == 0.0625
    assert positive["mae"] == 0.25
    assert negative["bce"] is None
