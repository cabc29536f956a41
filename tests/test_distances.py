"""Distances between surfaces: what four programs say of 60 pairs, what happens to empties and void, saved runs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.contours import distances as module
from segeval.contours.distances import distance_scores, surfaces
from segeval.contours.surfels import corner_weights
from segeval.errors import RunFileError, UsageError
from segeval.protocol.distances import DEFINITIONS, Distances, parse_spacing, read_distances, write_distances
from segeval.protocol.protocol import Protocol, resolve
from segeval.protocol.signature import Signature, signature
from segeval.runs.file import run_from_bytes, run_to_bytes
from tests.support.commandline import run_segeval
from tests.test_boundaries import AUTHORS_SAY, VOID, blobs, folders
from tests.test_schemas import VALIDATORS, lines_of

pytest.importorskip("scipy")
FLOAT32, PERCENTILE_OF_FLOAT32 = 1e-6, 1e-5


def measured(gt: Any, pred: Any, chosen: Distances, spacing: tuple[float, ...] = (1.0, 1.0)) -> dict[str, float]:
    gt, pred = np.asarray(gt), np.asarray(pred)
    found = surfaces(gt == 1, pred == 1, chosen, gt != VOID, spacing)
    return distance_scores(found, chosen)


# What the programs say


def pairs() -> list[tuple[str, Any, Any, tuple[float, ...], Any]]:
    says = json.loads((AUTHORS_SAY / "golden.json").read_text(encoding="utf-8"))
    volumes = np.load(AUTHORS_SAY / "volumes.npz")
    found: list[tuple[str, Any, Any, tuple[float, ...], Any]] = []
    for entry in says["planes"]:
        gt, pred = (np.asarray(Image.open(AUTHORS_SAY / side / f"{entry['key']}.png")) for side in ("gt", "pred"))
        found.append((entry["key"], gt, pred, (1.0, 1.0), entry["classes"]))
    for entry in says["volumes"]:
        gt, pred = (volumes[f"{entry['key']}_{side}"] for side in ("gt", "pred"))
        found.append((entry["key"], gt, pred, tuple(entry["spacing"]), entry["classes"]))
    return found


@pytest.mark.skipif(not AUTHORS_SAY.exists(), reason="the programs' numbers are not here")
@pytest.mark.parametrize("definition", sorted(set(DEFINITIONS) - {"nnunet"}))
@pytest.mark.parametrize("tolerance", [1.0, 2.0])
def test_every_number_is_that_of_the_program(definition: str, tolerance: float) -> None:
    compared = 0
    for key, gt, pred, spacing, classes in pairs():
        chosen = Distances(definition, tolerance)
        for class_id, says in classes.items():
            valid = np.ones(gt.shape, np.bool_)
            sides = gt == int(class_id), pred == int(class_id)
            found = distance_scores(surfaces(*sides, chosen, valid, spacing), chosen)
            for name, value in found.items():
                told = says[definition].get(f"nsd@{tolerance}" if name == "nsd" else name)
                exact = 1e-9 if definition != "monai" else PERCENTILE_OF_FLOAT32 if name == "hd95" else FLOAT32
                if isinstance(told, float):
                    assert value == pytest.approx(told, rel=exact), (key, class_id, name)
                    compared += 1
                else:  # inf, nan, or the name of an exception
                    assert math.isnan(value), (key, class_id, name)
    assert compared > 400


@pytest.mark.skipif(not AUTHORS_SAY.exists(), reason="the programs' numbers are not here")
def test_the_command_line_averages_what_the_program_says(tmp_path: Path) -> None:
    asked = ("--classes", "4", "--ignore", "none", "--distances", "medpy", "-f", "json")
    report = json.loads(run_segeval("score", AUTHORS_SAY / "pred", AUTHORS_SAY / "gt", *asked).stdout)
    planes = [classes for _, gt, _, _, classes in pairs() if gt.ndim == 2]
    for entry in report["classes"]:
        told = [classes[str(entry["id"])]["medpy"]["hd95"] for classes in planes]
        assert entry["hd95"] == pytest.approx(np.mean([value for value in told if isinstance(value, float)]))
    assert report["scores"]["hd95"] == pytest.approx(np.mean([entry["hd95"] for entry in report["classes"]]))


# By hand


def test_a_square_and_itself_moved_by_two() -> None:
    gt, pred = np.zeros((12, 14), int), np.zeros((12, 14), int)
    gt[3:7, 3:7], pred[3:7, 5:9] = 1, 1
    for definition in DEFINITIONS:
        assert measured(gt, pred, Distances(definition))["hd"] == 2
        assert measured(gt, pred, Distances(definition), (5.0, 0.5))["hd"] == 1
    # Of 12 border pixels each, those of the two far columns are 2 away, and of top and bottom one pair 1 away.
    assert measured(gt, pred, Distances("monai", 1.0))["nsd"] == 16 / 24
    assert measured(gt, pred, Distances("monai", 2.0))["nsd"] == 1


def test_contour_lengths_of_the_patterns_of_four_pixels() -> None:
    height, width, diagonal = 3.0, 4.0, 5.0
    for pattern, length in {
        (0, 0, 0, 0): 0, (1, 1, 1, 1): 0, (1, 0, 0, 0): diagonal / 2, (0, 1, 1, 1): diagonal / 2,
        (1, 1, 0, 0): width, (0, 0, 1, 1): width, (1, 0, 1, 0): height, (0, 1, 0, 1): height,
        (1, 0, 0, 1): diagonal, (0, 1, 1, 0): diagonal,
    }.items():  # fmt: skip
        mask = np.array(pattern, np.bool_).reshape(2, 2)
        assert corner_weights(mask, np.ones((2, 2), np.bool_), (height, width))[1, 1] == length


def test_void_makes_no_surface_and_an_object_within_void_is_told_apart(tmp_path: Path) -> None:
    gt, pred = np.zeros((12, 12)), np.zeros((12, 12))
    gt[2:10, 2:10] = VOID
    gt[4:8, 4:8] = pred[4:8, 5:9] = 1
    report = segeval.score(*folders(tmp_path, (gt, pred)), distances="monai")
    assert report.distances is not None
    assert report.distances.class_images[1] == {"one_empty": 0, "both_empty": 0, "void_border": 1}
    assert report.classes[1].contours["hd95"] is None
    gt[gt == VOID] = 0
    assert segeval.score(*folders(tmp_path, (gt, pred)), distances="monai").classes[1].contours["hd95"] == 1


@pytest.mark.parametrize(
    ("definition", "one", "both"),
    [
        ("medpy", {"hd": None, "hd95": None, "assd": None}, {"hd": None, "hd95": None, "assd": None}),
        ("monai", {"hd": None, "hd95": None, "assd": None, "nsd": 0}, dict.fromkeys(("hd", "hd95", "assd", "nsd"))),
        (
            "metricsreloaded",
            {"hd": None, "hd95": None, "assd": None, "masd": None, "nsd": 0},
            {"hd": 0, "hd95": 0, "assd": 0, "masd": 0, "nsd": 1},
        ),
        ("nnunet", dict.fromkeys(("hd", "hd95", "assd", "nsd")), dict.fromkeys(("hd", "hd95", "assd", "nsd"))),
        ("deepmind", {"hd": None, "hd95": None, "nsd": 0}, dict.fromkeys(("hd", "hd95", "nsd"))),
    ],
)
def test_empties_are_what_the_program_makes_of_them(
    definition: str, one: dict[str, Any], both: dict[str, Any], tmp_path: Path
) -> None:
    blank, spot = np.zeros((9, 9)), np.zeros((9, 9))
    spot[4, 4] = 1
    alone = segeval.score(*folders(tmp_path / "one", (spot, blank)), classes=2, distances=definition)
    assert dict(alone.classes[1].contours) == one
    assert [finding.kind for finding in alone.warnings if finding.kind == "one-sided"] == ["one-sided"]
    # A second image without the class; the third has it on both sides, perfect.
    report = segeval.score(
        *folders(tmp_path / "both", (blank, blank), (spot, spot)), classes=2, distances=definition, per_image=True
    )
    assert report.distances is not None
    assert report.distances.class_images[1] == {"one_empty": 0, "both_empty": 1, "void_border": 0}
    assert report.details.images is not None
    assert {name: report.details.images[0].losses[name][1] for name in both} == both


def test_nnunet_is_medpy_but_for_its_nsd_and_where_a_side_is_full() -> None:
    gt, pred = blobs(1, void=False, classes=2)
    nnunet, medpy, monai = (
        measured(gt, pred, Distances(name, 2.0), (2.0, 0.7)) for name in ("nnunet", "medpy", "monai")
    )
    assert {name: nnunet[name] for name in medpy} == medpy
    assert nnunet["nsd"] == pytest.approx(monai["nsd"], rel=1e-9)
    # By `normalized_surface_dice`: 12 elements a side, all of them near, over 24 + 1e-8.
    square = np.zeros((8, 8), int)
    square[2:6, 2:6] = 1
    assert measured(square, square, Distances("nnunet"))["nsd"] == 24 / (24 + 1e-8)
    full = measured(np.ones((6, 6), int), np.pad(np.ones((4, 4), int), 1), Distances("nnunet"))
    assert all(math.isnan(full[name]) for name in ("hd", "hd95", "assd"))
    # 12 of the 20 outer pixels, all but the corners and their like, and all 12 inner ones lie 1 apart.
    assert full["nsd"] == 28 / (32 + 1e-8)


def test_a_class_that_no_image_has_is_undefined(tmp_path: Path) -> None:
    report = segeval.score(*folders(tmp_path, blobs(0)), classes=6, distances="metricsreloaded")
    assert set(report.classes[5].contours.values()) == {None}
    assert report.scores["hd"] is not None


# What a change of the picture must change, and what not


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("seed", range(3))
def test_turning_moving_and_scaling_act_as_they_must(definition: str, seed: int) -> None:
    gt, pred = blobs(seed, void=False, classes=2)
    chosen, spacing = Distances(definition, 2.0), (2.0, 0.7)
    before = measured(gt, pred, chosen, spacing)
    for turned in (measured(gt[::-1], pred[::-1], chosen, spacing), measured(gt.T, pred.T, chosen, spacing[::-1])):
        assert turned == pytest.approx(before, rel=1e-12)
    assert measured(np.pad(gt, 5), np.pad(pred, 5), chosen, spacing) == pytest.approx(
        measured(np.pad(gt, ((1, 9), (8, 2))), np.pad(pred, ((1, 9), (8, 2))), chosen, spacing), rel=1e-12
    )
    scaled = measured(gt, pred, Distances(definition, 6.0), (6.0, 2.1))
    for name, value in before.items():
        assert scaled[name] == pytest.approx(value if name == "nsd" else 3 * value, rel=1e-9)
    assert measured(pred, gt, chosen, spacing) == pytest.approx(before, rel=1e-12)


def test_volumes_of_one_slice_are_their_surface_all_over() -> None:
    gt = np.zeros((1, 8, 8), int)
    gt[0, 2:6, 2:6] = 1
    assert measured(gt, np.roll(gt, 1, 2), Distances("medpy"), (9.0, 1.0, 1.0))["hd"] == 1
    assert measured(gt, np.roll(gt, 1, 2), Distances("deepmind"), (9.0, 1.0, 1.0))["hd"] == 1


# Saved runs and options


def test_a_saved_run_tells_its_distances_without_images(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(4)], (np.zeros((5, 5)), None))
    options: dict[str, Any] = {"distances": "monai", "tolerance": 2, "spacing": "0.5,2", "missing": "miss"}
    run = segeval.measure(pred, gt, boundary=2, **options)
    data = run_to_bytes(run, packed=False)
    read = run_from_bytes(data, name="run")
    assert run_to_bytes(read, packed=False) == data
    report, scored = (one.to_dict() for one in (segeval.rescore(read), segeval.score(pred, gt, boundary=2, **options)))
    # Only folders know the files by which warnings name an image.
    assert {**report, "warnings": []} == {**scored, "warnings": []}
    VALIDATORS["report"].validate(json.loads(json.dumps(report)))
    for line in lines_of(run):
        VALIDATORS["run"].validate(line)
    part = segeval.rescore(read, keys="[01]")
    assert part.distances is not None
    assert part.scores["hd"] is not None
    with pytest.raises(RunFileError, match="one definition, tolerance and spacing") as raised:
        segeval.rescore(read, distances="medpy")
    (told,) = raised.value.where
    assert told.startswith("kept monai,2,0.5,2,one-empty:nsd=0,both-empty:undefined,void:no-border; asked for medpy,2,")
    with pytest.raises(RunFileError, match="merged or renamed"):
        segeval.rescore(read, map="1=0")


@pytest.mark.parametrize(
    "change", [None, [], [[0], [0], [[1.0]], 1], [[0], [9], [[1.0] * 4], 4], [[0], [0], [[-1.0] * 4], 4]]
)
def test_damaged_distances_are_told(change: Any, tmp_path: Path) -> None:
    data = run_to_bytes(segeval.measure(*folders(tmp_path, blobs(0)), distances="monai"), packed=False)
    head, row, *_ = data.splitlines(keepends=True)
    line = json.dumps({**json.loads(row), "distances": change}, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(head + line, name="run")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"distances": "scipy"}, "is no definition"),
        ({"distances": "monai", "tolerance": -1}, "is no distance"),
        ({"distances": "monai", "tolerance": math.nan}, "is no distance"),
        ({"distances": "monai", "spacing": "1,2,3,4"}, "not that of an image"),
        ({"distances": "monai", "spacing": "0,1"}, "not that of an image"),
        ({"distances": "monai", "spacing": "nan,1"}, "not that of an image"),
        ({"distances": "monai", "spacing": "1e-320,1e308"}, "not that of an image"),
        ({"distances": "monai", "tolerance": 1e308}, "is no distance"),
        ({"distances": "monai", "spacing": "x"}, "no list of numbers"),
        ({"tolerance": 2}, "which nobody asked for"),
        ({"distances": "monai", "probs": True}, "--distances need label masks"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        segeval.score(*folders(tmp_path, blobs(0)), **options)
    assert raised.value.fix


@pytest.mark.parametrize("definition", ["deepmind", "metricsreloaded", "medpy", "monai", "nnunet"])
@pytest.mark.parametrize("spacing", ["1e-12,1e12", "1e12,1e12", "1e-12,1e-12"])
def test_the_largest_and_smallest_spacing_give_numbers_without_a_warning(
    tmp_path: Path, definition: str, spacing: str
) -> None:
    report = segeval.score(*folders(tmp_path, blobs(0)), distances=definition, spacing=spacing, tolerance=1e12)
    assert report.distances is not None
    assert all(value is None or math.isfinite(value) for value in report.distances.scores.values())


def test_without_scipy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> Any:
        raise ImportError

    module._tree.cache_clear()
    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(UsageError, match="need SciPy") as raised:
        segeval.score(*folders(tmp_path, blobs(0)), distances="monai")
    assert "segeval-masks[surface]" in raised.value.fix
    module._tree.cache_clear()


def test_signatures_give_the_choice_back() -> None:
    chosen = Distances("metricsreloaded", 0.5, parse_spacing("0.7,1.25"))
    protocol = Protocol(distances=chosen)
    line = signature(resolve(protocol, gt_values=(), pred_values=()), protocol).short()
    assert "distances:metricsreloaded,0.5,0.7,1.25,one-empty:nsd=0,both-empty:perfect,void:no-border" in line
    assert Signature.parse(line).protocol().distances == chosen
    assert parse_spacing(2) == (2.0,)
    for spacing in (None, (2.0,), (3.0, 0.5, 0.5)):
        assert read_distances(write_distances(Distances("medpy", 2.0, spacing))) == Distances("medpy", 2.0, spacing)
    assert read_distances("monai,1,0.5,2,void:no-border") == Distances("monai", 1.0, (0.5, 2.0))


def test_gates_intervals_and_comparisons_know_distances(tmp_path: Path) -> None:
    given = [blobs(seed) for seed in range(4)]
    base = segeval.measure(*folders(tmp_path / "base", *given), distances="monai")
    perfect = [(gt, np.where(gt == VOID, 0, gt)) for gt, _ in given]
    better = segeval.measure(*folders(tmp_path / "new", *perfect), distances="monai")
    change = segeval.compare(base, better).runs[0].differences["hd95"]
    assert change.new == 0
    assert change.difference is not None
    assert change.difference < 0
    assert change.p is not None
    report = segeval.rescore(base, ci=95, fail_over={"hd95": 0.1, "hd.1": 1000})
    assert [verdict.passed for verdict in report.gates] == [False, True]
    interval = report.interval("hd95")
    assert interval is not None
    assert interval.low is not None


def test_nothing_is_said_of_distances_where_nobody_asks(tmp_path: Path) -> None:
    plain = segeval.score(*folders(tmp_path, blobs(0))).to_dict()
    assert not {"distances", "hd95", "nsd"} & {*plain, *plain["protocol"], *plain["scores"], *plain["classes"][0]}
