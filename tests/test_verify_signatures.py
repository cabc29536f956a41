"""Every kind of signature checked again: those of README and pages, those with digests, those of saved runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval import load_run, score, verify
from segeval.cli import run as run_command
from segeval.errors import UsageError
from tests.support.commandline import run_segeval
from tests.support.readme import PAGES
from tests.test_verify import FOLDERS, PRINTED, SAMPLES, STREET, asked_again, printed_options

LINE = re.compile(r"segeval(?:\|[a-z0-9-]+:[^\s|\"]+)+")
DISTINCT = {line: (command, number) for _, command, line, number in PRINTED}


def test_every_signature_of_readme_and_pages_is_one_that_is_checked() -> None:
    """A comparison prints that of its runs with intervals, and `verify` is given one that `score` printed."""
    found = {line for page in PAGES for line in LINE.findall(page.read_text(encoding="utf-8"))}
    assert found == set(DISTINCT)
    assert len(found) >= 5


def copied(folders: list[str], folder: Path) -> list[Path]:
    for side, path in zip(("pred", "gt"), folders, strict=True):
        shutil.copytree(path, folder / side)
    return [folder / "pred", folder / "gt"]


def change_one_pixel(preds: Path, gts: Path, *, probs: bool) -> None:
    """Change a valid pixel: the surest of a map becomes sure of the contrary, the lowest class of a mask the next."""
    preds = preds / "building" if (preds / "building").exists() else preds
    key = "0001.png"
    with Image.open(preds / key) as image:
        pixels = np.array(image)
    with Image.open(gts / key) as image:
        gt = np.array(image)
    valid = gt != 255 if len(np.unique(gt)) > 2 else gt >= 0
    sought = np.where(valid, pixels.astype(int), -1 if probs else 999)
    place = np.unravel_index(int(sought.argmax() if probs else sought.argmin()), pixels.shape)
    pixels[place] = 0 if probs else pixels[place] + 1
    Image.fromarray(pixels).save(preds / key)


@pytest.mark.parametrize("line", DISTINCT)
def test_one_pixel_another_option_and_any_digit_are_told(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES.parent)
    command, _ = DISTINCT[line]
    again, options = asked_again(command), printed_options(command)
    given = [*again[2:], "-q"]
    report = score(*again[:2], **options)
    value = report.scores["miou"]
    assert value is not None
    assert run_command(["verify", line, f"miou={value!r}", *again[:2], *given, "--strict"]) == 0
    last = f"{value:.12f}"
    for at, digit in enumerate(last):
        if digit.isdigit():
            other = f"{last[:at]}{(int(digit) + 1) % 10}{last[at + 1 :]}"
            assert run_command(["verify", line, f"miou={other}", *again[:2], *given]) == 1
    changed = copied(again[:2], tmp_path)
    change_one_pixel(*changed, probs="probs" in options)
    assert run_command(["verify", line, f"miou={value!r}", *map(str, changed), *given]) == 1
    for old, new in (("convention:", "average:image|convention:"), ("images:", "images:1")):
        assert run_command(["verify", line.replace(old, new, 1), f"miou={value!r}", *again[:2], *given]) == 1


def test_a_comparison_prints_a_signature_under_which_each_run_stands(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        run_segeval("score", *FOLDERS, "--classes", STREET["classes"], "--save", tmp_path / name, "-q")
    shown = run_segeval("compare", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "-q").stdout
    (line,) = LINE.findall(shown)
    assert verify(line, "miou=74.25%", tmp_path / "a.jsonl", **STREET).holds(strict=True)
    assert verify(line, "miou=74.25%", *FOLDERS, **STREET).holds(strict=True)
    assert not verify(line, "miou=74.26%", *FOLDERS, **STREET).holds()


def test_chosen_images_are_chosen_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run_segeval("score", *FOLDERS, "--classes", STREET["classes"], "--save", path, "-q")
    shown = run_segeval("report", path, "--keys", "000[1-3]", "-v", "-q").stdout
    (line,) = LINE.findall(shown)
    value = run_segeval("report", path, "--keys", "000[1-3]", "--only", "miou", "-q").stdout.strip()
    for data in ((path,), FOLDERS):
        assert verify(line, f"miou={value}", *data, **STREET).holds(strict=True)
        other = line.replace("keys:000[1-3]", "keys:000[1-4]").replace(quoted("000[1-3]"), quoted("000[1-4]"))
        assert other != line
        assert not verify(other, f"miou={value}", *data, **STREET).holds()


def quoted(glob: str) -> str:
    """Write a glob as a signature does."""
    from urllib.parse import quote

    return quote(glob, safe="")


@pytest.fixture
def coloured(tmp_path: Path) -> dict[str, Any]:
    """Write two RGB masks a side, a palette of three classes and their names."""
    noise = np.random.default_rng(3)
    colors = np.array([[0, 0, 0], [200, 0, 0], [0, 0, 200]], np.uint8)
    gt = noise.integers(0, 3, (2, 6, 6))
    pred = np.where(noise.random(gt.shape) < 0.8, gt, noise.integers(0, 3, gt.shape))
    for side, masks in (("pred", pred), ("gt", gt)):
        (tmp_path / side).mkdir()
        for at, mask in enumerate(masks):
            Image.fromarray(colors[mask]).save(tmp_path / side / f"{at}.png")
    (tmp_path / "palette.txt").write_text("0 0 0 sky\n200 0 0 road\n0 0 200 car\n")
    (tmp_path / "other.txt").write_text("0 0 0 sky\n0 0 200 road\n200 0 0 car\n")
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    return {"folders": (tmp_path / "pred", tmp_path / "gt"), "root": tmp_path}


def test_a_palette_is_given_again_and_checked(coloured: dict[str, Any]) -> None:
    root, folders = coloured["root"], coloured["folders"]
    given = {"palette": root / "palette.txt", "classes": root / "classes.txt"}
    report = score(*folders, **given)
    claim = f"miou={report.scores['miou']!r}"
    assert verify(str(report.signature), claim, *folders, **given).holds(strict=True)
    with pytest.raises(UsageError, match="palette as a digest only"):
        verify(str(report.signature), claim, *folders, classes=root / "classes.txt")
    with pytest.raises(UsageError, match="palette given is not that of the signature"):
        verify(str(report.signature), claim, *folders, **{**given, "palette": root / "other.txt"})
    # Blue for red in one pixel.
    with Image.open(folders[0] / "0.png") as image:
        pixels = np.array(image)
    pixels[0, 0] = [0, 0, 200] if pixels[0, 0, 2] == 0 else [200, 0, 0]
    Image.fromarray(pixels).save(folders[0] / "0.png")
    assert not verify(str(report.signature), claim, *folders, **given).holds()


def test_a_preset_file_is_given_again_and_checked(tmp_path: Path) -> None:
    noise = np.random.default_rng(4)
    preset = tmp_path / "land.toml"
    preset.write_text(run_segeval("presets", "loveda", "-f", "toml").stdout.replace('"loveda"', '"land"', 1))
    for side, low in (("pred", 0), ("gt", 1)):
        (tmp_path / side).mkdir()
        mask = noise.integers(low, low + 7, (9, 9)).astype(np.uint8)
        mask[:3] = low
        Image.fromarray(mask).save(tmp_path / side / "0.png")
    folders = (tmp_path / "pred", tmp_path / "gt")
    report = score(*folders, preset=preset)
    line, claim = str(report.signature), f"miou={report.scores['miou']!r}"
    assert "preset:" in line
    assert verify(line, claim, *folders, preset=preset).holds(strict=True)
    with pytest.raises(UsageError, match="preset"):
        verify(line, claim, *folders)
    preset.write_text(preset.read_text().replace("1 = 0  # background", "1 = 1  # background", 1))
    with pytest.raises(UsageError, match="not that of the signature"):
        verify(line, claim, *folders, preset=preset)


@pytest.mark.parametrize(
    ("options", "old", "new"),
    [
        ({"class_weights": [1, 2, 3, 1, 1, 1, 1, 1, 1, 1], "average": "weighted"}, "1,2,3", "1,2,9"),
        ({"mean_over": "road,car"}, "mean-over:road,car", "mean-over:road,sky"),
        ({"map": "3=2"}, "map:3=2", "map:3=1"),
        ({"ignore": [255, 0]}, "ignore:255,0", "ignore:255,1"),
    ],
)
def test_what_a_signature_holds_whole_is_not_asked_for_again(options: dict[str, Any], old: str, new: str) -> None:
    report = score(*FOLDERS, **(STREET | options))
    line, claim = str(report.signature), f"miou={report.scores['miou']!r}"
    assert verify(line, claim, *FOLDERS, **STREET).holds(strict=True)
    assert old in line
    assert not verify(line.replace(old, new, 1), claim, *FOLDERS, **STREET).holds()


def test_weights_of_losses_are_held_whole_in_saved_runs_too(tmp_path: Path) -> None:
    folders = [SAMPLES / "multiclass" / "probs", SAMPLES / "multiclass" / "gt"]
    weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    options: dict[str, Any] = {**STREET, "probs": True, "class_weights": weights, "alpha": [0.1] * 10}
    report = score(*folders, **options)
    line, claim = str(report.signature), f"cross_entropy={report.scores['cross_entropy']:.7f}"
    run_segeval("score", *folders, "--probs", "--classes", STREET["classes"], "--save", tmp_path / "run.jsonl", "-q")
    for data in (folders, [load_run(tmp_path / "run.jsonl")]):
        assert verify(line, claim, *data, **STREET).holds(strict=True)
        assert not verify(line.replace("class-weights:1,", "class-weights:2,"), claim, *data, **STREET).holds()
