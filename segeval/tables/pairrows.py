# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Count pairs of values, compiled by Cython.

Masks are piecewise constant: the ends of runs of equal (gt, pred) are looked for in words of eight bytes, and where
runs are short pixels are counted one by one. Sizes are checked before the first byte is touched; nothing is allocated,
and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

VALUES = cython.declare(cython.Py_ssize_t, 65536)
BLOCK = cython.declare(cython.Py_ssize_t, 32)
SHORT = cython.declare(cython.Py_ssize_t, 8)
SINGLY = cython.declare(cython.Py_ssize_t, 16)
EACH = cython.declare(cython.ulonglong, 0x0101010101010101)
EACH_SECOND = cython.declare(cython.ulonglong, 0x0001000100010001)
HIGH = cython.declare(cython.ulonglong, 0x8080808080808080)


def count_bytes(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    sums: cython.longlong[::1],
    cells: cython.int[::1],
    pixels: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Count how often each (gt, pred) occurs; return how many different ones there are.

    The first so many of `cells` are gt * 256 + pred, in no order, those of `pixels` their counts. `sums`, of 65536 zeros,
    is zero again at the end; the other two have one place more. Raises `ValueError` where the sizes do not fit.
    """
    found: cython.Py_ssize_t
    i: cython.Py_ssize_t
    if gt.shape[0] < 1 or gt.shape[0] != pred.shape[0]:
        raise ValueError("there are no pairs")
    if sums.shape[0] != VALUES or not cells.shape[0] == pixels.shape[0] == VALUES + 1:
        raise ValueError("the sums have another size than the values")
    with cython.nogil:
        found = _count_bytes(gt, pred, sums, cells)
        # Here, where nothing can interrupt: what one image left would be counted for the next.
        for i in range(found):
            pixels[i] = sums[cells[i]]
            sums[cells[i]] = 0
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _count_bytes(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    sums: cython.longlong[::1],
    cells: cython.int[::1],
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t = gt.shape[0]
    found: cython.Py_ssize_t = 0
    key: cython.int = gt[0] << 8 | pred[0]
    gts: cython.ulonglong = gt[0] * EACH
    preds: cython.ulonglong = pred[0] * EACH
    one: cython.ulonglong
    two: cython.ulonglong
    three: cython.ulonglong
    four: cython.ulonglong
    while i < size:
        if i + BLOCK <= size:
            one = (_word(gt, i) ^ gts) | (_word(pred, i) ^ preds)
            two = one | (_word(gt, i + 8) ^ gts) | (_word(pred, i + 8) ^ preds)
            three = two | (_word(gt, i + 16) ^ gts) | (_word(pred, i + 16) ^ preds)
            four = three | (_word(gt, i + 24) ^ gts) | (_word(pred, i + 24) ^ preds)
            if four == 0:
                i += BLOCK
                continue
            i += 8 * ((one == 0) + (two == 0) + (three == 0))
            i += _equal_bytes(one if one else two if two else three if three else four)
        elif gt[i] << 8 | pred[i] == key:
            i += 1
            continue
        cells[found] = key
        found += sums[key] == 0
        sums[key] += i - start
        if i - start < SHORT and i + SINGLY < size:
            for k in range(i, i + SINGLY):
                key = gt[k] << 8 | pred[k]
                cells[found] = key
                found += sums[key] == 0
                sums[key] += 1
            i += SINGLY
        start = i
        key = gt[i] << 8 | pred[i]
        gts = gt[i] * EACH
        preds = pred[i] * EACH
    cells[found] = key
    found += sums[key] == 0
    sums[key] += size - start
    return found


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
            return i + (_equal_bytes((first ^ gts) | (second ^ preds)) >> 1)
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
def _equal_bytes(differ: cython.ulonglong) -> cython.Py_ssize_t:
    """Return how many bytes of a word that is not 0 are 0 before the first that is not (little-endian).

    The bits below the lowest that is set fill those bytes and no more: their top bits are counted.
    """
    below: cython.ulonglong = (differ & (0 - differ)) - 1
    return cython.cast(cython.Py_ssize_t, (((below & HIGH) >> 7) * EACH) >> 56)
