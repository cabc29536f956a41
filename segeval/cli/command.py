"""What every verb is: a command that checks the environment before it runs, and shows its options in groups."""

from __future__ import annotations

from typing import Any

import click

from segeval.cli.names import check_environment


class Verb(click.Command):
    """Refuse to run where the environment has a variable that is no option; help, in groups, is shown all the same."""

    def invoke(self, ctx: click.Context) -> Any:
        """Check the environment, and run."""
        check_environment(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in named groups."""
        from segeval.cli.optiongroups import write_options  # for help alone

        write_options(self, ctx, formatter)
