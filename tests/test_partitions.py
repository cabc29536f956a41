"""A data set measured in partitions, as other engines do it: the union is the run of the whole."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import segeval
from segeval.errors import PairingError, UsageError

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
PRED, GT = SAMPLES / "pred", SAMPLES / "gt"
PAGE = resources.files("segeval").joinpath("docs/scale.md").read_text(encoding="utf-8")
TOLD = "\nprint(len(run.rows), segeval.rescore(run).scores['miou'])\n"


def test_partitions_in_any_order_unite_to_the_run() -> None:
    pairs = segeval.list_pairs(PRED, GT)
    parts = [segeval.measure_pairs(part, PRED, GT) for part in (pairs[5:], (), pairs[:2], reversed(pairs[2:5]))]
    assert segeval.combine(*parts) == segeval.measure(PRED, GT)


def test_pairs_and_runs_cross_processes() -> None:
    pairs = segeval.list_pairs(PRED, GT)
    assert pickle.loads(pickle.dumps(pairs)) == pairs
    run = segeval.measure_pairs(pairs[:1], PRED, GT)
    assert pickle.loads(pickle.dumps(run)) == run


def test_images_without_prediction_are_an_error_or_counted(tmp_path: Path) -> None:
    pred = tmp_path / "pred"
    shutil.copytree(PRED, pred)
    (pred / "0001.png").unlink()
    with pytest.raises(PairingError):
        segeval.list_pairs(pred, GT)
    pairs = segeval.list_pairs(pred, GT, missing="miss")
    parts = [segeval.measure_pairs([pair], pred, GT, missing="miss") for pair in pairs[1:] + pairs[:1]]
    run = segeval.combine(*parts)
    assert [row.missing for row in run.rows] == [row.key == "0001" for row in run.rows]


def test_ground_truth_of_maps_must_mean_the_same_in_every_partition(tmp_path: Path) -> None:
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
    np.save(tmp_path / "gt" / "a.npy", np.array([[0, 255]], np.uint8))
    np.save(tmp_path / "pred" / "a.npy", np.array([[0.25, 0.75]], np.float32))
    pairs = segeval.list_pairs(tmp_path / "pred", tmp_path / "gt", probs=True)
    with pytest.raises(UsageError, match="nothing says what its values mean"):
        segeval.measure_pairs(pairs, tmp_path / "pred", tmp_path / "gt", probs=True)
    run = segeval.measure_pairs(pairs, tmp_path / "pred", tmp_path / "gt", probs=True, binary=True)
    assert len(run.rows) == 1


def recipe(name: str) -> str:
    """Return the page's Python block below the words, over the sample masks."""
    block = re.search(rf"^{name}.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert block is not None
    return block[1].replace("/data/pred", str(PRED)).replace("/data/gt", str(GT)).replace("classes=19", "classes=10")


STARTS = {
    "Spark": "from pyspark.sql import SparkSession\nspark = SparkSession.builder.master('local[2]').getOrCreate()\n",
    "Ray": "import ray\nray.init(num_cpus=1, include_dashboard=False)\n",
}


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "package"), [("Spark", "pyspark"), ("Ray", "ray")])
def test_the_recipe_of_the_page(engine: str, package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    if engine == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    program = STARTS[engine] + recipe(engine) + TOLD
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    run = segeval.measure(PRED, GT, classes=10)
    assert done.stdout.splitlines()[-1] == f"7 {segeval.rescore(run).scores['miou']}"
