"""What rows keep of probability maps, read by the block from JSON values; raises `Damage` where it may be none."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.runs.jsontables import UNLIKE, Marginals, flat, floats, lists, nested, tables_from, whole
from segeval.runs.partcolumns import COUNTED, OF_SUMS
from segeval.runs.ragged import Ragged, ends_of, taken_items
from segeval.runs.rows import MOST_PIXELS
from segeval.runs.run import Maps
from segeval.runs.values import require
from segeval.scores.curves import ECE_BINS
from segeval.scores.lossums import FloatSums
from segeval.tables.counts import Int64Array

FIELDS = [field.name for field in fields(FloatSums)]
SIDES = ("positives", "negatives")
Rows = list[dict[str, Any]]
Bools = NDArray[np.bool_]


def maps_from(
    rows: Rows, maps: Maps | None, described: Bools, pixels: Int64Array, marginals: Marginals
) -> tuple[dict[str, NDArray[Any]], dict[str, Ragged]]:
    """Return what rows of so many pixels keep of `maps`, one value an image and several.

    `described` are those with a prediction, `marginals` those of the label tables.
    """
    unnormalised = whole([row.get("unnormalised", 0) for row in rows], 0, MOST_PIXELS)
    require(bool((unnormalised <= np.where(described, pixels, 0)).all()), UNLIKE)
    levels, sums = ([row.get(name, []) for row in rows] for name in ("levels", "sums"))
    confident, shaded = (np.array([name in row for row in rows], np.bool_) for name in ("confidence", "shades"))
    if maps is None:
        require(not (unnormalised.any() or any(levels) or any(sums) or confident.any() or shaded.any()), UNLIKE)
        require(not (lists(levels).any() or lists(sums).any()), UNLIKE)
        return {}, {}
    of_levels = np.where(described & maps.in_rows, maps.count, 0)
    of_sums = np.where(described & (not maps.in_rows), maps.count, 0)
    require(np.array_equal(lists(levels), of_levels) and np.array_equal(lists(sums), of_sums), UNLIKE)
    require(not (confident & ~(described & (maps.count > 1))).any(), UNLIKE)
    require(not (shaded & (of_sums != 1)).any(), UNLIKE)
    bins = _confidence([row["confidence"] for row in rows if "confidence" in row], maps, pixels[confident])
    several = {"confidence": Ragged(ends_of(confident), bins)}
    each: dict[str, NDArray[Any]] = {"unnormalised": unnormalised}
    if maps.in_rows:
        several["levels"] = _levels(flat(levels), ends_of(of_levels), pixels, marginals)
        return each, several
    several["sums"] = Ragged(ends_of(of_sums), _sums(flat(sums), np.repeat(pixels, of_sums)))
    counts = several["sums"]["counts"][several["sums"].ends[:-1][shaded], :2]
    cells, columns = _shades([row["shades"] for row in rows if "shades" in row], counts)
    in_image = np.zeros(len(rows), np.int64)
    in_image[shaded] = cells
    several["shades"] = Ragged(ends_of(in_image), columns)
    return {**each, "shaded": shaded}, several


def _levels(tables: list[Any], of_image: NDArray[np.intp], pixels: Int64Array, marginals: Marginals) -> Ragged:
    """Read the tables of levels of each image, and hold their ground truth against that of its labels."""
    counts = np.diff(of_image)
    image = np.repeat(np.arange(len(counts)), counts)
    found, of_levels = tables_from(tables, pixels[image])
    require(not len(found) or (int(found.pred.min()) >= 0 and int(found.pred.max()) <= EIGHT_BIT.top), UNLIKE)
    ends, same = taken_items(marginals.ends, image)
    require(np.array_equal(ends, of_levels.ends), UNLIKE)
    require(np.array_equal(marginals.values[same], of_levels.values), UNLIKE)
    require(np.array_equal(marginals.pixels[same], of_levels.pixels), UNLIKE)
    position = np.arange(len(image)) - np.repeat(of_image[:-1], counts)
    columns = {
        "map": np.repeat(position, np.diff(found.ends)).astype(np.uint16),
        "gt": found.gt,
        "pred": found.pred.astype(np.uint8),
        "pixels": found.pixels,
    }
    return Ragged(found.ends[of_image], columns)


def _sums(values: list[Any], pixels: Int64Array) -> dict[str, NDArray[Any]]:
    """Read the sums of maps, each over at most so many pixels."""
    numbers = nested(values, len(FIELDS))
    by_name = {name: numbers[place :: len(FIELDS)] for place, name in enumerate(FIELDS)}
    stored = by_name["eps"]
    eps = np.full(len(stored), np.nan)
    known = np.array([value != "torch" for value in stored], np.bool_)
    eps[known] = floats([value for value in stored if value != "torch"])
    require(bool(((eps[known] > 0) & (eps[known] < 0.5)).all()), UNLIKE)
    counts = np.stack([whole(by_name[name], 0, MOST_PIXELS) for name in COUNTED], axis=1)
    require(bool((counts[:, 0] + counts[:, 1] <= pixels).all()), UNLIKE)
    require(bool((counts[:, 2:] <= counts[:, :2]).all()), UNLIKE)
    return {"numbers": np.stack([floats(by_name[name]) for name in OF_SUMS], axis=1), "eps": eps, "counts": counts}


def _confidence(values: list[Any], maps: Maps, pixels: Int64Array) -> dict[str, NDArray[Any]]:
    """Read the bins of images of so many pixels."""
    columns = nested(values, 3)
    counts, correct = (
        whole(nested(columns[place::3], ECE_BINS), 0, MOST_PIXELS).reshape(-1, ECE_BINS) for place in (0, 1)
    )
    stored = nested(columns[2::3], ECE_BINS)
    sums: NDArray[Any] = floats(stored) if maps.kind.levels is None else whole(stored, 0, MOST_PIXELS * maps.kind.top)
    sums = sums.reshape(-1, ECE_BINS)
    require(bool((sums <= (pixels * maps.kind.top)[:, None]).all()), UNLIKE)
    require(bool((correct <= counts).all()) and bool((counts.sum(axis=1) <= pixels).all()), UNLIKE)
    return {"pixels": counts, "correct": correct, "sums": sums}


def _shades(values: list[Any], sides: Int64Array) -> tuple[NDArray[np.intp], dict[str, NDArray[Any]]]:
    """Read the 256 levels of images whose positives and negatives are `sides`: cells of each image, and all cells."""
    require(all(type(value) is dict and value.keys() == set(SIDES) for value in values), UNLIKE)
    pairs = [value[side] for value in values for side in SIDES]
    columns = nested(pairs, 2)
    lengths = lists(columns[0::2])
    require(np.array_equal(lengths, lists(columns[1::2])), UNLIKE)
    level = whole(flat(columns[0::2]), 0, EIGHT_BIT.top)
    pixels = whole(flat(columns[1::2]), 1, MOST_PIXELS)
    ends = ends_of(lengths)
    rises = np.append(level[1:] > level[:-1], True)[: len(level)]
    rises[ends[1:][lengths > 0] - 1] = True
    require(bool(rises.all()), UNLIKE)
    added = np.zeros(len(lengths), np.int64)
    np.add.at(added, np.repeat(np.arange(len(lengths)), lengths), pixels)
    require(np.array_equal(added, sides.reshape(-1)), UNLIKE)
    positive = np.repeat(np.arange(len(lengths)) % len(SIDES) == 0, lengths)
    columns_of_cells = {"positive": positive, "level": level.astype(np.uint8), "pixels": pixels}
    return lengths.reshape(-1, len(SIDES)).sum(axis=1), columns_of_cells
