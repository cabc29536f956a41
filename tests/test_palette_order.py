"""Palette images whose colours stand at other indices: found, undone by the fix, and never seen in sound palettes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.findings.runs import run_findings
from segeval.measuring.measure import measure
from segeval.protocol.presets import explain_colors, preset, preset_names
from segeval.report.scoring import build_report
from segeval.request import build_request
from tests.support.commandline import run_segeval
from tests.support.soundpairs import alone, pairs
from tests.test_mistakes import DATA

Color = tuple[int, int, int]
Mask = NDArray[np.integer[Any]]
BLACK, WHITE, VOID_COLOR = (0, 0, 0), (255, 255, 255), (224, 224, 192)
ORDER = (3, 1, 0, 2, 5, 4, 6, 9, 8, 7, 11, 10)
"""Index -> the class whose colour it has, of predictions that count classes in their own order."""


def voc(index: int) -> Color:
    """Return a colour of the VOC devkit's map, by its definition: bits of the index, three at a time."""
    channels = [sum((index >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)]
    return channels[0], channels[1], channels[2]


VOC = [voc(index) for index in range(256)]
VOC[255] = VOID_COLOR
OTHER = [*[VOC[index] for index in ORDER], *VOC[len(ORDER) :]]
FIGURE = [BLACK, (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75)]
FIGURE += [(227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207), WHITE, *VOC[12:]]
"""The colours of a figure, in which only black is one of VOC's."""


def save(path: Path, mask: Mask, palette: Sequence[Color]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    image.putpalette(bytes(level for color in palette for level in color))
    image.save(path)


def reordered(mask: Mask) -> Mask:
    """Return the indices under which `OTHER` has the colours that a mask has in `VOC`."""
    back = np.arange(256, dtype=np.uint8)
    back[list(ORDER)] = range(len(ORDER))
    return back[mask]


def folders(root: Path, data: str, gt: Sequence[Color] = VOC, pred: Sequence[Color] = VOC, *, moved: bool) -> None:
    for one in pairs(data):
        save(root / "gt" / one.name, one.gt, gt)
        save(root / "pred" / one.name, reordered(one.pred) if moved else one.pred, pred)


def kinds(root: Path, **options: str | bool) -> list[str]:
    found = measure(root / "pred", root / "gt", build_request(**options))  # type: ignore[arg-type]  # any options
    assert found.problems == ()
    return [finding.kind for finding in run_findings(found.run)]


@pytest.mark.parametrize("data", DATA)
def test_another_order_is_found_in_each_pair_alone(data: str, tmp_path: Path) -> None:
    wrong = {}
    for one in alone(data):
        root = tmp_path / one.name.replace("/", "_")
        save(root / "gt" / "a.png", one.gt, VOC)
        save(root / "pred" / "a.png", reordered(one.pred), OTHER)
        if kinds(root) != ["palette-order"]:
            wrong[one.name] = kinds(root)
    assert wrong == {}


@pytest.mark.parametrize("data", DATA)
def test_each_fix_gives_the_score_of_equal_palettes(data: str, tmp_path: Path) -> None:
    folders(tmp_path / "sound", data, moved=False)
    folders(tmp_path, data, VOC, OTHER, moved=True)
    sound = measure(tmp_path / "sound" / "pred", tmp_path / "sound" / "gt", build_request()).run
    right = str(build_report(sound).scores["miou"])
    given = (tmp_path / "pred", tmp_path / "gt")
    done = run_segeval("score", *given)
    assert (done.code, done.stdout) == (2, "")
    (options,) = re.findall(r"^fix: Use (--pred-map \S+), or --palette", done.stderr, re.MULTILINE)
    palette = tmp_path / "palette.txt"
    palette.write_text("".join(f"{r} {g} {b} {index}\n" for index, (r, g, b) in enumerate(VOC)))
    for fix in (options.split(), ["--palette", palette]):
        assert run_segeval("score", *given, *fix, "--only", "miou").stdout.strip() == right


def test_every_verb_tells_it_and_it_can_be_meant(tmp_path: Path) -> None:
    folders(tmp_path, "sample_masks", VOC, OTHER, moved=True)
    given, run = (tmp_path / "pred", tmp_path / "gt"), tmp_path / "run.jsonl"
    for arguments in (("score", *given, "--save", run), ("report", run), ("explain", *given), ("inspect", *given)):
        done = run_segeval(*arguments)
        assert done.code == 2, arguments
        assert "at other indices" in done.stdout + done.stderr
    assert "--pred-map" in run_segeval("inspect", *given).stdout.splitlines()[-1]
    assert run_segeval("score", *given, "--allow", "palette-order").code == 0


def test_inverted_palettes_of_two_colors_are_found_under_binary(tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 1
    save(tmp_path / "gt" / "a.png", mask, [BLACK, (128, 0, 0)])
    save(tmp_path / "pred" / "a.png", 1 - mask, [(128, 0, 0), BLACK])
    assert "palette-order" in kinds(tmp_path, binary=True)
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--binary")
    assert "--binary --pred-map 0=1,1=0" in done.stderr
    fixed = run_segeval(
        "score", tmp_path / "pred", tmp_path / "gt", "--binary", "--pred-map", "0=1,1=0", "--only", "miou"
    )
    assert fixed.stdout == "1.0\n"


def test_images_of_a_run_that_lack_values_of_its_palettes_are_scored_alone(tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[1] / "sample_masks"
    run = tmp_path / "run.jsonl"
    assert run_segeval("score", sample / "pred", sample / "gt", "--save", run).code == 0
    for image in sorted(path.stem for path in (sample / "gt").glob("*.png")):
        assert run_segeval("report", run, "--keys", image).code == 0


def test_files_of_one_folder_in_several_orders_are_found(tmp_path: Path) -> None:
    """An adaptive palette a file, as image programs make them of colours."""
    for number, one in enumerate(pairs("sample_masks")):
        save(tmp_path / "gt" / one.name, one.gt, VOC)
        save(
            tmp_path / "pred" / one.name, reordered(one.pred) if number % 2 else one.pred, OTHER if number % 2 else VOC
        )
    assert kinds(tmp_path)[0] == "palette-order"
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert "pred/: index 0 is 0,0,0 and 128,128,0" in done.stderr
    assert "gt/: index" not in done.stderr


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("gt", "pred"), [(VOC, VOC), (VOC, FIGURE), (FIGURE, VOC)])
def test_sound_palettes_raise_nothing(data: str, gt: list[Color], pred: list[Color], tmp_path: Path) -> None:
    folders(tmp_path, data, gt, pred, moved=False)
    assert kinds(tmp_path) == []


def test_colors_that_are_shared_by_accident_raise_nothing(tmp_path: Path) -> None:
    """A figure's colours at other indices than VOC's, and masks that agree by their indices."""
    folders(tmp_path, "sample_masks", VOC, OTHER, moved=False)
    assert kinds(tmp_path) == []


PLAIN = [name for name in preset_names() if preset(name).classes and not preset(name).storage.bits]


@pytest.mark.parametrize("name", PLAIN)
def test_sound_masks_of_every_preset_raise_nothing(name: str, tmp_path: Path) -> None:
    """Every class and every void of the data set, each a block; predictions that miss the edges of blocks."""
    known = preset(name)
    gt_of, pred_of = (
        {target: raw for raw, target in sorted(side.items(), reverse=True) if raw >= 0}
        for side in (known.gt_map, known.pred_map)
    )
    ids = [entry.id for entry in known.classes]
    voids = sorted(raw for raw, target in known.gt_map.items() if target in known.ignore and raw >= 0)
    high = max((*gt_of.values(), *pred_of.values(), *voids)) > 255
    blocks = [*((gt_of[one], pred_of[one]) for one in ids), *((void, pred_of[ids[0]]) for void in voids)]
    gt, pred = (
        np.repeat([[pair[side] for pair in blocks]], 12, axis=0)
        .repeat(12, axis=1)
        .astype(np.uint16 if high else np.uint8)
        for side in (0, 1)
    )
    pred[:3] = np.roll(pred, 12, axis=1)[:3]
    for side, mask in (("gt", gt), ("pred", pred)):
        (tmp_path / side).mkdir()
        Image.fromarray(mask).save(tmp_path / side / "a.png")
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--preset", name, "--strict", "--only", "miou")
    assert done.code == 0, done.stderr
    assert "warning" not in done.stderr


def test_indices_decoded_to_negative_values_are_values(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 1], [2, 2, 0]], np.uint8)
    grays = [(0, 0, 0), (85, 85, 85), (170, 170, 170)]
    for side in ("gt", "pred"):
        save(tmp_path / side / "a.png", mask, grays)
    palette = tmp_path / "palette.txt"
    palette.write_text("0 0 0 0\n85 85 85 1\n170 170 170 -1\n")
    given = (tmp_path / "pred", tmp_path / "gt", "--palette", palette, "--ignore=-1", "--only", "miou")
    assert run_segeval("score", *given).stdout == "1.0\n"


def test_of_palettes_that_explain_all_colors_the_smallest_is_named() -> None:
    """COCO-Stuff's 171 colours are VOC's map continued, and hold VOC's 21."""
    assert "coco-stuff" not in (explain_colors(dict.fromkeys(VOC[:21], 1)) or "")
