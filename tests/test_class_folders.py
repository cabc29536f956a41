"""Probability maps in one folder a class: found by name or id, and complete or told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segeval.errors import PairingError
from segeval.folders.classfolders import class_folders
from segeval.folders.classpairing import pair_class_folders
from segeval.folders.pairing import Pair, PairingRules, require_pairs
from tests.support.trees import CORES, SUFFIXES, make, problem

CLASSES = [(0, "Sky"), (1, "traffic light"), (2, "Road")]


@pytest.mark.parametrize(
    "folders",
    [
        ("Sky", "traffic light", "Road"),
        ("sky", "Traffic_Light", "ROAD"),
        ("0", "1", "2"),
        ("00", "01", "02"),
    ],
)
def test_class_folders_are_found_by_name_or_id_in_class_order(tmp_path: Path, folders: tuple[str, ...]) -> None:
    make(tmp_path, *(f"{folder}/a.png" for folder in (*reversed(folders), "void", ".cache")))
    assert class_folders(tmp_path, CLASSES) == folders


def test_the_name_as_written_goes_before_the_name_in_another_case(tmp_path: Path) -> None:
    make(tmp_path, "sky/a.png", "Sky/a.png", "traffic light/a.png", "Road/a.png")
    assert class_folders(tmp_path, CLASSES) == ("Sky", "traffic light", "Road")
    make(tmp_path / "unsure", "sky/a.png", "SKY/a.png", "traffic light/a.png", "Road/a.png")
    with pytest.raises(PairingError, match="class folders are missing"):
        class_folders(tmp_path / "unsure", CLASSES)


def test_missing_class_folders_are_named(tmp_path: Path) -> None:
    make(tmp_path, "Sky/a.png")
    with pytest.raises(PairingError, match="class folders are missing") as raised:
        class_folders(tmp_path, CLASSES)
    assert raised.value.where == ("1 traffic light", "2 Road")


@pytest.mark.parametrize("paths", [[], ["a.png"], ["ulm/a.png", "bonn/a.png"], ["Sky"]])
def test_other_folders_are_no_class_folders(tmp_path: Path, paths: list[str]) -> None:
    make(tmp_path / "p", *paths)
    assert class_folders(tmp_path / "p", CLASSES) is None
    assert class_folders(tmp_path / "p", []) is None


def test_a_file_or_nothing_has_no_class_folders(tmp_path: Path) -> None:
    assert class_folders(make(tmp_path, "a.png") / "a.png", CLASSES) is None
    assert class_folders(tmp_path / "nowhere", CLASSES) is None


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (["1", "0", "10", "2", "3", "4", "5", "6", "7", "8", "9"], tuple(map(str, range(11)))),
        (["0"], None),
        (["0", "2"], None),
        (["0", "1", "x"], None),
        (["0", "00", "1"], None),
    ],
)
def test_without_class_names_folders_are_numbered_from_zero(
    tmp_path: Path, folders: list[str], found: tuple[str, ...] | None
) -> None:
    make(tmp_path, *(f"{folder}/a.png" for folder in folders))
    assert class_folders(tmp_path, []) == found


def test_an_unlistable_probability_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PairingError, match="cannot be listed"):
        class_folders(tmp_path, CLASSES)


def test_each_pair_has_one_map_a_class_in_class_order(tmp_path: Path) -> None:
    folders = ("Sky", "Building", "Car")
    gt = make(tmp_path / "gt", "x/1_gt.png", "x/2_gt.png", "x/3_gt.png")
    pred = make(tmp_path / "pred", *(f"{folder}/{number}_p.png" for folder in folders for number in (1, 2)))
    make(pred, "Car/x/9_p.png", "Other/3_p.png")
    rules = PairingRules("_gt", "_p")
    pairing = pair_class_folders(pred, gt, folders, rules=rules, suffixes=SUFFIXES)
    assert require_pairs(pairing, missing="skip") == (
        Pair("x/1", "x/1_gt.png", ("Sky/1_p.png", "Building/1_p.png", "Car/1_p.png")),
        Pair("x/2", "x/2_gt.png", ("Sky/2_p.png", "Building/2_p.png", "Car/2_p.png")),
    )
    assert pairing.missing == ("x/3_gt.png",)
    assert pairing.extra == ("Car/x/9_p.png",)
    assert pairing.pred_files == 7


def test_class_maps_that_are_missing_or_double_are_named(tmp_path: Path) -> None:
    gt = make(tmp_path / "gt", "1.png", "2.png", "3.png")
    pred = make(tmp_path / "pred", "Sky/1.png", "Car/1.png", "Sky/2.png", "Sky/3.png", "Car/3.npy")
    pairing = pair_class_folders(pred, gt, ("Sky", "Car"), suffixes=SUFFIXES)
    assert pairing.incomplete == (("2.png", ("Car",)),)
    assert pairing.ambiguous == (("3.png", ("Car/3.npy", "Sky/3.png")),)
    assert [pair.gt for pair in pairing.pairs] == ["1.png"]
    for missing in ("error", "skip", "miss"):
        assert problem(pairing, "class maps are missing", missing).where == ("gt/2.png: no map in Car",)


def test_class_maps_get_suggestions_too(tmp_path: Path) -> None:
    gt = make(tmp_path / "gt", *(f"{core}_gt.png" for core in CORES))
    pred = make(tmp_path / "pred", *(f"{folder}/{core}_prob.png" for folder in "ab" for core in CORES))
    (pred / "a" / "loop").symlink_to("..")
    pairing = pair_class_folders(pred, gt, ("a", "b"), suffixes=SUFFIXES)
    assert pairing.hint == "--gt-suffix _gt --pred-suffix _prob would pair 12 of 12"
    assert pairing.unreadable[0].startswith("pred/a/loop/")
