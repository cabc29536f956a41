"""What GitHub reads: a workflow that does what is promised with no more rights than it needs; forms that ask enough."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="a source archive has no .github")

WORKFLOW = GITHUB / "workflows" / "ci.yml"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
FILES = sorted(GITHUB.rglob("*.y*ml"))
FIELDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
"""The kinds of fields that a form can have."""
MAP = re.compile(r"^\| ((?:`[\w./]+`(?:, )?)+) \|", re.MULTILINE)
"""A row of the map of the code: the rooms in its first column."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = read(WORKFLOW)["jobs"]
    return found


def lines(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_is_a_mapping_in_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


def test_changes_and_the_main_branch_are_checked() -> None:
    triggers = read(WORKFLOW)[True]  # YAML 1.1 reads the key "on" as a truth value
    assert {"push", "pull_request"} <= set(triggers)
    assert triggers["push"]["branches"] == ["main"]
    assert "pull_request_target" not in triggers, "that would hand a stranger's change the project's rights"


def test_the_workflow_may_only_read() -> None:
    assert read(WORKFLOW)["permissions"] == {"contents": "read"}
    for job in jobs().values():
        assert "permissions" not in job
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")


def test_text_of_strangers_reaches_no_shell() -> None:
    for job in jobs().values():
        assert not any("${{" in line for line in lines(job)), "titles and branches are anybody's; use env"


def test_actions_are_githubs_own_at_a_stated_version() -> None:
    used = [step["uses"] for job in jobs().values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", name) for name in used), used


def test_every_system_and_supported_python_runs_the_same_script() -> None:
    matrix = jobs()["check"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={matrix['python'][0]}"
    assert jobs()["check"]["strategy"]["fail-fast"] is False
    assert lines(jobs()["check"]) == ["bash .ci/run"]


def test_one_job_builds_and_tests_where_there_is_no_compiler() -> None:
    job = jobs()["without-compiler"]
    assert job["container"].endswith("-slim"), "the full images hold gcc"
    probe, build, check = lines(job)
    assert "pip wheel" in build
    assert check == "bash .ci/run"
    for compiler, code in (("", 0), ("gcc() { :; }; ", 1)):
        script = f"PATH=/nowhere; {compiler}{probe}"
        assert subprocess.run(["/bin/bash", "-e", "-c", script], check=False).returncode == code


def test_every_job_ends() -> None:
    assert all(0 < job["timeout-minutes"] <= 120 for job in jobs().values())


@pytest.mark.parametrize("path", FORMS, ids=name_of)
def test_a_form_has_the_form_that_github_shows(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "labels", "title", "body"}
    assert {field["type"] for field in form["body"]} <= FIELDS
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    identities = [field["id"] for field in asked]
    assert len(set(identities)) == len(identities)
    assert all(field["attributes"]["label"] for field in asked)


@pytest.mark.parametrize("path", FORMS, ids=name_of)
def test_every_form_asks_for_the_inspection(path: Path) -> None:
    (field,) = [field for field in read(path)["body"] if field.get("id") == "inspection"]
    assert "segeval inspect -f json" in field["attributes"]["description"]
    assert field["attributes"]["render"] == "json"


def test_a_report_of_a_fault_must_have_command_inspection_and_versions() -> None:
    form = read(GITHUB / "ISSUE_TEMPLATE" / "wrong-result.yml")
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"command", "inspection", "version", "expected"} <= required
    assert "private message" in form["body"][0]["attributes"]["value"]


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    text = (GITHUB / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert len(set(versions)) == len(versions)


def test_the_map_of_the_code_names_every_room_and_no_other() -> None:
    text = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = {name.strip("`/") for row in MAP.findall(text) for name in row.split(", ")}
    package = ROOT / "segeval"
    hidden = {"__init__.py", "__main__.py"}
    built = {path.name for path in package.glob("*.py")} - hidden
    built |= {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert drawn == built


@pytest.mark.skipif(
    not (ROOT / "segeval/scores/registry.py").is_file(), reason="the registry of scores is not built yet"
)
def test_the_files_that_contributing_names_exist() -> None:
    text = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:segeval|tests|\.ci)/[\w./-]+)`", text)
    assert named
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []
