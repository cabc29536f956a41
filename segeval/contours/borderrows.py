# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Draw the borders of every class into a plane of bits of its own, from runs, compiled by Cython.

A plane covers the box of its class, and its rows start at a whole word of 64 pixels: of code k it has the rows from
`planes[k, 0]` to before `planes[k, 1]`, its first word is `planes[k, 2]` in the image, each row has `planes[k, 3]`
words, and the first lies at `planes[k, 4]`. Sizes are checked before the first byte is touched; nothing is allocated,
and the interpreter's lock is released.
"""

import cython
from cython.cimports.libc.string import memset
from cython.cimports.segeval.contours.bits import clear, fill, highest_code, ones


def lay_out(
    gt_starts: cython.const[cython.int][::1],
    gt_codes: cython.const[cython.uchar][::1],
    gt_rows: cython.const[cython.int][::1],
    pred_starts: cython.const[cython.int][::1],
    pred_codes: cython.const[cython.uchar][::1],
    pred_rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    planes: cython.longlong[:, ::1],
) -> cython.Py_ssize_t:
    """Write the `planes`, (codes, 5), that hold every run of both sides and one pixel more up and left.

    Return the words that all of them take. Code 0 has none, and runs are as `runrows.find` writes them. Raises
    `ValueError` where the sizes do not fit.
    """
    code: cython.Py_ssize_t
    size: cython.Py_ssize_t = 0
    highest: cython.int
    if gt_rows.shape[0] < 2 or gt_rows.shape[0] != pred_rows.shape[0] or width < 1 or planes.shape[1] != 5:
        raise ValueError("there is no pixel")
    with cython.nogil:
        highest = max(
            highest_code(gt_starts, gt_codes, gt_rows, width), highest_code(pred_starts, pred_codes, pred_rows, width)
        )
    if highest == 256 or highest >= planes.shape[0]:
        raise ValueError("the runs do not fit the image, or a code has no plane")
    with cython.nogil:
        for code in range(planes.shape[0]):
            planes[code, 0], planes[code, 1], planes[code, 2], planes[code, 3] = gt_rows.shape[0], 0, width, 0
        _widen(gt_starts, gt_codes, gt_rows, planes)
        _widen(pred_starts, pred_codes, pred_rows, planes)
        for code in range(planes.shape[0]):
            planes[code, 4] = size
            if code == 0 or planes[code, 1] == 0:
                planes[code, 0] = planes[code, 1] = planes[code, 2] = planes[code, 3] = 0
                continue
            planes[code, 0] = planes[code, 0] - 1 if planes[code, 0] > 0 else 0
            planes[code, 2] = (planes[code, 2] - 1) >> 6 if planes[code, 2] > 0 else 0
            planes[code, 3] = ((planes[code, 3] - 1) >> 6) + 1 - planes[code, 2]
            size += (planes[code, 1] - planes[code, 0]) * planes[code, 3]
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _widen(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    boxes: cython.longlong[:, ::1],
) -> cython.void:
    """Let the boxes hold every run: first row and the one after the last, first column and the one after the last."""
    y: cython.Py_ssize_t
    i: cython.Py_ssize_t
    for y in range(rows.shape[0] - 1):
        for i in range(rows[y], rows[y + 1] - 1):
            boxes[codes[i], 0] = min(boxes[codes[i], 0], y)
            boxes[codes[i], 1] = max(boxes[codes[i], 1], y + 1)
            boxes[codes[i], 2] = min(boxes[codes[i], 2], starts[i])
            boxes[codes[i], 3] = max(boxes[codes[i], 3], starts[i + 1])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fits(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    planes: cython.const[cython.longlong][:, ::1],
    size: cython.Py_ssize_t,
) -> cython.bint:
    """Tell whether every run lies in the plane of its class, and every plane among `size` words."""
    y: cython.Py_ssize_t
    i: cython.Py_ssize_t
    code: cython.uchar
    for y in range(planes.shape[0]):
        if planes[y, 0] < 0 or planes[y, 1] < planes[y, 0] or planes[y, 2] < 0 or planes[y, 3] < 0 or planes[y, 4] < 0:
            return False
        if planes[y, 4] > size or (planes[y, 1] - planes[y, 0]) * planes[y, 3] > size - planes[y, 4]:
            return False
    for y in range(rows.shape[0] - 1):
        for i in range(rows[y], rows[y + 1] - 1):
            code = codes[i]
            if code and not (
                planes[code, 0] <= max(y - 1, 0)
                and y < planes[code, 1]
                and 64 * planes[code, 2] <= max(starts[i] - 1, 0)
                and starts[i + 1] <= 64 * (planes[code, 2] + planes[code, 3])
            ):
                return False
    return True


def draw_inner(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    stray: cython.int,
    planes: cython.const[cython.longlong][:, ::1],
    drawn: cython.ulonglong[::1],
    spare: cython.ulonglong[::1],
    lost: cython.longlong[::1],
) -> None:
    """Set in `drawn` the pixels that touch another region or the image's edge on one of four sides, and no others.

    Code 0 is no region, and `stray` one without border. To `lost`, by code, pixels are added that touch code 0
    alone, unless it is empty; `spare` has a word for 64 pixels of a row. Raises `ValueError` where the sizes do not
    fit.
    """
    words: cython.Py_ssize_t = ((width - 1) >> 6) + 1
    y: cython.Py_ssize_t
    _require(starts, codes, rows, width, planes, drawn.shape[0])
    if spare.shape[0] != words or (lost.shape[0] and lost.shape[0] != planes.shape[0]):
        raise ValueError("there is no room for the counts")
    with cython.nogil:
        memset(cython.address(spare[0]), 0, 8 * words)
        memset(cython.address(drawn[0]), 0, 8 * drawn.shape[0])
        for y in range(rows.shape[0] - 1):
            _inner_row(starts, codes, rows, y, width, stray, planes, cython.address(drawn[0]))
            if lost.shape[0]:
                _lost_row(
                    starts,
                    codes,
                    rows,
                    y,
                    width,
                    stray,
                    planes,
                    cython.address(drawn[0]),
                    cython.address(spare[0]),
                    lost,
                )


@cython.cfunc
def _require(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    planes: cython.const[cython.longlong][:, ::1],
    size: cython.Py_ssize_t,
):
    """Raise `ValueError` where runs are none, or do not lie in their planes."""
    if rows.shape[0] < 2 or width < 1 or planes.shape[1] != 5 or size < 1:
        raise ValueError("there is no pixel")
    if highest_code(starts, codes, rows, width) >= min(planes.shape[0], 256):
        raise ValueError("the runs do not fit the image, or a code has no plane")
    if not _fits(starts, codes, rows, width, planes, size):
        raise ValueError("there is no room for the border of a class")


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _row(
    planes: cython.const[cython.longlong][:, ::1], drawn: cython.p_ulonglong, code: cython.uchar, y: cython.Py_ssize_t
) -> cython.p_ulonglong:
    """Return where column 0 would lie in a row of a plane."""
    return drawn + planes[code, 4] + (y - planes[code, 0]) * planes[code, 3] - planes[code, 2]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _inner_row(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    y: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    planes: cython.const[cython.longlong][:, ::1],
    drawn: cython.p_ulonglong,
) -> cython.void:
    edge: cython.bint = y == 0 or y == rows.shape[0] - 2
    above: cython.Py_ssize_t = 0 if edge else rows[y - 1]
    below: cython.Py_ssize_t = 0 if edge else rows[y + 1]
    i: cython.Py_ssize_t
    row: cython.p_ulonglong
    for i in range(rows[y], rows[y + 1] - 1):
        if codes[i] == 0 or codes[i] == stray:
            continue
        row = _row(planes, drawn, codes[i], y)
        if edge:
            fill(row, starts[i], starts[i + 1], width)
            continue
        if starts[i] == 0 or codes[i - 1]:
            fill(row, starts[i], starts[i] + 1, width)
        if starts[i + 1] == width or codes[i + 1]:
            fill(row, starts[i + 1] - 1, starts[i + 1], width)
        above = _unlike(starts, codes, above, i, width, False, row)
        below = _unlike(starts, codes, below, i, width, False, row)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _unlike(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    other: cython.Py_ssize_t,
    i: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    void: cython.bint,
    row: cython.p_ulonglong,
) -> cython.Py_ssize_t:
    """Set where a run lies beside runs of other regions, or of `void`; return the last of them, from `other` on."""
    while starts[other + 1] <= starts[i]:
        other += 1
    while True:
        if (codes[other] == 0) if void else (codes[other] != codes[i] and codes[other] != 0):
            fill(row, max(starts[other], starts[i]), min(starts[other + 1], starts[i + 1]), width)
        if starts[other + 1] >= starts[i + 1]:
            return other
        other += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _lost_row(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    y: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    planes: cython.const[cython.longlong][:, ::1],
    drawn: cython.p_ulonglong,
    spare: cython.p_ulonglong,
    lost: cython.longlong[::1],
) -> cython.void:
    """Count the pixels of a row that touch code 0 and are no border: at the image's edge all are."""
    above: cython.Py_ssize_t
    below: cython.Py_ssize_t
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    row: cython.p_ulonglong
    void: cython.bint = False
    if y == 0 or y == rows.shape[0] - 2:
        return
    for i in range(rows[y - 1], rows[y + 2] - 1):
        void |= codes[i] == 0 and starts[i] < width
    if not void:
        return
    above = rows[y - 1]
    below = rows[y + 1]
    for i in range(rows[y], rows[y + 1] - 1):
        if codes[i] == 0 or codes[i] == stray:
            continue
        if starts[i] > 0 and codes[i - 1] == 0:
            fill(spare, starts[i], starts[i] + 1, width)
        if starts[i + 1] < width and codes[i + 1] == 0:
            fill(spare, starts[i + 1] - 1, starts[i + 1], width)
        above = _unlike(starts, codes, above, i, width, True, spare)
        below = _unlike(starts, codes, below, i, width, True, spare)
        row = _row(planes, drawn, codes[i], y)
        for k in range(starts[i] >> 6, ((starts[i + 1] - 1) >> 6) + 1):
            lost[codes[i]] += ones(spare[k] & ~row[k])
            spare[k] = 0


