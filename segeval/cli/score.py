"""`segeval score`: measure two folders and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segeval.cli.config import config_options
from segeval.cli.options import (
    FOLDER,
    convention_options,
    gate_options,
    label_options,
    loss_options,
    output_options,
    pairing_options,
    reading_options,
    request_options,
    voice_options,
)


@click.command()
@click.argument("pred", type=FOLDER)
@click.argument("gt", type=FOLDER)
@label_options
@convention_options
@pairing_options
@loss_options
@reading_options
@gate_options
@output_options
@config_options
@voice_options
def score(pred: Path, gt: Path, **options: Any) -> int:
    """Score the masks in PRED against those in GT.

    Files pair by their relative path without extension. Exit code 0: scored; 1: scored, and a gate failed; 2: could
    not score.
    """
    from segeval.api import report_measurement
    from segeval.cli.delivery import Delivery
    from segeval.cli.progress import progress_bar
    from segeval.measuring import measure
    from segeval.request import build_request

    request = build_request(**request_options(options))
    with Delivery(options) as delivery:
        with progress_bar(quiet=options["quiet"]) as progress:
            found = measure(pred, gt, request, jobs=options["jobs"], progress=progress)
        return delivery.deliver(report_measurement(found))
