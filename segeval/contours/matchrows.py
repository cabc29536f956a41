# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find border pixels that have their like on the other side within a distance, class by class, compiled by Cython.

What is near a pixel is near the pixels around it, and where nothing is far around one, nothing is around the next: by
that most are settled. Others look row by row, the nearest rows first, 64 pixels at a time. Sizes are checked before the
first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.math import sqrt
from cython.cimports.segeval.contours.bits import highest, lowest

PART = cython.declare(cython.Py_ssize_t, 3)
"""Columns that share what is known near them, as a power of two."""
BEYOND = cython.declare(cython.longlong, 8)
"""Pixels that are searched beyond the distance, so that pixels around know of nothing near them."""
NOWHERE = cython.declare(cython.longlong, -(1 << 30))


def memory_size(width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the numbers that `match` works in."""
    return 5 * (((width + 127) >> PART) + 1)


def match(
    planes: cython.const[cython.longlong][:, ::1],
    source: cython.ulonglong[::1],
    target: cython.const[cython.ulonglong][::1],
    square: cython.longlong,
    width: cython.Py_ssize_t,
    memory: cython.int[::1],
    counts: cython.longlong[:, ::1],
) -> None:
    """Count the bits of `source` by code, and those within the root of `square` of a bit of `target`, which are cleared.

    `planes` are as `borderrows.lay_out` writes them, counts are (codes, 2), and `memory` is as in `memory_size`. Raises
    `ValueError` where the sizes do not fit.
    """
    code: cython.Py_ssize_t
    if planes.shape[1] != 5 or source.shape[0] != target.shape[0] or counts.shape[0] != planes.shape[0]:
        raise ValueError("there is no room for the border")
    if counts.shape[1] != 2 or memory.shape[0] != memory_size(width) or not 0 <= square < 1 << 60:
        raise ValueError("there is no room for the counts")
    for code in range(planes.shape[0]):
        if planes[code, 0] < 0 or planes[code, 1] < planes[code, 0] or planes[code, 3] < 0 or planes[code, 4] < 0:
            raise ValueError("there is no room for the border of a class")
        if planes[code, 4] + (planes[code, 1] - planes[code, 0]) * planes[code, 3] > source.shape[0]:
            raise ValueError("there is no room for the border of a class")
        if 64 * planes[code, 3] > width + 127:
            raise ValueError("a plane is wider than the image")
    with cython.nogil:
        for code in range(planes.shape[0]):
            if planes[code, 1] > planes[code, 0]:
                _match(
                    cython.address(source[0]) + planes[code, 4],
                    cython.address(target[0]) + planes[code, 4],
                    planes[code, 1] - planes[code, 0],
                    planes[code, 3],
                    square,
                    memory,
                    cython.address(counts[code, 0]),
                )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _apart(
    y: cython.longlong, x: cython.longlong, other_y: cython.longlong, other_x: cython.longlong
) -> cython.longlong:
    """Return the squared distance of two pixels."""
    return (y - other_y) * (y - other_y) + (x - other_x) * (x - other_x)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _match(
    source: cython.p_ulonglong,
    target: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    square: cython.longlong,
    memory: cython.int[::1],
    counts: cython.p_longlong,
) -> cython.void:
    parts: cython.Py_ssize_t = ((64 * words) >> PART) + 1
    near_y: cython.p_int = cython.address(memory[0])
    near_x: cython.p_int = near_y + parts
    far_y: cython.p_int = near_x + parts
    far_x: cython.p_int = far_y + parts
    margin: cython.p_int = far_x + parts
    reach: cython.longlong = _root(square) + BEYOND
    least: cython.longlong = reach * reach + 1
    y: cython.Py_ssize_t
    k: cython.Py_ssize_t
    x: cython.Py_ssize_t
    part: cython.Py_ssize_t
    found: cython.longlong
    word: cython.ulonglong
    near: cython.ulonglong
    one: cython.ulonglong
    elements: cython.longlong = 0
    matched: cython.longlong = 0
    for part in range(parts):
        near_y[part] = far_y[part] = NOWHERE
        near_x[part] = far_x[part] = margin[part] = 0
    for y in range(height):
        for k in range(words):
            word = source[y * words + k]
            if word == 0:
                continue
            near = 0
            while word:
                x = 64 * k + lowest(word)
                one = word & (~word + 1)
                word ^= one
                elements += 1
                part = x >> PART
                if _apart(y, x, near_y[part], near_x[part]) <= square:
                    near |= one
                    matched += 1
                elif _apart(y, x, far_y[part], far_x[part]) >= margin[part]:
                    found = _nearest(
                        target, height, words, y, x, square, least, near_y + part, near_x + part
                    )
                    if found <= square:
                        near |= one
                        matched += 1
                    else:
                        # Whatever is less far from here than the nearest one is beyond the distance has none either.
                        reach = cython.cast(cython.longlong, sqrt(found) - sqrt(square))
                        far_y[part], far_x[part], margin[part] = y, x, reach * reach
            source[y * words + k] ^= near
    counts[0] += elements
    counts[1] += matched


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _root(square: cython.longlong) -> cython.longlong:
    """Return the whole part of a root."""
    root: cython.longlong = cython.cast(cython.longlong, sqrt(square))
    while root * root > square:
        root -= 1
    while (root + 1) * (root + 1) <= square:
        root += 1
    return root


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nearest(
    target: cython.pointer(cython.const[cython.ulonglong]),
    height: cython.Py_ssize_t,
    words: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    x: cython.Py_ssize_t,
    square: cython.longlong,
    best: cython.longlong,
    near_y: cython.p_int,
    near_x: cython.p_int,
) -> cython.longlong:
    """Return the squared distance to some bit within `square`, and write where; else that to the nearest, or `best`."""
    every: cython.ulonglong = 0xFFFFFFFFFFFFFFFF
    down: cython.longlong = 0
    half: cython.longlong = _root(best)
    side: cython.int
    row: cython.Py_ssize_t
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    k: cython.Py_ssize_t
    away: cython.longlong
    here: cython.pointer(cython.const[cython.ulonglong])
    mask: cython.ulonglong
    while down * down < best and down < y + height:
        while half * half + down * down >= best:
            half -= 1
        start = x - half if x > half else 0
        end = x + half if x + half < 64 * words else 64 * words - 1
        for side in range(2 if down else 1):
            row = y - down if side else y + down
            if row < 0 or row >= height:
                continue
            here = target + row * words
            k = start >> 6
            mask = every << (start & 63)
            while k < end >> 6 and here[k] & mask == 0:
                mask = every
                k += 1
            if k == end >> 6 and here[k] & mask & (every >> (63 - (end & 63))) == 0:
                continue
            away = _beside(here, start >> 6, end >> 6, x)
            if away * away + down * down < best:
                best = away * away + down * down
                if best <= square:
                    near_y[0], near_x[0] = row, x + away
                    return best
        down += 1
    return best


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _beside(
    row: cython.pointer(cython.const[cython.ulonglong]),
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
    x: cython.Py_ssize_t,
) -> cython.longlong:
    """Return how far right the nearest bit of some words of a row is, less than 0 where it is left; there is one."""
    every: cython.ulonglong = 0xFFFFFFFFFFFFFFFF
    right: cython.Py_ssize_t = x >> 6
    left: cython.Py_ssize_t = x >> 6
    behind: cython.ulonglong = row[right] & (every << (x & 63))
    before: cython.ulonglong = row[left] & ~(every << (x & 63))
    while behind == 0 and right < last:
        right += 1
        behind = row[right]
    while before == 0 and left > first:
        left -= 1
        before = row[left]
    if before == 0:
        return 64 * right + lowest(behind) - x
    if behind == 0:
        return 64 * left + highest(before) - x
    if 64 * right + lowest(behind) - x < x - 64 * left - highest(before):
        return 64 * right + lowest(behind) - x
    return 64 * left + highest(before) - x
