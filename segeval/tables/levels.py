"""How often each probability level occurs among the positives and the negatives of one map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.protocol.labeling import Lookup
from segeval.protocol.mapkinds import EIGHT_BIT, LEVELS
from segeval.records import dataclass
from segeval.tables.counts import Int64Array, IntArray, JointCounts, table


@dataclass(frozen=True, slots=True, eq=False)
class LevelHistogram:
    """Hold the pixels of each level, apart for positives and negatives.

    `positives` and `negatives` are int64 of shape (L,), L = 256 or 65536; level v stands for p = v / (L - 1). One
    histogram describes one binary map, or the map of one class against the rest. Raises `UsageError` for other shapes.
    """

    positives: Int64Array
    negatives: Int64Array

    def __post_init__(self) -> None:
        if self.positives.shape != self.negatives.shape or self.positives.shape not in {(size,) for size in LEVELS}:
            raise UsageError(
                "a level histogram has another shape than (256,) or (65536,)",
                (f"positives {self.positives.shape}, negatives {self.negatives.shape}",),
                "Give one count for each level of an 8- or 16-bit map",
            )

    @property
    def levels(self) -> int:
        """Return the number of levels, L."""
        return len(self.positives)

    @property
    def n_pos(self) -> int:
        """Return the number of positive pixels."""
        return int(self.positives.sum(dtype=np.int64))

    @property
    def n_neg(self) -> int:
        """Return the number of negative pixels."""
        return int(self.negatives.sum(dtype=np.int64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LevelHistogram):
            return NotImplemented
        return np.array_equal(self.positives, other.positives) and np.array_equal(self.negatives, other.negatives)

    def __hash__(self) -> int:
        return hash((self.positives.tobytes(), self.negatives.tobytes()))


class LevelTable:
    """Count the levels of one class's maps, image by image.

    A pixel is positive where the ground truth is `positive`, left out where it is in `ignore`, else negative.
    `histogram` is what has been counted; every loss and every curve accepts the table itself.
    """

    def __init__(
        self, positive: int = 1, *, ignore: Iterable[int] = (), levels: int = EIGHT_BIT.counted_levels
    ) -> None:
        self.positive = positive
        self.ignore = tuple(ignore)
        self.histogram = empty_histogram(levels)

    def update(self, prob: IntArray, gt: IntArray) -> None:
        """Count one image: levels `prob` (uint8 or uint16) and ground truth `gt` (integer) of one shape.

        Raises `MaskError` for other types, for two shapes, and for levels beyond the table's.
        """
        gt = np.asarray(gt)
        counted = count_levels(
            np.asarray(prob), gt == self.positive, ~np.isin(gt, self.ignore), levels=self.histogram.levels
        )
        self.histogram = add(self.histogram, counted)


HistogramLike = LevelHistogram | LevelTable


def histogram_of(source: HistogramLike) -> LevelHistogram:
    """Return the histogram of a `LevelTable`, or the histogram itself."""
    return source.histogram if isinstance(source, LevelTable) else source


def empty_histogram(levels: int) -> LevelHistogram:
    """Return a histogram of `levels` (256 or 65536) without pixels."""
    return LevelHistogram(np.zeros(levels, np.int64), np.zeros(levels, np.int64))


def probabilities(levels: int) -> NDArray[np.float64]:
    """Return p of every level: the float64 nearest to v / (levels - 1)."""
    return np.arange(levels, dtype=np.float64) / (levels - 1)


def level_histogram(table: JointCounts, value_map: Lookup, class_index: int, levels: int) -> LevelHistogram:
    """Read the histogram of one class from a table of (ground-truth value, level).

    Positives are the cells whose ground truth maps to `class_index`, negatives those of every other class; void and
    unknown ground truth never count. Raises `MaskError` where a predicted value is not a level.
    """
    outside = (table.pred < 0) | (table.pred > levels - 1)
    if outside.any():
        raise MaskError(
            f"a predicted value is not a level of 0..{levels - 1}",
            (f"value {int(table.pred[outside][0])}, {int(table.pixels[outside].sum())} pixels outside",),
            "Give probability maps of the bit depth that is named",
        )
    indices = value_map(table.gt)
    positive = indices == class_index
    histogram = empty_histogram(levels)
    for counts, cells in ((histogram.positives, positive), (histogram.negatives, (indices >= 0) & ~positive)):
        np.add.at(counts, table.pred[cells].astype(np.intp), table.pixels[cells])
    return histogram


def thresholded(levels: JointCounts, threshold: float) -> JointCounts:
    """Turn a (ground-truth value, 8-bit level) table into that of labels: 1 where p > `threshold`."""
    return table(levels.gt, (levels.pred / EIGHT_BIT.top > threshold).astype(np.uint8), levels.pixels)


def count_levels(
    prob: NDArray[Any], positive: NDArray[np.bool_], valid: NDArray[np.bool_], *, levels: int
) -> LevelHistogram:
    """Count the levels of one map: unsigned integers `prob`, and the pixels that are positive and that are valid.

    The three arrays have one shape. Raises `MaskError` for two shapes, for other types, and for levels beyond `levels`.
    """
    if not prob.shape == positive.shape == valid.shape:
        raise MaskError(
            "a probability map and its ground truth have different shapes",
            (f"map {prob.shape}, ground truth {positive.shape}",),
            "Give a map of the size of its ground truth",
        )
    if prob.dtype.kind != "u":
        raise MaskError(
            f"a map of levels is {prob.dtype}, not uint8 or uint16",
            (),
            "Give stored levels; `float_sums` takes probabilities as floats",
        )
    if prob.size and int(prob.max()) >= levels:
        raise MaskError(
            f"a probability map has levels beyond {levels - 1}",
            (f"level {int(prob.max())}",),
            "Count 16-bit maps with 65536 levels",
        )
    return LevelHistogram(
        np.bincount(prob[valid & positive], minlength=levels).astype(np.int64, copy=False),
        np.bincount(prob[valid & ~positive], minlength=levels).astype(np.int64, copy=False),
    )


def add(first: LevelHistogram, *others: LevelHistogram) -> LevelHistogram:
    """Add histograms of one number of levels; exact, and the same whatever their order."""
    if any(other.levels != first.levels for other in others):
        raise UsageError("maps of 8 and of 16 bits cannot be added", (), "Score maps of each bit depth on their own")
    return LevelHistogram(
        sum((other.positives for other in others), first.positives),
        sum((other.negatives for other in others), first.negatives),
    )
