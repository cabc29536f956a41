"""`segeval inspect` names an option where it would read what lies there: each one is taken at its word and works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.commandline import run_segeval

NOISE = np.random.default_rng(12)
GT = {f"{place:03}": NOISE.integers(0, 4, (12, 16)).astype(np.uint8) for place in range(3)}
PRED = {key: np.where(NOISE.random(one.shape) < 0.8, one, 0).astype(np.uint8) for key, one in GT.items()}


def written(folder: Path, images: dict[str, NDArray[np.uint8]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for key, image in images.items():
        Image.fromarray(image).save(folder / f"{key}.png")
    return folder


def suggested(pred: Path, gt: Path, *more: str) -> list[str]:
    """Return the options that an inspection suggests."""
    done = run_segeval("inspect", str(pred), str(gt), *more, "-f", "json")
    return [one["option"] for one in json.loads(done.stdout)["suggestions"]]


def scores(pred: Path, gt: Path, *options: str) -> bool:
    """Tell whether folders score with options taken from a text."""
    words = [word for one in options for word in shlex.split(one)]
    done = run_segeval("score", str(pred), str(gt), *words, "-f", "json")
    return done.code == 0


def coded(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put labels into R beside noise, as BDD100K's panoptic masks have an id in A."""
    noise = NOISE.integers(100, 256, (*labels.shape, 2)).astype(np.uint8)
    return np.concatenate([labels[..., None], noise], axis=-1)


def panoptic(folder: Path) -> None:
    """Write the ground truth as segments, and its JSON beside it."""
    ids = {key: 70_000 + 300 * one.astype(np.int64) for key, one in GT.items()}
    colours = {key: np.stack([one % 256, one // 256 % 256, one // 65536], -1) for key, one in ids.items()}
    written(folder, {key: one.astype(np.uint8) for key, one in colours.items()})
    infos = [{"id": 70_000 + 300 * one, "category_id": one} for one in range(4)]
    data: dict[str, Any] = {"annotations": [{"file_name": f"{key}.png", "segments_info": infos} for key in GT]}
    data["categories"] = [{"id": one, "name": f"thing {one}"} for one in range(4)]
    folder.with_suffix(".json").write_text(json.dumps(data))


def test_sound_folders_get_none(tmp_path: Path) -> None:
    written(tmp_path / "images", {key: NOISE.integers(0, 256, (12, 16, 3)).astype(np.uint8) for key in GT})
    assert suggested(written(tmp_path / "pred", PRED), written(tmp_path / "gt", GT)) == []


def test_a_channel_with_the_values_of_the_other_side_is_named(tmp_path: Path) -> None:
    gt, pred = written(tmp_path / "gt", {key: coded(one) for key, one in GT.items()}), written(tmp_path / "pred", PRED)
    for more in ([], ["--classes", "4"]):
        assert suggested(pred, gt, *more) == ["--gt-channel R"]
    assert scores(pred, gt, "--gt-channel R")
    assert suggested(gt, pred) == ["--pred-channel R"]
    assert suggested(pred, gt, "--gt-channel", "R") == []
    assert suggested(pred, written(tmp_path / "gt", {key: coded(one + 50) for key, one in GT.items()})) == []


def test_a_panoptic_json_is_named_where_its_segments_are_those_of_the_masks(tmp_path: Path) -> None:
    pred = written(tmp_path / "pred", PRED)
    panoptic(tmp_path / "gt")
    (tmp_path / "other.json").write_text("{}")
    assert suggested(pred, tmp_path / "gt") == [f"--gt-segments {tmp_path / 'gt.json'}"]
    assert scores(pred, tmp_path / "gt", f"--gt-segments {tmp_path / 'gt.json'}")
    moved = (tmp_path / "gt.json").rename(tmp_path / "panoptic val.json")
    (option,) = suggested(pred, tmp_path / "gt")
    assert option == f"--gt-segments '{moved}'"
    assert scores(pred, tmp_path / "gt", option)
    data = json.loads(moved.read_text())
    data["annotations"][0]["segments_info"].pop()
    moved.write_text(json.dumps(data))
    assert suggested(pred, tmp_path / "gt") == []


def test_regions_beside_the_ground_truth_are_named(tmp_path: Path) -> None:
    pred, gt = written(tmp_path / "pred", PRED), written(tmp_path / "1st_manual", GT)
    inside = np.zeros((12, 16), np.uint8)
    inside[2:-2, 2:-2] = 255
    written(tmp_path / "mask", dict.fromkeys(GT, inside))
    assert suggested(pred, gt) == [f"--roi {tmp_path / 'mask'}"]
    assert scores(pred, gt, f"--roi {tmp_path / 'mask'}")
    assert suggested(pred, gt, "--roi", str(tmp_path / "mask")) == []


@pytest.mark.parametrize(
    "others",
    [
        dict.fromkeys(list(GT)[1:], np.full((12, 16), 255, np.uint8)),
        dict.fromkeys(GT, np.full((12, 16), 255, np.uint8)),
        dict.fromkeys(GT, np.eye(12, dtype=np.uint8)),
        GT,
    ],
    ids=["one lacks", "no outside", "another size", "labels"],
)
def test_other_folders_of_masks_are_not(others: dict[str, NDArray[np.uint8]], tmp_path: Path) -> None:
    written(tmp_path / "masks", others)
    assert suggested(written(tmp_path / "pred", PRED), written(tmp_path / "gt", GT)) == []


def test_the_dataset_json_of_nnunet_is_named(tmp_path: Path) -> None:
    pred, gt = written(tmp_path / "pred", PRED), written(tmp_path / "labelsTr", GT)
    dataset = {"labels": {"background": 0, "a": 1, "b": 2, "c": 3}, "file_ending": ".png"}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(dataset))
    assert suggested(pred, gt) == [f"--preset nnunet --dataset {path}"]
    assert scores(pred, gt, f"--preset nnunet --dataset {path}")
    assert suggested(pred, gt, "--classes", "4") == []
    path.write_text(json.dumps({**dataset, "file_ending": ".nii.gz"}))
    assert suggested(pred, gt) == []
    path.rename(tmp_path / "pred" / "dataset.json").write_text(json.dumps(dataset))
    assert suggested(pred, gt) == [f"--preset nnunet --dataset {tmp_path / 'pred' / 'dataset.json'}"]


def test_the_text_tells_them_too(tmp_path: Path) -> None:
    gt, pred = written(tmp_path / "gt", {key: coded(one) for key, one in GT.items()}), written(tmp_path / "pred", PRED)
    done = run_segeval("inspect", str(pred), str(gt))
    assert "of the colours of gt, channel R alone holds values of the other side: --gt-channel R" in done.stdout


def test_the_line_that_exchanges_the_folders_exchanges_their_options(tmp_path: Path) -> None:
    """Void in the predictions alone tells that the folders are swapped; what reads a folder goes with it."""
    void = {key: np.where(np.arange(16) < 2, 255, one).astype(np.uint8) for key, one in GT.items()}
    gt, pred = (
        written(tmp_path / "gt", {key: coded(one) for key, one in void.items()}),
        written(tmp_path / "pred", PRED),
    )
    done = run_segeval("inspect", str(gt), str(pred), "--classes", "4", "--pred-channel", "R")
    (line,) = [line for line in done.stdout.splitlines() if "score with: " in line]
    words = shlex.split(line.partition("score with: ")[2])
    assert words[:4] == ["segeval", "score", str(pred), str(gt)]
    assert words[words.index("--gt-channel") + 1] == "R"
    assert "--pred-channel" not in words
    assert run_segeval(*words[1:], "--only", "miou").code == 0
