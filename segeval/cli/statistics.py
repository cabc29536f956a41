"""The options of intervals, images and gains, and what they ask of a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from segeval.cli.options import Function, stacked
from segeval.cli.parameters import FILE

if TYPE_CHECKING:
    from segeval.report.extras import Statistics
    from segeval.report.report import Report
    from segeval.runs.run import Run
    from segeval.sampling.resampling import Resampling


def _drawing(of_one: bool) -> tuple[Callable[[Function], Function], ...]:
    return (
        click.option(
            "--ci",
            metavar="LEVEL",
            type=float,
            default=None if of_one else 95.0,
            show_default=not of_one,
            help="Confidence intervals at this percentage, as in --ci 95, by bootstrap over the images."
            if of_one
            else "Percentage of the intervals of differences.",
        ),
        click.option(
            "--resamples", type=int, default=2000, show_default=True, help="How often images are drawn again."
        ),
        click.option("--seed", type=int, default=0, show_default=True, help="Where the drawing starts from."),
        click.option(
            "--ci-method",
            type=click.Choice(["percentile", "bca"]),
            default="percentile",
            show_default=True,
            help="How an interval is read off the resamples.",
        ),
        click.option(
            "--group-by",
            metavar="REGEX",
            help="Draw groups of images whose names share what this finds, as frames of one scene do: '^[^/]+'.",
        ),
    )


drawing_options = stacked(*_drawing(of_one=False))
"""How `compare` draws."""
statistics_options = stacked(
    *_drawing(of_one=True),
    click.option(
        "--per-image", metavar="FILE", type=FILE, help="Write every class of every image to a file (.csv or .jsonl)."
    ),
    click.option("--worst", metavar="N", type=click.IntRange(min=1), help="Name the N images of lowest mIoU."),
    click.option("--gain", is_flag=True, help="Tell what mIoU each class and each confusion costs."),
)


def resampling(options: dict[str, Any]) -> Resampling:
    """Take the settings of the intervals out of a command's options; raises `UsageError`."""
    from segeval.sampling.resampling import Resampling

    return Resampling(options["ci"], options["resamples"], options["seed"], options["ci_method"])


def asked_statistics(options: dict[str, Any]) -> Statistics | None:
    """Return what the options ask for beyond scores, checked before any work; `None` where that is nothing."""
    told = click.get_current_context().get_parameter_source("group_by")
    if options["ci"] is None and told is ParameterSource.COMMANDLINE:
        raise click.UsageError("--group-by says what intervals are drawn over, and none are: add --ci 95")
    if not options["gain"] and all(options[name] is None for name in ("ci", "worst", "per_image")):
        return None
    from segeval.report.extras import Statistics

    drawn = options["ci"] is not None
    return Statistics(
        intervals=resampling(options) if drawn else None,
        group_by=options["group_by"] if drawn else None,
        worst=options["worst"],
        gain=options["gain"],
        images=options["per_image"] is not None,
    )


def with_asked(report: Report, run: Run, asked: Statistics | None) -> Report:
    """Return the report with what the options ask for."""
    if asked is None:
        return report
    from segeval.report.extras import with_statistics

    return with_statistics(report, run, asked)
