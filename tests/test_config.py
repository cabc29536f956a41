"""Where a setting comes from: a flag beats the environment, which beats the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support.commandline import Completed, run_segeval


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


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SEGEVAL_FAIL_UNDR", "Did you mean 'SEGEVAL_FAIL_UNDER'?"),
        ("SEGEVAL_FLOORS", "as SEGEVAL_FAIL_UNDER after --fail-under"),
        ("SEGEVAL_FORMAT_NAME", "Did you mean 'SEGEVAL_FORMAT'?"),
        ("SEGEVAL_MAPPING", "Did you mean 'SEGEVAL_MAP"),
        ("SEGEVAL_", "Unset it"),
    ],
)
def test_a_variable_that_is_no_option_is_an_error(project: Path, name: str, meant: str) -> None:
    done = scored(project, **{name: "miou=0.9"})
    assert (done.code, done.stdout) == (2, "")
    assert name in done.stderr
    assert meant in done.stderr
    (project / "run.jsonl").write_text("")
    assert name in run_segeval("combine", project / "run.jsonl", "-o", "x", environment={name: "x"}).stderr


def test_several_of_them_are_told_together(project: Path) -> None:
    done = scored(project, SEGEVAL_FAIL_UNDR="miou=0.9", SEGEVAL_PRESETT="voc")
    assert done.code == 2
    assert "SEGEVAL_FAIL_UNDR" in done.stderr
    assert "SEGEVAL_PRESETT" in done.stderr


def test_variables_of_other_verbs_and_of_clusters_are_passed_over(project: Path) -> None:
    others = {
        "SEGEVAL_KEYS": "a*",
        "SEGEVAL_FAIL_REGRESSION": "miou=0.1",
        "SEGEVAL_LANE": "pillow",
    }
    cluster = {"SEGEVAL_VERSION": "1", "SEGEVAL_PORT": "tcp://10.0.0.1:80", "SEGEVAL_SERVICE_HOST": "10.0.0.1"}
    assert labels(scored(project, **others, **cluster)) == [0, 1, 2]


def test_help_is_shown_whatever_the_environment_holds(project: Path) -> None:
    assert run_segeval("score", "--help", environment={"SEGEVAL_FAIL_UNDR": "miou=0.9"}).code == 0


def test_variables_are_named_after_options(project: Path) -> None:
    out = project / "from environment.csv"
    variables = {"SEGEVAL_FORMAT": "csv", "SEGEVAL_OUTPUT": f"{out}\njunit:{project / 'x'}", "SEGEVAL_MAP": "2=1"}
    done = run_segeval("score", project / "pred", project / "gt", environment=variables)
    assert done.code == 0, done.stderr
    assert done.stdout == out.read_text()
    assert ",2," not in done.stdout
    assert (project / "x").read_text().startswith("<?xml")
    over = run_segeval(
        *("score", project / "pred", project / "gt", "--binary", "--probs"), environment={"SEGEVAL_FAIL_OVER": "bce=x"}
    )
    assert (over.code, "the bound of a gate" in over.stderr) == (2, True)


def test_combine_writes_no_run_to_the_place_of_a_report(project: Path) -> None:
    run = project / "run.jsonl"
    assert scored(project, "--save", str(run)).code == 0
    done = run_segeval("combine", run, cwd=project, environment={"SEGEVAL_OUTPUT": "report.json"})
    assert done.code == 2
    assert not (project / "report.json").exists()


def test_paths_in_a_configuration_are_relative_to_it(project: Path) -> None:
    (project / "names.txt").write_text("sky\nroad\ncar\n")
    (project / "own.toml").write_text('name = "own"\n[[classes]]\nid = 0\nname = "all"\n')
    (project / "weights.txt").write_text("1\n2\n3\n")
    configured(
        project,
        'classes = "names.txt"\nsave = "run.jsonl"\noutput = ["report.csv", "junit:r"]\nper-image = "images.csv"\n'
        'class-weights = "weights.txt"',
    )
    done = scored(project, cwd="deep/er")
    assert done.code == 0, done.stderr
    assert [entry["name"] for entry in json.loads(done.stdout)["classes"]] == ["sky", "road", "car"]
    assert all((project / name).is_file() for name in ("run.jsonl", "report.csv", "r", "images.csv"))
    assert list((project / "deep/er").iterdir()) == []
    configured(project, 'palette = "none.txt"')
    assert str(project / "none.txt") in scored(project, cwd="deep/er").stderr
    configured(project, 'preset = "own.toml"')
    assert "neither a class nor ignored" in scored(project, cwd="deep/er").stderr


def test_words_in_the_place_of_paths_stay_words(project: Path) -> None:
    configured(project, 'classes = 3\nclass-weights = "auto"')
    assert labels(scored(project, cwd="deep/er")) == [0, 1, 2]
    configured(project, 'preset = "voc2012"')
    assert scored(project, cwd="deep/er").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[tool.segeval]]\nfail-under = "miou=0.9"\n', "no table"),
        ('[tool]\nsegeval = "x"\n', "no table"),
        ('[tool.segeval]\nfail-under = "miou=0.1"\nfail_under = "miou=0.9"\n', "twice"),
        ('[tool.segeval.score]\nfail-under = "miou=0.1"\n', "unknown key"),
        ('[tool.segeval]\noutput = "josn:x"\n', "json"),
    ],
)
def test_no_form_of_configuration_is_lost_in_silence(project: Path, text: str, said: str) -> None:
    (project / "pyproject.toml").write_text(text)
    done = scored(project)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_verb_the_help_is_shown() -> None:
    done = run_segeval()
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: segeval")
    assert "score" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_clicks_own(shell: str) -> None:
    done = run_segeval("completion", shell)
    assert done.code == 0
    assert "_SEGEVAL_COMPLETE" in done.stdout
    assert done.stderr == ""


def names(done: Completed) -> list[str]:
    assert done.code == 0, done.stderr
    return [entry["name"] for entry in json.loads(done.stdout)["classes"]]


def test_classes_stand_in_the_line_in_the_variable_and_in_the_file(project: Path) -> None:
    assert names(scored(project, "--classes", "road, car,tree")) == ["road", "car", "tree"]
    assert names(scored(project, SEGEVAL_CLASSES="road,car,tree")) == ["road", "car", "tree"]
    configured(project, 'classes = ["sofa, couch", "car", "c.txt"]')
    assert names(scored(project, cwd="deep")) == ["sofa, couch", "car", "c.txt"]
    assert names(scored(project, "--classes", "a,b,c")) == ["a", "b", "c"]
    configured(project, 'classes = "road,car,tree"')
    assert names(scored(project, cwd="deep")) == ["road", "car", "tree"]


def test_a_file_with_a_comma_in_its_name_is_written_as_a_path(project: Path) -> None:
    (project / "a,b.txt").write_text("x\ny\nz\n", encoding="utf-8")
    assert names(scored(project, "--classes", "./a,b.txt")) == ["x", "y", "z"]
    assert names(scored(project, "--classes", str(project / "a,b.txt"))) == ["x", "y", "z"]
    configured(project, 'classes = "./a,b.txt"')
    assert names(scored(project, cwd="deep")) == ["x", "y", "z"]
    done = scored(project, "--classes", "a,b.txt")
    assert (done.code, done.stdout) == (2, "")
    assert "fix: Write ./a,b.txt" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("classes = []", "an inline class list holds names"),
        ('classes = ["a", 1]', 'classes = ["road", "car"]'),
        ("classes = [{id = 0}]", "an inline class list holds names"),
        ('classes = ["a", "a"]', "a class name occurs twice"),
        ('classes = "a,,b"', "--classes has an empty place"),
    ],
)
def test_an_inline_list_that_holds_no_names_is_refused(project: Path, line: str, said: str) -> None:
    configured(project, line)
    done = scored(project)
    assert done.code == 2
    assert said in done.stderr
