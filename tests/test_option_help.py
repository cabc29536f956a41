"""`segeval VERB --help`: at most 80 columns, options in named groups, an example, and every default."""

from __future__ import annotations

import shlex

import click
import pytest

from segeval.cli.names import long_name
from segeval.cli.optiongroups import GROUPS, OWN, group_of
from segeval.cli.root import COMMANDS, root
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import convention
from tests.snapshots import check_snapshot
from tests.support.commandline import run_segeval

WITHOUT_OPTIONS = ("help", "completion")
"""Verbs whose one option is --help."""
OF_SCORES = ("map", "gt-map", "pred-map", "gt-threshold", "pred-threshold", "preset", "fail-under", "fail-over")
OF_SLICES = ("by", "slices", "slice-regex")
OF_PICTURES = ("overlays", "images", "label-errors", "pred", "gt")
OPT_IN = frozenset(
    (*OF_SCORES, *OF_SLICES, *OF_PICTURES, "fail-regression", "allow", "output", "curves", "per-image", "worst", "save")
)
"""Options that ask for something which is otherwise not done."""


def help_of(verb: str, columns: int = 80) -> str:
    done = run_segeval(verb, "--help", environment={"COLUMNS": f"{columns}"})
    assert (done.code, done.stderr) == (0, "")
    return done.stdout


def command_of(verb: str) -> click.Command:
    command = root.get_command(click.Context(root, info_name="segeval"), verb)
    assert command is not None
    return command


def options_of(verb: str) -> list[click.Option]:
    return [option for option in command_of(verb).params if isinstance(option, click.Option)]


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_is_as_it_was_read(verb: str) -> None:
    check_snapshot(f"help_{verb}.txt", help_of(verb))


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("verb", COMMANDS)
def test_no_line_is_longer_than_80_columns(verb: str, columns: int) -> None:
    assert max(map(len, help_of(verb, columns).splitlines())) <= 80


def test_the_list_of_verbs_shows_each_in_one_whole_line() -> None:
    done = run_segeval("--help", environment={"COLUMNS": "200"})
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    listed = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert not [line for line in listed if line.endswith("...")]


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_list_of_verbs_says_of_each_what_its_own_help_begins_with(verb: str) -> None:
    command = root.get_command(click.Context(root), verb)
    assert command is not None
    assert COMMANDS[verb] == command.get_short_help_str(limit=200)


@pytest.mark.parametrize("verb", [verb for verb in COMMANDS if verb not in WITHOUT_OPTIONS])
def test_every_option_stands_in_a_group_or_is_the_verbs_own(verb: str) -> None:
    text = help_of(verb)
    titles = [line.removesuffix(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert set(titles) <= {OWN, *GROUPS, "As in 'segeval score --help'"}
    for option in options_of(verb):
        assert f"--{long_name(option)}" in text


def test_no_option_of_score_stands_outside_a_named_group() -> None:
    assert [long_name(option) for option in options_of("score") if group_of(option) == OWN] == []


def test_a_group_names_no_option_that_no_verb_has() -> None:
    known = {long_name(option) for verb in COMMANDS for option in options_of(verb)} | {"help"}
    assert {name for names in GROUPS.values() for name in names} <= known


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_has_examples_that_name_only_options_of_the_verb(verb: str) -> None:
    lines = help_of(verb).splitlines()
    examples = [line for line in lines if f"segeval {verb}" in line and line.startswith("    ")]
    assert len(examples) >= 2
    shown = [verb, "score"] if verb == "config" else [verb]  # whose line is the options of another
    known = {name for each in shown for option in options_of(each) for name in option.opts}
    for example in examples:
        words = [word for word in shlex.split(example) if word.startswith("-") and word not in known]
        assert words == []


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_default_is_shown(verb: str) -> None:
    context = click.Context(command_of(verb), info_name=verb)
    silent = []
    for option in options_of(verb):
        record = option.get_help_record(context)
        if record is not None and not option.is_flag and not option.required and "[default: " not in record[1]:
            silent.append(long_name(option))
    assert set(silent) <= OPT_IN | ({"classes"} if verb == "verify" else set())


def test_the_defaults_of_the_axes_are_those_of_segeval() -> None:
    usual = convention("segeval")
    assert {axis: getattr(usual, axis) for axis in AXES} == {axis: choices[0] for axis, choices in AXES.items()}


@pytest.mark.parametrize("verb", ["inspect", "report", "explain"])
def test_what_verbs_share_is_named_and_explained_once(verb: str) -> None:
    text = help_of(verb)
    assert "As in 'segeval score --help':" in text
    assert "--pred-void" in text
    assert "Void predicted on valid ground truth" not in text
    assert "Void predicted on valid ground truth" in help_of("score")


def test_what_a_verb_means_otherwise_is_explained_in_its_own_help() -> None:
    assert "where SIGNATURE has its digest" in help_of("verify")
    assert "Percentage of the intervals of differences" in help_of("compare")
