"""Matching names: suffixes, patterns and presets, and that every file ends in exactly one place."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UsageError
from segeval.folders.matching import match
from segeval.folders.pairing import Clash, Pair, PairingRules, pair_folders, require_pairs
from tests.support.trees import SUFFIXES, make, paired, pairing_of

CITY = PairingRules(
    key_regex="^(?P<key>[^_]+_[0-9]{6}_[0-9]{6})",
    gt_glob="gtFine/val/*/*_gtFine_labelIds.png",
    gt_suffixes=("_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"),
    pred_suffixes=(".png", "_leftImg8bit.png"),
)


@pytest.mark.parametrize(("gt_suffix", "pred_suffix"), [("_gt", "_p"), ("_gt.png", "_p.PNG"), ("_gt", "_p.png")])
def test_a_suffix_selects_the_files_that_bear_it_and_is_stripped(
    tmp_path: Path, gt_suffix: str, pred_suffix: str
) -> None:
    gt = ["x/a_gt.png", "x/a_color.png", "_gt.png"]
    pairing = pairing_of(tmp_path, gt, ["x/a_p.png", "x/a.png"], PairingRules(gt_suffix, pred_suffix))
    assert pairing.pairs == (Pair("x/a", "x/a_gt.png", ("x/a_p.png",)),)
    assert pairing.gt_unselected == ("_gt.png", "x/a_color.png")
    assert pairing.pred_unselected == ("x/a.png",)
    assert pairing.extra == ()
    assert (pairing.gt_suffix, pairing.pred_suffix) == (gt_suffix, pred_suffix)


def test_a_suffix_with_extension_selects_that_extension_only(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a_gt.png", "a_gt.npy"], ["a.png"], PairingRules("_gt.png"))
    assert paired(pairing) == {"a_gt.png": ("a.png",)}


def test_a_name_that_is_all_suffix_leaves_its_folder_as_the_key(tmp_path: Path) -> None:
    rules = PairingRules(gt_suffix="mask")
    pairing = pairing_of(tmp_path, ["001/mask.png", "001/image.png", "s/002/mask.png", "mask.png"], ["001.png"], rules)
    assert [pair.key for pair in pairing.pairs] == ["001", "s/002"]
    assert paired(pairing) == {"001/mask.png": ("001.png",)}


def test_the_first_candidate_that_selects_ground_truth_is_used_and_the_prediction_suffix_that_pairs_most() -> None:
    rules = PairingRules(gt_suffixes=("_none", "_gt"), pred_suffixes=("_x", "_leftImg8bit", ""))
    found = match(
        ["a_gt.png", "b_gt.png", "b.png"], ["a_leftImg8bit.png", "b_leftImg8bit.png", "b_x.png"], rules, SUFFIXES
    )
    assert (found.gt.suffix, found.pred.suffix) == ("_gt", "_leftImg8bit")
    assert len(found.paired) == 2


@pytest.mark.parametrize("suffix", ["", "_b"])
def test_an_explicit_suffix_wins_over_candidates(suffix: str) -> None:
    rules = PairingRules(gt_suffix=suffix, gt_suffixes=("_a",))
    found = match(["1_a.png", "1_b.png"], [], rules, SUFFIXES)
    assert found.gt.suffix == suffix
    assert [file.key for file in found.gt.files] == (["1_a", "1_b"] if not suffix else ["1"])


def test_candidates_that_select_nothing_restrict_nothing() -> None:
    found = match(["a.npy"], ["a.npy"], PairingRules(gt_suffixes=(".png",), pred_suffixes=(".png",)), SUFFIXES)
    assert len(found.paired) == 1


@pytest.mark.parametrize("pattern", [r"(?P<key>\d+)", r"(\d+)", r"\d+"])
def test_a_pattern_pairs_what_it_finds_in_the_names_wherever_they_lie(tmp_path: Path, pattern: str) -> None:
    rules = PairingRules(key_regex=pattern)
    pairing = pairing_of(tmp_path, ["9/gt_001.png", "gt_002.png"], ["7/8/p001x.npy", "p003.png", "none.png"], rules)
    assert pairing.pairs[0] == Pair("9/gt_001", "9/gt_001.png", ("7/8/p001x.npy",))
    assert pairing.missing == ("gt_002.png",)
    assert pairing.extra == ("none.png", "p003.png")


def test_a_pattern_with_one_key_for_several_ground_truths_leaves_them_to_their_paths() -> None:
    """Patches of one tile: 2_13_0_0 and 2_13_0_512."""
    tiles = ["2_13_0_0.png", "2_13_0_512.png"]
    rules = PairingRules(key_regex=r"^\d+_\d+")
    assert len(match(tiles, tiles, rules, SUFFIXES).paired) == 2
    found = match(tiles, ["2_13_x.png"], rules, SUFFIXES)
    assert found.clashes == (Clash(tuple(tiles), ("2_13_x.png",)),)


def test_what_a_pattern_does_not_find_pairs_by_path() -> None:
    found = match(["a.png", "b1.png"], ["a.png", "c1.png"], PairingRules(key_regex=r"\d*"), SUFFIXES)
    assert [path for _, path in found.paired] == ["a.png"]  # an empty find is none


def test_a_broken_pattern_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a regular expression"):
        pairing_of(tmp_path, ["a.png"], ["a.png"], PairingRules(key_regex="("))


@pytest.mark.parametrize("further_in", ["", "gtFine", "gtFine/val", "gtFine/val/ulm"])
@pytest.mark.parametrize("layout", ["{core}.png", "{core}_leftImg8bit.png", "ulm/{core}_pred.png", "a/b/{core}_x.png"])
def test_the_official_cityscapes_layout_pairs_from_any_folder_of_it(
    tmp_path: Path, further_in: str, layout: str
) -> None:
    cores = [f"ulm_000000_00001{number}" for number in range(3)]
    kinds = ["_gtFine_labelIds.png", "_gtFine_color.png", "_gtFine_instanceIds.png", "_gtFine_labelTrainIds.png"]
    make(tmp_path / "data", *(f"gtFine/val/ulm/{core}{kind}" for core in cores for kind in kinds))
    if further_in in ("", "gtFine"):
        make(tmp_path / "data", "gtFine/train/bonn/bonn_000000_000019_gtFine_labelIds.png")
    pred = make(tmp_path / "pred", *(layout.format(core=core) for core in cores))
    pairing = pair_folders(pred, tmp_path / "data" / further_in, rules=CITY, suffixes=SUFFIXES)
    assert [pair.pred for pair in require_pairs(pairing)] == [(layout.format(core=core),) for core in cores]
    assert all(pair.gt.endswith("_labelIds.png") for pair in pairing.pairs)
    assert pairing.extra == ()
    # the user's suffix beats the preset's file name, in the preset's folders
    rules = PairingRules("_gtFine_labelTrainIds", key_regex=CITY.key_regex, gt_glob=CITY.gt_glob)
    assert len(require_pairs(pair_folders(pred, tmp_path / "data" / further_in, rules=rules, suffixes=SUFFIXES))) == 3


def test_two_results_for_one_cityscapes_image_are_ambiguous() -> None:
    core = "ulm_000000_000019"
    pred = [f"ulm/{core}_color.png", f"{core}.png"]
    found = match([f"ulm/{core}_gtFine_labelIds.png"], pred, CITY, SUFFIXES)
    assert found.ambiguous == ((f"ulm/{core}_gtFine_labelIds.png", tuple(pred)),)


names = st.lists(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "x/", "y/", "x/y/"]),
        st.sampled_from(["a", "b", "A", "\u00e9", "e\u0301", "1"]),
        st.sampled_from(["", "_gt", "_p", "1"]),
        st.sampled_from([".png", ".npy"]),
    ),
    unique=True,
    max_size=14,
)
all_rules = st.builds(
    PairingRules,
    gt_suffix=st.sampled_from([None, None, "", "_gt", "gt.png", "nothing"]),
    pred_suffix=st.sampled_from([None, None, "_p"]),
    key_regex=st.sampled_from([None, None, r"^[ab]", r"\d"]),
    gt_glob=st.sampled_from([None, None, "x/*_gt.png"]),
    gt_suffixes=st.sampled_from([(), ("_gt", "_p")]),
    pred_suffixes=st.sampled_from([(), ("_p", ".png")]),
)


@given(names, names, all_rules)
def test_every_file_is_in_exactly_one_place(gt: list[str], pred: list[str], rules: PairingRules) -> None:
    found = match(gt, pred, rules, SUFFIXES)
    gt_places = [file.path for file, _ in found.paired] + [file.path for file in found.missing]
    gt_places += [path for path, _ in found.ambiguous] + [path for clash in found.clashes for path in clash.gt]
    pred_places = [path for _, path in found.paired] + list(found.extra)
    pred_places += [path for _, paths in found.ambiguous for path in paths]
    pred_places += [path for clash in found.clashes for path in clash.pred]
    assert sorted([*gt_places, *found.gt.unselected]) == sorted(gt)
    assert sorted([*pred_places, *found.pred.unselected]) == sorted(pred)
    keys = [file.key for file, _ in found.paired] + [file.key for file in found.missing]
    assert len(set(keys)) == len(keys)


@given(names, names, all_rules, st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(
    gt: list[str], pred: list[str], rules: PairingRules, shuffler: random.Random
) -> None:
    found = match(gt, pred, rules, SUFFIXES)
    shuffler.shuffle(gt)
    shuffler.shuffle(pred)
    assert match(gt, pred, rules, SUFFIXES) == found


@given(names, names)
def test_without_rules_the_pairs_are_those_that_a_naive_loop_finds(gt: list[str], pred: list[str]) -> None:
    def key(path: str) -> str:
        return str(Path(path).with_suffix(""))

    expected = {
        (mask, others[0])
        for mask in gt
        if [key(other) for other in gt].count(key(mask)) == 1
        and len(others := [other for other in pred if key(other) == key(mask)]) == 1
    }
    found = {(file.path, path) for file, path in match(gt, pred, PairingRules(), SUFFIXES).paired}
    assert {pair for pair in found if key(pair[0]) == key(pair[1])} == expected


def test_the_work_grows_with_the_number_of_names_and_not_with_its_square() -> None:
    """The groups that could be compared all with all: one name in many folders, and many names that hardly differ."""

    def seconds(count: int) -> float:
        gt = [f"{number:06}/mask.png" for number in range(count)]
        pred = [f"x/{number:06}/mask.png" for number in range(count)]
        started = time.process_time()
        found = match(gt, pred, PairingRules(key_regex="mask"), SUFFIXES)
        assert len(found.clashes) == 1
        return time.process_time() - started

    small = min(seconds(2_000) for _ in range(3))
    assert seconds(20_000) < 40 * small + 0.5  # ten times the names; their square would be a hundred times
