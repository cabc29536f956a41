"""What looks wrong in the values of two folders: mistakes that score without an error, and the option that mends each.

Agreement is compared between two readings of the same masks to tell which is meant; it is never told to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from segeval.errors import Finding, and_more
from segeval.protocol.labeling import NO_PREDICTION, UNKNOWN, VOID
from segeval.protocol.presets import preset
from segeval.protocol.protocol import Protocol
from segeval.protocol.resolution import DEFAULT_VOID, Resolution
from segeval.report.labelcheck import FileNames
from segeval.runs.run import Run, raw_values
from segeval.tables.counts import JointCounts

FULL = frozenset({0, DEFAULT_VOID})
MANY_VALUES = 20
"""Predictions with more distinct values than this, and several times those of the ground truth, are no labels."""
HALF, TWICE = 0.5, 2.0
"""Another reading is meant where it agrees on more than half of the pixels, and twice as often as the present one."""
INVERTED = 0.6
"""Binary predictions are inverted where more than this share of either class was given the other."""
LONGEST_MAP = 300
"""Values of a map that are written out in a fix."""
TRAIN_IDS = frozenset({*range(19), DEFAULT_VOID})


@dataclass(frozen=True, slots=True)
class Values:
    """Hold the table of a run with what its values mean; `resolution` is `None` where they admit several readings."""

    run: Run
    table: JointCounts
    resolution: Resolution | None
    names: FileNames = field(default_factory=dict)

    def predictions(self) -> tuple[str, ...]:
        """Return the first prediction files, images by their keys where the files are not known."""
        return shown(self.names.get(row.key, ("", row.key))[1] for row in self.run.rows if not row.missing)

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


def value_findings(
    run: Run, table: JointCounts, resolution: Resolution | None, names: FileNames | None = None
) -> Iterator[Finding]:
    """Tell what looks wrong in the values of a run; the most telling mistake comes first.

    `table` is the sum of its rows, `resolution` what its protocol makes of them, `None` where it makes nothing;
    `names` has the files of each key.
    """
    values = Values(run, table, resolution, names or {})
    for look in (_full_range, _off_by_one, _train_ids, _wrong_ids, _inverted, _constant, _maps, _void_in_predictions):
        yield from look(values)


def _full_range(values: Values) -> Iterator[Finding]:
    """Find 0/255 masks that are read as a class and void."""
    if values.run.maps is not None or values.binary:
        return
    gt, pred = values.distinct()
    if gt == FULL and values.resolution is None and len(pred) <= MANY_VALUES:
        yield Finding(
            "zero-255",
            "ground truth holds only 0 and 255, which can be two classes or one class and void",
            (),
            "Use --binary (0 is background, everything else foreground) or, where 255 is void, --ignore 255",
        )
    elif DEFAULT_VOID in pred and pred <= FULL and gt <= {0, 1, DEFAULT_VOID} and _is_void(values, DEFAULT_VOID):
        yield Finding(
            "scales",
            "predictions hold only 0 and 255, of which 255 is read as void; the ground truth has 1",
            (),
            "Use --pred-map 255=1" if DEFAULT_VOID in gt else "Use --binary: everything but 0 is foreground",
        )


def _is_void(values: Values, raw: int) -> bool:
    return values.resolution is None or values.resolution.labeling.pred.index(raw) == VOID


def _off_by_one(values: Values) -> Iterator[Finding]:
    """Find predictions that are one less or one more than the ground truth (reduce_zero_label)."""
    if values.run.maps is not None or values.binary:
        return
    for shift, words in ((-1, "one less"), (1, "one more")):
        if _explains(values, partial(_shifted, shift), classes=2):
            yield Finding(
                "off-by-one",
                f"predictions look like the ground truth's values {words}: one of the two counts classes from 1",
                (),
                _shift_fix(values, shift),
            )


def _shifted(shift: int, gt: int, pred: int) -> bool:
    return pred == gt + shift and min(gt, pred) >= 0


def _shift_fix(values: Values, shift: int) -> str:
    """Return the map that moves one side: that which counts from 1, unless a class list or a preset has its values."""
    gt, pred = ({value for value in side if value != DEFAULT_VOID} for side in values.distinct())
    if values.protocol.closed:
        known = {raw + shift: target for raw, target in values.protocol.gt_map if raw + shift >= 0}
        return f"Move them: --pred-map {written_map(known)}"
    ids = {entry.id for entry in values.protocol.classes or ()}
    gt_moves = shift < 0
    if ids and (gt if gt_moves else pred) <= ids and not (pred if gt_moves else gt) <= ids:
        gt_moves = not gt_moves
    option, moving = ("--gt-map", gt) if gt_moves else ("--pred-map", pred)
    step = shift if gt_moves else -shift
    top = max((*moving, *(value - step for value in ids)))
    pairs = {value: value + step if value + step >= 0 else DEFAULT_VOID for value in range(top + 1)}
    ignored = values.protocol.ignore
    also = " --ignore 255" if ignored is not None and ignored != (DEFAULT_VOID,) else ""
    return f"Move them: {option} {written_map(pairs)}{also}"


def _train_ids(values: Values) -> Iterator[Finding]:
    """Find Cityscapes train ids in one folder against regular ids in the other."""
    if values.run.maps is not None or values.binary:
        return
    regular = preset("cityscapes").gt_map
    gt, pred = values.distinct()
    train = {value: value for value in sorted(TRAIN_IDS)}
    for folder, other, option, (first, second), reading in (
        ("predictions", "ground truth", "--pred-map", (gt, pred), lambda gt, pred: regular.get(gt) == pred),
        ("ground truth", "predictions", "--gt-map", (pred, gt), lambda gt, pred: regular.get(pred) == gt),
    ):
        fits = first <= {*regular, DEFAULT_VOID} and max(first - {DEFAULT_VOID}, default=0) > 18 and second <= TRAIN_IDS
        if fits and _explains(values, _valid_class(reading), classes=3):
            yield Finding(
                "train-ids",
                f"{folder} hold Cityscapes train ids (0..18), {other} regular ids (0..33)",
                (),
                f"Use --preset cityscapes {option} {written_map(train)}",
            )


def _valid_class(reading: Callable[[int, int], bool]) -> Callable[[int, int], bool]:
    return lambda gt, pred: reading(gt, pred) and DEFAULT_VOID not in (gt, pred)


def _wrong_ids(values: Values) -> Iterator[Finding]:
    """Find the preset of the other kind of Cityscapes ids."""
    gt, pred = values.distinct()
    met = gt | pred
    if values.protocol.preset == "cityscapes" and len(gt & pred - {DEFAULT_VOID}) > 2 and met <= TRAIN_IDS:
        yield Finding(
            "train-ids",
            "both folders hold no value above 18 but 255: these look like train ids, the preset's are regular ids",
            (),
            "Use --preset cityscapes-trainids",
        )
    regular = set(preset("cityscapes").gt_map)
    if values.protocol.preset == "cityscapes-trainids" and met - TRAIN_IDS and met <= regular | {DEFAULT_VOID}:
        yield Finding(
            "train-ids", "values up to 33 are Cityscapes regular ids, not train ids", (), "Use --preset cityscapes"
        )


def _inverted(values: Values) -> Iterator[Finding]:
    """Find two classes that are exchanged in the predictions."""
    resolution = values.resolution
    if resolution is None or len(resolution.labeling.classes) != 2:
        return
    given = np.zeros((2, 2), np.int64)
    for _, _, gt, pred, pixels in values.cells():
        if gt >= 0 and pred >= 0:
            given[gt, pred] += pixels
    sums = given.sum(axis=1)
    if not sums.all() or given[0, 1] <= INVERTED * sums[0] or given[1, 0] <= INVERTED * sums[1]:
        return
    if values.run.maps is not None:
        fix = "Store the probability of class 1, not of class 0: 1 - p"
    else:
        _, pred_values = values.distinct()
        lookup = resolution.labeling.pred
        ids = [entry.id for entry in resolution.labeling.classes]
        exchanged = {value: ids[1 - lookup.index(value)] for value in sorted(pred_values) if lookup.index(value) >= 0}
        fix = f"Exchange them: {'--binary ' if values.binary else ''}--pred-map {written_map(exchanged)}"
    yield Finding("inverted", "foreground and background look exchanged in the predictions", (), fix)


def _constant(values: Values) -> Iterator[Finding]:
    """Find predictions that are one and the same value everywhere."""
    predicted = {value for value in set(values.table.pred.tolist()) if value != NO_PREDICTION}
    true_classes = {gt for _, _, gt, _, _ in values.cells() if gt >= 0 or gt == UNKNOWN}
    if values.run.maps is not None and values.run.maps.in_rows:
        levels = {tuple(set(table.pred.tolist())) for table in values.run.level_tables()}
        constant = bool(levels) and all(len(found) == 1 for found in levels)
    else:
        constant = len(predicted) == 1 and values.run.maps is None
    if constant and len(true_classes) > 1:
        yield Finding(
            "constant",
            "all predictions are one value everywhere, and the ground truth is not",
            tuple(f"value {value}" for value in sorted(predicted)[:1]) if values.run.maps is None else (),
            "Look at how they were written: argmax over the class axis, no cast of fractions to whole numbers",
        )


def _maps(values: Values) -> Iterator[Finding]:
    """Find 8-bit probability maps that are read as labels."""
    if values.run.maps is not None:
        return
    gt, pred = values.distinct()
    gt_classes = gt - {DEFAULT_VOID}
    two_valued = gt_classes <= {0, 1} or gt == FULL
    spread = len(pred) > 4 * len(gt_classes) and values.protocol.classes is None
    if len(pred) <= MANY_VALUES or not (two_valued or spread):
        return
    refused = two_valued and not values.protocol.binary and len(values.protocol.classes or ()) <= 2
    yield Finding(
        "probability-maps" if refused else "many-values",
        f"predictions hold {len(pred)} values, the ground truth {len(gt)}: they look like probability maps",
        values.predictions(),
        "Score them with --probs, which reads them as probabilities",
    )


def _void_in_predictions(values: Values) -> Iterator[Finding]:
    """Find void in the predictions and none in the ground truth: folders are given as PRED GT."""
    gt, pred = values.distinct()
    if values.run.maps is not None or values.binary or pred <= FULL or len(pred - gt) > MANY_VALUES:
        return
    void = {raw for _, raw, _, index, _ in values.cells() if index == VOID}
    if void and not any(index == VOID for _, _, index, _, _ in values.cells()):
        yield Finding(
            "swapped",
            "predictions hold an ignored value and the ground truth does not: the two folders may be swapped",
            (f"value {', '.join(map(str, sorted(void)))}",),
            "Give predictions first, then ground truth; if they are, void predictions count as --pred-void says",
        )


def _explains(values: Values, reading: Callable[[int, int], bool], *, classes: int) -> bool:
    """Tell whether pixels agree under another reading of raw values, far more than now and in several classes."""
    now = then = total = 0
    agreeing: dict[int, int] = {}
    pixels_of: dict[int, int] = {}
    for gt, pred, gt_class, pred_class, pixels in values.cells():
        if gt_class == VOID:
            continue
        total += pixels
        now += pixels * (gt_class == pred_class and gt_class != UNKNOWN)
        pixels_of[gt] = pixels_of.get(gt, 0) + pixels
        if reading(gt, pred):
            then += pixels
            agreeing[gt] = agreeing.get(gt, 0) + pixels
    found = sum(2 * agreeing[gt] > pixels_of[gt] for gt in agreeing)
    return found >= classes and then > HALF * total and then >= TWICE * now


def written_map(pairs: Mapping[int, int]) -> str:
    """Write a map as options take it, the middle of a long one left out."""
    parts = [f"{raw}={target}" for raw, target in pairs.items()]
    return ",".join(parts if len(parts) <= LONGEST_MAP else [*parts[:3], "...", parts[-1]])


def shown(names: Iterable[str], most: int = 10) -> tuple[str, ...]:
    """Return the first names, and how many more there are."""
    known = list(names)
    return (*known[:most], *((and_more(len(known) - most),) if len(known) > most else ()))
