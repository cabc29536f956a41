"""The tables that everything is a function of: of raw values, and of the classes that a labeling makes of them.

`JointCounts` has how often each (ground-truth value, predicted value) occurs, `Confusion` and `Tallies` the same by
class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Group, Labeling
from segeval.records import dataclass
from segeval.tables.blocks import DENSE_CELLS, PENDING_CELLS, Cells, Int64Array, IntArray, count_pairs, merged_cells
from segeval.tables.lane import counted_bytes, fast

__all__ = ["Int64Array", "IntArray", "JointCounts", "ascending", "joint_counts", "table", "total"]

MOST_PIXELS = 9.2e18
"""A little less than 2^63, so that a sum of doubles can tell in time."""
_KINDS = tuple(
    (kind, int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    for kind in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)
)


@dataclass(frozen=True, slots=True, eq=False)
class JointCounts:
    """Hold a sparse table of (ground-truth value, predicted value) -> pixels.

    `gt`, `pred` and `pixels` are equally long, ascending by (gt, pred) without repetition; `pixels` is int64 and
    positive. The two value columns have the smallest integer type that holds them: rows are kept by the thousand.
    """

    gt: IntArray
    pred: IntArray
    pixels: Int64Array

    @property
    def total(self) -> int:
        """Return the number of pixels counted."""
        return int(np.add.reduce(self.pixels))

    def __len__(self) -> int:
        return len(self.pixels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JointCounts):
            return NotImplemented
        return (
            np.array_equal(self.gt, other.gt)
            and np.array_equal(self.pred, other.pred)
            and np.array_equal(self.pixels, other.pixels)
        )

    def __hash__(self) -> int:
        return hash((self.pixels.tobytes(), len(self)))

    def items(self) -> tuple[tuple[int, int, int], ...]:
        """Return (gt, pred, pixels) for every cell, ascending."""
        return tuple(zip(self.gt.tolist(), self.pred.tolist(), self.pixels.tolist(), strict=True))


def table(gt: IntArray, pred: IntArray, pixels: Int64Array) -> JointCounts:
    """Build a `JointCounts` from cells in any order; cells that occur twice are added, empty ones dropped."""
    gt_values, pred_values = (_within_int64(np.asarray(column), "a column of the table") for column in (gt, pred))
    return _joint(merged_cells(gt_values, pred_values, np.asarray(pixels).astype(np.int64)))


def ascending(gt: list[int], pred: list[int], pixels: list[int]) -> JointCounts:
    """Build a `JointCounts` from cells that ascend by (gt, pred), none twice and none empty."""
    return JointCounts(_narrow_list(gt), _narrow_list(pred), np.array(pixels, np.int64))


def _narrow_list(values: list[int]) -> IntArray:
    """Return values within int64 as an array of the smallest type that holds them; no NumPy call but the last."""
    low, high = (min(values), max(values)) if values else (0, 0)
    return np.array(values, np.uint8 if low >= 0 and high <= 255 else smallest_type(low, high))


@dataclass(frozen=True, slots=True, eq=False)
class StackedTables(Sequence[JointCounts]):
    """Hold the tables of many images, none of them empty, one after another in the columns of one.

    `ends` says where the cells of each image begin, and where the last one's end, shape (images + 1,).
    """

    ends: NDArray[np.intp]
    gt: IntArray
    pred: IntArray
    pixels: Int64Array

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, index: int) -> JointCounts: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[JointCounts, ...]: ...
    def __getitem__(self, index: int | slice) -> JointCounts | tuple[JointCounts, ...]:
        places = range(len(self))[index]
        if not isinstance(places, int):
            return tuple(self[place] for place in places)
        cells = slice(self.ends[places], self.ends[places + 1])
        return _joint((self.gt[cells], self.pred[cells], self.pixels[cells]))


def stacked(tables: Sequence[JointCounts]) -> StackedTables:
    """Put tables one after another."""
    if isinstance(tables, StackedTables):
        return tables
    ends = np.append(0, np.cumsum([len(table) for table in tables], dtype=np.intp))
    if not ends[-1]:
        empty = np.zeros(0, np.uint8)
        return StackedTables(ends, empty, empty, np.zeros(0, np.int64))
    return StackedTables(ends, *_joined(tables))


def _joint(cells: Cells) -> JointCounts:
    gt, pred, pixels = cells
    return JointCounts(_narrow(gt), _narrow(pred), pixels)


def _narrow(values: IntArray) -> IntArray:
    """Return values of any integer type within int64 in the smallest type that holds them, and as nobody's view."""
    if not len(values) or values.dtype == np.uint8:
        return values.astype(np.uint8, copy=values.base is not None)
    low, high = int(values.min()), int(values.max())
    return values.astype(smallest_type(low, high))


