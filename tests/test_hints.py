"""Suggestions for names that do not pair: what is suggested does pair, and other images get none."""

from __future__ import annotations

from pathlib import Path

import pytest

from segeval.folders.pairing import PairingRules, require_pairs
from tests.support.trees import CORES, pairing_of, problem


def suggestion(gt: list[str], pred: list[str], tmp_path: Path, rules: PairingRules | None = None) -> str:
    return pairing_of(tmp_path, gt, pred, rules).hint


@pytest.mark.parametrize(
    ("gt_suffix", "pred_suffix", "options"),
    [
        ("_gtFine_labelIds", "_leftImg8bit", "--gt-suffix _gtFine_labelIds --pred-suffix _leftImg8bit"),
        ("_gtFine_labelIds", "", "--gt-suffix _gtFine_labelIds"),
        ("", "_pred", "--pred-suffix _pred"),
        ("_gt", "_good", "--gt-suffix _gt --pred-suffix _good"),
        ("-mask", " (out)", "--gt-suffix -mask --pred-suffix ' (out)'"),
        ("GT", "Pred", "--gt-suffix GT --pred-suffix Pred"),
    ],
)
def test_the_suffixes_that_pair_are_suggested_and_do_pair(
    tmp_path: Path, gt_suffix: str, pred_suffix: str, options: str
) -> None:
    gt, pred = [f"x/{core}{gt_suffix}.png" for core in CORES], [f"{core}{pred_suffix}.png" for core in CORES]
    pairing = pairing_of(tmp_path, gt, pred)
    assert pairing.hint == f"{options} would pair 12 of 12"
    found = problem(pairing, "by name")
    assert found.fix == pairing.hint
    assert found.where == (f"gt/{gt[0]}", f"pred/{pred[0]}")
    assert len(require_pairs(pairing_of(tmp_path, [], [], PairingRules(gt_suffix, pred_suffix)))) == 12


def test_numbers_of_different_lengths_do_not_mislead(tmp_path: Path) -> None:
    gt, pred = [f"a{number}_gt.png" for number in range(120)], [f"a{number}.png" for number in range(120)]
    assert suggestion(gt, pred, tmp_path) == "--gt-suffix _gt would pair 120 of 120"


@pytest.mark.parametrize("pred_suffix", ["_leftImg8bit", "", "_gtFine_labelIds"])
def test_of_several_files_an_image_the_labels_are_suggested(tmp_path: Path, pred_suffix: str) -> None:
    kinds = ["color", "instanceIds", "labelIds", "labelTrainIds"]
    gt = [f"ulm/{core}_gtFine_{kind}.png" for core in CORES for kind in kinds]
    hint = suggestion(gt, [f"ulm/{core}{pred_suffix}.png" for core in CORES], tmp_path)
    assert hint.split()[1] in ("_gtFine_labelIds", "_labelIds")
    assert hint.endswith("would pair 12 of 12")


def test_a_wrong_prediction_suffix_is_corrected(tmp_path: Path) -> None:
    gt, pred = [f"{core}.png" for core in CORES], [f"{core}_x.png" for core in CORES] + ["other_y.png"]
    assert suggestion(gt, pred, tmp_path, PairingRules(pred_suffix="_y")) == "--pred-suffix _x would pair 12 of 12"


@pytest.mark.parametrize(
    ("gt", "pred"),
    [
        ([f"img_{n:04}.png" for n in range(300)], [f"img_{n:04}.png" for n in range(300, 400)]),
        (["img_0001.png"], ["img_0002.png"]),
        (["hamburg_1.png", "hanover_1.png"], ["hamlet_2.png", "handel_2.png"]),
        ([f"img_{n:04}.png" for n in range(300)], [f"img_{n:04}.png" for n in range(50)]),
        (["train/1.png", "train/2.png"], ["val/1.png", "val/2.png"]),
    ],
)
def test_other_images_get_no_suggestion(tmp_path: Path, gt: list[str], pred: list[str]) -> None:
    assert suggestion(gt, pred, tmp_path) == ""


def test_swapped_folders_are_recognised(tmp_path: Path) -> None:
    gt, pred = [f"{core}_pred.png" for core in CORES], [f"{core}_gt.png" for core in CORES]
    pairing = pairing_of(tmp_path, gt, pred, PairingRules("_gt", "_pred"))
    assert "swapped" in pairing.hint
    assert "swapped" in problem(pairing, "no ground truth masks").fix


def test_a_folder_too_far_out_is_recognised_on_either_side(tmp_path: Path) -> None:
    inner = [f"{city}/{number}.png" for city in ("ulm", "bonn") for number in range(4)]
    outer = [f"{split}/{path}" for split in ("train", "val", "test") for path in inner]
    outer = [path if path.startswith("val") else path.replace(".png", "x.png") for path in outer]
    hint = suggestion(outer, inner, tmp_path / "a")
    assert hint == "Give the folder val inside the ground truth folder instead: 8 would pair"
    hint = suggestion(inner, [f"results/run/{path}" for path in inner], tmp_path / "b")
    assert hint == "Give the folder results/run inside the predictions folder instead: 8 would pair"


def test_names_that_differ_in_case_only_are_recognised(tmp_path: Path) -> None:
    hint = suggestion(["IMG_1.png", "IMG_2.png"], ["img_1.png", "img_2.png"], tmp_path)
    assert hint == "2 names differ in upper and lower case only: rename the files of one side"


@pytest.mark.parametrize(
    ("gt", "pred", "pattern"),
    [
        (["{:04}.png"], ["{:04}_epoch_7{:02}.png"], "'^[0-9]+'"),
        (["scan{:03}_{:02}.png"], ["{:03}.png"], "'[0-9]+'"),
        (["visit{:02}-scan{:03}.png"], ["out_{:03}.png"], "'0*([0-9]+)'"),
        (["case_{:04}.png"], ["{}-result{:02}.png"], "'0*([0-9]+)'"),
    ],
)
def test_a_pattern_that_pairs_all_is_suggested_and_does_pair(
    gt: list[str], pred: list[str], pattern: str, tmp_path: Path
) -> None:
    """Where what differs is another text in every name, no suffix and no prefix fits."""
    names, others = (
        [form.format(place, (place * 7 + side * 3) % 90) for place in range(11, 30)]
        for side, (form,) in enumerate((gt, pred))
    )
    hint = suggestion(names, others, tmp_path)
    assert hint == f"--key-regex {pattern} would pair 19 of 19"
    rules = PairingRules(key_regex=pattern.strip("'"))
    assert len(require_pairs(pairing_of(tmp_path, [], [], rules))) == 19


def test_names_without_anything_in_common_lead_to_a_list_of_pairs(tmp_path: Path) -> None:
    found = problem(pairing_of(tmp_path, ["cat.png", "dog.png"], ["one.png", "two.png"]), "by name")
    assert "--name-map" in found.fix
    assert "--key-regex" in found.fix
