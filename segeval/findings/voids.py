"""Void or class: values that stand for nothing known, 255 in masks of two values, ignored values that are predicted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segeval.errors import Finding, listed
from segeval.findings.values import FULL, HOLDS, MANY_VALUES, MOST_READ, Values, shown
from segeval.protocol.labeling import DEFAULT_VOID, NO_PREDICTION, VOID, WHAT, doubt_of
from segeval.protocol.protocol import Mapped
from segeval.records import dataclass
from segeval.runs.run import keys_of, raw_values, values_of_images

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
        keys = [key for key, held in values_of_images(values.run.rows, side) if not held.isdisjoint(found)]
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
    gt, pred = values.run.sides(*raw_values(values.table))
    maps = values.run.maps
    if len(pred.values) > MANY_VALUES and maps is None:  # which says more of what they are
        return
    doubt = doubt_of(values.protocol, gt, pred, None if maps is None else maps.count)
    if doubt is not None and doubt.pred and len(gt.values) > MANY_VALUES:
        yield _gray(values, 0, sorted(gt.values - {0}), list(keys_of(values.run.rows)))
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


@dataclass(frozen=True, slots=True, eq=False)
class _Binary:
    """Hold the values of one side that --binary makes foreground without being told to, ascending, and by image."""

    values: list[int]
    images: tuple[tuple[str, frozenset[int]], ...]


def _foreground(values: Values, side: int) -> _Binary:
    """Return what a side holds besides 0, ignored values and those that a map names."""
    protocol = values.protocol
    named = {raw for raw, _ in (*protocol.mapping, *(protocol.gt_map, protocol.pred_map)[side])}
    told = {0, NO_PREDICTION, *named, *(value for value in protocol.ignore or () if isinstance(value, int))}
    met = [value for value in raw_values(values.table)[side] if value not in told]
    if len(met) < 2 or len(met) > MOST_READ:  # a set of a million values takes more memory than they do
        return _Binary(met, ())
    foreground = frozenset(met)
    return _Binary(met, tuple((key, foreground & held) for key, held in values_of_images(values.run.rows, side)))


def _binary(values: Values, side: int) -> Iterator[Finding]:
    """Find more than one value besides 0 where --binary makes all of them foreground."""
    if (values.protocol.gt_threshold, values.protocol.pred_threshold)[side] is not None:
        return
    found = _foreground(values, side)
    if len(found.values) < 2:
        return
    both = [key for key, held in found.images if len(held) > 1]
    if found.values == [1, DEFAULT_VOID]:
        if both:
            yield _one_255(values, side, both)
        return
    keys = both or [key for key, held in found.images if held]
    yield _gray(values, side, found.values, keys)


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
    void = suspects(values, side) & set(met) if len(met) <= MOST_READ else ()
    if void and len(met) - len(void) < 2:
        given = list(values.protocol.ignore or ())
        return f"Use --ignore {','.join(map(str, (*given, *sorted(void))))} where this is void"
    if [value for value in met[-2:] if value != DEFAULT_VOID][-1] <= FEW_LEVELS < met[-1]:
        above_0 = f"{THRESHOLDS[side]} 0"
        return (
            f"Use --ignore 255 {above_0} (255 is void, all else but 0 foreground) or {above_0} (255 is foreground too)"
        )
    level = 0 if met[-1] <= FEW_LEVELS else met[-1] // 2
    fix = f"Use {THRESHOLDS[side]} {level}: what is above {level} is foreground"
    if side and len(met) > MANY_VALUES:
        fix += ". Or, if these are probability maps: --probs"
    return fix


def ignored_classes(values: Values) -> Iterator[Finding]:
    """Find values that --ignore names, that the ground truth has, and that predictions use on valid ground truth."""
    resolution, protocol = values.resolution, values.protocol
    if resolution is None or protocol.ignore is None or values.run.maps is not None or _is_of_preset(values):
        return
    asked = {value for value in resolution.protocol.ignore or () if isinstance(value, int) and value != DEFAULT_VOID}
    if not asked:
        return
    labeling, table = resolution.labeling, values.table
    valid, scored = labeling.gt(table.gt) != VOID, labeling.pred(table.pred) >= 0
    for value in sorted(asked):
        left_out = np.isin(table.gt, _named(value, (*protocol.mapping, *protocol.gt_map)))
        used = np.isin(table.pred, _named(value, (*protocol.mapping, *protocol.pred_map)))
        misses, dropped = int(table.pixels[used & valid].sum()), int(table.pixels[left_out & scored].sum())
        if not misses or not left_out.any():
            continue
        others = "foreground" if value == 0 else ",".join(str(entry.id) for entry in labeling.classes)
        yield Finding(
            "ignored-background",
            f"--ignore {value} leaves out every pixel whose ground truth is {value}, and predictions use {value} as a "
            f"class: {dropped:,} pixels that are predicted as other classes there are no false positives",
            (f"predicted on valid ground truth: {value} ({misses:,} px)",),
            f"Put --mean-over {others} in place of --ignore {value}: all pixels count, and the mean leaves {value} out",
        )


def _named(value: int, pairs: Mapped) -> list[int]:
    """Return the raw values that stand for a mapped one."""
    renamed = dict(pairs)
    return [raw for raw in {value, *renamed} if renamed.get(raw, raw) == value]


def _is_of_preset(values: Values) -> bool:
    """Tell whether what is ignored is what the preset ignores."""
    name = values.protocol.preset
    if name is None:
        return False
    from segeval.protocol.presets import preset, preset_names  # a run without presets does without their modules

    return name in preset_names() and values.protocol.ignore == tuple(preset(name).ignore)
