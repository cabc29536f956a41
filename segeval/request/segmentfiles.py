"""What panoptic JSON files make of a request: the categories as classes, void for what is in no segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.labeling import DEFAULT_VOID
from segeval.protocol.protocol import Protocol
from segeval.protocol.segments import LARGEST_SEGMENTS, VOID_SEGMENT, Segments, parse_segments
from segeval.protocol.storage import RGB_ID
from segeval.stores.userfiles import read_user_file

Sides = Mapping[str, Segments | None]
"""By keyword: `gt_segments` and `pred_segments`."""


def read_segments(given: Mapping[str, Any], known: Sides) -> dict[str, Segments | None]:
    """Return the segments of both sides, those of the options read from their files; raises `UsageError`."""
    return {
        name: parse_segments(read_user_file(given[name], most=LARGEST_SEGMENTS), name=str(given[name]))
        if name in given
        else segments
        for name, segments in known.items()
    }


def with_segments(protocol: Protocol, sides: Sides, given: Mapping[str, Any]) -> tuple[Protocol, dict[str, Any]]:
    """Return `protocol` with the categories as classes and void ignored, and what is stored of it, by keyword.

    Classes that were given stand over the categories, and a channel over rgb-id. Raises `UsageError` where the sides
    name categories otherwise, or an option reads other masks.
    """
    found = {name: segments for name, segments in sides.items() if segments is not None}
    if given.get("multilabel") or protocol.storage.multilabel:
        raise UsageError("segments are of one category a pixel", _options(found), "Leave --multilabel out")
    if "pred_segments" in found and protocol.probabilities is not None:
        raise UsageError("probability maps have no segments", ("--pred-segments",), "Leave it out, or --probs")
    named = [(segments.name, segments.classes) for segments in found.values() if segments.classes is not None]
    if len(named) == 2 and _titles(named[0][1]) != _titles(named[1][1]):
        raise UsageError(
            "the panoptic JSON files name other categories",
            [name for name, _ in named],
            "Give files of one data set, with the same categories",
        )
    classes = protocol.classes or (named[0][1] if named else None)
    if classes is None:
        raise UsageError(
            "no panoptic JSON names its categories", [one.name for one in found.values()], "Name them with --classes"
        )
    both = len(found) == len(sides)
    usual = () if both or any(entry.id == DEFAULT_VOID for entry in classes) else (DEFAULT_VOID,)
    ignore = tuple(dict.fromkeys((*(usual if protocol.ignore is None else protocol.ignore), VOID_SEGMENT)))
    themselves = ((VOID_SEGMENT, VOID_SEGMENT),) if protocol.closed else ()
    protocol = replace(
        protocol,
        classes=classes,
        ignore=ignore,
        gt_map=tuple(sorted({*protocol.gt_map, *themselves})),
        pred_map=tuple(sorted({*protocol.pred_map, *themselves})),
    )
    stored: dict[str, Any] = {name: segments.digest for name, segments in found.items()}
    for name in found:
        channel = f"{name.partition('_')[0]}_channel"
        stored[channel] = given.get(channel) or getattr(protocol.storage, channel) or RGB_ID
    return protocol, stored


def _options(found: Mapping[str, Segments]) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in found]


def _titles(classes: Any) -> list[tuple[int, str]]:
    return sorted((entry.id, entry.name) for entry in classes)
