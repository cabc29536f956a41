"""Curves as files: every row against a loop over pixels, undefined ones empty, names that act on nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval.errors import UsageError
from segeval.render.curves import COLUMNS, curves_csv, curves_json
from segeval.report.report import Report
from tests.support.probability_folders import converted, save_gt, save_npy
from tests.support.sample_reports import REPORTS

GT = np.array([[0, 0, 1, 1], [2, 2, 255, 0]], np.uint8)
LEVELS = np.array(
    [
        [[200, 90, 30, 0], [0, 255, 7, 85]],
        [[55, 90, 200, 255], [0, 0, 7, 85]],
        [[0, 75, 25, 0], [255, 0, 7, 85]],
    ],
    np.uint8,
)


def report_of(root: Path, kind: str = "uint8", **options: Any) -> Report:
    save_gt(root / "gt", [options.pop("gt", GT)])
    save_npy(root / "p" / "a.npy", converted(options.pop("levels", LEVELS), kind))
    return segeval.score(root / "p", root / "gt", probs=True, **{"classes": 3, **options})


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(curves_csv(report))))


def test_label_masks_have_no_curves() -> None:
    for write in (curves_csv, curves_json):
        with pytest.raises(UsageError, match="--probs"):
            write(REPORTS["street"])


def test_undefined_is_empty_and_null(tmp_path: Path) -> None:
    report = report_of(tmp_path, gt=np.where(GT == 2, 0, GT).astype(np.uint8))
    last = [row for row in rows_of(report) if row["id"] == "2"][-1]
    assert (last["tp"], last["fp"], last["fn"]) == ("0", "0", "0")
    assert [last[name] for name in ("precision", "recall", "iou", "f1")] == ["", "", "", ""]
    entry = json.loads(curves_json(report))["curves"][2]
    assert [entry[name][-1] for name in ("precision", "recall", "iou", "f1")] == [None] * 4
    assert [entry[name] for name in ("average_precision", "auroc", "best_iou", "best_f1")] == [None] * 4
    assert None in [part["positive_rate"] for part in entry["reliability"]]


def test_every_8_bit_threshold_has_the_counts_of_a_loop(tmp_path: Path) -> None:
    rows = rows_of(report_of(tmp_path))
    assert len(rows) == 3 * 256
    assert list(rows[0]) == list(COLUMNS)
    for number, row in enumerate(rows):
        index, threshold = divmod(number, 256)
        assert (row["id"], float(row["threshold"])) == (str(index), threshold / 255)
        tp = fp = fn = 0
        for true, level in zip(GT.ravel().tolist(), LEVELS[index].ravel().tolist(), strict=True):
            if true != 255:
                tp += true == index and level > threshold
                fp += true != index and level > threshold
                fn += true == index and level <= threshold
        assert (int(row["tp"]), int(row["fp"]), int(row["fn"])) == (tp, fp, fn)
        assert row["precision"] == (repr(tp / (tp + fp)) if tp + fp else "")
        assert float(row["recall"]) == tp / (tp + fn)
        assert float(row["iou"]) == tp / (tp + fp + fn)
        assert float(row["f1"]) == 2 * tp / (2 * tp + fp + fn)


@pytest.mark.parametrize("kind", ["uint16", "float64"])
def test_more_levels_are_left_out_only_where_nothing_changes(kind: str, tmp_path: Path) -> None:
    few = rows_of(report_of(tmp_path / "few"))
    many = rows_of(report_of(tmp_path / "many", kind))
    levels = [sorted({0, 255, *LEVELS[index][GT != 255].tolist()}) for index in range(3)]
    assert len(many) == sum(map(len, levels))
    held: dict[str, dict[float, dict[str, str]]] = {}
    for row in many:
        held.setdefault(row["id"], {})[float(row["threshold"])] = row
    for row in few:
        at_or_below = max(value for value in held[row["id"]] if value <= float(row["threshold"]))
        same = held[row["id"]][at_or_below]
        assert {**same, "threshold": ""} == {**row, "threshold": ""}


def test_csv_and_json_hold_the_same(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    value = json.loads(curves_json(report))
    assert value["maps"] == {"kind": "uint8", "count": 3}
    assert value["signature"] == str(report.signature)
    for index, entry in enumerate(value["curves"]):
        rows = [row for row in rows_of(report) if row["id"] == str(index)]
        for name in COLUMNS[2:]:
            assert entry[name] == [float(row[name]) if row[name] else None for row in rows]
        assert sum(part["pixels"] for part in entry["reliability"]) == entry["positives"] + entry["negatives"] == 7
        assert entry["best_iou"]["value"] == max(value for value in entry["iou"] if value is not None)
        assert entry["best_iou"]["chosen_on_this_data"] is True
        assert entry["auroc"] == report.classes[index].losses["auroc"]


def test_a_binary_map_has_one_curve_that_of_the_foreground(tmp_path: Path) -> None:
    report = report_of(tmp_path, gt=(GT == 1).astype(np.uint8), levels=LEVELS[1], classes=["back", "front"])
    assert [(entry["id"], entry["name"]) for entry in json.loads(curves_json(report))["curves"]] == [(1, "front")]


@pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@SUM(1)", "\uff1d1"])
def test_no_name_is_a_formula(name: str, tmp_path: Path) -> None:
    rows = rows_of(report_of(tmp_path, classes=[name, "b", "c"]))
    assert rows[0]["name"] == f"'{name}"
    assert json.loads(curves_json(report_of(tmp_path, classes=[name, "b", "c"])))["curves"][0]["name"] == name


def test_names_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    assert rows_of(report_of(tmp_path, classes=['a,"b"', "b", "c"]))[0]["name"] == 'a,"b"'


def test_equal_reports_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (report_of(tmp_path / name, "float32") for name in ("one", "two"))
    assert (curves_csv(first), curves_json(first)) == (curves_csv(second), curves_json(second))
