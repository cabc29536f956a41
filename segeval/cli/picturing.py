"""What of a command line asks for pictures of the images: the page, overlays, and the folders that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from segeval.errors import UsageError

if TYPE_CHECKING:
    from segeval.api.pictures import Pictured
    from segeval.folders.pairing import Pairing
    from segeval.request import Request
    from segeval.runs.run import Run


def wants_pictures(options: Mapping[str, Any]) -> bool:
    """Tell whether a page or overlays are asked for; raises `UsageError` for images that nothing would show."""
    if options["overlays"] is not None or _wants_page(options):
        return True
    if options["label_errors"] is not None:
        raise UsageError(
            "--label-errors says how many are listed, and nothing lists them", (), "Add -o label-errors:FILE.csv"
        )
    if options["images"] is not None:
        raise UsageError(
            "--images are for pictures, which nothing asks for",
            (str(options["images"]),),
            "Add -o report.html or --overlays FOLDER",
        )
    return False


def _wants_page(options: Mapping[str, Any]) -> bool:
    if not options["output"]:
        return False
    from segeval.cli.outputs import LABEL_ERRORS, PAGE, parse_output

    return any(parse_output(text).content in (PAGE, LABEL_ERRORS) for text in options["output"])


def pictured(options: Mapping[str, Any], run: Run, request: Request, pairing: Pairing | None) -> Pictured:
    """Return what pictures are of."""
    from segeval.api.pictures import Pictured

    return Pictured(run, request, pairing, options["images"], options["worst"], options["label_errors"])


def pictured_run(options: Mapping[str, Any], run: Run, stored: Run) -> Pictured | None:
    """Return what pictures of a saved run are of, with the folders that --pred and --gt name; `None` for no pictures.

    Raises `UsageError` for one folder without the other, and for overlays and images without any.
    """
    pred, gt = options["pred"], options["gt"]
    wanted = wants_pictures(options)
    if (pred is None) != (gt is None):
        given, lacking = ("--gt", "--pred") if pred is None else ("--pred", "--gt")
        raise UsageError(f"{given} names a folder of pictures, and {lacking} none", (), f"Add {lacking} FOLDER")
    if not wanted:
        if pred is not None:
            raise UsageError("--pred and --gt are for pictures, which nothing asks for", (), "Add -o report.html")
        return None
    if pred is None:
        for name in ("overlays", "images"):
            if options[name] is not None:
                what = f"--{name} needs the folders that the run was measured from"
                raise UsageError(what, (), "Add --pred FOLDER and --gt FOLDER")
        return pictured(options, run, _request(stored), None)
    from segeval.measuring.measure import paired

    request = _request(stored)
    return pictured(options, run, request, paired(pred, gt, request))


def _request(run: Run) -> Request:
    """Return how the folders of a run were read: by its protocol, and paired as its preset has it."""
    from segeval.protocol.presets import preset_names
    from segeval.request import Request, build_request

    name = (run.protocol.preset or "").partition("@")[0]
    base = build_request(preset=name) if name in preset_names() else Request()
    return replace(base, protocol=run.protocol)
