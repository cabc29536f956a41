# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Draw the borders of all regions, compiled by Cython: many pixels at a time into an image, then as lists.

Sizes are checked before the first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memcpy

WORD = cython.declare(cython.Py_ssize_t, 8)


def draw_inner(
    codes: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    plane: cython.uchar[::1],
    spare: cython.uchar[::1],
    lost: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Write the codes of pixels that touch another region or the image's edge on one of four sides; return how many.

    Code 0 is no region, and `stray` one without border. To `lost`, by code, pixels are added that touch code 0
    alone; `spare` has 8 bytes more than a row. Raises `ValueError` where the sizes do not fit.
    """
    i: cython.Py_ssize_t
    highest: cython.uchar = 0
    if height < 1 or width < 1 or codes.shape[0] != height * width or plane.shape[0] != height * width:
        raise ValueError("there is no pixel")
    with cython.nogil:
        for i in range(height * width):
            highest = codes[i] if codes[i] > highest else highest
    if highest >= lost.shape[0] or spare.shape[0] != width + WORD:
        raise ValueError("there is no room for the counts")
    with cython.nogil:
        _draw_inner(
            cython.address(codes[0]), height, width, stray, cython.address(plane[0]), cython.address(spare[0]), lost
        )
        i = _set(cython.address(plane[0]), height * width)
    return i


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _draw_inner(
    codes: cython.pointer(cython.const[cython.uchar]),
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    plane: cython.p_uchar,
    spare: cython.p_uchar,
    lost: cython.longlong[::1],
) -> cython.int:
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    here: cython.pointer(cython.const[cython.uchar])
    above: cython.pointer(cython.const[cython.uchar])
    below: cython.pointer(cython.const[cython.uchar])
    k: cython.Py_ssize_t
    word: cython.ulonglong = 0
    row: cython.p_uchar
    void: cython.uchar
    for y in range(height):
        here = codes + y * width
        above = here - width if y > 0 else here
        below = here + width if y < height - 1 else here
        row = plane + y * width
        void = _touching(above, here, below, row, width, stray)
        if y == 0 or y == height - 1:
            for x in range(width):
                row[x] = 0 if here[x] == stray else here[x]
        row[0] = 0 if here[0] == stray else here[0]
        row[width - 1] = 0 if here[width - 1] == stray else here[width - 1]
        if void:
            _lost(above, here, below, row, width, stray, spare)
            x = 0
            while x < width:
                memcpy(cython.address(word), spare + x, 8)
                if word:
                    for k in range(x, x + WORD):
                        if spare[k]:
                            lost[here[k]] += 1
                x += WORD
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _lost(
    above: cython.pointer(cython.const[cython.uchar]),
    here: cython.pointer(cython.const[cython.uchar]),
    below: cython.pointer(cython.const[cython.uchar]),
    row: cython.p_uchar,
    width: cython.Py_ssize_t,
    stray: cython.uchar,
    spare: cython.p_uchar,
) -> cython.void:
    """Write 1 where code 0 alone is beside a pixel: without border in `row` it has four neighbours, or is stray."""
    x: cython.Py_ssize_t
    lost: cython.uchar
    for x in range(width + WORD):
        spare[x] = 0
    for x in range(1, width - 1):
        lost = (above[x] == 0) | (below[x] == 0) | (here[x - 1] == 0) | (here[x + 1] == 0)
        spare[x] = lost & (row[x] == 0) & (here[x] != 0) & (here[x] != stray)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _touching(
    above: cython.pointer(cython.const[cython.uchar]),
    here: cython.pointer(cython.const[cython.uchar]),
    below: cython.pointer(cython.const[cython.uchar]),
    row: cython.p_uchar,
    width: cython.Py_ssize_t,
    stray: cython.uchar,
) -> cython.uchar:
    """Write the border pixels between the outer columns; tell whether the three rows hold code 0."""
    x: cython.Py_ssize_t
    code: cython.uchar
    differs: cython.uchar
    void: cython.uchar = 0
    for x in range(width):
        void |= (above[x] == 0) | (here[x] == 0) | (below[x] == 0)
    for x in range(1, width - 1):
        code = here[x]
        differs = (above[x] != code) & (above[x] != 0)
        differs |= (below[x] != code) & (below[x] != 0)
        differs |= (here[x - 1] != code) & (here[x - 1] != 0)
        differs |= (here[x + 1] != code) & (here[x + 1] != 0)
        row[x] = code if differs & (code != stray) else 0
    return void


def draw_corners(
    codes: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    plane: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """Write 1 where a pixel differs from its right, lower or lower right neighbour, else 0; return how many differ.

    Raises `ValueError` where the sizes do not fit.
    """
    size: cython.Py_ssize_t = height * width
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    here: cython.pointer(cython.const[cython.uchar])
    below: cython.pointer(cython.const[cython.uchar])
    row: cython.p_uchar
    if height < 1 or width < 1 or codes.shape[0] != size or plane.shape[0] != size:
        raise ValueError("there is no pixel")
    with cython.nogil:
        for y in range(height):
            here = cython.address(codes[y * width])
            below = here + width if y < height - 1 else here
            row = cython.address(plane[y * width])
            for x in range(width - 1):
                row[x] = (here[x] != here[x + 1]) | (here[x] != below[x]) | (here[x] != below[x + 1])
            row[width - 1] = here[width - 1] != below[width - 1]
        x = _set(cython.address(plane[0]), size)
    return x


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _set(plane: cython.p_uchar, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return how many bytes are not 0."""
    i: cython.Py_ssize_t
    found: cython.Py_ssize_t = 0
    for i in range(size):
        found += plane[i] != 0
    return found


def list_inner(plane: cython.const[cython.uchar][::1], places: cython.int[::1], classes: cython.uchar[::1]) -> None:
    """List where `plane` is not 0, ascending, and what it is there; `ValueError` where there is too little room."""
    i: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    found: cython.Py_ssize_t = 0
    word: cython.ulonglong = 0
    if places.shape[0] != classes.shape[0]:
        raise ValueError("there is no room for the border")
    while i < plane.shape[0]:
        word = 1
        if i + WORD <= plane.shape[0]:
            memcpy(cython.address(word), cython.address(plane[i]), 8)
        if word:
            for k in range(i, min(i + WORD, plane.shape[0])):
                if plane[k]:
                    if found >= places.shape[0]:
                        raise ValueError("there is no room for the border")
                    places[found] = k
                    classes[found] = plane[k]
                    found += 1
        i += WORD


def list_corners(
    codes: cython.const[cython.uchar][::1],
    plane: cython.const[cython.uchar][::1],
    width: cython.Py_ssize_t,
    stray: cython.int,
    places: cython.int[::1],
    classes: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """List the classes of the four pixels at every place of `plane`, each class of a place once; return how many.

    Code 0 and `stray` are a region without a class. `places` ascend. Raises `ValueError` where there is too little
    room; four for every place are enough.
    """
    size: cython.Py_ssize_t = codes.shape[0]
    i: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    found: cython.Py_ssize_t = 0
    word: cython.ulonglong = 0
    if width < 1 or size % width or plane.shape[0] != size or places.shape[0] != classes.shape[0]:
        raise ValueError("there is no room for the border")
    while i < size:
        word = 1
        if i + WORD <= size:
            memcpy(cython.address(word), cython.address(plane[i]), 8)
        if word:
            for k in range(i, min(i + WORD, size)):
                if plane[k]:
                    if found + 4 > places.shape[0]:
                        raise ValueError("there is no room for the border")
                    found += _classes(codes, k, width, stray, places, classes, found)
        i += WORD
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _classes(
    codes: cython.const[cython.uchar][::1],
    place: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    places: cython.int[::1],
    classes: cython.uchar[::1],
    start: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """List the distinct classes of a place; return how many."""
    right: cython.Py_ssize_t = 1 if place % width < width - 1 else 0
    below: cython.Py_ssize_t = width if place + width < codes.shape[0] else 0
    corner: cython.Py_ssize_t
    k: cython.Py_ssize_t
    end: cython.Py_ssize_t = start
    code: cython.uchar
    new: cython.int
    unlike: cython.int = 0
    first: cython.uchar = 0 if codes[place] == stray else codes[place]
    for corner in range(4):
        code = codes[place + (right if corner & 1 else 0) + (below if corner & 2 else 0)]
        if code == stray:
            code = 0
        unlike |= code != first
        new = code != 0
        for k in range(start, end):
            new &= classes[k] != code
        if new:
            places[end] = place
            classes[end] = code
            end += 1
    return end - start if unlike else 0
