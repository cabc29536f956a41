"""Rows made again of what is kept as columns, by the names of `segeval.runs.partcolumns`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.runs.columns import RowColumns
from segeval.runs.partcolumns import COUNTED, OF_SUMS, OF_WIDTHS
from segeval.runs.run import Row
from segeval.scores.calibration import ConfidenceBins
from segeval.scores.lossums import FloatSums
from segeval.tables.counts import JointCounts, StackedTables
from segeval.tables.levels import LevelHistogram, empty_histogram

if TYPE_CHECKING:
    from segeval.contours.counts import ContourCounts, DistanceValues, LesionCounts

Columns = Mapping[str, NDArray[Any]]


def row_of(columns: RowColumns, place: int) -> Row:
    """Make one row of those that are kept as columns."""
    depth, height, width = columns.sizes[place].tolist()
    gt, pred = columns.inexact[place].tolist()
    key, digest, counts = columns.keys[place], columns.digests[place], columns.tables[place]
    if columns.plain:
        return Row(key, height, width, digest, counts, inexact=(gt, pred), depth=depth)
    found: dict[str, Any] = {name: of_name[place].item() for name, of_name in columns.each.items()}
    if "roi" in found:
        found["roi"] = found["roi"].decode("ascii")
    shaded = found.pop("shaded", False)
    for name, of_name in columns.several.items():
        if name != "shades" or shaded:
            found[name] = _PARTS[name](of_name.of(place))
    return Row(key, height, width, digest, counts, inexact=(gt, pred), depth=depth, **found)


def _levels(cells: Columns) -> tuple[JointCounts, ...]:
    count = int(cells["map"][-1]) + 1 if len(cells["map"]) else 0
    ends = np.searchsorted(cells["map"], np.arange(count + 1))
    return tuple(StackedTables(ends, cells["gt"], cells["pred"], cells["pixels"]))


def _sums(of_maps: Columns) -> tuple[FloatSums, ...]:
    found = []
    each = zip(of_maps["numbers"].tolist(), of_maps["eps"].tolist(), of_maps["counts"].tolist(), strict=True)
    for (gamma, *numbers), eps, counts in each:
        named = dict(zip(OF_SUMS[1:], numbers, strict=True)) | dict(zip(COUNTED, counts, strict=True))
        found.append(FloatSums(gamma, "torch" if eps != eps else eps, **named))
    return tuple(found)


def _confidence(found: Columns) -> ConfidenceBins | None:
    columns = [tuple(found[name][0].tolist()) for name in ("pixels", "correct", "sums") if len(found[name])]
    return ConfidenceBins(*columns) if columns else None


def _shades(cells: Columns) -> LevelHistogram:
    histogram = empty_histogram(EIGHT_BIT.counted_levels)
    for counts, side in ((histogram.positives, cells["positive"]), (histogram.negatives, ~cells["positive"])):
        counts[cells["level"][side]] = cells["pixels"][side]
    return histogram


def _contours(found: Columns) -> ContourCounts:
    from segeval.contours.counts import ContourCounts  # few runs look at contours

    if not len(found["ids"]):  # JSON has no number of widths then
        found = {name: column[:, :0] if name in OF_WIDTHS else column for name, column in found.items()}
    return ContourCounts(**found)


def _distances(found: Columns) -> DistanceValues:
    from segeval.contours.counts import DistanceValues

    return DistanceValues(**found)


def _lesions(found: Columns) -> LesionCounts:
    from segeval.contours.counts import LesionCounts

    return LesionCounts(**found)


_PARTS: Mapping[str, Callable[[Columns], Any]] = {
    "levels": _levels,
    "sums": _sums,
    "confidence": _confidence,
    "shades": _shades,
    "contours": _contours,
    "distances": _distances,
    "lesions": _lesions,
}
