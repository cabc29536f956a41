"""Binary sets image by image: the Dice of images with foreground, and what is missed or raised among the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segeval import score
from segeval.protocol.labeling import Labeling, SegmentationClass, value_map
from segeval.scores.foreground import ForegroundImages, foreground_images, foreground_scores
from segeval.scores.imageoverlap import ImageTallies, image_tallies
from segeval.tables.counts import joint_counts
from tests.support.commandline import run_segeval
from tests.support.properties import examples

NAMES = ("positive_dice", "miss_rate", "false_alarm_rate")
CLASSES = tuple(SegmentationClass(index, str(index)) for index in range(2))
LABELING = Labeling(CLASSES, value_map(CLASSES, ignore=[255]), value_map(CLASSES, ignore=[255]))
Images = list[tuple[list[int], list[int]]]


def tallied(images: Images) -> ImageTallies:
    return image_tallies([joint_counts(gt=np.array(gt), pred=np.array(pred)) for gt, pred in images], LABELING)


def test_without_images_of_a_kind_their_rates_are_undefined() -> None:
    assert foreground_scores(tallied([([0, 0], [0, 1])])) == dict(zip(NAMES, (None, None, 1.0), strict=True))
    assert foreground_scores(tallied([([1, 0], [0, 1])])) == dict(zip(NAMES, (0.0, 0.0, None), strict=True))
    assert foreground_scores(tallied([([255, 255], [1, 1])])) == dict.fromkeys(NAMES)


def test_by_hand() -> None:
    images: Images = [
        ([0, 0, 0], [0, 0, 0]),
        ([0, 0, 0], [0, 1, 0]),  # a false alarm
        ([0, 255, 255], [0, 1, 1]),  # an alarm on void is none
        ([0, 1, 0], [1, 1, 1]),  # Dice 2 / (2 + 2)
        ([1, 1, 0, 0], [1, 255, 0, 0]),  # a void prediction is a miss of its pixel: Dice 2 / (2 + 1)
        ([0, 1, 1], [0, 0, 0]),  # missed
        ([0, 1, 255], [0, 0, 1]),  # missed, though void is called foreground
        ([0, 1, 1], [1, 0, 0]),  # Dice 0, but foreground is predicted: not missed
        ([255, 255], [1, 1]),  # has no valid pixel
    ]
    assert foreground_images(tallied(images)) == ForegroundImages(positives=5, missed=2, negatives=3, false_alarms=1)
    found = foreground_scores(tallied(images))
    assert found["positive_dice"] == pytest.approx((1 / 2 + 2 / 3) / 5, abs=1e-15)
    assert (found["miss_rate"], found["false_alarm_rate"]) == (2 / 5, 1 / 3)


def loop(images: Images) -> dict[str, float | None]:
    """Go through the pixels one by one."""
    dices: list[float] = []
    missed: list[float] = []
    alarms: list[float] = []
    for gt, pred in images:
        valid = [(y, p) for y, p in zip(gt, pred, strict=True) if y != 255]
        true, predicted = sum(y == 1 for y, _ in valid), sum(p == 1 for _, p in valid)
        if true:
            dices.append(2 * sum(y == p == 1 for y, p in valid) / (true + predicted))
            missed.append(predicted == 0)
        elif valid:
            alarms.append(predicted > 0)
    return {
        name: sum(values) / len(values) if values else None
        for name, values in zip(NAMES, (dices, missed, alarms), strict=True)
    }


PIXELS = st.lists(st.sampled_from([0, 0, 0, 1, 255]), min_size=6, max_size=6)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(PIXELS, PIXELS), min_size=1, max_size=6))
def test_they_are_those_of_a_loop_over_pixels(images: Images) -> None:
    for name, value in foreground_scores(tallied(images)).items():
        assert value == (None if (expected := loop(images)[name]) is None else pytest.approx(expected, abs=1e-15))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Write four empty images, one with a false alarm, and three with foreground, one of them missed."""
    half, dot = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    half[:2], dot[0, 0] = 255, 255
    empty = dot * 0
    pairs = [(empty, empty)] * 3 + [(empty, dot), (half, half), (half, dot), (dot, empty)]
    for side in (0, 1):
        folder = tmp_path / ("gt", "pred")[side]
        folder.mkdir()
        for at, pair in enumerate(pairs):
            Image.fromarray(pair[side]).save(folder / f"{at}.png")
    return tmp_path / "pred", tmp_path / "gt"


