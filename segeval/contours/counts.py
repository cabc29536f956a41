"""What one image adds to every boundary score: counts by class and width, from which scores follow without pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.contours.bands import band_counts
from segeval.contours.borders import both_borders, lost_border
from segeval.contours.kernels import counted_bands, counted_borders, found_runs, takes
from segeval.contours.matching import squared_distances
from segeval.contours.regions import Regions
from segeval.protocol.widths import Width
from segeval.records import dataclass
from segeval.tables.counts import Int64Array

BOUNDARY_SHARE, BF_SHARE, DAVIS_SHARE = 0.02, 0.0075, 0.008
"""The authors' widths, as shares of the diagonal: Cheng et al. 2021, Csurka et al. 2013, Perazzi et al. 2016."""

BOTH, ONE, VOID = 1, 2, 3
"""Why a class has no distances in an image: nothing on both sides, on one, or void took the ground truth's border."""


@dataclass(frozen=True, slots=True, eq=False)
class ContourCounts:
    """Hold what one image adds, by class (axis 0) and width; int64.

    `ids` are the classes in either mask, ascending. `bands` and `trimaps`, (K, W, 3), are pixels of ground truth, of
    the prediction and of both; see `segeval.contours.bands.band_counts`. `borders`, (K, 3), are border pixels of ground
    truth and prediction, and those that the ground truth lost to void; `matched`, (K, W, 2), are those of the two that
    have their like on the other side. `corners` and `corners_matched` are the same of DAVIS's border.
    """

    ids: Int64Array
    bands: Int64Array
    trimaps: Int64Array
    borders: Int64Array
    matched: Int64Array
    corners: Int64Array
    corners_matched: Int64Array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContourCounts) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ContourCounts.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.ids.tobytes(), self.bands.tobytes()))

    def at_widths(self, places: Sequence[int]) -> ContourCounts:
        """Keep some of the widths, by their positions."""
        if not self.bands.shape[1]:  # a row without classes that was read does not know how many widths there are
            return self
        chosen = list(places)
        return ContourCounts(
            self.ids,
            self.bands[:, chosen],
            self.trimaps[:, chosen],
            self.borders,
            self.matched[:, chosen],
            self.corners,
            self.corners_matched[:, chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class DistanceValues:
    """Hold the distances of one image: `ids` of its classes, ascending, and a value for each score, (K, M).

    Undefined is NaN. `states`, (K,), are 0, `BOTH`, `ONE` or `VOID`.
    """

    ids: Int64Array
    values: NDArray[np.float64]
    states: Int64Array

    @property
    def size(self) -> int:
        """Return the number of scores."""
        return int(self.values.shape[1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DistanceValues):
            return False
        mine, theirs = ((one.ids, one.values, one.states) for one in (self, other))
        return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(mine, theirs, strict=True))

    def __hash__(self) -> int:
        return hash((self.ids.tobytes(), self.values.tobytes()))


@dataclass(frozen=True, slots=True, eq=False)
class LesionCounts:
    """Hold the lesions of one image: `ids` of its classes, ascending, and what the definition says of each.

    `counts`, (K, 3), are lesions found, predicted ones that are none, and lesions missed; `values`, (K, M), the scores
    that do not follow from counts; `states`, (K,), are 0, `BOTH` where neither side has the class, or `ONE`.
    """

    ids: Int64Array
    counts: Int64Array
    values: NDArray[np.float64]
    states: Int64Array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LesionCounts) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in LesionCounts.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.ids.tobytes(), self.counts.tobytes(), self.values.tobytes()))


def band_width(width: Width, diagonal: float) -> int:
    """Return the pixels of a band, at least 1; a share is rounded as `mask_to_boundary` of boundary-iou-api does."""
    if isinstance(width, int):
        return width
    share = BOUNDARY_SHARE if isinstance(width, str) else width
    return max(1, round(share * diagonal))


def bf_tolerance(width: Width, diagonal: float) -> float:
    """Return the distance below which borders match in BF."""
    return float(width) if isinstance(width, int) else (BF_SHARE if isinstance(width, str) else width) * diagonal


def davis_tolerance(width: Width, diagonal: float) -> int:
    """Return the distance up to which borders match in DAVIS's F."""
    if isinstance(width, int):
        return width
    return math.ceil((DAVIS_SHARE if isinstance(width, str) else width) * diagonal)


def contour_counts(of: Regions, widths: Sequence[Width]) -> ContourCounts:
    """Count everything that boundary scores of two masks are made of, at each of `widths`.

    >>> import numpy as np
    >>> from segeval.contours.regions import regions
    >>> gt, pred = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    >>> of = regions(gt, pred, values=((0, 1), (0, 1)), class_of=(int, int))
    >>> contour_counts(of, [1]).bands[1, 0].tolist()  # class 1: ground truth, prediction, both
    [2, 3, 2]
    """
    diagonal = float(np.sqrt(of.shape[0] ** 2 + of.shape[1] ** 2))
    in_bands = [band_width(width, diagonal) for width in widths]
    # Near enough is up to the tolerance for DAVIS's border, and below it for the other: in squares, which are whole.
    in_bf = [math.ceil(bf_tolerance(width, diagonal) ** 2) - 1 for width in widths]
    in_davis = [davis_tolerance(width, diagonal) ** 2 for width in widths]
    if takes(of):
        runs = found_runs(of)
        bands, trimaps = counted_bands(runs, in_bands)
        borders, matched, lost = counted_borders(runs, in_bf, corners=False)
        corners, near, _ = counted_borders(runs, in_davis, corners=True)
    else:
        bands, trimaps = band_counts(of, in_bands)
        borders, matched, lost = _matched(of, in_bf, corners=False)
        corners, near, _ = _matched(of, in_davis, corners=True)
    return ContourCounts(of.ids, bands, trimaps, np.column_stack([borders, lost]), matched, corners, near)


def _matched(of: Regions, squares: Sequence[int], *, corners: bool) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Count border elements by class, (K, 2), those within `squares` of their like, (K, W, 2), and the lost ones, (K,).

    `squares` are of distances in pixels.
    """
    size = len(of.ids)
    gt, pred = both_borders(of, corners=corners)
    counted = np.zeros((size, len(squares), 2), np.int64)
    for side, (source, target) in enumerate(((gt, pred), (pred, gt))):
        found = squared_distances(source, target, max(squares))
        for place, square in enumerate(squares):
            counted[:, place, side] = np.bincount(source.codes[found <= square], minlength=size + 1)[1 : size + 1]
    lost = lost_border(of.gt).counts(size) if of.void and not corners else np.zeros(size, np.int64)
    return np.column_stack([gt.counts(size), pred.counts(size)]), counted, lost
