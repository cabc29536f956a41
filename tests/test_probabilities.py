"""Scoring folders of probability maps, end to end: every layout, every loss against a loop over pixels."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segeval
from segeval.measuring.measure import measure
from segeval.report.report import Report
from segeval.report.scoring import build_report
from segeval.request import build_request
from tests.support.commandline import run_segeval
from tests.support.probability_folders import (
    BINARY_LAYOUTS,
    KEYS,
    LAYOUTS,
    NAMES,
    VOID,
    Array,
    converted,
    mean_of,
    naive_losses,
    save_gt,
    save_npy,
    save_png,
    valid_pixels,
)
from tests.support.properties import examples

CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val"
needs_camvid = pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid maps are not here")

RANDOM = np.random.default_rng(20240611)
SHAPE = (7, 9)
GT = [RANDOM.integers(0, 3, SHAPE).astype(np.uint8) for _ in KEYS]
LEVELS = [RANDOM.integers(0, 256, (3, *SHAPE)).astype(np.uint8) for _ in KEYS]
for _gt, _levels in zip(GT, LEVELS, strict=True):
    _gt[0, :3] = VOID
    # Ties of two and of three classes, certainty right and wrong.
    _levels[:, 1, 0], _levels[:, 1, 1], _levels[:, 1, 2] = (90, 90, 10), (85, 85, 85), (10, 90, 90)
    _levels[:, 2, 0], _levels[:, 2, 1], _levels[:, 2, 2] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
BINARY_GT = [np.where(gt == VOID, VOID, gt == 1).astype(np.uint8) for gt in GT]
BINARY_LEVELS = [levels[1] for levels in LEVELS]


def write_maps(root: Path, write: Any, maps: Sequence[Array]) -> Path:
    for key, levels in zip(KEYS, maps, strict=True):
        write(root, key, levels)
    return root


@pytest.fixture
def several(tmp_path: Path) -> tuple[Path, Path]:
    """Three classes in 8-bit arrays."""
    return write_maps(tmp_path / "probs", LAYOUTS["npy, uint8"], LEVELS), save_gt(tmp_path / "gt", GT)


def label_scores(report: Report) -> tuple[object, ...]:
    names = ("miou", "mdice", "pixel_accuracy", "mean_accuracy", "fwiou", "image_miou", "class_miou")
    return (report.confusion.counts.tolist(), *(report.scores[name] for name in names))


# Layouts


def closeness(layout: str) -> float:
    """Return how close losses can be: float16 and float32 hold n / 255 only rounded."""
    return 1e-2 if "float16" in layout else 1e-6 if "float32" in layout else 1e-12


def argmax_lowest(levels: Array) -> Array:
    """Return the class of the highest level, by a loop in which a later class has to be higher."""
    labels = np.zeros(levels.shape[1:], np.uint8)
    for row, column in np.ndindex(labels.shape):
        column_levels = levels[:, row, column].tolist()
        labels[row, column] = column_levels.index(max(column_levels))
    return labels


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_labels_and_losses(layout: str, tmp_path: Path) -> None:
    gt = save_gt(tmp_path / "gt", GT)
    probs = write_maps(tmp_path / "probs", LAYOUTS[layout], LEVELS)
    report = segeval.score(probs, gt, probs=True, classes=NAMES, eps=1e-7)
    masks = save_gt(tmp_path / "masks", [argmax_lowest(levels) for levels in LEVELS])
    assert label_scores(report) == label_scores(segeval.score(masks, gt, classes=NAMES))
    probabilities = [converted(levels, "uint8") / 255 for levels in LEVELS]
    expected = naive_losses(list(valid_pixels(GT, probabilities)), (0, 1, 2), eps=1e-7)
    close = closeness(layout)
    assert report.scores["bce"] == pytest.approx(mean_of(expected.bce), rel=close)
    assert report.scores["focal"] == pytest.approx(mean_of(expected.focal), rel=close)
    assert report.scores["cross_entropy"] == pytest.approx(expected.cross_entropy, rel=close)
    assert report.scores["focal_cross_entropy"] == pytest.approx(expected.focal_cross_entropy, rel=close)


@pytest.mark.parametrize("layout", BINARY_LAYOUTS)
def test_every_binary_layout_gives_the_same_labels_and_losses(layout: str, tmp_path: Path) -> None:
    gt = save_gt(tmp_path / "gt", BINARY_GT)
    probs = write_maps(tmp_path / "probs", BINARY_LAYOUTS[layout], BINARY_LEVELS)
    report = segeval.score(probs, gt, probs=True, classes=2, ignore=VOID, eps=1e-7)
    masks = save_gt(tmp_path / "masks", [(levels > 127).astype(np.uint8) for levels in BINARY_LEVELS])
    assert label_scores(report) == label_scores(segeval.score(masks, gt, classes=2, ignore=VOID))
    pixels = list(valid_pixels(BINARY_GT, [levels[None] / 255 for levels in BINARY_LEVELS]))
    expected = naive_losses(pixels, (1,), eps=1e-7)
    close = closeness(layout)
    assert report.scores["bce"] == pytest.approx(expected.bce[0], rel=close)
    assert report.scores["focal"] == pytest.approx(expected.focal[0], rel=close)
    assert "cross_entropy" not in report.scores
    assert report.classes[0].losses == {}


def test_ground_truth_of_0_and_255_is_binary_beside_one_map(tmp_path: Path) -> None:
    whole = [np.where(gt == 1, 255, 0).astype(np.uint8) for gt in GT]
    gt, probs = save_gt(tmp_path / "gt", whole), write_maps(tmp_path / "p", BINARY_LAYOUTS["png, uint8"], BINARY_LEVELS)
    inferred = segeval.score(probs, gt, probs=True)
    named = segeval.score(probs, gt, probs=True, binary=True)
    ones = save_gt(tmp_path / "ones", [(gt == 1).astype(np.uint8) for gt in GT])
    of_two = segeval.score(probs, ones, probs=True, classes=2).scores
    assert inferred.scores == named.scores
    assert of_two == {name: value for name, value in named.scores.items() if name in of_two}
    assert set(named.scores) - set(of_two) == {"positive_dice", "miss_rate", "false_alarm_rate"}
    assert "--binary" in [note.option for note in inferred.notes]


# Labels


def test_a_pixel_is_foreground_only_above_the_threshold(tmp_path: Path) -> None:
    gt = save_gt(tmp_path / "gt", [np.ones((1, 3), np.uint8)])
    for kind, values in (("uint8", [127, 128, 129]), ("uint16", [127 * 257, 128 * 257, 129 * 257])):
        save_png(tmp_path / kind / "a.png", np.array([values], kind))
        report = segeval.score(tmp_path / kind, gt, probs=True, classes=2, threshold=128 / 255)
        assert report.classes[1].tp == 1
    save_npy(tmp_path / "float" / "a.npy", np.array([[0.5, np.nextafter(0.5, 1), 0.25]]))
    assert segeval.score(tmp_path / "float", gt, probs=True, classes=2).classes[1].tp == 1


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_ties_go_to_the_lowest_class(kind: str, tmp_path: Path) -> None:
    gt = save_gt(tmp_path / "gt", [np.array([[0, 1, 2]], np.uint8)])
    levels = np.array([[[85, 10, 0]], [[85, 120, 0]], [[85, 120, 255]]])
    save_npy(tmp_path / "p" / "a.npy", converted(levels, kind))
    assert segeval.score(tmp_path / "p", gt, probs=True, classes=3).scores["pixel_accuracy"] == 1.0


# Losses


def assert_agree(found: Sequence[float | None], expected: Sequence[float | None]) -> None:
    """Assert that values agree to 1e-12 relative, and that the same ones are undefined."""
    assert [value is None for value in found] == [value is None for value in expected]
    assert [value or 0.0 for value in found] == pytest.approx([value or 0.0 for value in expected], rel=1e-12, abs=0)


PARAMETERS = st.fixed_dictionaries(
    {
        "gamma": st.sampled_from([0.0, 0.5, 2.0, 3.7]),
        "alpha": st.sampled_from([None, "auto", 0.25, 0.0, 1.0]),
        "pos_weight": st.sampled_from(["auto", 1.0, 0.3, 20.0]),
        "eps": st.sampled_from(["torch", 1e-7, 0.01]),
        "class_weights": st.sampled_from([None, "auto", (1.0, 0.5, 3.0)]),
    }
)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameters=PARAMETERS, seed=st.integers(0, 2**32 - 1), highest=st.sampled_from([1, 2]))
def test_losses_are_those_of_a_loop_over_pixels(
    kind: str, parameters: dict[str, Any], seed: int, highest: int, tmp_path: Path
) -> None:
    random = np.random.default_rng(seed)
    gts, maps = [], []
    for key in KEYS:
        gt = random.choice([*range(highest + 1), VOID], (3, 4)).astype(np.uint8)
        gt[0, 0] = 0
        levels = random.choice([0, 1, 127, 254, 255], (3, 3, 4))
        stored = converted(levels, kind)
        if kind == "uint16":
            stored = np.minimum(stored, 65534 + random.integers(0, 2, stored.shape)).astype(np.uint16)
        save_png(tmp_path / "gt" / f"{key}.png", gt)
        save_npy(tmp_path / "p" / f"{key}.npy", stored)
        gts.append(gt)
        maps.append(stored / {"uint8": 255, "uint16": 65535}.get(kind, 1))
    # As a keyword None is "not given"; what switches alpha off is "none", as on the command line.
    asked = parameters | {"alpha": "none" if parameters["alpha"] is None else parameters["alpha"]}
    report = segeval.score(tmp_path / "p", tmp_path / "gt", probs=True, classes=3, **asked)
    expected = naive_losses(list(valid_pixels(gts, maps)), (0, 1, 2), **parameters)
    assert_agree([entry.losses["bce"] for entry in report.classes], expected.bce)
    assert_agree([entry.losses["focal"] for entry in report.classes], expected.focal)
    names = ("bce", "focal", "cross_entropy", "focal_cross_entropy")
    means = [mean_of(expected.bce), mean_of(expected.focal), expected.cross_entropy, expected.focal_cross_entropy]
    assert_agree([report.scores[name] for name in names], means)


@pytest.mark.parametrize(("kind", "half"), [("uint8", 1 / 510), ("uint16", 1 / 131070), ("float64", "torch")])
def test_the_usual_eps_is_half_a_step_of_levels_and_the_clamp_of_floats(
    kind: str, half: float | str, tmp_path: Path
) -> None:
    gt, probs = save_gt(tmp_path / "gt", GT), write_maps(tmp_path / "p", LAYOUTS[f"npy, {kind}"], LEVELS)
    report = segeval.score(probs, gt, probs=True, classes=3)
    assert report.probabilities is not None
    assert report.probabilities.eps == half
    expected = naive_losses(list(valid_pixels(GT, [levels / 255 for levels in LEVELS])), (0, 1, 2), eps=half)
    assert report.scores["bce"] == pytest.approx(mean_of(expected.bce), rel=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
@pytest.mark.parametrize("ignore", [0, 1, 2])
def test_an_ignored_class_takes_its_map_along_and_no_other(kind: str, ignore: int, tmp_path: Path) -> None:
    gt, probs = save_gt(tmp_path / "gt", GT), write_maps(tmp_path / "p", LAYOUTS[f"npy, {kind}"], LEVELS)
    weights = (1.0, 0.5, 3.0)
    report = segeval.score(probs, gt, probs=True, classes=NAMES, ignore=(VOID, ignore), eps=1e-7, class_weights=weights)
    left = [index for index in range(3) if index != ignore]
    pixels = [
        (true, [maps[index] for index in left])
        for true, maps in valid_pixels(GT, [levels / 255 for levels in LEVELS])
        if true != ignore
    ]
    expected = naive_losses(pixels, left, eps=1e-7, class_weights=[weights[index] for index in left])
    assert [entry.name for entry in report.classes] == [NAMES[index] for index in left]
    assert [entry.losses["bce"] for entry in report.classes] == pytest.approx(expected.bce, rel=1e-12)
    assert [entry.losses["focal"] for entry in report.classes] == pytest.approx(expected.focal, rel=1e-12)
    assert report.scores["cross_entropy"] == pytest.approx(expected.cross_entropy, rel=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_auto_weights_are_those_of_the_ground_truth_and_null_without_positives(kind: str, tmp_path: Path) -> None:
    without = [np.where(gt == 2, 0, gt).astype(np.uint8) for gt in GT]
    gt, probs = save_gt(tmp_path / "gt", without), write_maps(tmp_path / "p", LAYOUTS[f"npy, {kind}"], LEVELS)
    report = segeval.score(probs, gt, probs=True, classes=3, pos_weight="auto", alpha="auto", class_weights="auto")
    found = json.loads(json.dumps(report.to_dict()))
    valid = sum(int((gt != VOID).sum()) for gt in without)
    ones = sum(int((gt == 1).sum()) for gt in without)
    one, two = found["probabilities"]["per_map"][1:]
    assert one["pos_weight"] == (valid - ones) / ones
    assert one["alpha"] == (valid - ones) / valid
    assert (two["pos_weight"], two["alpha"]) == (None, None)
    assert found["classes"][2]["bce"] is found["classes"][2]["focal"] is found["classes"][2]["auroc"] is None
    assert found["classes"][2]["average_precision"] is None
    assert found["probabilities"]["class_weights"] == [valid / (2 * (valid - ones)), valid / (2 * ones), 0.0]
    assert found["scores"]["bce"] == math.fsum(found["classes"][index]["bce"] for index in (0, 1)) / 2


def test_class_weights_come_from_a_file_by_name(several: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / "weights.txt"
    file.write_text("car 3\nsky 1\nroad 0.5\n")
    by_file, by_order = (
        segeval.score(*several, probs=True, classes=NAMES, class_weights=weights) for weights in (file, (1.0, 0.5, 3.0))
    )
    assert by_file.scores == by_order.scores
    assert by_file.scores != segeval.score(*several, probs=True, classes=NAMES).scores


def test_only_bce_knows_pos_weight_and_only_focal_alpha(several: tuple[Path, Path]) -> None:
    plain = segeval.score(*several, probs=True).scores
    weighted = segeval.score(*several, probs=True, pos_weight=5.0).scores
    balanced = segeval.score(*several, probs=True, alpha=0.9).scores
    assert {name for name in plain if plain[name] != weighted[name]} == {"bce"}
    assert {name for name in plain if plain[name] != balanced[name]} == {"focal"}


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
def test_what_pays_adds_up_to_the_loss(kind: str, tmp_path: Path) -> None:
    gt = save_gt(tmp_path / "gt", BINARY_GT)
    probs = write_maps(tmp_path / "p", BINARY_LAYOUTS[f"npy (H, W), {kind}"], BINARY_LEVELS)
    report = segeval.score(probs, gt, probs=True, classes=2, eps=1e-7, pos_weight=3.0)
    assert report.probabilities is not None
    assert report.probabilities.cells is not None
    cells = [cell for row in report.probabilities.cells for cell in row]
    assert [cell.pixels for cell in cells] == report.confusion.counts[:2, :2].ravel().tolist()
    pixels = sum(cell.pixels for cell in cells)
    assert sum(cell.pixels * (cell.bce or 0) for cell in cells) / pixels == pytest.approx(
        report.scores["bce"], rel=1e-9
    )
    assert math.fsum(cell.focal_share or 0 for cell in cells) == pytest.approx(1)


@needs_camvid
def test_camvid_8_bit_figures_hold_for_every_eps() -> None:
    request = build_request(classes=CAMVID / "classes.txt", ignore=11, missing="skip", probs=True)
    found = measure(CAMVID / "prob", CAMVID / "gt", request)
    assert not found.problems
    figures: dict[float | str, tuple[float, float, float]] = {
        "torch": (0.057800079381689455, 0.012644146578433546, 0.43094778680375884),
        1e-7: (0.0457441291584405, 0.009603378351642907, 0.29892034419292435),
        1 / 510: (0.045732027125121304, 0.009244207684416072, 0.2837907236233922),
        "half-step": (0.045732027125121304, 0.009244207684416072, 0.2837907236233922),
    }
    for eps, figure in figures.items():
        assert request.protocol.probabilities is not None
        # 8-bit runs keep level tables, which any eps can be asked of.
        chosen = replace(request.protocol.probabilities, eps=eps)
        report = build_report(replace(found.run, protocol=replace(request.protocol, probabilities=chosen)))
        scores = [report.scores[name] for name in ("bce", "focal", "cross_entropy")]
        assert scores == pytest.approx(figure, rel=1e-11)
        assert report.data.pixels - report.data.void_pixels == 3_561_698
        assert (len(found.run.rows), len(report.classes)) == (21, 11)


@needs_camvid
@pytest.mark.parametrize(
    ("eps", "figures"),
    [
        ("torch", (0.04045748198548535, 0.0074639793314683475, 0.2552993290661504)),
        (1e-7, (0.0404574819912806, 0.0074639793314683475, 0.25529932911240205)),
    ],
)
def test_camvid_float_figures_hold(eps: float | str, figures: tuple[float, ...]) -> None:
    report = segeval.score(
        CAMVID / "softmax",
        CAMVID / "gt",
        classes=CAMVID / "classes.txt",
        ignore=11,
        missing="skip",
        probs=True,
        eps=eps,
    )
    scores = [report.scores[name] for name in ("bce", "focal", "cross_entropy")]
    assert scores == pytest.approx(figures, rel=1e-9)
    assert report.data.pixels - report.data.void_pixels == 510_251


# One pass: any number of workers, little memory


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float16"])
def test_any_number_of_workers_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for index in range(11):
        save_png(tmp_path / "gt" / f"{index}.png", random.integers(0, 3, (5, 6)).astype(np.uint8))
        save_npy(tmp_path / "p" / f"{index}.npy", converted(random.integers(0, 256, (3, 5, 6)), kind))
    command = ("score", tmp_path / "p", tmp_path / "gt", "--probs", "--classes", "3", "-f", "json")
    texts = {run_segeval(*command, "-j", jobs).stdout for jobs in ("1", "2", "8")}
    assert len(texts) == 1
    assert json.loads(texts.pop())["scores"]["bce"] > 0


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float16", "float64"])
def test_memory_is_that_of_the_stored_maps_and_a_few_of_one(kind: str, tmp_path: Path) -> None:
    side, classes = 640, 4
    random = np.random.default_rng(4)
    for index in range(2):
        save_png(tmp_path / "gt" / f"{index}.png", random.integers(0, classes, (side, side)).astype(np.uint8))
        save_npy(tmp_path / "p" / f"{index}.npy", converted(random.integers(0, 256, (classes, side, side)), kind))
    tracemalloc.start()
    try:
        segeval.score(tmp_path / "p", tmp_path / "gt", probs=True, classes=classes, jobs=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    stored = classes * side * side * np.dtype(kind).itemsize
    one_map = 8 * side * side
    # Positives and negatives of 65536 levels: those of the run, of the image, and their sum.
    histograms = 0 if kind == "uint8" else 3 * classes * 2 * 65536 * 8
    assert peak < stored + histograms + (3 if kind == "uint8" else 2) * one_map
