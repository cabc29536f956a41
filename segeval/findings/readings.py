"""Another reading of the same table that agrees far better: train ids, labels off by one, other label spaces.

Each reading is what an option makes of the masks. It is told only after it was tried on the table, with the agreement
that it gives: the share of valid pixels whose classes are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, SegevalError
from segeval.findings.values import FULL, Values, written_map
from segeval.protocol.labeling import DEFAULT_VOID, NO_PREDICTION, VOID, Labeling
from segeval.protocol.protocol import Protocol, Resolution, resolve
from segeval.records import dataclass
from segeval.report.scoring import refuses
from segeval.request import Request, amend
from segeval.request.options import FolderOptions, chosen
from segeval.tables.counts import JointCounts

Options = tuple[tuple[str, str | bool], ...]
"""Keywords of a scoring: their texts, or `True` for a switch, in the order of a command line."""
MOST_NOW = 0.5
"""Masks whose values agree on more than this share of the mean class are read as they are meant."""
LEAST_THEN, TIMES_BETTER = 0.4, 2.0
"""Another reading is meant where it agrees on more than this share of the mean class, and so much better than now."""
MOST = 0.5
"""A ground-truth value is found again where more than this share of its pixels agrees."""
LEAST_RENAMED = 0.5
"""The same where both sides have the same values: masks of other images agree on up to 0.44 if one renames classes."""
LEAST_OVERLAP = 0.1
"""Values of the two sides can be one class where their intersection over union is above this."""
TRAIN_IDS = frozenset({*range(19), DEFAULT_VOID})
REGULAR, TRAIN = "cityscapes", "cityscapes-trainids"
FEW_CLASSES = 3
"""Values that must be found again, or all where there are fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Say how two sides agree: pixels with a class, those of them that are equal, and the share in each raw value."""

    valid: int
    equal: int
    shares: NDArray[np.float64]

    @property
    def share(self) -> float:
        """Return the share of valid pixels that agree."""
        return self.equal / self.valid if self.valid else 0.0

    @property
    def balanced(self) -> float:
        """Return the mean share over the values of the ground truth."""
        return float(self.shares.mean()) if len(self.shares) else 0.0

    def far_better(self, now: Agreement, least: float) -> bool:
        """Tell whether this is how the masks are meant, and not `now`: above `least` in the mean class."""
        found = int((self.shares > MOST).sum())
        return (
            self.balanced > least
            and self.balanced >= TIMES_BETTER * now.balanced
            and self.share > now.share
            and found >= min(FEW_CLASSES, len(self.shares))
            and found > 1
        )


NO_AGREEMENT = Agreement(0, 0, np.zeros(0))


def agreement(table: JointCounts, labeling: Labeling) -> Agreement:
    """Return how the two sides of a table agree under a labeling; unknown ground truth agrees with nothing."""
    gt, pred = labeling.gt(table.gt), labeling.pred(table.pred)
    valid = gt != VOID
    equal = valid & (gt == pred) & (gt >= 0)
    values = table.gt.astype(np.int64)
    raws, place = np.unique(values[valid], return_inverse=True)
    pixels, hits = np.zeros(len(raws), np.int64), np.zeros(len(raws), np.int64)
    np.add.at(pixels, place, table.pixels[valid])
    np.add.at(hits, place, np.where(equal, table.pixels, 0)[valid])
    return Agreement(int(pixels.sum()), int(hits.sum()), hits / pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Hold options that may be meant: the kind of mistake, what it is, and `instead`, another way to the same.

    `least` is the share of the mean class that has to agree.
    """

    kind: str
    what: str
    options: Options
    instead: str = ""
    least: float = LEAST_THEN


def reading_findings(values: Values) -> Iterator[Finding]:
    """Tell the reading that agrees far better with the masks than the present one, and the preset of other ids."""
    if values.run.maps is not None or values.binary:
        return
    if (other := _other_preset(values)) is not None:
        now, then = _now(values), tried(values, other.options)
        if then is not None:
            yield told(other, now, then)
        return
    now = _now(values)
    if now.balanced > MOST_NOW:
        return
    for readings in (_train_ids(values), _off_by_one(values), _in_order(values), _by_overlap(values)):
        candidates = [(then, one) for one in readings if (then := tried(values, one.options)) is not None]
        better = [(then, one) for then, one in candidates if then.far_better(now, one.least)]
        if better:
            then, meant = max(better, key=lambda entry: entry[0].equal)  # the first of equal ones
            yield told(meant, now, then)
            return


def _now(values: Values) -> Agreement:
    return NO_AGREEMENT if values.resolution is None else agreement(values.table, values.resolution.labeling)


def tried(values: Values, options: Options) -> Agreement | None:
    """Return how the table agrees under other options, `None` where the masks cannot be scored with them."""
    resolution = resolved_with(values, options)
    return None if resolution is None else agreement(values.table, resolution.labeling)


