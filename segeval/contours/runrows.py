# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find the runs of equal codes in every row of both sides, compiled by Cython.

Regions are wide, so that what is done once a run is quick. Sizes are checked before the first byte is touched; nothing
is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy
from cython.cimports.segeval.contours.bits import lowest

WORD = cython.declare(cython.Py_ssize_t, 8)
EACH = cython.declare(cython.ulonglong, 0x0101010101010101)


def recode(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    gt_codes: cython.const[cython.uchar][::1],
    pred_codes: cython.const[cython.uchar][::1],
    gt_found: cython.uchar[::1],
    pred_found: cython.uchar[::1],
) -> None:
    """Look the values of both sides up in their tables of 256 codes; where the ground truth has code 0, both have it.

    Raises `ValueError` where the sizes do not fit.
    """
    if not gt.shape[0] == pred.shape[0] == gt_found.shape[0] == pred_found.shape[0] or not gt.shape[0]:
        raise ValueError("both sides have other sizes")
    if gt_codes.shape[0] != 256 or pred_codes.shape[0] != 256:
        raise ValueError("a table does not hold every byte")
    with cython.nogil:
        _look_up(cython.address(gt[0]), gt.shape[0], cython.address(gt_codes[0]), cython.address(gt_found[0]))
        _look_up(cython.address(pred[0]), gt.shape[0], cython.address(pred_codes[0]), cython.address(pred_found[0]))
        _mask(cython.address(gt_found[0]), gt.shape[0], cython.address(pred_found[0]))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _look_up(
    values: cython.pointer(cython.const[cython.uchar]),
    size: cython.Py_ssize_t,
    codes: cython.pointer(cython.const[cython.uchar]),
    found: cython.p_uchar,
) -> cython.void:
    """Write the codes of values, most of them many at a time: regions are wide."""
    i: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    word: cython.ulonglong = 0
    while i + WORD <= size:
        memcpy(cython.address(word), values + i, 8)
        if word == values[i] * EACH:
            word = codes[values[i]] * EACH
            memcpy(found + i, cython.address(word), 8)
        else:
            for k in range(i, i + WORD):
                found[k] = codes[values[k]]
        i += WORD
    for k in range(i, size):
        found[k] = codes[values[k]]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mask(gt: cython.p_uchar, size: cython.Py_ssize_t, pred: cython.p_uchar) -> cython.void:
    i: cython.Py_ssize_t
    for i in range(size):
        pred[i] = pred[i] if gt[i] else 0


def find(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    gt_table: cython.const[cython.uchar][::1],
    pred_table: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    gt_starts: cython.int[::1],
    gt_codes: cython.uchar[::1],
    gt_rows: cython.int[::1],
    pred_starts: cython.int[::1],
    pred_codes: cython.uchar[::1],
    pred_rows: cython.int[::1],
) -> None:
    """Write where runs of equal codes start in their rows, the codes, and for each row which run is its first.

    Codes are looked up in tables of 256; where the ground truth has code 0, both have it. A row's runs end with one of
    code 0 that starts at `width`. Starts and codes have room for `width` + 1 in every row, rows for `height` + 1
    numbers. Raises `ValueError` where the sizes do not fit.
    """
    y: cython.Py_ssize_t
    gt_size: cython.Py_ssize_t = 0
    pred_size: cython.Py_ssize_t = 0
    if height < 1 or width < 1 or not gt.shape[0] == pred.shape[0] == height * width:
        raise ValueError("there is no pixel")
    if gt_table.shape[0] != 256 or pred_table.shape[0] != 256:
        raise ValueError("a table does not hold every byte")
    if not gt_starts.shape[0] == gt_codes.shape[0] == pred_starts.shape[0] == pred_codes.shape[0]:
        raise ValueError("there is no room for the runs")
    if gt_starts.shape[0] != height * (width + 1) or not gt_rows.shape[0] == pred_rows.shape[0] == height + 1:
        raise ValueError("there is no room for the runs")
    with cython.nogil:
        for y in range(height):
            gt_rows[y], pred_rows[y] = gt_size, pred_size
            gt_size += _true_row(
                cython.address(gt[y * width]),
                cython.address(gt_table[0]),
                width,
                cython.address(gt_starts[gt_size]),
                cython.address(gt_codes[gt_size]),
            )
            pred_size += _predicted_row(
                cython.address(pred[y * width]),
                cython.address(pred_table[0]),
                cython.address(gt_starts[gt_rows[y]]),
                cython.address(gt_codes[gt_rows[y]]),
                width,
                cython.address(pred_starts[pred_size]),
                cython.address(pred_codes[pred_size]),
            )
        gt_rows[height], pred_rows[height] = gt_size, pred_size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _true_row(
    values: cython.pointer(cython.const[cython.uchar]),
    table: cython.pointer(cython.const[cython.uchar]),
    width: cython.Py_ssize_t,
    starts: cython.p_int,
    codes: cython.p_uchar,
) -> cython.Py_ssize_t:
    """Write the runs of a row; return how many, with the last."""
    size: cython.Py_ssize_t = _add(values, table, 0, width, starts, codes, 0)
    starts[size] = width
    codes[size] = 0
    return size + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _predicted_row(
    values: cython.pointer(cython.const[cython.uchar]),
    table: cython.pointer(cython.const[cython.uchar]),
    gt_starts: cython.p_int,
    gt_codes: cython.p_uchar,
    width: cython.Py_ssize_t,
    starts: cython.p_int,
    codes: cython.p_uchar,
) -> cython.Py_ssize_t:
    """Write the runs of a row, which are void where those of the ground truth are; return how many, with the last."""
    size: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t = 0
    start: cython.Py_ssize_t
    while gt_starts[i] < width:
        if gt_codes[i] == 0:
            starts[size] = gt_starts[i]
            codes[size] = 0
            size += 1
            i += 1
            continue
        start = gt_starts[i]
        while gt_codes[i]:
            i += 1
        size = _add(values, table, start, gt_starts[i], starts, codes, size)
    starts[size] = width
    codes[size] = 0
    return size + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add(
    values: cython.pointer(cython.const[cython.uchar]),
    table: cython.pointer(cython.const[cython.uchar]),
    x: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    starts: cython.p_int,
    codes: cython.p_uchar,
    size: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Add the runs from column `x` to before `end` to the `size` runs of a row; return how many there are then."""
    each: cython.ulonglong = 0x0101010101010101
    word: cython.ulonglong = 0
    value: cython.uchar
    while x < end:
        value = values[x]
        if size == 0 or codes[size - 1] != table[value]:
            starts[size] = x
            codes[size] = table[value]
            size += 1
        x += 1
        while x + WORD <= end:
            memcpy(cython.address(word), values + x, 8)
            word ^= value * each
            if word:
                break
            x += WORD
        if x + WORD <= end:
            x += lowest(word) >> 3
        else:
            while x < end and values[x] == value:
                x += 1
    return size
