"""Pairing two folders: equal keys pair, nothing is guessed, and all that does not pair is told with its remedy."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import NothingToScoreError, PairingError, Problems, SegevalError, UsageError
from segeval.matching import match
from segeval.pairing import (
    Clash,
    Pair,
    Pairing,
    PairingRules,
    class_folders,
    pair_class_folders,
    pair_folders,
    require_pairs,
)

SUFFIXES = frozenset({".png", ".npy", ".npz", ".tif"})
CITY = PairingRules(
    key_regex="^(?P<key>[^_]+_[0-9]{6}_[0-9]{6})",
    gt_glob="gtFine/val/*/*_gtFine_labelIds.png",
    gt_suffixes=("_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"),
    pred_suffixes=(".png", "_leftImg8bit.png"),
)


def make(root: Path, *paths: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def pairing_of(tmp_path: Path, gt: list[str], pred: list[str], rules: PairingRules | None = None) -> Pairing:
    gt_root, pred_root = make(tmp_path / "gt", *gt), make(tmp_path / "pred", *pred)
    return pair_folders(pred_root, gt_root, rules=rules or PairingRules(), suffixes=SUFFIXES)


def paired(pairing: Pairing) -> dict[str, tuple[str, ...]]:
    return {pair.gt: pair.pred for pair in pairing.pairs if pair.pred}


def problems_of(pairing: Pairing, missing: str = "error") -> tuple[SegevalError, ...]:
    with pytest.raises(SegevalError) as raised:
        require_pairs(pairing, missing=missing)
    return raised.value.problems if isinstance(raised.value, Problems) else (raised.value,)


def problem(pairing: Pairing, words: str, missing: str = "error") -> SegevalError:
    (found,) = [problem for problem in problems_of(pairing, missing) if words in problem.what]
    return found


# Roots


def test_roots_that_do_not_exist_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match="cannot be found") as raised:
        pair_folders(tmp_path / "p", tmp_path / "g\n", suffixes=SUFFIXES)
    pred_line, gt_line = raised.value.where
    assert pred_line.startswith("PRED ")
    assert gt_line.startswith("GT ")
    assert "\n" not in gt_line
    assert "predictions come first" in raised.value.fix


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "nul\0"])
def test_a_root_that_cannot_be_a_path_is_an_error_and_no_crash(tmp_path: Path, name: str) -> None:
    with pytest.raises(PairingError, match="cannot be found"):
        pair_folders(tmp_path / name, tmp_path, suffixes=SUFFIXES)


def test_a_file_and_a_folder_do_not_pair(tmp_path: Path) -> None:
    file = make(tmp_path, "a.png") / "a.png"
    for pred, gt, side in ((file, tmp_path, "PRED"), (tmp_path, file, "GT")):
        with pytest.raises(PairingError, match="A file does not pair with a folder") as raised:
            pair_folders(pred, gt, suffixes=SUFFIXES)
        assert raised.value.where[0].startswith(side)


def test_a_fifo_is_neither(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(PairingError, match="neither a folder nor a file"):
        pair_folders(tmp_path / "fifo", tmp_path, suffixes=SUFFIXES)


def test_two_files_are_one_pair_whatever_their_names(tmp_path: Path) -> None:
    make(tmp_path, "g/a.b.tif", "p/other.xyz")
    pairing = pair_folders(tmp_path / "p/other.xyz", tmp_path / "g/a.b.tif", suffixes=SUFFIXES)
    assert pairing.pairs == (Pair("a.b", "a.b.tif", ("other.xyz",)),)
    assert (pairing.gt_root, pairing.pred_root) == (tmp_path / "g", tmp_path / "p")
    assert require_pairs(pairing) == pairing.pairs


def test_two_empty_folders_are_nothing_to_score(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, [], ["notes.txt", ".a.png"])
    assert pairing == Pairing(tmp_path / "gt", tmp_path / "pred", ())
    assert [type(found) for found in problems_of(pairing)] == [NothingToScoreError] * 2


# Keys


def test_equal_relative_paths_without_extension_pair_and_are_the_key(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["b.png", "a/b.PNG", "a.b.tif"], ["a/b.npy", "b.tif", "a.b.png"])
    assert pairing.pairs == (
        Pair("a.b", "a.b.tif", ("a.b.png",)),
        Pair("a/b", "a/b.PNG", ("a/b.npy",)),
        Pair("b", "b.png", ("b.tif",)),
    )
    assert (pairing.gt_files, pairing.pred_files) == (3, 3)


def test_files_never_pair_by_position(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["1.png", "2.png"], ["3.png", "4.png"])
    assert paired(pairing) == {}
    assert pairing.missing == ("1.png", "2.png")
    assert pairing.extra == ("3.png", "4.png")


def test_a_missing_prediction_is_a_pair_without_prediction(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png", "c.png"], ["a.png", "c.png", "d.png"])
    assert pairing.pairs[1] == Pair("b", "b.png", ())
    assert pairing.missing == ("b.png",)
    assert pairing.extra == ("d.png",)
    assert pairing.hint == ""


def test_one_key_in_two_predictions_is_ambiguous(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png"], ["a.png", "a.npy", "b.png"])
    assert pairing.ambiguous == (("a.png", ("a.npy", "a.png")),)
    assert paired(pairing) == {"b.png": ("b.png",)}
    assert pairing.extra == ()


def test_one_key_in_two_ground_truths_is_a_clash_with_or_without_prediction(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "a.npy", "b.png", "b.tif"], ["a.png"])
    assert pairing.clashes == (Clash(("a.npy", "a.png"), ("a.png",)), Clash(("b.png", "b.tif"), ()))
    assert pairing.pairs == ()


def test_nested_ground_truth_pairs_with_flat_predictions_and_the_reverse(tmp_path: Path) -> None:
    nested, flat = ["x/1.png", "y/z/2.png"], ["1.png", "2.png"]
    assert paired(pairing_of(tmp_path / "a", nested, flat)) == {"x/1.png": ("1.png",), "y/z/2.png": ("2.png",)}
    pairing = pairing_of(tmp_path / "b", flat, nested)
    assert paired(pairing) == {"1.png": ("x/1.png",), "2.png": ("y/z/2.png",)}
    assert [pair.key for pair in pairing.pairs] == ["1", "2"]


def test_a_name_that_two_folders_have_does_not_pair_with_the_flat_one(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path / "a", ["x/1.png", "y/1.png", "z/2.png"], ["1.png", "2.png"])
    assert pairing.clashes == (Clash(("x/1.png", "y/1.png"), ("1.png",)),)
    assert paired(pairing) == {"z/2.png": ("2.png",)}
    pairing = pairing_of(tmp_path / "b", ["1.png", "2.png"], ["x/1.png", "y/1.png", "z/2.png"])
    assert pairing.ambiguous == (("1.png", ("x/1.png", "y/1.png")),)


def test_a_name_is_unique_only_if_it_is_in_the_whole_tree(tmp_path: Path) -> None:
    """x/1 pairs by its path; whether the flat 1 is the prediction of y/1 nobody knows."""
    pairing = pairing_of(tmp_path, ["x/1.png", "y/1.png"], ["x/1.png", "1.png"])
    assert paired(pairing) == {"x/1.png": ("x/1.png",)}
    assert pairing.ambiguous == (("y/1.png", ("1.png",)),)


def test_equal_names_in_different_folders_are_different_images(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["train/1.png"], ["val/1.png"])
    assert pairing.missing == ("train/1.png",)
    assert pairing.extra == ("val/1.png",)


def test_names_that_differ_in_case_are_different_images() -> None:
    found = match(["A.png", "a.png"], ["a.png", "A.npy"], PairingRules(), SUFFIXES)
    assert [(file.path, path) for file, path in found.paired] == [("A.png", "A.npy"), ("a.png", "a.png")]


def test_composed_and_decomposed_letters_pair_where_that_is_unique(tmp_path: Path) -> None:
    composed, decomposed = "stra\u00dfe/b\u00fcro.png", "stra\u00dfe/bu\u0308ro.png"
    assert paired(pairing_of(tmp_path / "a", [composed], [decomposed])) == {composed: (decomposed,)}
    assert paired(pairing_of(tmp_path / "b", [composed], ["bu\u0308ro.png"])) == {composed: ("bu\u0308ro.png",)}
    both = match([composed, decomposed], [composed], PairingRules(), SUFFIXES)
    assert [path for _, path in both.paired] == [composed]
    assert [file.path for file in both.missing] == [decomposed]
    unsure = match(
        ["\u212b.png"], ["\u00c5.png", "A\u030a.png"], PairingRules(), SUFFIXES
    )  # three ways to write one letter
    assert unsure.ambiguous == (("\u212b.png", ("A\u030a.png", "\u00c5.png")),)


# Suffixes, patterns and presets


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


# Hostile names and trees


def test_names_with_escapes_line_breaks_and_invalid_utf8_pair_and_are_told_escaped(tmp_path: Path) -> None:
    names = ["\x1b[31m\n.png", "\u202egnp.png", os.fsdecode(b"\xff.png"), "[red].png"]
    assert len(require_pairs(pairing_of(tmp_path / "a", names, names))) == 4
    pairing = pairing_of(tmp_path / "b", [*names, "a.png", "a.npy"], [*names[1:2], "x\n.png", "y.png"])
    for found in problems_of(pairing):
        assert all(line.isprintable() for line in (found.what, found.fix, *found.where)), found
    assert r"\xff.png" in problem(pairing, "without a prediction").where


def test_problems_of_both_trees_are_told_with_their_side(tmp_path: Path) -> None:
    gt, pred = make(tmp_path / "gt", "a/a.png"), make(tmp_path / "pred", "a/a.png")
    (gt / "a" / "loop").symlink_to("..")
    os.mkfifo(pred / "b\n.png")
    pairing = pair_folders(pred, gt, suffixes=SUFFIXES)
    assert paired(pairing) == {"a/a.png": ("a/a.png",)}
    assert pairing.unreadable == (
        "GT/a/loop: a link back to a folder above it",
        r"PRED/b\n.png: not a file: a FIFO, a socket or a device",
    )
    assert problem(pairing, "cannot be read").where == pairing.unreadable


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


def test_the_order_of_creation_changes_nothing(tmp_path: Path) -> None:
    gt, pred = ["x/1.png", "y/2.png", "3.png", "3.npy"], ["1.png", "2.png", "2.npy", "x/y/4.png"]
    first = pairing_of(tmp_path / "a", gt, pred)
    second = pairing_of(tmp_path / "b", gt[::-1], pred[::-1])
    assert (first.pairs, first.ambiguous, first.clashes, first.extra) == (
        second.pairs,
        second.ambiguous,
        second.clashes,
        second.extra,
    )


# What keeps pairs from being scored


def test_missing_ambiguous_clashing_and_unreadable_are_all_told_at_once(tmp_path: Path) -> None:
    gt = make(tmp_path / "gt", "a.png", "b.png", "c.png", "d.png", "e.png", "e.npy", "f.png", "g.png")
    pred = make(tmp_path / "pred", "a.png", "b.png", "c.png", "f.png", "g.png", "g.npy", "extra.png")
    (gt / "loop").symlink_to(".")
    pairing = pair_folders(pred, gt, suffixes=SUFFIXES)
    told = {found.what: found.where for found in problems_of(pairing)}
    assert told == {
        "Places that cannot be read": ("GT/loop: a link back to a folder above it",),
        "Ground truth files without a prediction": ("d.png",),
        "Several predictions could belong to one ground truth file": ("g.png: g.npy, g.png",),
        "Several ground truth files cannot be told apart": ("e.npy, e.png",),
    }
    assert "--missing skip" in problem(pairing, "without a prediction").fix
    assert "--missing miss" in problem(pairing, "without a prediction").fix
    assert pairing.extra == ("extra.png",)
    for missing in ("skip", "miss"):
        assert "Ground truth files without a prediction" not in {found.what for found in problems_of(pairing, missing)}


def test_skip_drops_and_miss_keeps_what_has_no_prediction(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png", "c.png"], ["a.png"])
    assert [pair.key for pair in require_pairs(pairing, missing="skip")] == ["a"]
    assert [pair.key for pair in require_pairs(pairing, missing="miss")] == ["a", "b", "c"]
    with pytest.raises(UsageError):
        require_pairs(pairing, missing="zero")


@pytest.mark.parametrize("missing", ["error", "skip", "miss"])
def test_no_pair_at_all_is_never_scored(tmp_path: Path, missing: str) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png"], ["c.png"])
    found = problem(pairing, "No ground truth file has a prediction", missing)
    assert isinstance(found, NothingToScoreError)
    assert found.where == ("ground truth: a.png", "prediction: c.png")
    assert "--gt-suffix" in found.fix


def test_many_names_in_one_line_are_cut_with_their_number(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, [f"{folder}/m.png" for folder in range(9)], ["m.png"])
    (line,) = problem(pairing, "cannot be told apart").where
    assert line == "0/m.png, 1/m.png, 2/m.png, 3/m.png, 4/m.png and 4 more: m.png could belong to any"


def test_a_suffix_that_no_file_bears_is_told_with_a_name(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a_gt.png"], ["a.png"], PairingRules(gt_suffix="_label"))
    found = problem(pairing, "No ground truth masks with this suffix")
    assert found.where == ("--gt-suffix _label", "for example, a_gt.png does not end so")
    assert found.fix == "--gt-suffix _gt would pair 1 of 1"


# Suggestions


def suggestion(gt: list[str], pred: list[str], tmp_path: Path, rules: PairingRules | None = None) -> str:
    return pairing_of(tmp_path, gt, pred, rules).hint


CORES = [f"ulm_0000{number:02}_000019" for number in range(1, 13)]


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
    assert found.where == (f"ground truth: {gt[0]}", f"prediction: {pred[0]}")
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
    assert "swapped" in problem(pairing, "No ground truth masks").fix


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


# Class folders

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
    with pytest.raises(PairingError, match="Class folders are missing"):
        class_folders(tmp_path / "unsure", CLASSES)


def test_missing_class_folders_are_named(tmp_path: Path) -> None:
    make(tmp_path, "Sky/a.png")
    with pytest.raises(PairingError, match="Class folders are missing") as raised:
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
        assert problem(pairing, "Class maps are missing", missing).where == ("2.png: no map in Car",)


def test_class_maps_get_suggestions_too(tmp_path: Path) -> None:
    gt = make(tmp_path / "gt", *(f"{core}_gt.png" for core in CORES))
    pred = make(tmp_path / "pred", *(f"{folder}/{core}_prob.png" for folder in "ab" for core in CORES))
    (pred / "a" / "loop").symlink_to("..")
    pairing = pair_class_folders(pred, gt, ("a", "b"), suffixes=SUFFIXES)
    assert pairing.hint == "--gt-suffix _gt --pred-suffix _prob would pair 12 of 12"
    assert pairing.unreadable[0].startswith("PRED/a/loop/")


# Size


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


@pytest.mark.slow
def test_a_hundred_thousand_files_pair_in_seconds(tmp_path: Path) -> None:
    for side, ending in (("gt", "_gt.png"), ("pred", "_p.png")):
        for folder in range(100):
            (tmp_path / side / f"{folder:02}").mkdir(parents=True)
            for number in range(1000):
                (tmp_path / side / f"{folder:02}" / f"{number:04}{ending}").touch()
    started = time.monotonic()
    pairing = pair_folders(tmp_path / "pred", tmp_path / "gt", rules=PairingRules("_gt", "_p"), suffixes=SUFFIXES)
    assert len(require_pairs(pairing)) == 100_000
    unpaired = pair_folders(tmp_path / "pred", tmp_path / "gt", suffixes=SUFFIXES)
    assert unpaired.hint == "--gt-suffix _gt --pred-suffix _p would pair 100000 of 100000"
    assert time.monotonic() - started < 60


def test_the_real_folders_pair() -> None:
    data = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val"
    if not data.is_dir():
        pytest.skip("the data set is not here")
    assert len(require_pairs(pair_folders(data / "pred", data / "gt", suffixes=SUFFIXES))) == 101
    classes = list(enumerate((data / "classes.txt").read_text().split()))
    folders = class_folders(data / "prob", classes)
    assert folders is not None
    pairing = pair_class_folders(data / "prob", data / "gt", folders, suffixes=SUFFIXES)
    maps = require_pairs(pairing, missing="skip")
    assert len(maps) == 21
    assert all(len(pair.pred) == len(classes) == 11 for pair in maps)
    assert pairing.hint == ""
