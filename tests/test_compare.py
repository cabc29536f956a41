"""What `compare` shows a shell: differences that a hand computes, evidence, refusals, rules and every format."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import segeval
from segeval.comparison.regressions import parse_regression
from segeval.comparison.runs import compare_runs, run_names
from segeval.errors import UsageError
from segeval.report.samples import run_sample
from segeval.report.scoring import measured
from segeval.runs.file import load_run
from segeval.sampling.resampling import Resampling
from segeval.sampling.significance import compare as compare_samples
from tests.support.commandline import Completed, run_segeval
from tests.support.junitschema import JUNIT
from tests.support.statisticsdata import Masks, drawn_masks, predicted, write

TEXT_FORMATS = ("table", "markdown", "latex")


def save(folder: Path, name: str, pred: Masks, *options: str, gt: str = "gt") -> Path:
    write(folder / name, pred)
    done = run_segeval("score", name, gt, "--no-config", "-q", "--save", f"{name}.jsonl", *options, cwd=folder)
    assert done.code == 0, done.stderr
    return folder / f"{name}.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs on one ground truth: a good one, one that is worse, and one that never predicts class 3."""
    gt = drawn_masks(0)
    write(tmp_path / "gt", gt)
    save(tmp_path, "base", predicted(gt, 1, right=0.8))
    save(tmp_path, "worse", predicted(gt, 2, right=0.5))
    save(tmp_path, "poor", {key: np.where(mask == 3, 0, mask) for key, mask in predicted(gt, 1, right=0.8).items()})
    return tmp_path


def compare(folder: Path, *arguments: str, **options: Any) -> Completed:
    return run_segeval("compare", *arguments, "--no-config", "--resamples", "300", cwd=folder, **options)


def compared(folder: Path, *arguments: str) -> dict[str, Any]:
    done = compare(folder, *arguments, "-f", "json", "-q")
    assert done.code in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def scores(folder: Path, name: str) -> dict[str, Any]:
    done = run_segeval("report", f"{name}.jsonl", "--no-config", "-f", "json", "-q", cwd=folder)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# Numbers


def test_differences_are_those_of_the_two_reports(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "worse.jsonl")
    base, new = scores(folder, "base"), scores(folder, "worse")
    assert set(found["differences"]) == set(base["scores"])
    for name, one in found["differences"].items():
        assert set(one) == {"base", "new", "difference", "interval", "p", "p_bootstrap"}
        assert (one["base"], one["new"]) == (base["scores"][name], new["scores"][name])
        assert one["difference"] == new["scores"][name] - base["scores"][name]
        assert one["interval"][0] <= one["difference"] <= one["interval"][1]
        assert 1 / 301 <= one["p"] <= 1
    (run,) = found["runs"]
    assert run["differences"] == found["differences"]
    for one, before, after in zip(run["classes"], base["classes"], new["classes"], strict=True):
        assert (one["id"], one["name"], one["base"], one["new"]) == (
            before["id"],
            before["name"],
            before["iou"],
            after["iou"],
        )


def test_evidence_is_that_of_the_paired_tests(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "worse.jsonl", "--seed", "7", "--ci", "80", "--group-by", "^[^/]+")
    runs = [load_run(folder / f"{name}.jsonl") for name in ("base", "worse")]
    base, new = (run_sample(run, measured(run), None, group_by="^[^/]+") for run in runs)
    expected = compare_samples(base, new, Resampling(80, 300, 7))
    assert found["resampling"] == {
        "level": 80.0,
        "method": "percentile",
        "resamples": 300,
        "seed": 7,
        "unit": "^[^/]+",
        "units": 3,
    }
    for name, one in expected.scores.items():
        shown = found["differences"][name]
        assert (shown["p"], shown["p_bootstrap"]) == (one.p, one.p_bootstrap)
        assert shown["interval"] == [one.interval.low, one.interval.high]
    for one, shown in zip(expected.iou, found["runs"][0]["classes"], strict=True):
        assert shown["p"] == one.p


