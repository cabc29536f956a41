# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Count pairs of values, compiled by Cython.

Masks are piecewise constant: the ends of runs of equal (gt, pred) are looked for in words of eight bytes, each held
against the word one pixel before, so that no run waits for the one before it. Sizes are checked before the first byte
is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

PART = cython.declare(cython.Py_ssize_t, 65537)
BLOCK = cython.declare(cython.Py_ssize_t, 32)
EACH = cython.declare(cython.ulonglong, 0x0101010101010101)
EACH_SECOND = cython.declare(cython.ulonglong, 0x0001000100010001)
LOW = cython.declare(cython.ulonglong, 0x7F7F7F7F7F7F7F7F)
HIGH = cython.declare(cython.ulonglong, 0x8080808080808080)


def count_bytes(
    gt: cython.const[cython.uchar][::1], pred: cython.const[cython.uchar][::1], memory: cython.longlong[::1]
) -> cython.Py_ssize_t:
    """Count how often each (gt, pred) occurs; return how many different ones there are.

    Of `memory`, three parts of 65537 numbers, the first is zero before and after; the second then begins with as many
    gt * 256 + pred, in no order, and the third with their counts. Raises `ValueError` where the sizes do not fit.
    """
    found: cython.Py_ssize_t
    i: cython.Py_ssize_t
    if gt.shape[0] < 1 or gt.shape[0] != pred.shape[0]:
        raise ValueError("there are no pairs")
    if memory.shape[0] != 3 * PART:
        raise ValueError("the memory has another size than the values")
    with cython.nogil:
        found = _count_bytes(gt, pred, memory[:PART], memory[PART : 2 * PART])
        # Here, where nothing can interrupt: what one image left would be counted for the next.
        for i in range(found):
            memory[2 * PART + i] = memory[memory[PART + i]]
            memory[memory[PART + i]] = 0
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _count_bytes(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    sums: cython.longlong[::1],
    cells: cython.longlong[::1],
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t = 1
    k: cython.Py_ssize_t
    end: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t = gt.shape[0]
    found: cython.Py_ssize_t = 0
    key: cython.int
    marks: cython.ulonglong
    while i + BLOCK <= size:
        if _changes(gt, pred, i) | _changes(gt, pred, i + 8) | _changes(gt, pred, i + 16) | _changes(gt, pred, i + 24):
            for k in range(i, i + BLOCK, 8):
                marks = _marks(_changes(gt, pred, k))
                while marks:
                    end = k + _bytes_before(marks)
                    key = gt[end - 1] << 8 | pred[end - 1]
                    cells[found] = key
                    found += sums[key] == 0
                    sums[key] += end - start
                    start = end
                    marks &= marks - 1
        i += BLOCK
    for end in range(i, size + 1):
        if end == size or gt[end] != gt[end - 1] or pred[end] != pred[end - 1]:
            key = gt[end - 1] << 8 | pred[end - 1]
            cells[found] = key
            found += sums[key] == 0
            sums[key] += end - start
            start = end
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _changes(
    gt: cython.const[cython.uchar][::1], pred: cython.const[cython.uchar][::1], at: cython.Py_ssize_t
) -> cython.ulonglong:
    """Return eight bytes of which those are not 0 whose pixel differs from the one before it."""
    return (_word(gt, at) ^ _word(gt, at - 1)) | (_word(pred, at) ^ _word(pred, at - 1))


def gather_words(
    gt: cython.const[cython.ushort][::1],
    pred: cython.const[cython.ushort][::1],
    start: cython.Py_ssize_t,
    gt_values: cython.ushort[::1],
    pred_values: cython.ushort[::1],
    lengths: cython.longlong[::1],
) -> tuple[int, int]:
    """Gather runs of equal (gt, pred) from pixel `start` on; return how many, and the pixel after the last of them.

    As many as the last three arrays, which are of one size, have room for. Raises `ValueError` where the sizes do not
    fit.
    """
    end: cython.Py_ssize_t
    runs: cython.Py_ssize_t = 0
    if gt.shape[0] != pred.shape[0] or not 0 <= start < gt.shape[0]:
        raise ValueError("there are no pairs")
    if lengths.shape[0] < 1 or not lengths.shape[0] == gt_values.shape[0] == pred_values.shape[0]:
        raise ValueError("there is no room for runs")
    with cython.nogil:
        end = start
        while end < gt.shape[0] and runs < lengths.shape[0]:
            gt_values[runs] = gt[end]
            pred_values[runs] = pred[end]
            lengths[runs] = -end
            end = _end_of_run(gt, pred, end)
            lengths[runs] += end
            runs += 1
    return runs, end


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _end_of_run(
    gt: cython.const[cython.ushort][::1], pred: cython.const[cython.ushort][::1], start: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t = start + 1
    size: cython.Py_ssize_t = gt.shape[0]
    first: cython.ulonglong = 0
    second: cython.ulonglong = 0
    gts: cython.ulonglong = gt[start] * EACH_SECOND
    preds: cython.ulonglong = pred[start] * EACH_SECOND
    while i + 4 <= size:
        memcpy(cython.address(first), cython.address(gt[i]), 8)
        memcpy(cython.address(second), cython.address(pred[i]), 8)
        if (first ^ gts) | (second ^ preds):
            return i + (_bytes_before(_marks((first ^ gts) | (second ^ preds))) >> 1)
        i += 4
    while i < size and gt[i] == gt[start] and pred[i] == pred[start]:
        i += 1
    return i


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _word(source: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    word: cython.ulonglong = 0
    memcpy(cython.address(word), cython.address(source[at]), 8)
    return word


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _marks(word: cython.ulonglong) -> cython.ulonglong:
    """Return the top bit of each byte that is not 0."""
    return (((word & LOW) + LOW) | word) & HIGH


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _bytes_before(marks: cython.ulonglong) -> cython.Py_ssize_t:
    """Return how many bytes stand before the first that is marked (little-endian): their lowest bits are counted."""
    below: cython.ulonglong = (marks & (0 - marks)) - 1
    return cython.cast(cython.Py_ssize_t, ((below & EACH) * EACH) >> 56) - 1
