"""`segeval inspect`: what is in two folders, before anything is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.console import policy_of
from segeval.cli.options import folder_options
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import finding_options, show_options, voice_options

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
    help="Decode at most this many pairs; all headers are read.",
)
@folder_options
@finding_options
@show_options("table", "json")
@config_options
@voice_options
def inspect(pred: Place, gt: Place, sample: int, **options: Any) -> int:
    """Say what is in two folders, what looks wrong, and the fix.

    Nothing is scored: the options are those of 'segeval score', whose work is tried here. What keeps it from working
    is part of the result, so stdout has the inspection in either case. Exit code 0: scoring would work; 2: it would
    not.

    \b
    Examples:
      segeval inspect pred/ gt/
      segeval inspect pred/ gt/ --preset voc --sample 1000
      segeval inspect probs/ gt/ --probs -f json
    """
    from segeval.cli.commandline import score_line
    from segeval.cli.console import page_options, progress_bar, write_page, write_result
    from segeval.folders.roots import waiting
    from segeval.measuring.inspecting import inspect as inspected
    from segeval.render.inspection import render_inspection, render_inspection_json
    from segeval.request import build_request
    from segeval.request.options import FolderOptions, chosen

    policy = policy_of(options)
    pred, gt = waiting(pred, gt, seconds=options["read_timeout"])
    request = build_request(**chosen(FolderOptions, options))
    with progress_bar(quiet=options["quiet"]) as progress:
        found = inspected(pred, gt, request, policy=policy, sample=sample, jobs=options["jobs"], progress=progress)
    if options["format"] == "json":
        write_result(render_inspection_json(found))
    else:
        command = "" if found.remedy is None else score_line(pred, gt, found.remedy)
        write_page(render_inspection(found, command=command, **page_options(options["color"])))
    return 0 if found.ready else 2
