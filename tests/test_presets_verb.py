"""`segeval presets`: the list, one preset in three formats, and a user's own."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from segeval.protocol.conventions import convention
from segeval.protocol.presets import parse_preset, preset, preset_names
from segeval.render.presets import preset_to_dict, render_preset
from tests.snapshots import check_snapshot
from tests.support.commandline import run_segeval

OWN = """
name = "mine"
title = "Two classes"
ignore = [9]
classes = [{ id = 0, name = "a", color = [1, 2, 3] }, { id = 4, name = "b" }]
unverified = ["where b comes from"]
"""


def test_an_unknown_preset_is_exit_2_with_the_nearest_name() -> None:
    done = run_segeval("presets", "cityscape")
    assert (done.code, done.stdout) == (2, "")
    assert "there is no preset 'cityscape'" in done.stderr
    assert "Did you mean 'cityscapes'?" in done.stderr


def test_a_file_that_is_missing_or_wrong_is_exit_2(tmp_path: Path) -> None:
    done = run_segeval("presets", "./mine.toml", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    (tmp_path / "mine.toml").write_text('name = "mine"\nclasses = ["a"]\nignored = [1]\n')
    for format_name in ("table", "json", "toml"):
        done = run_segeval("presets", "./mine.toml", "-f", format_name, cwd=tmp_path)
        assert (done.code, done.stdout) == (2, "")
        assert "unknown key" in done.stderr
        assert "Did you mean 'ignore'?" in done.stderr


def test_toml_needs_a_name() -> None:
    done = run_segeval("presets", "-f", "toml")
    assert (done.code, done.stdout) == (2, "")
    assert "Name it: ade20k" in done.stderr


def test_the_list_has_every_preset() -> None:
    done = run_segeval("presets")
    assert (done.code, done.stderr) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line[0] == "│"]
    assert [row[0] for row in rows[1:]] == list(preset_names())
    assert rows[1 + list(preset_names()).index("binary")] == [
        "binary",
        "Binary masks: 0 is background, every other value foreground",
        "2",
        "segeval",
        "",
    ]
    listed = json.loads(run_segeval("presets", "-f", "json").stdout)["presets"]
    assert [entry["name"] for entry in listed] == list(preset_names())
    ade = next(entry for entry in listed if entry["name"] == "ade20k")
    assert (ade["classes"], ade["convention"], ade["images"]) == (150, "ade20k", {"train": 20210, "val": 2000})


@pytest.mark.parametrize("name", ["loveda", "binary"])
def test_one_preset_as_a_table(name: str) -> None:
    done = run_segeval("presets", name)
    assert (done.code, done.stderr) == (0, "")
    check_snapshot(f"preset.{name}.txt", done.stdout)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_shows_all_its_facts(name: str) -> None:
    facts = preset(name)
    text = run_segeval("presets", name).stdout
    found = json.loads(run_segeval("presets", name, "-f", "json").stdout)
    assert found["axes"] == convention(facts.convention).axes()
    assert [(entry["id"], entry["name"]) for entry in found["classes"]] == [
        (entry.id, entry.name) for entry in facts.classes
    ]
    for side, mapping in (("gt", facts.gt_map), ("pred", facts.pred_map)):
        raws = [raw for entry in [*found["classes"], found["void"]] for raw in entry[side]]
        assert sorted(raws) == ([] if facts.binary else sorted(mapping))
        for entry in found["classes"]:
            assert all(mapping[raw] == entry["id"] for raw in entry[side])
    for words in (*facts.encodings.values(), *facts.unverified, *facts.notes.strip().splitlines()):
        assert words in text
    for source in facts.sources:
        assert f"{source.repo}: {source.path}" in text
    assert text.count("unverified: ") == len(facts.unverified)
    assert ("cannot be decoded" in text) >= (not facts.has_palette)


def test_toml_is_the_preset_itself_and_a_start_for_ones_own(tmp_path: Path) -> None:
    done = run_segeval("presets", "loveda", "-f", "toml")
    packaged = resources.files("segeval.protocol.presets").joinpath("loveda.toml").read_text(encoding="utf-8")
    assert (done.code, done.stdout, done.stderr) == (0, packaged, "")
    assert parse_preset(done.stdout, name="mine.toml") == preset("loveda")
    (tmp_path / "mine.toml").write_text(done.stdout, encoding="utf-8")
    assert run_segeval("presets", tmp_path / "mine.toml").stdout == run_segeval("presets", "loveda").stdout


def test_a_users_own_preset_is_shown(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    done = run_segeval("presets", "mine.toml", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert "mine: Two classes" in done.stdout
    assert re.search(r"│ +9 │ void +│ +│ 9 +│ 9 +│", done.stdout)
    assert "unverified: where b comes from" in done.stdout
    assert run_segeval("presets", "mine.toml", "-f", "toml", cwd=tmp_path).stdout == OWN


def test_binary_has_no_list_of_raw_values() -> None:
    found = preset_to_dict(preset("binary"))
    assert found["binary"] is True
    assert [entry["gt"] for entry in found["classes"]] == [[], []]


def test_colour_only_adds_patches() -> None:
    plain, colored = (render_preset(preset("loveda"), color=color) for color in (False, True))
    assert "\x1b" not in plain
    without = re.sub(r"\x1b\[[0-9;]*m", "", colored).replace("██ ", "")
    assert [line.split() for line in without.splitlines() if "building" in line] == [
        line.split() for line in plain.splitlines() if "building" in line
    ]
