"""The official Cityscapes folders score with `--preset cityscapes` and nothing else, categories included.

Every number is held to cityscapesScripts where it is installed, and to sums written here where it is not.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.api.folders import score
from segeval.errors import SegevalError
from segeval.report.report import Report
from tests.evaluators import Refused, close
from tests.evaluators.cityscapes_scripts import official_scores
from tests.support.commandline import run_segeval

IMAGES = ("frankfurt_000000_000294", "frankfurt_000001_064651", "lindau_000000_000019", "munster_000173_000019")
CATEGORIES = {
    "flat": (7, 8),
    "construction": (11, 12, 13),
    "object": (17, 19, 20),
    "nature": (21, 22),
    "sky": (23,),
    "human": (24, 25),
    "vehicle": (26, 27, 28, 31, 32, 33),
}
EVALUATED = tuple(value for values in CATEGORIES.values() for value in values)
LAYOUTS: dict[str, Callable[[str], str]] = {
    "flat": lambda name: f"{name}.png",
    "flat, with a suffix": lambda name: f"{name}_pred_labelIds.png",
    "flat, named as the photographs": lambda name: f"{name}_leftImg8bit.png",
    "by city": lambda name: f"{name.split('_')[0]}/{name}_gtFine_labelIds.png",
    "deep, anything behind the frame": lambda name: f"run 7/results/{name[:3]}/{name}-epoch 12.png",
}


@dataclass(frozen=True)
class Folders:
    """Hold an official tree, a folder of predictions, and the label files of val."""

    root: Path
    pred: Path

    @property
    def gt_files(self) -> list[Path]:
        return sorted(self.root.glob("gtFine/val/*/*_gtFine_labelIds.png"))


def save(path: Path, values: NDArray[np.integer]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def build(where: Path, seed: int, layout: str = "flat") -> Folders:
    """Write four images of all 34 regular ids, in a tree with all that the data set ships beside the labels."""
    noise = np.random.default_rng(seed)
    folders = Folders(where / "cityscapes", where / "results")
    # Some seeds leave classes out of both, some only out of the ground truth.
    gt_ids, pred_ids = noise.permutation(34)[: noise.integers(6, 35)], noise.permutation(34)[: noise.integers(10, 35)]
    for name in IMAGES:
        gt = noise.choice(gt_ids, (24, 48)).astype(np.uint8)
        pred = np.where(noise.random(gt.shape) < 0.6, gt, noise.choice(pred_ids, gt.shape)).astype(np.uint8)
        stem = folders.root / "gtFine/val" / name.split("_")[0] / f"{name}_gtFine"
        save(stem.with_name(f"{stem.name}_labelIds.png"), gt)
        save(stem.with_name(f"{stem.name}_instanceIds.png"), gt.astype(np.uint16) * 1000)
        save(stem.with_name(f"{stem.name}_color.png"), np.stack([gt, gt, gt, gt], axis=-1))
        stem.with_name(f"{stem.name}_polygons.json").write_text("{}", encoding="utf-8")
        save(folders.root / "leftImg8bit/val" / name.split("_")[0] / f"{name}_leftImg8bit.png", gt)
        save(folders.pred / LAYOUTS[layout](name), pred)
    return folders


def by_name(report: Report) -> dict[str, float | None]:
    return {entry.name: entry.iou for entry in report.classes}


def groups_by_name(report: Report) -> dict[str, float | None]:
    return {entry.name: entry.iou for entry in report.groups}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return build(tmp_path_factory.mktemp("tree"), seed=1)


def need_cityscapes_scripts() -> None:
    if importlib.util.find_spec("cityscapesscripts") is None or importlib.util.find_spec("pyquaternion") is None:
        pytest.skip("cityscapesScripts is not installed")


@pytest.mark.parametrize("seed", range(8))
def test_classes_and_categories_are_those_of_cityscapes_scripts(seed: int, tmp_path: Path) -> None:
    need_cityscapes_scripts()
    layout = list(LAYOUTS)[seed % len(LAYOUTS)]
    tree = build(tmp_path, seed, layout)
    official = official_scores(tree.pred, tree.gt_files)
    report = score(tree.pred, tree.root / "gtFine/val", preset="cityscapes")
    assert by_name(report) == {name: close(iou) for name, iou in official.classes.items()}
    assert groups_by_name(report) == {name: close(iou) for name, iou in official.categories.items()}
    assert report.scores["miou"] == close(official.class_mean)
    assert report.scores["group_miou"] == close(official.category_mean)


def test_classes_and_categories_are_sums_over_the_joint_counts(folders: Folders) -> None:
    joint = np.zeros((34, 34), np.int64)
    for name, gt_file in zip(IMAGES, folders.gt_files, strict=True):
        gt, pred = (np.asarray(Image.open(path)) for path in (gt_file, folders.pred / f"{name}.png"))
        np.add.at(joint, (gt, pred), 1)

    def iou(ids: tuple[int, ...]) -> float | None:
        hits = joint[np.ix_(ids, ids)].sum()
        union = joint[list(ids)].sum() + joint[np.ix_(EVALUATED, ids)].sum() - hits
        return hits / union if union else None

    report = score(folders.pred, folders.root / "gtFine/val", preset="cityscapes")
    assert list(by_name(report).values()) == [close(iou((value,))) for value in EVALUATED]
    assert groups_by_name(report) == {name: close(iou(ids)) for name, ids in CATEGORIES.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gt", ["", "gtFine", "gtFine/val"])
def test_predictions_lie_anywhere_and_ground_truth_is_found_from_any_level(
    layout: str, gt: str, tmp_path: Path, folders: Folders
) -> None:
    tree = build(tmp_path, seed=1, layout=layout)
    report = score(tree.pred, tree.root / gt, preset="cityscapes")
    expected = score(folders.pred, folders.root / "gtFine/val", preset="cityscapes")
    assert report.data.images == len(IMAGES)
    assert report.scores == expected.scores
    assert groups_by_name(report) == groups_by_name(expected)


def test_the_command_line_needs_the_preset_only(folders: Folders) -> None:
    done = run_segeval("score", folders.pred, folders.root / "gtFine/val", "--preset", "cityscapes", "-f", "json")
    assert done.code == 0, done.stderr
    found = json.loads(done.stdout)
    expected = score(folders.pred, folders.root / "gtFine/val", preset="cityscapes")
    assert found["scores"]["miou"] == expected.scores["miou"]
    assert found["scores"]["group_miou"] == expected.scores["group_miou"]
    assert [group["name"] for group in found["groups"]] == list(CATEGORIES)


@pytest.mark.parametrize("side", ["gt", "pred"])
@pytest.mark.parametrize("value", [34, 255])
def test_a_value_that_is_no_regular_id_is_refused_by_both(value: int, side: str, tmp_path: Path) -> None:
    tree = build(tmp_path, seed=2)
    path = tree.gt_files[0] if side == "gt" else tree.pred / f"{IMAGES[0]}.png"
    mask = np.array(Image.open(path))
    mask[3, 4] = value
    save(path, mask)
    with pytest.raises(SegevalError, match="neither a class nor ignored") as told:
        score(tree.pred, tree.root / "gtFine/val", preset="cityscapes")
    assert f"value {value} (1 px)" in told.value.where[0]
    need_cityscapes_scripts()
    with pytest.raises(Refused):
        official_scores(tree.pred, tree.gt_files)


def test_a_prediction_too_few_or_too_many_is_refused_by_both(tmp_path: Path) -> None:
    tree = build(tmp_path, seed=3)
    first = tree.pred / f"{IMAGES[0]}.png"
    save(tree.pred / "older" / f"{IMAGES[0]}_again.png", np.array(Image.open(first)))
    with pytest.raises(SegevalError):
        score(tree.pred, tree.root / "gtFine/val", preset="cityscapes")
    (tree.pred / "older" / f"{IMAGES[0]}_again.png").unlink()
    first.unlink()
    with pytest.raises(SegevalError):
        score(tree.pred, tree.root / "gtFine/val", preset="cityscapes")
    need_cityscapes_scripts()
    with pytest.raises(Refused):
        official_scores(tree.pred, tree.gt_files)
