"""Rows of label masks read by the block, as segeval writes them: checked column by column, without an object a row.

A block that holds anything else than such rows, or anything that may be damage, is left to the reader of single lines
(`segeval.runs.rows`), which says what is wrong and where: what is read here is read there to the same rows.
"""

from __future__ import annotations

import json
import re

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import RowColumns, narrowed
from segeval.runs.numbertext import Bytes, as_bytes, numbers_in, pieces
from segeval.runs.rows import LONGEST_KEY, MOST_PIXELS
from segeval.runs.run import ascending_keys
from segeval.runs.values import MOST_BRACKETS
from segeval.tables.counts import Int64Array, StackedTables

_PRINTED = bytes(range(0x20, 0x80))
_DIGITS = b"0123456789"
_DIGESTS = re.compile(rb"(?:blake2b:[0-9a-f]{32})*+")
INEXACT, AFTER_INEXACT = b',"inexact":[', b"]}\n"
"""What stands around the two numbers that some rows have at their end."""
DIGEST_BYTES = 40
BETWEEN = ((1, b"key"), (2, b":"), (4, b","), (5, b"size"), (7, b"gt"), (8, b":"), (10, b","), (11, b"counts"))
"""What stands between the quotes of a row, by its place; rows have `PARTS`."""
KEY, SIZE, DIGEST, COUNTS, PARTS = 3, 6, 9, 12, 12
_BACKSLASH, _QUOTE = b"\x00", b"\x01"
"""Stand for the two escapes in which a quote could end a text or not; no block has them."""
_TWO, _THREE = b"2", b"3"
"""Stand for the size of an image, and for that of a volume."""
_NULL = str(NO_PREDICTION).encode()
_OUT_OF_RANGE = _NULL.lstrip(b"-")
IN_LIST, IN_PRED, IN_PIXELS, IN_GROUP, IN_ROW = 1, 2, 3, 4, 9
"""Kinds of numbers in tables, by how many characters stand before them: the next of a list, the first of the
predictions, the first of the pixels, and the ground truth of a group in the same row, or in the next."""
BEFORE = {IN_LIST: b",", IN_PRED: b",[", IN_PIXELS: b"],[", IN_GROUP: b"]],[", IN_ROW: b"]]]}\n{:[["}


def plain_rows(block: bytes) -> RowColumns | None:
    """Read whole lines of rows; `None` where they are anything else than rows of label masks as segeval writes them."""
    if block.translate(None, _PRINTED).strip(b"\n") or _OUT_OF_RANGE in block:
        return None
    escaped = b"\\" in block
    if escaped:
        block = block.replace(b"\\\\", _BACKSLASH).replace(b'\\"', _QUOTE)
    inexact = np.zeros((block.count(b"\n"), 2), np.int64)
    if INEXACT in block:
        taken = _without_inexact(block, inexact)
        if taken is None:
            return None
        block = taken
    parts = block.split(b'"')
    rows, rest = divmod(len(parts) - 1, PARTS)
    if rest or not rows or len(inexact) != rows or parts[0] != b"{":
        return None
    if any(parts[place::PARTS].count(text) != rows for place, text in BETWEEN):
        return None
    keys = _keys(parts[KEY::PARTS], escaped=escaped)
    sizes = _sizes(b"".join(parts[SIZE::PARTS]), rows)
    digests = b"".join(parts[DIGEST::PARTS])
    if keys is None or sizes is None or set(map(len, parts[DIGEST::PARTS])) != {DIGEST_BYTES}:
        return None
    if _DIGESTS.fullmatch(digests) is None:
        return None
    pixels = sizes.prod(axis=1)
    tables = _tables(b"".join(parts[COUNTS::PARTS]), pixels)
    if tables is None or (inexact > pixels[:, None]).any():
        return None
    text = digests.decode("ascii")
    each = tuple(text[start : start + DIGEST_BYTES] for start in range(0, len(text), DIGEST_BYTES))
    return RowColumns(tuple(keys), sizes, each, tables, inexact)


