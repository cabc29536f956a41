"""From stored values to classes: a lookup that is applied to tables of counts, never to pixels.

Of masks that hold only 0 and 255, the files of both sides tell whether 255 is foreground or void, or leave a doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.protocol.protocol import Protocol

VOID = -1
"""Index of a value that is ignored."""
UNKNOWN = -2
"""Index of a value that the labeling does not name."""
NO_FILE = -3
"""Index of `NO_PREDICTION`: what `--missing miss` counts in place of a prediction that does not exist."""

NO_PREDICTION = int(np.iinfo(np.int64).min)
"""The value that stands for a prediction that does not exist; no stored mask can hold it."""

OUTSIDE: Mapping[int, str] = {VOID: "void", UNKNOWN: "unknown", NO_FILE: "missing"}
"""What valid pixels may be given that is no class, in a word."""

Color = tuple[int, int, int]


def color_of(parts: Iterable[int] | None) -> Color | None:
    """Return red, green and blue of a list of three."""
    if parts is None:
        return None
    red, green, blue = map(int, parts)
    return red, green, blue


IdAndName = tuple[int, str]
"""What a class is told by."""


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """Name one class: `id` is its value after mapping, `color` its 8-bit RGB colour where it has one."""

    id: int
    name: str
    color: Color | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Name several classes that are also scored as one, by their ids (Cityscapes calls it a category)."""

    name: str
    ids: tuple[int, ...]


MOST_LOOKED_UP = 1 << 16
"""Values between the least and the greatest for which there is a table, however few are met."""
FEW = 256
"""Fewer values are sooner sorted than looked up."""


def distinct_values(values: NDArray[np.integer]) -> list[int]:
    """Return the values that occur, ascending, as Python numbers."""
    found: list[int] = _distinct(values).tolist()
    return found


