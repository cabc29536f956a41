# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find the runs of equal codes in every row of both sides, compiled by Cython.

Regions are wide, so that what is done once a run is quick. Sizes are checked before the first byte is touched; nothing
is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

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
    values: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    starts: cython.int[::1],
    codes: cython.uchar[::1],
    rows: cython.int[::1],
) -> cython.Py_ssize_t:
    """Write where runs start in their rows, their codes, and for each row which run is its first; return how many.

    A row's runs end with one of code 0 that starts at `width`. `starts` and `codes` have room for `width` + 1 in every
    row, `rows` for `height` + 1 numbers. Raises `ValueError` where the sizes do not fit.
    """
    y: cython.Py_ssize_t
    size: cython.Py_ssize_t = 0
    if height < 1 or width < 1 or values.shape[0] != height * width:
        raise ValueError("there is no pixel")
    if starts.shape[0] != height * (width + 1) or codes.shape[0] != starts.shape[0] or rows.shape[0] != height + 1:
        raise ValueError("there is no room for the runs")
    with cython.nogil:
        for y in range(height):
            rows[y] = size
            size += _of_row(
                cython.address(values[y * width]), width, cython.address(starts[size]), cython.address(codes[size])
            )
        rows[height] = size
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _of_row(
    values: cython.pointer(cython.const[cython.uchar]),
    width: cython.Py_ssize_t,
    starts: cython.p_int,
    codes: cython.p_uchar,
) -> cython.Py_ssize_t:
    x: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t = 0
    word: cython.ulonglong = 0
    code: cython.uchar
    while x < width:
        code = values[x]
        starts[size] = x
        codes[size] = code
        size += 1
        x += 1
        while x + WORD <= width:
            memcpy(cython.address(word), values + x, 8)
            if word != code * EACH:
                break
            x += WORD
        while x < width and values[x] == code:
            x += 1
    starts[size] = width
    codes[size] = 0
    return size + 1
