# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Count the pixels of every class within one width of a contour, compiled by Cython.

A pixel is near another region where its window holds two codes, which differ in some binary digit: for each digit, one
plane of bits tells where the window has a code with it, and another where it has one without. Runs are widened as they
are written, and rows are joined 64 pixels at a time, in two passes whatever the width (van Herk 1992). Sizes are
checked before the first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.segeval.contours.bits import fill, highest_code, ones

PLANES = cython.declare(cython.Py_ssize_t, 6)


def memory_size(height: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the words of 8 bytes that `count` works in."""
    return (PLANES * height + 2) * (((width - 1) >> 6) + 1)


def count(
    gt_starts: cython.const[cython.int][::1],
    gt_codes: cython.const[cython.uchar][::1],
    gt_rows: cython.const[cython.int][::1],
    pred_starts: cython.const[cython.int][::1],
    pred_codes: cython.const[cython.uchar][::1],
    pred_rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    radius: cython.Py_ssize_t,
    memory: cython.ulonglong[::1],
    counts: cython.longlong[:, ::1],
) -> None:
    """Add the pixels within `radius` >= 1 of a contour to `counts`, (6, codes), by their class.

    Of each side's own band those of ground truth, prediction and both, where the edge of the image is a contour too;
    then the same three within the ground truth's contours, where it is none. Runs are as `runrows.find` writes them,
    code 0 being no region; `memory` is as in `memory_size`. Raises `ValueError` where the sizes do not fit.
    """
    height: cython.Py_ssize_t = gt_rows.shape[0] - 1
    words: cython.Py_ssize_t = ((width - 1) >> 6) + 1
    highest: cython.int
    if height < 1 or width < 1 or radius < 1 or pred_rows.shape[0] != height + 1:
        raise ValueError("there is no pixel")
    if memory.shape[0] != memory_size(height, width) or counts.shape[0] != 6:
        raise ValueError("the memory has another size than the image")
    with cython.nogil:
        highest = max(
            highest_code(gt_starts, gt_codes, gt_rows, width), highest_code(pred_starts, pred_codes, pred_rows, width)
        )
    if highest == 256 or highest >= counts.shape[1]:
        raise ValueError("the runs do not fit the image, or a code has no counts")
    with cython.nogil:
        _near(gt_starts, gt_codes, gt_rows, height, width, radius, highest, cython.address(memory[0]))
        memcpy(
            cython.address(memory[(PLANES - 1) * height * words]),
            cython.address(memory[(PLANES - 2) * height * words]),
            8 * height * words,
        )
        _near(pred_starts, pred_codes, pred_rows, height, width, radius, highest, cython.address(memory[0]))
        _count(
            gt_starts,
            gt_codes,
            gt_rows,
            pred_starts,
            pred_codes,
            pred_rows,
            height,
            width,
            radius,
            cython.address(memory[(PLANES - 1) * height * words]),
            cython.address(memory[(PLANES - 2) * height * words]),
            cython.address(memory[PLANES * height * words]),
            counts,
        )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _widened(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    radius: cython.Py_ssize_t,
    digit: cython.int,
    without: cython.p_ulonglong,
    having: cython.p_ulonglong,
) -> cython.void:
    """Set where the window of a row has a code without the binary digit, and where one that has it."""
    i: cython.Py_ssize_t
    from_0: cython.Py_ssize_t = 0
    from_1: cython.Py_ssize_t = 0
    to_0: cython.Py_ssize_t = 0
    to_1: cython.Py_ssize_t = 0
    for i in range(first, end):
        if codes[i] == 0:
            continue
        if (codes[i] >> digit) & 1:
            if starts[i] - radius > to_1:
                fill(having, from_1, to_1, width)
                from_1 = starts[i] - radius
            to_1 = starts[i + 1] + radius
        else:
            if starts[i] - radius > to_0:
                fill(without, from_0, to_0, width)
                from_0 = starts[i] - radius
            to_0 = starts[i + 1] + radius
    fill(having, from_1, to_1, width)
    fill(without, from_0, to_0, width)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _joined(
    plane: cython.p_ulonglong,
    forward: cython.p_ulonglong,
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    length: cython.Py_ssize_t,
) -> cython.void:
    """Join rows from the start of their block of `length` into `forward`, and up to its end in `plane` itself."""
    y: cython.Py_ssize_t
    k: cython.Py_ssize_t
    here: cython.p_ulonglong
    there: cython.p_ulonglong
    before: cython.p_ulonglong
    for y in range(height):
        here = plane + y * words
        there = forward + y * words
        if y % length == 0:
            memcpy(there, here, 8 * words)
        else:
            before = there - words
            for k in range(words):
                there[k] = before[k] | here[k]
    for y in range(height - 2, -1, -1):
        if (y + 1) % length:
            here = plane + y * words
            there = here + words
            for k in range(words):
                here[k] |= there[k]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _near(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    radius: cython.Py_ssize_t,
    highest: cython.int,
    memory: cython.p_ulonglong,
) -> cython.void:
    """Write the bits of pixels whose window has two codes into the fifth plane of `memory`."""
    words: cython.Py_ssize_t = ((width - 1) >> 6) + 1
    size: cython.Py_ssize_t = height * words
    near: cython.p_ulonglong = memory + 4 * size
    digit: cython.int = 0
    y: cython.Py_ssize_t
    memset(near, 0, 8 * size)
    while highest >> digit:
        memset(memory, 0, 16 * size)
        for y in range(height):
            _widened(
                starts,
                codes,
                rows[y],
                rows[y + 1] - 1,
                width,
                radius,
                digit,
                memory + y * words,
                memory + size + y * words,
            )
        _joined(memory, memory + 2 * size, height, words, 2 * radius + 1)
        _joined(memory + size, memory + 3 * size, height, words, 2 * radius + 1)
        _both(memory, height, words, radius, near)
        digit += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _both(
    memory: cython.p_ulonglong,
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    radius: cython.Py_ssize_t,
    near: cython.p_ulonglong,
) -> cython.void:
    """Set the bits of pixels whose window of joined rows has both kinds of codes."""
    size: cython.Py_ssize_t = height * words
    length: cython.Py_ssize_t = 2 * radius + 1
    y: cython.Py_ssize_t
    k: cython.Py_ssize_t
    top: cython.Py_ssize_t
    end: cython.Py_ssize_t
    upper: cython.p_ulonglong
    lower: cython.p_ulonglong
    row: cython.p_ulonglong
    for y in range(height):
        top = y - radius if y > radius else 0
        end = y + radius if y + radius < height else height - 1
        # Rows up to the end of the block of the first, and from the start of the block of the last.
        upper = memory + top * words
        lower = memory + 2 * size + end * words
        if top // length == end // length:
            if top % length == 0:
                upper = lower
            else:
                lower = upper
        row = near + y * words
        for k in range(words):
            row[k] |= (upper[k] | lower[k]) & (upper[size + k] | lower[size + k])


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _count(
    gt_starts: cython.const[cython.int][::1],
    gt_codes: cython.const[cython.uchar][::1],
    gt_rows: cython.const[cython.int][::1],
    pred_starts: cython.const[cython.int][::1],
    pred_codes: cython.const[cython.uchar][::1],
    pred_rows: cython.const[cython.int][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    radius: cython.Py_ssize_t,
    gt_near: cython.p_ulonglong,
    pred_near: cython.p_ulonglong,
    frames: cython.p_ulonglong,
    counts: cython.longlong[:, ::1],
) -> cython.int:
    words: cython.Py_ssize_t = ((width - 1) >> 6) + 1
    y: cython.Py_ssize_t
    memset(frames, 0, 16 * words)
    fill(frames, 0, radius, width)
    fill(frames, width - radius, width, width)
    fill(frames + words, 0, width, width)
    for y in range(height):
        _count_row(
            cython.address(gt_starts[gt_rows[y]]),
            cython.address(gt_codes[gt_rows[y]]),
            cython.address(pred_starts[pred_rows[y]]),
            cython.address(pred_codes[pred_rows[y]]),
            width,
            gt_near + y * words,
            pred_near + y * words,
            frames + words if y < radius or y >= height - radius else frames,
            counts,
        )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count_row(
    gt_starts: cython.pointer(cython.const[cython.int]),
    gt_codes: cython.pointer(cython.const[cython.uchar]),
    pred_starts: cython.pointer(cython.const[cython.int]),
    pred_codes: cython.pointer(cython.const[cython.uchar]),
    width: cython.Py_ssize_t,
    gt_near: cython.p_ulonglong,
    pred_near: cython.p_ulonglong,
    frame: cython.p_ulonglong,
    counts: cython.longlong[:, ::1],
) -> cython.void:
    every: cython.ulonglong = 0xFFFFFFFFFFFFFFFF
    mask: cython.ulonglong
    trimap: cython.ulonglong
    of_gt: cython.ulonglong
    of_pred: cython.ulonglong
    start: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t = 0
    j: cython.Py_ssize_t = 0
    gt: cython.uchar
    pred: cython.uchar
    while start < width:
        gt, pred = gt_codes[i], pred_codes[j]
        end = min(gt_starts[i + 1], pred_starts[j + 1])
        i += end == gt_starts[i + 1]
        j += end == pred_starts[j + 1]
        mask = every << (start & 63)
        if gt:
            for k in range(start >> 6, ((end - 1) >> 6) + 1):
                if k == (end - 1) >> 6:
                    mask &= every >> (63 - ((end - 1) & 63))
                trimap = gt_near[k] & mask
                of_gt = trimap | (frame[k] & mask)
                of_pred = (pred_near[k] | frame[k]) & mask
                counts[0, gt] += ones(of_gt)
                counts[1, pred] += ones(of_pred)
                counts[3, gt] += ones(trimap)
                counts[4, pred] += ones(trimap)
                if gt == pred:
                    counts[2, gt] += ones(of_gt & of_pred)
                    counts[5, gt] += ones(trimap)
                mask = every
        start = end
