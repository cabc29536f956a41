"""Rows of any run read by the block from their JSON: the values of a block are put into columns, and checked there.

As in `segeval.runs.rowblocks`, whatever may be damage is left to the reader of single lines, which says what is wrong
and where; what is read here is read there to the same rows. What is raised here is told to nobody.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import RowColumns
from segeval.runs.jsontables import UNLIKE, nested, tables_from, whole
from segeval.runs.ragged import Ragged
from segeval.runs.rows import LONGEST_KEY, MOST_PIXELS, OF_EVERY_ROW, OF_SOME_ROWS
from segeval.runs.run import Run, ascending_keys
from segeval.runs.values import SHORT, Damage, loads, require, scan_once
from segeval.tables.counts import Int64Array

_DIGESTS = re.compile(r"(?:blake2b:[0-9a-f]{32})*+")
DIGEST_LENGTH = 40
Rows = list[dict[str, Any]]


def rows_in(block: bytes, head: Run) -> RowColumns | None:
    """Read whole lines of rows of a run; `None` where anything may be wrong with one."""
    try:
        return _columns(_values(block), head)
    except (Damage, UnicodeError, RecursionError):
        return None


def _values(block: bytes) -> Rows:
    """Return the rows of a block as JSON values."""
    require(block.endswith(b"\n"), UNLIKE)
    places = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    if int(np.diff(places, prepend=-1).max()) <= SHORT and b"\t" not in block and b"\r" not in block:
        ends = places.tolist()
        starts = [0, *(end + 1 for end in ends[:-1])]
        try:
            found = list(map(scan_once, repeat(block.decode("ascii")), starts))
        except ValueError:
            found = []
        if [end for _, end in found] == ends:
            return [value for value, _ in found]
    return [loads(line) for line in block.split(b"\n")[:-1]]


def _columns(rows: Rows, head: Run) -> RowColumns:
    require(set(map(type, rows)) == {dict}, UNLIKE)
    kinds = set(map(tuple, rows))
    named = set().union(*kinds)
    require(named <= OF_EVERY_ROW | OF_SOME_ROWS and all(map(OF_EVERY_ROW.issubset, kinds)), UNLIKE)
    sizes = _sizes([row["size"] for row in rows])
    pixels, each = sizes.prod(axis=1), {}
    if head.protocol.storage.roi:
        each = _regions(rows, pixels)
        pixels = pixels - each["outside"]
    else:
        require(named.isdisjoint(("roi", "outside")), UNLIKE)
    tables, marginals = tables_from([row["counts"] for row in rows], pixels)
    several: dict[str, Ragged] = {}
    missing = tables.pred[tables.ends[:-1]] == NO_PREDICTION
    if head.maps is not None or not named.isdisjoint(OF_MAPS):
        from segeval.runs.jsonmaps import maps_from  # most runs are of label masks

        of_images, several = maps_from(rows, head.maps, ~missing, pixels, marginals)
        each |= of_images
    asked = (head.protocol.boundary, head.protocol.distances, head.protocol.lesions)
    if any(part is not None for part in asked) or not named.isdisjoint(OF_SURROUNDINGS):
        from segeval.runs.jsonsurroundings import surroundings_from  # few runs look at contours

        several |= surroundings_from(rows, head.protocol, pixels)
    return RowColumns(
        _keys([row["key"] for row in rows]),
        sizes,
        _digests([row["gt"] for row in rows]),
        tables,
        _inexact(rows, pixels) if "inexact" in named else np.zeros((len(rows), 2), np.int64),
        each,
        several,
    )


OF_MAPS = ("levels", "sums", "unnormalised", "confidence", "shades")
OF_SURROUNDINGS = ("contours", "distances", "lesions")


def _keys(keys: list[Any]) -> tuple[str, ...]:
    require(set(map(type, keys)) == {str} and all(keys), UNLIKE)
    require(max(map(len, keys)) <= LONGEST_KEY and "\0" not in "".join(keys), UNLIKE)
    require(ascending_keys(keys), UNLIKE)
    return tuple(keys)


def _digests(texts: list[Any]) -> tuple[str, ...]:
    require(set(map(type, texts)) == {str} and set(map(len, texts)) == {DIGEST_LENGTH}, UNLIKE)
    require(_DIGESTS.fullmatch("".join(texts)) is not None, UNLIKE)
    return tuple(texts)


def _sizes(sizes: list[Any]) -> Int64Array:
    """Return depth, height and width of each row, shape (rows, 3); images have the depth 1."""
    require(set(map(type, sizes)) == {list}, UNLIKE)
    lengths = set(map(len, sizes))
    require(lengths <= {2, 3}, UNLIKE)
    deep = np.array([len(size) == 3 for size in sizes], np.bool_)
    found = whole(nested([size if len(size) == 3 else [1, *size] for size in sizes], 3), 1, MOST_PIXELS).reshape(-1, 3)
    require(bool((found[deep, 0] >= 2).all()), UNLIKE)
    require(float(found.astype(np.float64).prod(axis=1).max()) <= MOST_PIXELS, UNLIKE)  # exact up to the bound
    return found


def _regions(rows: Rows, pixels: Int64Array) -> dict[str, NDArray[Any]]:
    """Return the digest of each region of interest, and the pixels outside it."""
    require(all("roi" in row and "outside" in row for row in rows), UNLIKE)
    outside = whole([row["outside"] for row in rows], 0, MOST_PIXELS)
    require(bool((outside < pixels).all()), UNLIKE)
    return {"roi": np.array(_digests([row["roi"] for row in rows]), np.bytes_), "outside": outside}


def _inexact(rows: Rows, pixels: Int64Array) -> Int64Array:
    """Return the pixels of each side whose colour is only near one of the palette, shape (rows, 2)."""
    places = [place for place, row in enumerate(rows) if "inexact" in row]
    numbers = whole(nested([rows[place]["inexact"] for place in places], 2), 0, MOST_PIXELS).reshape(-1, 2)
    require(bool(numbers.any(axis=1).all()), UNLIKE)  # a row in which both are 0 does not tell them
    found = np.zeros((len(rows), 2), np.int64)
    found[places] = numbers
    require(bool((found <= pixels[:, None]).all()), UNLIKE)
    return found