def _without_inexact(block: bytes, inexact: Int64Array) -> bytes | None:
    """Take from rows the pixels of inexact colours, which are written to `inexact`, shape (rows, 2)."""
    kept, *others = block.split(INEXACT)
    left, texts, places = [kept], [], []
    place = kept.count(b"\n")
    for other in others:
        if not left[-1].endswith(b"]]]"):  # the end of a table, which stands in no text
            return None
        text, _, behind = other.partition(AFTER_INEXACT)
        texts.append(text)
        places.append(place)
        left.append(b"}\n" + behind)
        place += 1 + behind.count(b"\n")
    numbers = b";".join(texts)
    if numbers.translate(None, _DIGITS) != b";".join([b","] * len(texts)):
        return None
    found = numbers_in(as_bytes(numbers))
    if found is None or len(found.values) != 2 * len(texts):
        return None
    inexact[places] = found.values.reshape(-1, 2)
    # A row in which both are 0 does not tell them.
    return b"".join(left) if inexact[places].any(axis=1).all() else None


def _keys(found: list[bytes], *, escaped: bool) -> list[str] | None:
    if not all(found):
        return None
    if escaped:
        text = b'","'.join(found).replace(_QUOTE, b'\\"').replace(_BACKSLASH, b"\\\\")
        try:
            keys: list[str] = json.loads(b'["' + text + b'"]')
        except ValueError:
            return None
    else:
        keys = b'"'.join(found).decode("ascii").split('"')
    together = "".join(keys)
    if len(keys) != len(found) or "\0" in together or max(map(len, keys)) > LONGEST_KEY:
        return None
    try:
        return keys if ascending_keys(keys) else None
    except UnicodeEncodeError:
        return None


def _sizes(text: bytes, rows: int) -> Int64Array | None:
    """Read depth, height and width of each row, shape (rows, 3); images have the depth 1."""
    shapes = text.translate(None, _DIGITS).replace(b":[,,],", _THREE).replace(b":[,],", _TWO)
    lengths = as_bytes(shapes).astype(np.intp) - ord("0")
    if len(shapes) != rows or shapes.strip(_TWO + _THREE) or not text.endswith(b","):
        return None
    characters = as_bytes(text)
    numbers = numbers_in(characters)
    if numbers is None or len(numbers.values) != lengths.sum():
        return None
    ends = np.cumsum(lengths)
    first, last = numbers.starts[ends - lengths] - 1, numbers.ends[ends - 1]
    if (characters[first] != ord("[")).any() or (characters[last] != ord("]")).any():
        return None
    sizes = np.ones((rows, 3), np.int64)
    sizes[:, 2], sizes[:, 1] = numbers.values[ends - 1], numbers.values[ends - 2]
    deep = lengths == 3
    sizes[deep, 0] = numbers.values[ends[deep] - 3]
    if int(sizes.min()) < 1 or int(sizes.max()) > MOST_PIXELS or (sizes[deep, 0] < 2).any():
        return None
    pixels = sizes.astype(np.float64).prod(axis=1)  # exact up to the bound
    return None if float(pixels.max()) > MOST_PIXELS else sizes


def _tables(text: bytes, pixels: Int64Array) -> StackedTables | None:
    """Read the tables of rows of so many pixels."""
    if b"n" in text:
        text = text.replace(b"null", _NULL)
    if not text.startswith(b":[[") or not text.endswith(b"]]]}\n"):
        return None
    # As if a row were before the first one: each number then has its kind before it.
    text = b"]]]}\n{" + text
    found = _numbers_of(text)
    if found is None:
        return None
    values, kinds = found
    groups = np.flatnonzero(kinds >= IN_GROUP)
    second = np.flatnonzero(kinds == IN_PIXELS)
    ends = np.append(groups[1:], len(kinds))
    # A group is its value, a list of predictions, and one of pixels that is as long; other lists begin nowhere.
    if len(second) != len(groups) or np.count_nonzero(kinds == IN_PRED) != len(groups) or ends[-1] - groups[-1] < 3:
        return None
    lengths = second - groups - 1
    if (kinds[np.minimum(groups + 1, len(kinds) - 1)] != IN_PRED).any():
        return None
    if int(lengths.min()) < 1 or (ends - second != lengths).any():
        return None
    of_row = np.flatnonzero(kinds[groups] == IN_ROW)
    if len(of_row) != len(pixels):
        return None
    if 3 * int(np.diff(of_row, append=len(groups)).max()) > MOST_BRACKETS - 3:
        return None
    return _checked(values, groups, lengths, of_row, pixels)


