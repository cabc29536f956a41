"""A configuration that was found may write in its own folder only; one that was named may write where it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support.commandline import run_segeval

OUTPUTS = {
    "save": ("run.jsonl", "{}"),
    "output": ("r.json", "{}"),
    "output = [..]": ("r.md", '["r.csv", {}]'),
    "output = FORMAT:FILE": ("log.txt", "github:{}"),
    "curves": ("c.csv", "{}"),
    "per-image": ("i.csv", "{}"),
    "per_image": ("i.jsonl", "{}"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("project/gt", "project/pred", "project/work", "outside"):
        (tmp_path / folder).mkdir(parents=True)
    for side in ("gt", "pred"):
        (tmp_path / "project" / side / "a.png").write_bytes(encode(pattern(8, 6) % 3))
    return tmp_path / "project"


def configured(project: Path, option: str, target: str) -> None:
    name, form = option.partition(" ")[0], OUTPUTS[option][1]
    value = form.replace("{}", target if form[:1] != "[" else f'"{target}"')
    line = f"{name} = {value}" if form[:1] == "[" else f'{name} = "{value}"'
    (project / "pyproject.toml").write_text(f"[tool.segeval]\n{line}\n", encoding="utf-8")


def scored(project: Path, *options: str, cwd: str = "work") -> tuple[int, str]:
    probs = ("--probs",) if "curves" in (project / "pyproject.toml").read_text() else ()
    done = run_segeval("score", project / "pred", project / "gt", "-c", "3", *options, *probs, cwd=project / cwd)
    return done.code, done.stderr


def outside(project: Path, kind: str) -> tuple[str, Path]:
    """Return how a path outside is written, and where it is."""
    place = project.parent / "outside" / "x"
    if kind == "absolute":
        return str(place), place
    if kind == "upwards":
        return "../outside/x", place
    if kind == "by a link":
        (project / "link").symlink_to("../outside")
        return "link/x", place
    (project / "x").symlink_to("../outside/x")
    return "x", place


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize("kind", ["absolute", "upwards", "by a link", "a link itself"])
def test_a_found_configuration_writes_nothing_outside_its_folder(project: Path, option: str, kind: str) -> None:
    text, place = outside(project, kind)
    suffix = Path(OUTPUTS[option][0]).suffix
    if kind == "a link itself":
        (project / f"x{suffix}").symlink_to(f"../outside/x{suffix}")
    configured(project, option, text + suffix)
    place.with_name(f"x{suffix}").write_bytes(b"precious")
    code, told = scored(project)
    assert code == 2
    assert "writes outside its folder" in told
    assert f"x{suffix}" in told
    assert place.with_name(f"x{suffix}").read_bytes() == b"precious"
    assert sorted(path.name for path in place.parent.iterdir()) == [f"x{suffix}"]
    # Each remedy works as it is told.
    assert f"--config {project / 'pyproject.toml'}" in told
    assert "--no-config" in told
    if option != "curves":
        assert scored(project, "--no-config")[0] == 0
        assert place.with_name(f"x{suffix}").read_bytes() == b"precious"
        assert scored(project, "--config", str(project / "pyproject.toml"))[0] == 0
        assert place.with_name(f"x{suffix}").read_bytes() != b"precious"


@pytest.mark.parametrize("option", [option for option in OUTPUTS if option != "curves"])
@pytest.mark.parametrize("cwd", ["work", "."])
def test_a_found_configuration_writes_below_itself_wherever_it_is_found_from(
    project: Path, option: str, cwd: str
) -> None:
    name = OUTPUTS[option][0]
    configured(project, option, f"work/{name}")
    assert scored(project, cwd=cwd) == (0, scored(project, cwd=cwd)[1])
    assert (project / "work" / name).exists()
    assert not (project / "work" / "work").exists()


def test_what_a_flag_or_the_environment_names_is_the_users_own(project: Path) -> None:
    configured(project, "save", "../outside/run.jsonl")
    code, told = scored(project, "--save", str(project.parent / "outside/mine.jsonl"))
    # The file still asks for more than it may: the flag replaces its value, and nothing of it is written.
    assert code == 2, told
    assert not list((project.parent / "outside").iterdir())
    code, told = scored(project, "--no-config", "--save", str(project.parent / "outside/mine.jsonl"))
    assert code == 0, told
    assert [path.name for path in (project.parent / "outside").iterdir()] == ["mine.jsonl"]
