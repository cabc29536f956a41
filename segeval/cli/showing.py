"""What the verbs share that show something else than a report: how it is shown, and where."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import click

from segeval.cli.console import wants_color
from segeval.cli.options import Function, stacked


def show_options(*formats: str) -> Callable[[Function], Function]:
    """Return the decorator for -f with these formats, the first being the default, and --color."""

    return stacked(
        click.option(
            "-f",
            "--format",
            "format_name",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="What stdout gets.",
        ),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Colour table and messages.",
        ),
    )


def page_options(color: str) -> dict[str, Any]:
    """Return the colour and the width that stdout takes."""
    return {
        "color": wants_color(sys.stdout, color),
        "width": shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
    }