def test_losses_are_compared_and_what_is_no_sum_has_no_p(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    gt = {f"{index}": draw.integers(0, 2, (6, 6), np.uint8) for index in range(8)}
    write(tmp_path / "gt", gt)
    for name, sharp in (("base", 40), ("new", 90)):
        maps = {key: 128 + (mask * 2.0 - 1) * sharp + draw.normal(0, 30, mask.shape) for key, mask in gt.items()}
        stored = {key: np.clip(levels, 0, 255).astype(np.uint8) for key, levels in maps.items()}
        save(tmp_path, name, stored, "--probs")
    found = compared(tmp_path, "base.jsonl", "new.jsonl")["differences"]
    for name in ("bce", "focal", "brier", "mae"):
        assert found[name]["difference"] < 0
        assert found[name]["interval"][1] < 0
        assert found[name]["p"] < 0.05
        assert found[name]["base"] == scores(tmp_path, "base")["scores"][name]
    for name in ("ece", "average_precision", "auroc"):
        assert found[name]["difference"] is not None
        assert (found[name]["interval"], found[name]["p"]) == (None, None)
    rule = compare(tmp_path, "new.jsonl", "base.jsonl", "--fail-regression", "bce=0.01")
    assert rule.code == 1
    assert re.search(r"gate failed: base: bce 0\.\d+ -> 0\.\d+, worse by 0\.\d+ > 0\.01", rule.stderr)
    assert compare(tmp_path, "base.jsonl", "new.jsonl", "--fail-regression", "bce=0.01").code == 0


def test_a_run_against_itself_has_no_difference(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "base.jsonl")
    assert (found["base"]["name"], found["runs"][0]["name"]) == ("base (1)", "base (2)")
    assert all(one["difference"] == 0 and one["p"] == 1 for one in found["differences"].values())
    assert found["runs"][0]["worst_hit"] == []


def test_classes_that_were_inferred_are_those_of_all_runs(folder: Path) -> None:
    # The ground truth has class 3, so it is a class of the run that never predicts it, too.
    assert len(compared(folder, "base.jsonl", "poor.jsonl")["runs"][0]["classes"]) == 4
    gt = {key: np.where(mask == 3, 0, mask) for key, mask in drawn_masks(0).items()}
    write(folder / "gt3", gt)
    save(folder, "four", predicted(gt, 1, right=0.8, size=4), gt="gt3")
    save(folder, "three", predicted(gt, 1, right=0.8, size=3), gt="gt3")
    classes = compared(folder, "three.jsonl", "four.jsonl")["runs"][0]["classes"]
    assert [(one["id"], one["base"] is None, one["new"]) for one in classes][3] == (3, True, 0.0)
    assert classes[3]["difference"] is None


def test_worst_hit_images_fell_most(folder: Path) -> None:
    (run,) = compared(folder, "base.jsonl", "worse.jsonl", "--worst", "3")["runs"]
    images = []
    for name in ("base", "worse"):
        done = run_segeval("report", f"{name}.jsonl", "--per-image", "i.jsonl", "-q", "--no-config", cwd=folder)
        assert done.code == 0
        lines = (folder / "i.jsonl").read_text(encoding="utf-8").splitlines()
        images.append([json.loads(line) for line in lines])
    change = {first["key"]: second["image_miou"] - first["image_miou"] for first, second in zip(*images, strict=True)}
    expected = sorted(change, key=lambda key: (change[key], key))[:3]
    assert [image["key"] for image in run["worst_hit"]] == expected
    for image in run["worst_hit"]:
        assert image["difference"] == image["new"] - image["base"] == change[image["key"]]
        fell = [
            (second["iou"] - first["iou"], first["class"])
            for first, second in zip(*images, strict=True)
            if first["key"] == image["key"] and first["tp"] + first["fn"]
        ]
        assert (image["class_difference"], image["class_name"]) == min(fell)


def test_the_same_seed_gives_the_same_bytes(folder: Path) -> None:
    first = compare(folder, "base.jsonl", "worse.jsonl", "poor.jsonl", "-f", "json")
    assert first.stdout == compare(folder, "base.jsonl", "worse.jsonl", "poor.jsonl", "-f", "json").stdout
    other = compared(folder, "base.jsonl", "worse.jsonl", "--seed", "1")["differences"]["miou"]
    assert other["interval"] != json.loads(first.stdout)["differences"]["miou"]["interval"]
    assert str(folder) not in first.stdout, "no absolute path"


def test_the_interface_in_python_is_the_same(folder: Path) -> None:
    report = segeval.compare(folder / "base.jsonl", folder / "worse.jsonl", resamples=300, fail_regression=["miou=0"])
    found = compared(folder, "base.jsonl", "worse.jsonl", "--fail-regression", "miou=0")
    assert json.loads(json.dumps(report.to_dict())) == found
    runs = [segeval.load_run(folder / f"{name}.jsonl") for name in ("base", "worse")]
    again = segeval.compare(*runs, resamples=300)
    assert again.runs[0].differences == report.runs[0].differences


def test_names_tell_run_files_apart() -> None:
    def named(*paths: str) -> tuple[str, ...]:
        return run_names([Path(path) for path in paths])

    assert named("runs/a.jsonl", "b.jsonl.gz") == ("a", "b")
    assert named("x/run.jsonl", "y/run.jsonl") == ("x/run", "y/run")
    assert named("/data/x/run.jsonl", "/data/y/run.jsonl") == ("x/run", "y/run")
    assert named("run.jsonl", "run.jsonl") == ("run (1)", "run (2)")


# What is refused, and what --force does


def test_one_run_is_nothing_to_compare(folder: Path) -> None:
    assert compare(folder, "base.jsonl").code == 2
    with pytest.raises(UsageError, match="nothing to compare"):
        compare_runs([("base", load_run(folder / "base.jsonl"))])


def test_other_images_are_refused_by_name(folder: Path) -> None:
    (folder / "worse" / "a" / "1.png").unlink()
    gt = drawn_masks(0)
    write(folder / "gt2", {key: mask for key, mask in gt.items() if key != "a/1"})
    save(folder, "fewer", {key: mask for key, mask in predicted(gt, 3, right=0.6).items() if key != "a/1"}, gt="gt2")
    done = compare(folder, "base.jsonl", "fewer.jsonl")
    assert (done.code, done.stdout) == (2, "")
    assert "error: the runs cannot be compared\n  a/1: only in base, not in fewer\n" in done.stderr
    assert "--force" in done.stderr
    forced = compared(folder, "base.jsonl", "fewer.jsonl", "--force")
    assert forced["forced"] == ["a/1: only in base, not in fewer"]
    assert (forced["data"]["images"], forced["resampling"]["units"]) == (6, 6)
    assert forced["differences"]["miou"]["new"] == scores(folder, "fewer")["scores"]["miou"]
    assert forced["differences"]["miou"]["p"] is not None
    for name in (*TEXT_FORMATS[:2], "github"):
        assert "only in base" in compare(folder, "base.jsonl", "fewer.jsonl", "--force", "-f", name, "-q").stdout
    assert (
        "note: forced: a/1: only in base, not in fewer"
        in compare(folder, "base.jsonl", "fewer.jsonl", "--force", "-f", "json").stderr
    )


def test_another_ground_truth_is_refused(folder: Path) -> None:
    gt = drawn_masks(0)
    gt["c/0"][0, 0] = (gt["c/0"][0, 0] + 1) % 4
    write(folder / "gt2", gt)
    save(folder, "other", predicted(gt, 1, right=0.8), gt="gt2")
    done = compare(folder, "base.jsonl", "other.jsonl")
    assert (done.code, done.stdout) == (2, "")
    assert "c/0: another ground truth in other than in base" in done.stderr
    assert compare(folder, "base.jsonl", "other.jsonl", "--force").code == 0


def test_another_protocol_is_refused_and_shown(folder: Path) -> None:
    gt = drawn_masks(0)
    save(folder, "zero", predicted(gt, 1, right=0.8), "--absent", "zero", "--ignore", "255,3")
    done = compare(folder, "base.jsonl", "zero.jsonl")
    assert (done.code, done.stdout) == (2, "")
    assert "protocol of base vs zero: absent: skip vs zero" in done.stderr
    forced = compared(folder, "base.jsonl", "zero.jsonl", "--force")
    assert "protocol of base vs zero: absent: skip vs zero" in forced["forced"]
    assert forced["differences"]["miou"]["new"] == scores(folder, "zero")["scores"]["miou"]
    assert (forced["differences"]["miou"]["interval"], forced["differences"]["miou"]["p"]) == (None, None)
    assert "zero is not scored in the same way as base: no intervals and no p-values" in [
        told["what"] for told in forced["warnings"]
    ]


def test_runs_without_a_common_image_are_nothing(folder: Path) -> None:
    gt = drawn_masks(0, keys=("z",))
    write(folder / "gt2", gt)
    save(folder, "apart", predicted(gt, 1, right=0.8), gt="gt2")
    done = compare(folder, "base.jsonl", "apart.jsonl", "--force")
    assert (done.code, done.stdout) == (2, "")
    assert "the runs share no image" in done.stderr


def test_what_is_no_run_is_refused(folder: Path) -> None:
    (folder / "none.jsonl").write_text("{}\n", encoding="utf-8")
    for name in ("none.jsonl", "absent.jsonl"):
        done = compare(folder, "base.jsonl", name)
        assert (done.code, done.stdout) == (2, "")
        assert name in done.stderr


def test_outputs_are_opened_before_the_work(folder: Path) -> None:
    done = compare(folder, "absent.jsonl", "base.jsonl", "-o", "nowhere/report.json")
    assert done.code == 2
    assert "nowhere" in done.stderr
    assert "absent.jsonl" not in done.stderr


# Rules on regressions


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (["miou=1"], 0),
        (["miou=0.005"], 1),
        (["iou.*=1"], 0),
        (["iou.*=0.0"], 1),
        (["iou.0=0.9", "miou=0.005"], 1),
        (["precision.2=1"], 0),
    ],
)
def test_a_drop_beyond_the_allowed_is_exit_1(folder: Path, rules: list[str], code: int) -> None:
    options = [word for rule in rules for word in ("--fail-regression", rule)]
    done = compare(folder, "base.jsonl", "worse.jsonl", *options)
    assert done.code == code
    assert done.stderr.count("gate failed: worse: ") == done.stdout.count("✗ gate failed: worse: ")
    assert ("gate failed" in done.stderr) == (code == 1)
    assert compare(folder, "worse.jsonl", "base.jsonl", *options).code == 0, "getting better is no regression"


