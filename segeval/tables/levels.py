"""How often each probability level occurs among the positives and the negatives of one map."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.protocol.labeling import ValueMap
from segeval.protocol.mapkinds import EIGHT_BIT, LEVELS, usual_eps
from segeval.tables.counts import Int64Array, IntArray, JointCounts, table

Eps = float | str | None
"""What keeps a logarithm finite: a number, "half-step", "torch", or None for the usual one of the two."""


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


def level_histogram(table: JointCounts, value_map: ValueMap, class_index: int, levels: int) -> LevelHistogram:
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


@dataclass(frozen=True, slots=True)
class LossSettings:
    """Choose what changes a loss.

    - `gamma` >= 0: focal exponent.
    - `alpha` in [0, 1]: focal weight of positives, 1 - alpha that of negatives; None weighs neither, "auto" is
      N_neg / (N_neg + N_pos).
    - `pos_weight` > 0: weight of positives in BCE; "auto" is N_neg / N_pos.
    - `eps` in (0, 0.5): p becomes min(max(p, eps), 1 - eps); "half-step" is half a level of the map; "torch" clamps
      each logarithm at -100 and nothing else; None is half-step for maps of levels and torch for floats.
    - `class_weights` >= 0, one a class: weights of cross-entropy; "auto" is inverse frequency, None weighs all alike.

    Raises `UsageError` for anything else.
    """

    gamma: float = 2.0
    alpha: float | str | None = 0.25
    pos_weight: float | str = 1.0
    eps: Eps = None
    class_weights: tuple[float, ...] | str | None = None

    def __post_init__(self) -> None:
        check_gamma(self.gamma)
        check_alpha(self.alpha)
        check_pos_weight(self.pos_weight)
        check_eps(self.eps)
        check_class_weights(self.class_weights)


def check_gamma(gamma: float) -> None:
    """Raise `UsageError` unless `gamma` is a finite number >= 0."""
    if not _is_number(gamma) or not 0 <= gamma < math.inf:
        raise UsageError(f"gamma is {gamma}", (), "Give a finite gamma of 0 or more")


def check_alpha(alpha: object) -> None:
    """Raise `UsageError` unless `alpha` is None, "auto" or a number in [0, 1]."""
    if alpha is not None and alpha != "auto" and not (_is_number(alpha) and 0 <= alpha <= 1):  # type: ignore[operator]  # _is_number told that it compares
        raise UsageError(f"alpha is {alpha}", (), "Give alpha in [0, 1], 'auto', or none to switch it off")


def check_pos_weight(pos_weight: object) -> None:
    """Raise `UsageError` unless `pos_weight` is "auto" or a finite number > 0."""
    if pos_weight != "auto" and not (_is_number(pos_weight) and 0 < pos_weight < math.inf):  # type: ignore[operator]  # _is_number told that it compares
        raise UsageError(f"pos_weight is {pos_weight}", (), "Give a finite pos_weight above 0, or 'auto'")


def check_eps(eps: object) -> None:
    """Raise `UsageError` unless `eps` is None, "half-step", "torch", or a number in (0, 0.5) with 1 - eps < 1."""
    if eps is None or eps in ("half-step", "torch"):
        return
    if not _is_number(eps) or not 0 < eps < 0.5:  # type: ignore[operator]  # _is_number told that it compares
        raise UsageError(f"eps is {eps}", (), "Give eps between 0 and 0.5, 'half-step' or 'torch'")
    if 1 - eps == 1:  # type: ignore[operator]  # likewise
        raise UsageError(f"eps is {eps}, and 1 - eps is 1 in float64", (), "Give an eps of 1e-16 or more, or 'torch'")


def check_class_weights(class_weights: object) -> None:
    """Raise `UsageError` unless `class_weights` is None, "auto", or finite weights >= 0 that are not all 0."""
    if class_weights is None or class_weights == "auto":
        return
    weights = class_weights if isinstance(class_weights, tuple) else ()
    if not all(_is_number(weight) and 0 <= weight < math.inf for weight in weights) or not any(weights):
        raise UsageError(
            f"class weights are {class_weights}",
            (),
            "Give one finite weight of 0 or more a class, not all 0, or 'auto'",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def resolve_eps(eps: Eps, levels: int | None) -> float | Literal["torch"]:
    """Return the eps that is used on maps of `levels` levels (None: floats): a number, or "torch".

    Half a step is 1 / (2 (levels - 1)): 1/510 for 8 bits, 1/131070 for 16. Raises `UsageError` where `eps` is no eps,
    and for half a step of floats, which have none.
    """
    check_eps(eps)
    if eps is None:
        eps = usual_eps(levels)
    if eps == "torch":
        return "torch"
    if eps == "half-step":
        if levels is None:
            raise UsageError("floating-point maps have no half-step", (), "Give eps as a number or 'torch'")
        return 1 / (2 * (levels - 1))
    return float(eps)
