"""The Python API: every command has a function behind it, and a training loop its accumulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import segeval
from segeval import LevelTable
from segeval.errors import UsageError
from segeval.scores import losses

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt")
CLASSES = SAMPLES / "classes.txt"


def test_every_name_of_all_is_there_and_nothing_else_is_promised() -> None:
    for name in segeval.__all__:
        assert getattr(segeval, name) is not None
    assert set(dir(segeval)) == set(segeval.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = segeval.no_such_name


def test_importing_segeval_imports_neither_numpy_nor_pillow() -> None:
    probe = "import sys, segeval; print(sorted({'numpy', 'PIL', 'rich', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_measure_report_and_combine_are_score_in_steps(tmp_path: Path) -> None:
    whole = segeval.score(*MASKS, classes=CLASSES)
    run = segeval.measure(*MASKS, classes=CLASSES)
    assert segeval.rescore(run).to_dict() == whole.to_dict()
    segeval.save_run(run, tmp_path / "run.jsonl")
    assert segeval.rescore(tmp_path / "run.jsonl").to_dict() == whole.to_dict()
    assert segeval.combine(tmp_path / "run.jsonl", run) == run
    night = segeval.rescore(run, keys="night/*", convention="ade20k")
    assert night.data.images == 1
    assert night.signature.get("keys") == "night/*"


def test_explain_inspect_and_compare_have_functions() -> None:
    run = segeval.measure(*MASKS, classes=CLASSES)
    assert len(segeval.explain(run).others) >= 15
    assert segeval.explain(*MASKS, classes=CLASSES) == segeval.explain(run)
    assert segeval.explain(run, convention="voc").chosen.name == "voc"
    with pytest.raises(UsageError, match="these keywords need images"):
        segeval.explain(run, pred_suffix="_x")
    assert segeval.inspect(*MASKS, classes=CLASSES).ready
    compared = segeval.compare(run, run)
    assert compared.runs[0].differences["miou"].difference == 0


# Tables


def test_a_level_table_gives_every_loss() -> None:
    table = LevelTable(1, ignore=[255])
    table.update(np.array([[0, 255, 51, 204]], np.uint8), np.array([[0, 1, 1, 255]], np.uint8))
    by_hand = (-np.log(1 - 1 / 510) - np.log(1 - 1 / 510) - np.log(0.2)) / 3
    assert losses.bce(table).value == pytest.approx(by_hand, rel=1e-12)
    weighted = (-np.log(1 - 1 / 510) - 2 * np.log(1 - 1 / 510) - 2 * np.log(0.2)) / 3
    assert losses.bce(table, pos_weight=2.0).value == pytest.approx(weighted, rel=1e-12)
