"""The steps of the manual's page "In CI", run as GitHub's and GitLab's runners run them; installing apart."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.support.junitschema import JUNIT
from tests.support.processes import search_path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "segeval" / "docs" / "ci.md").read_text(encoding="utf-8")
ACTION_USED, GITHUB, GITLAB, PRE_COMMIT = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
)
(PYTEST,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(RECIPE,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
FRAMES = ("frankfurt_000000_000294", "lindau_000000_000019")
ROAD, CAR = 7, 26


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Lay out what the steps name: a model's outputs and Cityscapes ground truth. One image is right."""
    gt = np.full((4, 6), ROAD, np.uint8)
    gt[:, 4:] = CAR
    for frame in FRAMES:
        truth = tmp_path / "data" / "gt" / frame.split("_")[0] / f"{frame}_gtFine_labelIds.png"
        truth.parent.mkdir(parents=True)
        Image.fromarray(gt).save(truth)
        (tmp_path / "outputs").mkdir(exist_ok=True)
        Image.fromarray(gt).save(tmp_path / "outputs" / f"{frame}.png")
    return tmp_path


def worsen(workspace: Path) -> None:
    Image.fromarray(np.full((4, 6), CAR, np.uint8)).save(workspace / "outputs" / f"{FRAMES[0]}.png")


def run(command: str, workspace: Path) -> subprocess.CompletedProcess[str]:
    """Run one step as both services do, in a shell that ends at the first failure."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
    environment |= {"PATH": search_path(), "GITHUB_STEP_SUMMARY": str(workspace / "step-summary.md"), "CI": "true"}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
    return subprocess.run(shell, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


def steps(workspace: Path) -> list[subprocess.CompletedProcess[str]]:
    """Run the GitHub steps: after one that fails only those that are always run."""
    done: list[subprocess.CompletedProcess[str]] = []
    for step in GITHUB:
        assert set(step) <= {"run", "if"}
        if step["run"].startswith("pip install "):
            continue
        if step.get("if") == "always()" or all(one.returncode == 0 for one in done):
            done.append(run(step["run"], workspace))
    return done


@pytest.mark.parametrize("good", [True, False])
def test_the_github_steps_annotate_summarise_and_fail_with_the_gate(workspace: Path, good: bool) -> None:
    if not good:
        worsen(workspace)
    scored, summed_up = steps(workspace)
    assert (scored.returncode, summed_up.returncode) == ((0, 0) if good else (1, 0)), scored.stderr
    assert all(line.startswith(("::notice ", "::error ", "::warning ")) for line in scored.stdout.splitlines())
    assert ("::error " in scored.stdout) is not good
    assert "mIoU" in (workspace / "step-summary.md").read_text(encoding="utf-8")
    JUNIT.validate(workspace / "segeval.xml")
    assert (workspace / "run.jsonl").is_file()


@pytest.mark.parametrize("good", [True, False])
def test_the_gitlab_job_leaves_the_report_that_it_names(workspace: Path, good: bool) -> None:
    if not good:
        worsen(workspace)
    job: dict[str, Any] = GITLAB["segeval"]
    install, score = job["script"]
    assert install.startswith("pip install ")
    assert run(score, workspace).returncode == (0 if good else 1)
    assert job["artifacts"]["when"] == "always", "a failed gate is what the report is wanted for"
    JUNIT.validate(workspace / job["artifacts"]["reports"]["junit"])


@pytest.mark.parametrize("good", [True, False])
def test_the_recipe_fails_where_the_new_model_is_worse_than_the_baseline(workspace: Path, good: bool) -> None:
    score = RECIPE.splitlines()[0]
    assert run(score.replace("new.jsonl", "baseline.jsonl"), workspace).returncode == 0
    if not good:
        worsen(workspace)
    done = run(RECIPE, workspace)
    assert done.returncode == (0 if good else 1), done.stderr
    assert ("gate failed: new: miou" in done.stderr) is not good


def test_the_settings_of_the_project_are_read(workspace: Path) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (workspace / "pyproject.toml").write_text(settings, encoding="utf-8")
    worsen(workspace)
    done = run("segeval score outputs data/gt --only miou", workspace)
    assert (done.returncode, float(done.stdout) < 0.7) == (1, True), done.stderr
