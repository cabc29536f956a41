"""Split lists, name maps and key patterns: which images are scored, and with which prediction."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.errors import NothingToScoreError, PairingError, SegevalError, UsageError
from segeval.folders.lists import parse_keys, parse_name_map
from segeval.folders.matching import PairingRules
from tests.support.commandline import run_segeval
from tests.support.trees import make, paired, pairing_of

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"


def chosen(tmp_path: Path, files: list[str], entries: str) -> list[str]:
    rules = PairingRules(keys=parse_keys(entries, name="val.txt"))
    return sorted(paired(pairing_of(tmp_path, files, files, rules)))


# Split lists


@pytest.mark.parametrize(
    "entry",
    ["a/1", "a/1.png", "./a/1", "/a/1.png", "data/gt/a/1.png", "images\\a\\1.png", "images/a/1.jpg masks/a/1.png"],
)
def test_a_line_names_a_key_a_path_or_an_image_and_its_mask(tmp_path: Path, entry: str) -> None:
    assert chosen(tmp_path, ["a/1.png", "b/1.png", "b/2.png"], entry) == ["a/1.png"]


def test_blank_lines_doubles_and_the_ends_of_windows_count_for_nothing(tmp_path: Path) -> None:
    assert chosen(tmp_path, ["x y.png", "1.png", "2.png"], "\r\nx y\r\n1\r\n\r\n1\n") == ["1.png", "x y.png"]


def test_a_name_without_folders_is_looked_up_where_it_is_the_only_one(tmp_path: Path) -> None:
    assert chosen(tmp_path, ["a/1.png", "b/2.png"], "2") == ["b/2.png"]
    with pytest.raises(PairingError, match="could be several") as raised:
        chosen(tmp_path / "two", ["a/1.png", "b/1.png"], "1")
    assert raised.value.where == ("1: a/1.png, b/1.png",)


def test_what_the_ground_truth_does_not_have_is_told_with_every_line(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match="not in the ground truth") as raised:
        chosen(tmp_path, ["1.png"], "1\n2\n3.png -1\n")
    assert raised.value.where == ("2", "3.png -1")


def test_images_of_no_list_are_neither_missing_nor_extra(tmp_path: Path) -> None:
    rules = PairingRules(keys=("1",))
    pairing = pairing_of(tmp_path, ["1.png", "2.png", "3.png"], ["1.png", "2.png"], rules)
    assert (pairing.missing, pairing.extra, pairing.gt_files) == ((), (), 1)


def test_a_listed_image_without_prediction_is_missing(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["1.png", "2.png"], ["1.png"], PairingRules(keys=("1", "2")))
    assert pairing.missing == ("2.png",)


@pytest.mark.parametrize(("text", "words"), [("", "empty"), ("\n \n", "empty"), ("a\0b", "no names")])
def test_what_is_no_list_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_keys(text, name="val.txt")


def test_a_glob_chooses_too_and_one_that_fits_nothing_says_how_keys_look(tmp_path: Path) -> None:
    files = ["night/1.png", "day/1.png"]
    assert list(paired(pairing_of(tmp_path, files, files, PairingRules(key_glob="night/*")))) == ["night/1.png"]
    with pytest.raises(NothingToScoreError, match="no image has such a key"):
        pairing_of(tmp_path, files, files, PairingRules(key_glob="nacht/*"))


# Scores of a list


def report_of(*arguments: str | Path, cwd: Path) -> dict[str, Any]:
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "-f", "json", *arguments, cwd=cwd)
    assert done.code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def copied(tmp_path: Path, names: list[str]) -> tuple[Path, Path]:
    for side in ("pred", "gt"):
        for name in names:
            (tmp_path / side / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SAMPLES / side / name, tmp_path / side / name)
    return tmp_path / "pred", tmp_path / "gt"


def test_a_list_scores_as_folders_of_these_images_alone(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("0002\n0005.png\nnight/0007\n")
    found = report_of("--keys", "val.txt", cwd=tmp_path)
    alone = segeval.score(*copied(tmp_path, ["0002.png", "0005.png", "night/0007.png"])).to_dict()
    for part in ("scores", "classes", "confusion", "data"):
        assert found[part] == alone[part]


def test_the_list_stands_in_protocol_and_signature_as_its_digest(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("0002\n0005\n")
    (tmp_path / "turned.txt").write_text("0005\n0002\n")
    (tmp_path / "other.txt").write_text("0005\n0003\n")
    keys = [report_of("--keys", f"{name}.txt", cwd=tmp_path)["protocol"]["keys"] for name in ("val", "turned", "other")]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("list(2@")


def test_a_saved_run_takes_the_list_that_folders_take(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("0002\n0005\n")
    run = segeval.measure(SAMPLES / "pred", SAMPLES / "gt")
    later = segeval.rescore(run, keys=tmp_path / "val.txt").to_dict()
    at_once = segeval.score(SAMPLES / "pred", SAMPLES / "gt", keys=tmp_path / "val.txt").to_dict()
    assert later == at_once


def test_a_number_of_a_list_is_verified_with_the_list(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("0002\n0005\n")
    (tmp_path / "other.txt").write_text("0002\n0003\n")
    report = segeval.score(SAMPLES / "pred", SAMPLES / "gt", keys=tmp_path / "val.txt")
    line, claim = str(report.signature), f"miou={report.scores['miou']:.4f}"
    run = segeval.measure(SAMPLES / "pred", SAMPLES / "gt")
    for data in ((SAMPLES / "pred", SAMPLES / "gt"), (run,)):
        assert segeval.verify(line, claim, *data, keys=tmp_path / "val.txt").holds(strict=True)
        with pytest.raises(UsageError, match="list of keys given is not that"):
            segeval.verify(line, claim, *data, keys=tmp_path / "other.txt")
        with pytest.raises(UsageError, match="digest only"):
            segeval.verify(line, claim, *data)


def test_a_number_of_a_glob_is_verified_too() -> None:
    report = segeval.score(SAMPLES / "pred", SAMPLES / "gt", keys="night/*")
    line, claim = str(report.signature), f"miou={report.scores['miou']:.4f}"
    assert segeval.verify(line, claim, SAMPLES / "pred", SAMPLES / "gt").holds(strict=True)


# Name maps


def test_a_name_map_pairs_what_has_no_name_in_common(tmp_path: Path) -> None:
    rules = PairingRules(name_map=parse_name_map('gt,pred\na.png,x.npy\n"b, c",sub/y\n', name="map.csv"))
    pairing = pairing_of(tmp_path, ["a.png", "b, c.png"], ["x.npy", "sub/y.png"], rules)
    assert paired(pairing) == {"a.png": ("x.npy",), "b, c.png": ("sub/y.png",)}
    assert [pair.key for pair in pairing.pairs] == ["a", "b, c"]


def test_what_the_map_does_not_name_pairs_by_name(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "b.png"], ["x.png", "b.png"], PairingRules(name_map=(("a", "x"),)))
    assert paired(pairing) == {"a.png": ("x.png",), "b.png": ("b.png",)}


def test_the_map_wins_over_equal_names(tmp_path: Path) -> None:
    rules = PairingRules(name_map=(("a", "b"), ("b", "a")))
    assert paired(pairing_of(tmp_path, ["a.png", "b.png"], ["a.png", "b.png"], rules)) == {
        "a.png": ("b.png",),
        "b.png": ("a.png",),
    }


def test_files_of_one_key_stay_apart_whatever_the_map_says(tmp_path: Path) -> None:
    pairing = pairing_of(tmp_path, ["a.png", "a.npy"], ["x.png"], PairingRules(name_map=(("a.png", "x"),)))
    assert not pairing.pairs
    assert [clash.gt for clash in pairing.clashes] == [("a.npy", "a.png")]


def test_names_that_are_no_file_or_two_are_told_together(tmp_path: Path) -> None:
    make(tmp_path, "unused")
    rules = PairingRules(name_map=(("a", "nowhere"), ("none", "y"), ("1", "y.png")))
    with pytest.raises(UsageError, match="does not fit") as raised:
        pairing_of(tmp_path, ["a.png", "p/1.png", "q/1.png"], ["y.png"], rules)
    assert raised.value.where == (
        "pred nowhere: no such file",
        "gt none: no such file",
        "gt 1: could be p/1.png, q/1.png",
        "pred y.png: y is the same file",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("gt,pred\n", "empty"),
        ("a\n", "no two names"),
        ("a,b,c\n", "no two names"),
        ("a,\n", "no two names"),
        ("a,x\na,y\n", "twice"),
        ("a,x\nb,x\n", "twice"),
        ("a,x\0\n", "names of files"),
    ],
)
def test_what_is_no_name_map_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_name_map(text, name="map.csv")


def masks(folder: Path, names: list[str]) -> None:
    folder.mkdir()
    for name in names:
        Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) % 3).save(folder / name)


def test_maps_and_patterns_work_from_the_command_line(tmp_path: Path) -> None:
    masks(tmp_path / "gt", ["01_manual.png", "02_manual.png"])
    masks(tmp_path / "pred", ["01_test.png", "02_test.png"])
    (tmp_path / "map.csv").write_text("01_manual,01_test\n02_manual.png,02_test.png\n")
    by_map = run_segeval("score", "pred", "gt", "--name-map", "map.csv", "--only", "miou", "-q", cwd=tmp_path)
    by_pattern = run_segeval("score", "pred", "gt", "--key-regex", "^[0-9]+", "--only", "miou", "-q", cwd=tmp_path)
    assert (by_map.code, by_map.stdout, by_map.stderr) == (by_pattern.code, by_pattern.stdout, by_pattern.stderr)
    assert by_map.stdout == "1.0\n"


def test_a_pattern_that_is_none_is_an_error(tmp_path: Path) -> None:
    masks(tmp_path / "gt", ["1.png"])
    with pytest.raises(SegevalError, match="not a regular expression"):
        segeval.score(tmp_path / "gt", tmp_path / "gt", key_regex="(")


def test_a_map_of_few_files_says_nothing_of_the_others(tmp_path: Path) -> None:
    gt = [f"{number}.png" for number in range(9)]
    pairing = pairing_of(tmp_path, gt, ["x.png"], PairingRules(name_map=(("1", "x"),), keys=("1",)))
    assert paired(pairing) == {"1.png": ("x.png",)}
