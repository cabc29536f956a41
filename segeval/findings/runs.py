"""Every check of a whole run: what `score`, `report`, `explain`, `compare` and `inspect` find in the same counts.

Folders in the wrong order are told by their names, by those of their files, and by void in the predictions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import Finding, SegevalError, printable
from segeval.findings.readings import Options, agreement, reading_findings, resolved_with, written
from segeval.findings.values import (
    FULL,
    MANY_VALUES,
    MOST_READ,
    Values,
    class_folders,
    gray_palettes,
    shown,
    value_findings,
    written_map,
)
from segeval.findings.voids import ignored_classes, suspected_voids, two_valued
from segeval.folders.pairing import Pairing
from segeval.folders.walking import pred_name
from segeval.protocol.labeling import DEFAULT_VOID, VOID, Color
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Resolution
from segeval.records import dataclass
from segeval.report.refusals import FileNames
from segeval.runs.columns import pixels_of_each
from segeval.runs.run import Maps, Run, Traits, missing_keys, raw_values
from segeval.tables.counts import JointCounts, table

if TYPE_CHECKING:
    from segeval.stores.urls import Root

SIDES = ("gt", "pred")
BY_COLOR = "--palette FILE (a line 'R G B CLASS' for each colour), which decodes palette images by their colours"
LEAST_SHARED = 0.5
"""Palettes are of the same colours where they share more than one, and this share of those that either side uses."""


def run_findings(
    run: Run,
    *,
    table: JointCounts | None = None,
    resolution: Resolution | None = None,
    names: FileNames | None = None,
) -> tuple[Finding, ...]:
    """Tell what looks wrong in a run; `table` and `resolution` are its own where they are known already, and
    `names` has the files of each key.

    A run whose values admit several readings is looked at without one.
    """
    if not run.rows:
        return ()
    table = run.table() if table is None else table
    if run.protocol.storage.multilabel:  # whose values are sets
        return tuple(_missing(Values(run, table, None, names or {})))
    if resolution is None:
        try:
            resolution = run.resolve_for(table)
        except SegevalError:  # which says on its own what keeps the run from being scored
            resolution = None
    values = Values(run, table, resolution, names or {})
    found: list[Finding] = [*_missing(values), *_maps(run)]
    if max(map(len, raw_values(table))) > MOST_READ:
        return (*found, *(two_valued(values) if values.binary else ()), *value_findings(values))
    for look in (class_folders, two_valued, suspected_voids, gray_palettes):
        found += look(values)
    doubted = any(one.kind == "zero-255" for one in found)  # other readings wait until it is known what 255 is
    if not doubted:
        found += list(ordered_palettes(values)) or reading_findings(values)  # the other order is another reading too
    found += value_findings(values)
    if not doubted and not any(one.options for one in found):  # of which values of the other reading look like void
        found += swapped_values(values)
    found += ignored_classes(values)
    return tuple(found)


def _missing(values: Values) -> Iterator[Finding]:
    """Find images without prediction, which `--missing miss` counts as wrong."""
    keys = missing_keys(values.run.rows)
    if keys:
        losses = "" if values.run.maps is None else "; losses leave them out"
        yield Finding(
            "missing",
            f"{len(keys):,} image{'s' * (len(keys) > 1)} without prediction count as wrong{losses}",
            shown(values.places(0, keys)),
            "Add the predictions, or leave the images out with --missing skip",
        )


def _maps(run: Run) -> Iterator[Finding]:
    """Find what is odd about probability maps and is yet no error."""
    if run.maps == Maps(EIGHT_BIT, 1):
        levels = {level for table in run.level_tables() for level in table.pred.tolist()}
        if levels and levels <= {0, 255}:
            yield Finding(
                "masks-as-maps",
                "the maps hold only 0 and 255: these are masks, and the losses are those of certainty",
                (),
                "Score them without --probs, or save the probabilities before the threshold",
            )
    unnormalised = 0 if run.maps is None else pixels_of_each(run.rows, "unnormalised")
    if unnormalised:
        share = 100 * unnormalised / run.pixels
        yield Finding(
            "unnormalised",
            f"class probabilities do not add up to 1 at {unnormalised:,} pixels ({share:.2f} %), as those of sigmoid "
            "heads; they are taken as they are",
            (),
            "Save the output of a softmax over the classes, if the model has one",
        )


GT_NAME = re.compile(r"(?i)(^|[_\-. ])(gt|gtfine|gtcoarse|groundtruth|ground_truth|label(ids|trainids)|mask_gt)$")
"""Endings of file names that say ground truth."""
GT_FOLDER = re.compile(r"(?i)^(gt|gtfine|ground[_\- ]?truths?|annotations?|labels?|segmentationclass)$")
PRED_FOLDER = re.compile(r"(?i)^(preds?|predictions?|results?|outputs?|inference)$")
ORDER = "Give predictions first, then ground truth"


def _name_of(root: Root) -> str:
    return root.absolute().name if isinstance(root, Path) else root.name


def swapped_names(pairing: Pairing) -> Iterator[Finding]:
    """Find names that say ground truth in PRED, and none in GT."""
    where = []
    pred_root, gt_root = (_name_of(root) for root in (pairing.pred_root, pairing.gt_root))
    if GT_FOLDER.match(pred_root) and PRED_FOLDER.match(gt_root):
        where.append(f"PRED is the folder {printable(pred_root)}, GT the folder {printable(gt_root)}")
    pred = [*(name for pair in pairing.pairs for name in pair.pred), *pairing.extra]
    named = [name for name in pred if _says_gt(name)]
    gt = (*(pair.gt for pair in pairing.pairs), *pairing.missing)
    if named and 2 * len(named) > len(pred) and not any(map(_says_gt, gt)):
        where.append(pred_name(named[0]))
    if where:
        yield Finding(
            "swapped",
            "the names say that PRED holds the ground truth: the two folders may be swapped",
            tuple(where),
            ORDER,
        )


def _says_gt(path: str) -> bool:
    return bool(GT_NAME.search(path.rpartition("/")[2].rpartition(".")[0]))


def _void(values: Values, met: set[int], side: int) -> list[int]:
    """Return the values of side 0 (ground truth) or 1 (predictions) that are ignored."""
    if values.resolution is None:
        return sorted(met & {DEFAULT_VOID})
    lookup = (values.resolution.labeling.gt, values.resolution.labeling.pred)[side]
    return sorted(value for value in met if lookup.index(value) == VOID)


def swapped_values(values: Values) -> Iterator[Finding]:
    """Find void in the predictions and none in the ground truth, with the agreement that the other order gives."""
    gt, pred = values.distinct()
    if values.run.maps is not None or values.binary or pred <= FULL or len(pred - gt) > MANY_VALUES:
        return
    void = _void(values, pred, 1)
    if not void or _void(values, gt, 0):
        return
    share = ""
    if values.resolution is not None:
        labeling, counts = values.resolution.labeling, values.table
        turned = agreement(table(counts.pred, counts.gt, counts.pixels), labeling)
        now = agreement(counts, labeling)
        share = f": {100 * turned.share:.1f} % of the valid pixels agree in that order, {100 * now.share:.1f} % in this"
    yield Finding(
        "swapped",
        "predictions hold an ignored value and the ground truth does not: the two folders may be swapped",
        (f"value {', '.join(map(str, void))}",),
        f"{ORDER}{share}; where this is the order, void predictions count as --pred-void says",
    )


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
        shown(f"{_written(color)}: index {_of(gt, color)} in gt/, {_of(pred, color)} in pred/" for color in moved),
        f"Use {written(options)}, or {BY_COLOR}" if options else f"Use {BY_COLOR}",
        options=options,
    )


def _written(color: Color) -> str:
    from segeval.protocol.palettes import show  # a run without palettes does without the module

    return show(color)


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
            yield f"{name}/: index {index} is {' and '.join(map(_written, colors))}"


def _moved(values: Values, gt: _Indices, pred: _Indices) -> list[Color]:
    """Return the colours that both sides have, at other indices, which are another class on each.

    Equal palettes of which a map makes other classes are meant.
    """
    shared = [color for color in gt.of_color if color in pred.of_color]
    most = max(len(gt.of_color), len(pred.of_color))
    if gt.doubtful or pred.doubtful or len(shared) < 2 or len(shared) < LEAST_SHARED * most:
        return []
    classes: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for gt_value, pred_value, gt_class, pred_class, _ in values.cells():
        classes[0][gt_value], classes[1][pred_value] = gt_class, pred_class
    moved = []
    for color in shared:
        # Some of a run's images need not have all the values of its palettes.
        here = {classes[0][index] for index in gt.of_color[color] if index in classes[0]}
        there = {classes[1][index] for index in pred.of_color[color] if index in classes[1]}
        if here and there and here.isdisjoint(there) and gt.of_color[color].isdisjoint(pred.of_color[color]):
            moved.append(color)
    return moved


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
