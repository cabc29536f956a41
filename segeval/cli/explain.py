"""`segeval explain`: one run under every convention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segeval.cli.config import config_options
from segeval.cli.options import (
    FOLDER,
    convention_options,
    label_options,
    loss_options,
    pairing_options,
    reading_options,
    request_options,
    voice_options,
)
from segeval.cli.showing import page_options, show_options


@click.command()
@click.argument("pred", type=FOLDER)
@click.argument("gt", type=FOLDER)
@label_options
@convention_options
@pairing_options
@loss_options
@reading_options
@show_options("table", "json")
@config_options
@voice_options
def explain(pred: Path, gt: Path, **options: Any) -> int:
    """Show the mIoU of PRED against GT under every convention, and what each rule is worth.

    From the chosen convention (--convention and the axes, else the preset's) the rules are changed one at a time, in
    the order of the axes; their points add up to the whole difference. A convention that refuses the masks is shown
    with its reason. Exit code 0: some convention can score; 2: none can.
    """
    from dataclasses import replace

    from segeval.cli.console import tell_notes, tell_warnings, write_result
    from segeval.cli.progress import progress_bar
    from segeval.errors import raise_all
    from segeval.explanation import explain as explained
    from segeval.measuring import measure
    from segeval.render.explanation import refusal_warning, render_explanation, render_explanation_json
    from segeval.request import build_request

    request = build_request(**request_options(options))
    with progress_bar(quiet=options["quiet"]) as progress:
        measured = measure(pred, gt, request, jobs=options["jobs"], progress=progress)
    raise_all(measured.problems)
    found = replace(explained(measured.run, names=measured.names), warnings=measured.warnings)
    if not options["quiet"]:
        tell_notes(measured.run.resolve().notes)
        refusal = refusal_warning(found)
        tell_warnings((*found.warnings, *((refusal,) if refusal else ())))
    if options["format_name"] == "json":
        write_result(render_explanation_json(found))
    else:
        write_result(render_explanation(found, **page_options(options["color"]), verbose=options["verbose"]))
    return 0
