"""Slices of volumes as images of their own (`--per-slice`): numbers of the same slices saved one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.errors import MaskError, SegevalError, UsageError
from segeval.folders.pairing import Pair
from segeval.images.stacks import labels_of_stack
from segeval.runs.file import run_from_bytes, run_to_bytes
from tests.support.commandline import run_segeval

Array = NDArray[Any]
RANDOM = np.random.default_rng(11)
SLICES = {"b/two": 12, "one": 3, "zero": 1}
"""Images in each file, by its key."""
STACKED: Any = {"stack": True, "per_slice": True, "classes": 4}
CONTOURS: Any = {"distances": "monai", "boundary": 1}


def volume(depth: int) -> Array:
    return RANDOM.integers(0, 4, (depth, 9, 7)).astype(np.uint8)


GT = {key: volume(depth) for key, depth in SLICES.items()}
PRED = {
    key: np.where(RANDOM.random(one.shape) < 0.7, one, volume(len(one))).astype(np.uint8) for key, one in GT.items()
}


def stacked(path: Path, slices: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(one) for one in slices)
    first.save(path, save_all=True, append_images=others, compression="tiff_lzw")


def single(folder: Path, key: str, slices: Array) -> None:
    """Save slices as an annotator would who knows images only."""
    (folder / key).mkdir(parents=True, exist_ok=True)
    for place, one in enumerate(slices):
        Image.fromarray(one).save(folder / key / f"{place:0{len(str(len(slices)))}}.png")


@pytest.fixture
def stacks(tmp_path: Path) -> tuple[Path, Path]:
    for side, volumes in (("gt", GT), ("pred", PRED)):
        for key, slices in volumes.items():
            stacked(tmp_path / side / f"{key}.tif", slices)
            single(tmp_path / f"flat_{side}", key, slices)
    return tmp_path / "pred", tmp_path / "gt"


def flat(folders: tuple[Path, Path]) -> tuple[Path, Path]:
    return folders[0].with_name("flat_pred"), folders[1].with_name("flat_gt")


# What is counted


@pytest.mark.parametrize(
    "more", [{}, CONTOURS, {"average": "image"}, {"group_by": r"^(.*)/", "ci": 95, "resamples": 50}]
)
def test_scores_are_those_of_the_slices_saved_one_by_one(stacks: tuple[Path, Path], more: Any) -> None:
    more = {**more, "per_image": True, "worst": 4, "classes": 4}
    found = segeval.score(*stacks, stack=True, per_slice=True, **more)
    single = segeval.score(*flat(stacks), **more)
    assert found.scores == single.scores
    assert found.details is not None
    assert single.details is not None
    assert found.details.images is not None
    assert single.details.images is not None
    alone = [replace(one, files=("", "")) for one in single.details.images]
    assert [replace(one, files=("", "")) for one in found.details.images] == alone
    assert [one["key"] for one in found.to_dict()["worst_images"]] == [
        one["key"] for one in single.to_dict()["worst_images"]
    ]
    assert found.to_dict().get("intervals") == single.to_dict().get("intervals")


def test_only_means_over_images_are_others_than_those_of_whole_volumes(stacks: tuple[Path, Path]) -> None:
    slices, whole = segeval.score(*stacks, **STACKED), segeval.score(*stacks, stack=True, classes=4)
    differing = {name for name, value in slices.scores.items() if value != whole.scores[name]}
    assert differing == {"image_miou", "class_miou"}
    assert (slices.confusion.counts == whole.confusion.counts).all()
    assert slices.data.pixels == whole.data.pixels
    assert (slices.data.images, whole.data.images) == (16, 3)


def test_keys_have_the_digits_of_the_depth_and_the_order_of_the_slices(stacks: tuple[Path, Path]) -> None:
    keys = [row.key for row in segeval.measure(*stacks, **STACKED).rows]
    assert keys == [*(f"b/two/{place:02}" for place in range(12)), "one/0", "one/1", "one/2", "zero/0"]


def test_slices_are_resized_one_by_one(stacks: tuple[Path, Path]) -> None:
    for key, slices in PRED.items():
        stacked(stacks[0] / f"{key}.tif", slices[:, ::2, ::2])
        single(flat(stacks)[0], key, slices[:, ::2, ::2])
    with pytest.raises(MaskError, match="differ in size"):
        segeval.score(*stacks, **STACKED)
    found = segeval.score(*stacks, **STACKED, resize_pred="nearest")
    assert found.scores == segeval.score(*flat(stacks), classes=4, resize_pred="nearest").scores


def test_images_without_prediction_are_missed_slice_by_slice(stacks: tuple[Path, Path]) -> None:
    (stacks[0] / "one.tif").unlink()
    run = segeval.measure(*stacks, **STACKED, missing="miss")
    assert [row.key for row in run.rows if row.missing] == ["one/0", "one/1", "one/2"]
    with pytest.raises(SegevalError, match="without a prediction"):
        segeval.score(*stacks, **STACKED)


def test_nifti_volumes_have_slices_too(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="comes with the extra medical")
    for side, volumes in (("gt", GT), ("pred", PRED)):
        for key, slices in volumes.items():
            path = tmp_path / side / f"{key}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(slices.transpose(2, 1, 0), np.diag([0.75, 0.5, 3, 1])), path)
            single(tmp_path / f"flat_{side}", key, slices)
    folders = tmp_path / "pred", tmp_path / "gt"
    found = segeval.score(*folders, per_slice=True, classes=4, distances="monai", per_image=True)
    alone = segeval.score(*flat(folders), classes=4, distances="monai", spacing=(0.5, 0.75), per_image=True)
    assert found.scores == alone.scores
    moved = nibabel.Nifti1Image(PRED["one"].transpose(2, 1, 0), np.diag([0.75, 0.5, 4, 1]))
    nibabel.save(moved, tmp_path / "pred" / "one.nii.gz")
    with pytest.raises(MaskError, match="lie differently in space") as raised:
        segeval.score(*folders, per_slice=True)
    assert len(raised.value.where) == 1  # not once a slice


# What it costs, and how it goes on


def test_a_volume_is_decoded_once_for_all_its_slices(stacks: tuple[Path, Path]) -> None:
    with mock.patch("segeval.images.stacks.labels_of_stack", side_effect=labels_of_stack) as decoded:
        segeval.measure(*stacks, **STACKED, jobs=1)
    assert decoded.call_count == 2 * len(SLICES)


def test_volumes_that_change_between_two_scores_are_read_again(stacks: tuple[Path, Path]) -> None:
    (stacks[0] / "b/two.tif").unlink()
    (stacks[1] / "b/two.tif").unlink()
    segeval.score(*stacks, **STACKED, jobs=1)
    stacked(stacks[0] / "zero.tif", GT["zero"])
    stacked(stacks[0] / "one.tif", GT["one"])
    assert segeval.score(*stacks, **STACKED, jobs=1).scores["miou"] == 1


def test_saved_rows_and_partitions_unite_to_the_run(stacks: tuple[Path, Path]) -> None:
    whole = segeval.measure(*stacks, **STACKED)
    assert run_from_bytes(run_to_bytes(whole, packed=True), name="run") == whole
    pairs = segeval.list_pairs(*stacks, **STACKED)
    parts = [segeval.measure_pairs(part, *stacks, **STACKED) for part in (pairs[:5], pairs[5:])]
    assert segeval.combine(*parts) == whole
    with pytest.raises(UsageError, match="another choice of per_slice"):
        segeval.measure_pairs(pairs, *stacks, stack=True)


def test_the_command_line_saves_resumes_verifies_and_draws(stacks: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = map(str, stacks)
    saved = str(tmp_path / "run.jsonl")
    options = ["--stack", "--per-slice", "-c", "4"]
    score = [pred, gt, *options, "--save", saved, "--resume", "--only", "image_miou"]
    first = run_segeval("score", *score)
    assert first.code == 0, first.stderr
    assert run_segeval("score", *score).stdout == first.stdout
    for part in "12":
        shard = ["--shard", f"{part}/2", "--save", str(tmp_path / f"{part}.jsonl")]
        assert run_segeval("score", pred, gt, *options, *shard).code == 0
    parts = [segeval.load_run(tmp_path / f"{part}.jsonl") for part in "12"]
    assert segeval.combine(*parts) == segeval.load_run(saved)
    whole = segeval.score(*stacks, **STACKED)
    assert "per-slice:yes" in str(whole.signature)
    claim = f"image_miou={whole.scores['image_miou']!r}"
    assert segeval.verify(str(whole.signature), claim, *stacks).holds(strict=True)
    assert segeval.inspect(*stacks, **STACKED).ready
    assert run_segeval("plan", pred, gt, *options).code == 0
    assert run_segeval("explain", pred, gt, *options).code == 0
    drawn = run_segeval("score", pred, gt, *options, "--overlays", str(tmp_path / "drawn"), "--worst", "2")
    assert drawn.code == 0, drawn.stderr
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 2


# What is refused


@pytest.mark.parametrize("more", [{"probs": True}, {"multilabel": True}, {"roi": "gt"}, {"palette_tolerance": 3}])
def test_options_of_other_images_are_refused(stacks: tuple[Path, Path], more: dict[str, Any]) -> None:
    (option,) = more
    with pytest.raises(UsageError, match="of label masks") as raised:
        segeval.score(*stacks, per_slice=True, classes=4, **(more if option != "roi" else {"roi": stacks[1]}))
    assert f"--{option.replace('_', '-')}" in str(raised.value)


def test_files_that_are_no_volumes_are_refused_on_either_side(stacks: tuple[Path, Path]) -> None:
    with pytest.raises(MaskError, match="is of volumes") as raised:
        segeval.score(*flat(stacks), per_slice=True)
    assert len(raised.value.where) == 32
    Image.fromarray(PRED["zero"][0]).save(stacks[0] / "zero.png")
    (stacks[0] / "zero.tif").unlink()
    with pytest.raises(MaskError, match="is of volumes") as raised:
        segeval.score(*stacks, **STACKED)
    assert raised.value.where == ("pred/zero.png",)


def test_another_number_of_slices_and_a_cut_file_are_told_once(stacks: tuple[Path, Path]) -> None:
    stacked(stacks[0] / "b/two.tif", PRED["b/two"][:11])
    with pytest.raises(MaskError, match="differ in size") as raised:
        segeval.score(*stacks, **STACKED)
    assert raised.value.where == ("pred/b/two.tif: 11 slices, ground truth 12",)
    for side in stacks:
        (side / "b/two.tif").write_bytes(b"II*\0 no more")
    with pytest.raises(MaskError) as raised:
        segeval.score(*stacks, **STACKED)
    assert len(raised.value.where) == 2


def test_a_ground_truth_that_grew_since_it_was_listed_is_told(stacks: tuple[Path, Path]) -> None:
    pairs = segeval.list_pairs(*stacks, **STACKED)
    assert all(isinstance(pair, Pair) for pair in pairs)
    stacked(stacks[1] / "one.tif", GT["b/two"])
    with pytest.raises(MaskError, match="changed while it was read"):
        segeval.measure_pairs(pairs, *stacks, **STACKED)
