"""`segeval explain`: one run under every convention."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.console import given, policy_of
from segeval.cli.contouroptions import surface_options
from segeval.cli.options import folder_options
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import finding_options, show_options, voice_options

if TYPE_CHECKING:
    from segeval.errors import Finding
    from segeval.explanation.definitions import DistanceExplanation
    from segeval.report.refusals import FileNames
    from segeval.runs.run import Run
    from segeval.stores.urls import Place

    Explained = tuple[Run, FileNames | None, tuple[Finding, ...], DistanceExplanation | None]


OF_FOLDERS = (
    "palette",
    "probs",
    "gt_suffix",
    "pred_suffix",
    "gt_prefix",
    "pred_prefix",
    "key_regex",
    "name_map",
    "keys",
    "roi",
    "missing",
    "max_pixels",
    "jobs",
    "read_timeout",
    "distances",
    "tolerance",
    "spacing",
)
"""Options that say how folders are read, which a saved run has behind it."""


@click.command(cls=Verb)
@click.argument("pred", metavar="PRED|RUN", type=ROOT)
@click.argument("gt", metavar="[GT]", type=ROOT, required=False)
@folder_options
@surface_options
@finding_options
@show_options("table", "json")
@config_options
@voice_options
def explain(pred: Place, gt: Place | None, **options: Any) -> int:
    """Show the mIoU under every convention, and why they differ.

    A run that 'score --save' has written takes the place of PRED and GT. From the chosen convention (--convention and
    the axes, else the preset's) the rules are changed one at a time, in the order of the axes; their points add up to
    the whole difference. A convention that refuses the masks is shown with its reason. --distances shows HD95 and NSD
    under every definition too, for which the images are read again. Exit code 0: some convention
    can score; 2: none can.

    \b
    Examples:
      segeval explain pred/ gt/ --classes classes.txt
      segeval explain run.jsonl --convention cityscapes
    """
    from segeval.cli.console import page_options, tell_findings, tell_notes, write_page, write_result
    from segeval.explanation.accounts import explain as explained
    from segeval.findings.policy import judged
    from segeval.findings.runs import run_findings
    from segeval.render.explanation import refusal_warning, render_explanation, render_explanation_json

    policy = policy_of(options)
    run, names, warnings, distances = _saved(pred, options) if gt is None else _measured(pred, gt, options)
    told = judged((*warnings, *run_findings(run, names=names)), policy)
    found = replace(explained(run, names=names), warnings=told, distances=distances)
    if not options["quiet"]:
        tell_notes(found.notes)
    refusal = refusal_warning(found)
    tell_findings((*found.warnings, *((refusal,) if refusal else ())))
    if options["format"] == "json":
        write_result(render_explanation_json(found))
    else:
        write_page(render_explanation(found, **page_options(options["color"]), verbose=options["verbose"]))
    return 0


def _measured(pred: Place, gt: Place, options: dict[str, Any]) -> Explained:
    from segeval.cli.console import progress_bar
    from segeval.errors import raise_all
    from segeval.folders.roots import waiting
    from segeval.measuring.measure import measure
    from segeval.request import build_request
    from segeval.request.options import FolderOptions, chosen

    request = build_request(**chosen(FolderOptions, options))
    pred, gt = waiting(pred, gt, seconds=options["read_timeout"])
    with progress_bar(quiet=options["quiet"]) as progress:
        measured = measure(pred, gt, request, jobs=options["jobs"], progress=progress)
        raise_all(measured.problems)
        distances = None
        if request.protocol.distances is not None:
            from segeval.explanation.definitions import explain_folders  # few explanations are of distances

            distances = explain_folders(measured.run, pred, gt, request, jobs=options["jobs"])
    return measured.run, measured.names, measured.warnings, distances


def _saved(path: Place, options: dict[str, Any]) -> Explained:
    from segeval.errors import UsageError
    from segeval.report.rescoring import rescore
    from segeval.request.options import ArrayOptions, LossOptions, names_in
    from segeval.runs.storedruns import load_named

    if isinstance(path, Path) and path.is_dir():
        raise UsageError("one folder alone cannot be explained", (str(path),), "Give PRED and GT, or a saved run")
    if foreign := given(OF_FOLDERS, options):
        names = [f"--{name.replace('_', '-')}" for name in foreign]
        raise UsageError(
            "these options need images, and a saved run has none", names, "Leave the options out, or give PRED and GT"
        )
    changes = given((*names_in(ArrayOptions), *names_in(LossOptions)), options)
    return rescore(load_named(path), **changes), None, (), None
