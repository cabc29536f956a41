"""Count pairs of values without a Python loop and without another array as large as the image.

An image is read in blocks that stay in the cache. Masks are piecewise constant, so of a block only its *runs* of equal
(gt, pred) are gathered; where runs are short (noise, the grey parts of a probability map) its pixels are counted
instead. How many runs a block has is known before either begins, so each block goes the cheaper way.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.tables.lane import counted_bytes, fast, gathered_words

IntArray = NDArray[np.integer[Any]]
Int64Array = NDArray[np.int64]
Cells = tuple[IntArray, IntArray, Int64Array]
"""Ground-truth values, predicted values and counts, equally long."""

BLOCK = 1 << 18
"""Pixels counted at a time: 8-bit masks and what tells their runs apart fit a second-level cache of 1 MB."""

PIXELS_PER_RUN = 6
"""Mean length of a run from which gathering runs costs less than counting pixels, as measured."""

SAMPLED = 8
"""One in so many pixels of a block is looked at to tell whether it is noise like the block before it."""

DENSE_CELLS = 1 << 22
"""Cells are added up in one dense array up to this many (32 MB of int64)."""

BINCOUNT_CELLS = 1 << 14
"""`bincount` returns a new array of all cells each time; in larger tables adding in place costs less."""

PENDING_CELLS = 1 << 18
"""Runs, and cells beyond a dense array, are merged whenever so many have come together."""


class _Scratch(threading.local):
    """Hold one thread's buffers: fresh ones would cost as much in page faults as the counting itself."""

    def __init__(self) -> None:
        self.changed = np.empty(BLOCK, np.bool_)
        self.compared = np.empty(BLOCK, np.bool_)
        self.gt = np.empty(BLOCK, np.uint16)
        self.pred = np.empty(BLOCK, np.uint16)
        self.narrow = np.empty(BLOCK, np.uint32)
        self.addend = np.empty(BLOCK, np.uint32)
        self.keys = np.empty(BLOCK, np.intp)


_scratch = _Scratch()


def count_pairs(gt: IntArray, pred: IntArray) -> Cells:
    """Count how often each (gt, pred) occurs in two one-dimensional arrays of equal length, exactly.

    Takes at least one pixel, of any native integer types whose values lie in int64. The cells come ascending by
    (gt, pred) without repetition.
    """
    gt_codes, gt_offset = _narrowed(gt)
    pred_codes, pred_offset = _narrowed(pred)
    if gt_codes.dtype.itemsize == pred_codes.dtype.itemsize == 1 and fast():
        gt_values, pred_values, pixels = counted_bytes(np.ascontiguousarray(gt_codes), np.ascontiguousarray(pred_codes))
    elif gt_codes.dtype.itemsize <= 2 and pred_codes.dtype.itemsize <= 2:
        sums = _Sums(gt_codes.dtype, pred_codes.dtype)
        _count_narrow(gt_codes, pred_codes, sums)
        gt_values, pred_values, pixels = sums.cells()
    else:
        gt_values, pred_values, pixels = _count_wide(gt_codes, pred_codes)
    gt_values, pred_values = _restored(gt_values, gt.dtype, gt_offset), _restored(pred_values, pred.dtype, pred_offset)
    if "i" in (gt.dtype.kind, pred.dtype.kind):  # bit patterns are counted, and those of negative numbers come last
        return merged_cells(gt_values, pred_values, pixels)
    return gt_values, pred_values, pixels


def _narrowed(values: IntArray) -> tuple[IntArray, int | None]:
    """Return `values` as unsigned 8 or 16 bits where their range allows it, and what was subtracted for that.

    Nothing (`None`) is subtracted from types of 8 and 16 bits: they are read as unsigned without a copy.
    """
    size = values.dtype.itemsize
    if size <= 2:
        return values.view(np.uint8 if size == 1 else np.uint16), None
    blocks = [values[start : start + BLOCK] for start in range(0, len(values), BLOCK)]
    extremes = [
        (int(block.min()), int(block.max())) for block in blocks
    ]  # the second pass finds its block in the cache
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    if high - low > np.iinfo(np.uint16).max:
        return values, None
    codes: IntArray = np.empty(len(values), np.uint8 if high - low <= np.iinfo(np.uint8).max else np.uint16)
    for start, block in zip(range(0, len(values), BLOCK), blocks, strict=True):
        np.subtract(block, low, out=codes[start : start + BLOCK], casting="unsafe")
    return codes, low


def _restored(codes: IntArray, kind: np.dtype[Any], offset: int | None) -> IntArray:
    if codes.dtype == kind:
        return codes
    if offset is not None:
        return codes.astype(np.int64) + offset
    return codes.view(kind) if kind.kind == "i" else codes


