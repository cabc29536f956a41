"""The root command; each verb is a module of its own, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from segeval.cli.names import variable_of
from segeval.version import __version__

COMMANDS: Mapping[str, str] = {
    "score": "Score the masks in PRED against those in GT.",
    "report": "Report a saved run, also under other options.",
    "combine": "Merge saved runs, such as those of shards, into one run file.",
    "compare": "Compare saved runs NEW with the run BASE.",
    "explain": "Show the mIoU under every convention, and why they differ.",
    "verify": "Check a published number against its signature.",
    "inspect": "Say what is in two folders, what looks wrong, and the fix.",
    "plan": "Estimate time, cost and memory of scoring two folders.",
    "watch": "Show the score so far of runs that others are writing.",
    "presets": "List the presets, or show one.",
    "config": "Show the options that hold here, and where each comes from.",
    "completion": "Print the script that completes command lines in a SHELL.",
    "help": "List the pages of the manual, or show the one on TOPIC.",
}
"""Verb -> what its help begins with, so that a list of all verbs imports none; its module is called as the verb is."""
HELP = {"help_option_names": ["-h", "--help"]}


class Verbs(click.Group):
    """Import a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, `None` for an unknown verb."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"segeval.cli.verbs.{cmd_name}"), cmd_name)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.envvar is None:
                parameter.envvar = variable_of(parameter)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from segeval.errors import nearest

            close = nearest(args[0], COMMANDS)
            if not close:
                raise
            raise click.UsageError(f"no such command '{args[0]}': did you mean {close}?", ctx) from error


def _print_version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    import platform
    from importlib.metadata import version

    click.echo(
        f"segeval {__version__} (Python {platform.python_version()}, numpy {version('numpy')}, "
        f"Pillow {version('pillow')})"
    )
    if ctx.params.get("verbose"):
        from segeval.cli.lanetext import lane_text

        click.echo(lane_text())
    ctx.exit()


@click.group(cls=Verbs, context_settings=HELP, no_args_is_help=False, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of segeval, Python, numpy and Pillow, and exit.",
)
@click.option("-v", "--verbose", is_flag=True, is_eager=True, help="With --version: say also how images are read.")
@click.pass_context
def root(ctx: click.Context, verbose: bool) -> None:
    """Score folders of segmentation masks: IoU, mIoU, BCE and focal loss.

    The number that the field's own evaluators give, with a signature that says how it was obtained.

    \b
      segeval score pred/ gt/
    """
    if verbose:
        raise click.UsageError("-v stands behind the verb, as in 'segeval score -v pred/ gt/'")
    if ctx.invoked_subcommand is None:
        # click's own way raises an error in newer versions and exits in older ones.
        click.echo(ctx.get_help())
