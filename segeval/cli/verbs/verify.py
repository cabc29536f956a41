"""`segeval verify`: a published number checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.options import affix_options, palette_option, reading_options, roi_option, segments_options
from segeval.cli.parameters import CLASSES, FILE_TO_READ, KEYS, PRESET, ROOT
from segeval.cli.reporting import voice_options

if TYPE_CHECKING:
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("signature")
@click.argument("claim", metavar="NAME=VALUE")
@click.argument("pred", metavar="PRED|RUN", type=ROOT)
@click.argument("gt", metavar="[GT]", type=ROOT, required=False)
@click.option("--preset", type=PRESET, metavar="FILE", help="The preset's file, where SIGNATURE has its digest.")
@click.option(
    "--dataset", type=FILE_TO_READ, metavar="FILE", help="The dataset.json of --preset nnunet. [default: none]"
)
@click.option("-c", "--classes", type=CLASSES, metavar="FILE", help="The class list, where SIGNATURE has its digest.")
@segments_options
@palette_option
@affix_options
@click.option(
    "--keys", type=KEYS, metavar="FILE", help="The split list, where SIGNATURE has its digest. [default: none]"
)
@roi_option
@click.option("--strict", is_flag=True, help="Another version or another ground-truth digest fails too.")
@reading_options
@config_options
@voice_options
def verify(signature: str, claim: str, pred: Place, gt: Place | None, **options: Any) -> int:
    """Check a published number against its signature.

    NAME is to be VALUE, as printed beside SIGNATURE, for PRED against GT or for a saved run. All is scored again under
    the signature's protocol and rounded to the digits of VALUE, a number or percent (74.25%). What a signature holds
    as a digest only, such as a class list, is given again by its option. Exit code 0: the number stands; 1: value or
    protocol differs; 2: could not score. Another version or another ground-truth digest is told, and fails with
    --strict.

    \b
    Examples:
      segeval verify "$SIGNATURE" miou=74.25% pred/ gt/
      segeval verify "$SIGNATURE" miou=0.7425 run.jsonl --strict
    """
    from segeval.api.comparing import verify as verified
    from segeval.cli.console import progress_bar, write_page
    from segeval.folders.roots import waiting
    from segeval.render.verification import render_verification
    from segeval.request.options import VerifyOptions, chosen

    places: dict[str, Any] = {"pred": pred, "gt": gt}
    if gt is not None:
        places["pred"], places["gt"] = waiting(pred, gt, seconds=options["read_timeout"])
    with progress_bar(quiet=options["quiet"]) as progress:
        course = {"jobs": options["jobs"], "progress": progress, **places}
        found = verified(signature, claim, **course, **chosen(VerifyOptions, options))
    write_page(render_verification(found, strict=options["strict"]))
    return 0 if found.holds(strict=options["strict"]) else 1
