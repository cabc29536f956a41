"""`segeval plan`: what scoring two folders would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.options import engine_option, folder_options
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import show_options, voice_options

if TYPE_CHECKING:
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("pred", type=ROOT)
@click.argument("gt", type=ROOT)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    default=200,
    show_default=True,
    help="Measure at most this many pairs.",
)
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    metavar="PRICE",
    help="What an hour of all that measures costs together, in any currency. [default: none]",
)
@folder_options
@engine_option
@show_options("table", "json")
@config_options
@voice_options
def plan(pred: Place, gt: Place, sample: int, price: float | None, **options: Any) -> int:
    """Estimate time, cost and memory of scoring two folders.

    Files are listed and paired, and a sample of the pairs is measured as 'segeval score' with the same options would;
    nothing is scored or kept. The table says what was measured and what was extrapolated. Exit code 0: estimated; 2:
    the folders do not pair, or the sample cannot be measured.

    \b
    Examples:
      segeval plan pred/ gt/ --classes 19
      segeval plan s3://run7/pred s3://city/gt --engine dask --price 12.80
      segeval plan pred/ gt/ -j 8 --sample 1000 -f json
    """
    from segeval.cli.console import page_options, progress_bar, write_page, write_result
    from segeval.folders.roots import waiting
    from segeval.measuring.planning import plan as planned
    from segeval.render.plan import render_plan, render_plan_json
    from segeval.request import build_request
    from segeval.request.options import FolderOptions, chosen

    request = build_request(**chosen(FolderOptions, options))
    pred, gt = waiting(pred, gt, seconds=options["read_timeout"])
    with progress_bar(quiet=options["quiet"]) as progress:
        course = {"jobs": options["jobs"], "engine": options["engine"], "progress": progress}
        found = planned(pred, gt, request, sample=sample, price=price, **course)
    if options["format"] == "json":
        write_result(render_plan_json(found))
    else:
        write_page(render_plan(found, **page_options(options["color"])))
    return 0