def smallest_type(low: int, high: int) -> type[np.integer[Any]]:
    """Return the smallest type that holds all values from `low` to `high`, both within int64."""
    return next(kind for kind, least, most in _KINDS if least <= low and high <= most)


def _within_int64(values: IntArray, name: str) -> IntArray:
    """Return integers of any type as a native type whose values lie in int64, uncopied where they do."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iub":
        raise MaskError(f"{name} is {values.dtype}, not integer", (), "Give label values as integers")
    if values.dtype == np.uint64:
        if values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise MaskError(f"{name} has values beyond 2^63 - 1", (), "Give values that fit a signed 64-bit integer")
        return values.astype(np.int64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def joint_counts(*, gt: IntArray, pred: IntArray) -> JointCounts:
    """Count how often each (ground-truth value, predicted value) occurs in two arrays of one shape.

    `gt` and `pred` are integer or bool arrays of any type, shape and strides; the counts are exact int64 and sum to
    their size. 8- and 16-bit arrays are read where they are; others are first narrowed, if their values allow it.
    Raises `MaskError` where the shapes differ, a type is not integer, or a value exceeds int64.
    """
    gt, pred = np.asarray(gt), np.asarray(pred)
    if gt.shape != pred.shape:
        raise MaskError(
            f"ground truth has shape {gt.shape} and prediction {pred.shape}", (), "Give two arrays of one shape"
        )
    gt, pred = _within_int64(gt, "ground truth"), _within_int64(pred, "prediction")
    if not gt.size:
        return total(())
    if gt.flags.f_contiguous and pred.flags.f_contiguous:  # any one order serves for both
        gt, pred = gt.T, pred.T
    gt, pred = gt.reshape(-1), pred.reshape(-1)
    if gt.dtype == pred.dtype == np.uint8 and fast():  # most masks; their cells are as narrow as can be
        return JointCounts(*counted_bytes(np.ascontiguousarray(gt), np.ascontiguousarray(pred)))
    return _joint(count_pairs(gt, pred))


def total(tables: Iterable[JointCounts]) -> JointCounts:
    """Add tables cell by cell; exact, and the same whatever their order.

    Raises `MaskError` for more than about 9.2 * 10^18 pixels, of which int64 would make a wrong number.
    """
    if isinstance(tables, StackedTables):
        cells = range(0, len(tables.pixels), PENDING_CELLS)
        pieces = [slice(start, start + PENDING_CELLS) for start in cells]
        batches = [(tables.gt[piece], tables.pred[piece], tables.pixels[piece]) for piece in pieces]
    else:
        batches = [_joined(batch) for batch in _batches([part for part in tables if len(part)])]
    if not batches:
        empty = np.zeros(0, np.uint8)
        return JointCounts(empty, empty, np.zeros(0, np.int64))
    if sum(float(pixels.sum(dtype=np.float64)) for _, _, pixels in batches) > MOST_PIXELS:
        raise MaskError("there are more pixels than can be counted exactly", (), "Score fewer images at once")
    low_gt, high_gt = min(int(gt.min()) for gt, _, _ in batches), max(int(gt.max()) for gt, _, _ in batches)
    low_pred, high_pred = min(int(pred.min()) for _, pred, _ in batches), max(int(pred.max()) for _, pred, _ in batches)
    height, width = high_gt - low_gt + 1, high_pred - low_pred + 1
    if height * width > DENSE_CELLS:
        return _joint(merged_cells(*(np.concatenate(column) for column in zip(*batches, strict=True))))
    dense = np.zeros(height * width, np.int64)
    for gt, pred, pixels in batches:
        keys = np.subtract(gt, low_gt, dtype=np.int64)
        keys *= width
        keys += pred
        keys -= low_pred
        np.add.at(dense, keys, pixels)  # integers throughout: `bincount` would add its weights as float64
    found = np.flatnonzero(dense)
    rows, columns = np.divmod(found, width)
    return JointCounts(_narrow(rows + low_gt), _narrow(columns + low_pred), dense[found])


def _batches(parts: list[JointCounts]) -> Iterator[list[JointCounts]]:
    """Group tables so that one NumPy call serves many, and no temporary is large."""
    batch: list[JointCounts] = []
    cells = 0
    for part in parts:
        batch.append(part)
        cells += len(part)
        if cells >= PENDING_CELLS:
            yield batch
            batch, cells = [], 0
    if batch:
        yield batch


def _joined(parts: Sequence[JointCounts]) -> Cells:
    return (
        np.concatenate([part.gt for part in parts]),
        np.concatenate([part.pred for part in parts]),
        np.concatenate([part.pixels for part in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Count pixels by true class (rows) and predicted class (columns), int64.

    `counts` has shape (K + 2, K + 3): behind the K classes come void and unknown, and as a last column the pixels of
    images without a prediction.
    """

    counts: Int64Array

    @property
    def size(self) -> int:
        """Return K, the number of classes."""
        return len(self.counts) - 2

    @property
    def matrix(self) -> Int64Array:
        """Return the (K, K) confusion matrix proper: valid pixels that were given a class."""
        return self.counts[: self.size, : self.size]

    @property
    def void_pixels(self) -> int:
        """Return the pixels whose ground truth is ignored."""
        return int(self.counts[self.size].sum())

    @property
    def unknown_pixels(self) -> int:
        """Return the pixels whose ground truth is neither a class nor ignored."""
        return int(self.counts[self.size + 1].sum())

    @property
    def valid_pixels(self) -> int:
        """Return the pixels whose ground truth is a class."""
        return int(self.counts[: self.size].sum())

    def column(self, index: int) -> Int64Array:
        """Return what valid pixels of each class were given: `index` is `VOID`, `UNKNOWN` or `NO_FILE`, shape (K,)."""
        column: Int64Array = self.counts[: self.size, _position(index, self.size)]
        return column


