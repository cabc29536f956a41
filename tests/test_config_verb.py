"""`segeval config`: the options that hold, each with the place that it comes from, as the verb itself has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segeval.cli.config import NOT_CONFIGURED
from segeval.cli.verbs.config import VERBS
from tests.support.commandline import run_segeval
from tests.test_option_help import command_of, options_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.segeval]\nignore = 2\nfail-under = ["miou=0.7", "fwiou=0.1"]\noutput = "r.json"\npalette = "p.txt"\n'
        'classes = ["a", "b, c"]\n',
        encoding="utf-8",
    )
    return tmp_path


def told(*words: str, cwd: Path, **environment: str) -> list[tuple[str, object, str]]:
    """Return option, value and place of what is no default."""
    done = run_segeval("config", "-f", "json", *words, cwd=cwd, environment=environment)
    assert (done.code, done.stderr) == (0, "")
    found = json.loads(done.stdout)["options"]
    return [(one["option"], one["value"], one["from"]) for one in found if one["from"] != "default"]


def test_every_value_has_its_place_and_paths_are_those_beside_the_file(project: Path) -> None:
    file = str(project / "pyproject.toml")
    found = told(
        *("score", "pred", "gt", "--ignore", "3", "--fail-under", "miou=0.5"),
        cwd=project / "deep",
        SEGEVAL_FAIL_UNDER="iou.*=0.2",
        SEGEVAL_GAMMA="3",
    )
    assert found == [
        ("classes", ["a", "b, c"], file),
        ("ignore", "3", "command line"),
        ("palette", str(project / "p.txt"), file),
        ("gamma", 3.0, "SEGEVAL_GAMMA"),
        ("fail-under", "miou=0.5", "command line"),
        ("fail-under", "iou.*=0.2", "SEGEVAL_FAIL_UNDER"),
        ("fail-under", "fwiou=0.1", file),
        ("output", f"json:{project / 'r.json'}", file),
    ]


def test_the_file_that_is_read_is_named(project: Path, tmp_path: Path) -> None:
    done = run_segeval("config", cwd=project / "deep")
    assert done.stdout.splitlines()[0] == f" read {project / 'pyproject.toml'}"
    assert "│ ignore     │ 2 " in done.stdout
    (tmp_path / "other.toml").write_text("[tool.segeval]\ngain = true\n", encoding="utf-8")
    assert told("score", "--config", "../other.toml", cwd=project / "deep") == [("gain", True, "../other.toml")]
    assert told("score", "--no-config", cwd=project) == []
    done = run_segeval("config", "score", "--no-config", cwd=project)
    assert "every option of 'segeval score' has its default" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_that_can_be_configured_is_listed_in_json(verb: str, tmp_path: Path) -> None:
    done = run_segeval("config", "-f", "json", verb, cwd=tmp_path)
    found = {one["option"].replace("-", "_"): one["from"] for one in json.loads(done.stdout)["options"]}
    assert found.keys() == {one.name for one in options_of(verb) if one.name not in NOT_CONFIGURED}
    assert set(found.values()) == {"default"}
    assert any(one.name == "config" for one in command_of(verb).params)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "'nosuch' is not one of 'score'"),
        (("score", "--nosuch"), "no such option '--nosuch'"),
        (("score", "--gamma", "x"), "'x' is not a valid float"),
    ],
)
def test_what_the_verb_would_refuse_is_refused(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run_segeval("config", *words, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_broken_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.segeval]\nignor = 2\n", encoding="utf-8")
    done = run_segeval("config", cwd=tmp_path)
    assert done.code == 2
    assert "Did you mean 'ignore'?" in done.stderr
