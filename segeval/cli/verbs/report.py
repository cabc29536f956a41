"""`segeval report`: render a saved run, also under another protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.console import asked_statistics, given
from segeval.cli.contouroptions import boundary_options
from segeval.cli.options import (
    again_options,
    convention_options,
    keys_option,
    label_options,
    loss_options,
)
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import (
    color_option,
    finding_options,
    gate_options,
    only_option,
    output_options,
    picture_options,
    slice_options,
    statistics_options,
    view_options,
    voice_options,
)

if TYPE_CHECKING:
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("run", type=ROOT)
@keys_option
@label_options
@convention_options
@boundary_options
@loss_options
@statistics_options
@slice_options
@gate_options
@finding_options
@output_options
@picture_options
@click.option("--pred", metavar="FOLDER", type=ROOT, help="The predictions of the run, for pictures.")
@click.option("--gt", metavar="FOLDER", type=ROOT, help="The ground truth of the run, for pictures.")
@again_options
@only_option
@view_options
@color_option
@config_options
@voice_options
def report(run: Place, **options: Any) -> int:
    """Report a saved run, also under other options.

    RUN is what 'score --save' or 'combine' has written; no image is read but for pictures, of the folders that --pred
    and --gt name; what RUN keeps nothing of, such as suffixes and colours, is given again. The stored protocol holds
    but for what the command line says otherwise: environment and configuration change how the report looks, never what
    it counts. Exit code 0: scored; 1: scored, and a gate failed; 2: could not score.

    \b
    Examples:
      segeval report run.jsonl --convention ade20k
      segeval report run.jsonl --keys 'night/*' --only miou
      segeval report run.jsonl --by city --slice-regex city='^[^/]+'
      segeval report run.jsonl -f markdown -o report.tex
    """
    from segeval.api.scoring import scored_run
    from segeval.cli.console import Delivery
    from segeval.report.rescoring import rescore
    from segeval.request.options import AGAIN, ArrayOptions, ContourOptions, LossOptions, names_in
    from segeval.runs.storedruns import load_named

    changes = given(("keys", *names_in(ArrayOptions), *names_in(LossOptions), *names_in(ContourOptions)), options)
    asked = asked_statistics(options)
    with Delivery(options) as delivery:
        stored = load_named(run)
        changed = rescore(stored, **changes)
        pictures = None
        again = given(AGAIN, options)
        if again or any(options[name] for name in ("output", "overlays", "images", "label_errors", "pred", "gt")):
            from segeval.cli.picturing import pictured_run

            pictures = pictured_run(options, changed, stored, again)
        return delivery.deliver(scored_run(changed, asked), pictures)
