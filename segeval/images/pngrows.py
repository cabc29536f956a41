# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Undo the filters of PNG rows (PNG specification, third edition, section 9), compiled by Cython.

Masks are almost all zero after filtering, and zeros mean repetition: under Sub of the last value, under Paeth of the
row above for as long as left and upper left are equal. So words and blocks of zeros are looked for first. Sizes are
checked before the first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy, memset

BLOCK = cython.declare(cython.Py_ssize_t, 32)
EACH = cython.declare(cython.ulonglong, 0x0101010101010101)
LOW = cython.declare(cython.ulonglong, 0x7F7F7F7F7F7F7F7F)
HIGH = cython.declare(cython.ulonglong, 0x8080808080808080)


def unfilter(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    step: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Write `height` rows of `width` bytes into `target`, behind one row of zeros, and return how many were written.

    `source` holds the rows as they are inflated, each behind the byte of its filter; `step` is the bytes of a pixel, at
    least 1. Stops before a row whose filter does not exist. Raises `ValueError` where the sizes do not fit.
    """
    rows: cython.Py_ssize_t
    if height < 1 or step < 1 or width < step:
        raise ValueError("there is no pixel")
    if source.shape[0] // height != width + 1 or source.shape[0] % height:
        raise ValueError("the source has another size than its rows")
    if target.shape[0] != source.shape[0] - height + width:
        raise ValueError("the target has another size than its rows")
    with cython.nogil:
        rows = _unfiltered(source, target, height, width, step)
    return rows


def spread(
    source: cython.const[cython.uchar][::1], target: cython.uchar[::1], width: cython.Py_ssize_t, depth: cython.int
) -> None:
    """Write each sample of `depth` bits (1, 2 or 4) of `source` into a byte of `target`, which has rows of `width`.

    Rows of `source` begin with a new byte. Raises `ValueError` where the sizes do not fit.
    """
    height: cython.Py_ssize_t
    packed: cython.Py_ssize_t
    if depth not in (1, 2, 4) or width < 1 or target.shape[0] % width:
        raise ValueError("there are no such samples")
    height = target.shape[0] // width
    packed = (width * depth + 7) // 8
    if source.shape[0] != height * packed:
        raise ValueError("the source has another size than its rows")
    with cython.nogil:
        _spread(source, target, height, width, packed, depth)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _spread(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    packed: cython.Py_ssize_t,
    depth: cython.int,
) -> cython.int:
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    bit: cython.Py_ssize_t
    most: cython.int = (1 << depth) - 1
    for row in range(height):
        for column in range(width):
            bit = column * depth
            target[row * width + column] = (source[row * packed + (bit >> 3)] >> (8 - depth - (bit & 7))) & most
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _unfiltered(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    step: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    row: cython.Py_ssize_t
    at: cython.Py_ssize_t
    to: cython.Py_ssize_t
    kind: cython.uchar
    memset(cython.address(target[0]), 0, width)
    for row in range(height):
        at = row * (width + 1) + 1
        to = (row + 1) * width
        kind = source[at - 1]
        if kind == 0:
            memcpy(cython.address(target[to]), cython.address(source[at]), width)
        elif kind == 1:
            _sub(source, target, at, to, width, step)
        elif kind == 2:
            _up(source, target, at, to, width)
        elif kind == 3:
            _average(source, target, at, to, width, step)
        elif kind == 4:
            _paeth(source, target, at, to, width, step)
        else:
            return row
    return height


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _sub(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    at: cython.Py_ssize_t,
    to: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    step: cython.Py_ssize_t,
) -> cython.int:
    """Add to each byte the one a pixel to the left."""
    i: cython.Py_ssize_t = step
    left: cython.uchar
    word: cython.ulonglong
    memcpy(cython.address(target[to]), cython.address(source[at]), step)
    if step == 1:
        left = target[to]
        while i + 8 <= width:
            if i + BLOCK <= width and _all_zero(source, at + i):
                memset(cython.address(target[to + i]), left, BLOCK)
                i += BLOCK
                continue
            # Sums of one, two and four bytes to the left: those of all eight after three steps (little-endian).
            word = _word(source, at + i)
            word = _added(word, word << 8)
            word = _added(word, word << 16)
            word = _added(_added(word, word << 32), left * EACH)
            memcpy(cython.address(target[to + i]), cython.address(word), 8)
            left = cython.cast(cython.uchar, word >> 56)
            i += 8
    while i < width:
        target[to + i] = cython.cast(cython.uchar, source[at + i] + target[to + i - step])
        i += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _up(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    at: cython.Py_ssize_t,
    to: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
) -> cython.int:
    """Add to each byte the one above; compilers take many bytes at a time."""
    i: cython.Py_ssize_t
    for i in range(width):
        target[to + i] = cython.cast(cython.uchar, source[at + i] + target[to - width + i])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _average(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    at: cython.Py_ssize_t,
    to: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    step: cython.Py_ssize_t,
) -> cython.int:
    """Add to each byte half the sum of the ones above and a pixel to the left, rounded down."""
    i: cython.Py_ssize_t
    left: cython.int
    for i in range(width):
        left = target[to + i - step] if i >= step else 0
        target[to + i] = cython.cast(cython.uchar, source[at + i] + ((left + target[to - width + i]) >> 1))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _paeth(
    source: cython.const[cython.uchar][::1],
    target: cython.uchar[::1],
    at: cython.Py_ssize_t,
    to: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    step: cython.Py_ssize_t,
) -> cython.int:
    """Add to each byte its neighbour nearest to left + above - upper left."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    up: cython.Py_ssize_t = to - width
    left: cython.uchar
    corner: cython.uchar
    above: cython.uchar
    for i in range(step):
        target[to + i] = cython.cast(cython.uchar, source[at + i] + target[up + i])
    i = step
    if step == 1:
        left = target[to]
        corner = target[up]
        while i + 8 <= width:
            # Where left and upper left are equal, what is above is nearest, and after it they are equal again.
            if left == corner and i + BLOCK <= width and _all_zero(source, at + i):
                memcpy(cython.address(target[to + i]), cython.address(target[up + i]), BLOCK)
                left = corner = target[up + i + BLOCK - 1]
                i += BLOCK
                continue
            if left == corner and _word(source, at + i) == 0:
                memcpy(cython.address(target[to + i]), cython.address(target[up + i]), 8)
                left = corner = target[up + i + 7]
            else:
                for k in range(i, i + 8):
                    above = target[up + k]
                    left = cython.cast(cython.uchar, source[at + k] + _nearest(left, above, corner))
                    corner = above
                    target[to + k] = left
            i += 8
    while i < width:
        target[to + i] = cython.cast(
            cython.uchar, source[at + i] + _nearest(target[to + i - step], target[up + i], target[up + i - step])
        )
        i += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _nearest(left: cython.int, above: cython.int, corner: cython.int) -> cython.int:
    """Return Paeth's predictor, written without a branch that noise would mispredict.

    With low <= high the two of left and above, left + above - corner is nearest to `high` where the corner is at most
    as far above `low` as (high - low) / 3, to `low` likewise, else to the corner: the order of ties is Paeth's own.
    """
    edge: cython.int = 3 * corner - above - left
    low: cython.int = left if left < above else above
    high: cython.int = above if left < above else left
    middle: cython.int = low if high <= edge else corner
    return high if edge <= low else middle


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
def _all_zero(source: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.bint:
    """Tell whether the `BLOCK` bytes from `at` on are zero."""
    return _word(source, at) | _word(source, at + 8) | _word(source, at + 16) | _word(source, at + 24) == 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _added(first: cython.ulonglong, second: cython.ulonglong) -> cython.ulonglong:
    """Add eight bytes to eight bytes, each modulo 256."""
    return ((first & LOW) + (second & LOW)) ^ ((first ^ second) & HIGH)
