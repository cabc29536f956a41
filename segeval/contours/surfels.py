"""How much surface lies at each corner between pixels or voxels, by the definition of DeepMind's surface-distance.

A place between four pixels (eight voxels) has the contour length (surface area) of the pattern that they make. In two
axes a single pixel and its negative have half a diagonal, two side by side the side between them, two across both
halves. In three axes the patterns are those of marching cubes (Lorensen and Cline 1987), each with the triangles that
the program's table gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Corner = tuple[int, ...]
Triangle = tuple[int, int, int]

ONE, TWO, DOUBLE = (1, 1, 1), (2, 2, 2), (2, 2, 0)
PATTERNS: tuple[tuple[str, tuple[Triangle, ...]], ...] = (
    ("111", (ONE,)),
    ("110 111", (DOUBLE, DOUBLE)),
    ("101 110", (ONE, ONE)),
    ("101 110 111", (ONE, TWO, (4, 0, 0))),
    ("100 101 110 111", ((4, 0, 0), (4, 0, 0))),
    ("011 101 110", (ONE, ONE, ONE)),
    ("011 101 110 111", (ONE, ONE, TWO, TWO)),
    ("011 100", (ONE, ONE)),
    ("011 100 111", ((0, 2, 2), (0, 2, 2), ONE)),
    ("011 100 110 111", ((0, 2, 2), ONE, (2, 0, 2), (3, 3, 3))),
    ("011 100 101 110", (ONE, ONE, TWO, (4, 0, 0))),
    ("010 011 100 101", (DOUBLE, DOUBLE, DOUBLE, DOUBLE)),
    ("000 011 101 110", (ONE, ONE, ONE, ONE)),
)
"""The corners that are inside, by their three places, and the projections of the triangles there, in eighths of a face.

All others are one of these turned, mirrored or with inside and outside exchanged; eight that are alike have none.
"""


def corner_weights(mask: Mask, valid: Mask, spacing: Sequence[float]) -> Floats:
    """Return the length of contour, or the area of surface, at each corner; 0 where its pixels are alike.

    Shape (H + 1, W + 1) or (D + 1, H + 1, W + 1); beyond the image is outside. Where a pixel at a corner is not valid
    there is none.
    """
    padded, known = np.pad(mask & valid, 1), np.pad(valid, 1, constant_values=True)
    codes = np.zeros(tuple(size + 1 for size in mask.shape), np.uint8)
    usable = np.ones(codes.shape, np.bool_)
    for bit, corner in enumerate(product((0, 1), repeat=mask.ndim)):
        at = tuple(slice(place, place + size) for place, size in zip(corner, codes.shape, strict=True))
        codes |= padded[at].astype(np.uint8) << bit
        usable &= known[at]
    table = _lengths(spacing) if mask.ndim == 2 else _areas(tuple(spacing))
    return np.where(usable, table[codes], 0.0)


def _lengths(spacing: Sequence[float]) -> Floats:
    height, width = spacing
    half = float(np.hypot(height, width)) / 2
    found = np.full(16, half)
    found[[0, 15]] = 0
    found[[0b0011, 0b1100]], found[[0b0101, 0b1010]] = width, height
    found[[0b0110, 0b1001]] = 2 * half
    return found


@lru_cache(maxsize=64)
def _areas(spacing: tuple[float, ...]) -> Floats:
    faces = np.array([spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]])
    found = np.zeros(256)
    for code, triangles in _triangles().items():
        found[code] = sum(float(np.linalg.norm(np.array(triangle) / 8 * faces)) for triangle in triangles)
    return found


@cache
def _triangles() -> dict[int, tuple[Triangle, ...]]:
    """Return the triangles of every pattern of eight voxels that are not alike."""
    found: dict[int, tuple[Triangle, ...]] = {}
    for written, triangles in PATTERNS:
        corners = [tuple(map(int, corner)) for corner in written.split()]
        for code, turned in _turned(corners, triangles):
            found[code] = found[255 - code] = turned
    return found


def _turned(corners: Sequence[Corner], triangles: tuple[Triangle, ...]) -> Iterator[tuple[int, tuple[Triangle, ...]]]:
    for axes in permutations(range(3)):
        first, second, third = axes
        moved = tuple((each[first], each[second], each[third]) for each in triangles)
        for mirrored in product((0, 1), repeat=3):
            code = 0
            for corner in corners:
                places = [corner[axis] ^ side for axis, side in zip(axes, mirrored, strict=True)]
                code |= 1 << (4 * places[0] + 2 * places[1] + places[2])
            yield code, moved
