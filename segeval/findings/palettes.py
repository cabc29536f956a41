"""Palettes of the same colours in another order, so that an index is another class in each folder, or each file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from segeval.errors import Finding
from segeval.findings.readings import Options, resolved_with, written
from segeval.findings.values import Values, shown, written_map
from segeval.protocol.labeling import Color
from segeval.protocol.palettes import show
from segeval.runs.run import Traits

SIDES = ("gt", "pred")
BY_COLOR = "--palette FILE (a line 'R G B CLASS' for each colour), which decodes palette images by their colours"
LEAST_SHARED = 0.5
"""Palettes are of the same colours where they share more than one, and this share of those that either side uses."""


@dataclass(frozen=True, slots=True)
class _Indices:
    """Hold the colours of one side's palettes: of each index that has one only, and the indices of each colour."""

    of_index: Mapping[int, Color]
    of_color: Mapping[Color, frozenset[int]]
    doubtful: Mapping[int, tuple[Color, ...]]


def ordered_palettes(values: Values) -> Iterator[Finding]:
    """Find palettes whose colours are those of the other side, or of other files of their own side, at other indices.

    Palettes of two sides tell nothing where fewer pixels agree by colour than by class.
    """
    if values.protocol.palette is not None or values.run.maps is not None:
        return
    sides = [_indices(traits) for traits in (values.run.traits.gt, values.run.traits.pred)]
    mixed = [list(_mixed(one, name)) for one, name in zip(sides, SIDES, strict=True)]
    if any(mixed):
        yield Finding(
            "palette-order",
            "palettes of one folder have the same colours at other indices: an index is another class in each file",
            shown(place for places in mixed for place in places),
            f"Use {BY_COLOR}, or save one channel with the labels",
        )
        return
    gt, pred = sides
    moved = _moved(values, gt, pred)
    if not moved or not _agree_by_color(values, gt, pred):
        return
    options = _by_map(values, gt, pred)
    yield Finding(
        "palette-order",
        "palettes of the two folders have the same colours at other indices: an index is another class in each",
        shown(f"{show(color)}: index {_of(gt, color)} in gt/, {_of(pred, color)} in pred/" for color in moved),
        f"Use {written(options)}, or {BY_COLOR}" if options else f"Use {BY_COLOR}",
        options=options,
    )


def _of(side: _Indices, color: Color) -> str:
    return " and ".join(map(str, sorted(side.of_color[color])))


def _indices(traits: Traits) -> _Indices:
    colors: dict[int, list[Color]] = {}
    entries = [*traits.color_entries, *((index, level, level, level) for index, level in traits.gray_entries)]
    for index, *color in entries:
        colors.setdefault(index, []).append((color[0], color[1], color[2]))
    indices: dict[Color, set[int]] = {}
    for index, found in colors.items():
        for one in found:
            indices.setdefault(one, set()).add(index)
    return _Indices(
        {index: found[0] for index, found in colors.items() if len(found) == 1},
        {color: frozenset(found) for color, found in sorted(indices.items())},
        {index: tuple(found) for index, found in colors.items() if len(found) > 1},
    )


def _mixed(side: _Indices, name: str) -> Iterator[str]:
    """Tell the indices of several colours, of which one has several indices."""
    for index, colors in side.doubtful.items():
        if any(len(side.of_color[color]) > 1 for color in colors):
            yield f"{name}/: index {index} is {' and '.join(map(show, colors))}"


def _moved(values: Values, gt: _Indices, pred: _Indices) -> list[Color]:
    """Return the colours that both sides have, and that are another class on each."""
    shared = [color for color in gt.of_color if color in pred.of_color]
    most = max(len(gt.of_color), len(pred.of_color))
    if gt.doubtful or pred.doubtful or len(shared) < 2 or len(shared) < LEAST_SHARED * most:
        return []
    classes: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for gt_value, pred_value, gt_class, pred_class, _ in values.cells():
        classes[0][gt_value], classes[1][pred_value] = gt_class, pred_class
    return [
        color
        for color in shared
        if {classes[0][index] for index in gt.of_color[color]}.isdisjoint(
            classes[1][index] for index in pred.of_color[color]
        )
    ]


def _agree_by_color(values: Values, gt: _Indices, pred: _Indices) -> bool:
    """Tell whether more pixels agree by their colours than by their classes."""
    by_color = by_class = 0
    for gt_value, pred_value, gt_class, pred_class, pixels in values.cells():
        if gt_value in gt.of_index and pred_value in pred.of_index:
            by_color += pixels * (gt.of_index[gt_value] == pred.of_index[pred_value])
            by_class += pixels * (gt_class == pred_class)
    return by_color > by_class


def _by_map(values: Values, gt: _Indices, pred: _Indices) -> Options:
    """Return the map that gives predictions the classes of the ground truth's colours; nothing where none does."""
    theirs = {color: min(indices) for color, indices in gt.of_color.items()}
    ids = dict((*values.protocol.mapping, *values.protocol.gt_map))
    known = {index: theirs[color] for index, color in sorted(pred.of_index.items()) if color in theirs}
    if any(index in gt.of_index for index in pred.of_index if index not in known):
        return ()  # a colour that the ground truth lacks has the index of one that it has
    target = {index: ids.get(to, to) for index, to in known.items() if ids or index != to}
    options: Options = (*((("binary", True),) if values.binary else ()), ("pred_map", written_map(target)))
    resolution = resolved_with(values, options)
    return options if resolution is not None and not _moved(replace(values, resolution=resolution), gt, pred) else ()
