# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find how near each border element is to the nearest of its own class on the other side, compiled by Cython.

What is near an element is near the element beside it, and where nothing is far around one, nothing is around the next:
by that most are settled. Others look row by row, the nearest rows first, through those few that stand near their own
column. Sizes are checked before the first byte is touched; nothing is allocated, and the interpreter's lock is
released.
"""

import cython

PART = cython.declare(cython.Py_ssize_t, 5)
"""Columns that share an entry in the index of a row, as a power of two."""


BEYOND = cython.declare(cython.Py_ssize_t, 8)
"""Pixels that are searched beyond the largest distance, so that elements beside know of nothing near them."""


def index_size(height: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the entries of the index that `match` works with."""
    return height * (((width - 1) >> PART) + 1) + 1


def match(
    source: cython.const[cython.int][::1],
    source_classes: cython.const[cython.uchar][::1],
    target: cython.const[cython.int][::1],
    target_classes: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    squares: cython.const[cython.longlong][::1],
    index: cython.int[::1],
    known: cython.int[:, ::1],
    counts: cython.longlong[:, ::1],
) -> None:
    """Count elements of `source` by class and by the first of the ascending `squares` that reaches their like.

    Elements are flat places in the image, ascending, and the class of each. Squares are of distances in pixels, from 0;
    the last column of `counts` is of elements farther away than all of them. `index`, of `index_size`, and
    `known`, two rows for the elements of `source`, are written. Raises `ValueError` where the sizes do not fit.
    """
    i: cython.Py_ssize_t
    if source.shape[0] != source_classes.shape[0] or target.shape[0] != target_classes.shape[0]:
        raise ValueError("an element has no class")
    if not squares.shape[0] or squares[0] < 0 or counts.shape[1] != squares.shape[0] + 1:
        raise ValueError("there is no room for the counts")
    if height < 1 or width < 1 or index.shape[0] != index_size(height, width):
        raise ValueError("the index has another size than the image")
    if known.shape[0] != 2 or known.shape[1] != source.shape[0]:
        raise ValueError("there is no room for what is known")
    for i in range(target.shape[0]):
        if not 0 <= target[i] < height * width or (i and target[i] < target[i - 1]):
            raise ValueError("places do not ascend within the image")
    for i in range(source.shape[0]):
        if not 0 <= source[i] < height * width or source_classes[i] >= counts.shape[0]:
            raise ValueError("an element is not in the image")
    with cython.nogil:
        _indexed(target, width, index)
        _match(source, source_classes, target, target_classes, height, width, squares, index, known, counts)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _indexed(target: cython.const[cython.int][::1], width: cython.Py_ssize_t, index: cython.int[::1]) -> cython.int:
    """Write for each part of each row how many elements come before it."""
    parts: cython.Py_ssize_t = ((width - 1) >> PART) + 1
    i: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    written: cython.Py_ssize_t = 0
    for i in range(target.shape[0]):
        entry = (target[i] // width) * parts + ((target[i] % width) >> PART)
        while written <= entry:
            index[written] = i
            written += 1
    while written < index.shape[0]:
        index[written] = target.shape[0]
        written += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _match(
    source: cython.const[cython.int][::1],
    source_classes: cython.const[cython.uchar][::1],
    target: cython.const[cython.int][::1],
    target_classes: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    squares: cython.const[cython.longlong][::1],
    index: cython.int[::1],
    known: cython.int[:, ::1],
    counts: cython.longlong[:, ::1],
) -> cython.int:
    most: cython.longlong = _square(_root(squares[squares.shape[0] - 1], height + width) + 1 + BEYOND)
    reach: cython.Py_ssize_t = _root(most, height + width)
    i: cython.Py_ssize_t
    above: cython.Py_ssize_t = 0
    best: cython.longlong
    for i in range(source.shape[0]):
        while source[above] < source[i] - width - 1:
            above += 1
        _guess(source, source_classes, width, i, above, known)
        best = max(most, squares[squares.shape[0] - 1]) + 1
        if known[0, i] >= 0:
            best = min(best, _apart(source[i], known[0, i], width))
        if _place(squares, best) != _place(squares, _square(known[1, i])):
            best = _nearest(
                target,
                target_classes,
                height,
                width,
                source[i],
                source_classes[i],
                squares,
                best,
                reach,
                index,
                known,
                i,
            )
        counts[source_classes[i], _place(squares, best)] += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _square(number: cython.longlong) -> cython.longlong:
    return number * number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _root(square: cython.longlong, highest: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return the whole part of a root, and at most `highest`."""
    root: cython.Py_ssize_t = 0
    while (root + 1) * (root + 1) <= square and root < highest:
        root += 1
    return root


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _apart(first: cython.Py_ssize_t, second: cython.Py_ssize_t, width: cython.Py_ssize_t) -> cython.longlong:
    """Return the squared distance of two places."""
    return _square(first // width - second // width) + _square(first % width - second % width)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _place(squares: cython.const[cython.longlong][::1], square: cython.longlong) -> cython.Py_ssize_t:
    place: cython.Py_ssize_t = 0
    while place < squares.shape[0] and squares[place] < square:
        place += 1
    return place


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _guess(
    source: cython.const[cython.int][::1],
    classes: cython.const[cython.uchar][::1],
    width: cython.Py_ssize_t,
    i: cython.Py_ssize_t,
    above: cython.Py_ssize_t,
    known: cython.int[:, ::1],
) -> cython.void:
    """Take from elements beside this one what is near it, and how far away everything is at least.

    A step is at most the root of 2 long, so that what is `d` away from one is at least `d` - 2 from the next, in whole
    pixels; straight steps are 1.
    """
    k: cython.Py_ssize_t
    least: cython.int
    best: cython.longlong = -1
    square: cython.longlong
    known[0, i] = -1
    known[1, i] = 0
    for k in range(above, i):
        if source[k] > source[i] - width + 1:
            break
        if classes[k] == classes[i] and -1 <= source[k] % width - source[i] % width <= 1:
            least = known[1, k] - (1 if source[k] == source[i] - width else 2)
            known[1, i] = max(known[1, i], least)
            if known[0, k] >= 0:
                square = _apart(source[i], known[0, k], width)
                if best < 0 or square < best:
                    best = square
                    known[0, i] = known[0, k]
    k = i - 1
    while k >= 0 and source[k] >= source[i] - 1:
        if classes[k] == classes[i] and source[i] % width > 0:
            known[1, i] = max(known[1, i], known[1, k] - 1)
            if known[0, k] >= 0:
                square = _apart(source[i], known[0, k], width)
                if best < 0 or square < best:
                    best = square
                    known[0, i] = known[0, k]
        k -= 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _least_that_matters(
    squares: cython.const[cython.longlong][::1], best: cython.longlong, reach: cython.Py_ssize_t
) -> cython.longlong:
    """Return the greatest square that is counted elsewhere than `best`, or -1.

    Where nothing is near, farther ones matter too: that nothing is there is what the next elements can use.
    """
    place: cython.Py_ssize_t = _place(squares, best)
    if place == squares.shape[0]:
        return max(squares[place - 1], min(_square(reach), best - 1))
    return squares[place - 1] if place else -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nearest(
    target: cython.const[cython.int][::1],
    target_classes: cython.const[cython.uchar][::1],
    height: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    place: cython.Py_ssize_t,
    code: cython.uchar,
    squares: cython.const[cython.longlong][::1],
    best: cython.longlong,
    reach: cython.Py_ssize_t,
    index: cython.int[::1],
    known: cython.int[:, ::1],
    element: cython.Py_ssize_t,
) -> cython.longlong:
    """Return a squared distance among `squares` that no element of the class betters, and note what is known.

    `best` is one that is known, and `reach` how far to look for others.
    """
    parts: cython.Py_ssize_t = ((width - 1) >> PART) + 1
    y: cython.Py_ssize_t = place // width
    x: cython.Py_ssize_t = place % width
    down: cython.Py_ssize_t = 0
    side: cython.Py_ssize_t
    row: cython.Py_ssize_t
    here: cython.Py_ssize_t
    i: cython.Py_ssize_t
    end: cython.Py_ssize_t
    away: cython.Py_ssize_t
    least: cython.longlong = _least_that_matters(squares, best, reach)
    while down < height and down * down <= least:
        while reach > 0 and reach * reach + down * down >= best:
            reach -= 1
        for side in range(2 if down else 1):
            row = y - down if side else y + down
            if row < 0 or row >= height:
                continue
            here = row * width + x
            # Elements of this row from `reach` before the column to `reach` behind it.
            i = index[row * parts + (max(x - reach, 0) >> PART)]
            end = index[row * parts + (min(x + reach, width - 1) >> PART) + 1]
            while i < end and target[i] < here - reach:
                i += 1
            while i < end and target[i] <= here + reach:
                if target_classes[i] == code:
                    away = target[i] - here if target[i] > here else here - target[i]
                    if away * away + down * down < best:
                        best = away * away + down * down
                        least = _least_that_matters(squares, best, reach)
                        known[0, element] = target[i]
                    if target[i] >= here:
                        break
                i += 1
        down += 1
    known[1, element] = min(_root(best, height + width), down)
    return best