def resolved_with(values: Values, options: Options) -> Resolution | None:
    """Return what the values mean under other options, `None` where these refuse them."""
    gt, pred = values.distinct()
    try:
        protocol = amended(values.protocol, options)
        resolution = resolve(protocol, gt_values=gt, pred_values=pred)
    except SegevalError:
        return None
    return None if refuses(values.table, resolution.labeling, protocol.convention) else resolution


def amended(protocol: Protocol, options: Options) -> Protocol:
    """Return a protocol with what options say otherwise."""
    return amend(Request(protocol), chosen(FolderOptions, dict(options))).protocol


def told(reading: Reading, now: Agreement, then: Agreement) -> Finding:
    """Return the finding of a reading that was tried."""
    shares = f"{100 * then.share:.1f} % of the valid pixels agree with it, {100 * now.share:.1f} % without"
    instead = f". Or, {reading.instead}" if reading.instead else ""
    return Finding(
        reading.kind, reading.what, (), f"Use {written(reading.options)} ({shares}){instead}", options=reading.options
    )


def written(options: Options) -> str:
    """Write options as a command line has them."""
    return " ".join(f"--{name.replace('_', '-')}{'' if text is True else f' {text}'}" for name, text in options)


# Cityscapes


def _regular_ids() -> Mapping[int, int]:
    """Return regular id -> train id or void."""
    from segeval.protocol.presets import preset  # a run without presets does without their modules

    return preset(REGULAR).gt_map


def _train_ids(values: Values) -> Iterator[Reading]:
    """Read one folder as Cityscapes train ids, the other as regular ids."""
    regular = _regular_ids()
    known, train = {*regular, DEFAULT_VOID}, {value: value for value in sorted(TRAIN_IDS)}
    gt, pred = values.distinct()
    names = (("predictions", pred, "pred_map"), ("ground truth", gt, "gt_map"))
    for (title, ids, option), (other, other_ids, other_option) in (names, names[::-1]):
        if not (ids <= TRAIN_IDS and other_ids <= known):
            continue
        what = f"{title} hold Cityscapes train ids (0..18), {other} regular ids (0..33)"
        by_preset: Options = (("preset", REGULAR), (option, written_map(train)))
        if values.protocol.preset in (REGULAR, TRAIN):
            yield Reading("train-ids", what, by_preset)
        elif not values.protocol.closed:
            instead = f"where the folders are laid out as those of Cityscapes, {written(by_preset)}"
            yield Reading("train-ids", what, ((other_option, written_map(dict(sorted(regular.items())))),), instead)


def _other_preset(values: Values) -> Reading | None:
    """Find the preset of the other kind of Cityscapes ids."""
    if values.protocol.preset not in (REGULAR, TRAIN):
        return None
    gt, pred = values.distinct()
    met, regular = gt | pred, _regular_ids()
    no_class = {raw for raw, index in regular.items() if index == DEFAULT_VOID} - {DEFAULT_VOID}
    if values.protocol.preset == REGULAR and met <= TRAIN_IDS and len(gt & pred & no_class) > 1:
        what = "both folders hold no value above 18 but 255: these look like train ids, the preset's are regular ids"
        return Reading("train-ids", what, (("preset", TRAIN),))
    if values.protocol.preset == TRAIN and (gt & pred) - TRAIN_IDS and met <= {*regular, DEFAULT_VOID}:
        return Reading("train-ids", "values up to 33 are Cityscapes regular ids, not train ids", (("preset", REGULAR),))
    return None


# Labels off by one


def _off_by_one(values: Values) -> Iterator[Reading]:
    """Move either side by one."""
    moves = _moves_of_preset if values.protocol.closed else _moves
    for shift, words in ((-1, "one less"), (1, "one more")):
        what = f"predictions look like the ground truth's values {words}: one of the two counts classes from 1"
        for options in moves(values, shift):
            yield Reading("off-by-one", what, options)


def _moves_of_preset(values: Values, shift: int) -> Iterator[Options]:
    """Yield the maps that move predictions, or the ground truth, to the class ids of a preset."""
    for option, known, step in (
        ("pred_map", values.protocol.pred_map, shift),
        ("gt_map", values.protocol.gt_map, -shift),
    ):
        moved = {raw + step: target for raw, target in known if raw + step >= 0 and raw != DEFAULT_VOID}
        yield ((option, written_map(moved)),)


