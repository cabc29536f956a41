"""Pairing two folders: equal keys pair, nothing is guessed, and all that does not pair is told with its remedy."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from segeval.errors import NothingToScoreError, PairingError, UsageError
from segeval.folders.classfolders import class_folders
from segeval.folders.classpairing import pair_class_folders
from segeval.folders.matching import match
from segeval.folders.pairing import Clash, Pair, Pairing, PairingRules, pair_folders, require_pairs
from tests.support.trees import SUFFIXES, make, paired, pairing_of, problem, problems_of

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
        with pytest.raises(PairingError, match="a file does not pair with a folder") as raised:
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
    other = decomposed.replace(".png", ".npy")
    assert paired(pairing_of(tmp_path / "c", [composed], [other])) == {composed: (other,)}
    both = match([composed, decomposed], [composed], PairingRules(), SUFFIXES)
    assert [path for _, path in both.paired] == [composed]
    assert [file.path for file in both.missing] == [decomposed]
    unsure = match(
        ["\u212b.png"], ["\u00c5.png", "A\u030a.png"], PairingRules(), SUFFIXES
    )  # three ways to write one letter
    assert unsure.ambiguous == (("\u212b.png", ("A\u030a.png", "\u00c5.png")),)


# Hostile names and trees


def test_names_with_escapes_line_breaks_and_invalid_utf8_pair_and_are_told_escaped(tmp_path: Path) -> None:
    names = ["\x1b[31m\n.png", "\u202egnp.png", os.fsdecode(b"\xff.png"), "[red].png"]
    assert len(require_pairs(pairing_of(tmp_path / "a", names, names))) == 4
    pairing = pairing_of(tmp_path / "b", [*names, "a.png", "a.npy"], [*names[1:2], "x\n.png", "y.png"])
    for found in problems_of(pairing):
        assert all(line.isprintable() for line in (found.what, found.fix, *found.where)), found
    assert r"gt/\xff.png" in problem(pairing, "without a prediction").where


def test_problems_of_both_trees_are_told_with_their_side(tmp_path: Path) -> None:
    gt, pred = make(tmp_path / "gt", "a/a.png"), make(tmp_path / "pred", "a/a.png")
    (gt / "a" / "loop").symlink_to("..")
    os.mkfifo(pred / "b\n.png")
    pairing = pair_folders(pred, gt, suffixes=SUFFIXES)
    assert paired(pairing) == {"a/a.png": ("a/a.png",)}
    assert pairing.unreadable == (
        "gt/a/loop: a link back to a folder above it",
        r"pred/b\n.png: not a file: a FIFO, a socket or a device",
    )
    assert problem(pairing, "cannot be read").where == pairing.unreadable


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
        "places that cannot be read": ("gt/loop: a link back to a folder above it",),
        "ground truth files without a prediction": ("gt/d.png",),
        "several predictions could belong to one ground truth file": ("gt/g.png: pred/g.npy, pred/g.png",),
        "several ground truth files cannot be told apart": ("gt/e.npy, gt/e.png",),
    }
    assert "--missing skip" in problem(pairing, "without a prediction").fix
    assert "--missing miss" in problem(pairing, "without a prediction").fix
    assert pairing.extra == ("extra.png",)
    for missing in ("skip", "miss"):
        assert "ground truth files without a prediction" not in {found.what for found in problems_of(pairing, missing)}


def test_skip_drops_and_miss_keeps_what_has_no_prediction(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png", "c.png"], ["a.png"])
    assert [pair.key for pair in require_pairs(pairing, missing="skip")] == ["a"]
    assert [pair.key for pair in require_pairs(pairing, missing="miss")] == ["a", "b", "c"]
    with pytest.raises(UsageError):
        require_pairs(pairing, missing="zero")


@pytest.mark.parametrize("missing", ["error", "skip", "miss"])
def test_no_pair_at_all_is_never_scored(tmp_path: Path, missing: str) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png"], ["c.png"])
    found = problem(pairing, "no ground truth file has a prediction", missing)
    assert isinstance(found, NothingToScoreError)
    assert found.where == ("gt/a.png", "pred/c.png")
    assert "--gt-suffix" in found.fix


def test_many_names_in_one_line_are_cut_with_their_number(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, [f"{folder}/m.png" for folder in range(9)], ["m.png"])
    (line,) = problem(pairing, "cannot be told apart").where
    assert (
        line == "gt/0/m.png, gt/1/m.png, gt/2/m.png, gt/3/m.png, gt/4/m.png and 4 more: pred/m.png could belong to any"
    )


def test_a_suffix_that_no_file_bears_is_told_with_a_name(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a_gt.png"], ["a.png"], PairingRules(gt_suffix="_label"))
    found = problem(pairing, "no ground truth masks with this suffix")
    assert found.where == ("--gt-suffix _label", "for example, a_gt.png does not end so")
    assert found.fix == "--gt-suffix _gt would pair 1 of 1"


# Size


@pytest.mark.slow
def test_a_hundred_thousand_files_pair_in_seconds(tmp_path: Path) -> None:
    for side, ending in (("gt", "_gt.png"), ("pred", "_p.png")):
        for folder in range(100):
            (tmp_path / side / f"{folder:02}").mkdir(parents=True)
            for number in range(1000):
                (tmp_path / side / f"{folder:02}" / f"{number:04}{ending}").touch()
    started = time.process_time()
    pairing = pair_folders(tmp_path / "pred", tmp_path / "gt", rules=PairingRules("_gt", "_p"), suffixes=SUFFIXES)
    assert len(require_pairs(pairing)) == 100_000
    unpaired = pair_folders(tmp_path / "pred", tmp_path / "gt", suffixes=SUFFIXES)
    assert unpaired.hint == "--gt-suffix _gt --pred-suffix _p would pair 100000 of 100000"
    assert time.process_time() - started < 60


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