@dataclass(frozen=True, slots=True, eq=False)
class Tallies:
    """Hold the marginals that every overlap score is made of, int64 arrays of shape (..., K).

    `hit` pixels of the class that were predicted so; `gt` pixels of the class that were given any class; `pred`
    pixels of any class that were given this one; `void`, `unknown`, `missing` pixels of the class that were given
    void, an unknown value, or have no prediction; `stray` predictions of the class on an unknown ground truth. Of shape
    (..., 1): `gt_unknown` pixels of unknown ground truth, `same_unknown` those of them that were given the same value.
    """

    hit: Int64Array
    gt: Int64Array
    pred: Int64Array
    void: Int64Array
    unknown: Int64Array
    missing: Int64Array
    stray: Int64Array
    gt_unknown: Int64Array
    same_unknown: Int64Array

    @property
    def true_pixels(self) -> Int64Array:
        """Return the valid pixels of each class, whatever they were given."""
        return self.gt + self.void + self.unknown + self.missing


def _position(index: int, size: int) -> int:
    return index if index >= 0 else size - 1 - index


def _positions(indices: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    return np.where(indices >= 0, indices, size - 1 - indices)


def confusion(table: JointCounts, labeling: Labeling) -> Confusion:
    """Look the values of a table up and add its pixels by class; exact int64."""
    size = len(labeling.classes)
    counts = np.zeros((size + 2, size + 3), np.int64)
    rows, columns = _positions(labeling.gt(table.gt), size), _positions(labeling.pred(table.pred), size)
    np.add.at(counts, (rows, columns), table.pixels)
    return Confusion(counts)


def same_unknown_pixels(table: JointCounts, labeling: Labeling) -> int:
    """Count the pixels of unknown ground truth that were predicted as the same unknown value."""
    same = (table.gt == table.pred) & (labeling.gt(table.gt) == UNKNOWN) & (labeling.pred(table.pred) == UNKNOWN)
    return int(table.pixels[same].sum())


def tallies(table: Confusion, same_unknown: int = 0) -> Tallies:
    """Take the marginals of one confusion table, which does not hold `same_unknown`; arrays have shape (K,)."""
    size = table.size
    return Tallies(
        hit=table.matrix.diagonal().copy(),
        gt=table.matrix.sum(axis=1),
        pred=table.matrix.sum(axis=0),
        void=table.column(VOID),
        unknown=table.column(UNKNOWN),
        missing=table.column(NO_FILE),
        stray=table.counts[size + 1, :size],
        gt_unknown=np.array([table.unknown_pixels], np.int64),
        same_unknown=np.array([same_unknown], np.int64),
    )


def grouped(table: Confusion, labeling: Labeling, groups: Sequence[Group]) -> Confusion:
    """Merge the classes of each group into one; classes of no group become one last class.

    Confusing two classes of a group is a hit, as in the category scores of cityscapesScripts.
    """
    group_of = {class_id: index for index, group in enumerate(groups) for class_id in group.ids}
    rest = len(groups)
    merged = [group_of.get(entry.id, rest) for entry in labeling.classes]
    rows = np.array([*merged, rest + 1, rest + 2], np.intp)
    columns = np.array([*merged, rest + 1, rest + 2, rest + 3], np.intp)
    counts = np.zeros((rest + 3, rest + 4), np.int64)
    np.add.at(counts, (rows[:, None], columns[None, :]), table.counts)
    return Confusion(counts)
