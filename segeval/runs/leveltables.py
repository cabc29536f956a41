"""Level tables of maps as JSON values, and back with every value checked.

Those of 8- and 16-bit maps are levels that occur and how often. Those of floats are columns of whole numbers, in
pieces that each stand for themselves: ranks of the least p as steps from one level to the next, and how far the
greatest p lies above it, both without the low bits that are 0 in the whole piece.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from segeval.runs.ragged import Ragged
from segeval.runs.values import LARGEST, Damage, integer, integers, listed, mapping, require
from segeval.tables.counts import Int64Array
from segeval.tables.floatlevels import (
    MANTISSA,
    RANK_OF_ONE,
    RELIABILITY_BINS,
    SUM_UNIT,
    BinSums,
    FloatLevels,
    LevelCounts,
    level_keys,
    no_levels,
    probabilities_of,
    ranks,
)
from segeval.tables.levels import LevelHistogram, empty_histogram

PIECE = 1 << 16
"""Levels of floats in one line at most: a line takes up to 5 MB."""
COLUMNS = ("steps", "spans", "positives", "negatives")


def histogram_to_json(histogram: LevelHistogram) -> dict[str, Any]:
    """Return the JSON of a histogram: the levels that occur and how often, positives and negatives apart."""
    return {
        name: [np.flatnonzero(column).tolist(), column[column != 0].tolist()]
        for name, column in (("positives", histogram.positives), ("negatives", histogram.negatives))
    }


def histogram_from_json(facts: Any, levels: int) -> LevelHistogram:
    """Read a histogram of `levels` levels; raises `Damage`."""
    require(set(mapping(facts, "levels")) == {"positives", "negatives"}, "levels have other fields")
    histogram = empty_histogram(levels)
    for name, column in (("positives", histogram.positives), ("negatives", histogram.negatives)):
        pair = listed(facts[name], "levels")
        require(len(pair) == 2, "levels have other columns")
        met = integers(pair[0], 0, levels - 1, "a level")
        pixels = integers(pair[1], 1, LARGEST, "a number of pixels")
        require(len(met) == len(pixels), "levels have columns of different lengths")
        require(all(first < second for first, second in pairwise(met)), "levels do not ascend")
        require(sum(pixels) <= LARGEST, "levels count more pixels than there can be")
        column[met] = pixels
    return histogram


def float_lines(levels: FloatLevels) -> Iterator[dict[str, Any]]:
    """Yield the JSON of the levels of a map of floats: how many pieces follow and the bins, then each piece."""
    pieces = range(0, len(levels), PIECE)
    yield {"pieces": len(pieces), "bins": [list(column) for column in astuple(levels.bins)]}
    for start in pieces:
        shift, columns = _columns(levels, slice(start, start + PIECE))
        yield {"shift": shift, **{name: column.tolist() for name, column in columns.items()}}


def _bins_from_json(facts: Any, threshold: float) -> tuple[int, FloatLevels]:
    """Read the first line of a map of floats: the pieces to come, and levels that have the bins only."""
    require(set(mapping(facts, "levels")) == {"pieces", "bins"}, "levels have other fields")
    pieces = integer(facts["pieces"], 0, LARGEST, "the number of pieces")
    columns = listed(facts["bins"], "bins")
    require(len(columns) == 3, "bins have other columns")
    pixels, positives = (integers(column, 0, LARGEST, "a number of pixels") for column in columns[:2])
    sums = integers(columns[2], 0, LARGEST * SUM_UNIT, "a sum of p")
    require({len(pixels), len(positives), len(sums)} == {RELIABILITY_BINS}, "there are other bins")
    for index, (count, hits, total) in enumerate(zip(pixels, positives, sums, strict=True)):
        # Each p was rounded to one part, which may be beyond the edge of its bin.
        ends = count * SUM_UNIT * index // RELIABILITY_BINS - 2 * count, count * SUM_UNIT * (index + 1)
        require(hits <= count, "a bin has more positives than pixels")
        require(ends[0] <= total <= ends[1] // RELIABILITY_BINS + 2 * count, "a sum of p is not in its bin")
    return pieces, replace(no_levels(threshold), bins=BinSums(tuple(pixels), tuple(positives), tuple(sums)))


def _piece_from_json(facts: Any, threshold: float) -> FloatLevels:
    """Read a piece of the levels of a map of floats; raises `Damage`."""
    require(set(mapping(facts, "levels")) == {"shift", *COLUMNS}, "levels have other fields")
    for name in COLUMNS:
        require(0 < len(integers(facts[name], 0, LARGEST, name)) <= PIECE, "a piece has no or too many levels")
    require(len({len(facts[name]) for name in COLUMNS}) == 1, "levels have columns of different lengths")
    require(sum(facts["steps"]) <= RANK_OF_ONE, "a level is beyond 1")
    return _levels_from(facts["shift"], {name: np.array(facts[name], np.int64) for name in COLUMNS}, threshold)


def _joined(head: FloatLevels, pieces: Sequence[FloatLevels]) -> FloatLevels:
    """Put the pieces of one map together; raises `Damage` where they do not ascend or are not those of the bins."""
    columns = [
        np.concatenate([getattr(part, name) for part in (head, *pieces)])
        for name in ("least", "greatest", "positives", "negatives")
    ]
    least, greatest, positive_pixels, negative_pixels = columns
    levels = FloatLevels(head.threshold, least, greatest, positive_pixels, negative_pixels, head.bins)
    require(bool((np.diff(levels.keys) > 0).all()), "levels do not ascend")
    positives, negatives = (sum(column.tolist()) for column in (levels.positives, levels.negatives))
    require(positives + negatives <= LARGEST, "levels count more pixels than there can be")
    pixels = positives + negatives, positives
    require((sum(head.bins.pixels), sum(head.bins.positives)) == pixels, "the bins are not those of the levels")
    return levels


class FloatReader:
    """Take the lines of one map of floats after another."""

    def __init__(self) -> None:
        self._head: tuple[int, FloatLevels] | None = None
        self._pieces: list[FloatLevels] = []

    @property
    def pending(self) -> bool:
        """Tell whether lines of a map are still to come."""
        return self._head is not None

    def take(self, facts: Any, threshold: float) -> FloatLevels | None:
        """Read the next line, and return the map's levels where it was the last; raises `Damage`."""
        if self._head is None:
            self._head = _bins_from_json(facts, threshold)
        else:
            self._pieces.append(_piece_from_json(facts, threshold))
        pieces, head = self._head
        if len(self._pieces) < pieces:
            return None
        levels = _joined(head, self._pieces)
        self._head, self._pieces = None, []
        return levels


