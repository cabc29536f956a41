"""Regions of interest: what lies outside counts as void does, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.errors import PairingError, SegevalError, UsageError
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.rows import check_contours, row_from_json, row_to_json
from segeval.runs.values import Damage
from tests.support.commandline import run_segeval

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
VOID = 255
SHAPES = ((21, 34), (34, 21), (13, 40))


def images(generator: np.random.Generator, top: int) -> list[NDArray[np.uint8]]:
    return [generator.integers(0, top, shape, np.uint8) for shape in SHAPES]


def written(folder: Path, arrays: list[NDArray[Any]], name: str = "{}.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, array in enumerate(arrays):
        Image.fromarray(array).save(folder / name.format(index))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    """Give folders of which ground truth with void outside, and regions beside it, mean the same."""
    generator = np.random.default_rng(21)
    gt, pred = images(generator, 3), images(generator, 3)
    inside = [generator.random(array.shape) < 0.6 for array in gt]
    voided = [np.where(part, array, np.uint8(VOID)) for part, array in zip(inside, gt, strict=True)]
    return {
        "gt": written(tmp_path / "gt", gt),
        "pred": written(tmp_path / "pred", pred),
        "probs": written(tmp_path / "probs", images(generator, 256)),
        "voided": written(tmp_path / "voided", voided),
        "roi": written(tmp_path / "roi", [part.astype(np.uint8) * 7 for part in inside]),
    }


OPTIONS: dict[str, dict[str, Any]] = {
    "labels": {},
    "per image": {"average": "image", "mean_over": "foreground"},
    "8-bit maps": {"probs": True, "binary": True, "gt_map": "2=1"},
    "boundary": {"boundary": "authors,3"},
    "distances": {"distances": "monai"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_outside_a_region_is_as_void_is(data: dict[str, Path], name: str) -> None:
    options = OPTIONS[name]
    if name == "distances":
        pytest.importorskip("scipy")
    pred = data["probs" if "probs" in options else "pred"]
    ours = segeval.score(pred, data["gt"], roi=data["roi"], **options).to_dict()
    theirs = segeval.score(pred, data["voided"], ignore=VOID, **options).to_dict()
    for part in ("scores", "classes", "confusion"):
        assert ours[part] == theirs[part]
    for part in ("images", "pixels", "void_pixels"):
        assert ours["data"][part] == theirs["data"][part]


def test_counts_are_those_of_the_pixels_inside_and_no_other(data: dict[str, Path]) -> None:
    run = segeval.measure(data["pred"], data["gt"], roi=data["roi"])
    for index, row in enumerate(run.rows):
        gt, pred, roi = (np.array(Image.open(data[side] / f"{index}.png")) for side in ("gt", "pred", "roi"))
        inside = roi != 0
        met = {(g, p): int(((gt == g) & (pred == p) & inside).sum()) for g in range(3) for p in range(3)}
        cells = zip(row.counts.gt.tolist(), row.counts.pred.tolist(), row.counts.pixels.tolist(), strict=True)
        assert {(g, p): pixels for g, p, pixels in cells} == met
        assert (row.outside, row.pixels) == (int((~inside).sum()), gt.size)


def test_a_missing_prediction_is_a_miss_inside_the_region_only(data: dict[str, Path]) -> None:
    (data["pred"] / "1.png").unlink()
    ours = segeval.score(data["pred"], data["gt"], roi=data["roi"], missing="miss")
    theirs = segeval.score(data["pred"], data["voided"], missing="miss")
    assert ours.scores == theirs.scores


def test_rows_keep_their_region_and_a_run_file_brings_it_back(data: dict[str, Path]) -> None:
    run = segeval.measure(data["pred"], data["gt"], roi=data["roi"])
    assert all(row.roi.startswith("blake2b:") and row.outside for row in run.rows)
    assert run_from_bytes(run_to_bytes(run, packed=False), name="run") == run
    assert segeval.rescore(run).to_dict() == segeval.score(data["pred"], data["gt"], roi=data["roi"]).to_dict()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"roi": None}, "without its size"),
        ({"outside": None}, "do not add up|without its size"),
        ({"outside": 1}, "do not add up"),
        ({"outside": SHAPES[0][0] * SHAPES[0][1]}, "outside"),
        ({"roi": "blake2b:0"}, "no digest"),
        ({"roi": 1}, "no digest"),
    ],
)
def test_a_row_whose_region_cannot_be_is_damaged(data: dict[str, Path], change: dict[str, Any], words: str) -> None:
    facts = row_to_json(segeval.measure(data["pred"], data["gt"], roi=data["roi"]).rows[0])
    row_from_json(facts, None)
    changed = {name: value for name, value in {**facts, **change}.items() if value is not None}
    with pytest.raises(Damage, match=words):
        row_from_json(changed, None)


def test_rows_have_a_region_where_their_run_says_so_and_only_there(data: dict[str, Path]) -> None:
    plain = segeval.measure(data["pred"], data["gt"])
    regions = segeval.measure(data["pred"], data["gt"], roi=data["roi"])
    for run, other in ((regions, plain), (plain, regions)):
        check_contours(run.rows[0], run.protocol)
        with pytest.raises(Damage, match="unlike the run"):
            check_contours(run.rows[0], other.protocol)


def test_protocol_and_signature_say_so_and_another_region_is_other_data(data: dict[str, Path], tmp_path: Path) -> None:
    report = segeval.score(data["pred"], data["gt"], roi=data["roi"])
    assert report.to_dict()["protocol"]["roi"] is True
    assert "|roi:yes|" in str(report.signature)
    whole = written(tmp_path / "whole", [np.ones(shape, np.uint8) for shape in SHAPES])
    other = segeval.score(data["pred"], data["gt"], roi=whole)
    assert other.to_dict()["data"]["gt_digest"] != report.to_dict()["data"]["gt_digest"]
    assert other.scores == segeval.score(data["pred"], data["gt"]).scores


def test_a_number_of_regions_is_verified_with_them(data: dict[str, Path]) -> None:
    report = segeval.score(data["pred"], data["gt"], roi=data["roi"])
    line, claim = str(report.signature), f"miou={report.scores['miou']:.4f}"
    assert segeval.verify(line, claim, data["pred"], data["gt"], roi=data["roi"]).holds(strict=True)
    assert segeval.verify(line, claim, segeval.measure(data["pred"], data["gt"], roi=data["roi"])).holds(strict=True)
    with pytest.raises(UsageError, match="regions of interest") as raised:
        segeval.verify(line, claim, data["pred"], data["gt"])
    assert "--roi" in raised.value.fix
    with pytest.raises(UsageError, match="whole images"):
        segeval.verify(str(segeval.score(data["pred"], data["gt"]).signature), claim, data["pred"], data["gt"],
                       roi=data["roi"])  # fmt: skip


def test_an_interrupted_run_measures_again_where_a_region_has_changed(data: dict[str, Path], tmp_path: Path) -> None:
    command = (
        "score",
        data["pred"],
        data["gt"],
        "--roi",
        data["roi"],
        "--save",
        tmp_path / "run.jsonl",
        "--only",
        "miou",
    )
    before = run_segeval(*command)
    Image.fromarray(np.ones(SHAPES[0], np.uint8)).save(data["roi"] / "0.png")
    after = run_segeval(*command, "--resume")
    assert (before.code, after.code) == (0, 0)
    assert after.stdout == f"{segeval.score(data['pred'], data['gt'], roi=data['roi']).scores['miou']}\n"
    assert after.stdout != before.stdout


# What is wrong with regions


def test_ground_truth_without_a_region_is_an_error_that_names_it(data: dict[str, Path]) -> None:
    (data["roi"] / "1.png").unlink()
    with pytest.raises(PairingError, match="without a region") as raised:
        segeval.score(data["pred"], data["gt"], roi=data["roi"])
    assert raised.value.where == ("gt/1.png",)


def test_a_folder_of_regions_that_is_not_there_is_an_error(data: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(PairingError, match="regions cannot be found"):
        segeval.score(data["pred"], data["gt"], roi=tmp_path / "none")


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (np.ones((3, 3), np.uint8), "differ in size"),
        (np.zeros(SHAPES[0], np.uint8), "no pixel inside"),
        (np.ones((*SHAPES[0], 3), np.uint8) * np.array([1, 2, 3], np.uint8), "RGB"),
    ],
)
def test_a_region_that_cannot_be_meant_is_an_error(data: dict[str, Path], region: NDArray[Any], words: str) -> None:
    Image.fromarray(region).save(data["roi"] / "0.png")
    with pytest.raises(SegevalError, match=words) as raised:
        segeval.score(data["pred"], data["gt"], roi=data["roi"])
    assert "roi/0.png" in raised.value.where[0]


def test_a_palette_that_shows_the_inside_as_black_is_refused(data: dict[str, Path]) -> None:
    image = Image.fromarray(np.indices(SHAPES[0]).sum(axis=0).astype(np.uint8) % 2, "P")
    for colors, refused in (((0, 0, 0, 255, 255, 255), False), ((255, 255, 255, 0, 0, 0), True)):
        image.putpalette(colors)
        image.save(data["roi"] / "0.png")
        if refused:
            with pytest.raises(SegevalError, match="shows its inside as black"):
                segeval.score(data["pred"], data["gt"], roi=data["roi"])
        else:
            segeval.score(data["pred"], data["gt"], roi=data["roi"])


# DRIVE


def drive(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Lay the case of a field of view out as DRIVE does."""
    case = CASES / "A03-field-of-view"
    for side in ("pred", "1st_manual", "mask"):
        (tmp_path / side).mkdir()
    for index in range(3):
        gt, pred = (np.array(Image.open(case / side / f"{index}.png")) for side in ("gt", "pred"))
        vessels, inside = (gt == 1).astype(np.uint8) * 255, (gt != VOID).astype(np.uint8) * 255
        Image.fromarray(vessels).save(tmp_path / "1st_manual" / f"0{index + 1}_manual1.gif")
        Image.fromarray(inside).save(tmp_path / "mask" / f"0{index + 1}_test_mask.gif")
        Image.fromarray(pred).save(tmp_path / "pred" / f"0{index + 1}_test.png")
    return tmp_path / "pred", tmp_path / "1st_manual", tmp_path / "mask"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
def test_the_case_of_a_field_of_view_has_its_right_values_as_drive_lays_it_out(tmp_path: Path) -> None:
    pred, gt, mask = drive(tmp_path)
    pooled = segeval.score(pred, gt, roi=mask, preset="drive").to_dict()
    assert pooled["classes"][1]["dice"] == pytest.approx(0.7568590350047304, rel=1e-12)
    options: dict[str, Any] = {"preset": "drive", "average": "image", "mean_over": "foreground"}
    mean = segeval.score(pred, gt, roi=mask, **options)
    assert mean.scores["mdice"] == pytest.approx(0.7568083249365559, rel=1e-12)
    assert [row.key for row in segeval.measure(pred, gt, roi=mask, **options).rows] == ["01", "02", "03"]


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
def test_the_case_of_a_field_of_view_stored_as_void_has_its_right_value_too() -> None:
    case = CASES / "A03-field-of-view"
    line = ("score", "pred", "gt", "--average", "image", "--mean-over", "foreground", "--only", "mdice")
    assert float(run_segeval(*line, cwd=case).stdout) == pytest.approx(0.7568083249365559, rel=1e-12)
