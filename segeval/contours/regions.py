"""Two label arrays as codes of their regions: what contours are drawn around."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.compiled import compiled
from segeval.records import dataclass
from segeval.tables.counts import Int64Array, IntArray

Codes = NDArray[np.uint8]
Rule = Callable[[int], int | None]
NO_REGION = 0
"""The code of pixels that hold no contour: void, and ground truth of no class."""
LARGEST_BYTE = 255


@dataclass(frozen=True, slots=True, eq=False)
class StoredBytes:
    """Hold both sides as they are stored, (H, W) bytes, and the code of each of their 256 values."""

    gt: Codes
    pred: Codes
    gt_codes: Codes
    pred_codes: Codes

    def coded(self) -> tuple[Codes, Codes]:
        """Return the codes of both sides."""
        from segeval.contours.runrows import recode

        found = np.empty_like(self.gt), np.empty_like(self.pred)
        gt, pred = (one.reshape(-1) for one in found)
        recode(self.gt.reshape(-1), self.pred.reshape(-1), self.gt_codes, self.pred_codes, gt, pred)
        return found


class Regions:
    """Hold codes of ground truth and prediction, (H, W), of one unsigned type, or what they follow from.

    Code i + 1 is the class `ids[i]`, ascending. Where the ground truth is void both sides are `NO_REGION`; predictions
    of no class on valid ground truth are `stray`, which is a region without a class.
    """

    __slots__ = ("_codes", "ids", "stored")

    def __init__(self, ids: Int64Array, codes: tuple[NDArray[Any], NDArray[Any]] | StoredBytes) -> None:
        self.ids = ids
        self.stored: StoredBytes | None = codes if isinstance(codes, StoredBytes) else None
        self._codes: tuple[NDArray[Any], NDArray[Any]] | None = None if isinstance(codes, StoredBytes) else codes
        if self._codes is not None and self._codes[0].dtype == np.uint8:
            same = np.arange(LARGEST_BYTE + 1, dtype=np.uint8)
            gt, pred = map(np.ascontiguousarray, self._codes)
            self.stored = StoredBytes(gt, pred, same, same)

    def _coded(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._codes is None:
            assert self.stored is not None, "regions are codes or stored"
            self._codes = self.stored.coded()
        return self._codes

    @property
    def gt(self) -> NDArray[Any]:
        """Return the codes of the ground truth."""
        return self._coded()[0]

    @property
    def pred(self) -> NDArray[Any]:
        """Return the codes of the prediction."""
        return self._coded()[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Return the height and width."""
        height, width = (self.gt if self.stored is None else self.stored.gt).shape
        return height, width

    @property
    def stray(self) -> int:
        """Return the code of predictions that are no class."""
        return len(self.ids) + 1

    def within(self, inside: NDArray[np.bool_]) -> Regions:
        """Return these regions where `inside`, (H, W), is true; all else is void."""
        gt, pred = (np.where(inside, side, side.dtype.type(NO_REGION)) for side in (self.gt, self.pred))
        return Regions(self.ids, (gt, pred))

    @property
    def void(self) -> bool:
        """Tell whether some pixel holds no contour."""
        return bool((self.gt == NO_REGION).any())


def regions(
    gt: IntArray,
    pred: IntArray | None,
    *,
    values: tuple[Sequence[int], Sequence[int]],
    class_of: tuple[Rule, Rule],
) -> Regions:
    """Code two label arrays of one shape by the class of each of their values; without `pred` nothing is predicted.

    `values` are the distinct values of both, ascending, and `class_of` their classes' ids, `None` for void and values
    of no class.
    """
    of_gt, of_pred = ([rule(value) for value in side] for rule, side in zip(class_of, values, strict=True))
    ids = sorted({one for one in (*of_gt, *of_pred) if one is not None})
    code = {one: index + 1 for index, one in enumerate(ids)}
    kind = np.uint8 if len(ids) + 1 < LARGEST_BYTE else np.uint16 if len(ids) + 1 < 2**16 - 1 else np.uint32
    stray = len(ids) + 1
    codes = (
        [NO_REGION if one is None else code[one] for one in of_gt],
        [stray if one is None else code[one] for one in of_pred],
    )
    if pred is not None and gt.dtype == pred.dtype == kind == np.uint8 and gt.size and compiled():
        return Regions(np.array(ids, np.int64), _stored((gt, pred), values, codes))
    gt_codes = _coded(gt, values[0], codes[0], kind)
    pred_codes = np.full(gt.shape, stray, kind) if pred is None else _coded(pred, values[1], codes[1], kind)
    if NO_REGION in gt_codes:
        pred_codes[gt_codes == NO_REGION] = NO_REGION
    return Regions(np.array(ids, np.int64), (gt_codes, pred_codes))


def predicted_codes(of: Regions, pred: IntArray | None, values: Sequence[int], rule: Rule) -> NDArray[Any]:
    """Code a prediction as `regions` does, and where the ground truth is void too."""
    if pred is None:
        return np.full(of.gt.shape, of.stray, of.gt.dtype)
    code = {one: index + 1 for index, one in enumerate(of.ids.tolist())}
    found: NDArray[Any] = _coded(pred, values, [code.get(rule(value), of.stray) for value in values], of.gt.dtype.type)
    return found


def _stored(
    sides: tuple[IntArray, IntArray], values: tuple[Sequence[int], ...], codes: tuple[Sequence[int], ...]
) -> StoredBytes:
    """Keep two arrays of bytes as they are, for kernels to look their codes up."""
    tables = np.zeros((2, LARGEST_BYTE + 1), np.uint8)
    for table, of_side, coded in zip(tables, values, codes, strict=True):
        table[list(of_side)] = coded
    gt, pred = (np.ascontiguousarray(side, np.uint8) for side in sides)
    return StoredBytes(gt, pred, tables[0], tables[1])


def _coded(array: IntArray, values: Sequence[int], codes: Sequence[int], kind: type[np.unsignedinteger[Any]]) -> Any:
    """Put `codes` in the place of `values`, in a new contiguous array."""
    if array.dtype == np.uint8:
        table = np.zeros(LARGEST_BYTE + 1, kind)
        table[list(values)] = codes
        return table.take(np.ascontiguousarray(array))
    return np.array(codes, kind).take(np.searchsorted(np.array(values, array.dtype), np.ascontiguousarray(array)))
