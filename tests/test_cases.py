"""Every case of the small inputs from public reports: its right value, or an error or a warning that leads there.

The right values were computed by hand with NumPy; they stand in the README beside the cases.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.commandline import run_segeval

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")

CAT_DOG = {"0 background": 0.9354, "1 cat": 0.7735, "2 dog": 0.7346}


@dataclass(frozen=True)
class Case:
    """Hold a command line below its folder, and what comes of it.

    `right` is the mIoU of `line` itself or, where `kind` names what is told, of `mended`, which the fix gives.
    """

    folder: str
    line: str
    right: float | None
    kind: str = ""
    exit: int = 0
    says: str = ""
    mended: str = ""
    later: str = field(default="", compare=False)


def warns(folder: str, line: str, right: float, kind: str, says: str, mended: str, later: str = "") -> Case:
    return Case(folder, line, right, kind, 0, says, mended, later)


def fails(folder: str, line: str, right: float | None, says: str, mended: str = "", later: str = "") -> Case:
    return Case(folder, line, right, "", 2, says, mended, later)


IDENTITY = ",".join(f"{value}={value}" for value in (*range(19), 255))
SHIFTED = ",".join(f"{value}={value}" for value in range(150))
FOUR, THREE = 0.814108645697602, 0.8145027374027715
FLOATS = 0.8153499451663436
TWO = 0.8252663162301717

TABLE = {
    "B01": fails("B01-gt01-pred0255", "pred gt", TWO, "--binary", "pred gt --binary"),
    "B01 --binary": Case("B01-gt01-pred0255", "pred gt --binary", TWO),
    "B02": warns(
        "B02-trainids",
        "pred gtFine/val --preset cityscapes",
        0.699784068868268,
        "train-ids",
        f"--preset cityscapes --pred-map {IDENTITY}",
        f"pred gtFine/val --preset cityscapes --pred-map {IDENTITY}",
    ),
    "B03b": warns(
        "B03b-ade20k-zero-based",
        "pred gt --preset ade20k",
        1.0,
        "off-by-one",
        f"--pred-map {SHIFTED}",
        f"pred gt --preset ade20k --pred-map {SHIFTED}",
    ),
    "B04": warns("B04-swapped", "gt pred", 0.8212533266974628, "swapped", "Give predictions first", "pred gt"),
    "B07": Case("B07-palette-indices", "pred gt --palette palette.txt", FOUR),
    "B08": Case("B08-whiteiszero", "pred gt --binary", 0.8853980955539893),
    "B08 1 bit": Case("B08-whiteiszero", "pred gt1bit --binary", 0.8853980955539893),
    "B09 nodata": fails(
        "B09-negative-void",
        "pred_tif gt_nodata",
        0.8272570297206497,
        "--ignore -9999",
        "pred_tif gt_nodata --ignore -9999",
    ),
    "B09 -1": fails(
        "B09-negative-void", "pred gt_minus1", 0.8272570297206497, "--ignore -1", "pred gt_minus1 --ignore -1"
    ),
    "B10": fails(
        "B10-grey-binary-gt",
        "pred gt --binary",
        0.865446931389074,
        "--gt-threshold 127",
        "pred gt --gt-threshold 127",
    ),
    "B10c": fails(
        "B10c-jpeg-gt", "pred gt --binary", 0.865446931389074, "--gt-threshold 127", "pred gt --gt-threshold 127"
    ),
    "B11 gray levels": warns(
        "B11-disjoint-values",
        "pred gt85",
        FOUR,
        "label-spaces",
        "--gt-map 0=0,85=1,170=2,255=3",
        "pred gt85 --gt-map 0=0,85=1,170=2,255=3",
    ),
    "B11 grays of colours": warns(
        "B11-disjoint-values",
        "pred3 gt_cv2gray",
        THREE,
        "label-spaces",
        "--gt-map 0=0,83=1,122=2",
        "pred3 gt_cv2gray --gt-map 0=0,83=1,122=2",
    ),
    "B12": fails(
        "B12-two-files-one-stem", "pred gt", 0.8293904518329072, "--pred-suffix .png", "pred gt --pred-suffix .png"
    ),
    "B13": fails(
        "B13-double-extension",
        "pred gt --binary",
        TWO,
        "--pred-suffix .jpg.png",
        "pred gt --binary --pred-suffix .jpg.png",
    ),
    "B14": fails("B14-hwc", "pred gt --probs", FLOATS, "--class-axis last", "pred gt --probs --class-axis last"),
    "B16": fails("B16-float-labels", "pred_npy gt", FLOATS, "--cast-labels", "pred_npy gt --cast-labels"),
    "B16 TIFF": fails("B16-float-labels", "pred_tif gt", FLOATS, "--cast-labels", "pred_tif gt --cast-labels"),
    "B18": fails(
        "B18-prefix",
        "pred gt --binary",
        TWO,
        "--gt-prefix mask_ --pred-prefix pred_",
        "pred gt --binary --gt-prefix mask_ --pred-prefix pred_",
    ),
    "B19": warns(
        "B19-no-background-mean",
        "pred gt --ignore 0",
        0.7747175276951571,
        "ignored-background",
        "--mean-over foreground",
        "pred gt --mean-over foreground",
        later="--mean-over",
    ),
    "B20": Case("B20-cvat-labelmap", "pred gt --palette labelmap.txt", THREE),
    "B22": Case("B22-grey-as-rgb", "pred gt", THREE),
    "B22 one channel": Case("B22-grey-as-rgb", "pred gt --gt-channel G", THREE),
    "B22 two-valued": Case("B22-grey-as-rgb", "pred_bw gt_bw --binary", 1.0),
    "B23": fails("B23-class-folders", "pred gt", TWO, "--multilabel", "pred gt --multilabel"),
    "B23 --multilabel": Case("B23-class-folders", "pred gt --multilabel", TWO),
    "B25": fails(
        "B25-deepglobe-impure",
        "pred gt --preset deepglobe-land",
        0.7818032568191137,
        "--palette-tolerance",
        "pred gt --preset deepglobe-land --palette-tolerance 5",
    ),
    "A02": Case("A02-isic-per-image", "pred gt --gt-suffix _segmentation --pred-suffix _prediction", None),
}


def score(folder: str, line: str) -> tuple[int, dict[str, Any], str]:
    done = run_segeval("score", *shlex.split(line), "-f", "json", cwd=CASES / folder)
    return done.code, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize("name", TABLE)
def test_a_case_is_scored_right_or_leads_there(name: str, request: pytest.FixtureRequest) -> None:
    case = TABLE[name]
    code, found, said = score(case.folder, case.line)
    assert code == case.exit, said
    assert case.says in said
    if case.kind:
        assert case.kind in [finding["kind"] for finding in found["warnings"]]
    if case.later and case.later not in run_segeval("score", "--help").stdout:
        request.applymarker(pytest.mark.xfail(reason=f"{case.later} is not built yet", strict=True))
    if case.right is not None:
        code, found, said = score(case.folder, case.mended or case.line)
        assert code == 0, said
        assert found["scores"]["miou"] == pytest.approx(case.right, rel=1e-12)
        assert case.kind not in [finding["kind"] for finding in found["warnings"]]


@pytest.mark.parametrize("classes", ["_classes.csv", "class_dict.csv", "labels.txt", "semicolon.csv"])
def test_class_lists_with_a_heading_are_read(classes: str) -> None:
    code, found, said = score("B06-classlist-heading", f"pred gt --classes {classes}")
    assert code == 0, said
    # labelme calls its background _background_
    told = {f"{entry['id']} {entry['name'].strip('_')}": round(entry["iou"], 4) for entry in found["classes"]}
    assert told == CAT_DOG


def test_pooled_averages_of_saliency_stay() -> None:
    code, found, said = score("A01-saliency-per-image", "pred gt --probs --binary")
    assert code == 0, said
    assert found["scores"]["mae"] == pytest.approx(0.1746950034967752, rel=1e-12)


def test_pooled_averages_of_isic_and_of_a_field_of_view_stay() -> None:
    _, isic, _ = score("A02-isic-per-image", "pred gt --gt-suffix _segmentation --pred-suffix _prediction --binary")
    assert isic["classes"][1]["iou"] == pytest.approx(0.6606805293005671, rel=1e-12)
    _, vessels, _ = score("A03-field-of-view", "pred gt")
    assert vessels["classes"][1]["dice"] == pytest.approx(0.7568590350047304, rel=1e-12)


def test_every_case_has_its_test() -> None:
    tested = {case.folder for case in TABLE.values()}
    elsewhere = {"B06-classlist-heading", "A01-saliency-per-image", "A03-field-of-view"}
    assert {path.name for path in CASES.iterdir() if path.is_dir()} == tested | elsewhere
