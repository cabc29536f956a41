"""Label planes and volumes for the programs of contours: drawn with whole numbers, alike on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
SPACINGS = ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (3.0, 0.75, 0.75), (5.0, 0.9375, 0.9375), (0.5, 1.25, 2.5))


@dataclass(frozen=True)
class Shapes:
    """Hold a pair of label arrays of two or three axes, its classes, and the spacing of its axes."""

    gt: Labels
    pred: Labels
    classes: int
    spacing: tuple[float, ...]


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], size: int) -> NDArray[np.int64]:
    """Draw a surface of whole numbers: noise summed over boxes, twice."""
    field = rng.integers(-1000, 1000, tuple(side + 2 * size for side in shape))
    for axis in range(len(shape)):
        for _ in range(2):
            sums = np.cumsum(field, axis=axis)
            field = sums.take(range(size, sums.shape[axis]), axis) - sums.take(range(sums.shape[axis] - size), axis)
    return field


def shapes(seed: int, axes: int) -> Shapes:
    """Draw one pair: blobs, and every tenth time something ugly. Even seeds have two classes, odd ones four."""
    rng = np.random.default_rng((20240229, axes, seed))
    low, high = (12, 48) if axes == 2 else (6, 14)
    shape = (360, 480) if axes == 2 and seed % 100 == 99 else tuple(int(side) for side in rng.integers(low, high, axes))
    classes = 11 if shape == (360, 480) else 4 if seed % 2 else 2
    size = 20 if shape == (360, 480) else int(rng.integers(2, 7 if axes == 2 else 4))
    fields = np.stack([_smooth(rng, shape, size) for _ in range(classes)])
    bumps = np.stack([_smooth(rng, shape, size) for _ in range(classes)])
    gt = fields.argmax(axis=0).astype(np.uint8)
    pred = (fields + bumps * int(rng.integers(1, 8)) // 8).argmax(axis=0).astype(np.uint8)
    gt, pred = _ugly(seed % 10, rng, gt, pred)
    return Shapes(gt, pred, classes, tuple(SPACINGS[int(rng.integers(len(SPACINGS)))][-axes:]))


def spots(seed: int, axes: int) -> Shapes:
    """Draw sparse spots of class 1, and a prediction that misses some, joins some and has some of its own."""
    rng = np.random.default_rng((20240301, axes, seed))
    low, high = (30, 70) if axes == 2 else (12, 28)
    shape = tuple(int(side) for side in rng.integers(low, high, axes))
    size = int(rng.integers(2, 5))
    field, bumps = _smooth(rng, shape, size), _smooth(rng, shape, size)
    shared = field + bumps * int(rng.integers(1, 7)) // 8
    share = int(rng.integers(3, 15))
    gt, pred = ((side >= np.sort(side, axis=None)[-side.size * share // 100]) for side in (field, shared))
    sides = [side.astype(np.uint8) for side in (gt, pred)]
    if seed % 10 in (3, 4):
        sides[seed % 10 - 3][:] = 0
    elif seed % 10 == 5:
        sides[0][:], sides[1][:] = 0, 0
    elif seed % 10 == 6:  # nothing but single elements
        sides = [(rng.integers(0, 40, shape) == 0).astype(np.uint8) for _ in range(2)]
    spacing = SPACINGS[int(rng.integers(len(SPACINGS)))][-axes:]
    return Shapes(sides[0], sides[1], 2, tuple(spacing) if seed % 2 else (1.0,) * axes)


def _ugly(kind: int, rng: np.random.Generator, gt: Labels, pred: Labels) -> tuple[Labels, Labels]:
    if kind == 3:  # a class that only one side has
        return gt, np.where(pred == 1, 0, pred).astype(np.uint8)
    if kind == 4:
        return np.where(gt == 1, 0, gt).astype(np.uint8), pred
    if kind == 5:  # one element each
        gt, pred = np.zeros_like(gt), np.zeros_like(pred)
        gt[tuple(int(rng.integers(side)) for side in gt.shape)] = 1
        pred[tuple(int(rng.integers(side)) for side in gt.shape)] = 1
    elif kind == 6:  # a frame of background, so that nothing touches the edge
        for side in (gt, pred):
            inner = np.zeros(side.shape, np.bool_)
            inner[tuple(slice(1, -1) for _ in side.shape)] = True
            side[~inner] = 0
    elif kind == 7:
        gt, pred = (rng.integers(0, 2, gt.shape).astype(np.uint8) for _ in range(2))
    elif kind == 8:  # everything, and everything but a corner
        gt, pred = np.ones_like(gt), np.ones_like(pred)
        pred[tuple(slice(0, side // 2) for side in pred.shape)] = 0
    elif kind == 9:
        pred = gt.copy()
    return gt, pred


def digest_of(sets: Iterable[Shapes]) -> str:
    """Return sixteen digits of the SHA-256 of all elements."""
    found = hashlib.sha256()
    for entry in sets:
        for side in (entry.gt, entry.pred):
            found.update(f"{side.shape}{entry.spacing}".encode())
            found.update(np.ascontiguousarray(side).tobytes())
    return found.hexdigest()[:16]


def by_class(entry: Shapes, ask: Any) -> dict[str, Any]:
    """Ask about each class: `ask` takes its ground truth and prediction as bool arrays, and the spacing."""
    return {str(one): ask(entry.gt == one, entry.pred == one, entry.spacing) for one in range(entry.classes)}