def _moves(values: Values, shift: int) -> Iterator[Options]:
    """Yield the maps that move one side: first the one that counts from 1."""
    gt, pred = ({value for value in side if value != DEFAULT_VOID} for side in values.distinct())
    ids = {entry.id for entry in values.protocol.classes or ()}
    sides = [("gt_map", gt, shift), ("pred_map", pred, -shift)]
    for option, moving, step in sides if shift < 0 else sides[::-1]:
        top = max((*moving, *(value - step for value in ids)), default=0)
        if top > DEFAULT_VOID:
            continue
        pairs = {value: value + step if value + step >= 0 else DEFAULT_VOID for value in range(top + 1)}
        yield _with_void(values, ((option, written_map(pairs)),))


def _with_void(values: Values, options: Options) -> Options:
    """Ignore 255, to which a map sends what is no class, where something else is ignored."""
    ignored = values.protocol.ignore
    return options if ignored in (None, (DEFAULT_VOID,)) else (*options, ("ignore", str(DEFAULT_VOID)))


# Label spaces


def _in_order(values: Values) -> Iterator[Reading]:
    """Pair the values of the two sides by their order, where the sides have as many; 255 is void if that can be."""
    gt, pred = values.distinct()
    without = gt - {DEFAULT_VOID}, pred - {DEFAULT_VOID}
    kept, others = without if len(without[0]) == len(without[1]) else (gt, pred)
    if len(kept) == len(others) and kept != others:
        yield from _label_spaces(values, dict(zip(sorted(kept), sorted(others), strict=True)))


def _by_overlap(values: Values) -> Iterator[Reading]:
    """Pair the values of the two sides by their overlap, largest first."""
    if max(map(len, values.distinct())) <= DEFAULT_VOID + 1:
        yield from _label_spaces(values, _overlapping(values.table))


def _label_spaces(values: Values, pairs: Mapping[int, int]) -> Iterator[Reading]:
    """Let one side take the other's values."""
    gt, pred = values.distinct()
    two_classes = values.resolution is not None and len(values.resolution.labeling.classes) == 2
    few = min(len(gt), len(pred)) > 1 and max(len(gt), len(pred)) <= DEFAULT_VOID + 1
    if not few or two_classes or gt <= FULL or pred <= FULL:
        return
    shared = (gt & pred) - {DEFAULT_VOID}
    what = "values of the two folders overlap as if they named other classes: they look like two label spaces"
    least = LEAST_RENAMED
    if len(shared) < 2:
        least = LEAST_THEN
        common = f"no value but {min(shared)}" if shared else "no value"
        what = f"the two folders share {common}: they look like two label spaces"
    for options in _moves_between(values, pairs):
        yield Reading("label-spaces", what, options, least=least)


def _moves_between(values: Values, pairs: Mapping[int, int]) -> Iterator[Options]:
    """Yield the maps that send the values of one side to those of the other."""
    gt, pred = values.distinct()
    back = dict(sorted((pred_value, gt_value) for gt_value, pred_value in pairs.items()))
    moves: list[tuple[str, Mapping[int, int]]] = [("gt_map", pairs), ("pred_map", back)]
    if values.protocol.closed:
        theirs = {"gt_map": dict(values.protocol.pred_map), "pred_map": dict(values.protocol.gt_map)}
        moves = [(option, _through(mapping, theirs[option])) for option, mapping in moves[::-1]]
    elif _is_consecutive(gt) and not _is_consecutive(pred):
        moves = moves[::-1]
    for option, mapping in moves:
        if mapping:
            yield ((option, written_map(mapping)),)


def _overlapping(table: JointCounts) -> Mapping[int, int]:
    """Return ground-truth value -> predicted value of pairs that overlap most, each value once.

    255 is a class only where it is found again; elsewhere it is void.
    """
    gt_values, gt = np.unique(table.gt.astype(np.int64), return_inverse=True)
    pred_values, pred = np.unique(table.pred.astype(np.int64), return_inverse=True)
    rows, columns = np.zeros(len(gt_values), np.int64), np.zeros(len(pred_values), np.int64)
    np.add.at(rows, gt, table.pixels)
    np.add.at(columns, pred, table.pixels)
    overlap = table.pixels / (rows[gt] + columns[pred] - table.pixels)
    pairs: dict[int, int] = {}
    for cell in np.argsort(-overlap, kind="stable").tolist():
        if overlap[cell] <= LEAST_OVERLAP:
            break
        one, other = int(gt_values[gt[cell]]), int(pred_values[pred[cell]])
        doubtful = DEFAULT_VOID in (one, other) and overlap[cell] <= MOST
        if not (doubtful or other == NO_PREDICTION or one in pairs or other in pairs.values()):
            pairs[one] = other
    return dict(sorted(pairs.items()))


def _through(pairs: Mapping[int, int], known: Mapping[int, int]) -> Mapping[int, int]:
    """Send values to the class ids that the values of the other side have."""
    return {raw: known[other] for raw, other in pairs.items() if other in known}


def _is_consecutive(values: set[int]) -> bool:
    return sorted(values - {DEFAULT_VOID}) == list(range(len(values - {DEFAULT_VOID})))