def test_a_rule_of_all_classes_is_judged_class_by_class(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "worse.jsonl", "--fail-regression", "iou.*=0.3")["gates"]
    classes = compared(folder, "base.jsonl", "worse.jsonl")["runs"][0]["classes"]
    assert [gate["metric"] for gate in found] == [f"iou.{one['name']}" for one in classes]
    for gate, one in zip(found, classes, strict=True):
        assert gate["worse"] == one["base"] - one["new"]
        assert gate["passed"] == (one["base"] - one["new"] <= 0.3)


def test_a_drop_of_just_what_is_allowed_passes_and_is_shown_so(folder: Path) -> None:
    # 0.75 - 0.7 is more than 0.05 in binary.
    gt = {"x": np.zeros((1, 20), np.uint8)}
    write(folder / "gtx", gt)
    for name, right in (("p75", 15), ("p70", 14)):
        mask = np.ones((1, 20), np.uint8)
        mask[0, :right] = 0
        save(folder, name, {"x": mask}, gt="gtx")
    assert 0.75 - 0.7 > 0.05
    done = compare(folder, "p75.jsonl", "p70.jsonl", "--fail-regression", "pixel_accuracy=0.05")
    assert done.code == 0
    assert "gate holds: p70: pixel_accuracy 0.7500 -> 0.7000, worse by 0.0500 <= 0.05" in done.stderr
    assert compare(folder, "p75.jsonl", "p70.jsonl", "--fail-regression", "pixel_accuracy=0.0499").code == 1


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("miou", "a regression rule must be"),
        ("miou=5", "Did you mean 0.05?"),
        ("mio=0.1", "did you mean 'miou'"),
        ("miou<=0.1", "a regression rule must be"),
        ("bce=0.1", "no such metric"),
        ("iou.9=0.1", "no metric of this name"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(folder: Path, rule: str, told: str) -> None:
    done = compare(folder, "base.jsonl", "worse.jsonl", "--fail-regression", rule)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_rule_on_what_is_undefined_is_no_pass(folder: Path) -> None:
    gt = drawn_masks(0, size=3)
    write(folder / "gt3", gt)
    for name in ("one", "two"):
        save(folder, name, predicted(gt, 1, right=0.9, size=3), "--classes", "9", gt="gt3")
    done = compare(folder, "one.jsonl", "two.jsonl", "--fail-regression", "iou.8=0.1")
    assert (done.code, done.stdout) == (2, "")
    assert "undefined here" in done.stderr
    assert compare(folder, "one.jsonl", "two.jsonl", "--fail-regression", "iou.*=0.1").code == 0


def test_parsing_keeps_the_metric_and_the_bound() -> None:
    rule = parse_regression("iou.traffic light=0.02")
    assert (rule.metric, rule.allowed) == ("iou.traffic light", 0.02)
    assert parse_regression("bce=1.5").allowed == 1.5
    with pytest.raises(UsageError):
        parse_regression("=0.1")


# Formats


def test_every_format_goes_to_stdout_and_to_files(folder: Path) -> None:
    files = ["r.txt", "r.json", "r.csv", "r.md", "r.tex", "r.xml", "github:r.log"]
    outputs = [word for name in files for word in ("-o", name)]
    done = compare(folder, "base.jsonl", "worse.jsonl", "--fail-regression", "miou=0", *outputs)
    assert done.code == 1
    for name, path in zip(("table", "json", "csv", "markdown", "latex", "junit", "github"), files, strict=True):
        again = compare(folder, "base.jsonl", "worse.jsonl", "--fail-regression", "miou=0", "-f", name)
        assert (folder / path.rpartition(":")[2]).read_text(encoding="utf-8") == again.stdout, name


def test_small_p_values_are_marked_and_said_to_be_unadjusted(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "worse.jsonl", "base.jsonl")
    assert found["runs"][0]["differences"]["miou"]["p"] < 0.05
    p = f"{found['runs'][0]['differences']['miou']['p']:.4f}"
    table, markdown, latex = (
        compare(folder, "base.jsonl", "worse.jsonl", "base.jsonl", "-f", name).stdout for name in TEXT_FORMATS
    )
    assert f"│ {p} * │" in table
    assert f"| {p}\\* |" in markdown
    assert latex.count("$^{*}$") >= 1
    for text in (table, markdown, latex):
        assert "unadjusted for the number of comparisons" in text
    rows = [line for line in latex.splitlines() if line.startswith("mIoU &")]
    assert len(rows) == 1
    assert rows[0].count(r"\textbf{") == 2, "the baseline and its copy are both best"
    assert found["p"].endswith("unadjusted for the number of comparisons")


def test_csv_has_a_row_for_each_score_and_class(folder: Path) -> None:
    rows = list(csv.DictReader(StringIO(compare(folder, "base.jsonl", "worse.jsonl", "-f", "csv").stdout)))
    found = compared(folder, "base.jsonl", "worse.jsonl")["runs"][0]
    values = [*found["differences"].values(), *found["classes"]]
    assert [float(row["difference"]) for row in rows] == [one["difference"] for one in values]
    assert [[float(row["low"]), float(row["high"])] for row in rows] == [one["interval"] for one in values]


def test_hostile_names_act_on_nothing(tmp_path: Path) -> None:
    gt = drawn_masks(0, size=2)
    write(tmp_path / "gt", gt)
    (tmp_path / "classes.txt").write_text("=1+1\n[red]a|b_&\n", encoding="utf-8")
    save(tmp_path, "=base", predicted(gt, 1, right=0.9, size=2), "--classes", "classes.txt")
    save(tmp_path, "a|b_&[red]", predicted(gt, 2, right=0.6, size=2), "--classes", "classes.txt")
    for name in ("table", "markdown", "latex", "csv", "junit", "github"):
        done = compare(tmp_path, "=base.jsonl", "a|b_&[red].jsonl", "--fail-regression", "miou=0.01", "-f", name)
        assert done.code == 1
        assert "\x1b" not in done.stdout
        if name == "junit":
            ElementTree.fromstring(done.stdout)
        if name == "latex":
            assert r"a\textbar{}b\_\&{[}red{]}" in done.stdout
        if name == "csv":
            cells = {cell for row in csv.reader(StringIO(done.stdout)) for cell in row}
            assert {"'=1+1", "[red]a|b_&"} <= cells
        if name == "markdown":
            assert all(line.count(" | ") == 5 for line in done.stdout.splitlines() if line.startswith("| mIoU %"))
        if name == "table":
            assert "[red]a|b_&" in done.stdout


def test_junit_has_a_case_for_each_rule_or_one_that_passes(folder: Path) -> None:
    def suite(*rules: str) -> ElementTree.Element:
        told = compare(folder, "base.jsonl", "worse.jsonl", "-f", "junit", *rules).stdout
        JUNIT.validate(told)
        return ElementTree.fromstring(told)

    root = suite("--fail-regression", "miou=0", "--fail-regression", "iou.0=1")
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert len(root.findall(".//failure")) == 1
    root = suite()
    assert (root.get("tests"), root.get("failures"), len(root.findall(".//testcase"))) == ("1", "0", 1)


def test_github_annotates_failures_first(folder: Path) -> None:
    done = compare(folder, "base.jsonl", "worse.jsonl", "-f", "github", "--fail-regression", "miou=0")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("::error title=segeval regression::worse: miou ")
    assert lines[-1].startswith("::notice title=segeval::worse: mIoU ")


@pytest.mark.parametrize("width", [36, 50, 60, 80, 100])
def test_a_terminal_never_cuts_a_number(folder: Path, width: int) -> None:
    done = compare(
        folder, "base.jsonl", "worse.jsonl", "--color", "never", terminal=True, environment={"COLUMNS": str(width)}
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" segeval|")]
    assert max(map(len, lines)) <= width
    found = compared(folder, "base.jsonl", "worse.jsonl")["differences"]["miou"]
    assert f"{100 * found['difference']:+.2f}" in done.stdout


