"""Scores along contours: what their authors' programs say, what void does, and what a saved run can still tell."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.contours.counts import ContourCounts, contour_counts
from segeval.contours.regions import Regions, regions
from segeval.errors import RunFileError, SegevalError, UsageError
from segeval.protocol.protocol import Protocol, resolve
from segeval.protocol.signature import Signature
from segeval.protocol.widths import Width, parse_widths, write_widths
from segeval.report.report import Report
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.unions import union
from tests.support.commandline import run_segeval
from tests.test_schemas import VALIDATORS, lines_of

Mask = NDArray[np.integer[Any]]
ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_masks"
AUTHORS_SAY = ROOT.parent / "shared" / "contours"
NAMES = ("boundary_iou", "trimap_iou", "bf", "davis_f")
NAMED: dict[str, Width] = {"bf@0.0075": "authors", "bf@2px": 2, "davis_f@0.008": "authors", "davis_f@2px": 2}
"""What the authors' numbers are called, and at which width they are."""
VOID = 255


def coded(gt: Mask, pred: Mask) -> Regions:
    """Take every value but 255 as a class."""

    def class_of(value: int) -> int | None:
        return None if value == VOID else value

    values = np.unique(gt).tolist(), np.unique(pred).tolist()
    return regions(gt, pred, values=values, class_of=(class_of, class_of))


def counted(gt: Mask, pred: Mask, *widths: Width) -> ContourCounts:
    return contour_counts(coded(gt, pred), widths or (1,))


def folders(tmp_path: Path, *pairs: tuple[Any, Any], kind: type[Any] = np.uint8) -> tuple[str, str]:
    """Save pairs of (ground truth, prediction); return the folders of predictions and of ground truth."""
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir(parents=True, exist_ok=True)
    for index, (gt, pred) in enumerate(pairs):
        Image.fromarray(np.array(gt, kind)).save(tmp_path / "gt" / f"{index}.png")
        if pred is not None:
            Image.fromarray(np.array(pred, kind)).save(tmp_path / "pred" / f"{index}.png")
    return str(tmp_path / "pred"), str(tmp_path / "gt")


