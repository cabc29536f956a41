"""`segeval config`: the options that hold here, and where each comes from."""

from __future__ import annotations

import click

from segeval.cli.command import Verb
from segeval.cli.reporting import show_options

VERBS = ("score", "report", "compare", "explain", "verify", "inspect", "plan", "presets")
"""Verbs whose options can be configured."""


@click.command(cls=Verb, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("verb", type=click.Choice(VERBS), default="score", metavar="[VERB]")
@click.argument("line", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF VERB]")
@show_options("table", "json")
def config(verb: str, line: tuple[str, ...], **options: str) -> int:
    """Show the options that hold here, and where each comes from.

    VERB is 'score' where none is named; what stands behind it is read as that verb would. The table has what is set by
    a file, a variable or the line, JSON defaults too. A flag beats the environment, which beats the file; gates and
    --allow of all three add up.

    \b
    Examples:
      segeval config
      segeval config score --preset cityscapes --fail-under miou=0.7
      segeval config -f json compare
    """
    from segeval.cli.console import page_options, write_page, write_result
    from segeval.cli.effective import DEFAULT, effective, file_read
    from segeval.render.settings import render_settings, render_settings_json

    context = click.get_current_context()
    root = context.find_root()
    command = root.command.get_command(root, verb) if isinstance(root.command, click.Group) else None
    if command is None:
        raise click.UsageError(f"no such command '{verb}'", context)
    found = effective(command, line, root)
    path = file_read(root)
    rows = [(setting.option, setting.value, setting.place) for setting in found]
    if options["format"] == "json":
        write_result(render_settings_json(verb, path, rows))
    else:
        told = [row for row in rows if row[2] != DEFAULT]
        write_page(render_settings(verb, path, told, **page_options(options["color"])))
    return 0
