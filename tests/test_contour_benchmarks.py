"""The benchmark of contours: what it compares is equal, and where a program is absent or differs no ratio is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from tests.benchmarks import contours, corpora
from tests.test_boundaries import blobs, counted

pytest.importorskip("scipy")
(STREET,) = (entry for entry in corpora.CORPORA if entry.name == "cityscapes")


def test_erosion_counts_what_the_bands_hold() -> None:
    pytest.importorskip("cv2")
    gt, pred = (side.astype(np.uint8) for side in blobs(2, void=False))
    for width in (1, 3):
        assert contours.eroded_bands(gt, pred, width, 4) == counted(gt, pred, width).bands[:, 0].tolist()


def test_ratios_of_a_street_are_of_equal_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = corpora.folders(STREET, 1, tmp_path)
    assert contours.street_ratios(folders, STREET, rounds=1)["boundary scores beside plain scoring"] is not None
    solid = contours.without_void(folders, STREET, pairs=1)
    monkeypatch.setattr(contours, "find_spec", lambda _name: object())

    def bands(gt: Any, pred: Any, width: int, classes: int) -> list[list[int]]:
        found = counted(gt, pred, width)
        at = dict(zip(found.ids.tolist(), found.bands[:, 0].tolist(), strict=True))
        return [at.get(one, [0, 0, 0]) for one in range(classes)]

    monkeypatch.setattr(contours, "eroded_bands", bands)
    assert contours.erosion_ratio(solid, STREET.classes + 1, rounds=1) is not None
    monkeypatch.setattr(contours, "eroded_bands", lambda *arguments: np.ones_like(bands(*arguments)).tolist())
    assert contours.erosion_ratio(solid, STREET.classes + 1, rounds=1) is None
    monkeypatch.setattr(contours, "find_spec", lambda _name: None)
    assert contours.erosion_ratio(solid, STREET.classes + 1, rounds=1) is None


def test_evalsuite_is_timed_only_where_it_gives_the_same_boundary_iou(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt, pred = blobs(2, void=False)
    folders = corpora.Folders(tmp_path / "gt", tmp_path / "pred")
    for folder, mask in ((folders.gt, gt), (folders.pred, pred)):
        folder.mkdir()
        corpora.save_gray(mask.astype(np.uint8), folder / "1.png")
    monkeypatch.setattr(contours, "find_spec", lambda _name: None)
    assert set(contours.evalsuite_ratios(folders, 4, rounds=1).values()) == {None}
    monkeypatch.setattr(contours, "find_spec", lambda _name: object())
    report = segeval.score(folders.pred, folders.gt, classes=4, boundary="authors")
    same = [{"boundary_iou": entry.contours["boundary_iou"]} for entry in report.classes]
    monkeypatch.setattr(contours, "evalsuites", lambda *_arguments: ({"per_class": same}, 60.0))
    assert all(value and value > 1 for value in contours.evalsuite_ratios(folders, 4, rounds=1).values())
    monkeypatch.setattr(contours, "evalsuites", lambda *_arguments: ({"per_class": same[::-1]}, 60.0))
    assert set(contours.evalsuite_ratios(folders, 4, rounds=1).values()) == {None}


def test_volumes_are_compared_only_with_what_is_there_and_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contours, "find_spec", lambda _name: None)
    assert contours.volume_ratios(24, rounds=1) == {"medpy": None, "monai": None}
    gt, pred = contours.volumes(24)
    assert np.unique(gt).tolist() == np.unique(pred).tolist() == [0, 1, 2, 3]
    monkeypatch.setattr(contours, "find_spec", lambda _name: object())
    for name, twice in (("medpys", 2.0), ("monais", 1.0)):
        monkeypatch.setattr(
            contours,
            name,
            lambda gt, pred, name=name[:-1], by=twice: [by * one for one in contours.ours(gt, pred, name)],
        )
    found = contours.volume_ratios(24, rounds=1)
    assert found["medpy"] is None
    assert found["monai"] is not None
