"""Values that files store where nothing is known, and that would be classes of their own where classes are inferred."""

from __future__ import annotations

from collections.abc import Iterator

from segeval.errors import Finding
from segeval.findings.values import HOLDS, Values, shown
from segeval.protocol.labeling import NO_PREDICTION, VOID

LARGEST = frozenset(int(2**bits - 1) for bits in (15, 16, 31, 32))
"""The largest value of each type of 16 and 32 bit."""


def suspects(values: Values, side: int) -> set[int]:
    """Return the values of a side that look like void: negative, the largest of a type, or named by a nodata tag.

    A tag that names 0, in files that hold one other value, is of background.
    """
    met = values.distinct()[side] - {NO_PREDICTION}
    traits = (values.run.traits.gt, values.run.traits.pred)[side]
    tagged = {value for value in traits.nodata if value or len(met) > 2}
    return {value for value in met if value < 0 or value in LARGEST or value in tagged}


def suspected_voids(values: Values) -> Iterator[Finding]:
    """Find values that look like void and became classes, as every value does where none are named."""
    resolution = values.resolution
    if resolution is None or "classes" not in resolution.inferred or values.run.maps is not None or values.binary:
        return
    protocol, labeling = values.protocol, resolution.labeling
    kept = resolution.protocol.ignore or ()
    used = set().union(*values.distinct())
    ignored = [value for value in kept if value in used or protocol.ignore is not None]
    sides = []
    for side, (lookup, own) in enumerate(((labeling.gt, protocol.gt_map), (labeling.pred, protocol.pred_map))):
        named = {raw for raw, _ in (*protocol.mapping, *own)}
        sides.append(sorted(value for value in suspects(values, side) - named if lookup.index(value) != VOID))
    every = sorted({*ignored, *sides[0], *sides[1]})
    for side, found in enumerate(sides):
        if not found:
            continue
        tables = ((row.key, row.counts.pred if side else row.counts.gt) for row in values.run.rows)
        keys = [key for key, held in tables if not set(found).isdisjoint(held.tolist())]
        option = ("--gt-map", "--pred-map")[side]
        told = ", ".join(f"{value} ({_reason(values, side, value)})" for value in found)
        yield Finding(
            "suspected-void",
            f"{HOLDS[side]} {told}, which looks like void and counts as a class",
            shown(values.places(side, keys)),
            f"Use --ignore {','.join(map(str, every))} where it is void, or name the classes with "
            f"--classes, or the class that it is with {option} {found[0]}=K",
        )


def _reason(values: Values, side: int, value: int) -> str:
    if value in (values.run.traits.gt, values.run.traits.pred)[side].nodata:
        return "the nodata value that the files name"
    return "negative" if value < 0 else "the largest value of its type"