def blobs(seed: int, shape: tuple[int, int] = (40, 60), classes: int = 4, void: bool = True) -> tuple[Mask, Mask]:
    """Draw regions of a few pixels, and a prediction whose borders are a little elsewhere."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (shape[0] // 4 + 1, shape[1] // 4 + 1)).astype(np.uint8)
    gt = coarse.repeat(4, 0).repeat(4, 1)[: shape[0], : shape[1]]
    pred = np.roll(gt, tuple(rng.integers(-2, 3, 2)), (0, 1))
    if void:
        gt = np.where(rng.random(shape) < 0.03, VOID, gt).astype(np.uint8)
        gt[-shape[0] // 8 :, : shape[1] // 2] = VOID
    return gt, pred


# By brute force, one class, one pixel and one distance at a time


def naive(gt: Mask, pred: Mask, class_id: int, width: int) -> dict[str, list[int]]:
    """Count what `ContourCounts` keeps of one class at a width in pixels, from the words of the definitions alone."""
    height, wide = gt.shape
    places = list(np.ndindex(height, wide))
    valid = {place for place in places if gt[place] != VOID}

    def other(mask: Mask, here: tuple[int, int], there: tuple[int, int]) -> bool:
        return there in valid and mask[there] != mask[here]

    def chessboard(mask: Mask, here: tuple[int, int], frame: bool) -> float:
        distances = [max(abs(here[0] - y), abs(here[1] - x)) for y, x in places if other(mask, here, (y, x))]
        if frame:
            distances.append(min(here[0] + 1, here[1] + 1, height - here[0], wide - here[1]))
        return min(distances, default=math.inf)

    gt_class, pred_class = ({place for place in valid if mask[place] == class_id} for mask in (gt, pred))
    own = [
        {place for place in side if chessboard(mask, place, frame=True) <= width}
        for mask, side in ((gt, gt_class), (pred, pred_class))
    ]
    near = {place for place in valid if chessboard(gt, place, frame=False) <= width}
    trimap = [gt_class & near, pred_class & near]

    def border(mask: Mask, side: set[tuple[int, int]]) -> list[tuple[int, int]]:
        found = []
        for y, x in side:
            around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            outside = any(not (0 <= i < height and 0 <= j < wide) for i, j in around)
            if outside or any(other(mask, (y, x), place) for place in around):
                found.append((y, x))
        return found

    borders = [border(gt, gt_class), border(pred, pred_class)]
    matched = [
        sum(any(math.dist(one, two) < width for two in theirs) for one in mine)
        for mine, theirs in (borders, borders[::-1])
    ]
    return {
        "bands": [len(own[0]), len(own[1]), len(own[0] & own[1])],
        "trimaps": [len(trimap[0]), len(trimap[1]), len(trimap[0] & trimap[1])],
        "borders": [len(borders[0]), len(borders[1])],
        "matched": matched,
    }


@st.composite
def small_masks(draw: st.DrawFn) -> tuple[Mask, Mask]:
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))

    def mask(values: list[int]) -> Mask:
        size = height * width
        flat = draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))
        return np.array(flat, np.uint8).reshape(height, width)

    return mask([0, 1, 2, VOID]), mask([0, 1, 2, 7, VOID])


@given(small_masks(), st.integers(1, 4))
def test_counts_are_those_of_the_definitions(pair: tuple[Mask, Mask], width: int) -> None:
    gt, pred = pair
    found = counted(gt, pred, width)
    for place, class_id in enumerate(found.ids.tolist()):
        expected = naive(gt, pred, class_id, width)
        assert found.bands[place, 0].tolist() == expected["bands"]
        assert found.trimaps[place, 0].tolist() == expected["trimaps"]
        assert found.borders[place, :2].tolist() == expected["borders"]
        assert found.matched[place, 0].tolist() == expected["matched"]


@given(small_masks())
def test_several_widths_are_what_each_is_alone(pair: tuple[Mask, Mask]) -> None:
    widths: list[Width] = [3, 1, "authors", 0.3, 2]
    whole = counted(*pair, *widths)
    for place, width in enumerate(widths):
        assert whole.at_widths([place]) == counted(*pair, width)


# What a change of the picture must change, and what not


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose], ids=["mirror", "upside down", "transposed"])
def test_a_picture_turned_over_scores_the_same(seed: int, turn: Any) -> None:
    gt, pred = blobs(seed)
    before, after = counted(gt, pred, 1, 3, 0.02), counted(turn(gt), turn(pred), 1, 3, 0.02)
    for name in ("ids", "bands", "trimaps", "borders", "matched"):
        assert np.array_equal(getattr(before, name), getattr(after, name))


def test_daviss_border_is_that_of_a_transposed_picture_but_not_of_a_mirrored_one() -> None:
    # It lies half a pixel up and left, as in the authors' seg2bmap.
    gt, pred = blobs(1, void=False)
    before, after = counted(gt, pred, 2), counted(gt.T, pred.T, 2)
    assert np.array_equal(before.corners, after.corners)
    assert np.array_equal(before.corners_matched, after.corners_matched)
    dot = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert counted(dot, dot, 1).corners[1].tolist() == [4, 4]
    corner = np.array([[1, 0], [0, 0]])
    assert counted(corner, corner, 1).corners[1].tolist() == [1, 1]
    assert counted(corner[::-1], corner[::-1], 1).corners[1].tolist() == [2, 2]


def test_other_ids_of_the_same_classes_count_the_same() -> None:
    gt, pred = blobs(3)
    order = np.array([2, 0, 3, 1, *range(4, 256)], np.uint8)
    before, after = counted(gt, pred, 2), counted(order[gt], order[pred], 2)
    for name in ("bands", "trimaps", "borders", "matched", "corners", "corners_matched"):
        assert np.array_equal(getattr(before, name), getattr(after, name)[[2, 0, 3, 1]])


def test_wide_values_and_other_types_count_the_same() -> None:
    gt, pred = blobs(5)
    before = counted(gt, pred, 2)
    assert counted(gt.astype(np.int32), pred.astype(np.uint16), 2) == before
    far = counted(gt.astype(np.int64) * 10**12, np.asfortranarray(pred.astype(np.int64) * 10**12), 2)
    assert far.ids[:4].tolist() == [0, 10**12, 2 * 10**12, 3 * 10**12]


def test_more_classes_than_a_byte_holds() -> None:
    gt = np.arange(600, dtype=np.uint16).reshape(20, 30)
    found = contour_counts(regions(gt, gt, values=(range(600), range(600)), class_of=(int, int)), [1])
    assert found.bands[:, 0].tolist() == [[1, 1, 1]] * 600
    assert found.borders[:, :2].tolist() == [[1, 1]] * 600


# Void


def test_void_is_on_neither_side_of_a_border() -> None:
    gt = np.array([[1, 1, 1, VOID, 2, 2, 2]] * 3)
    found = counted(gt, np.where(gt == VOID, 1, gt), 1)
    # Beyond the image is outside, so the middle row alone is free of borders, and void makes none in it.
    assert found.borders[0, 0] == 9 - 2
    assert found.bands[0, 0].tolist() == [7, 7, 7]
    assert counted(gt, np.where(gt == VOID, 1, gt), 2).trimaps[:, 0, 0].tolist() == [3, 3]


def test_a_void_prediction_on_valid_ground_truth_is_a_region_of_no_class() -> None:
    gt = np.ones((5, 5), np.uint8)
    pred = gt.copy()
    pred[2, 2] = VOID
    found = counted(gt, pred, 1)
    assert found.ids.tolist() == [1]
    assert found.borders[0, :2].tolist() == [16, 20]


def test_void_around_an_object_takes_its_border_and_is_told(tmp_path: Path) -> None:
    gt = np.zeros((12, 12))
    gt[2:10, 2:10] = VOID
    gt[4:8, 4:8] = 1
    pred = np.zeros((12, 12))
    pred[4:8, 4:8] = 1
    report = segeval.score(*folders(tmp_path, (gt, pred)), boundary="authors")
    assert [finding.kind for finding in report.warnings] == ["void-border"]
    assert report.boundary is not None
    assert report.boundary.class_images[1].void_border == 1
    assert report.classes[1].contours["bf"] is None
    assert report.boundary.class_images[1].lost_share == 1
    assert report.boundary.class_images[0].void_border == 0
    # DAVIS's program takes void out of both masks first.
    assert report.classes[1].contours["davis_f"] == 1


def test_a_saved_run_with_an_image_that_is_void_throughout_is_reported_at_any_of_its_widths(tmp_path: Path) -> None:
    """Its row has no class, and so does not say at how many widths contours were counted."""
    void = np.full((6, 6), VOID)
    given = folders(tmp_path, blobs(1), (void, np.zeros((6, 6))))
    run = segeval.measure(*given, boundary="authors,2")
    data = run_to_bytes(run, packed=False)
    for asked in ("2", "authors", "2,authors"):
        found = segeval.rescore(run_from_bytes(data, name="x"), boundary=asked).to_dict()
        assert found == segeval.rescore(run, boundary=asked).to_dict()
        assert found["boundary"]["class_images"]


# What the authors' own programs say (../shared/contours tells which)


@pytest.fixture(scope="module")
def authors() -> Any:
    if not AUTHORS_SAY.exists():
        pytest.skip("the authors' numbers are not here")
    return json.loads((AUTHORS_SAY / "golden.json").read_text(encoding="utf-8"))["planes"]


def test_every_number_of_the_authors_comes_from_the_command_line(authors: Any, tmp_path: Path) -> None:
    widths = ["authors", 1, 2, 3, 5, 8, 13, 20]
    saved = tmp_path / "run.jsonl"
    asked = ("--classes", "4", "--ignore", "none", "--boundary", ",".join(map(str, widths)), "--save", str(saved))
    assert run_segeval("score", str(AUTHORS_SAY / "pred"), str(AUTHORS_SAY / "gt"), *asked, "-q").code == 0
    compared = 0
    for entry in authors:
        at: dict[Width, Any] = {}
        for one in ("authors", 2):
            at[one] = segeval.rescore(saved, keys=entry["key"], boundary=one).classes
        run = segeval.rescore(saved, keys=entry["key"]).boundary
        assert run is not None
        for class_id, says in entry["classes"].items():
            of_class = [one.classes[int(class_id)]["boundary_iou"] for one in run.at]
            for place, name in enumerate(["default 0.02", *map(str, widths[1:])]):
                hits, union_of = says["boundary_iou"][name]
                assert of_class[place] == (hits / union_of if union_of else None)
            for name, width in NAMED.items():
                found = at[width][int(class_id)].contours[name.partition("@")[0]]
                if name.startswith("davis") and says["pixels"] == [0, 0] and found is None:
                    continue  # a class that no image has is no object, about which the program is not asked
                expected = None if says[name] == "nan" else says[name]
                assert found == (None if expected is None else pytest.approx(expected, rel=1e-12))
                compared += 1
    assert compared > 500


# The data set


def report_of(tmp_path: Path, **options: Any) -> Report:
    pairs = [blobs(seed) for seed in range(5)]
    return segeval.score(*folders(tmp_path, *pairs), classes=5, boundary="authors,2", **options)


def test_boundary_iou_pools_pixels_and_bf_averages_images(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    parts = [counted(*blobs(seed), "authors") for seed in range(5)]
    gt, pred, both = sum(part.bands[1, 0] for part in parts).tolist()
    assert report.classes[1].contours["boundary_iou"] == both / (gt + pred - both)

    def f(part: ContourCounts, class_id: int) -> float:
        recall, precision = part.matched[class_id, 0] / part.borders[class_id, :2]
        return float(2 * recall * precision / (recall + precision))

    of_images = [[f(part, class_id) for class_id in range(4)] for part in parts]
    assert report.classes[1].contours["bf"] == pytest.approx(np.mean(of_images, axis=0)[1])
    assert report.scores["bf"] == pytest.approx(np.mean(of_images))
    means = [entry.contours["boundary_iou"] for entry in report.classes[:4]]
    assert report.scores["boundary_iou"] == pytest.approx(np.mean([value for value in means if value is not None]))
    # Class 4 is nowhere, and a mean leaves it out.
    assert set(report.classes[4].contours.values()) == {None}


def test_a_perfect_prediction_scores_one_and_none_scores_nothing(tmp_path: Path) -> None:
    gt, _ = blobs(0, void=False)
    perfect = segeval.score(*folders(tmp_path / "same", (gt, gt)), boundary=3)
    assert {perfect.scores[name] for name in NAMES} == {1.0}
    missing = segeval.score(*folders(tmp_path / "gone", (gt, None), (gt, gt)), boundary=3, missing="miss")
    assert missing.scores["boundary_iou"] == missing.scores["bf"] == 0.5


def test_means_run_over_the_classes_asked_for(tmp_path: Path) -> None:
    report = report_of(tmp_path, mean_over="1,2")
    chosen = [report.classes[place].contours["boundary_iou"] for place in (1, 2)]
    assert report.scores["boundary_iou"] == pytest.approx(np.mean([value for value in chosen if value is not None]))


def test_intervals_hold_the_scores_and_images_add_up_to_them(tmp_path: Path) -> None:
    report = report_of(tmp_path, ci=95, per_image=True)
    for name in NAMES:
        interval, value = report.interval(name), report.scores[name]
        assert interval is not None
        assert value is not None
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low <= value <= interval.high
        assert interval.low < interval.high
    images = report.details.images
    assert images is not None
    of_images = [np.mean([one for one in image.losses["bf"] if one is not None]) for image in images]
    assert report.scores["bf"] == pytest.approx(np.mean(of_images))


def test_gates_only_and_csv_know_the_scores(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(3)])
    asked = ("score", pred, gt, "-q", "--boundary", "2")
    assert run_segeval(*asked, "--fail-under", "boundary_iou=0.999").code == 1
    assert run_segeval(*asked, "--fail-under", "bf.2=0.01").code == 0
    assert 0 < float(run_segeval(*asked, "--only", "boundary IoU").stdout) < 1
    head = run_segeval(*asked, "-f", "csv").stdout.splitlines()[0]
    assert head.endswith("gt_share,boundary_iou,trimap_iou,bf,davis_f")
    without = run_segeval("score", pred, gt, "-q", "--only", "bf")
    assert without.code == 2
    assert "--boundary" in without.stderr


def test_nothing_is_said_of_contours_where_nobody_asks(tmp_path: Path) -> None:
    plain = segeval.score(*folders(tmp_path, blobs(0))).to_dict()
    assert "boundary" not in plain
    assert "boundary" not in plain["protocol"]
    assert "boundary" not in plain["signature"]
    assert not set(NAMES) & {*plain["scores"], *plain["classes"][0]}


def test_reports_and_runs_are_of_their_schemas(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(3)], (blobs(0)[0], None))
    report = segeval.score(pred, gt, boundary="authors,3,0.1", missing="miss").to_dict()
    run = segeval.measure(pred, gt, boundary="authors,3,0.1", missing="miss")
    VALIDATORS["report"].validate(json.loads(json.dumps(report)))
    for line in lines_of(run):
        VALIDATORS["run"].validate(line)


# Saved runs


def test_a_saved_run_tells_every_kept_width_and_subset_without_images(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(4)])
    run = run_from_bytes(run_to_bytes(segeval.measure(pred, gt, boundary="authors,1,5,0.1"), packed=False), name="run")
    for width in ("authors", "1", "5", "10%", "5,1"):
        alone = segeval.score(pred, gt, boundary=width).to_dict()
        assert segeval.rescore(run, boundary=width).to_dict() == alone
    some = segeval.rescore(run, keys="[12]", boundary=5).to_dict()
    for key in ("0", "3"):
        for folder in (pred, gt):
            Path(folder, f"{key}.png").unlink()
    part = segeval.score(pred, gt, boundary=5).to_dict()
    assert {name: some[name] for name in ("scores", "classes", "boundary")} == {
        name: part[name] for name in ("scores", "classes", "boundary")
    }


def test_an_image_without_prediction_is_saved_and_read(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, blobs(0), (blobs(1)[0], None))
    run = segeval.measure(pred, gt, boundary=2, missing="miss")
    assert run.rows[1].contours is not None
    assert run.rows[1].contours.ids.tolist() == [0, 1, 2, 3]
    assert run_from_bytes(run_to_bytes(run, packed=False), name="run") == run


def test_shards_unite_to_the_bytes_of_the_whole(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(6)])
    for index in (1, 2, 3):
        part = ("--shard", f"{index}/3", "--save", str(tmp_path / f"{index}.jsonl"))
        assert run_segeval("score", pred, gt, "-q", "--boundary", "authors,3", *part).code == 0
    whole = segeval.measure(pred, gt, boundary="authors,3")
    parts = [segeval.combine(tmp_path / f"{index}.jsonl") for index in (3, 1, 2)]
    united = union([(f"part {index}", part) for index, part in enumerate(parts)])
    assert run_to_bytes(united, packed=False) == run_to_bytes(whole, packed=False)


def test_an_interrupted_run_takes_up_its_contours(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(3)])
    saved = tmp_path / "run.jsonl"
    asked = ("score", pred, gt, "-q", "--boundary", "2", "--save", str(saved))
    assert run_segeval(*asked).code == 0
    before = saved.read_bytes()
    assert run_segeval(*asked, "--resume").code == 0
    assert saved.read_bytes() == before
    Path(pred, "1.png").write_bytes(b"no image")
    saved.unlink()
    assert run_segeval(*asked).code == 2
    Image.fromarray(blobs(1)[1]).save(Path(pred, "1.png"))
    assert run_segeval(*asked, "--resume").code == 0
    assert saved.read_bytes() == before


@pytest.mark.parametrize("changed", [{"classes": 3}, {"classes": ["a", "b", "c", "d"]}, {"mean_over": "0"}])
def test_names_and_subsets_are_free_afterwards(changed: dict[str, Any], tmp_path: Path) -> None:
    run = segeval.measure(*folders(tmp_path, blobs(0)), boundary=2)
    dropped = {"unknown": "miss", "gt_unknown": "drop"}
    whole, after = (segeval.rescore(run, **options) for options in ({}, {**changed, **dropped}))
    for before, found in zip(whole.classes, after.classes, strict=False):
        assert before.contours == found.contours


@pytest.mark.parametrize(
    "changed", [{"map": "1=0"}, {"gt_map": "1=2"}, {"ignore": "none"}, {"binary": True}], ids=lambda one: str(one)
)
def test_a_merge_or_a_remap_is_refused_with_the_reason(changed: dict[str, Any], tmp_path: Path) -> None:
    run = segeval.measure(*folders(tmp_path, blobs(0)), boundary=2)
    with pytest.raises(RunFileError, match="merged or renamed values have other borders") as raised:
        segeval.rescore(run, **changed)
    assert raised.value.where
    assert "again" in raised.value.fix


def test_widths_that_were_not_kept_are_refused(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, blobs(0))
    with pytest.raises(RunFileError, match="does not keep contours at some of the widths") as raised:
        segeval.rescore(segeval.measure(pred, gt, boundary="2,authors"), boundary="2,7")
    assert raised.value.where == ("kept 2,authors; asked for 7",)
    with pytest.raises(RunFileError, match="keeps no contours"):
        segeval.rescore(segeval.measure(pred, gt), boundary="2")


def test_a_damaged_run_is_told_from_a_sound_one(tmp_path: Path) -> None:
    data = run_to_bytes(segeval.measure(*folders(tmp_path, blobs(0)), boundary=2), packed=False)
    head, row, *_ = data.splitlines(keepends=True)
    contours = json.loads(row)["contours"]
    changes: list[Any] = [
        None,
        [],
        contours[:-1],
        [contours[0][::-1], *contours[1:]],
        [*contours[:1], [], *contours[2:]],
    ]
    negative = json.loads(json.dumps(contours))
    negative[1][0][0][0] = -1
    more_hits = json.loads(json.dumps(contours))
    more_hits[1][0][0][2] += 1000
    matched = json.loads(json.dumps(contours))
    matched[4][0][0][0] += 1000
    other_widths = json.loads(json.dumps(contours))
    for name in (1, 2, 4, 6):
        other_widths[name] = [[*of_class, *of_class] for of_class in other_widths[name]]
    for change in (*changes, negative, more_hits, matched, other_widths):
        line = json.dumps({**json.loads(row), "contours": change}, separators=(",", ":")).encode() + b"\n"
        with pytest.raises(RunFileError, match="damaged"):
            run_from_bytes(head + line, name="run")
    without = json.dumps({name: one for name, one in json.loads(row).items() if name != "contours"}).encode() + b"\n"
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(head + without.replace(b" ", b""), name="run")


# Options


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1001", "100%", "0%", "x", "3,", "nan", "2px", "inf"])
def test_a_width_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_widths(text)
    assert "0.02" in raised.value.fix


def test_too_many_widths_are_refused() -> None:
    with pytest.raises(UsageError, match="65 widths"):
        parse_widths(",".join(map(str, range(1, 66))))


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("authors", ("authors",)),
        ("authors, 3,2%", ("authors", 3, 0.02)),
        (3, (3,)),
        (0.02, (0.02,)),
        ([3, "authors", 3, 0.5], (3, "authors", 0.5)),
        ("3.0", (3,)),
    ],
)
def test_widths_are_read_and_signatures_give_them_back(text: Any, widths: tuple[Width, ...]) -> None:
    assert parse_widths(text) == widths
    assert parse_widths(write_widths(widths)) == widths
    from segeval.protocol.signature import signature

    protocol = Protocol(boundary=widths)
    line = signature(resolve(protocol, gt_values=(), pred_values=()), protocol)
    assert "void:no-border" in line.short()
    assert Signature.parse(line.short()).protocol().boundary == widths


def test_probability_maps_have_no_contours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--boundary need label masks"):
        segeval.score(tmp_path, tmp_path, probs=True, boundary="authors")


def test_0_and_255_ask_for_binary_and_that_helps(tmp_path: Path) -> None:
    square = np.zeros((20, 20))
    square[5:15, 5:15] = 255
    pred, gt = folders(tmp_path, (square, np.roll(square, 1, 1)))
    with pytest.raises(SegevalError, match="before it was known") as raised:
        segeval.score(pred, gt, boundary=2)
    assert "--binary" in raised.value.fix
    report = segeval.score(pred, gt, boundary=2, binary=True)
    assert report.scores["bf"] == 1
    assert report.classes[1].contours["boundary_iou"] == 48 / 80  # rings of 64 pixels


def test_verify_reads_the_signature_of_contours(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(3)])
    report = segeval.score(pred, gt, boundary=3)
    claim = f"boundary_iou={report.scores['boundary_iou']:.4f}"
    assert segeval.verify(report.signature.short(), claim, pred, gt).holds()


def test_runs_with_contours_compare(tmp_path: Path) -> None:
    pairs = [blobs(seed) for seed in range(4)]
    base = segeval.measure(*folders(tmp_path / "base", *pairs), boundary=2)
    better = segeval.measure(
        *folders(tmp_path / "new", *[(gt, np.where(gt == VOID, 0, gt)) for gt, _ in pairs]), boundary=2
    )
    differences = segeval.compare(base, better).runs[0].differences
    for name in NAMES:
        change = differences[name]
        assert change.new == 1
        assert change.p is not None
        assert change.interval.low is not None
        assert change.interval.low > 0
