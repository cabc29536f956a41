"""The README is true: every command in it prints what stands below it."""

from __future__ import annotations

import re
import tomllib

import pytest

from segeval import __version__
from tests.readme import README, ROOT, commands, shown, workplace

TEXT = README.read_text(encoding="utf-8")
SESSIONS = commands(TEXT)


@pytest.fixture(scope="module")
def outputs() -> list[str]:
    """Run every command in the README's order in one folder: a later one may read what an earlier one wrote."""
    with workplace() as folder:
        return [shown(session.command, folder) for session in SESSIONS]


@pytest.mark.parametrize("place", range(len(SESSIONS)), ids=[session.command[:60] for session in SESSIONS])
def test_command_prints_what_the_readme_says(place: int, outputs: list[str]) -> None:
    assert outputs[place] == SESSIONS[place].output


def test_every_segeval_line_is_in_a_block_that_is_run() -> None:
    outside = re.sub(r"```console\n.*?```", "", TEXT, flags=re.DOTALL)
    assert "$ segeval" not in outside


def test_the_readme_opens_with_two_commands_that_do_everything() -> None:
    first_block = re.search(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    assert first_block is not None
    score, test = [line for line in first_block[1].splitlines() if line and not line.startswith("#")]
    assert "pip install" in score
    assert "segeval score sample_masks/pred sample_masks/gt" in score
    assert "[test]" in test
    assert test.endswith("pytest")


def test_links_into_the_project_exist() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT):
        assert (ROOT / target).exists(), target


def test_one_source_of_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
