"""Lesion-wise scores: what the programs that define them say, cases by hand, void, saved runs, the command line."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval.contours import lesions as module
from segeval.contours.lesions import lesion_counts
from segeval.contours.regions import predicted_codes, regions
from segeval.errors import RunFileError, SegevalError, UsageError
from segeval.protocol.lesions import MEASURES, Lesions, parse_overlap, read_lesions
from segeval.protocol.protocol import Protocol, resolve
from segeval.protocol.signature import Signature, signature
from segeval.runs.file import run_from_bytes, run_to_bytes
from tests.originals import GOLDEN
from tests.originals.shapes import Shapes, digest_of, spots
from tests.support.commandline import run_segeval
from tests.test_boundaries import VOID, blobs, folders
from tests.test_schemas import VALIDATORS, lines_of

pytest.importorskip("scipy")


def counted(gt: Any, pred: Any, chosen: Lesions, spacing: tuple[float, ...] | None = None) -> Any:
    """Return counts and values of class 1, and of nothing where no side has it."""
    gt, pred = np.asarray(gt, np.uint8), np.asarray(pred, np.uint8)

    def class_of(value: int) -> int | None:
        return None if value == VOID else value

    values = np.unique(gt).tolist(), np.unique(pred).tolist()
    of = regions(gt, pred, values=values, class_of=(class_of, class_of))
    found = lesion_counts(of, predicted_codes(of, pred, values[1], class_of), chosen, spacing or (1.0,) * gt.ndim)
    if 1 not in found.ids:
        return [0, 0, 0], [1.0, 0.0]
    at = found.ids.tolist().index(1)
    return found.counts[at].tolist(), found.values[at].tolist()


def detected(gt: Any, pred: Any, overlap: str = "iou=0.5", connectivity: int | None = None) -> Any:
    return counted(gt, pred, Lesions("detection", connectivity, parse_overlap(overlap)))[0]


# What the programs say


@cache
def told(name: str) -> list[tuple[Shapes, dict[str, Any]]]:
    found = json.loads((GOLDEN / "lesions" / f"{name}.json").read_text(encoding="utf-8"))
    sets = [(spots(entry["seed"], int(entry["inputs"][0])), entry["scores"]) for entry in found["sets"]]
    assert digest_of(shape for shape, _ in sets) == found["digest"]
    return sets


@pytest.mark.parametrize("challenge", ["gli", "men", "met"])
def test_lesion_wise_scores_are_those_of_brats_2023(challenge: str) -> None:
    chosen, scored = Lesions(f"brats2023-{challenge}"), 0
    for entry, says in told("brats2023"):
        expected = says[f"BraTS-{challenge.upper()}"]
        counts, (dice, hd95) = counted(entry.gt, entry.pred, chosen, entry.spacing)
        assert counts == [expected["tp"], expected["fp"], expected["fn"]]
        assert (dice, hd95) == pytest.approx((expected["dice"], expected["hd95"]), rel=1e-9)
        scored += 0 < dice < 1
    assert scored > 40


def test_challenges_that_share_their_numbers_share_their_scores() -> None:
    entry = spots(1, 3)
    assert len({str(counted(entry.gt, entry.pred, Lesions(f"brats2023-{one}"))) for one in ("gli", "ssa", "ped")}) == 1


def test_detections_are_those_of_stardist() -> None:
    compared = 0
    for entry, says in told("detection"):
        for asked, expected in says.items():
            rank, overlap = asked.split(",")
            connectivity = None if int(rank) > 1 else 4 if entry.gt.ndim == 2 else 6
            assert detected(entry.gt, entry.pred, overlap, connectivity) == expected
            compared += expected[0] > 0 and expected[1] > 0
    assert compared > 100


# By hand

GT = [
    [1, 1, 0, 0, 0, 0, 1],
    [1, 1, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 1, 1],
]
PRED = [
    [1, 1, 0, 0, 1, 0, 0],
    [1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 1, 1],
]


def test_lesions_found_false_and_missed_by_hand() -> None:
    # By corners the four pixels and the one below are a lesion of 5, of which 3 are found; two pixels are found whole.
    assert detected(GT, PRED) == [2, 1, 1]
    # By sides alone the one below is a lesion that is missed.
    assert detected(GT, PRED, connectivity=4) == [2, 1, 2]
    # 3 of 5 in common: IoU 0.6, Dice 0.75.
    assert [detected(GT, PRED, f"iou={least}")[0] for least in (0.6, 0.61)] == [2, 1]
    assert [detected(GT, PRED, f"dice={least}")[0] for least in (0.75, 0.76)] == [2, 1]


def test_a_lesion_is_matched_once_and_as_many_as_possible_are() -> None:
    # Two halves of one lesion: each overlaps by half, and one of them is false.
    assert detected([[1, 1]], [[1, 1]]) == [1, 0, 0]
    assert detected([[1, 1, 1, 1, 1]], [[1, 1, 0, 1, 1]], "iou=0.4") == [1, 1, 0]
    # A long prediction over two lesions could take either; the short one needs the second.
    gt, pred = [[1, 1, 0, 1, 1, 1, 1]] * 2, [[1, 1, 1, 1, 0, 1, 1]] * 2
    assert detected(gt, pred, "iou=0.2") == [2, 0, 0]


@pytest.mark.parametrize(("connectivity", "lesions"), [(6, 3), (18, 2), (26, 1)])
def test_neighbours_of_voxels(connectivity: int, lesions: int) -> None:
    gt = np.zeros((3, 3, 3), int)
    gt[0, 0, 0] = gt[0, 1, 1] = gt[1, 2, 2] = 1  # the first two touch along an edge, the last two at a corner
    assert detected(gt, gt, connectivity=connectivity) == [lesions, 0, 0]


def test_brats_by_hand() -> None:
    gt, pred = np.zeros((20, 20, 20), int), np.zeros((20, 20, 20), int)
    gt[2:6, 2:6, 2:6] = 1  # 64 voxels
    gt[2:4, 2:4, 9:10] = 1  # 4 more, within reach of a growth of 3: one lesion
    pred[2:6, 2:6, 2:6] = 1
    pred[15:17, 15:17, 15:17] = 1  # in nobody's reach: false, though small
    counts, (dice, hd95) = counted(gt, pred, Lesions("brats2023-gli"))
    assert counts == [1, 1, 0]
    assert dice == pytest.approx(2 * 64 / (68 + 64) / 2, rel=1e-12)
    assert 374 / 2 < hd95 < 374 / 2 + 3
    # Grown by 1 the four are a lesion of their own, and too small to count; their prediction would be none either.
    assert counted(gt, pred, Lesions("brats2023-men"))[0] == [1, 1, 0]
    # With 2 as the smallest it counts, and is missed.
    assert counted(gt, pred, Lesions("brats2023-met")) == ([1, 1, 1], [1 / 3, pytest.approx(2 * 374 / 3)])
    # Voxels of 1/8 make 8 of 64: nothing is left to find, and one false lesion to count.
    assert counted(gt, pred, Lesions("brats2023-gli"), (0.5, 0.5, 0.5)) == ([0, 1, 0], [0.0, 374.0])


def test_void_splits_no_prediction_and_takes_what_lies_in_it() -> None:
    gt = [[0, 1, 1, VOID, VOID, 0, 0, VOID, VOID, 0]]
    pred = [[1, 1, 1, 1, 1, 1, 0, 1, 1, 0]]
    # One predicted lesion reaches across void, two of its four valid pixels hit; the other lies in void: nobody's.
    assert detected(gt, pred) == [1, 0, 0]
    assert detected(gt, pred, "iou=0.51") == [0, 1, 1]


# What a change of the picture must change, and what not


@pytest.mark.parametrize("definition", ["detection", "brats2023-met"])
@pytest.mark.parametrize("seed", range(3))
def test_turning_moving_and_cropping_change_nothing(definition: str, seed: int) -> None:
    entry, chosen = spots(2 * seed, 3), Lesions(definition)
    gt, pred, spacing = entry.gt, entry.pred, (1.0, 1.0, 2.0)
    before = counted(gt, pred, chosen, spacing)
    flipped = counted(gt[::-1, :, ::-1], pred[::-1, :, ::-1], chosen, spacing)
    turned = counted(gt.transpose(2, 0, 1), pred.transpose(2, 0, 1), chosen, (2.0, 1.0, 1.0))
    wide = [counted(np.pad(gt, pads), np.pad(pred, pads), chosen, spacing) for pads in (4, ((1, 9), (6, 0), (0, 3)))]
    for counts, values in (flipped, turned, *wide):
        assert counts == before[0]
        # A frame of nothing moves the surface at the edge by nothing.
        assert values == pytest.approx(before[1], rel=1e-12)
    # The unit of the spacing scales what is far, but for what is missed, and the volume that is too small.
    if definition == "detection":
        assert counted(gt, pred, chosen, (3.0, 3.0, 6.0)) == before
        swapped, (tp, fp, fn) = counted(pred, gt, chosen, spacing)[0], before[0]
        assert swapped == [tp, fn, fp]


def test_spacing_scales_what_brats_finds_far_and_lets_small_lesions_count() -> None:
    # Two lesions of 5 x 5 x 5 voxels, each found a little elsewhere: nothing is missed, and all are large enough.
    gt, pred = (np.zeros((30, 30, 12), np.uint8) for _ in range(2))
    for place, (down, right) in ((4, (1, 0)), (18, (1, 2))):
        gt[place : place + 5, place : place + 5, 3:8] = 1
        pred[place + down : place + down + 5, place + right : place + right + 5, 3:8] = 1
    chosen = Lesions("brats2023-met")
    (found, (dice, hd95)), scaled = counted(gt, pred, chosen, (1.0,) * 3), counted(gt, pred, chosen, (2.5,) * 3)
    assert found == scaled[0] == [2, 0, 0]
    assert 0 < dice == scaled[1][0] < 1
    assert 0 < hd95 == pytest.approx(scaled[1][1] / 2.5, rel=1e-12)
    # A lesion of 3 voxels counts above 2 mm3: at 0.8 mm it has 1.5, and what misses it misses nothing.
    gt[28, 2, 3:6] = 1
    assert counted(gt, pred, chosen, (1.0,) * 3)[0] == [2, 0, 1]
    assert counted(gt, pred, chosen, (0.8,) * 3)[0] == [2, 0, 0]


def test_classes_permuted_permute_their_lesions(tmp_path: Path) -> None:
    order = np.array([2, 3, 0, 1])
    given = [blobs(seed, void=False) for seed in range(3)]
    moved = [(order[gt], order[pred]) for gt, pred in given]
    before = segeval.score(*folders(tmp_path / "a", *given), lesions="detection")
    after = segeval.score(*folders(tmp_path / "b", *moved), lesions="detection")
    for index, at in enumerate(order.tolist()):
        assert before.classes[index].contours == after.classes[at].contours
    assert before.scores["lesion_f1"] == pytest.approx(after.scores["lesion_f1"], rel=1e-12)


# Reports, runs and the command line


def of_class(gt: Any, pred: Any, one: int) -> Any:
    return detected(np.where(gt == VOID, VOID, gt == one), pred == one)


def test_counts_are_added_over_images_and_means_run_over_classes(tmp_path: Path) -> None:
    given = [blobs(seed) for seed in range(4)]
    report = segeval.score(*folders(tmp_path, *given), lesions="detection", per_image=True)
    assert report.lesions is not None
    images = [[of_class(gt, pred, one) for gt, pred in given] for one in range(4)]
    sums = [[sum(part) for part in zip(*counts, strict=True)] for counts in images]
    for (tp, fp, fn), counts, entry in zip(sums, report.lesions.class_lesions, report.classes, strict=True):
        assert (tp, fp, fn) == tuple(counts[name] for name in ("tp", "fp", "fn"))
        assert entry.contours["lesion_precision"] == tp / (tp + fp)
        assert entry.contours["lesion_recall"] == tp / (tp + fn)
        assert entry.contours["lesion_f1"] == 2 * tp / (2 * tp + fp + fn)
        assert entry.contours["lesion_fp"] == fp / 4
    assert report.scores["lesion_f1"] == pytest.approx(
        np.mean([entry.contours["lesion_f1"] for entry in report.classes])
    )
    assert report.details.images is not None
    tp, fp, fn = images[1][2]
    assert report.details.images[2].losses["lesion_f1"][1] == 2 * tp / (2 * tp + fp + fn)


def test_empties(tmp_path: Path) -> None:
    blank, spot = np.zeros((9, 9)), np.zeros((9, 9))
    spot[2:7, 2:7] = 1
    pairs = [(blank, blank), (spot, spot), (spot, blank), (blank, spot)]
    found = {
        name: segeval.score(*folders(tmp_path / name, *pairs), classes=3, lesions=name, per_image=True)
        for name in ("detection", "brats2023-met")
    }
    for report in found.values():
        assert report.lesions is not None
        assert report.lesions.class_lesions[1] == {"tp": 1, "fp": 1, "fn": 1, "one_empty": 2, "both_empty": 1}
        assert set(report.classes[2].contours.values()) == {None}  # a class that no image has
    images = {name: report.details.images for name, report in found.items()}
    of_detection, of_brats = images["detection"], images["brats2023-met"]
    assert of_detection is not None
    assert of_brats is not None
    assert [image.losses["lesion_f1"][1] for image in of_detection] == [None, 1, 0, 0]
    assert [image.losses["lesion_recall"][1] for image in of_detection] == [None, 1, 0, None]
    assert [image.losses["lesion_fp"][1] for image in of_detection] == [0, 0, 0, 1]
    assert [image.losses["lesion_dice"][1] for image in of_brats] == [1, 1, 0, 0]
    assert [image.losses["lesion_hd95"][1] for image in of_brats] == [0, 0, 374, 374]


@pytest.mark.parametrize("definition", ["detection", "brats2023-met"])
def test_a_saved_run_tells_its_lesions_without_images(tmp_path: Path, definition: str) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(4)], (np.zeros((5, 5)), None))
    options: dict[str, Any] = {"lesions": definition, "spacing": "0.5,2", "missing": "miss", "boundary": 2}
    run = segeval.measure(pred, gt, **options)
    data = run_to_bytes(run, packed=False)
    read = run_from_bytes(data, name="run")
    assert run_to_bytes(read, packed=False) == data
    report, scored = (one.to_dict() for one in (segeval.rescore(read), segeval.score(pred, gt, **options)))
    assert {**report, "warnings": []} == {**scored, "warnings": []}
    VALIDATORS["report"].validate(json.loads(json.dumps(report)))
    for line in lines_of(run):
        VALIDATORS["run"].validate(line)
    part = segeval.rescore(read, keys="[01]", mean_over=[1, 2])
    assert part.lesions is not None
    with pytest.raises(RunFileError, match="lesions for one definition"):
        segeval.rescore(read, lesions="brats2023-gli")
    with pytest.raises(RunFileError, match="merged or renamed"):
        segeval.rescore(read, map="1=0")


@pytest.mark.parametrize(
    "change",
    [
        None,
        [],
        [[0], [[1, 2, 3]], [[1.0]], [0], 1],
        [[0], [[1, 2]], [[]], [0], 0],
        [[0], [[1, -2, 3]], [[]], [0], 0],
        [[0], [[1, 2, 3]], [[]], [3], 0],
        [[1, 0], [[1, 2, 3]] * 2, [[], []], [0, 0], 0],
    ],
)
def test_damaged_lesions_are_told(change: Any, tmp_path: Path) -> None:
    data = run_to_bytes(segeval.measure(*folders(tmp_path, blobs(0)), lesions="detection"), packed=False)
    head, row, *_ = data.splitlines(keepends=True)
    line = json.dumps({**json.loads(row), "lesions": change}, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(head + line, name="run")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"lesions": "brats"}, "is no definition"),
        ({"lesions": "detection", "connectivity": 5}, "no number of neighbours"),
        ({"lesions": "detection", "connectivity": 26}, "another number of axes"),
        ({"lesions": "brats2023-gli", "connectivity": 8}, "has its own neighbours"),
        ({"lesions": "brats2023-gli", "lesion_overlap": "iou=0.5"}, "has its own neighbours"),
        ({"lesions": "detection", "lesion_overlap": "iou=0"}, "no criterion of overlap"),
        ({"lesions": "detection", "lesion_overlap": "f1=0.5"}, "no criterion of overlap"),
        ({"lesions": "detection", "lesion_overlap": "iou"}, "no criterion of overlap"),
        ({"lesions": "detection", "spacing": "0,1"}, "--spacing"),
        ({"connectivity": 8}, "nobody asked for"),
        ({"distances": "monai", "lesion_overlap": "iou=0.5"}, "nobody asked for"),
        ({"lesions": "detection", "tolerance": 2}, "nobody asked for"),
        ({"lesions": "detection", "probs": True}, "--lesions need label masks"),
    ],
)
def test_what_cannot_be_counted_is_refused(options: dict[str, Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(SegevalError, match=what) as raised:
        segeval.score(*folders(tmp_path, blobs(0)), **options)
    assert raised.value.fix


def test_without_scipy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> Any:
        raise ImportError

    module._scipy.cache_clear()
    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(UsageError, match="need SciPy") as raised:
        segeval.score(*folders(tmp_path, blobs(0)), lesions="detection")
    assert "segeval-masks[surface]" in raised.value.fix
    module._scipy.cache_clear()


def test_signatures_give_the_choice_back() -> None:
    for chosen in (
        Lesions("detection"),
        Lesions("detection", 4, ("dice", 0.25), (0.5, 2.0)),
        Lesions("brats2023-met", spacing=(1.0,)),
        *map(Lesions, MEASURES),
    ):
        protocol = Protocol(lesions=chosen)
        line = signature(resolve(protocol, gt_values=(), pred_values=()), protocol).short()
        assert f"lesions:{chosen.definition}," in line
        assert line.count("void:left-out") == 1
        assert Signature.parse(line).protocol().lesions == chosen == read_lesions(str(chosen))


def test_gates_intervals_and_comparisons_know_lesions(tmp_path: Path) -> None:
    given = [blobs(seed, shape=(80, 90)) for seed in range(4)]
    base = segeval.measure(*folders(tmp_path / "base", *given), lesions="detection")
    perfect = [(gt, np.where(gt == VOID, 0, gt)) for gt, _ in given]
    better = segeval.measure(*folders(tmp_path / "new", *perfect), lesions="detection")
    change = segeval.compare(base, better).runs[0].differences["lesion_recall"]
    assert change.new is not None
    assert change.difference is not None
    assert change.difference > 0
    assert change.p is not None
    report = segeval.rescore(base, ci=95, fail_under={"lesion_f1": 1.0}, fail_over={"lesion_fp.1": 1000})
    assert [verdict.passed for verdict in report.gates] == [False, True]
    interval = report.interval("lesion_f1")
    assert interval is not None
    assert interval.low is not None
    assert interval.low <= (report.scores["lesion_f1"] or math.nan) <= (interval.high or math.nan)


def test_the_command_line_saves_slices_and_compares_lesions(tmp_path: Path) -> None:
    pred, gt = folders(tmp_path, *[blobs(seed) for seed in range(4)])
    run, asked = tmp_path / "run.jsonl", ("--boundary", "2", "--distances", "monai", "--lesions", "detection")
    scored = run_segeval("score", pred, gt, *asked, "--save", run, "-f", "json")
    assert scored.code == 0, scored.stderr
    again = json.loads(run_segeval("report", run, "-f", "json").stdout)
    assert again["scores"] == json.loads(scored.stdout)["scores"]
    sliced = run_segeval("report", run, "--by", "one", "--slice-regex", "one=[0-3]", "--worst", "2", "-f", "json")
    assert sliced.code == 0, sliced.stderr
    (table,) = json.loads(sliced.stdout)["slices"]["by"]
    alone = json.loads(run_segeval("report", run, "--keys", "2", "-f", "json").stdout)["scores"]
    names = ("boundary_iou", "bf", "hd95", "nsd", "lesion_f1", "lesion_fp")
    assert {name: table["slices"][2]["scores"][name] for name in names} == {name: alone[name] for name in names}
    assert "lesion F1 %" in run_segeval("report", run, "--mean-over", "1,2").stdout
    parts = [tmp_path / f"part{part}.jsonl" for part in (1, 2, 3)]
    for part, path in enumerate(parts, start=1):
        run_segeval("score", pred, gt, *asked, "--shard", f"{part}/3", "--save", path)
    run_segeval("combine", *parts[::-1], "-o", tmp_path / "whole.jsonl")
    assert (tmp_path / "whole.jsonl").read_bytes() == run.read_bytes()
    compared = json.loads(run_segeval("compare", run, run, "-f", "json").stdout)
    assert "lesion_f1" in json.dumps(compared)


def test_nothing_is_said_of_lesions_where_nobody_asks(tmp_path: Path) -> None:
    plain = segeval.score(*folders(tmp_path, blobs(0))).to_dict()
    assert not {"lesions", "lesion_f1"} & {*plain, *plain["protocol"], *plain["scores"], *plain["classes"][0]}


@pytest.mark.parametrize("asked", [("--lesions", "detection"), ("--distances", "monai"), ("--boundary", "2")])
def test_the_table_counts_empties_beside_the_means(tmp_path: Path, asked: tuple[str, str]) -> None:
    blank, spot = np.zeros((9, 9)), np.zeros((9, 9))
    spot[2:7, 2:7] = 1
    pred, gt = folders(tmp_path, (blank, blank), (spot, spot), (spot, blank), (blank, spot))
    table = run_segeval("score", pred, gt, *asked, "--classes", "3").stdout
    # No image has class 2, which the table names elsewhere.
    assert "images in which a class has nothing on one side: 1 2; on both: 1 1\n" in table