def test_a_report_of_a_binary_set_has_them(folders: tuple[Path, Path]) -> None:
    report = score(*folders, binary=True)
    assert report.scores["positive_dice"] == pytest.approx((1 + 2 / 9 + 0) / 3, abs=1e-15)
    assert (report.scores["miss_rate"], report.scores["false_alarm_rate"]) == (1 / 3, 1 / 4)
    # The Dice that contests on Kaggle score is the mean of both kinds of images.
    kaggle = score(*folders, binary=True, convention="kaggle-dice")
    assert kaggle.scores["mdice"] == pytest.approx((3 * (1 + 2 / 9) / 3 + 4 * (1 - 1 / 4)) / 7, abs=1e-15)
    assert set(NAMES) & set(kaggle.own_scores) == {"miss_rate"}
    found = json.loads(json.dumps(report.to_dict()))
    assert found["positive_gt"] == {"images": 3, "missed": 1}
    assert found["empty_gt"] == {"images": 4, "false_alarms": 1, "false_alarm_rate": 1 / 4}


def test_what_a_shell_sees(folders: tuple[Path, Path]) -> None:
    told = (
        "3 images have foreground in the ground truth, none is predicted in 1 of them; 4 images have no foreground in "
        "the ground truth, some is predicted in 1 of them"
    )
    for form in ("table", "markdown"):
        done = run_segeval("score", *folders, "--binary", "-f", form, "-q")
        assert told in done.stdout
        assert "false alarms" in done.stdout
    assert run_segeval("score", *folders, "--binary", "--only", "miss_rate", "-q").stdout == f"{1 / 3!r}\n"
    gates: dict[str, int] = {"miss_rate=0.34": 0, "false_alarm_rate=0.2": 1, "positive_dice<=0.5": 0}
    for gate, code in gates.items():
        assert run_segeval("score", *folders, "--binary", "--fail-over", gate, "-q").code == code, gate
    wrong_way = run_segeval("score", *folders, "--binary", "--fail-under", "miss_rate=0.1", "-q")
    assert (wrong_way.code, "better when lower" in wrong_way.stderr) == (2, True)


def test_sets_that_are_not_called_binary_have_none(folders: tuple[Path, Path]) -> None:
    report = score(*folders, classes=2, map="255=1")
    assert not set(NAMES) & set(report.scores)
    assert not {"positive_gt", "empty_gt"} & set(report.to_dict())


def test_they_have_intervals(folders: tuple[Path, Path]) -> None:
    report = score(*folders, binary=True, ci=90, resamples=200)
    for name in NAMES:
        interval, value = report.interval(name), report.scores[name]
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        assert value is not None
        assert 0 <= interval.low <= value <= interval.high <= 1


def test_comparisons_have_them_and_know_which_way_is_worse(folders: tuple[Path, Path], tmp_path: Path) -> None:
    runs = [tmp_path / "base.jsonl", tmp_path / "all.jsonl"]
    run_segeval("score", *folders, "--binary", "--save", runs[0], "-q")
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(folders[0] / "0.png")
    run_segeval("score", *folders, "--binary", "--save", runs[1], "-q")
    done = run_segeval("compare", *runs, "--fail-regression", "false_alarm_rate=0.2", "-q")
    assert done.code == 1
    assert "false_alarm_rate 0.2500 -> 0.5000" in done.stderr
    shown = run_segeval("compare", *runs, "-q").stdout
    assert all(title in shown for title in ("pos. Dice", "miss rate", "false alarms"))
