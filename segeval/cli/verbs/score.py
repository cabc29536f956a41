"""`segeval score`: measure two folders and report."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.console import asked_statistics
from segeval.cli.contouroptions import boundary_options
from segeval.cli.options import (
    convention_options,
    engine_option,
    label_options,
    loss_options,
    pairing_options,
    palette_option,
    probs_option,
    reading_options,
    storage_options,
)
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import (
    color_option,
    finding_options,
    gate_options,
    only_option,
    output_options,
    picture_options,
    saving_options,
    slice_options,
    statistics_options,
    view_options,
    voice_options,
)

if TYPE_CHECKING:
    from segeval.api.pictures import Pictured
    from segeval.folders.pairing import Pairing
    from segeval.protocol.protocol import Protocol
    from segeval.request import Request
    from segeval.runs.run import Run
    from segeval.runs.saver import Saver
    from segeval.runs.sharding import Shard
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("pred", type=ROOT)
@click.argument("gt", type=ROOT)
@label_options
@palette_option
@storage_options
@convention_options
@pairing_options
@boundary_options
@probs_option
@loss_options
@statistics_options
@slice_options
@reading_options
@engine_option
@saving_options
@gate_options
@finding_options
@output_options
@picture_options
@only_option
@view_options
@color_option
@config_options
@voice_options
def score(pred: Place, gt: Place, **options: Any) -> int:
    """Score the masks in PRED against those in GT.

    Files pair by their relative path without extension. Either may be a zip archive, or the URL of a folder in a
    store (s3, gs, az, hf; zip::s3://bucket/gt.zip, https://host/gt.zip).
    Exit code 0: scored; 1: scored, and a gate failed; 2: could not score.

    \b
    Examples:
      segeval score pred/ gt/ --classes classes.txt
      segeval score pred/ gt/ --preset cityscapes --fail-under miou=0.70
      segeval score probs/ gt/ --probs --binary -o report.md --save run.jsonl
    """
    from segeval.api.scoring import report_measurement
    from segeval.cli.console import Delivery, progress_bar, tell_asides
    from segeval.errors import SegevalError
    from segeval.findings.policy import OF_WHOLE_RUNS
    from segeval.measuring.measure import measure, with_folder_classes
    from segeval.request import build_request
    from segeval.request.options import FolderOptions, chosen

    if options["read_timeout"] is not None:
        from segeval.folders.roots import waiting  # for URLs

        pred, gt = waiting(pred, gt, seconds=options["read_timeout"])
    request = with_folder_classes(pred, gt, build_request(**chosen(FolderOptions, options)))
    if options["verbose"] and not options["quiet"]:
        from segeval.cli.lanetext import lane_text

        tell_asides([lane_text()])
    shard = _shard(options["shard"], by=options["by"])
    asked = asked_statistics(options)
    pairing = _pairing(pred, gt, request, options)
    with Delivery(options) as delivery, _saver(options, request.protocol) as saver:
        with progress_bar(quiet=options["quiet"]) as progress:
            journal = saver.journal if saver else None
            course = {name: options[name] for name in ("jobs", "engine")} | {"pairing": pairing}
            found = measure(pred, gt, request, **course, progress=progress, journal=journal, shard=shard)
        if saver is not None and not found.problems:
            # What was measured is kept even where the labels turn out wrong: `report` can say otherwise of them.
            saver.save(found.run)
            if not options["quiet"]:
                tell_asides(saver.notes)
        if shard is not None and not found.run.rows and not found.problems:
            tell_asides([f"shard {shard} holds no image"])
            return 0
        try:
            report = report_measurement(found, asked, part=shard is not None)
        except SegevalError as error:
            if shard is None or saver is None or found.problems or error.kind not in OF_WHOLE_RUNS:
                raise
            tell_asides([f"shard {shard} is saved; what its values mean is decided when all shards are combined"])
            return 0
        return delivery.deliver(report, _pictures(options, found.run, request, pairing))


def _pairing(pred: Place, gt: Place, request: Request, options: dict[str, Any]) -> Pairing | None:
    """Pair the folders where their images are read again, for pictures; else whoever measures does."""
    if not any(options[name] for name in ("output", "overlays", "images", "label_errors")):
        return None
    from segeval.cli.picturing import wants_pictures
    from segeval.measuring.measure import paired

    return paired(pred, gt, request) if wants_pictures(options) else None


def _pictures(options: dict[str, Any], run: Run, request: Request, pairing: Pairing | None) -> Pictured | None:
    if pairing is None:
        return None
    from segeval.cli.picturing import pictured

    return pictured(options, run, request, pairing)


def _shard(text: str | None, *, by: str | None) -> Shard | None:
    if text is None:
        return None
    if by is not None:
        from segeval.errors import UsageError

        raise UsageError(
            "slices are of all images, and a shard has some of them",
            (f"--by {by}",),
            f"Keep shards with --save PART, then 'segeval combine PART... -o RUN' and 'segeval report RUN --by {by}'",
        )
    from segeval.runs.sharding import parse_shard

    return parse_shard(text)


def _saver(options: dict[str, Any], protocol: Protocol) -> AbstractContextManager[Saver | None]:
    if options["save"] is None:
        if options["resume"]:
            raise click.UsageError("--resume goes on with what --save keeps: name the run file with --save")
        return nullcontext()
    place, resume = options["save"], options["resume"]
    if not isinstance(place, Path):
        from segeval.runs.storedsaver import StoredRunSaver  # for URLs

        return StoredRunSaver(place, protocol, journal=options["journal"], resume=resume)
    if options["journal"] is not None:
        raise click.UsageError("--journal is for --save URL: rows of a run on this machine are kept beside it")
    from segeval.runs.saver import RunSaver

    return RunSaver(place, protocol, resume=resume)
