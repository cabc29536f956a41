"""`segeval explain`: one run under every convention."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.config import config_options
from segeval.cli.names import Verb
from segeval.cli.options import (
    folder_options,
    request_options,
    voice_options,
)
from segeval.cli.parameters import FOLDER
from segeval.cli.showing import page_options, show_options
from segeval.cli.verbs.report import CHANGES, given
from segeval.protocol.axes import AXES

if TYPE_CHECKING:
    from pathlib import Path

    from segeval.report.labelcheck import FileNames
    from segeval.runs.run import Run


OF_FOLDERS = ("palette", "probs", "gt_suffix", "pred_suffix", "missing", "max_pixels", "jobs")
"""Options that say how folders are read, which a saved run has behind it."""


@click.command(cls=Verb)
@click.argument("pred", metavar="PRED|RUN", type=FOLDER)
@click.argument("gt", metavar="[GT]", type=FOLDER, required=False)
@folder_options
@show_options("table", "json")
@config_options
@voice_options
def explain(pred: Path, gt: Path | None, **options: Any) -> int:
    """Show the mIoU of PRED against GT under every convention, and what each rule is worth.

    A run that 'score --save' has written takes the place of both. From the chosen convention (--convention and the
    axes, else the preset's) the rules are changed one at a time, in the order of the axes; their points add up to the
    whole difference. A convention that refuses the masks is shown with its reason. Exit code 0: some convention can
    score; 2: none can.
    """
    from segeval.cli.console import tell_notes, tell_warnings, write_result
    from segeval.explanation import explain as explained
    from segeval.render.explanation import refusal_warning, render_explanation, render_explanation_json

    run, names, warnings = _saved(pred, options) if gt is None else _measured(pred, gt, options)
    found = replace(explained(run, names=names), warnings=warnings)
    if not options["quiet"]:
        tell_notes(run.resolve().notes)
        refusal = refusal_warning(found)
        tell_warnings((*found.warnings, *((refusal,) if refusal else ())))
    if options["format_name"] == "json":
        write_result(render_explanation_json(found))
    else:
        write_result(render_explanation(found, **page_options(options["color"]), verbose=options["verbose"]))
    return 0


def _measured(pred: Path, gt: Path, options: dict[str, Any]) -> tuple[Run, FileNames | None, tuple[str, ...]]:
    from segeval.cli.progress import progress_bar
    from segeval.errors import raise_all
    from segeval.measuring.measure import measure
    from segeval.request import build_request

    request = build_request(**request_options(options))
    with progress_bar(quiet=options["quiet"]) as progress:
        measured = measure(pred, gt, request, jobs=options["jobs"], progress=progress)
    raise_all(measured.problems)
    return measured.run, measured.names, measured.warnings


def _saved(path: Path, options: dict[str, Any]) -> tuple[Run, FileNames | None, tuple[str, ...]]:
    from segeval.errors import UsageError
    from segeval.report.rescoring import rescore
    from segeval.runs.file import load_run

    if path.is_dir():
        raise UsageError("one folder alone cannot be explained", (str(path),), "Give PRED and GT, or a saved run")
    if foreign := given(OF_FOLDERS, options):
        names = [f"--{name.replace('_', '-')}" for name in foreign]
        raise UsageError("a saved run has its images behind it", names, "Leave the options out, or give PRED and GT")
    changes = given(CHANGES, options)
    axes = {axis: changes.pop(axis) for axis in AXES if axis in changes}
    return rescore(load_run(path), axes=axes, **changes), None, ()