def draw_corners(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    width: cython.Py_ssize_t,
    stray: cython.int,
    planes: cython.const[cython.longlong][:, ::1],
    drawn: cython.ulonglong[::1],
) -> None:
    """Set in `drawn` the border as DAVIS draws it: places at which some of four pixels are of a class, and some not.

    Those are the pixel itself and its right, lower and lower right neighbours within the image. Code 0 and `stray` are
    a region without a class. Raises `ValueError` where the sizes do not fit.
    """
    y: cython.Py_ssize_t
    below: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    _require(starts, codes, rows, width, planes, drawn.shape[0])
    with cython.nogil:
        memset(cython.address(drawn[0]), 0, 8 * drawn.shape[0])
        for y in range(rows.shape[0] - 1):
            below = y + 1 if y < rows.shape[0] - 2 else y
            _corner_row(starts, codes, rows, y, y, width, stray, planes, cython.address(drawn[0]))
            _corner_row(starts, codes, rows, below, y, width, stray, planes, cython.address(drawn[0]))
            i = rows[y]
            j = rows[below]
            while starts[i] < width:
                if codes[i] == codes[j] and codes[i] and codes[i] != stray:
                    clear(
                        _row(planes, cython.address(drawn[0]), codes[i], y),
                        max(starts[i], starts[j]),
                        min(starts[i + 1] - (starts[i + 1] < width), starts[j + 1] - (starts[j + 1] < width)),
                    )
                if starts[i + 1] < starts[j + 1]:
                    i += 1
                else:
                    i += starts[i + 1] == starts[j + 1]
                    j += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _corner_row(
    starts: cython.const[cython.int][::1],
    codes: cython.const[cython.uchar][::1],
    rows: cython.const[cython.int][::1],
    of: cython.Py_ssize_t,
    y: cython.Py_ssize_t,
    width: cython.Py_ssize_t,
    stray: cython.int,
    planes: cython.const[cython.longlong][:, ::1],
    drawn: cython.p_ulonglong,
) -> cython.void:
    """Set in row `y` all places of which one pixel lies in a run of row `of`."""
    i: cython.Py_ssize_t
    for i in range(rows[of], rows[of + 1] - 1):
        if codes[i] and codes[i] != stray:
            fill(_row(planes, drawn, codes[i], y), starts[i] - 1, starts[i + 1], width)
