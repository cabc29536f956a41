"""What options are called: on the command line, in a configuration, and in the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import click

PREFIX = "SEGEVAL_"
OTHER_VARIABLES = frozenset({"SEGEVAL_LANE"})
"""Variables that are no option of any verb."""
FOREIGN = ("SEGEVAL_PORT", "SEGEVAL_SERVICE_")
"""What variables begin with that a cluster sets for a service of the name segeval."""
OF_IMAGES = frozenset({"SEGEVAL_VERSION"})
"""What container images set by custom."""


def long_name(option: click.Option) -> str | None:
    """Return an option's first long name without dashes, `None` where it has none."""
    long = next((name for name in (*option.opts, *option.secondary_opts) if name.startswith("--")), None)
    return None if long is None else long[2:]


def variable_of(option: click.Option) -> str | None:
    """Return the environment variable of an option, from its long name: SEGEVAL_FAIL_UNDER of --fail-under."""
    name = long_name(option)
    return None if name is None else f"{PREFIX}{name.replace('-', '_').upper()}"


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by every long name, without dashes."""
    return {
        name[2:]: parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


def verbs(context: click.Context) -> Iterator[click.Command]:
    """Yield the command of `context` and, where it is a verb, all verbs."""
    yield context.command
    group = context.parent.command if context.parent else None
    if context.parent is not None and isinstance(group, click.Group):
        for name in group.list_commands(context.parent):
            command = group.get_command(context.parent, name)
            if command is not None:
                yield command


def check_environment(context: click.Context) -> None:
    """Raise `UsageError` for every SEGEVAL_* variable that no option of any verb reads: a gate in it would not run."""
    given = [name for name in os.environ if name.startswith(PREFIX)]
    unknown = _unknown(given, [context.command])
    # Other verbs are imported only where a variable asks for it.
    if not unknown or not (unknown := _unknown(unknown, verbs(context))):
        return
    from segeval.errors import UsageError, did_you_mean, raise_all

    known = sorted(_variables(verbs(context)))
    raise_all(
        UsageError(
            "the environment has a variable that is no option",
            (name,),
            f"{did_you_mean(name, known)}Unset it, or name it after an option, as SEGEVAL_FAIL_UNDER after "
            "--fail-under",
        )
        for name in sorted(unknown)
    )


def _unknown(names: Iterable[str], commands: Iterable[click.Command]) -> list[str]:
    known = _variables(commands)
    return [name for name in names if name not in known and not name.startswith(FOREIGN)]


def _variables(commands: Iterable[click.Command]) -> set[str]:
    found = {variable_of(option) for command in commands for option in options_of(command).values()}
    return {name for name in found if name is not None} | OTHER_VARIABLES | OF_IMAGES
