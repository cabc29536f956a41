"""How the folders of a saved run are read once more: by its protocol, and by what the user says again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.protocol import Protocol
from segeval.request import Request, amend, build_request
from segeval.request.options import AGAIN, FolderOptions, chosen


def request_again(protocol: Protocol, options: Mapping[str, Any]) -> Request:
    """Return how the folders of a run were read: by its `protocol`, and by those of `AGAIN` that are in `options`.

    Raises `UsageError` where what the run keeps a digest of, or its regions of interest, are not given again, and for
    others than its own.
    """
    from segeval.protocol.presets import preset_names

    name, _, own = (protocol.preset or "").partition("@")
    base = Request()
    if name in preset_names() and not own:
        base = build_request(preset=name, classes=protocol.classes)
    given = chosen(FolderOptions, {name: options.get(name) for name in AGAIN})
    found = amend(_colored(replace(base, protocol=protocol), protocol), given)
    kept, stored = protocol.storage, found.protocol.storage
    _require("palette", protocol.palette, found.protocol.palette, given=found.gt_palette is not None)
    _require("gt-segments", kept.gt_segments, stored.gt_segments, given=found.gt_segments is not None)
    _require("pred-segments", kept.pred_segments, stored.pred_segments, given=found.pred_segments is not None)
    if found.roi is None and kept.roi:
        raise UsageError("the run was measured within regions of interest", (), "Give their folder again with --roi")
    if found.roi is not None and not kept.roi:
        raise UsageError("the run was measured on whole images", (f"--roi {found.roi}",), "Leave --roi out")
    return replace(found, protocol=protocol)


def _require(option: str, kept: str | None, found: str | None, *, given: bool) -> None:
    """Raise `UsageError` where a file of which the run keeps a digest is not given again, or is another."""
    if kept is None and found is not None:
        raise UsageError(f"the run was measured without --{option}", (), f"Leave --{option} out")
    if kept is not None and (found != kept or not given):
        told = found if given else "none"
        raise UsageError(
            f"of the file of --{option} the run keeps a digest only",
            (f"run {kept}, given {told}",),
            f"Give its own file again with --{option} FILE",
        )


def _colored(request: Request, protocol: Protocol) -> Request:
    """Bring the colours of the run's own class list, which it keeps."""
    if protocol.palette is None or not any(entry.color for entry in protocol.classes or ()):
        return request
    from segeval.protocol.palettes import class_palette
    from segeval.request import palette_digest

    colors = class_palette(protocol.classes or (), name="classes")
    if palette_digest(colors, colors) != protocol.palette:
        return request
    return replace(request, pred_palette=colors, gt_palette=colors)
