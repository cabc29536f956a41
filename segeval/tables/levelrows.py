# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Find the highest of several planes of levels at each pixel, and count how high it is, compiled by Cython.

Sizes are checked before the first byte is touched; nothing is allocated, and the interpreter's lock is released.
"""

import cython

PART = cython.declare(cython.Py_ssize_t, 4096)
"""Pixels of all arrays that stay in the cache together."""
TABLE = cython.declare(cython.Py_ssize_t, 512)


def fold_levels(
    levels: cython.const[cython.uchar][::1],
    place: cython.uchar,
    best: cython.uchar[::1],
    places: cython.uchar[::1],
    sums: cython.ushort[::1],
) -> None:
    """Fold one more plane in: where it is higher than `best`, write its level there and `place` into `places`.

    Its levels are added to `sums`, modulo 65536. Raises `ValueError` where the sizes do not fit.
    """
    size: cython.Py_ssize_t = levels.shape[0]
    if size < 1 or not size == best.shape[0] == places.shape[0] == sums.shape[0]:
        raise ValueError("the planes have different sizes")
    with cython.nogil:
        _fold(
            cython.address(levels[0]),
            place,
            cython.address(best[0]),
            cython.address(places[0]),
            cython.address(sums[0]),
            size,
        )


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _fold(
    levels: cython.pointer(cython.const[cython.uchar]),
    place: cython.uchar,
    best: cython.pointer(cython.uchar),
    places: cython.pointer(cython.uchar),
    sums: cython.pointer(cython.ushort),
    size: cython.Py_ssize_t,
) -> cython.int:
    start: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    i: cython.Py_ssize_t
    while start < size:
        end = start + PART if start + PART < size else size
        # One array after another and without branches, so that compilers take many pixels at a time.
        for i in range(start, end):
            sums[i] += levels[i]
        for i in range(start, end):
            places[i] = place if levels[i] > best[i] else places[i]
        for i in range(start, end):
            best[i] = levels[i] if levels[i] > best[i] else best[i]
        start = end
    return 0


def count_levels_of_winners(
    gt: cython.const[cython.uchar][::1],
    places: cython.const[cython.uchar][::1],
    best: cython.const[cython.uchar][::1],
    truth: cython.const[cython.uchar][::1],
    predicted: cython.const[cython.uchar][::1],
    counts: cython.longlong[::1],
) -> None:
    """Add to `counts` how often each level of `best` occurs: where the winner is wrong, where it is right.

    `truth` and `predicted`, of 256 bytes, are the classes of ground-truth values and places; pixels whose truth is 255
    do not count. `counts`, (4, 2, 256) laid flat, are four tables, the sum of which is the result. Raises `ValueError`
    where the sizes do not fit.
    """
    size: cython.Py_ssize_t = gt.shape[0]
    if not size == places.shape[0] == best.shape[0]:
        raise ValueError("the planes have different sizes")
    if not 256 == truth.shape[0] == predicted.shape[0] or counts.shape[0] != 4 * TABLE:
        raise ValueError("the tables have another size than bytes")
    with cython.nogil:
        _count(gt, places, best, truth, predicted, counts)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _count(
    gt: cython.const[cython.uchar][::1],
    places: cython.const[cython.uchar][::1],
    best: cython.const[cython.uchar][::1],
    truth: cython.const[cython.uchar][::1],
    predicted: cython.const[cython.uchar][::1],
    counts: cython.longlong[::1],
) -> cython.int:
    i: cython.Py_ssize_t
    right: cython.Py_ssize_t
    for i in range(gt.shape[0]):
        if truth[gt[i]] != 255:
            right = 256 if truth[gt[i]] == predicted[places[i]] else 0
            # Four tables in turn: most pixels have one level, and no addition waits for the one before it.
            counts[(i & 3) * TABLE + right + best[i]] += 1
    return 0
