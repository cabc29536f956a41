"""Where the borders of regions are: the pixels of them, of all classes at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.contours.regions import NO_REGION, Regions
from segeval.records import dataclass

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """Hold border elements: `places` are flat indices into the image, and `codes` the class of each.

    A place of the border of several classes is there once for each of them. `shape` is that of the image.
    """

    shape: tuple[int, int]
    places: Places
    codes: NDArray[Any]

    def counts(self, size: int) -> NDArray[np.int64]:
        """Return how many elements each of the classes 1..size has, shape (size,)."""
        return np.bincount(self.codes, minlength=size + 1)[1 : size + 1].astype(np.int64)


def inner_border(codes: NDArray[Any], stray: int) -> Border:
    """Return the pixels of each class that touch another region, or the edge of the image, on one of their four sides.

    What touches `NO_REGION` only is no border. A prediction of no class, `stray`, is a region and has no border.
    """
    touching = _touching(codes)
    touching &= (codes != NO_REGION) & (codes != stray)
    return _border(codes, touching)


def lost_border(codes: NDArray[Any]) -> Border:
    """Return the pixels that would be border if void were another region, and are none."""
    solid = codes != NO_REGION
    beside = np.zeros(codes.shape, np.bool_)
    beside[1:] |= ~solid[:-1]
    beside[:-1] |= ~solid[1:]
    beside[:, 1:] |= ~solid[:, :-1]
    beside[:, :-1] |= ~solid[:, 1:]
    return _border(codes, beside & solid & ~_touching(codes))


def _touching(codes: NDArray[Any]) -> Mask:
    found = np.zeros(codes.shape, np.bool_)
    found[0] = found[-1] = found[:, 0] = found[:, -1] = True
    for axis in (0, 1):
        first, second = (codes[:-1], codes[1:]) if axis == 0 else (codes[:, :-1], codes[:, 1:])
        differ = first != second
        if NO_REGION in codes:
            differ &= (first != NO_REGION) & (second != NO_REGION)
        for one in (found[:-1], found[1:]) if axis == 0 else (found[:, :-1], found[:, 1:]):
            one |= differ
    return found


def _border(codes: NDArray[Any], mask: Mask) -> Border:
    places = np.flatnonzero(mask)
    height, width = codes.shape
    return Border((height, width), places, codes.reshape(-1).take(places))


def corner_border(codes: NDArray[Any], stray: int) -> Border:
    """Return the border as DAVIS draws it: pixels that differ from their right, lower or lower right neighbour.

    It is the border of every class among the four, on both sides of a change. Void and `stray` are a region without
    a class, and the last row and column are compared inside the image only (`seg2bmap` of davis2017-evaluation).
    """
    height, width = codes.shape
    known = np.where(codes == stray, NO_REGION, codes) if (codes == stray).any() else codes
    mixed = np.zeros(codes.shape, np.bool_)
    mixed[:, :-1] = known[:, :-1] != known[:, 1:]
    mixed[:-1] |= known[:-1] != known[1:]
    mixed[:-1, :-1] |= known[:-1, :-1] != known[1:, 1:]
    places = np.flatnonzero(mixed)
    rows, columns = np.divmod(places, width)
    below, right = np.minimum(rows + 1, height - 1) * width, np.minimum(columns + 1, width - 1)
    flat = known.reshape(-1)
    corners = [flat.take(at) for at in (places, rows * width + right, below + columns, below + right)]
    kept_places, kept_codes = [], []
    for index, corner in enumerate(corners):
        new = corner != NO_REGION
        for earlier in corners[:index]:
            new &= corner != earlier
        kept_places.append(places[new])
        kept_codes.append(corner[new])
    return Border((height, width), np.concatenate(kept_places), np.concatenate(kept_codes))


def both_borders(of: Regions, *, corners: bool) -> Sequence[Border]:
    """Return the borders of ground truth and prediction."""
    draw = corner_border if corners else inner_border
    return [draw(side, of.stray) for side in (of.gt, of.pred)]
