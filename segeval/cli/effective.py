"""The options that hold for a command line, each with the place that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from segeval.cli.config import FILE_READ, NOT_CONFIGURED
from segeval.cli.names import long_name, variable_of
from segeval.records import dataclass

DEFAULT = "default"
FLAG = "command line"


@dataclass(frozen=True, slots=True)
class Setting:
    """Hold one value of an option, `None` where it has none, and its place: a file, a variable, or one of ours."""

    option: str
    value: Any
    place: str


def effective(verb: click.Command, words: Sequence[str], parent: click.Context | None) -> tuple[Setting, ...]:
    """Return the options that `verb` would run with; of options that add up, every value for itself.

    Folders and files of the line are passed over. Raises what the verb would raise for its options.
    """
    options: list[click.Parameter] = [each for each in verb.params if isinstance(each, click.Option)]
    # The verb itself asks for its folders; its options alone are read here.
    reader = type(verb)(verb.name, params=options, callback=verb.callback, add_help_option=False)
    reader.allow_extra_args = True
    context = reader.make_context(verb.name, list(words), parent=parent)
    found: list[Setting] = []
    for option in options:
        name = long_name(option) if isinstance(option, click.Option) else None
        if isinstance(option, click.Option) and name is not None and option.name not in NOT_CONFIGURED:
            found += [Setting(name, value, place) for value, place in _values(option, context)]
    return tuple(found)


def file_read(parent: click.Context) -> str | None:
    """Return the configuration that was read, as seen from the working folder, `None` where that is none."""
    path: Path | None = parent.meta.get(FILE_READ)
    if path is None:
        return None
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _values(option: click.Option, context: click.Context) -> list[tuple[Any, str]]:
    name = option.name or ""
    value = context.params.get(name)
    places = {
        ParameterSource.COMMANDLINE: FLAG,
        ParameterSource.ENVIRONMENT: str(variable_of(option)),
        ParameterSource.DEFAULT_MAP: file_read(context) or DEFAULT,
    }
    place = places.get(context.get_parameter_source(name) or ParameterSource.DEFAULT, DEFAULT)
    if not option.multiple:
        return [(value, place)]
    variable = option.value_from_envvar(context) or ()
    configured = (context.default_map or {}).get(name) or ()
    adds_up = option.callback is not None or type(option) is not click.Option

    def place_of(one: Any) -> str:
        """Return the nearest place that has the value."""
        if not adds_up:
            return place
        if str(one) in variable:
            return places[ParameterSource.ENVIRONMENT]
        return places[ParameterSource.DEFAULT_MAP] if str(one) in configured else FLAG

    return [(one, place_of(one)) for one in value or ()] or [(None, DEFAULT)]
