# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""How far every pixel is from another region, and what lies within some widths of one, compiled by Cython.

One chessboard distance transform serves the regions of all classes: 1 where one of eight neighbours is of another
region, and otherwise one more than the least of the neighbours (Rosenfeld and Pfaltz 1968: two passes). Void first
takes the region that is nearest to it. Rows are done many pixels at a time, without branches. Sizes are checked before
the first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy, memset

WORD = cython.declare(cython.Py_ssize_t, 8)
MOST_BY_DOUBLING = cython.declare(cython.int, 127)
"""Up to this limit a distance and a step fit a byte together."""


def measure(
    codes: cython.uchar[::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    limit: cython.int,
    memory: cython.uchar[::1],
    found: cython.uchar[::1],
) -> None:
    """Write the chessboard distance of every pixel to the second nearest region, and at most `limit`, into `found`.

    That of a pixel of a region is the distance to another one; code 0 is of none. `found` has `height` rows of `width`
    + 2, the outer ones being copies; `memory` as in `memory_size`. Raises `ValueError` where the sizes do not fit.
    """
    stride: cython.Py_ssize_t = width + 2
    if height < 1 or width < 1 or codes.shape[0] != height * width or not 1 <= limit <= 254:
        raise ValueError("there is no pixel")
    if memory.shape[0] != memory_size(height, width) or found.shape[0] != height * stride:
        raise ValueError("the memory has another size than the image")
    with cython.nogil:
        _measure(cython.address(codes[0]), height, width, limit, cython.address(memory[0]), cython.address(found[0]))


def memory_size(height: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the bytes that `measure` and `count` work in."""
    return 2 * (height + 2) * (width + 2) + height + 2 + 5 * (width + 64)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _measure(
    codes: cython.p_uchar,
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    limit: cython.int,
    memory: cython.p_uchar,
    found: cython.p_uchar,
) -> cython.int:
    stride: cython.Py_ssize_t = width + 2
    labels: cython.p_uchar = memory
    away: cython.p_uchar = labels + (height + 2) * stride
    is_void: cython.p_uchar = away + (height + 2) * stride
    spare: cython.p_uchar = is_void + height + 2
    y: cython.Py_ssize_t
    row: cython.p_uchar
    if _laid_out(codes, height, width, labels, is_void):
        _fill(labels, away, is_void, height, width, limit)
    for y in range(height):
        row = found + y * stride
        if is_void[y] | is_void[y + 1] | is_void[y + 2]:
            _start_within_void(labels + y * stride, away + y * stride, row, width, limit)
        else:
            _start(labels + y * stride, row, width, limit)
        if y > 0:
            _take_over(row - stride, row, width)
        _from_the_left(row + 1, spare, width, limit)
        row[0], row[width + 1] = row[1], row[width]
    for y in range(height - 1, -1, -1):
        row = found + y * stride
        if y < height - 1:
            _take_over(row + stride, row, width)
        _from_the_right(row + 1, spare, width, limit)
        row[0], row[width + 1] = row[1], row[width]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _laid_out(
    codes: cython.p_uchar,
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    labels: cython.p_uchar,
    is_void: cython.p_uchar,
) -> cython.int:
    """Copy codes with a frame of their outer pixels, note the rows that hold void, and tell whether any does."""
    stride: cython.Py_ssize_t = width + 2
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    row: cython.p_uchar
    void: cython.uchar
    any_void: cython.int = 0
    for y in range(height):
        row = labels + (y + 1) * stride
        memcpy(row + 1, codes + y * width, width)
        row[0], row[width + 1] = row[1], row[width]
        void = 0
        for x in range(1, width + 1):
            void |= row[x] == 0
        is_void[y + 1] = void
        any_void |= void
    is_void[0] = is_void[height + 1] = 0
    memcpy(labels, labels + stride, stride)
    memcpy(labels + (height + 1) * stride, labels + height * stride, stride)
    return any_void


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _fill(
    labels: cython.p_uchar,
    away: cython.p_uchar,
    is_void: cython.p_uchar,
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    limit: cython.int,
) -> cython.int:
    """Give void the region nearest to it, and `away` how far that is."""
    stride: cython.Py_ssize_t = width + 2
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    far: cython.uchar = limit
    for x in range(stride, (height + 1) * stride):
        away[x] = 0 if labels[x] else far
    memset(away, limit, stride)
    memset(away + (height + 1) * stride, limit, stride)
    for y in range(1, height + 1):
        if is_void[y]:
            _fill_downwards(labels, away, y * stride, width)
    for y in range(height, 0, -1):
        if is_void[y]:
            _fill_upwards(labels, away, y * stride, width)
    memcpy(labels, labels + stride, stride)
    memcpy(away, away + stride, stride)
    memcpy(labels + (height + 1) * stride, labels + height * stride, stride)
    memcpy(away + (height + 1) * stride, away + height * stride, stride)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fill_downwards(
    labels: cython.p_uchar, away: cython.p_uchar, start: cython.Py_ssize_t, width: cython.Py_ssize_t
) -> cython.void:
    x: cython.Py_ssize_t = start + 1
    word: cython.ulonglong = 0
    while x <= start + width:
        memcpy(cython.address(word), away + x, 8)
        if word == 0:
            x += WORD
            continue
        if away[x]:
            _nearer(labels, away, x, x - 1, x - width - 3)
        x += 1
    labels[start], labels[start + width + 1] = labels[start + 1], labels[start + width]
    away[start], away[start + width + 1] = away[start + 1], away[start + width]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fill_upwards(
    labels: cython.p_uchar, away: cython.p_uchar, start: cython.Py_ssize_t, width: cython.Py_ssize_t
) -> cython.void:
    x: cython.Py_ssize_t = start + width
    word: cython.ulonglong = 0
    while x > start:
        memcpy(cython.address(word), away + x - 7, 8)
        if word == 0:
            x -= WORD
            continue
        if away[x]:
            _nearer(labels, away, x, x + 1, x + width + 1)
        x -= 1
    labels[start], labels[start + width + 1] = labels[start + 1], labels[start + width]
    away[start], away[start + width + 1] = away[start + 1], away[start + width]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _nearer(
    labels: cython.p_uchar,
    away: cython.p_uchar,
    here: cython.Py_ssize_t,
    beside: cython.Py_ssize_t,
    three: cython.Py_ssize_t,
) -> cython.void:
    """Let a pixel take the region of a nearer one: `beside` it, or of `three` in the next row."""
    best: cython.Py_ssize_t = beside
    if away[three] < away[best]:
        best = three
    if away[three + 1] < away[best]:
        best = three + 1
    if away[three + 2] < away[best]:
        best = three + 2
    if away[best] + 1 < away[here]:
        away[here] = away[best] + 1
        labels[here] = labels[best]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _start(above: cython.p_uchar, row: cython.p_uchar, width: cython.Py_ssize_t, limit: cython.int) -> cython.void:
    """Write 1 where one of eight neighbours differs, else `limit`; `above` is the first of three rows."""
    here: cython.p_uchar = above + width + 2
    below: cython.p_uchar = here + width + 2
    x: cython.Py_ssize_t
    differs: cython.uchar
    code: cython.uchar
    top: cython.uchar = limit
    for x in range(1, width + 1):
        code = here[x]
        differs = (code != here[x - 1]) | (code != here[x + 1])
        differs |= (code != above[x - 1]) | (code != above[x]) | (code != above[x + 1])
        differs |= (code != below[x - 1]) | (code != below[x]) | (code != below[x + 1])
        row[x] = 1 if differs else top


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _start_within_void(
    above: cython.p_uchar,
    away: cython.p_uchar,
    row: cython.p_uchar,
    width: cython.Py_ssize_t,
    limit: cython.int,
) -> cython.void:
    """Write how far the farther of two neighbouring regions is: void between them is crossed."""
    stride: cython.Py_ssize_t = width + 2
    x: cython.Py_ssize_t
    step: cython.Py_ssize_t
    at: cython.Py_ssize_t
    least: cython.uchar
    code: cython.uchar
    for x in range(1, width + 1):
        code = above[stride + x]
        least = limit - 1
        for step in range(3):
            at = step * stride + x
            if (above[at - 1] != code) & (away[at - 1] < least):
                least = away[at - 1]
            if (above[at] != code) & (away[at] < least):
                least = away[at]
            if (above[at + 1] != code) & (away[at + 1] < least):
                least = away[at + 1]
        least += 1
        row[x] = away[stride + x] if away[stride + x] > least else least


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_over(other: cython.p_uchar, row: cython.p_uchar, width: cython.Py_ssize_t) -> cython.void:
    """Let a row take what the next one gives: one more than the least of three."""
    x: cython.Py_ssize_t
    least: cython.uchar
    for x in range(1, width + 1):
        least = other[x - 1] if other[x - 1] < other[x] else other[x]
        least = least if least < other[x + 1] else other[x + 1]
        least += 1
        row[x] = least if least < row[x] else row[x]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _from_the_left(
    row: cython.p_uchar, spare: cython.p_uchar, width: cython.Py_ssize_t, limit: cython.int
) -> cython.void:
    """Let every pixel be at most one more than the one before it, by steps of 1, 2, 4 and so on."""
    source: cython.p_uchar = row
    target: cython.p_uchar = spare
    x: cython.Py_ssize_t
    step: cython.Py_ssize_t = 1
    by: cython.uchar
    value: cython.uchar
    if limit > MOST_BY_DOUBLING:
        for x in range(1, width):
            if row[x - 1] + 1 < row[x]:
                row[x] = row[x - 1] + 1
        return
    while step < limit and step < width:
        memcpy(target, source, step)
        by = step
        for x in range(step, width):
            value = source[x - step] + by
            target[x] = value if value < source[x] else source[x]
        source, target = target, source
        step *= 2
    if source != row:
        memcpy(row, source, width)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _from_the_right(
    row: cython.p_uchar, spare: cython.p_uchar, width: cython.Py_ssize_t, limit: cython.int
) -> cython.void:
    """Let every pixel be at most one more than the one after it."""
    source: cython.p_uchar = row
    target: cython.p_uchar = spare
    x: cython.Py_ssize_t
    step: cython.Py_ssize_t = 1
    by: cython.uchar
    value: cython.uchar
    if limit > MOST_BY_DOUBLING:
        for x in range(width - 2, -1, -1):
            if row[x + 1] + 1 < row[x]:
                row[x] = row[x + 1] + 1
        return
    while step < limit and step < width:
        by = step
        for x in range(width - step):
            value = source[x + step] + by
            target[x] = value if value < source[x] else source[x]
        memcpy(target + width - step, source + width - step, step)
        source, target = target, source
        step *= 2
    if source != row:
        memcpy(row, source, width)
