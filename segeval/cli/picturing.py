"""What of a command line asks for pictures of the images: the page, overlays, and the folders that they are of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from segeval.errors import UsageError

if TYPE_CHECKING:
    from segeval.api.comparedpictures import Side
    from segeval.api.pictures import Pictured
    from segeval.folders.pairing import Pairing
    from segeval.request import Request
    from segeval.runs.run import Run

OF_IMAGES = ("overlays", "images", "label_errors")
"""Options that need the images of a run."""
FOLDERS_FIX = "Add --pred FOLDER and --gt FOLDER"
COMPARED_FIX = "Give --gt FOLDER, and a --pred FOLDER for each run in their order, that of the baseline first"


def wants_pictures(options: Mapping[str, Any]) -> bool:
    """Tell whether a page or overlays are asked for; raises `UsageError` for images that nothing would show."""
    if options["overlays"] is not None or _wants_page(options):
        return True
    if options["label_errors"] is not None:
        raise UsageError(
            "--label-errors says how many are listed, and nothing lists them",
            (),
            "Add -o report.html or -o label-errors:FILE.csv",
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
    from segeval.cli.console import progress_bar

    asked = {name: options[name] for name in ("images", "worst", "label_errors")}
    watched = partial(progress_bar, quiet=options["quiet"])
    return Pictured(run, request, pairing, **asked, confident=options["label_error_p"], watched=watched)


def pictured_run(options: Mapping[str, Any], run: Run, stored: Run, again: Collection[str]) -> Pictured | None:
    """Return what pictures of a saved run are of, with the folders that --pred and --gt name; `None` for no pictures.

    `again` are the options of how folders are read that the command line itself gives. Raises `UsageError` for one
    folder without the other, and for what needs them without any.
    """
    from segeval.request import Request

    pred, gt = options["pred"], options["gt"]
    wanted = wants_pictures(options)
    if (pred is None) != (gt is None):
        given, lacking = ("--gt", "--pred") if pred is None else ("--pred", "--gt")
        raise UsageError(f"{given} names a folder of pictures, and {lacking} none", (), f"Add {lacking} FOLDER")
    if not wanted:
        if pred is not None:
            raise UsageError("--pred and --gt are for pictures, which nothing asks for", (), "Add -o report.html")
        _refuse_unread(again, "Add --pred FOLDER, --gt FOLDER and -o report.html, or leave it out")
        return None
    if pred is None:
        _refuse_unread([*(name for name in OF_IMAGES if options[name] is not None), *again], FOLDERS_FIX)
        return pictured(options, run, Request(stored.protocol), None)
    from segeval.measuring.measure import paired
    from segeval.request.again import request_again

    request = request_again(stored.protocol, options)
    return pictured(options, run, request, paired(pred, gt, request))


def compared_sides(options: Mapping[str, Any], named: Sequence[tuple[str, Run]], again: Collection[str]) -> list[Side]:
    """Return the runs of a comparison with the folders that --pred, one a run, and --gt name; none for no pictures.

    Raises `UsageError` for folders that are too few or too many, and for what needs them without any.
    """
    preds, gt = options["pred"], options["gt"]
    if not preds and gt is None:
        _refuse_unread([*(["images"] if options["images"] is not None else []), *again], COMPARED_FIX)
        return []
    if not _wants_page(options):
        raise UsageError("--pred and --gt are for pictures, which nothing asks for", (), "Add -o compare.html")
    if gt is None or len(preds) != len(named):
        told = [f"{len(named)} runs, {len(preds)} --pred, {0 if gt is None else 1} --gt"]
        raise UsageError("pictures of a comparison need the folders of every run", told, COMPARED_FIX)
    from segeval.api.comparedpictures import Side
    from segeval.measuring.measure import paired
    from segeval.request.again import request_again

    sides = []
    for (name, run), pred in zip(named, preds, strict=True):
        request = request_again(run.protocol, options)
        sides.append(Side(name, run, request, paired(pred, gt, request)))
    return sides


def _refuse_unread(names: Collection[str], fix: str) -> None:
    """Raise `UsageError` for options, by keyword, that say how folders are read or what is drawn of them."""
    if names:
        told = [f"--{name.replace('_', '-')}" for name in names]
        raise UsageError("an option needs the folders that the run was measured from", told, fix)
