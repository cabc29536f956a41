"""What looks wrong in the values, the palettes and the class folders of two sides, and the option that fixes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

import numpy as np

from segeval.errors import Finding, and_more, listed
from segeval.protocol.labeling import DEFAULT_VOID, NO_PREDICTION, UNKNOWN, VOID
from segeval.protocol.protocol import Protocol, Resolution
from segeval.records import dataclass
from segeval.report.refusals import FileNames, file_name
from segeval.runs.run import Row, Run, keys_of, keys_with_prediction, raw_values
from segeval.tables.counts import JointCounts

HOLDS = ("ground truth holds", "predictions hold")
"""How a sentence about the values of a side begins."""
FULL = frozenset({0, DEFAULT_VOID})
MANY_VALUES = 20
"""Predictions with more distinct values than this, and several times those of the ground truth, are no labels."""
INVERTED = 0.6
"""Binary predictions are inverted where more than this share of either class was given the other."""
MOST_READ = 1 << 16
"""With more distinct values on a side than this no other reading of a run is sought: none makes classes of so many."""
LONGEST_MAP = 300
"""Values of a map that are written out in a fix."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Hold the table of a run with what its values mean.

    `table` is the sum of its rows, `resolution` what its protocol makes of them, `None` where they admit several
    readings; `names` has the files of each key.
    """

    run: Run
    table: JointCounts
    resolution: Resolution | None
    names: FileNames = field(default_factory=dict)

    def predictions(self) -> tuple[str, ...]:
        """Return the first prediction files, images by their keys where the files are not known."""
        return shown(self.places(1, keys_with_prediction(self.run.rows)))

    def places(self, side: int, keys: Iterable[str]) -> list[str]:
        """Return what messages call the files of some images on side 0 (ground truth) or 1 (predictions)."""
        return [file_name(self.names, key, side) for key in keys]

    @property
    def protocol(self) -> Protocol:
        """Return what was asked for."""
        return self.run.protocol

    @property
    def binary(self) -> bool:
        """Tell whether the masks are read as binary."""
        return self.resolution is not None and self.resolution.protocol.binary

    def distinct(self) -> tuple[set[int], set[int]]:
        """Return the raw values of the ground truth and of the predictions."""
        gt, pred = raw_values(self.table)
        return set(gt), set(pred)

    def cells(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield (gt value, pred value, gt class, pred class, pixels); a class may be `VOID` or `UNKNOWN`.

        Without a resolution 255 is void and every other value is itself.
        """
        gt, pred = self.table.gt, self.table.pred
        if self.resolution is not None:
            labeling = self.resolution.labeling
            gt_class, pred_class = labeling.gt(gt).tolist(), labeling.pred(pred).tolist()
        else:
            gt_class, pred_class = (
                [VOID if value == DEFAULT_VOID else value for value in side.tolist()] for side in (gt, pred)
            )
        yield from zip(gt.tolist(), pred.tolist(), gt_class, pred_class, self.table.pixels.tolist(), strict=True)


def value_findings(values: Values) -> Iterator[Finding]:
    """Tell what looks wrong in the values of a run; the most telling mistake comes first."""
    for look in (_inverted, _constant, _maps):
        yield from look(values)


def _inverted(values: Values) -> Iterator[Finding]:
    """Find two classes that are exchanged in the predictions."""
    resolution = values.resolution
    if resolution is None or len(resolution.labeling.classes) != 2:
        return
    given, table = np.zeros((2, 2), np.int64), values.table
    gt, pred = resolution.labeling.gt(table.gt), resolution.labeling.pred(table.pred)
    both = (gt >= 0) & (pred >= 0)
    np.add.at(given, (gt[both], pred[both]), table.pixels[both])
    sums = given.sum(axis=1)
    if not sums.all() or given[0, 1] <= INVERTED * sums[0] or given[1, 0] <= INVERTED * sums[1]:
        return
    options: tuple[tuple[str, str | bool], ...] = ()
    if values.run.maps is not None:
        fix = "Store the probability of class 1, not of class 0: 1 - p"
    else:
        _, pred_values = values.distinct()
        lookup = resolution.labeling.pred
        ids = [entry.id for entry in resolution.labeling.classes]
        exchanged = {value: ids[1 - lookup.index(value)] for value in sorted(pred_values) if lookup.index(value) >= 0}
        options = (*((("binary", True),) if values.binary else ()), ("pred_map", written_map(exchanged)))
        fix = f"Exchange them: {'--binary ' if values.binary else ''}--pred-map {written_map(exchanged)}"
    yield Finding("inverted", "foreground and background look exchanged in the predictions", (), fix, options=options)


def _constant(values: Values) -> Iterator[Finding]:
    """Find predictions that are one and the same value everywhere."""
    _, predicted = raw_values(values.table)
    if values.run.maps is not None and values.run.maps.in_rows:
        levels = {tuple(set(table.pred.tolist())) for table in values.run.level_tables()}
        constant = bool(levels) and all(len(found) == 1 for found in levels)
    else:
        constant = len(predicted) == 1 and values.run.maps is None
    if constant and len({gt for _, _, gt, _, _ in values.cells() if gt >= 0 or gt == UNKNOWN}) > 1:
        yield Finding(
            "constant",
            "all predictions are one value everywhere, and the ground truth is not",
            tuple(f"value {value}" for value in predicted[:1]) if values.run.maps is None else (),
            "Look at how they were written: argmax over the class axis, no cast of fractions to whole numbers",
        )


