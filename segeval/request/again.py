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

    Raises `UsageError` where colours or regions of interest are not given again, and for other colours than its own.
    """
    from segeval.protocol.presets import preset_names

    name = (protocol.preset or "").partition("@")
    base = build_request(preset=name[0]) if name[0] in preset_names() and not name[1] else Request()
    given = chosen(FolderOptions, {name: options.get(name) for name in AGAIN})
    found = amend(_colored(replace(base, protocol=protocol), protocol), given)
    if found.protocol.palette != protocol.palette or (protocol.palette is not None and found.gt_palette is None):
        told = "none" if options.get("palette") is None else found.protocol.palette
        raise UsageError(
            "the run was measured with colours of which it keeps a digest only",
            (f"run {protocol.palette}, given {told}",) if protocol.palette else (f"run none, given {told}",),
            "Give its own colours again with --palette FILE" if protocol.palette else "Leave --palette out",
        )
    if found.roi is None and protocol.storage.roi:
        raise UsageError("the run was measured within regions of interest", (), "Give their folder again with --roi")
    if found.roi is not None and not protocol.storage.roi:
        raise UsageError("the run was measured on whole images", (f"--roi {found.roi}",), "Leave --roi out")
    return replace(found, protocol=protocol)


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
