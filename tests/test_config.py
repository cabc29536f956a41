"""Where a setting comes from: a flag beats the environment, which beats the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commandline import Completed, run_segeval
from tests.png_corpus import encode, pattern


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with masks of values 0, 1 and 2 and a folder to work in."""
    for folder in ("gt", "pred"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encode(pattern(8, 6) % 3))
    (tmp_path / "deep/er").mkdir(parents=True)
    return tmp_path


def configured(project: Path, lines: str, name: str = "pyproject.toml") -> None:
    (project / name).write_text(f"[tool.segeval]\n{lines}\n", encoding="utf-8")


def scored(project: Path, *options: str, cwd: str = ".", **environment: str) -> Completed:
    arguments: tuple[str | Path, ...] = ("score", project / "pred", project / "gt", "-f", "json", *options)
    return run_segeval(*arguments, cwd=project / cwd, environment=environment)


def labels(done: Completed) -> list[int]:
    assert done.code == 0, done.stderr
    found: list[int] = json.loads(done.stdout)["confusion"]["labels"]
    return found


def test_without_any_the_defaults_hold(project: Path) -> None:
    assert labels(scored(project)) == [0, 1, 2]


def test_the_nearest_pyproject_upwards_is_read(project: Path) -> None:
    configured(project, "ignore = 2")
    assert labels(scored(project, cwd="deep/er")) == [0, 1]
    configured(project, "ignore = [1, 2]", "deep/pyproject.toml")
    assert labels(scored(project, cwd="deep/er")) == [0]
    (project / "deep/er/pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert labels(scored(project, cwd="deep/er")) == [0]


def test_flag_beats_environment_beats_configuration(project: Path) -> None:
    configured(project, "ignore = 2")
    assert labels(scored(project, SEGEVAL_IGNORE="1")) == [0, 2]
    assert labels(scored(project, "--ignore", "0", SEGEVAL_IGNORE="1")) == [1, 2]


def test_no_config_and_another_config(project: Path) -> None:
    configured(project, "ignore = 2")
    assert labels(scored(project, "--no-config")) == [0, 1, 2]
    configured(project, "ignore = 1", "other.toml")
    assert labels(scored(project, "--config", str(project / "other.toml"))) == [0, 2]


def test_every_kind_of_value_has_its_form(project: Path) -> None:
    configured(project, 'map = {2 = 1}\nmissing = "skip"\nfail-under = ["miou=0.9", "iou.1=0.9"]\nquiet = true')
    done = scored(project)
    assert labels(done) == [0, 1]
    assert [gate["metric"] for gate in json.loads(done.stdout)["gates"]] == ["miou", "iou.1"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("ignroe = 255", "Did you mean 'ignore'"),
        ("binary = 1", "flag"),
        ("ignore = true", "flag"),
        ("format = 'jsn'", "json"),
        ("[", "not TOML"),
    ],
)
def test_what_cannot_be_meant(project: Path, lines: str, said: str) -> None:
    configured(project, lines)
    done = run_segeval("score", project / "pred", project / "gt", cwd=project)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "pyproject.toml" in done.stderr or "format" in lines


def test_a_config_that_is_not_there_or_says_nothing(project: Path) -> None:
    assert scored(project, "--config", str(project / "none.toml")).code == 2
    (project / "empty.toml").write_text("")
    done = scored(project, "--config", str(project / "empty.toml"))
    assert done.code == 2
    assert "[tool.segeval]" in done.stderr


def test_a_key_of_another_verb_is_no_error(project: Path) -> None:
    configured(project, "ignore = 2\nplot = false")
    assert run_segeval("completion", "bash", cwd=project).code == 0
    assert labels(scored(project)) == [0, 1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_clicks_own(shell: str) -> None:
    done = run_segeval("completion", shell)
    assert done.code == 0
    assert "_SEGEVAL_COMPLETE" in done.stdout
    assert done.stderr == ""