def level_lines(levels: Iterable[LevelCounts]) -> Iterator[dict[str, Any]]:
    """Yield the JSON of the run-wide levels of each map: a line a map of 16 bits, several of one of floats."""
    for position, of_map in enumerate(levels):
        lines = float_lines(of_map) if isinstance(of_map, FloatLevels) else (histogram_to_json(of_map),)
        yield from ({"map": position, **facts} for facts in lines)


class LevelReader:
    """Take the lines of all maps of a run: of `count` maps of so many `levels`, `None` for floats."""

    def __init__(self, count: int, levels: int | None, threshold: float) -> None:
        self.levels: list[LevelCounts] = []
        self._count, self._levels, self._threshold = count, levels, threshold
        self._floats = FloatReader()

    @property
    def begun(self) -> bool:
        """Tell whether a line was taken."""
        return bool(self.levels) or self._floats.pending

    @property
    def pending(self) -> bool:
        """Tell whether lines of a map are still to come."""
        return self._floats.pending

    def wants(self, facts: Any) -> bool:
        """Tell whether a line can be the next one."""
        return "map" in facts and len(self.levels) < self._count

    def take(self, facts: Any) -> None:
        """Read the next line; raises `Damage`."""
        require(facts.pop("map") == len(self.levels), "the map is out of order")
        if self._levels is not None:
            self.levels.append(histogram_from_json(facts, self._levels))
        elif (levels := self._floats.take(facts, self._threshold)) is not None:
            self.levels.append(levels)


def check_levels(blocks: Iterable[Ragged], levels: Sequence[LevelCounts]) -> None:
    """Hold run-wide levels against the sums of the rows, which come by the block; raises `Damage`."""
    sides: list[tuple[int, int]] = []
    kinds = set()
    for sums in blocks:
        if not len(sums["eps"]):
            continue
        maps = int(sums.counts.max())
        added = sums["counts"].reshape(-1, maps, sums["counts"].shape[1])[:, :, :2].sum(axis=0).tolist()
        sides = sides or [(0, 0)] * maps
        sides = [
            (positives + more, negatives + others)
            for (positives, negatives), (more, others) in zip(sides, added, strict=True)
        ]
        kinds |= kinds_of(sums)
    if sides != [(histogram.n_pos, histogram.n_neg) for histogram in levels]:
        raise Damage("the level histograms are not those of the rows")
    if len(kinds) > 1:
        raise Damage("rows have losses of different gamma or eps")


