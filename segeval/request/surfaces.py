"""The options of distances and lesions, held against one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.distances import Distances, parse_spacing
from segeval.protocol.lesions import Lesions, parse_overlap
from segeval.protocol.protocol import Protocol

OF_DISTANCES, OF_LESIONS, OF_BOTH = ("tolerance",), ("connectivity", "overlap"), ("spacing",)


def with_surfaces(protocol: Protocol, given: Mapping[str, Any]) -> Protocol:
    """Return `protocol` with what is asked of distances and of lesions; the spacing is that of both.

    Raises `UsageError` for what is not possible, and for options of what nobody asked for.
    """
    read: dict[str, Any] = {name: given[name] for name in (*OF_DISTANCES, "connectivity") if name in given}
    if "spacing" in given:
        read["spacing"] = parse_spacing(given["spacing"])
    if "lesion_overlap" in given:
        read["overlap"] = parse_overlap(given["lesion_overlap"])
    distances = _chosen(Distances, protocol.distances, given.get("distances"), _of(read, OF_DISTANCES))
    lesions = _chosen(Lesions, protocol.lesions, given.get("lesions"), _of(read, OF_LESIONS))
    found = replace(protocol, distances=distances, lesions=lesions)
    _check_asked(found, read)
    return found


def _of(read: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: read[name] for name in (*names, *OF_BOTH) if name in read}


def _chosen(kind: type[Any], stored: Any, definition: str | None, changes: dict[str, Any]) -> Any:
    """Return a choice: that of another `definition`, which keeps the spacing, or what is stored with `changes`."""
    if definition is None:
        return replace(stored, **changes) if stored is not None and changes else stored
    kept = {} if stored is None else {"spacing": stored.spacing}
    if kind is Distances and stored is not None:
        kept["tolerance"] = stored.tolerance
    return kind(definition, **{**kept, **changes})


def _check_asked(protocol: Protocol, read: Mapping[str, Any]) -> None:
    nobody = []
    if protocol.distances is None:
        nobody += [f"--{name}" for name in OF_DISTANCES if name in read]
    if protocol.lesions is None:
        nobody += [f"--{'lesion-' * (name == 'overlap')}{name}" for name in OF_LESIONS if name in read]
    if protocol.distances is None and protocol.lesions is None:
        nobody += [f"--{name}" for name in OF_BOTH if name in read]
    if nobody:
        fix = "Add --distances, as in monai" if protocol.distances is None else "Add --lesions detection"
        fix = fix if set(nobody) & {"--tolerance", "--spacing"} else "Add --lesions detection"
        raise UsageError("an option is of distances or lesions, which nobody asked for", nobody, fix)
