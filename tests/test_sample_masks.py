"""The sample data is what its README says, and what the committed script draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample_masks"
VOID = 255
CLASSES = (SAMPLE / "classes.txt").read_text(encoding="utf-8").splitlines()
COLORS = {"road": (128, 64, 128), "person": (220, 20, 60), "car": (0, 0, 142), "sky": (70, 130, 180)}


def pngs(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def decoded(path: Path) -> tuple[str, Any, NDArray[np.uint8]]:
    """Return mode, palette and stored values."""
    with Image.open(path) as image:
        return image.mode, image.getpalette(), np.asarray(image)


def values(path: Path) -> NDArray[np.uint8]:
    return decoded(path)[2]


def confusion() -> NDArray[np.int64]:
    """Return rows of 256 ground-truth values by 256 predicted ones, over all scenes."""
    cells = np.zeros(256 * 256, np.int64)
    for key in pngs(SAMPLE / "gt"):
        pair = values(SAMPLE / "gt" / key).astype(np.int64) * 256 + values(SAMPLE / "pred" / key)
        cells += np.bincount(pair.reshape(-1), minlength=cells.size)
    return cells.reshape(256, 256)


def test_the_script_draws_the_committed_pixels_again(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    script = [sys.executable, str(ROOT / "tests" / "support" / "make_sample_masks.py"), str(out)]
    run = subprocess.run(script, check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert pngs(out) == pngs(SAMPLE)
    assert (out / "classes.txt").read_bytes() == (SAMPLE / "classes.txt").read_bytes()
    for name in pngs(SAMPLE):
        mode, palette, drawn = decoded(out / name)
        expected_mode, expected_palette, expected = decoded(SAMPLE / name)
        assert (name, mode, palette) == (name, expected_mode, expected_palette)
        np.testing.assert_array_equal(drawn, expected, err_msg=name)


def test_nothing_else_lies_there_and_it_stays_small() -> None:
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    others = {path.relative_to(SAMPLE).as_posix() for path in files if path.suffix != ".png"}
    assert others == {"README.md", "classes.txt"}
    assert sum(path.stat().st_size for path in files) < 300_000


def test_scenes_pair_by_key_and_one_is_in_a_subfolder() -> None:
    keys = [f"000{number}.png" for number in range(1, 7)] + ["night/0007.png"]
    assert pngs(SAMPLE / "gt") == pngs(SAMPLE / "pred") == keys


@pytest.mark.parametrize("folder", ["gt", "pred", "multiclass/gt"])
def test_label_masks_are_8_bit_palette_pngs_that_look_right_when_opened(folder: str) -> None:
    for key in pngs(SAMPLE / folder):
        header = (SAMPLE / folder / key).read_bytes()[:33]
        assert (header[24], header[25]) == (8, 3), f"{key}: bit depth 8, colour type palette"
        mode, palette, stored = decoded(SAMPLE / folder / key)
        assert (mode, stored.shape, len(palette)) == ("P", (192, 320), 768)
        for name, color in COLORS.items():
            index = CLASSES.index(name)
            assert tuple(palette[3 * index : 3 * index + 3]) == color
        assert palette[3 * VOID :] == [0, 0, 0]
        assert len({tuple(palette[3 * index : 3 * index + 3]) for index in [*range(len(CLASSES)), VOID]}) == 11


def test_every_class_but_train_occurs_in_both_folders_and_void_only_in_the_ground_truth() -> None:
    counts = confusion()
    present = [index for index, name in enumerate(CLASSES) if name != "train"]
    assert (len(CLASSES), len(present)) == (10, 9)
    assert np.flatnonzero(counts.sum(axis=1)).tolist() == [*present, VOID]
    assert np.flatnonzero(counts.sum(axis=0)).tolist() == present
    assert 0.03 < counts[VOID].sum() / counts.sum() < 0.1


def test_the_model_is_decent_but_imperfect() -> None:
    counts = confusion()[: len(CLASSES), : len(CLASSES)]
    hits, union = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    iou = {name: hits[index] / union[index] for index, name in enumerate(CLASSES) if union[index]}
    assert 0.6 < sum(iou.values()) / len(iou) < 0.75
    assert max(iou.values()) < 0.99
    assert min(iou.values()) > 0.4
    assert sorted(iou, key=lambda name: iou[name])[:3] == ["bicycle", "pole", "sidewalk"]


def test_argmax_of_the_probability_maps_is_the_prediction() -> None:
    folder = SAMPLE / "multiclass"
    assert sorted(path.name for path in (folder / "probs").iterdir()) == sorted(CLASSES)
    keys = pngs(folder / "gt")
    assert keys == ["0001.png", "0003.png", "night/0007.png"]
    for name in CLASSES:
        assert pngs(folder / "probs" / name) == keys
    for key in keys:
        assert (folder / "gt" / key).read_bytes() == (SAMPLE / "gt" / key).read_bytes()
        maps = [decoded(folder / "probs" / name / key) for name in CLASSES]
        assert {mode for mode, _, _ in maps} == {"L"}
        levels = np.stack([stored for _, _, stored in maps])
        np.testing.assert_array_equal(levels.argmax(axis=0), values(SAMPLE / "pred" / key))
        drift = np.abs(levels.sum(axis=0, dtype=np.int64) - 255)
        assert drift.max() <= len(CLASSES) / 2, "each of ten maps is rounded by at most half a level"
        assert levels.max(axis=(1, 2)).min() > 0, "no map is empty, not even that of the absent class"


def test_binary_maps_are_overconfident_and_one_ground_truth_is_empty() -> None:
    folder = SAMPLE / "binary"
    keys = pngs(folder / "gt")
    assert keys == pngs(folder / "probs") == ["0001.png", "0002.png", "0003.png", "0004.png"]
    empty, missed_for_sure, false_for_sure = [], 0, 0
    for key in keys:
        (gt_mode, _, gt), (probs_mode, _, level) = (decoded(folder / kind / key) for kind in ("gt", "probs"))
        assert (gt_mode, probs_mode, gt.shape, level.shape) == ("L", "L", (128, 192), (128, 192))
        assert set(np.unique(gt).tolist()) <= {0, 255}
        assert {0, 255} < set(np.unique(level).tolist()), "saturated at both ends, and grades between"
        empty += [] if gt.any() else [key]
        missed_for_sure += int(np.count_nonzero((gt == 255) & (level == 0)))
        false_for_sure += int(np.count_nonzero((gt == 0) & (level == 255)))
    assert empty == ["0004.png"]
    assert missed_for_sure > 0
    assert false_for_sure > 0