def _numbers_of(text: bytes) -> tuple[Int64Array, NDArray[np.uint8]] | None:
    """Read all numbers and what kind each is; `None` where anything else stands before one or behind the last."""
    values, kinds = [], []
    characters = as_bytes(text)
    for start, end in pieces(text):
        part = characters[start:end]
        numbers = numbers_in(part)
        if numbers is None or not len(numbers.values):
            return None
        gaps = numbers.starts - np.append(0, numbers.ends[:-1])
        if not _right(part, numbers.starts, gaps):
            return None
        left = len(part) - int(numbers.ends[-1])
        if left and (end < len(text) or text[-left:] != b"]]]}\n"):
            return None
        values.append(numbers.values)
        kinds.append(gaps.astype(np.uint8))
    return np.concatenate(values), np.concatenate(kinds)


def _right(text: Bytes, starts: NDArray[np.intp], gaps: NDArray[np.intp]) -> bool:
    """Tell whether before every number stands what the number of characters before it says."""
    counted = 0
    for gap, expected in BEFORE.items():
        here = starts[gaps == gap]
        counted += len(here)
        for place, character in enumerate(reversed(expected), 1):
            if (text[here - place] != character).any():
                return False
    return counted == len(gaps)


def _checked(
    values: Int64Array, groups: NDArray[np.intp], lengths: NDArray[np.intp], of_row: NDArray[np.intp], total: Int64Array
) -> StackedTables | None:
    """Hold the values of tables against each other, and give each cell its ground truth."""
    # Where the first prediction of a group is, counted in cells; each group then takes twice its cells and one.
    starts = np.append(0, np.cumsum(lengths))
    cells = np.arange(starts[-1]) + np.repeat(groups + 1 - starts[:-1], lengths)
    pred = values[cells]
    cells += np.repeat(lengths, lengths)
    pixels = values[cells]
    del cells
    return checked_tables(values[groups], lengths, of_row, pred, pixels, total)


def checked_tables(
    gt: Int64Array,
    lengths: NDArray[np.int64],
    of_row: NDArray[np.intp],
    pred: Int64Array,
    pixels: Int64Array,
    total: Int64Array,
) -> StackedTables | None:
    """Hold the values of tables against each other, and give each cell its ground truth.

    `gt` has the value of each group of cells, `lengths` its cells, and `of_row` the first group of each table, none of
    which is empty; `total` are the pixels of each.
    """
    starts = np.append(0, np.cumsum(lengths))
    rows = starts[of_row]
    if int(pixels.min()) < 1 or (pixels > np.repeat(total, np.diff(rows, append=len(pixels)))).any():
        return None
    if (np.add.reduceat(pixels, rows) != total).any():
        return None
    if not _ascends(gt, of_row) or not _ascends(pred, starts[:-1]) or int(gt.min()) == NO_PREDICTION:
        return None
    if int(pred.min()) == NO_PREDICTION and not _missing_throughout(pred, rows, lengths, of_row):
        return None
    return StackedTables(np.append(rows, len(pixels)), np.repeat(narrowed(gt), lengths), narrowed(pred), pixels)


def _ascends(values: Int64Array, starts: NDArray[np.intp]) -> bool:
    """Tell whether values ascend without repetition, but for where a part begins."""
    rises = values[1:] > values[:-1]
    rises[starts[1:] - 1] = True
    return bool(rises.all())


def _missing_throughout(
    pred: Int64Array, rows: NDArray[np.intp], lengths: NDArray[np.intp], of_row: NDArray[np.intp]
) -> bool:
    """Tell whether rows that lack one prediction lack all, once a group."""
    missing = pred == NO_PREDICTION
    some, every = np.logical_or.reduceat(missing, rows), np.logical_and.reduceat(missing, rows)
    longest = np.maximum.reduceat(lengths, of_row)
    return bool((some == every).all() and (longest[some] == 1).all())
