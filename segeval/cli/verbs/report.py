"""`segeval report`: render a saved run, also under another protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from segeval.cli.config import config_options
from segeval.cli.names import Verb
from segeval.cli.options import (
    convention_options,
    gate_options,
    label_options,
    loss_options,
    output_options,
    voice_options,
)
from segeval.cli.parameters import FILE
from segeval.cli.statistics import asked_statistics, statistics_options, with_asked
from segeval.protocol.axes import AXES

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = ("palette", "probs")
"""Options of `score` that only an image can answer to."""
CHANGES = (
    *("preset", "classes", "ignore", "mapping", "gt_map", "pred_map", "binary", "convention", "keys", *AXES),
    *("threshold", "gamma", "alpha", "pos_weight", "class_weights", "eps"),
)
"""Options that change the stored protocol, where the command line itself gives them."""


@click.command(cls=Verb)
@click.argument("run", type=FILE)
@click.option("--keys", metavar="GLOB", help="Report the images whose key fits, as in 'frankfurt/*'.")
@label_options
@convention_options
@loss_options
@statistics_options
@gate_options
@output_options
@config_options
@voice_options
def report(run: Path, **options: Any) -> int:
    """Report a run that 'score --save' or 'combine' has written, without reading an image.

    The stored protocol holds but for what the command line says otherwise: environment and configuration change how
    the report looks, never what it counts. Exit code 0: scored; 1: scored, and a gate failed; 2: could not score.
    """
    from segeval.cli.delivery import Delivery
    from segeval.report.rescoring import report_run, rescore
    from segeval.runs.file import load_run

    changes = given(CHANGES, options)
    asked = asked_statistics(options)
    with Delivery(options) as delivery:
        axes = {axis: changes.pop(axis) for axis in AXES if axis in changes}
        chosen = rescore(load_run(run), axes=axes, **changes)
        return delivery.deliver(with_asked(report_run(chosen), chosen, asked))


def given(names: Iterable[str], options: dict[str, Any]) -> dict[str, Any]:
    """Return those of the options `names` that the command line itself gives."""
    context = click.get_current_context()
    return {name: options[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}


report.params = [parameter for parameter in report.params if parameter.name not in MEASURED]
