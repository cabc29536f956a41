# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find how near border pixels are to their like on the other side, class by class, compiled by Cython.

What is near a pixel is near the pixels around it, and where nothing is far around one, nothing is around the next: by
that most are settled, as many as lie in one word of 64. Others look around, the nearest rows first, where the rows of a
block are not empty. Sizes are checked before the first byte is touched; nothing is allocated, and the interpreter's
lock is released.
"""

import cython
from cython.cimports.libc.math import sqrt
from cython.cimports.libc.string import memset
from cython.cimports.segeval.contours.bits import highest, lowest, ones, within

BLOCK = cython.declare(cython.Py_ssize_t, 5)
"""Rows that are looked at as one, as a power of two."""
BEYOND = cython.declare(cython.longlong, 10)
"""Pixels that are searched beyond the largest distance, so that pixels around know of nothing near them."""
NOWHERE = cython.declare(cython.longlong, -(1 << 30))
"""The row of nothing: far from every pixel."""
FOUND = cython.declare(cython.Py_ssize_t, 7)
KNOWN = cython.declare(cython.Py_ssize_t, 9)
"""Numbers known of a word of columns: the row and column of two pixels of the other side, and of one with nothing
around it, and how far; then, from `FOUND` on, what was found last."""


def memory_size(height: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the words of 8 bytes that `match` works in."""
    return (KNOWN + 2 * ((height >> BLOCK) + 1)) * (((width - 1) >> 6) + 1)


