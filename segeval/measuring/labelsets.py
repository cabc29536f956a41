"""Masks whose pixels may be of several classes: from one mask a class, arrays or bits to one set a pixel, and a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.folders.classpairing import folder_names
from segeval.folders.pairing import Pair
from segeval.folders.walking import gt_name, opened, pred_name
from segeval.images.readers import ImageFacts, read_class_axis, read_mask
from segeval.measuring.reading import Reading, both, bytes_of, digest, digest_of_all, fitted, missing_counts
from segeval.measuring.scope import counted, placed, region_of, require_place
from segeval.protocol.bitcodes import BitClass, parse_bits
from segeval.protocol.classlists import checked_classes
from segeval.protocol.labeling import MOST_IN_SETS, MOST_LOOKED_UP, VOID_SET, SegmentationClass, distinct_values
from segeval.protocol.labelregions import LabelRegion, parse_regions
from segeval.protocol.protocol import Protocol
from segeval.protocol.storage import SideStorage
from segeval.records import dataclass
from segeval.request import Request
from segeval.runs.run import MeasuredRow, Row
from segeval.tables.counts import joint_counts

if TYPE_CHECKING:
    from segeval.stores.urls import Root

IntArray = NDArray[np.integer[Any]]
FULL = 255
MOST_VALUES = 1 << 16
"""Stored values of one mask that are looked up: what 16 bits hold."""
_TYPES = ((8, np.uint8), (16, np.uint16), (32, np.uint32), (63, np.int64))


@dataclass(frozen=True, slots=True)
class SetMeaning:
    """Say what stored values mean: the ids of the classes in their order, their bits or labels, and what is void."""

    ids: tuple[int, ...]
    names: tuple[str, ...]
    bits: tuple[BitClass, ...] = ()
    regions: tuple[LabelRegion, ...] = ()
    ignore: frozenset[int] = frozenset()
    forgiving: str | None = None

    @property
    def dtype(self) -> type[np.integer[Any]]:
        """Return the smallest type that holds a set."""
        return next(kind for bits, kind in _TYPES if len(self.ids) <= bits)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    root: Root
    name: Any
    storage: SideStorage
    level: int | None
    jpeg: bool
    folders: bool


@dataclass(frozen=True, slots=True, eq=False)
class ReadSets:
    """Hold the sets of an image, (H, W) or (D, H, W), the digest of the files that they come from, and a header.

    `forgiving` tells the pixels of a ground truth whose classes forgive, `None` where none do.
    """

    values: IntArray
    digest: str
    facts: ImageFacts | None = None
    forgiving: NDArray[np.bool_] | None = None


def with_classes(pred: Root, gt: Root, request: Request) -> Request:
    """Name the classes of `--multilabel` after their folders, where they are not given; raises `UsageError`."""
    if request.protocol.classes is not None:
        return request
    names = folder_names(opened(pred), opened(gt))
    if not names:
        raise UsageError(
            "--multilabel needs the classes, and no folder is named after one",
            (),
            "Name them with --classes, say which bits they are with --bits, or give folders with one mask a class",
        )
    if len(names) > MOST_IN_SETS:
        raise UsageError(
            f"--multilabel takes at most {MOST_IN_SETS} classes, and there are {len(names)} folders",
            (),
            "Name the classes of a run with --classes, and give folders that hold these only",
        )
    numbered = all(name.isascii() and name.isdecimal() and str(int(name)) == name for name in names)
    classes = (SegmentationClass(int(name) if numbered else index, name) for index, name in enumerate(names))
    checked = checked_classes(sorted(classes, key=lambda one: one.id), name="the folders")
    return replace(request, protocol=replace(request.protocol, classes=checked))


def meaning_of(protocol: Protocol) -> SetMeaning:
    """Return what stored values mean under a protocol whose classes are known."""
    classes = protocol.classes or ()
    bits = () if protocol.storage.bits is None else parse_bits(protocol.storage.bits)
    regions = () if protocol.storage.label_regions is None else tuple(parse_regions(protocol.storage.label_regions))
    ignore = frozenset(value for value in protocol.ignore or () if isinstance(value, int))
    names = tuple(one.name for one in classes)
    return SetMeaning(tuple(one.id for one in classes), names, bits, regions, ignore, protocol.storage.forgiving)


def measure_sets(pair: Pair, reading: Reading, meaning: SetMeaning) -> MeasuredRow:
    """Count one pair of masks whose pixels have sets of classes; raises `MaskError`."""
    if not pair.pred:
        gt = read_true_sets(pair, reading, meaning)
        region = region_of(pair, reading, gt.values.shape)
        row = Row(pair.key, 1, 1, gt.digest, missing_counts(counted(gt.values, region)))
        return MeasuredRow(placed(row, gt.values.shape, region))
    gt, pred = both(
        partial(read_true_sets, pair, reading, meaning), partial(read_predicted_sets, pair.pred, reading, meaning)
    )
    predicted = fitted(pred.values, gt.values.shape, pair.pred[0], reading.resize_pred)
    if gt.facts is not None and pred.facts is not None:
        require_place(gt.facts, pred.facts, pair, pair.pred[0])
    true, predicted = forgiven(gt, predicted)
    region = region_of(pair, reading, gt.values.shape)
    counts = joint_counts(gt=counted(true, region), pred=counted(predicted, region))
    row = placed(Row(pair.key, 1, 1, gt.digest, counts), gt.values.shape, region)
    return MeasuredRow(row, pred_digest=pred.digest if reading.digest_predictions else "")


def forgiven(gt: ReadSets, pred: IntArray) -> tuple[IntArray, IntArray]:
    """Return both sides with boundary pixels forgiven, as DIVA_Layout_Analysis_Evaluator does.

    Their ground truth has the first class too, and a prediction that shares a class with it has all of its classes.
    """
    if gt.forgiving is None:
        return gt.values, pred
    true = np.where(gt.forgiving & (gt.values >= 0), gt.values | 1, gt.values)
    shared = gt.forgiving & (true >= 0) & (pred >= 0) & ((true & pred) != 0)
    return true, np.where(shared, pred | true, pred)


def read_true_sets(pair: Pair, reading: Reading, meaning: SetMeaning) -> ReadSets:
    """Return the sets of a ground truth; raises `MaskError`."""
    side = _Side(reading.gt, gt_name, reading.gt_storage, reading.gt_level, reading.gt_jpeg, reading.gt_folders)
    return _read(pair.gt_files, side, reading, meaning)


def read_predicted_sets(files: Sequence[str], reading: Reading, meaning: SetMeaning) -> ReadSets:
    """Return the sets of a prediction of labels; raises `MaskError`."""
    side = _Side(
        reading.pred, pred_name, reading.pred_storage, reading.pred_level, reading.pred_jpeg, reading.pred_folders
    )
    return _read(files, side, reading, meaning)


def _read(files: Sequence[str], side: _Side, reading: Reading, meaning: SetMeaning) -> ReadSets:
    digests: list[str] = []
    if len(files) == 1 and not side.folders:
        data = bytes_of(side.root, files[0], reading, name=side.name(files[0]))
        values, facts = _of_one_file(data, files[0], side, reading, meaning)
        marked = None
        if meaning.forgiving is not None and side.name is gt_name:
            channel, bit = meaning.forgiving.split("=")
            storage = replace(side.storage, channel=channel)
            levels, _ = read_mask(data, name=side.name(files[0]), max_pixels=reading.max_pixels, storage=storage)
            marked = (levels >> int(bit) & 1).astype(np.bool_)
        return ReadSets(values, digest(data), facts, marked)
    sets: IntArray | None = None
    facts = None
    for index, file in enumerate(files):
        name = side.name(file)
        data = bytes_of(side.root, file, reading, name=name)
        digests.append(digest(data))
        mask, facts = read_mask(data, name=name, max_pixels=reading.max_pixels, jpeg=side.jpeg, storage=side.storage)
        if sets is None:
            sets = np.zeros(mask.shape, meaning.dtype)
        elif sets.shape != mask.shape:
            where = [f"{side.name(one)}" for one in (files[0], file)]
            raise MaskError("the masks of one image differ in size", where, "Write them at one size")
        sets |= _foreground(mask, name, side.level).astype(meaning.dtype) << meaning.dtype(index)
    assert sets is not None, "a pair has a file"
    return ReadSets(sets, digest_of_all(digests), facts)


def _of_one_file(
    data: bytes, file: str, side: _Side, reading: Reading, meaning: SetMeaning
) -> tuple[IntArray, ImageFacts | None]:
    """Read sets from an array with an axis of classes, from the bits of stored values, or from plain labels."""
    name = side.name(file)
    if side.storage.class_axis is not None:
        planes = read_class_axis(data, name=name, max_pixels=reading.max_pixels, storage=side.storage)
        if planes is not None:
            return _of_planes(planes, name, side.level, meaning), None
    values, facts = read_mask(data, name=name, max_pixels=reading.max_pixels, storage=side.storage)
    distinct = distinct_values(values)
    if len(distinct) > MOST_VALUES:
        raise MaskError(
            f"a mask holds more than {MOST_VALUES:,} distinct values, which no classes explain",
            (f"{name}: {len(distinct):,} values",),
            "This looks like a photograph or a probability map (--probs)",
        )
    sets = [_set_of(value, meaning) for value in distinct]
    unknown = [value for value, found in zip(distinct, sets, strict=True) if found is None]
    if unknown:
        shown = ", ".join(map(str, unknown[:5]))
        raise MaskError(
            "a mask holds values that are no class",
            (f"{name}: {shown}",),
            "Correct the labels of dataset.json, or leave pixels of such values out with --ignore"
            if meaning.regions
            else "Name them with --classes, leave their pixels out with --ignore, or say with --bits which bits are "
            "classes",
        )
    kind = np.int64 if VOID_SET in sets else meaning.dtype
    return _looked_up(values, distinct, np.array(sets, kind)), facts


def _looked_up(values: IntArray, distinct: Sequence[int], sets: IntArray) -> IntArray:
    """Return the set of each value: by a table where the values lie near each other, which is quicker than a search."""
    low, high = distinct[0], distinct[-1]
    if high - low > MOST_LOOKED_UP:
        return np.asarray(sets[np.searchsorted(np.array(distinct), values)])
    table = np.zeros(high - low + 1, sets.dtype)
    table[np.array(distinct) - low] = sets
    return table[np.subtract(values, low, dtype=np.int64)]


def _of_planes(planes: NDArray[Any], name: str, level: int | None, meaning: SetMeaning) -> IntArray:
    if len(planes) != len(meaning.ids):
        raise MaskError(
            f"an array has {len(planes)} classes, and {len(meaning.ids)} are named",
            (name,),
            "Name as many classes with --classes, in the order of the array, or correct --class-axis",
        )
    sets = np.zeros(planes.shape[1:], meaning.dtype)
    for index, plane in enumerate(planes):
        sets |= _foreground(plane, name, level).astype(meaning.dtype) << meaning.dtype(index)
    return sets


def _foreground(mask: NDArray[Any], name: str, level: int | None) -> NDArray[np.bool_]:
    """Return where the mask of one class is its foreground: above the level, or what is not 0 of two values."""
    if level is not None:
        return np.asarray(mask > level)
    found: NDArray[np.bool_] = mask != 0
    if mask.dtype != np.bool_ and (mask.min() < 0 or (mask.max() > 1 and not ((mask == FULL) == found).all())):
        others = distinct_values(mask)
        raise MaskError(
            "the mask of one class holds more than a background and a foreground",
            (f"{name}: {len(others)} values, {others[0]} to {others[-1]}",),
            "Take what is above a level with --gt-threshold 127 or --pred-threshold 127; maps of probabilities are "
            "read with --probs",
        )
    return found


def _set_of(value: int, meaning: SetMeaning) -> int | None:
    """Return the set that a stored value means; `None` for a label that is neither 0 nor a class."""
    if value in meaning.ignore:
        return VOID_SET
    if meaning.bits:
        classes = [(value >> one.offset) & ((1 << one.width) - 1) == one.value for one in meaning.bits]
        return sum(1 << index for index, is_in in enumerate(classes) if is_in) if value >= 0 else None
    if meaning.regions:
        found = sum(1 << index for index, one in enumerate(meaning.regions) if value in one.labels)
        return found if found or value == 0 else None
    if value in meaning.ids:
        return 1 << meaning.ids.index(value)
    return 0 if value == 0 else None
