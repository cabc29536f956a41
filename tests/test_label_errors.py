"""Suspected label errors: planted mistakes are found, and a region is what SciPy calls one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segeval.measuring.suspects import _connected
from segeval.pictures.gallery import window
from segeval.pictures.panels import Panels, boxed
from tests.support.commandline import run_segeval

ROOT = Path(__file__).resolve().parents[1]
MAPS = ROOT / "sample_masks" / "multiclass"
RADIUS = 6


def planted(folder: Path, seed: int) -> list[tuple[str, np.ndarray[tuple[int, int], np.dtype[np.bool_]], int]]:
    """Give 20 discs of a class that the model has right another label, and write the ground truth anew."""
    draw = np.random.default_rng(seed)
    keys = ["0001", "0003", "night/0007"]
    gt = {key: np.array(Image.open(MAPS / f"gt/{key}.png")) for key in keys}
    names = [line.split()[-1] for line in (ROOT / "sample_masks/classes.txt").read_text().split("\n") if line]
    maps = {key: np.stack([np.array(Image.open(MAPS / f"probs/{name}/{key}.png")) for name in names]) for key in keys}
    clean = {key: mask.copy() for key, mask in gt.items()}
    found: list[tuple[str, np.ndarray[tuple[int, int], np.dtype[np.bool_]], int]] = []
    while len(found) < 20:
        key = keys[draw.integers(len(keys))]
        height, width = gt[key].shape
        row, column = draw.integers(RADIUS, height - RADIUS), draw.integers(RADIUS, width - RADIUS)
        rows, columns = np.mgrid[:height, :width]
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= RADIUS**2
        true = int(clean[key][row, column])
        right = (clean[key][disc] == true).all() and (maps[key].argmax(axis=0)[disc] == true).all()
        if true == 255 or not right or (gt[key][disc] != true).any():
            continue
        wrong = int(draw.choice([index for index in range(len(names)) if index != true]))
        gt[key][disc] = wrong
        found.append((key, disc, wrong))
    for key, mask in gt.items():
        path = folder / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_18_of_20_planted_mistakes_are_in_the_first_30(tmp_path: Path, seed: int) -> None:
    discs = planted(tmp_path / "gt", seed)
    options = ("--probs", "--classes", ROOT / "sample_masks/classes.txt", "--label-errors", "30", "--no-config", "-q")
    target = f"label-errors:{tmp_path}/suspects.csv"
    done = run_segeval("score", MAPS / "probs", tmp_path / "gt", *options, "-o", target)
    assert done.code == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "suspects.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 30
    losses = [float(row["loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    covered = 0
    for key, disc, _ in discs:
        boxes = np.zeros_like(disc)
        for row in rows:
            if row["key"] == key and int(row["pixels"]) > disc.sum() / 2:
                boxes[int(row["top"]) : int(row["bottom"]), int(row["left"]) : int(row["right"])] = True
        covered += (boxes & disc).sum() > disc.sum() / 2
    assert covered >= 18


def test_the_page_shows_the_regions_in_their_order(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    options = ("--probs", "--classes", ROOT / "sample_masks/classes.txt", "--no-config", "-q", "--label-errors", "4")
    targets = ("-o", tmp_path / "page.html", "-o", f"label-errors:{tmp_path}/suspects.csv")
    assert run_segeval("score", MAPS / "probs", MAPS / "gt", *options, *targets, "--images", MAPS / "gt").code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "suspects.csv").read_text(encoding="utf-8"))))
    text = (tmp_path / "page.html").read_text(encoding="utf-8").partition("<h2>Suspected label errors</h2>")[2]
    shots = re.findall(r'<figure data-key="([^"]+)" data-pairs="([^"]*)" data-loss="-([0-9.]+)">', text)
    assert [(key, float(loss)) for key, _, loss in shots] == [(row["key"], float(row["loss"])) for row in rows]
    first = rows[0]
    assert f"1. ground truth {first['ground_truth']}, predicted {first['predicted']}" in text
    assert f"x {first['left']} to {first['right']}, y {first['top']} to {first['bottom']}" in text


def test_how_far_the_search_is_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    @contextmanager
    def watching(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
        assert not quiet
        yield lambda done, whole: told.append((done, whole))

    monkeypatch.setattr("segeval.cli.console.progress_bar", watching)
    options = ("--probs", "--classes", ROOT / "sample_masks/classes.txt", "--no-config", "--only", "miou")
    assert run_segeval("score", MAPS / "probs", MAPS / "gt", *options, "--overlays", tmp_path / "out").code == 0
    measured = list(told)
    target = ("-o", f"label-errors:{tmp_path}/suspects.csv")
    assert run_segeval("score", MAPS / "probs", MAPS / "gt", *options, *target).code == 0
    assert told[len(measured) :] == [*measured, (1, 3), (2, 3), (3, 3)]


def test_fewer_regions_are_found_the_surer_a_map_must_be(tmp_path: Path) -> None:
    options = ("--probs", "--classes", ROOT / "sample_masks/classes.txt", "--no-config", "-q", "--label-errors", "900")
    found = []
    for p in ("0.5", "0.95", "1"):
        target = ("-o", f"label-errors:{tmp_path}/suspects.csv", "--label-error-p", p)
        assert run_segeval("score", MAPS / "probs", MAPS / "gt", *options, *target).code == 0
        rows = csv.DictReader(io.StringIO((tmp_path / "suspects.csv").read_text(encoding="utf-8")))
        found.append(sum(int(row["pixels"]) for row in rows))
    assert found[0] > found[1] > found[2]


def test_the_box_of_a_region_has_a_line_around_it_within_what_is_seen() -> None:
    empty = np.zeros((6, 7, 3), np.uint8)
    drawn = boxed(Panels(empty, empty, np.zeros((6, 7, 4), np.uint8), None), (0, 2, 3, 4)).errors[..., 3] > 0
    expected = np.zeros((6, 7), np.bool_)
    expected[1, 0:4] = expected[4, 0:4] = expected[1:5, 3] = True
    assert drawn.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("box", "seen"),
    [
        ((100, 100, 110, 120), (71, 76, 139, 144)),
        ((0, 0, 10, 10), (0, 0, 58, 58)),
        ((310, 190, 320, 200), (262, 142, 320, 200)),
        ((0, 50, 320, 60), (0, 0, 320, 200)),
    ],
)
def test_a_region_is_seen_in_a_square_within_the_image(
    box: tuple[int, int, int, int], seen: tuple[int, int, int, int]
) -> None:
    assert window(box, 320, 200) == seen


def test_regions_are_those_of_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    for seed in range(5):
        chosen = np.random.default_rng(seed).random((60, 70)) < 0.55
        rows, columns, region = _connected(chosen, np.zeros(chosen.shape, np.int32))
        theirs, count = ndimage.label(chosen)
        assert len(set(zip(region.tolist(), theirs[rows, columns].tolist(), strict=True))) == count


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--label-errors", "3"), "or -o label-errors:FILE.csv"),
        (("-o", "label-errors:x.json"), "are written as CSV"),
        (("-o", "label-errors:{}/x.csv"), "do not say how sure"),
    ],
)
def test_what_cannot_be_listed_is_told(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    samples = ROOT / "sample_masks"
    given = [option.format(tmp_path) for option in options]
    done = run_segeval("score", samples / "pred", samples / "gt", "--classes", samples / "classes.txt", *given)
    assert (done.code, told in done.stderr) == (2, True)
