"""Pictures of saved runs: folders are found and decoded once more as they were measured, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.protocol.presets import preset_names
from segeval.protocol.protocol import protocol_from_dict
from segeval.request import build_request
from segeval.request.again import request_again
from tests.support.commandline import Completed, run_segeval

pytest.importorskip("matplotlib")
QUIET = ("-q", "--no-config")
SIZE = (12, 16)
DRAW = np.random.default_rng(19)
GT = {key: DRAW.integers(0, 3, SIZE).astype(np.uint8) for key in ("a1", "b2", "deep/c3")}
PRED = {key: np.where(DRAW.random(SIZE) < 0.7, mask, 1).astype(np.uint8) for key, mask in GT.items()}
COLORS = {0: (0, 0, 0), 1: (200, 30, 30), 2: (30, 30, 200)}
Write = Callable[[Path, NDArray[Any]], None]
Options = Sequence[str]


def png(path: Path, array: NDArray[Any]) -> None:
    Image.fromarray(array).save(path.with_name(f"{path.name}.png"))


def colored(path: Path, array: NDArray[Any]) -> None:
    png(path, np.array([COLORS[value] for value in range(3)], np.uint8)[array])


def npy(path: Path, array: NDArray[Any]) -> None:
    np.save(path.with_name(f"{path.name}.npy"), array)


def one_hot(path: Path, array: NDArray[Any]) -> None:
    npy(path, np.eye(3, dtype=np.uint8)[array])


def bits(path: Path, array: NDArray[Any]) -> None:
    png(path, np.array([0, 1, 3], np.uint8)[array])


def maps(path: Path, array: NDArray[Any]) -> None:
    softened = np.moveaxis(np.eye(3)[array] * 0.8 + 0.2 / 3, 2, 0)
    npy(path, softened.astype(np.float32))


def logits(path: Path, array: NDArray[Any]) -> None:
    npy(path, np.moveaxis(np.eye(3)[array] * 4 - 1, 2, 0).astype(np.float32))


def sixteen(path: Path, array: NDArray[Any]) -> None:
    Image.fromarray(array.astype(np.uint16) * 30_000).save(path.with_name(f"{path.name}.png"))


def second_channel(path: Path, array: NDArray[Any]) -> None:
    png(path, np.dstack([array * 0 + 7, array, array * 0 + 9]))


def panoptic(path: Path, array: NDArray[Any]) -> None:
    png(path, np.dstack([array * 0 + 7, array + 1, array * 0]))


def smaller(path: Path, array: NDArray[Any]) -> None:
    png(path, array[::2, ::2])


def written(root: Path, masks: dict[str, NDArray[Any]], write: Write = png, name: str = "{}") -> Path:
    for key, mask in masks.items():
        path = root / Path(key).parent / name.format(Path(key).name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, mask)
    return root


def side_files(folder: Path) -> None:
    """Write what options name."""
    palette = {f"class{value}": list(color) for value, color in COLORS.items()}
    (folder / "palette.json").write_text(json.dumps(palette))
    (folder / "classes.txt").write_text("class0\nclass1\nclass2\n")
    (folder / "colors.json").write_text(
        json.dumps([{"id": value, "name": f"class{value}", "color": list(color)} for value, color in COLORS.items()])
    )
    segments = [{"id": 7 + 256 * (value + 1), "category_id": value} for value in COLORS]
    (folder / "panoptic.json").write_text(
        json.dumps(
            {
                "annotations": [{"file_name": f"{key}.png", "segments_info": segments} for key in GT],
                "categories": [{"id": value, "name": f"class{value}"} for value in COLORS],
            }
        )
    )
    (folder / "names.csv").write_text("".join(f"{key},p_{Path(key).name}\n" for key in GT))
    (folder / "val.txt").write_text("a1\ndeep/c3\n")
    region = np.zeros(SIZE, np.uint8)
    region[2:9, 3:12] = 255
    written(folder / "roi", dict.fromkeys(GT, region))


CASES: dict[str, tuple[tuple[Write, str], tuple[Write, str], Options, Options]] = {
    "plain": ((png, "{}"), (png, "{}"), (), ()),
    "suffixes": ((png, "{}_gt"), (png, "{}_out"), (), ("--gt-suffix", "_gt", "--pred-suffix", "_out")),
    "prefixes": ((png, "mask_{}"), (png, "p_{}"), (), ("--gt-prefix", "mask_", "--pred-prefix", "p_")),
    "expression": ((png, "{}_x"), (png, "{}_y"), (), ("--key-regex", "[a-c][0-9]")),
    "name map": ((png, "{}"), (png, "p_{}"), (), ("--name-map", "names.csv")),
    "palette": ((colored, "{}"), (png, "{}"), ("--classes", "classes.txt"), ("--palette", "palette.json")),
    "colours of the class list": ((colored, "{}"), (colored, "{}"), ("--classes", "colors.json"), ()),
    "segments": ((panoptic, "{}"), (png, "{}"), (), ("--gt-segments", "panoptic.json")),
    "channel": ((png, "{}"), (second_channel, "{}"), ("--pred-channel", "1"), ()),
    "one-hot": ((png, "{}"), (one_hot, "{}"), ("--class-axis", "last"), ()),
    "resized": ((png, "{}"), (smaller, "{}"), ("--resize-pred", "nearest"), ()),
    "list of keys": ((png, "{}"), (png, "{}"), ("--keys", "val.txt"), ()),
    "regions": ((png, "{}"), (png, "{}"), (), ("--roi", "roi")),
    "regions of maps": ((png, "{}"), (maps, "{}"), ("--probs",), ("--roi", "roi")),
    "float maps": ((png, "{}"), (maps, "{}"), ("--probs",), ()),
    "logits": ((png, "{}"), (logits, "{}"), ("--probs", "--logits"), ()),
    "one 16-bit map": ((png, "{}"), (sixteen, "{}"), ("--probs", "--binary", "--gt-threshold", "0"), ()),
    "bits": ((bits, "{}"), (bits, "{}"), ("--multilabel", "--bits", "low=0,high=1"), ()),
}


def score(folder: Path, *options: str) -> Completed:
    return run_segeval("score", "pred", "gt", *options, *QUIET, cwd=folder)


def overlays(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", CASES)
def test_a_saved_run_has_the_pictures_that_its_measurement_had(tmp_path: Path, name: str) -> None:
    (write_gt, gt_named), (write_pred, pred_named), kept, again = CASES[name]
    side_files(tmp_path)
    written(tmp_path / "gt", GT, write_gt, gt_named)
    written(tmp_path / "pred", PRED, write_pred, pred_named)
    done = score(tmp_path, *kept, *again, "--overlays", "first", "--save", "run.jsonl")
    assert done.code == 0, done.stderr
    folders = ("--pred", "pred", "--gt", "gt")
    done = run_segeval("report", "run.jsonl", *folders, *again, "--overlays", "second", *QUIET, cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert overlays(tmp_path / "second") == overlays(tmp_path / "first") != {}
    changed = dict(PRED, a1=np.roll(PRED["a1"], 1, axis=1) if name != "one 16-bit map" else 1 - PRED["a1"] // 2)
    shutil.rmtree(tmp_path / "pred")
    written(tmp_path / "pred", changed, write_pred, pred_named)
    done = run_segeval("report", "run.jsonl", *folders, *again, "--overlays", "third", *QUIET, cwd=tmp_path)
    assert (done.code, "a file is not the one that the run was measured from" in done.stderr) == (2, True), done.stderr
    assert "a1" in done.stderr


def test_zips_and_predictions_that_are_missing_are_seen_again(tmp_path: Path) -> None:
    written(tmp_path / "gt", GT)
    written(tmp_path / "pred", {key: mask for key, mask in PRED.items() if key != "b2"})
    for side in ("gt", "pred"):
        shutil.make_archive(str(tmp_path / side), "zip", tmp_path / side)
    line = ("pred.zip", "gt.zip", "--missing", "miss", "--save", "run.jsonl", "--overlays", "first")
    assert run_segeval("score", *line, *QUIET, cwd=tmp_path).code == 0
    folders = ("--pred", "pred.zip", "--gt", "gt.zip")
    assert run_segeval("report", "run.jsonl", *folders, "--overlays", "second", *QUIET, cwd=tmp_path).code == 0
    assert overlays(tmp_path / "second") == overlays(tmp_path / "first")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_reads_a_saved_run_as_it_read_its_folders(name: str) -> None:
    classes = ["a", "b"] if name in ("nnunet", "roboflow") else None
    asked = build_request(preset=name, classes=classes)
    found = request_again(protocol_from_dict(asked.protocol.to_dict()), {})
    assert (found.rules, found.protocol) == (asked.rules, asked.protocol)
    assert (found.gt_palette, found.pred_palette) == (asked.gt_palette, asked.pred_palette)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Give its own file again with --palette FILE"),
        (("--palette", "other.json"), "Give its own file again with --palette FILE"),
        (("--palette", "palette.json", "--roi", "roi"), "Leave --roi out"),
        (("--palette", "palette.json", "--gt-suffix", "_x"), "the options that say how their files pair"),
    ],
)
def test_what_is_not_given_again_or_is_another_is_told(tmp_path: Path, options: Options, told: str) -> None:
    side_files(tmp_path)
    (tmp_path / "other.json").write_text(json.dumps({"class0": [1, 1, 1], "class1": [2, 2, 2], "class2": [3, 3, 3]}))
    written(tmp_path / "gt", GT, colored)
    written(tmp_path / "pred", PRED)
    line = ("--classes", "classes.txt", "--palette", "palette.json", "--save", "run.jsonl")
    assert score(tmp_path, *line).code == 0
    folders = ("--pred", "pred", "--gt", "gt", "--overlays", "out")
    done = run_segeval("report", "run.jsonl", *folders, *options, *QUIET, cwd=tmp_path)
    assert (done.code, told in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("verb", "options", "told"),
    [
        ("report", ("--gt-suffix", "_x"), "Add --pred FOLDER, --gt FOLDER and -o report.html"),
        ("report", ("--palette", "p.json", "-o", "a.html"), "Add --pred FOLDER and --gt FOLDER"),
        ("report", ("--label-errors", "3", "-o", "a.html"), "Add --pred FOLDER and --gt FOLDER"),
        ("report", ("--pred", "pred", "-o", "a.html"), "Add --gt FOLDER"),
        ("report", ("--pred", "pred", "--gt", "gt"), "Add -o report.html"),
        ("compare", ("--images", "gt", "-o", "a.html"), "a --pred FOLDER for each run"),
        ("compare", ("--roi", "roi", "-o", "a.html"), "a --pred FOLDER for each run"),
        ("compare", ("--pred", "pred", "--gt", "gt", "-o", "a.html"), "2 runs, 1 --pred, 1 --gt"),
        ("compare", ("--pred", "pred", "--pred", "pred", "-o", "a.html"), "2 runs, 2 --pred, 0 --gt"),
        ("compare", ("--pred", "pred", "--pred", "pred", "--gt", "gt"), "Add -o compare.html"),
    ],
)
def test_options_of_folders_without_pictures_are_told(tmp_path: Path, verb: str, options: Options, told: str) -> None:
    written(tmp_path / "gt", GT)
    written(tmp_path / "pred", PRED)
    assert score(tmp_path, "--save", "run.jsonl").code == 0
    runs = ("run.jsonl",) if verb == "report" else ("run.jsonl", "run.jsonl")
    done = run_segeval(verb, *runs, *options, *QUIET, cwd=tmp_path)
    assert (done.code, told in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "a.html").exists()
