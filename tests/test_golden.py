"""What a release may not change by accident: signatures, saved runs and numbers of known folders, held as files."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from segeval import rescore
from segeval.cli import run as run_command
from tests.snapshots import FULL_PRECISION, check_snapshot

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_masks"
CAMVID = ROOT.parent / "shared" / "camvid-val"

COMMANDS: dict[str, tuple[str, ...]] = {
    "street": ("{samples}/pred", "{samples}/gt", "--classes", "{samples}/classes.txt"),
    "street-inferred": ("{samples}/pred", "{samples}/gt"),
    "street-mapped": (
        "{samples}/pred",
        "{samples}/gt",
        "--map",
        "1=0,3=2",
        "--ignore",
        "255,8",
        "--convention",
        "mmseg",
    ),
    "binary": ("{samples}/binary/probs", "{samples}/binary/gt", "--probs", "--binary", "--pos-weight", "auto"),
    "multiclass": (
        "{samples}/multiclass/probs",
        "{samples}/multiclass/gt",
        "--probs",
        "--classes",
        "{samples}/classes.txt",
        "--gamma",
        "1",
        "--alpha",
        "none",
    ),
    "camvid": ("{camvid}/pred", "{camvid}/gt", "--preset", "camvid-11"),
    "camvid-8-bit": ("{camvid}/prob", "{camvid}/gt", "--probs", "--preset", "camvid-11", "--missing", "skip"),
    "camvid-float": (
        "{camvid}/softmax",
        "{camvid}/gt",
        "--probs",
        "--ignore",
        "11",
        "--missing",
        "skip",
        "--eps",
        "1e-7",
    ),
}
CONVENTIONS = ("cityscapes", "mmseg", "voc", "ade20k", "torchmetrics-miou", "smp-macro-imagewise", "keras")


def kept(report: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a JSON report that hold what was counted and scored, and how."""
    names = ("signature", "data", "scores", "classes_in_mean", "classes", "groups", "confusion")
    return {name: report[name] for name in names if name in report}


def digest(path: Path) -> dict[str, Any]:
    """Return a digest of a file's text without its logarithms, and two sums of these, the second by their places."""
    text = path.read_text(encoding="utf-8")
    numbers = [float(number) for number in FULL_PRECISION.findall(text)]
    by_place = math.fsum(place * number for place, number in enumerate(numbers, start=1))
    rest = hashlib.sha256(FULL_PRECISION.sub("#", text).encode()).hexdigest()
    return {"text": rest, "numbers": len(numbers), "sum": math.fsum(numbers), "sum_by_place": by_place}


@pytest.mark.parametrize("name", COMMANDS)
def test_numbers_signatures_and_runs_stay_as_they_were(name: str, tmp_path: Path) -> None:
    if name.startswith("camvid") and not CAMVID.exists():
        pytest.skip("the CamVid validation split is not beside this checkout")
    arguments = [part.format(samples=SAMPLES, camvid=CAMVID) for part in COMMANDS[name]]
    run, out = tmp_path / "run.jsonl", tmp_path / "report.json"
    assert run_command(["score", *arguments, "--save", str(run), "-q", "-o", str(out)]) == 0
    held = {"run": digest(run), **kept(json.loads(out.read_text(encoding="utf-8")))}
    check_snapshot(f"golden-{name}.json", json.dumps(held, indent=1, sort_keys=True) + "\n")


def test_signatures_and_scores_of_conventions_stay_as_they_were(tmp_path: Path) -> None:
    arguments = [part.format(samples=SAMPLES) for part in COMMANDS["street"]]
    run = tmp_path / "run.jsonl"
    assert run_command(["score", *arguments, "--save", str(run), "-q", "-o", str(tmp_path / "report.json")]) == 0
    lines = []
    for name in CONVENTIONS:
        report = rescore(run, convention=name)
        lines.append({"signature": str(report.signature), "scores": dict(report.scores)})
    check_snapshot("golden-conventions.json", json.dumps(lines, indent=1, sort_keys=True) + "\n")