def _distinct(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the values that occur, ascending."""
    # Not np.unique, which imports numpy.ma: a tenth of the time that a small run takes.
    if values.size < FEW:
        return np.array(sorted(set(values.reshape(-1).tolist())), np.int64)
    low, high = int(values.min()), int(values.max())
    found: NDArray[np.int64]
    if high - low > max(MOST_LOOKED_UP, values.size):
        found = np.sort(values.reshape(-1)).astype(np.int64)
        found = found[np.append(True, found[1:] != found[:-1])]
    else:
        met = np.zeros(high - low + 1, np.bool_)
        met[np.subtract(values, low, dtype=np.int64)] = True
        found = np.flatnonzero(met) + low
    return found


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Look a raw value up: `indices` by raw value, and `default` for every value that is not listed.

    An index is a position in the class list, `VOID` or `UNKNOWN`. Where there is a `level`, values that are not listed
    have `default` only above it, and `lower` from it downwards.
    """

    indices: Mapping[int, int] = field(default_factory=dict)
    default: int = UNKNOWN
    level: int | None = None
    lower: int = UNKNOWN

    def __call__(self, values: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the class index of each of `values`, of any shape and integer type; `NO_PREDICTION` is `NO_FILE`."""
        values = np.asarray(values)
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        if values.size and high - low <= max(MOST_LOOKED_UP, values.size):
            table = np.zeros(high - low + 1, np.intp)
            found = _distinct(values)
            table[found - low] = self._indices_of(found)
            classes: NDArray[np.intp] = table[np.subtract(values, low, dtype=np.int64)]
            return classes
        distinct = _distinct(values)
        looked_up = self._indices_of(distinct)
        return looked_up[np.searchsorted(distinct, values)] if looked_up.size else np.zeros(np.shape(values), np.intp)

    def _indices_of(self, values: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the class indices of values that ascend without repetition."""
        if len(values) <= max(FEW, len(self.indices)):
            return np.array([self.index(value) for value in values.tolist()], np.intp)
        found = np.full(len(values), self.default, np.intp)
        if self.level is not None:
            found[values <= self.level] = self.lower
        low, high = int(values[0]), int(values[-1])
        listed = [(value, index) for value, index in self.indices.items() if low <= value <= high]
        raw = np.array([value for value, _ in listed], np.int64)
        places = np.searchsorted(values, raw)
        here = values[places] == raw
        found[places[here]] = np.array([index for _, index in listed], np.intp)[here]
        if low == NO_PREDICTION:
            found[0] = NO_FILE
        return found

    def index(self, value: int) -> int:
        """Return the class index of one raw value."""
        if value == NO_PREDICTION:
            return NO_FILE
        return self.indices.get(value, self.default if self.level is None or value > self.level else self.lower)


Lookup = Callable[[NDArray[np.integer]], NDArray[np.intp]]
"""What tells the class index of each of some values."""


@dataclass(frozen=True, slots=True)
class Labeling:
    """Fix what each raw value of either folder means.

    `classes` are in report order; `gt` and `pred` map the raw values of the ground truth and of the predictions. Under
    `sets` a value is a set of classes, see `set_labeling`.
    """

    classes: tuple[SegmentationClass, ...]
    gt: ValueMap
    pred: ValueMap
    groups: tuple[Group, ...] = ()
    sets: bool = False

    def truth_of(self, index: int) -> Lookup:
        """Return the lookup of the ground truth that tells the class at `index` from others, and both from void."""
        return partial(_index_in_sets, index=index) if self.sets else self.gt


VOID_SET = -1
"""The value of a void pixel among sets of classes."""
MOST_IN_SETS = 62
"""Classes that a set can be made of, one a bit."""


def set_labeling(classes: Iterable[SegmentationClass]) -> Labeling:
    """Return the labeling of values that are sets of classes, the class at position i at bit i, or `VOID_SET`.

    Looked up as they are, all sets are alike: what each class has of them is counted by `scores.labelsets`.
    """
    any_set = ValueMap({VOID_SET: VOID}, default=0)
    return Labeling(tuple(classes), any_set, any_set, sets=True)


def in_sets(values: NDArray[np.integer], index: int) -> NDArray[np.bool_]:
    """Tell which sets have the class at `index`; void has none."""
    found: NDArray[np.bool_] = (values >= 0) & ((values.astype(np.int64) >> index) & 1).astype(np.bool_)
    return found


def _index_in_sets(values: NDArray[np.integer], *, index: int) -> NDArray[np.intp]:
    return np.where(values < 0, VOID, np.where(in_sets(values, index), index, index + 1)).astype(np.intp)


def value_map(
    classes: Iterable[SegmentationClass],
    *,
    ignore: Iterable[int] = (),
    mapping: Mapping[int, int] | None = None,
    default: int = UNKNOWN,
    closed: bool = False,
) -> ValueMap:
    """Build the lookup raw value -> mapped value -> class index or void.

    `mapping` is applied once and all at once, so `{1: 2, 2: 1}` swaps; a value that it does not name stands for
    itself, or under `closed` for nothing. `ignore` holds mapped values and wins over a class of the same id.
    """
    meaning = {entry.id: index for index, entry in enumerate(classes)}
    meaning.update(dict.fromkeys(ignore, VOID))
    renamed = mapping or {}
    looked_up = {} if closed else {value: index for value, index in meaning.items() if value not in renamed}
    looked_up.update({raw: meaning.get(value, default) for raw, value in renamed.items()})
    return ValueMap(dict(sorted(looked_up.items())), default)


DEFAULT_VOID = 255
FULL = frozenset({0, DEFAULT_VOID})
WHAT = "files hold only 0 and 255, and nothing tells whether 255 is foreground or void"


@dataclass(frozen=True, slots=True)
class SideFiles:
    """Tell what the files of one side hold.

    `values` are those of all files, or some of them where they are more than `MOST_LOOKED_UP`; `full_range` has the
    keys of those that hold 255 and besides at most 0, and `marks_void` tells whether another one holds 255 beside a
    value other than 0.
    """

    values: frozenset[int] = frozenset()
    full_range: tuple[str, ...] = ()
    marks_void: bool = False


def side_files(values: Collection[int], files: Callable[[], Iterable[tuple[str, set[int]]]] | None = None) -> SideFiles:
    """Return what the files of a side hold, from all `values` and, where 255 is among them, each file's own.

    `files` gives (key, values) of each; without it the side is one file.
    """
    met = frozenset(islice(values, MOST_LOOKED_UP))
    if DEFAULT_VOID not in values:
        return SideFiles(met)
    met |= {DEFAULT_VOID}
    full_range: list[str] = []
    for key, held in files() if files is not None else [("", set(met))]:
        if DEFAULT_VOID not in held:
            continue
        if not held <= FULL:
            return SideFiles(met, marks_void=True)
        full_range.append(key)
    return SideFiles(met, tuple(full_range))


@dataclass(frozen=True, slots=True)
class Doubt:
    """Name the images, by key, whose ground truth and whose predictions leave open what 255 is; `fix` settles it."""

    gt: tuple[str, ...]
    pred: tuple[str, ...]
    fix: str


def is_binary(protocol: Protocol, gt: SideFiles, pred: SideFiles, map_count: int | None) -> bool:
    """Tell whether masks of which nothing was said are binary: no file of either side holds but 0 and 255.

    One probability map an image is binary, several are not. Ground truth of 255 alone is void.
    """
    told = protocol.classes is not None or protocol.mapping or protocol.gt_map or protocol.pred_map
    void_only = gt.values == {DEFAULT_VOID}  # which as foreground would be all there is
    if told or void_only or _is_settled(protocol) or not (gt.full_range or pred.full_range):
        return False
    return gt.values <= FULL and (pred.values <= FULL if map_count is None else map_count == 1)


def doubt_of(protocol: Protocol, gt: SideFiles, pred: SideFiles, map_count: int | None) -> Doubt | None:
    """Return the images in which 255 may be foreground or void, `None` where that is settled."""
    if _is_settled(protocol) or is_binary(protocol, gt, pred, map_count):
        return None
    of_gt = gt.full_range if gt.values != {DEFAULT_VOID} and _is_open(protocol, gt, dict(protocol.gt_map)) else ()
    of_pred = pred.full_range if map_count is None and _is_open(protocol, pred, dict(protocol.pred_map)) else ()
    return Doubt(of_gt, of_pred, _fix(gt, pred, of_pred)) if of_gt or of_pred else None


def _is_settled(protocol: Protocol) -> bool:
    return protocol.binary or protocol.ignore is not None or protocol.preset is not None or protocol.closed


def _is_open(protocol: Protocol, side: SideFiles, own: dict[int, int]) -> bool:
    if side.marks_void or DEFAULT_VOID in {**dict(protocol.mapping), **own}:
        return False
    if protocol.classes is not None:
        return side.values <= FULL and len(protocol.classes) <= DEFAULT_VOID
    return True


def _fix(gt: SideFiles, pred: SideFiles, of_pred: tuple[str, ...]) -> str:
    void = "--ignore 255 (255 is void)"
    if gt.marks_void or pred.marks_void:  # --binary would count that void as foreground
        option, where = ("--pred-map", "ground truth") if of_pred else ("--gt-map", "predictions")
        return f"Use {option} 255=1 (255 is foreground here and void in the {where}) or {void}"
    return f"Use --binary (0 is background, 255 foreground) or {void}"


def ranges(values: Iterable[int]) -> str:
    """Write ascending integers with runs joined: 0..3,7."""
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][-1] + 1:
            parts[-1][1:] = [value]
        else:
            parts.append([value])
    return ",".join("..".join(map(str, part)) for part in parts)
