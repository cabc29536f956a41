"""Masks of two values: what 255 is, file by file; gray levels and thresholds; suspected void; gray palettes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.errors import MaskError, UsageError
from segeval.images.readers import describe, read_mask
from segeval.protocol.labeling import SideFiles, doubt_of, is_binary, side_files
from segeval.protocol.protocol import Protocol
from segeval.protocol.signature import Signature
from segeval.request import build_request
from segeval.runs.run import Run
from tests.support.commandline import Completed, run_segeval

Mask = NDArray[np.integer[Any]]
Change = Callable[[int, Mask], Mask]
SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
BINARY = SAMPLES / "binary" / "gt"


def unchanged(index: int, mask: Mask) -> Mask:
    return mask


def write(folder: Path, mask: Mask, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if mask.dtype.kind == "i" or mask.dtype.itemsize > 2:
        np.save(folder / f"{name}.npy", mask)
    else:
        Image.fromarray(mask).save(folder / f"{name}.png")


def copies(root: Path, source: tuple[str, str], gt: Change = unchanged, pred: Change = unchanged) -> tuple[Path, Path]:
    """Write changed copies of a pair of sample folders; return the folders of predictions and ground truth."""
    for side, name, change in (("pred", source[0], pred), ("gt", source[1], gt)):
        files = sorted((SAMPLES / name).rglob("*.png"))
        assert files
        for index, path in enumerate(files):
            with Image.open(path) as image:
                write(root / side, change(index, np.asarray(image)), f"{index}")
    return root / "pred", root / "gt"


def binary_pair(root: Path, gt: Change, pred: Change) -> tuple[Path, Path]:
    """Write the binary sample masks as 0 and 1, changed; predictions are shifted by two pixels."""
    for index, path in enumerate(sorted(BINARY.glob("*.png"))):
        with Image.open(path) as image:
            mask = (np.asarray(image) > 0).astype(np.uint8)
        write(root / "gt", gt(index, mask), f"{index}")
        write(root / "pred", pred(index, np.roll(mask, 2, axis=1)), f"{index}")
    return root / "pred", root / "gt"


def full(index: int, mask: Mask) -> Mask:
    return np.asarray(mask * 255, np.uint8)


def every_other(index: int, mask: Mask) -> Mask:
    return full(index, mask) if index % 2 else mask


def with_255(index: int, mask: Mask) -> Mask:
    changed = mask.copy()
    changed[:3] = 255
    return changed


def blurred(index: int, mask: Mask) -> Mask:
    data = io.BytesIO()
    Image.fromarray(full(index, mask)).save(data, "JPEG", quality=60)
    return np.asarray(Image.open(data))


def marked(value: int, kind: type[np.integer[Any]]) -> Change:
    def change(index: int, mask: Mask) -> Mask:
        wide = mask.astype(kind)
        wide[:3] = value
        return wide

    return change


# In score, in the report of a saved run, in explain and in inspect

MISTAKES: dict[str, tuple[str, Change, Change, tuple[str, ...]]] = {
    "ground truth 0/1, predictions 0/255": ("zero-255", unchanged, full, ()),
    "ground truth 0/255, predictions 0/1": ("zero-255", full, unchanged, ()),
    "some predictions 0/255": ("zero-255", unchanged, every_other, ()),
    "some ground truth 0/255": ("zero-255", every_other, unchanged, ()),
    "255 beside 1 in ground truth": ("one-255", with_255, unchanged, ("--binary",)),
    "255 beside 1 in predictions": ("one-255", unchanged, with_255, ("--binary",)),
    "gray levels in ground truth": ("gray-levels", blurred, unchanged, ("--binary",)),
    "gray levels in predictions": ("gray-levels", unchanged, blurred, ("--binary",)),
    "gray levels and nothing said": ("gray-levels", blurred, full, ()),
    "-1 in ground truth": ("suspected-void", marked(-1, np.int16), unchanged, ()),
    "-1 in predictions": ("suspected-void", unchanged, marked(-1, np.int16), ()),
    "65535 in ground truth": ("suspected-void", marked(65535, np.uint16), unchanged, ()),
    "-9999 under --binary": ("gray-levels", marked(-9999, np.int16), unchanged, ("--binary",)),
}


def found_by_all(folder: Path, pred: Path, gt: Path, kind: str, *options: str) -> Completed:
    """Hold every verb to a finding that blocks; return what `score` says."""
    scored = run_segeval("score", pred, gt, *options)
    assert (scored.code, scored.stdout) == (2, ""), scored.stderr
    inspected = json.loads(run_segeval("inspect", pred, gt, *options, "-f", "json").stdout)
    assert kind in {finding["kind"] for finding in inspected["findings"]}
    assert not inspected["ready"]
    saved = segeval.measure(pred, gt, **keywords(options))
    segeval.save_run(saved, folder / "run.jsonl")
    for verb in ("report", "explain"):
        again = run_segeval(verb, folder / "run.jsonl")
        assert again.code == 2, (verb, again.stdout)
    with pytest.raises(segeval.SegevalError) as refused:
        segeval.score(pred, gt, **keywords(options))
    assert refused.value.kind == kind
    return scored


def keywords(options: tuple[str, ...]) -> dict[str, Any]:
    return {"binary": True} if options else {}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_binary_masks_is_found_by_every_verb(name: str, tmp_path: Path) -> None:
    kind, gt_change, pred_change, options = MISTAKES[name]
    pred, gt = binary_pair(tmp_path, gt_change, pred_change)
    scored = found_by_all(tmp_path, pred, gt, kind, *options)
    named = {place.split("/")[0] for place in re.findall(r"^ +((?:gt|pred)/\S+)$", scored.stderr, re.MULTILINE)}
    assert named == {
        side for side, change in (("gt", gt_change), ("pred", pred_change)) if change is not unchanged
    } or (name == "gray levels and nothing said" and named == {"gt"})


@pytest.mark.parametrize("name", [name for name in MISTAKES if MISTAKES[name][0] != "suspected-void"])
def test_the_fix_followed_literally_gives_what_sound_masks_give(name: str, tmp_path: Path) -> None:
    _, gt_change, pred_change, options = MISTAKES[name]
    pred, gt = binary_pair(tmp_path / "one", gt_change, pred_change)
    told = run_segeval("score", pred, gt, *options).stderr
    fix = re.findall(r"^fix: (.*)$", told, re.MULTILINE)[-1]
    if "-255" in name or "255" in name:
        fix = fix.partition(" or --gt-threshold")[0].partition(" or --pred-threshold")[0].partition(" or --ignore")[0]
    given = re.findall(r"--[a-z-]+(?: [-0-9=,]+\b)?", fix.partition(". Or")[0])
    arguments = [part for option in given for part in option.split()]
    done = segeval_json(pred, gt, *options, *arguments)
    void = any(change in (with_255,) for change in (gt_change, pred_change)) or "9999" in name
    if not void:
        expected = segeval_json(*binary_pair(tmp_path / "two", unchanged, unchanged))
        assert done["scores"]["miou"] == pytest.approx(expected["scores"]["miou"], abs=0.002)
        assert done["classes"][1]["tp"] > 0
    elif gt_change is not unchanged:
        assert done["data"]["void_pixels"] > 0


def segeval_json(pred: Path, gt: Path, *options: str) -> Any:
    done = run_segeval("score", pred, gt, *options, "-f", "json", "-q")
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("value", [-1, -9999, 65535, 2**31 - 1])
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_void_of_any_form_is_found_in_the_street_masks_and_its_fix_is_right(
    side: str, value: int, tmp_path: Path
) -> None:
    change = marked(value, np.int64)
    pred, gt = copies(tmp_path, ("pred", "gt"), **{side: change})
    scored = found_by_all(tmp_path, pred, gt, "suspected-void")
    ignored = re.search(r"--ignore (\S+)", scored.stderr)
    assert ignored is not None
    assert str(value) in ignored[1].split(",")
    expected = copies(tmp_path / "sound", ("pred", "gt"), **{side: marked(255, np.int64)})
    assert segeval_json(pred, gt, "--ignore", ignored[1])["scores"] == segeval_json(*expected)["scores"]
    allowed = segeval_json(pred, gt, "--allow", "suspected-void")
    assert [finding["kind"] for finding in allowed["warnings"] if finding.get("allowed")] == ["suspected-void"]
    assert "allow:suspected-void" in allowed["signature"]


def test_named_classes_and_maps_settle_what_looks_like_void(tmp_path: Path) -> None:
    pred, gt = copies(tmp_path, ("pred", "gt"), gt=marked(-1, np.int64))
    found = segeval_json(pred, gt, "--gt-map", "-1=3")
    assert "suspected-void" not in {finding["kind"] for finding in found["warnings"]}


@pytest.mark.parametrize(
    ("pred", "gt", "options"),
    [
        ("pred", "gt", ()),
        ("pred", "gt", ("--classes", "9")),
        ("binary/probs", "binary/gt", ("--probs",)),
        ("binary/probs", "binary/gt", ("--probs", "--binary")),
        ("binary/gt", "binary/gt", ()),
        ("binary/gt", "binary/gt", ("--preset", "binary")),
    ],
)
def test_sound_masks_raise_nothing(pred: str, gt: str, options: tuple[str, ...]) -> None:
    found = segeval_json(SAMPLES / pred, SAMPLES / gt, *options)
    kinds = {finding["kind"] for finding in found["warnings"]}
    assert not kinds & {"zero-255", "one-255", "gray-levels", "suspected-void", "gray-palette", "scales"}


def test_gray_ground_truth_of_probability_maps_is_found_and_a_threshold_reads_it(tmp_path: Path) -> None:
    _, gt = binary_pair(tmp_path, blurred, unchanged)
    probs = tmp_path / "probs"
    for index, path in enumerate(sorted((SAMPLES / "binary" / "probs").glob("*.png"))):
        with Image.open(path) as image:
            write(probs, np.asarray(image), f"{index}")
    refused = run_segeval("score", probs, gt, "--probs", "--binary")
    assert refused.code == 2
    assert "--gt-threshold 127" in refused.stderr
    found = segeval_json(probs, gt, "--probs", "--gt-threshold", "127")
    expected = segeval_json(SAMPLES / "binary/probs", SAMPLES / "binary/gt", "--probs")
    assert found["scores"]["miou"] == pytest.approx(expected["scores"]["miou"], abs=0.002)
    with pytest.raises(UsageError, match="probability maps"):
        build_request(probs=True, pred_threshold=3)


# What 255 is

ZERO_ONE, ZERO_255, MIXED = {0, 1}, {0, 255}, {0, 1, 255}


def sides(gt: list[set[int]], pred: list[set[int]]) -> tuple[SideFiles, SideFiles]:
    one, other = (
        side_files(set().union(*files), lambda files=files: [(f"{n}", held) for n, held in enumerate(files)])  # type: ignore[misc]
        for files in (gt, pred)
    )
    return one, other


@pytest.mark.parametrize(
    ("gt", "pred", "options", "meant"),
    [
        ([ZERO_255], [ZERO_255], {}, "foreground"),
        ([{0}, {255}], [{0}, {0}], {}, "foreground"),
        ([ZERO_255], [{0}], {}, "foreground"),
        ([{0}], [ZERO_255], {}, "foreground"),
        ([{0}], [{0}], {}, "void"),
        ([ZERO_ONE], [ZERO_255], {}, "doubt"),
        ([ZERO_255], [ZERO_ONE], {}, "doubt"),
        ([ZERO_ONE, ZERO_255], [ZERO_ONE, ZERO_ONE], {}, "doubt"),
        ([MIXED, ZERO_255], [ZERO_ONE, ZERO_ONE], {}, "void"),
        ([MIXED], [ZERO_255], {}, "doubt"),
        ([ZERO_ONE], [ZERO_255], {"ignore": 255}, "void"),
        ([ZERO_ONE], [ZERO_255], {"pred_map": "255=1"}, "void"),
        ([ZERO_ONE], [ZERO_255], {"preset": "camvid-11"}, "void"),
        ([ZERO_ONE], [ZERO_255], {"classes": 2}, "doubt"),
        ([ZERO_255], [ZERO_255], {"classes": 2}, "doubt"),
        ([ZERO_ONE, ZERO_255], [ZERO_ONE, ZERO_ONE], {"classes": 2}, "void"),
        ([ZERO_ONE], [ZERO_255], {"classes": 256}, "void"),
    ],
)
def test_what_255_is_rests_on_the_files_of_both_sides(
    gt: list[set[int]], pred: list[set[int]], options: dict[str, Any], meant: str
) -> None:
    protocol = build_request(**options).protocol
    found = sides(gt, pred)
    doubt = doubt_of(protocol, *found, None) is not None
    assert ("doubt" if doubt else "foreground" if is_binary(protocol, *found, None) else "void") == meant


# Thresholds


def test_thresholds_imply_binary_and_stand_in_signature_and_run() -> None:
    protocol = build_request(gt_threshold=127, pred_threshold=0).protocol
    assert (protocol.binary, protocol.gt_threshold, protocol.pred_threshold) == (True, 127, 0)
    assert Run(protocol, ()).resolve().labeling.gt.index(128) == 1
    line = segeval.score(BINARY, BINARY, gt_threshold=127, pred_threshold=0).signature
    assert "gt-threshold:127|pred-threshold:0" in str(line)
    assert Signature.parse(str(line)).protocol() == protocol
    assert "threshold" not in str(segeval.score(BINARY, BINARY, binary=True).signature)


def test_ignored_values_are_taken_out_before_the_threshold() -> None:
    lookup = Run(build_request(gt_threshold=0, ignore=255).protocol, ()).resolve().labeling.gt
    assert [lookup.index(value) for value in (-5, 0, 1, 254, 255, 300)] == [0, 0, 1, 1, -1, 1]


@pytest.mark.parametrize("name", ["map", "gt_map", "pred_map"])
@pytest.mark.parametrize("level", ["gt_threshold", "pred_threshold"])
def test_a_map_beside_a_threshold_is_refused(name: str, level: str) -> None:
    with pytest.raises(UsageError, match="a map has nothing left"):
        build_request(**{name: "1=2", level: 0})  # type: ignore[arg-type]
    done = run_segeval(
        "score", BINARY, BINARY, f"--{name.replace('_', '-')}", "1=2", f"--{level.replace('_', '-')}", "0"
    )
    assert done.code == 2


def test_a_level_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number"):
        build_request(gt_threshold=0.5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="binary"):
        Protocol(gt_threshold=3)


# JPEG


def jpeg(mask: Mask, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.fromarray(mask).save(data, "JPEG", **options)
    return data.getvalue()


GRADIENT = np.linspace(0, 255, 48 * 40).reshape(40, 48).astype(np.uint8)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30}, {"optimize": True}])
@pytest.mark.parametrize("channels", [1, 3])
def test_gray_jpeg_gives_the_levels_that_pillow_gives(options: dict[str, Any], channels: int) -> None:
    data = jpeg(GRADIENT if channels == 1 else np.stack([GRADIENT] * 3, axis=-1), **options)
    found, facts = read_mask(data, name="a.jpg", jpeg=True)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(found, np.asarray(image.convert("L")))
    assert facts is not None
    assert (facts.width, facts.height) == (48, 40)


def test_jpeg_of_colours_and_damaged_jpeg_are_refused() -> None:
    colors = np.zeros((40, 48, 3), np.uint8)
    colors[..., 0] = GRADIENT
    with pytest.raises(MaskError, match="colours"):
        read_mask(jpeg(colors), name="a.jpg", jpeg=True)
    whole = jpeg(GRADIENT)
    for length in range(3, len(whole) - 2, 7):
        with pytest.raises(MaskError):
            read_mask(whole[:length], name="a.jpg", jpeg=True)
    with pytest.raises(MaskError, match="more pixels"):
        read_mask(whole, name="a.jpg", jpeg=True, max_pixels=10)


def test_jpeg_without_a_threshold_of_its_side_is_refused() -> None:
    for read in (read_mask, describe):
        with pytest.raises(MaskError) as refused:
            read(jpeg(GRADIENT), name="a.jpg")
        assert refused.value.kind == "jpeg"


# Gray palettes


def palette_folders(root: Path, palette: list[int], labels: Mask) -> tuple[Path, Path]:
    for side in ("pred", "gt"):
        (root / side).mkdir(parents=True)
    image = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
    image.putpalette([channel for gray in palette for channel in (gray, gray, gray)])
    image.save(root / "gt" / "a.png")
    Image.fromarray(np.array(palette, np.uint8)[labels]).save(root / "pred" / "a.png")
    return root / "pred", root / "gt"


LABELS = np.array([[0, 0, 1, 1], [2, 2, 2, 0]], np.uint8)


def test_gray_palettes_with_two_readings_are_refused_until_a_palette_is_given(tmp_path: Path) -> None:
    pred, gt = palette_folders(tmp_path, [0, 2, 1], LABELS)
    found_by_all(tmp_path, pred, gt, "gray-palette")
    (tmp_path / "palette.txt").write_text("0 0 0 0\n1 1 1 1\n2 2 2 2\n")
    assert segeval_json(pred, gt, "--palette", str(tmp_path / "palette.txt"))["scores"]["miou"] == 1
    assert segeval_json(pred, gt, "--allow", "gray-palette")["scores"]["miou"] < 1
    assert run_segeval("score", pred, gt, "--classes", "3").code == 2
    assert run_segeval("score", pred, gt, "--classes", "2", "--gt-map", "2=1", "--pred-map", "2=1").code == 0


@pytest.mark.parametrize("palette", [[0, 1, 2], [0, 85, 170]])
def test_gray_palettes_with_one_reading_are_read(palette: list[int], tmp_path: Path) -> None:
    pred, gt = palette_folders(tmp_path, palette, LABELS)
    Image.fromarray(LABELS).save(pred / "a.png")
    assert segeval_json(pred, gt)["scores"]["miou"] == 1


def test_under_binary_both_readings_are_one(tmp_path: Path) -> None:
    pred, gt = palette_folders(tmp_path, [0, 255], np.minimum(LABELS, 1))
    assert segeval_json(pred, gt, "--binary")["scores"]["miou"] == 1


# The cases of public reports


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize(
    ("folder", "pred", "gt", "wrong", "fix", "right"),
    [
        ("B01-gt01-pred0255", "pred", "gt", "", "--binary", 0.8252663162301717),
        ("B09-negative-void", "pred_tif", "gt_nodata", "", "--ignore -9999", 0.8272570297206497),
        ("B09-negative-void", "pred", "gt_minus1", "", "--ignore -1", 0.8272570297206497),
        ("B10-grey-binary-gt", "pred", "gt", "--binary", "--gt-threshold 127", 0.865446931389074),
        ("B10-grey-binary-gt", "pred", "gt", "", "--gt-threshold 127", 0.865446931389074),
        ("B10c-jpeg-gt", "pred", "gt", "", "--gt-threshold 127", 0.865446931389074),
    ],
)
def test_the_fix_gives_the_right_value(folder: str, pred: str, gt: str, wrong: str, fix: str, right: float) -> None:
    folders = CASES / folder / pred, CASES / folder / gt
    refused = run_segeval("score", *folders, *wrong.split())
    assert (refused.code, refused.stdout) == (2, "")
    assert fix in refused.stderr
    assert segeval_json(*folders, *wrong.split(), *fix.split())["scores"]["miou"] == pytest.approx(right, abs=1e-15)


# More classes than memory


def test_too_many_classes_are_refused_with_their_memory(tmp_path: Path) -> None:
    values = np.arange(334, dtype=np.uint16).reshape(2, 167) * 190
    for side in ("pred", "gt"):
        write(tmp_path / side, values, "a")
    refused = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--classes", "65536")
    assert refused.code == 2
    assert "32,768 MiB" in refused.stderr
    assert "leave --classes out" in refused.stderr
    assert segeval_json(tmp_path / "pred", tmp_path / "gt")["classes_in_mean"] == 334