def _run_ends(gt: IntArray, pred: IntArray) -> NDArray[np.bool_]:
    """Mark the last pixel of every run of equal (gt, pred), in a buffer that the next call overwrites."""
    size = len(gt)
    changed, compared = _scratch.changed[:size], _scratch.compared[: size - 1]
    np.not_equal(gt[1:], gt[:-1], out=changed[:-1])
    np.not_equal(pred[1:], pred[:-1], out=compared)
    np.logical_or(changed[:-1], compared, out=changed[:-1])
    changed[-1] = True
    return changed


def _positions(changed: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """Return where `changed`, which has `count` true elements, is true.

    `nonzero` takes a branch per element found, mostly mispredicted, where fewer than a tenth are true. Between that
    and very few, finding the words of eight elements first takes half the time.
    """
    if len(changed) % 8 or not len(changed) < count * 128 < 12 * len(changed):
        return changed.nonzero()[0]
    words = changed.view(np.uint64)
    found: NDArray[np.intp] = (words != 0).nonzero()[0]
    inside = words.take(found).view(np.bool_).nonzero()[0]
    positions = found.take(inside >> 3)
    positions <<= 3
    inside &= 7
    positions += inside
    return positions


def _lengths(ends: NDArray[np.intp]) -> NDArray[np.intp]:
    lengths = np.empty_like(ends)
    np.subtract(ends[1:], ends[:-1], out=lengths[1:])
    lengths[0] = ends[0] + 1
    return lengths


def _count_narrow(gt: IntArray, pred: IntArray, sums: _Sums) -> None:
    runs = _Pending()
    pixelwise = False
    first = 0
    if fast():
        first = _gather_long_runs(np.ascontiguousarray(gt, np.uint16), np.ascontiguousarray(pred, np.uint16), sums)
    for start in range(first, len(gt), BLOCK):
        gt_block, pred_block = gt[start : start + BLOCK], pred[start : start + BLOCK]
        if pixelwise:  # after a block that was noise a part of the next one is asked first
            part = len(gt_block) // SAMPLED + 1
            sample = _run_ends(gt_block[:part], pred_block[:part])
            pixelwise = int(np.count_nonzero(sample)) * PIXELS_PER_RUN > part
        if not pixelwise:
            changed = _run_ends(gt_block, pred_block)
            count = int(np.count_nonzero(changed))
            pixelwise = count * PIXELS_PER_RUN > len(changed)
        if pixelwise:
            sums.add_pixels(gt_block, pred_block)
            continue
        ends = _positions(changed, count)
        runs.append(gt_block.take(ends), pred_block.take(ends), _lengths(ends))
        if runs.count >= PENDING_CELLS:
            sums.add_cells(*runs.taken())
    if runs.count:
        sums.add_cells(*runs.taken())


def _gather_long_runs(gt: NDArray[np.uint16], pred: NDArray[np.uint16], sums: _Sums) -> int:
    """Add runs, as the compiled kernel gathers them, as long as they are not short; return the pixel after them."""
    start, long = 0, True
    while long and start < len(gt):
        runs, end = gathered_words(gt, pred, start)
        gt_values, pred_values, lengths = runs
        # The kernel takes 16 bits of both; sums, and what they are restored to, are of each side's own type.
        sums.add_cells(
            gt_values.astype(sums.kinds[0], copy=False), pred_values.astype(sums.kinds[1], copy=False), lengths
        )
        long = len(runs[0]) * PIXELS_PER_RUN <= end - start
        start = end
    return start


def _count_wide(gt: IntArray, pred: IntArray) -> Cells:
    """Count values of any range: runs only, sorted and merged whenever many have come together."""
    runs = _Pending()
    for start in range(0, len(gt), BLOCK):
        gt_block, pred_block = gt[start : start + BLOCK], pred[start : start + BLOCK]
        changed = _run_ends(gt_block, pred_block)
        ends = _positions(changed, int(np.count_nonzero(changed)))
        runs.append(gt_block.take(ends), pred_block.take(ends), _lengths(ends))
        runs.merge_if_many()
    return merged_cells(*runs.taken())


class _Pending:
    """Hold cells that are not yet merged."""

    def __init__(self) -> None:
        self.count = 0
        self.limit = PENDING_CELLS
        self.parts: list[Cells] = []

    def append(self, gt: IntArray, pred: IntArray, pixels: Int64Array) -> None:
        self.parts.append((gt, pred, pixels))
        self.count += len(pixels)

    def taken(self) -> Cells:
        """Return all cells in one piece and forget them."""
        parts, self.parts, self.count = self.parts, [], 0
        if len(parts) == 1:
            return parts[0]
        gt, pred, pixels = (np.concatenate(column) for column in zip(*parts, strict=True))
        return gt, pred, pixels

    def merge_if_many(self) -> None:
        if self.count >= self.limit:
            self.append(*merged_cells(*self.taken()))
            self.limit = max(PENDING_CELLS, 2 * self.count)  # cells that are distinct are not sorted again and again


class _Sums:
    """Add up cells of unsigned 8- and 16-bit values: in a dense array while it stays small, else as sorted cells.

    The dense array is indexed by value + 1 modulo the type: the usual void, 255, comes beside the classes, and masks of
    19 classes take a table of 20 x 20.
    """

    def __init__(self, gt_kind: np.dtype[Any], pred_kind: np.dtype[Any]) -> None:
        self.kinds = (gt_kind, pred_kind)
        self.dense = np.zeros((1, 1), np.int64)
        self.sparse = _Pending()

    def _fits(self, gt_codes: IntArray, pred_codes: IntArray) -> bool:
        """Make room for these codes in the dense array, if they may be there."""
        rows, columns = self.dense.shape
        wanted = max(rows, int(gt_codes.max()) + 1), max(columns, int(pred_codes.max()) + 1)
        if wanted[0] * wanted[1] > DENSE_CELLS:
            return False
        if wanted != self.dense.shape:
            grown = np.zeros(wanted, np.int64)
            grown[:rows, :columns] = self.dense
            self.dense = grown
        return True

    def add_pixels(self, gt: IntArray, pred: IntArray) -> None:
        """Count every pixel of a block."""
        size = len(gt)
        gt_codes, pred_codes = _scratch.gt.view(gt.dtype)[:size], _scratch.pred.view(pred.dtype)[:size]
        np.add(gt, 1, out=gt_codes)
        np.add(pred, 1, out=pred_codes)
        if not self._fits(gt_codes, pred_codes):
            self._sort_pixels(gt, pred)
            return
        flat = self.dense.reshape(-1)
        # Arithmetic in the narrowest type that holds a key, and without casts inside an operation, takes half the time.
        key_kind = np.uint16 if flat.size <= 1 << 16 else np.uint32
        narrow, addend = _scratch.narrow.view(key_kind)[:size], _scratch.addend.view(key_kind)[:size]
        np.copyto(narrow, gt_codes)
        np.multiply(narrow, key_kind(self.dense.shape[1]), out=narrow)
        np.copyto(addend, pred_codes)
        np.add(narrow, addend, out=narrow)
        keys = _scratch.keys[:size]
        np.copyto(keys, narrow)
        if flat.size <= BINCOUNT_CELLS:
            flat += np.bincount(keys, minlength=flat.size)
        else:
            np.add.at(flat, keys, 1)

    def _sort_pixels(self, gt: IntArray, pred: IntArray) -> None:
        keys = gt.astype(np.uint32)
        keys <<= 16
        keys |= pred
        distinct, pixels = np.unique(keys, return_counts=True)
        self.sparse.append((distinct >> 16).astype(gt.dtype), distinct.astype(pred.dtype), pixels)
        self.sparse.merge_if_many()

    def add_cells(self, gt: IntArray, pred: IntArray, pixels: Int64Array) -> None:
        """Add cells; one may occur several times."""
        gt_codes, pred_codes = gt + gt.dtype.type(1), pred + pred.dtype.type(1)
        if self._fits(gt_codes, pred_codes):
            keys = np.multiply(gt_codes, self.dense.shape[1], dtype=np.intp)
            keys += pred_codes
            np.add.at(self.dense.reshape(-1), keys, pixels)
        else:
            self.sparse.append(gt, pred, pixels)
            self.sparse.merge_if_many()

    def cells(self) -> Cells:
        """Return the sums, ascending by (gt, pred)."""
        cells = np.flatnonzero(self.dense)
        gt_codes, pred_codes = np.divmod(cells, self.dense.shape[1])
        gt, pred = (gt_codes - 1).astype(self.kinds[0]), (pred_codes - 1).astype(self.kinds[1])
        found = gt, pred, self.dense.reshape(-1)[cells]
        if not (gt_codes.all() and pred_codes.all()):  # code 0 is the last value of its type
            order = np.argsort(gt.astype(np.int64) << 16 | pred, kind="stable")
            found = gt[order], pred[order], found[2][order]
        if not self.sparse.count:
            return found
        self.sparse.append(*found)
        return merged_cells(*self.sparse.taken())


def merged_cells(gt: IntArray, pred: IntArray, pixels: Int64Array) -> Cells:
    """Sort cells by (gt, pred), add those that occur several times, and drop those whose sum is 0."""
    order = np.lexsort((pred, gt))
    gt, pred, pixels = gt[order], pred[order], pixels[order]
    if len(gt):
        first = np.empty(len(gt), np.bool_)
        first[0] = True
        np.logical_or(gt[1:] != gt[:-1], pred[1:] != pred[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        pixels = np.add.reduceat(pixels, starts)
        kept = np.flatnonzero(pixels)
        gt, pred, pixels = gt[starts[kept]], pred[starts[kept]], pixels[kept]
    return gt, pred, pixels
