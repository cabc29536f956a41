"""What is no folder of probability maps, and what is one and was not called so: told with the file and the remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.commandline import Completed, run_segeval
from tests.support.probability_folders import NAMES, Array, converted, save_gt, save_npy, save_png

SHAPE = (6, 5)
RANDOM = np.random.default_rng(8)
GT = [RANDOM.integers(0, 3, SHAPE).astype(np.uint8) for _ in range(2)]
LEVELS = RANDOM.integers(0, 256, (3, *SHAPE)).astype(np.uint8)
ONE = LEVELS[0]
THREE = ("--probs", "--classes", "3")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    save_gt(tmp_path / "gt", GT)
    (tmp_path / "p").mkdir()
    return tmp_path


def scored(root: Path, *options: str) -> Completed:
    return run_segeval("score", root / "p", root / "gt", *options)


def assert_refused(done: Completed, *told: str) -> None:
    """Exit code 2, nothing on stdout, no traceback, and on stderr what, where, and how to mend it."""
    assert done.code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert "fix: " in done.stderr
    for part in told:
        assert part in done.stderr


def of_every_image(root: Path, save: Callable[[Path, Array], None], suffix: str, values: Array) -> None:
    for key in ("a", "night/b"):
        save(root / "p" / f"{key}.{suffix}", values)


def in_folders(root: Path, folders: tuple[str, ...]) -> None:
    for folder, single in zip(folders, LEVELS, strict=True):
        for key in ("a", "night/b"):
            save_png(root / "p" / folder / f"{key}.png", single)


# Values


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5, -0.25])
def test_values_that_are_no_probability(value: float, kind: str, root: Path) -> None:
    maps = converted(LEVELS, kind)
    save_npy(root / "p" / "a.npy", maps)
    wrong = maps.copy()
    wrong[2, 3, 3] = value
    save_npy(root / "p" / "night" / "b.npy", wrong)
    assert_refused(scored(root, *THREE), "night/b.npy", f"value {value}", "1 pixels", "sigmoid or softmax")


def test_sums_that_are_not_1_are_told_and_left_as_they_are(root: Path) -> None:
    of_every_image(root, save_npy, "npy", np.full((3, *SHAPE), 0.5, np.float32))
    done = scored(root, *THREE, "-f", "csv")
    assert done.code == 0
    assert "do not add up to 1 at 60 pixels (100.00 %)" in done.stderr
    assert f",{np.log(2):.6f}" in done.stdout


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float16", "float32", "float64"])
def test_sums_that_are_1_within_quantisation_are_not_told(kind: str, root: Path) -> None:
    p = RANDOM.dirichlet([1, 1, 1], SHAPE).transpose(2, 0, 1)
    top = {"uint8": 255, "uint16": 65535}.get(kind)
    of_every_image(root, save_npy, "npy", np.rint(p * top).astype(kind) if top else p.astype(kind))
    done = scored(root, *THREE)
    assert done.code == 0
    assert "add up" not in done.stderr


# Shapes, types and numbers of maps


def test_a_class_map_that_one_image_lacks(root: Path) -> None:
    in_folders(root, ("0", "1", "2"))
    (root / "p" / "2" / "night" / "b.png").unlink()
    assert_refused(scored(root, *THREE), "night/b.png: no map in 2")


def test_a_class_without_folder(root: Path) -> None:
    in_folders(root, ("0", "1", "2"))
    shutil.rmtree(root / "p" / "1")
    assert_refused(scored(root, *THREE), "class folders are missing", "--classes")


def test_maps_of_another_size(root: Path) -> None:
    of_every_image(root, save_npy, "npy", LEVELS.transpose(0, 2, 1))
    assert_refused(scored(root, *THREE), "differ in size", "a.npy: 6x5, ground truth 5x6", "night/b.npy")


@pytest.mark.parametrize("shape", [(5,), (2, 3, 6, 5), (0, 6, 5)])
def test_arrays_of_no_map(shape: tuple[int, ...], root: Path) -> None:
    of_every_image(root, save_npy, "npy", np.zeros(shape, np.float32))
    assert_refused(scored(root, *THREE), "a.npy")


def test_rgb(root: Path) -> None:
    of_every_image(root, save_png, "png", np.ascontiguousarray(LEVELS.transpose(1, 2, 0)))
    assert_refused(scored(root, "--probs", "--binary"), "a.png: PNG RGB 8 bit", "gray PNG")


def test_images_of_different_types(root: Path) -> None:
    save_npy(root / "p" / "a.npy", LEVELS)
    save_npy(root / "p" / "night" / "b.npy", LEVELS / 255)
    assert_refused(scored(root, *THREE), "night/b.npy: 3 of float, the first image has 3 of uint8")


def test_class_maps_of_different_types(root: Path) -> None:
    in_folders(root, ("0", "1", "2"))
    save_png(root / "p" / "1" / "a.png", converted(ONE, "uint16"))
    assert_refused(scored(root, *THREE), "1/a.png: uint16", "0/a.png: uint8")


@pytest.mark.parametrize("options", [("--classes", "4"), ("--binary",)])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_other_numbers_of_classes_than_of_maps(options: tuple[str, ...], kind: str, root: Path) -> None:
    of_every_image(root, save_npy, "npy", converted(LEVELS, kind))
    assert_refused(scored(root, "--probs", *options), "maps describe 3", "--classes")


def test_one_map_describes_two_classes(root: Path) -> None:
    of_every_image(root, save_png, "png", ONE)
    assert_refused(scored(root, *THREE), "there are 3 classes", "--binary")


def test_floats_have_no_half_step_and_8_bits_have(root: Path) -> None:
    of_every_image(root, save_npy, "npy", LEVELS / 255)
    assert_refused(scored(root, *THREE, "--eps", "half-step"), "no half-step", "torch")
    of_every_image(root, save_npy, "npy", LEVELS)
    asked, usual = scored(root, *THREE, "--eps", "half-step", "-f", "csv"), scored(root, *THREE, "-f", "csv")
    assert (asked.code, asked.stdout) == (0, usual.stdout)


def test_the_class_of_the_only_map_is_ignored(root: Path) -> None:
    save_gt(root / "gt", [np.minimum(gt, 1) for gt in GT])
    of_every_image(root, save_png, "png", ONE)
    assert_refused(scored(root, "--probs", "--classes", "2", "--ignore", "1"), "ignored", "--ignore")


def test_a_wrong_size_beside_a_missing_prediction_is_what_is_told(root: Path) -> None:
    save_npy(root / "p" / "a.npy", LEVELS[:, :4])
    assert_refused(scored(root, *THREE, "--missing", "miss"), "a.npy: 5x4, ground truth 5x6")


def test_missing_predictions_miss_as_labels_and_are_no_loss(root: Path) -> None:
    save_npy(root / "p" / "a.npy", LEVELS)
    skipped = scored(root, *THREE, "--missing", "skip", "-f", "csv")
    missed = scored(root, *THREE, "--missing", "miss", "-f", "csv")
    assert (skipped.code, missed.code) == (0, 0)
    assert "1 image without prediction count as wrong; losses leave them out" in missed.stderr
    assert [line.split(",")[10:] for line in skipped.stdout.splitlines()] == [
        line.split(",")[10:] for line in missed.stdout.splitlines()
    ]
    assert skipped.stdout != missed.stdout


# Labels given as maps


@pytest.mark.parametrize("options", [(), ("--classes", "3"), ("--binary",)])
def test_labels_with_probs(options: tuple[str, ...], root: Path) -> None:
    of_every_image(root, save_png, "png", GT[0])
    done = scored(root, "--probs", *options)
    assert_refused(done, "label masks", "a.png", "Score them without --probs")
    assert done.stderr.count("error:") == 1


def test_integer_arrays_with_probs(root: Path) -> None:
    of_every_image(root, save_npy, "npy", GT[0].astype(np.int64))
    assert_refused(scored(root, *THREE), "int64", "drop --probs")


def test_0_and_255_with_probs_is_certainty(root: Path) -> None:
    save_gt(root / "gt", [np.where(gt == 1, 255, 0).astype(np.uint8) for gt in GT])
    of_every_image(root, save_png, "png", np.where(GT[0] == 1, 255, 0).astype(np.uint8))
    done = scored(root, "--probs", "--binary")
    assert done.code == 0
    assert "only 0 and 255" in done.stderr


def test_levels_0_and_1_are_good_maps_of_an_empty_ground_truth(root: Path) -> None:
    save_gt(root / "gt", [np.zeros(SHAPE, np.uint8)] * 2)
    of_every_image(root, save_png, "png", (ONE > 99).astype(np.uint8))
    assert scored(root, "--probs", "--classes", "2").code == 0


# Maps given as labels


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("foreground", [1, 255])
@pytest.mark.parametrize("options", [(), ("--classes", "2")])
def test_single_maps_without_probs(options: tuple[str, ...], foreground: int, kind: str, root: Path) -> None:
    save_gt(root / "gt", [np.where(gt == 1, foreground, 0).astype(np.uint8) for gt in GT])
    of_every_image(root, save_png, "png", converted(ONE, kind))
    done = scored(root, *options)
    assert_refused(done, "look like probability maps", "a.png", "--probs")
    assert done.stderr.count("error:") == 1


def test_single_maps_under_binary_are_refused_with_both_ways_to_read_them(root: Path) -> None:
    save_gt(root / "gt", [np.where(gt == 1, 255, 0).astype(np.uint8) for gt in GT])
    of_every_image(root, save_png, "png", ONE)
    done = scored(root, "--binary")
    assert_refused(done, "pred/a.png", "--pred-threshold", "--probs")


@pytest.mark.parametrize("folders", [("0", "1", "2"), NAMES])
def test_class_folders_without_probs(folders: tuple[str, ...], root: Path) -> None:
    in_folders(root, folders)
    done = scored(root, "--classes", "3")
    assert_refused(
        done, "one folder a class", ", ".join(f"pred/{name}/" for name in sorted(folders)), "Score them with --probs"
    )
    assert done.stderr.count("error:") == 1


def test_named_class_folders_need_their_order(root: Path) -> None:
    in_folders(root, NAMES)
    assert_refused(scored(root, "--probs"), "one folder a class", "--classes")


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_float_arrays_without_probs(kind: str, root: Path) -> None:
    of_every_image(root, save_npy, "npy", converted(LEVELS, kind))
    assert_refused(scored(root), "a.npy", "Pass --probs")


@pytest.mark.parametrize("verb", ["score", "explain", "inspect"])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("first", [1, 255])
def test_what_255_is_is_asked_once_with_the_names_of_files(first: int, kind: str, verb: str, root: Path) -> None:
    """Told from the first file before the maps are counted, and from all files after that."""
    save_gt(
        root / "gt", [np.where(gt == 1, level, 0).astype(np.uint8) for gt, level in zip(GT, (first, 255), strict=True)]
    )
    of_every_image(
        root, save_png if kind == "uint8" else save_npy, "png" if kind == "uint8" else "npy", converted(ONE, kind)
    )
    options = ("--classes", "2") if first == 255 else ()
    done = run_segeval(verb, root / "p", root / "gt", "--probs", *options)
    assert done.code == 2
    told = done.stderr + done.stdout
    assert told.count("nothing tells whether 255") == 1
    assert f"gt/{'a' if first == 255 else 'night/b'}.png" in told.split()
