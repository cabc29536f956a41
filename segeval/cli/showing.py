"""What the verbs share that show something else than a report: how it is shown, and where."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from segeval.cli.console import columns_of, wants_color
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
            help="Format on stdout.",
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
        "width": columns_of(sys.stdout),
    }
