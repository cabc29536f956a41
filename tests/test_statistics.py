"""Intervals of a run are those of scoring every resample anew; what rests on little is told."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval.errors import UsageError
from segeval.measuring.measure import measure
from segeval.protocol.labeling import Group
from segeval.protocol.signature import Signature
from segeval.report.extras import Statistics
from segeval.report.imagelosses import image_losses
from segeval.report.scoring import build_report, measured
from segeval.request import build_request
from segeval.runs.run import Run
from segeval.sampling.resampling import Resampling, bootstrap_weights
from tests.support.commandline import Completed, run_segeval
from tests.support.statisticsdata import drawn_masks, predicted, write

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gt = drawn_masks(0)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", predicted(gt, 1, right=0.7))
    return tmp_path


def score(folder: Path, *arguments: str) -> Completed:
    return run_segeval("score", "pred", "gt", "--no-config", *arguments, cwd=folder)


def scored(folder: Path, *arguments: str) -> dict[str, Any]:
    done = score(folder, "-f", "json", "-q", *arguments)
    assert done.code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_maps(root: Path, kind: str, seed: int = 3, *, count: int = 4) -> Run:
    """Measure six images of multi-class (or one binary) maps, stored with 8 bits, 16 bits or as floats."""
    draw = np.random.default_rng(seed)
    for index in range(6):
        gt = draw.integers(0, max(2, count), (9, 8), dtype=np.uint8)
        p = draw.dirichlet(np.ones(max(2, count)), (9, 8)).transpose(2, 0, 1)
        stored = p if count > 1 else p[1]
        for name in ("gt", "maps"):
            (root / name).mkdir(exist_ok=True)
        Image.fromarray(gt).save(root / "gt" / f"{index}.png")
        levels = {"uint8": 255, "uint16": 65535}
        array = (stored * levels[kind]).round().astype(kind) if kind in levels else stored.astype(np.float32)
        np.save(root / "maps" / f"{index}.npy", array)
    request = build_request(probs=True, pos_weight=2.5, alpha=0.3, gamma=1.5)
    found = measure(root / "maps", root / "gt", request)
    assert not found.problems
    return found.run


def resampled(run: Run, settings: Resampling) -> dict[str, list[float]]:
    """Score every resample as a run of its own: the plainest bootstrap there is."""
    found: dict[str, list[float]] = {}
    for weights in np.concatenate(list(bootstrap_weights(len(run.rows), 1, settings))):
        rows = [row for row, often in zip(run.rows, weights, strict=True) for _ in range(int(often))]
        again = replace(run, rows=tuple(replace(row, key=f"{index:03}") for index, row in enumerate(rows)))
        report = build_report(again)
        values = {**report.scores, **{f"iou.{entry.id}": entry.iou for entry in report.classes}}
        for name, value in values.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return found


# Against scoring every resample


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float"])
@pytest.mark.parametrize("count", [1, 4])
def test_intervals_of_maps_are_those_of_scoring_every_resample(tmp_path: Path, kind: str, count: int) -> None:
    run = write_maps(tmp_path, kind, count=count)
    settings = Resampling(level=80, resamples=40, seed=5)
    report = build_report(run, asked=Statistics(intervals=settings))
    if kind != "uint8":
        # Their scores come from the level tables of the whole run, which a resample does not have.
        losses = image_losses(run, measured(run).resolution, report.probabilities) if report.probabilities else None
        assert losses is not None
        for name, (sums, weights) in losses.ratios.items():
            assert sums.sum() / weights.sum() == pytest.approx(report.scores[name], rel=1e-12)
        return
    again = resampled(run, settings)
    assert report.details is not None
    drawn = report.details.uncertainty
    assert drawn is not None
    ratios = {"bce", "focal", "brier", "mae"} | ({"cross_entropy", "focal_cross_entropy"} if count > 1 else set())
    no_ratios = {"ece", "classwise_ece", "average_precision", "auroc", "max_f", "mean_f", "adaptive_f"}
    assert set(drawn.intervals.scores) == (set(report.scores) - no_ratios)
    assert ratios < set(drawn.intervals.scores)
    for name, interval in drawn.intervals.scores.items():
        assert [interval.low, interval.high] == pytest.approx(np.quantile(again[name], [0.1, 0.9]), rel=1e-12), name


def test_intervals_of_masks_and_groups_are_those_of_scoring_every_resample(folder: Path) -> None:
    done = measure(folder / "pred", folder / "gt", build_request(classes=5))
    run = replace(done.run, protocol=build_request(preset="cityscapes", map="0=0,1=1,2=2,3=13,255=255").protocol)
    settings = Resampling(level=90, resamples=40, seed=2)
    report = build_report(run, asked=Statistics(intervals=settings))
    again = resampled(run, settings)
    assert "group_miou" in report.scores
    for name in report.scores:
        interval = report.interval(name)
        assert interval is not None
        assert [interval.low, interval.high] == pytest.approx(np.quantile(again[name], [0.05, 0.95]), rel=1e-12), name
    for index, entry in enumerate(report.classes):
        interval = report.iou_interval(index)
        assert interval is not None
        if entry.iou is None:
            assert interval.low is None
        else:
            expected = np.quantile(again[f"iou.{entry.id}"], [0.05, 0.95])
            assert [interval.low, interval.high] == pytest.approx(expected, rel=1e-12)
            assert interval.undefined == 40 - len(again[f"iou.{entry.id}"])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float"])
def test_losses_of_images_are_those_of_a_loop_over_pixels(tmp_path: Path, kind: str) -> None:
    run = write_maps(tmp_path, kind, count=1)
    report = build_report(run, asked=Statistics(images=True))
    assert report.details is not None
    assert report.details.images is not None
    top = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    for image in report.details.images:
        p = np.load(tmp_path / "maps" / f"{image.key}.npy").astype(np.float64) / top
        gt = np.asarray(Image.open(tmp_path / "gt" / f"{image.key}.png")) == 1
        used = p if top == 1 else np.clip(p, 0.5 / top, 1 - 0.5 / top)
        terms = np.where(gt, -2.5 * np.log(used), -np.log1p(-used))
        assert image.losses["bce"][1] == pytest.approx(terms.mean(), rel=1e-9)
        assert image.losses["bce"][0] is None
        assert image.losses["brier"][1] == pytest.approx(((p - gt) ** 2).mean(), rel=1e-9)


# JSON


def test_json_has_the_interval_of_every_score_and_class(folder: Path) -> None:
    found = scored(folder, "--ci", "95", "--classes", "5")
    assert set(found["intervals"]) == set(found["scores"])
    for name, (low, high) in found["intervals"].items():
        assert 0 <= low <= found["scores"][name] <= high <= 1, name
    for entry in found["classes"][:4]:
        low, high = entry["iou_interval"]
        assert low <= entry["iou"] <= high
    assert found["classes"][4]["iou"] is None
    assert found["classes"][4]["iou_interval"] is None
    settings = found["resampling"]
    assert settings["undefined"] == {}
    assert [settings[key] for key in ("level", "method", "resamples", "seed", "unit", "units")] == [
        95.0,
        "percentile",
        2000,
        0,
        "image",
        7,
    ]


def test_without_the_option_nothing_is_drawn(folder: Path) -> None:
    found = scored(folder)
    assert not {"intervals", "resampling", "gains", "worst_images", "empty_gt", "positive_gt"} & set(found)
    assert "iou_interval" not in found["classes"][0]
    assert "ci:" not in found["signature"]


def test_the_signature_says_how_and_still_reads_back(folder: Path) -> None:
    line = scored(folder, "--ci", "90", "--seed", "4", "--ci-method", "bca", "--resamples", "300")["signature"]
    found = Signature.parse(line)
    assert str(found) == line
    assert found.protocol() == Signature.parse(scored(folder)["signature"]).protocol()
    assert "|ci:90|ci-method:bca|resamples:300|seed:4|unit:image|n:7|v:" in line
    assert "|ci:90|ci-method:bca|resamples:300|seed:4|unit:image|n:7|v:" in found.short()


def test_the_same_seed_gives_the_same_bytes_whatever_the_jobs(folder: Path) -> None:
    options = ("--ci", "95", "--gain", "--worst", "3", "-f", "json")
    first = score(folder, *options, "-j", "1")
    assert first.stdout == score(folder, *options, "-j", "4").stdout
    assert json.loads(first.stdout)["intervals"] != scored(folder, "--ci", "95", "--seed", "1")["intervals"]


def test_a_saved_run_gives_the_same_report(folder: Path) -> None:
    options = ("--ci", "95", "--gain", "--worst", "3", "--resamples", "200", "-f", "json", "-q")
    fresh = score(folder, *options, "--save", "run.jsonl")
    again = run_segeval("report", "run.jsonl", "--no-config", *options, cwd=folder)
    assert (again.code, again.stdout) == (0, fresh.stdout)


def test_api_and_command_line_agree(folder: Path) -> None:
    import segeval

    report = segeval.score(folder / "pred", folder / "gt", ci=95, resamples=200, worst=2, gain=True)
    shell = scored(folder, "--ci", "95", "--resamples", "200", "--worst", "2", "--gain")
    assert json.loads(json.dumps(report.to_dict())) == shell


# Groups of images


def test_groups_are_drawn_as_one(folder: Path) -> None:
    found = scored(folder, "--ci", "95", "--group-by", "^[^/]+")
    assert (found["resampling"]["unit"], found["resampling"]["units"]) == ("^[^/]+", 3)
    assert "|unit:^[^/]+|n:3|" in found["signature"]
    assert found["intervals"] != scored(folder, "--ci", "95")["intervals"]


@pytest.mark.parametrize(
    ("expression", "told"),
    [("(", "not a regular expression"), ("^a", "finds no group"), ("", "--group-by is empty")],
)
def test_a_grouping_that_cannot_be_is_refused(folder: Path, expression: str, told: str) -> None:
    done = score(folder, "--ci", "95", "--group-by", expression)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr


def test_grouping_without_intervals_is_refused(folder: Path) -> None:
    done = score(folder, "--group-by", "^a")
    assert (done.code, done.stdout) == (2, "")
    assert "Add --ci 95" in done.stderr
    with pytest.raises(UsageError, match="intervals"):
        Statistics(group_by="^a")


# What is refused, and what is told


@pytest.mark.parametrize("level", ["0", "100", "-1", "nan"])
def test_a_level_is_between_0_and_100(folder: Path, level: str) -> None:
    done = score(folder, "--ci", level)
    assert (done.code, done.stdout) == (2, "")
    assert "is not a confidence level" in done.stderr


def test_the_level_has_to_be_given(folder: Path) -> None:
    assert score(folder, "--ci").code == 2


def test_few_units_are_told_beside_the_interval(folder: Path) -> None:
    done = score(folder, "--ci", "95")
    told = "intervals rest on 7 images, fewer than 30, and are too narrow to be trusted"
    assert f"warning (few-images): {told}. " in done.stderr
    assert f" warning (few-images): {told}. " in done.stdout
    assert score(folder, "--ci", "95", "--group-by", "^[^/]+").stderr.count("rest on 3 groups, fewer than 30") == 1


def test_resamples_that_leave_a_score_undefined_are_counted_and_told(tmp_path: Path) -> None:
    gt = drawn_masks(0, size=2)
    gt["a/0"][0, :4] = 2  # a class of one image, which a third of the resamples do not hold
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", predicted(gt, 1, right=0.9, size=2))
    done = score(tmp_path, "--ci", "95", "--resamples", "400")
    weights = np.concatenate(list(bootstrap_weights(7, 1, Resampling(resamples=400))))
    without = int((weights[:, 0] == 0).sum())
    assert 100 < without < 180
    assert f"some of 400 resamples leave a score undefined and are left out of its interval (iou.2 ({without}))" in (
        done.stderr
    )


# Worst images, gains, empty ground truth


def test_worst_percents_are_means_of_the_lowest(folder: Path) -> None:
    found = scored(folder)
    images = scored(folder, "--worst", "7")["worst_images"]
    lowest = images[0]["image_miou"]
    assert found["worst"]["image_miou"] == {"1": lowest, "5": lowest, "10": lowest}
    assert found["worst"]["class_miou"]["10"] <= found["scores"]["class_miou"]


def test_worst_images_ascend_and_name_their_class(folder: Path) -> None:
    images = scored(folder, "--worst", "4")["worst_images"]
    values = [image["image_miou"] for image in images]
    assert values == sorted(values)
    assert len(images) == 4
    for image in images:
        assert image["costliest"] == str(image["costliest_id"])
        assert 0 < image["gain"] <= 1 - image["image_miou"]
    shown = score(folder, "--worst", "4").stdout
    assert all(re.search(rf"│ {image['key']} +│ +{100 * image['image_miou']:.2f} │", shown) for image in images)


def test_gains_are_told_in_words(folder: Path) -> None:
    found = scored(folder, "--gain")
    first = found["gains"]["confusions"][0]
    words = (
        f"{100 * first['share_of_gt']:.1f} % of {first['gt_name']} is predicted as {first['pred_name']}: "
        f"{100 * first['gain']:.1f} points of mIoU"
    )
    assert words in score(folder, "--gain").stdout
    assert words in score(folder, "--gain", "-f", "markdown").stdout
    best = max(found["gains"]["classes"], key=lambda entry: entry["gain"])
    assert best["miou"] == pytest.approx(found["scores"]["miou"] + best["gain"])
    assert f" {100 * best['miou']:.2f} │" in score(folder, "--gain").stdout


def test_gains_of_a_mean_that_no_matrix_has_are_null(folder: Path) -> None:
    found = scored(folder, "--gain", "--average", "image")
    assert found["gains"] == {"classes": None, "confusions": None}
    assert score(folder, "--gain", "--average", "image").code == 0


# The other formats


def test_columns_of_intervals_are_there_only_with_intervals(folder: Path) -> None:
    plain = score(folder, "-f", "csv").stdout
    drawn = score(folder, "-f", "csv", "--ci", "95").stdout
    assert "iou_low" not in plain
    rows = list(csv.DictReader(StringIO(drawn)))
    expected = scored(folder, "--ci", "95")["classes"]
    assert [[float(row["iou_low"]), float(row["iou_high"])] for row in rows] == [
        entry["iou_interval"] for entry in expected
    ]
    for name in ("markdown", "latex", "table"):
        assert "nterval" not in score(folder, "-f", name).stdout, name
        text = score(folder, "-f", name, "--ci", "95").stdout
        for entry in expected:
            low, high = (100 * value for value in entry["iou_interval"])
            assert f"[{low:.2f}, {high:.2f}]" in text, name


def test_latex_rows_have_as_many_cells_as_columns(folder: Path) -> None:
    text = score(folder, "-f", "latex", "--ci", "95").stdout
    columns = re.search(r"begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") + 1 for line in rows} == {len(columns[1])}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_terminal_never_folds_the_table(folder: Path, width: int) -> None:
    done = run_segeval(
        *("score", "pred", "gt", "--no-config", "--ci", "95", "--worst", "3", "--gain", "--color", "never"),
        cwd=folder,
        terminal=True,
        environment={"COLUMNS": str(width)},
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" segeval|")]
    assert max(map(len, lines)) <= width
    assert "…" not in done.stdout


def test_the_sample_masks_have_intervals() -> None:
    done = run_segeval(
        "score", "sample_masks/binary/probs", "sample_masks/binary/gt", "--probs", "--binary", "--ci", "95", cwd=ROOT
    )
    assert done.code == 0
    assert re.search(r"^ BCE \[0\.\d+, 0\.\d+\], focal \[", done.stdout, flags=re.MULTILINE)


def test_environment_and_configuration_ask_too(folder: Path) -> None:
    done = run_segeval("score", "pred", "gt", "-f", "json", cwd=folder, environment={"SEGEVAL_CI": "80"})
    assert json.loads(done.stdout)["resampling"]["level"] == 80.0
    (folder / "pyproject.toml").write_text('[tool.segeval]\nci = 70\nci-method = "bca"\n', encoding="utf-8")
    settings = json.loads(run_segeval("score", "pred", "gt", "-f", "json", cwd=folder).stdout)["resampling"]
    assert (settings["level"], settings["method"]) == (70.0, "bca")


def test_worst_percents_by_hand(tmp_path: Path) -> None:
    # Image n of ten has n tenths of class 1 right, all else is class 0 in both; and class 1 is all of its ground truth.
    gt = {f"{index}": np.ones((1, 10), np.uint8) for index in range(1, 11)}
    pred = {key: np.array([[1] * int(key) + [0] * (10 - int(key))], np.uint8) for key in gt}
    gt["x"] = pred["x"] = np.zeros((1, 10), np.uint8)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", pred)
    found = scored(tmp_path, "--classes", "2")["worst"]
    assert found["image_miou"] == {"1": 0.1, "5": 0.1, "10": 0.1}, "int(11 / 10) is one image"
    assert found["class_miou"] == pytest.approx({"1": 0.55, "5": 0.55, "10": 0.55}), "class 0 is in one image, at 1.0"


def test_classes_of_no_group_stay_out_of_every_group(folder: Path) -> None:
    done = measure(folder / "pred", folder / "gt", build_request(classes=4))
    protocol = replace(done.run.protocol, groups=(Group("first", (0, 1)),))
    run = replace(done.run, protocol=protocol)
    report = build_report(run, asked=Statistics(intervals=Resampling(80, 30)))
    interval = report.interval("group_miou")
    again = resampled(run, Resampling(80, 30))["group_miou"]
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx(np.quantile(again, [0.1, 0.9]), rel=1e-12)


def test_a_class_that_is_nowhere_is_not_told_as_undefined(folder: Path) -> None:
    done = score(folder, "--ci", "95", "--classes", "6")
    assert done.code == 0
    assert "undefined" not in done.stderr
