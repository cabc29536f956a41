"""What looks wrong in masks of two values: 255 that can be foreground or void, and more values than two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segeval.errors import Finding, listed
from segeval.findings.values import FULL, HOLDS, MANY_VALUES, Values, shown
from segeval.findings.voids import suspects
from segeval.protocol.labeling import DEFAULT_VOID, NO_PREDICTION, VOID, WHAT, doubt_of

THRESHOLDS = ("--gt-threshold", "--pred-threshold")
MAPS = ("--gt-map", "--pred-map")
FEW_LEVELS = 20
"""Up to this value levels are taken for labels, of which all but 0 are foreground."""


def two_valued(values: Values) -> Iterator[Finding]:
    """Tell what looks wrong in masks of two values."""
    if values.protocol.binary:
        for side in (0, 1) if values.run.maps is None else (0,):
            yield from _binary(values, side)
        return
    gt, pred = values.run.sides(values.table)
    maps = values.run.maps
    if len(pred.values) > MANY_VALUES and maps is None:  # which says more of what they are
        return
    doubt = doubt_of(values.protocol, gt, pred, None if maps is None else maps.count)
    if doubt is not None and doubt.pred and len(gt.values) > MANY_VALUES:
        yield _gray(values, 0, sorted(gt.values - {0}), [row.key for row in values.run.rows])
    elif doubt is not None:
        yield Finding("zero-255", WHAT, shown([*values.places(0, doubt.gt), *values.places(1, doubt.pred)]), doubt.fix)
    elif maps is None:
        yield from _scales(values)


def _scales(values: Values) -> Iterator[Finding]:
    """Find predictions of 0 and 255 whose 255 is void as the user says, and ground truth that has 1, or the reverse."""
    if values.binary or values.resolution is None:
        return
    labeling = values.resolution.labeling
    sides, lookups = values.distinct(), (labeling.gt, labeling.pred)
    for side in (1, 0):
        held, other = sides[side], sides[1 - side]
        if DEFAULT_VOID not in held or not held <= FULL or 1 not in other or not other <= {0, 1, DEFAULT_VOID}:
            continue
        if lookups[side].index(DEFAULT_VOID) == VOID:
            yield Finding(
                "scales",
                f"{HOLDS[side]} only 0 and 255, of which 255 is read as void; the other side has 1",
                (),
                f"Use {MAPS[side]} 255=1"
                if DEFAULT_VOID in other
                else "Use --binary without --ignore: everything but 0 is foreground",
            )


@dataclass(frozen=True, slots=True)
class _Binary:
    """Hold the values of one side that --binary makes foreground without being told to, and those of each image."""

    values: frozenset[int]
    images: tuple[tuple[str, frozenset[int]], ...]


def _foreground(values: Values, side: int) -> _Binary:
    """Return what a side holds besides 0, ignored values and those that a map names."""
    protocol = values.protocol
    named = {raw for raw, _ in (*protocol.mapping, *(protocol.gt_map, protocol.pred_map)[side])}
    told = {0, NO_PREDICTION, *named, *(value for value in protocol.ignore or () if isinstance(value, int))}
    met = frozenset(values.distinct()[side] - told)
    if len(met) < 2:
        return _Binary(met, ())
    tables = ((row.key, row.counts.pred if side else row.counts.gt) for row in values.run.rows)
    return _Binary(met, tuple((key, frozenset(held.tolist()) & met) for key, held in tables))


def _binary(values: Values, side: int) -> Iterator[Finding]:
    """Find more than one value besides 0 where --binary makes all of them foreground."""
    if (values.protocol.gt_threshold, values.protocol.pred_threshold)[side] is not None:
        return
    found = _foreground(values, side)
    if len(found.values) < 2:
        return
    both = [key for key, held in found.images if len(held) > 1]
    if found.values == {1, DEFAULT_VOID}:
        if both:
            yield _one_255(values, side, both)
        return
    keys = both or [key for key, held in found.images if held]
    yield _gray(values, side, sorted(found.values), keys)


def _gray(values: Values, side: int, met: list[int], keys: list[str]) -> Finding:
    return Finding(
        "gray-levels",
        f"{HOLDS[side]} {len(met)} values besides 0 ({listed(met, 5)}), and binary masks have one",
        shown(values.places(side, keys)),
        _levels_fix(values, side, met),
    )


def _one_255(values: Values, side: int, keys: list[str]) -> Finding:
    other = values.distinct()[1 - side] - {0, NO_PREDICTION}
    foreground = f" {MAPS[1 - side]} 255=1" if other == {DEFAULT_VOID} and values.run.maps is None else ""
    return Finding(
        "one-255",
        f"{HOLDS[side]} 1 and 255 in one file, where 255 can be foreground or void",
        shown(values.places(side, keys)),
        f"Use --ignore 255{foreground} (255 is void) or {THRESHOLDS[side]} 0 (255 is foreground)",
    )


def _levels_fix(values: Values, side: int, met: list[int]) -> str:
    """Return the options that say which of the values `met`, ascending, are foreground."""
    void = suspects(values, side) & set(met)
    if void and len(met) - len(void) < 2:
        given = list(values.protocol.ignore or ())
        return f"Use --ignore {','.join(map(str, (*given, *sorted(void))))} where this is void"
    if max({*met} - {DEFAULT_VOID}) <= FEW_LEVELS < met[-1]:
        above_0 = f"{THRESHOLDS[side]} 0"
        return (
            f"Use --ignore 255 {above_0} (255 is void, all else but 0 foreground) or {above_0} (255 is foreground too)"
        )
    level = 0 if met[-1] <= FEW_LEVELS else met[-1] // 2
    fix = f"Use {THRESHOLDS[side]} {level}: what is above {level} is foreground"
    if side and len(met) > MANY_VALUES:
        fix += ". Or, if these are probability maps: --probs"
    return fix
