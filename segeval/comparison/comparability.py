"""Whether runs can be compared: the same images, the same ground truth, one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from segeval.errors import NothingToScoreError
from segeval.protocol.signature import signature
from segeval.runs.choosing import subset
from segeval.runs.differences import digests
from segeval.runs.run import Run, keys_of


def what_differs(named: Sequence[tuple[str, Run]]) -> tuple[str, ...]:
    """Tell what keeps the runs after the first from being compared with it: images, ground truth, protocol, maps."""
    base_name, base = named[0]
    told = []
    for name, run in named[1:]:
        alike = base.gt_digest() == run.gt_digest()  # then keys need not be held side by side
        known, other = ({}, {}) if alike else (digests(base.rows), digests(run.rows))
        apart = [f"{key}: only in {base_name}, not in {name}" for key in known.keys() - other.keys()]
        apart += [f"{key}: only in {name}, not in {base_name}" for key in other.keys() - known.keys()]
        apart += [
            f"{key}: another ground truth in {name} than in {base_name}"
            for key in known.keys() & other.keys()
            if known[key] != other[key]
        ]
        told += sorted(apart)
        told += [f"protocol of {base_name} vs {name}: {line}" for line in _protocol_differences(base, run)]
    return tuple(told)


def _protocol_differences(base: Run, new: Run) -> list[str]:
    told: list[str] = []
    if base.protocol != new.protocol:
        first, second = (signature(run.resolve(), run.protocol) for run in (base, new))
        told += first.differences(second) or [
            field.name
            for field in fields(base.protocol)
            if getattr(base.protocol, field.name) != getattr(new.protocol, field.name)
        ]
    if base.maps != new.maps:
        told.append(f"maps: {_maps_text(base)} vs {_maps_text(new)}")
    return told


def _maps_text(run: Run) -> str:
    return "none" if run.maps is None else f"{run.maps.count} {run.maps.kind.name}"


def shared_images(named: Sequence[tuple[str, Run]]) -> list[tuple[str, Run]]:
    """Keep of each run the images that all have; raises `NothingToScoreError` where there is none."""
    common = set.intersection(*(set(keys_of(run.rows)) for _, run in named))
    if not common:
        raise NothingToScoreError(
            "the runs share no image", [name for name, _ in named], "Compare runs of one data set"
        )
    return [(name, subset(run, common.__contains__)) for name, run in named]
