"""The GitHub action and the hooks of pre-commit, run as their runners run them; what GitHub hosts, apart."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.junitschema import JUNIT
from tests.support.processes import programs
from tests.test_readme_ci import ACTION_USED, PRE_COMMIT, PYTEST, ROOT, run, workspace, worsen

__all__ = ["workspace"]  # the fixture
ACTION = ROOT / ".github" / "actions" / "segeval" / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
pytestmark = [
    pytest.mark.skipif(not ACTION.is_file(), reason="a source archive has no .github"),
    pytest.mark.skipif(sys.platform == "win32", reason="the action is for Linux and macOS"),
]
EXPRESSION = re.compile(r"\$\{\{ (inputs|steps\.\w+\.outputs)\.([\w-]+) \}\}")


def action() -> Any:
    return yaml.safe_load(ACTION.read_text(encoding="utf-8"))


def step_named(name: str) -> Any:
    (found,) = [step for step in action()["runs"]["steps"] if step["name"] == name]
    return found


class Runner:
    """Stand for the hosted runner: inputs with their defaults, files for outputs and summary, segeval installed."""

    def __init__(self, workspace: Path, **inputs: str) -> None:
        self.workspace = workspace
        defaults = {name: entry.get("default", "") for name, entry in action()["inputs"].items()}
        assert inputs.keys() <= defaults.keys()
        self.inputs = defaults | inputs
        self.home = Path(tempfile.mkdtemp(dir=workspace))
        (self.home / "segeval").mkdir()
        (self.home / "segeval" / "bin").symlink_to(programs())

    def score(self) -> subprocess.CompletedProcess[str]:
        step = step_named("Score")
        assert step["shell"] == "bash"
        given = {name: EXPRESSION.sub(lambda match: self.inputs[match[2]], text) for name, text in step["env"].items()}
        own = {"RUNNER_TEMP": self.home, "GITHUB_OUTPUT": self.home / "output", "GITHUB_STEP_SUMMARY": self.summary}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
        environment |= {name: str(value) for name, value in own.items()} | given
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(shell, cwd=self.workspace, env=environment, capture_output=True, text=True, check=False)

    @property
    def summary(self) -> Path:
        return self.home / "summary.md"

    def outputs(self) -> dict[str, str]:
        lines = (self.home / "output").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def options_of_the_page() -> dict[str, str]:
    used = ACTION_USED[0]
    assert used["uses"].partition("@")[0].endswith("/" + ACTION.parent.relative_to(ROOT).as_posix())
    found: dict[str, str] = used["with"]
    return found


@pytest.mark.parametrize("good", [True, False])
def test_the_step_of_the_page_annotates_summarises_keeps_and_fails_with_the_gate(workspace: Path, good: bool) -> None:
    if not good:
        worsen(workspace)
    runner = Runner(workspace, **options_of_the_page())
    done = runner.score()
    assert done.returncode == (0 if good else 1), done.stderr
    assert all(line.startswith(("::notice ", "::error ", "::warning ")) for line in done.stdout.splitlines())
    assert ("::error " in done.stdout) is not good
    assert "mIoU" in runner.summary.read_text(encoding="utf-8")
    reports = Path(runner.outputs()["reports"])
    assert {path.name for path in reports.iterdir()} == {"summary.md", "report.json", "junit.xml", "run.jsonl.gz"}
    JUNIT.validate(reports / "junit.xml")
    told = json.loads((reports / "report.json").read_text(encoding="utf-8"))["scores"]["miou"]
    assert float(runner.outputs()["miou"]) == told
    assert (told == 1.0) is good
    script = ACTION_USED[1]
    assert script["env"]["MIOU"] == "${{ steps.segeval.outputs.miou }}"
    assert ACTION_USED[0]["id"] == "segeval"
    assert action()["outputs"]["miou"]["value"] == "${{ steps.score.outputs.miou }}"


def test_what_cannot_be_scored_fails_with_2_and_leaves_no_summary(workspace: Path) -> None:
    runner = Runner(workspace, pred="outputs", gt="no such folder")
    done = runner.score()
    assert done.returncode == 2
    assert not runner.summary.exists()
    assert runner.outputs().keys() == {"reports"}


def test_options_keep_their_words_and_nothing_in_them_is_run(workspace: Path) -> None:
    (workspace / "my classes.txt").write_text("a\nb\n", encoding="utf-8")
    hostile = "$(touch ran) `touch ran` ; touch ran"
    runner = Runner(
        workspace, pred="outputs", gt="data/gt", options=f"--classes 'my classes.txt'\n--convention \"{hostile}\""
    )
    done = runner.score()
    assert done.returncode == 2
    assert hostile in done.stderr, "the words came as they were written"
    assert not (workspace / "ran").exists()


def test_options_over_several_lines_and_folders_that_look_like_options(workspace: Path) -> None:
    (workspace / "outputs").rename(workspace / "-outputs")
    runner = Runner(workspace, pred="-outputs", gt="data/gt", options="--preset cityscapes\n\n--fail-under miou=0.5\n")
    done = runner.score()
    assert done.returncode == 0, done.stderr


def test_no_expression_is_in_a_script() -> None:
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "titles and branches are anybody's; use env"
        assert "run" not in step or step["shell"] == "bash"


def test_the_artifact_is_kept_whatever_the_gates_say_unless_it_has_no_name() -> None:
    keep = step_named("Keep the reports")
    assert keep["if"] == "always() && inputs.artifact != ''"
    assert re.fullmatch(r"actions/upload-artifact@v\d+", keep["uses"])
    assert keep["with"]["path"] == "${{ steps.score.outputs.reports }}"
    assert keep["with"]["name"] == "${{ inputs.artifact }}"


def test_the_action_installs_the_project_that_it_is_part_of() -> None:
    install = step_named("Install segeval")["run"]
    (target,) = re.findall(r'"\$GITHUB_ACTION_PATH/([./]+)"', install)
    assert (ACTION.parent / target).resolve() == ROOT
    assert '"$RUNNER_TEMP/segeval/bin/pip"' in install


@pytest.mark.slow
def test_the_install_step_gives_the_programs_that_the_next_step_runs(tmp_path: Path) -> None:
    """Takes a minute and needs the network for what a build needs."""
    environment = {**os.environ, "RUNNER_TEMP": str(tmp_path), "GITHUB_ACTION_PATH": str(ACTION.parent)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step_named("Install segeval")["run"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    told = subprocess.run([tmp_path / "segeval/bin/segeval", "--version"], capture_output=True, text=True, check=True)
    assert "segeval" in told.stdout


# Hooks and tests


def hooks() -> dict[str, Any]:
    return {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("hook", hooks() if HOOKS.is_file() else [])
def test_a_hook_has_what_pre_commit_asks_for(hook: str) -> None:
    found = hooks()[hook]
    assert {"id", "name", "entry", "language", "pass_filenames", "description"} == set(found)
    assert found["language"] == "python", "pre-commit installs the package for it"
    assert found["pass_filenames"] is False, "files would be taken for folders"


@pytest.mark.parametrize("good", [True, False])
def test_the_hooks_of_the_page_run_and_fail_with_the_gate(workspace: Path, good: bool) -> None:
    if not good:
        worsen(workspace)
    (repository,) = PRE_COMMIT["repos"]
    codes = {}
    for used in repository["hooks"]:
        command = f"{hooks()[used['id']]['entry']} {shlex.join(used['args'])}"
        codes[used["id"]] = run(command, workspace).returncode
        assert re.search(used["files"], "outputs/a.png")
        assert re.search(used["files"], "data/gt/a/b.png")
        assert not re.search(used["files"], "src/outputs.py")
    assert codes == {"segeval-inspect": 0, "segeval-score": 0 if good else 1}


@pytest.mark.parametrize("good", [True, False])
def test_the_pytest_of_the_page_fails_where_the_model_is_worse(workspace: Path, good: bool) -> None:
    if not good:
        worsen(workspace)
    (workspace / "test_model.py").write_text(PYTEST, encoding="utf-8")
    done = run("python -m pytest -q -p no:cacheprovider test_model.py", workspace)
    assert done.returncode == (0 if good else 1), done.stdout + done.stderr
    assert ("<segeval.Report: mIoU " in done.stdout) is not good
