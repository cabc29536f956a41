# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Count pairs of values, compiled by Cython.

Masks are piecewise constant: the ends of runs of equal (gt, pred) are looked for many pixels at a time, each held
against the one before it, so that no run waits for the one before it. Sizes are checked before the first byte
is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

PART = cython.declare(cython.Py_ssize_t, 65537)
BLOCK = cython.declare(cython.Py_ssize_t, 64)
EACH_SECOND = cython.declare(cython.ulonglong, 0x0001000100010001)
LOW = cython.declare(cython.ulonglong, 0x7F7F7F7F7F7F7F7F)
HIGH = cython.declare(cython.ulonglong, 0x8080808080808080)
GATHERED = cython.declare(cython.ulonglong, 0x0102040810204080)
"""Times a word of eight bytes that are 0 or 1: its top byte has them as bits, the first as the lowest."""
DE_BRUIJN = cython.declare(cython.ulonglong, 0x03F79D71B4CB0A89)
PLACES = cython.declare(cython.uchar[64])
for _place in range(64):
    PLACES[(((1 << _place) * 0x03F79D71B4CB0A89) & 0xFFFFFFFFFFFFFFFF) >> 58] = _place


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
    changed = cython.declare(cython.uchar[64])
    word: cython.ulonglong = 0
    bits: cython.ulonglong
    while i + BLOCK <= size:
        # Without branches, so that compilers take many pixels at a time.
        for k in range(BLOCK):
            changed[k] = (gt[i + k] != gt[i + k - 1]) | (pred[i + k] != pred[i + k - 1])
        bits = 0
        for k in range(0, BLOCK, 8):
            memcpy(cython.address(word), cython.address(changed[k]), 8)
            bits |= word
        if bits == 0:
            i += BLOCK
            continue
        bits = 0
        for k in range(0, BLOCK, 8):
            memcpy(cython.address(word), cython.address(changed[k]), 8)
            bits |= ((word * GATHERED) >> 56) << k
        while bits:
            end = i + _zeros_below(bits)
            key = gt[end - 1] << 8 | pred[end - 1]
            cells[found] = key
            found += sums[key] == 0
            sums[key] += end - start
            start = end
            bits &= bits - 1
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
def _zeros_below(bits: cython.ulonglong) -> cython.Py_ssize_t:
    """Return the place of the lowest bit that is set: every product of `DE_BRUIJN` has other top six bits."""
    return PLACES[((bits & (0 - bits)) * DE_BRUIJN) >> 58]


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
            return i + (_zeros_below(_marks((first ^ gts) | (second ^ preds))) >> 4)
        i += 4
    while i < size and gt[i] == gt[start] and pred[i] == pred[start]:
        i += 1
    return i


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _marks(word: cython.ulonglong) -> cython.ulonglong:
    """Return the top bit of each byte that is not 0."""
    return (((word & LOW) + LOW) | word) & HIGH