def match(
    planes: cython.const[cython.longlong][:, ::1],
    gt: cython.const[cython.ulonglong][::1],
    pred: cython.const[cython.ulonglong][::1],
    squares: cython.const[cython.longlong][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    memory: cython.ulonglong[::1],
    counts: cython.longlong[:, :, ::1],
) -> None:
    """Count the bits of both sides by code and by the first of the ascending `squares` that reaches one of the other.

    `planes` are as `borderrows.lay_out` writes them, squares are of distances in pixels, from 0, and the last column of
    `counts`, (2, codes, squares + 1), is of bits farther away than all of them. `memory` is as in `memory_size`. Raises
    `ValueError` where the sizes do not fit.
    """
    code: cython.Py_ssize_t
    if planes.shape[1] != 5 or gt.shape[0] != pred.shape[0] or counts.shape[1] != planes.shape[0]:
        raise ValueError("there is no room for the border")
    if not squares.shape[0] or counts.shape[0] != 2 or counts.shape[2] != squares.shape[0] + 1:
        raise ValueError("there is no room for the counts")
    if height < 1 or width < 1 or memory.shape[0] != memory_size(height, width):
        raise ValueError("the memory has another size than the image")
    for code in range(squares.shape[0]):
        if not 0 <= squares[code] < 1 << 50 or (code and squares[code] <= squares[code - 1]):
            raise ValueError("there is no room for the counts, or squares do not ascend")
    for code in range(planes.shape[0]):
        if not 0 <= planes[code, 0] <= planes[code, 1] <= height or planes[code, 2] < 0 or planes[code, 4] < 0:
            raise ValueError("there is no room for the border of a class")
        if not 0 <= planes[code, 3] <= ((width - 1) >> 6) + 1:
            raise ValueError("a plane is wider than the image")
        if planes[code, 4] + (planes[code, 1] - planes[code, 0]) * planes[code, 3] > gt.shape[0]:
            raise ValueError("there is no room for the border of a class")
    with cython.nogil:
        for code in range(planes.shape[0]):
            if planes[code, 1] > planes[code, 0]:
                _match(
                    cython.address(gt[0]) + planes[code, 4],
                    cython.address(pred[0]) + planes[code, 4],
                    planes[code, 1] - planes[code, 0],
                    planes[code, 3],
                    squares,
                    cython.address(memory[0]),
                    cython.address(counts[0, code, 0]),
                    cython.address(counts[1, code, 0]),
                )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _match(
    gt: cython.pointer(cython.const[cython.ulonglong]),
    pred: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    squares: cython.const[cython.longlong][::1],
    memory: cython.p_ulonglong,
    of_gt: cython.p_longlong,
    of_pred: cython.p_longlong,
) -> cython.void:
    """Match the two planes of one class."""
    known: cython.p_longlong = cython.cast(cython.p_longlong, memory)
    gt_blocks: cython.p_ulonglong = memory + KNOWN * words
    pred_blocks: cython.p_ulonglong = gt_blocks + ((height >> BLOCK) + 1) * words
    _joined(gt, height, words, gt_blocks)
    _joined(pred, height, words, pred_blocks)
    _one_way(gt, gt_blocks, pred, pred_blocks, height, words, squares, known, of_gt)
    _one_way(pred, pred_blocks, gt, gt_blocks, height, words, squares, known, of_pred)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _one_way(
    source: cython.pointer(cython.const[cython.ulonglong]),
    source_blocks: cython.pointer(cython.const[cython.ulonglong]),
    target: cython.pointer(cython.const[cython.ulonglong]),
    blocks: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    squares: cython.const[cython.longlong][::1],
    known: cython.p_longlong,
    counts: cython.p_longlong,
) -> cython.void:
    here: cython.p_longlong
    block: cython.Py_ssize_t
    y: cython.Py_ssize_t
    k: cython.Py_ssize_t
    word: cython.ulonglong
    near: cython.ulonglong
    for k in range(words):
        here = known + KNOWN * k
        here[0] = here[2] = here[4] = NOWHERE
        here[1] = here[3] = here[5] = here[6] = 0
    for block in range(((height - 1) >> BLOCK) + 1):
        for k in range(words):
            if source_blocks[block * words + k] == 0:
                continue
            here = known + KNOWN * k
            for y in range(block << BLOCK, min((block + 1) << BLOCK, height)):
                word = source[y * words + k]
                if word == 0:
                    continue
                near = word & within(y - here[0], here[1], squares[0])
                if word != near:
                    near |= word & within(y - here[2], here[3], squares[0])
                counts[0] += ones(near)
                word ^= near
                if word == 0:
                    continue
                near = word & within(y - here[4], here[5], here[6])
                counts[squares.shape[0]] += ones(near)
                word ^= near
                if word:
                    _look(word, target, blocks, height, words, y, k, squares, here, counts)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _look(
    word: cython.ulonglong,
    target: cython.pointer(cython.const[cython.ulonglong]),
    blocks: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    squares: cython.const[cython.longlong][::1],
    here: cython.p_longlong,
    counts: cython.p_longlong,
) -> cython.void:
    """Count the bits of a word of which nothing is known yet, and note what is found around them."""
    largest: cython.longlong = squares[squares.shape[0] - 1]
    reach: cython.longlong = cython.cast(cython.longlong, sqrt(largest)) + BEYOND
    best: cython.longlong
    x: cython.Py_ssize_t
    place: cython.Py_ssize_t
    near: cython.ulonglong
    while word:
        x = lowest(word)
        best = _nearest(target, blocks, height, words, y, 64 * k + x, squares[0], reach * reach + 1, here + FOUND)
        near = word & (~word + 1)
        if best <= squares[0]:
            here[2], here[3] = here[0], here[1]
            here[0], here[1] = y + here[FOUND], x + here[FOUND + 1]
            near = word & within(y - here[0], here[1], squares[0])
            counts[0] += ones(near)
        elif best > largest:
            # What is less far from here than the nearest is beyond the largest distance has none either.
            here[4], here[5] = y, x
            here[6] = cython.cast(cython.longlong, sqrt(best) - sqrt(largest))
            here[6] = here[6] * here[6] - 1
            near |= word & within(0, x, here[6])
            counts[squares.shape[0]] += ones(near)
        else:
            place = 1
            while squares[place] < best:
                place += 1
            counts[place] += 1
        word ^= near


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _joined(
    plane: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    blocks: cython.p_ulonglong,
) -> cython.void:
    """Join the rows of each block into one."""
    y: cython.Py_ssize_t
    k: cython.Py_ssize_t
    memset(blocks, 0, 8 * words * (((height - 1) >> BLOCK) + 1))
    for y in range(height):
        for k in range(words):
            blocks[(y >> BLOCK) * words + k] |= plane[y * words + k]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nearest(
    target: cython.pointer(cython.const[cython.ulonglong]),
    blocks: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    x: cython.Py_ssize_t,
    enough: cython.longlong,
    best: cython.longlong,
    found: cython.p_longlong,
) -> cython.longlong:
    """Return the squared distance to the nearest bit, or to one at most `enough` away; `best` where there is none.

    How far below and right of the pixel that is goes to `found`.
    """
    every: cython.ulonglong = 0xFFFFFFFFFFFFFFFF
    side: cython.int
    row: cython.Py_ssize_t
    end: cython.Py_ssize_t
    block: cython.Py_ssize_t
    start: cython.longlong
    stop: cython.longlong
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    from_first: cython.ulonglong
    to_last: cython.ulonglong
    least: cython.longlong = 0
    half: cython.longlong = cython.cast(cython.longlong, sqrt(best))
    ring: cython.Py_ssize_t = 0
    while least * least < best and best > enough and ring <= (height >> BLOCK) + 1:
        while half * half + least * least >= best:
            half -= 1
        # The words of columns at most `half` away, and what of the outer ones counts.
        start, stop = max(x - half, 0), min(x + half, 64 * words - 1)
        first, last = start >> 6, stop >> 6
        from_first, to_last = every << (start & 63), every >> (63 - (stop & 63))
        if first == last:
            from_first &= to_last
            to_last = from_first
        for side in range(2):
            block = (y >> BLOCK) - ring if side else (y >> BLOCK) + ring
            if not 0 <= block <= (height - 1) >> BLOCK:
                continue
            if not _any(blocks + block * words, first, last, from_first, to_last):
                continue
            # From the row that is nearest in this block to the one that is farthest.
            if side:
                row = (block << BLOCK) + (1 << BLOCK) - 1 if ring else y - 1
                end = (block << BLOCK) - 1
            else:
                row = block << BLOCK if ring else y
                end = min((block + 1) << BLOCK, height)
            while row != end and (row - y) * (row - y) < best and best > enough:
                if _any(target + row * words, first, last, from_first, to_last):
                    best = _nearer(target + row * words, first, last, row - y, x, best, found)
                row += -1 if side else 1
        # The next blocks begin on both sides; the nearer is at least so far.
        least = min(((y >> BLOCK) + ring + 1 << BLOCK) - y, y - ((y >> BLOCK) - ring << BLOCK) + 1)
        ring += 1
    return best


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _any(
    row: cython.pointer(cython.const[cython.ulonglong]),
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
    from_first: cython.ulonglong,
    to_last: cython.ulonglong,
) -> cython.bint:
    """Tell whether a bit is set in words of a row, of whose outer ones a part counts."""
    k: cython.Py_ssize_t = first + 1
    if (row[first] & from_first) | (row[last] & to_last):
        return True
    while k < last and row[k] == 0:
        k += 1
    return k < last


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _nearer(
    row: cython.pointer(cython.const[cython.ulonglong]),
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
    down: cython.longlong,
    x: cython.Py_ssize_t,
    best: cython.longlong,
    found: cython.p_longlong,
) -> cython.longlong:
    """Return the squared distance to the nearest bit of some words of a row so far down, where it is less than `best`.

    One of the words has a bit.
    """
    every: cython.ulonglong = 0xFFFFFFFFFFFFFFFF
    right: cython.Py_ssize_t = x >> 6
    left: cython.Py_ssize_t = x >> 6
    behind: cython.ulonglong = row[right] & (every << (x & 63))
    before: cython.ulonglong = row[left] & ~(every << (x & 63))
    away: cython.longlong
    while behind == 0 and right < last:
        right += 1
        behind = row[right]
    while before == 0 and left > first:
        left -= 1
        before = row[left]
    if behind:
        away = 64 * right + lowest(behind) - x
        if away * away + down * down < best:
            best = away * away + down * down
            found[0], found[1] = down, away
    if before:
        away = 64 * left + highest(before) - x
        if away * away + down * down < best:
            best = away * away + down * down
            found[0], found[1] = down, away
    return best