def test_few_units_are_told(folder: Path) -> None:
    told = "intervals rest on 7 images, fewer than 30, and are too narrow to be trusted"
    assert f"warning (few-images): {told}" in compare(folder, "base.jsonl", "worse.jsonl").stderr
    assert told in compare(folder, "base.jsonl", "worse.jsonl", "-q").stderr


def test_there_is_no_bare_value_of_two_runs(folder: Path) -> None:
    assert compare(folder, "base.jsonl", "worse.jsonl", "--only", "miou").code == 2


def test_verbose_gives_the_long_signature(folder: Path) -> None:
    found = compared(folder, "base.jsonl", "worse.jsonl")["signature"]
    version = f"|v:{segeval.__version__}|images:7|gt:"
    assert f"|ci:95|ci-method:percentile|resamples:300|seed:0|unit:image|n:7{version}" in found
    assert compare(folder, "base.jsonl", "worse.jsonl", "-v").stdout.splitlines()[-1] == f" {found}"
    assert found not in compare(folder, "base.jsonl", "worse.jsonl").stdout


def test_force_needs_no_difference(folder: Path) -> None:
    plain, forced = (compare(folder, "base.jsonl", "worse.jsonl", *more).stdout for more in ((), ("--force",)))
    assert plain == forced


def test_maps_of_another_kind_are_another_protocol(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    gt = {f"{index}": draw.integers(0, 2, (4, 4), np.uint8) for index in range(4)}
    write(tmp_path / "gt", gt)
    save(tmp_path, "bytes", {key: draw.integers(1, 255, (4, 4), np.uint8) for key in gt}, "--probs")
    (tmp_path / "floats").mkdir()
    for key in gt:
        np.save(tmp_path / "floats" / f"{key}.npy", draw.random((4, 4)))
    save(tmp_path, "floats", {}, "--probs")
    done = compare(tmp_path, "bytes.jsonl", "floats.jsonl")
    assert (done.code, done.stdout) == (2, "")
    assert "protocol of bytes vs floats: maps: 1 uint8 vs 1 float" in done.stderr
    assert compared(tmp_path, "bytes.jsonl", "floats.jsonl", "--force")["differences"]["brier"]["p"] is not None


def test_the_lower_loss_is_the_better_one_in_latex(tmp_path: Path) -> None:
    gt = {f"{index}": np.array([[0, 1]], np.uint8) for index in range(4)}
    write(tmp_path / "gt", gt)
    save(tmp_path, "sure", {key: np.array([[10, 245]], np.uint8) for key in gt}, "--probs")
    save(tmp_path, "unsure", {key: np.array([[100, 150]], np.uint8) for key in gt}, "--probs")
    latex = compare(tmp_path, "sure.jsonl", "unsure.jsonl", "-f", "latex").stdout
    assert re.search(r"^BCE & \\textbf\{0\.0\d+\} & 0\.\d+", latex, flags=re.MULTILINE)


def test_a_loss_that_one_run_leaves_undefined_takes_no_evidence_from_the_others(tmp_path: Path) -> None:
    gt = {"0": np.array([[0, 1]], np.uint8), "1": np.array([[0, 0]], np.uint8), "2": np.array([[0, 0]], np.uint8)}
    maps = {key: np.array([[30, 200]], np.uint8) for key in gt}
    write(tmp_path / "gt", gt)
    options = ("--probs", "--missing", "miss", "--pos-weight", "auto")
    save(tmp_path, "whole", maps, *options)
    save(tmp_path, "part", {key: maps[key] for key in ("1", "2")}, *options)
    found = compared(tmp_path, "whole.jsonl", "part.jsonl")["differences"]
    assert (found["bce"]["new"], found["bce"]["difference"], found["bce"]["p"]) == (None, None, None)
    assert found["miou"]["p"] is not None
    assert found["brier"]["p"] is not None
