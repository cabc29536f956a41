"""The benchmark of contours: what it compares is equal, and where a program is absent or differs no ratio is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segeval.contours.bands import band_counts
from segeval.contours.regions import regions
from tests.benchmarks import contours, corpora
from tests.test_boundaries import blobs

pytest.importorskip("scipy")
(STREET,) = (entry for entry in corpora.CORPORA if entry.name == "cityscapes")


def test_erosion_counts_what_the_bands_hold() -> None:
    pytest.importorskip("cv2")
    gt, pred = (side.astype(np.uint8) for side in blobs(2, void=False))
    of = regions(gt, pred, values=(range(4), range(4)), class_of=(int, int))
    for width in (1, 3):
        assert contours.eroded_bands(gt, pred, width, 4) == band_counts(of, [width])[0][:, 0].tolist()


def test_ratios_of_a_street_are_of_equal_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = corpora.folders(STREET, 1, tmp_path)
    found = contours.street_ratios(folders, STREET, rounds=1)
    assert found["all four beside plain scoring"] is not None
    monkeypatch.setattr(contours, "eroded_bands", lambda *_arguments: [])
    assert contours.street_ratios(folders, STREET, rounds=1)["erosion beside plain and bands"] is None


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