def _maps(values: Values) -> Iterator[Finding]:
    """Find 8-bit probability maps that are read as labels."""
    if values.run.maps is not None or values.protocol.binary:  # gray levels of binary masks are an error of their own
        return
    gt, pred = raw_values(values.table)
    two_valued = set(gt[:4]) <= FULL | {1}
    spread = len(pred) > 4 * (len(gt) - (DEFAULT_VOID in gt)) and values.protocol.classes is None
    if len(pred) <= MANY_VALUES or not (two_valued or spread):
        return
    refused = two_valued and len(values.protocol.classes or ()) <= 2
    yield Finding(
        "probability-maps" if refused else "many-values",
        f"predictions hold {len(pred)} values, the ground truth {len(gt)}: they look like probability maps",
        values.predictions(),
        "Score them with --probs, which reads them as probabilities",
    )


def written_map(pairs: Mapping[int, int]) -> str:
    """Write a map as options take it, the middle of a long one left out."""
    parts = [f"{raw}={target}" for raw, target in pairs.items()]
    return ",".join(parts if len(parts) <= LONGEST_MAP else [*parts[:3], "...", parts[-1]])


def shown(names: Iterable[str], most: int = 10) -> tuple[str, ...]:
    """Return the first names, and how many more there are."""
    known = list(names)
    return (*known[:most], *((and_more(len(known) - most),) if len(known) > most else ()))


def gray_palettes(values: Values) -> Iterator[Finding]:
    """Find palette files of which both the indices and the gray levels can be the labels.

    A palette that is given settles it, as a coloured entry of any palette of the side does, and for binary masks both
    are one answer.
    """
    protocol, resolution = values.protocol, values.resolution
    if protocol.palette is not None or resolution is None or values.binary:
        return
    traits = values.run.traits
    given = None
    if protocol.classes is not None:
        given = {*(entry.id for entry in protocol.classes), *(resolution.protocol.ignore or ())}
    met = values.distinct()
    for side, held in enumerate((traits.gt, traits.pred)):
        if not held.gray_entries or held.colored or (side and values.run.maps is not None):
            continue
        levels = dict(held.gray_entries)
        indices = met[side] - {NO_PREDICTION}
        known = given if given is not None else met[1 - side]
        if indices <= known and {levels.get(index, index) for index in indices} <= known:
            yield Finding(
                "gray-palette",
                "palettes are gray, and both their indices and their gray levels can be labels",
                shown(
                    f"{('gt', 'pred')[side]}/: index {index} is the gray level {level}"
                    for index, level in held.gray_entries
                ),
                "Say what each gray means with --palette FILE (a line 'R G B CLASS' for each), or save one channel "
                "with the labels",
            )


MOST_FOLDERS = 10


def class_folders(values: Values) -> Iterator[Finding]:
    """Find masks of two values, the same names in every folder, whose foregrounds fit side by side in one image.

    Where they do not fill the image, folders of frames can look so too: then there must be more images than folders.
    """
    keys = keys_of(values.run.rows)
    if values.run.maps is not None or len(keys) < 2 or not all("/" in key for key in keys):
        return
    if not values.distinct()[0] <= FULL | {1}:
        return
    below = len({key.partition("/")[0] for key in keys}) > 1
    parts = [key.partition("/") if below else key.rpartition("/") for key in keys]
    folders = {folder for folder, _, _ in parts}
    # Every name is in every folder where there are as many images as folders times names.
    if len(folders) < 2 or len(keys) != len(folders) * len({name for _, _, name in parts}):
        return
    images: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for (folder, _, name), row in zip(parts, values.run.rows, strict=True):
        images[name][folder] = row
    covered = [_covered(image) for image in images.values()]
    if None in covered or any(share is not None and share > 1 for share in covered):
        return
    if len(images) < max(2, len(folders)) and any(share != 1 for share in covered):
        return
    yield Finding(
        "class-folders",
        f"{len(folders)} folders hold the same names, with foregrounds that fit side by side: these look like one mask "
        "a class, and would be scored as images of their own",
        (listed([f"gt/{folder}/" for folder in sorted(folders)], MOST_FOLDERS),),
        "Score each class by itself with --multilabel, or write one label mask an image, with a value for each class",
    )


def _covered(image: Mapping[str, Row]) -> float | None:
    """Return which share of an image the foregrounds of its masks cover, `None` where their sizes differ."""
    sizes = {(row.depth, row.height, row.width) for row in image.values()}
    if len(sizes) > 1:
        return None
    (pixels,) = {row.pixels for row in image.values()}
    foreground = sum(int(row.counts.pixels[row.counts.gt != 0].sum()) for row in image.values())
    return foreground / pixels if pixels else None