def kinds_of(sums: Ragged) -> set[tuple[float, float | str]]:
    """Return the gamma and eps of which rows have losses."""
    found = set(zip(sums["numbers"][:, 0].tolist(), np.nan_to_num(sums["eps"]).tolist(), strict=True))
    return {(gamma, eps or "torch") for gamma, eps in found}  # no eps is 0


def packed(levels: FloatLevels, effort: int) -> dict[str, Any]:
    """Return the levels of one image's map as short texts, for a file that is read once."""
    shift, columns = _columns(levels, slice(None))
    texts = {}
    for name, column in columns.items():
        kind = np.min_scalar_type(int(column.max(initial=0))).newbyteorder("<")
        data = zlib.compress(column.astype(kind).tobytes(), effort)
        texts[name] = [kind.str, base64.b64encode(data).decode("ascii")]
    return {"shift": shift, "bins": [list(column) for column in astuple(levels.bins)], **texts}


def unpacked(facts: Any, threshold: float, pixels: int) -> FloatLevels:
    """Read what `packed` wrote of an image of `pixels` pixels; raises `Damage`."""
    require(set(mapping(facts, "levels")) == {"shift", "bins", *COLUMNS}, "levels have other fields")
    columns = {name: _unpacked_column(facts[name], pixels) for name in COLUMNS}
    require(len({len(column) for column in columns.values()}) == 1, "levels have columns of different lengths")
    _, head = _bins_from_json({"pieces": 0, "bins": facts["bins"]}, threshold)
    return _joined(head, [_levels_from(facts["shift"], columns, threshold)])


def _unpacked_column(text: Any, most: int) -> Int64Array:
    kind, data = listed(text, "levels")
    require(kind in {"|u1", "<u2", "<u4", "<u8"}, "levels are of another type")
    size = np.dtype(kind).itemsize
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(data, validate=True), most * size + 1)
        found = np.frombuffer(raw, kind)
    except (ValueError, TypeError, zlib.error) as error:
        raise Damage("the levels are damaged") from error
    require(len(found) <= most and int(found.max(initial=0)) <= LARGEST, "the levels are damaged")
    return found.astype(np.int64)


def _columns(levels: FloatLevels, chosen: slice) -> tuple[int, Mapping[str, Int64Array]]:
    least, greatest = ranks(levels.least[chosen]), ranks(levels.greatest[chosen])
    every = int(np.bitwise_or.reduce(least | greatest)) if len(least) else 0
    shift = min(MANTISSA, (every & -every).bit_length() - 1) if every else MANTISSA
    steps = np.diff(least >> shift, prepend=0)
    spans = (greatest - least) >> shift
    columns = (steps, spans, levels.positives[chosen], levels.negatives[chosen])
    return shift, dict(zip(COLUMNS, columns, strict=True))


def _levels_from(shift: Any, columns: Mapping[str, Int64Array], threshold: float) -> FloatLevels:
    shift = integer(shift, 0, MANTISSA, "a shift")
    steps, spans = columns["steps"], columns["spans"]
    limit = RANK_OF_ONE >> shift
    # Sums of Python's whole numbers, which cannot wrap.
    ends = list(accumulate(steps.tolist()))
    require(not ends or ends[-1] <= limit, "a level is beyond 1")
    require(int(spans.max(initial=0)) <= limit, "a level is beyond 1")
    first = np.array(ends, np.int64) << shift
    last = first + (spans << shift)
    require(int(last.max(initial=0)) <= RANK_OF_ONE, "a level is beyond 1")
    least, greatest = probabilities_of(first), probabilities_of(last)
    require(np.array_equal(ranks(least), first) and np.array_equal(ranks(greatest), last), "a level is of no p")
    same = np.array_equal(level_keys(least, threshold), level_keys(greatest, threshold))
    require(same, "the ends of a level are of two levels")
    require(bool((columns["positives"] | columns["negatives"]).all()), "a level has no pixels")
    return FloatLevels(threshold, least, greatest, columns["positives"], columns["negatives"])
