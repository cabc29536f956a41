# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Count the pixels of every class within some widths of a contour, compiled by Cython.

Each distance becomes the place of the smallest width that reaches it. Then runs of pixels that are equal in classes and
places are counted as one. Sizes are checked before the first byte is touched; nothing is allocated, and the
interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

WORD = cython.declare(cython.Py_ssize_t, 8)
EACH = cython.declare(cython.ulonglong, 0x0101010101010101)
ROWS = cython.declare(cython.Py_ssize_t, 8)
"""Rows that `count` works in."""


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


def count(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    gt_near: cython.const[cython.uchar][::1],
    pred_near: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    widths: cython.const[cython.uchar][::1],
    memory: cython.uchar[::1],
    counts: cython.longlong[:, :, ::1],
) -> None:
    """Add pixels to `counts`, (6, codes, widths + 1), by the place of the smallest of the ascending `widths` to hold.

    Of each side's own band those of ground truth, prediction and both, where the edge of the image is a contour too;
    then the same three within the ground truth's contours, where it is none. The last place is beyond every width.
    `gt_near` and `pred_near` have rows of `width` + 2, as `nearness.measure` writes them; `memory` has 8 rows of
    `width` + 64 bytes. Raises `ValueError` where the sizes do not fit.
    """
    size: cython.Py_ssize_t = height * width
    near: cython.Py_ssize_t = height * (width + 2)
    i: cython.Py_ssize_t
    highest: cython.uchar = 0
    if height < 1 or width < 1 or gt.shape[0] != size or pred.shape[0] != size:
        raise ValueError("there is no pixel")
    if gt_near.shape[0] != near or pred_near.shape[0] != near or memory.shape[0] != ROWS * (width + 64):
        raise ValueError("the memory has another size than the image")
    if counts.shape[0] != 6 or counts.shape[2] != widths.shape[0] + 1 or not widths.shape[0]:
        raise ValueError("there is no room for the counts")
    with cython.nogil:
        for i in range(size):
            highest = gt[i] if gt[i] > highest else highest
        for i in range(size):
            highest = pred[i] if pred[i] > highest else highest
    if highest >= counts.shape[1]:
        raise ValueError("a code has no counts")
    with cython.nogil:
        _count(gt, pred, gt_near, pred_near, height, width, widths, memory, counts)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _count(
    gt: cython.const[cython.uchar][::1],
    pred: cython.const[cython.uchar][::1],
    gt_near: cython.const[cython.uchar][::1],
    pred_near: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    widths: cython.const[cython.uchar][::1],
    memory: cython.uchar[::1],
    counts: cython.longlong[:, :, ::1],
) -> cython.int:
    room: cython.Py_ssize_t = width + 64
    frame: cython.p_uchar = cython.address(memory[0])
    framed: cython.p_uchar = frame + room
    trimap: cython.p_uchar = frame + 2 * room
    of_gt: cython.p_uchar = frame + 3 * room
    of_pred: cython.p_uchar = frame + 4 * room
    changed: cython.p_uchar = frame + 5 * room
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    edge: cython.Py_ssize_t
    for x in range(width):
        edge = x + 1 if x + 1 < width - x else width - x
        frame[x] = edge if edge < 255 else 255
    for y in range(height):
        edge = y + 1 if y + 1 < height - y else height - y
        edge = edge if edge < 255 else 255
        _placed(cython.address(gt_near[y * (width + 2) + 1]), widths, width, trimap)
        _within(cython.address(gt_near[y * (width + 2) + 1]), frame, edge, width, framed)
        _placed(framed, widths, width, of_gt)
        _within(cython.address(pred_near[y * (width + 2) + 1]), frame, edge, width, framed)
        _placed(framed, widths, width, of_pred)
        _changes(cython.address(gt[y * width]), cython.address(pred[y * width]), trimap, of_gt, of_pred, width, changed)
        _add_runs(
            cython.address(gt[y * width]),
            cython.address(pred[y * width]),
            trimap,
            of_gt,
            of_pred,
            width,
            changed,
            counts,
        )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _within(
    near: cython.pointer(cython.const[cython.uchar]),
    frame: cython.p_uchar,
    edge: cython.uchar,
    width: cython.Py_ssize_t,
    found: cython.p_uchar,
) -> cython.void:
    """Write the distance to a contour or to the edge of the image, whichever is less."""
    x: cython.Py_ssize_t
    least: cython.uchar
    for x in range(width):
        least = near[x] if near[x] < frame[x] else frame[x]
        found[x] = least if least < edge else edge


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _placed(
    near: cython.pointer(cython.const[cython.uchar]),
    widths: cython.const[cython.uchar][::1],
    width: cython.Py_ssize_t,
    found: cython.p_uchar,
) -> cython.void:
    """Write how many widths are too small for each distance."""
    x: cython.Py_ssize_t
    place: cython.Py_ssize_t
    reach: cython.uchar = widths[0]
    for x in range(width):
        found[x] = near[x] > reach
    for place in range(1, widths.shape[0]):
        reach = widths[place]
        for x in range(width):
            found[x] += near[x] > reach


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _changes(
    gt: cython.pointer(cython.const[cython.uchar]),
    pred: cython.pointer(cython.const[cython.uchar]),
    trimap: cython.p_uchar,
    of_gt: cython.p_uchar,
    of_pred: cython.p_uchar,
    width: cython.Py_ssize_t,
    changed: cython.p_uchar,
) -> cython.void:
    """Write 1 where a run begins, and after the last pixel; the bytes after that are 0."""
    x: cython.Py_ssize_t
    for x in range(1, width):
        changed[x] = (gt[x] != gt[x - 1]) | (pred[x] != pred[x - 1])
    for x in range(1, width):
        changed[x] |= (trimap[x] != trimap[x - 1]) | (of_gt[x] != of_gt[x - 1]) | (of_pred[x] != of_pred[x - 1])
    changed[0] = 0
    changed[width] = 1
    for x in range(width + 1, width + WORD):
        changed[x] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add_runs(
    gt: cython.pointer(cython.const[cython.uchar]),
    pred: cython.pointer(cython.const[cython.uchar]),
    trimap: cython.p_uchar,
    of_gt: cython.p_uchar,
    of_pred: cython.p_uchar,
    width: cython.Py_ssize_t,
    changed: cython.p_uchar,
    counts: cython.longlong[:, :, ::1],
) -> cython.void:
    start: cython.Py_ssize_t = 0
    x: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    size: cython.Py_ssize_t
    word: cython.ulonglong = 0
    while x <= width:
        memcpy(cython.address(word), changed + x, 8)
        if word:
            for k in range(x, x + WORD):
                if changed[k]:
                    size = k - start
                    if gt[start]:
                        counts[0, gt[start], of_gt[start]] += size
                        counts[1, pred[start], of_pred[start]] += size
                        counts[3, gt[start], trimap[start]] += size
                        counts[4, pred[start], trimap[start]] += size
                        if gt[start] == pred[start]:
                            counts[2, gt[start], max(of_gt[start], of_pred[start])] += size
                            counts[5, gt[start], trimap[start]] += size
                    start = k
        x += WORD
