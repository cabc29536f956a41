"""Random masks and maps from seeds: the same on every machine, so that golden files need to hold no pixels.

Drawn with numpy's legacy generator, whose stream is frozen, and with integers and divisions only, which round alike
everywhere. `label_set`, `volume_set`, `grey_set` and `probability_set` are the kinds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.evaluators import Mask, Masks


@dataclass(frozen=True)
class Profile:
    """Say what label sets may hold: how many classes from `first` on, where void lies, what predictions stray to.

    `unknown` is a value outside classes and void, in predictions, in the ground truth; `flat` makes all images of a
    set equally large.
    """

    fewest: int = 2
    most: int = 5
    first: int = 0
    void: int | None = None
    void_pred: bool = False
    unknown_pred: bool = False
    unknown_gt: bool = False
    flat: bool = False


PROFILES = {
    "plain": Profile(),
    "flat": Profile(void=255, unknown_pred=True, flat=True),
    "void": Profile(void=255),
    "void_pred": Profile(void=255, void_pred=True),
    "unknown_pred": Profile(void=255, unknown_pred=True),
    "ugly": Profile(void=255, void_pred=True, unknown_pred=True, unknown_gt=True),
    "one_class": Profile(fewest=1, most=1, void=255, void_pred=True),
    "binary": Profile(fewest=2, most=2),
    # Void is 0 and the classes follow, as in ADE20K; COCO-Stuff's stuff classes begin at 92.
    "from_1": Profile(first=1, void=0, void_pred=True, unknown_pred=True, unknown_gt=True),
    "from_92": Profile(first=92, void=0, void_pred=True),
    "from_92_unknown": Profile(first=92, void=0, unknown_pred=True, unknown_gt=True),
}


def label_set(profile: str, seed: int) -> Masks:
    """Return one to four images of a profile; the seed decides which classes are absent, and which only predicted."""
    kind = PROFILES[profile]
    noise = np.random.RandomState(seed)
    size = int(noise.randint(kind.fewest, kind.most + 1))
    classes = kind.first + np.arange(size)
    in_gt, in_pred = _classes_of_sides(classes, seed, noise)
    count = int(noise.randint(1, 5))
    shapes = noise.randint(2, 9, (count, 2))
    preds, gts = [], []
    for image in range(count):
        shape = tuple(shapes[0] if kind.flat else shapes[image])
        # Few images have every class: what is absent from an image is what averages over images differ on.
        local = noise.permutation(in_gt)[: noise.randint(1, len(in_gt) + 1)]
        gt = noise.choice(local, shape)
        pred = np.where(noise.randint(0, 100, shape) < 65, gt, noise.choice(in_pred, shape))
        if seed % 5 == 2 and image == 0:
            gt, pred = np.full(shape, classes[0]), np.full(shape, classes[0])
        if seed % 5 == 3 and image == 0:
            gt = np.full(shape, classes[0])
        _stray(kind, gt, pred, noise, wholly_void=seed % 7 == 3 and image == count - 1 and image > 0)
        preds.append(pred.astype(np.int64))
        gts.append(gt.astype(np.int64))
    return Masks(tuple(preds), tuple(gts), size, kind.void, kind.first)


def _classes_of_sides(
    classes: NDArray[np.int64], seed: int, noise: np.random.RandomState
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the classes that the ground truth and the predictions of a set may hold."""
    order = noise.permutation(len(classes))
    in_gt = np.ones(len(classes), bool)
    in_pred = np.ones(len(classes), bool)
    if seed % 3 == 0 and len(classes) > 1:
        in_gt[order[0]] = in_pred[order[0]] = False
    if seed % 4 == 1 and in_gt.sum() > 1:
        in_gt[order[-1]] = False
    if seed % 6 == 4 and in_gt.sum() > 1:
        in_pred[order[len(order) // 2]] = False
    return classes[in_gt], classes[in_pred] if in_pred.any() else classes[in_gt]


def _stray(kind: Profile, gt: Mask, pred: Mask, noise: np.random.RandomState, *, wholly_void: bool) -> None:
    """Put void and unknown values into both masks, as far as the profile has them."""
    unknown = kind.first + kind.most + int(noise.randint(0, 3))
    for mask, present, value, percent in (
        (gt, kind.void is not None, kind.void, 12),
        (pred, kind.void_pred, kind.void, 8),
        (pred, kind.unknown_pred, unknown, 6),
        (gt, kind.unknown_gt, unknown, 5),
    ):
        where = noise.randint(0, 100, mask.shape) < percent
        if present and value is not None:
            mask[where] = value
    if wholly_void and kind.void is not None:
        gt[:] = kind.void


def volume_set(seed: int) -> Masks:
    """Return two volumes (D, H, W), stacked from the images of a flat set; the second has its predictions reversed."""
    masks = label_set("flat", seed)
    pred, gt = np.stack(masks.pred), np.stack(masks.gt)
    return Masks((pred, pred[::-1]), (gt, gt), masks.size, masks.void)


@dataclass(frozen=True)
class GreyMaps:
    """Hold 8-bit maps of one class and their ground truth of 0 and 255, equally many, (H, W) each, uint8."""

    pred: tuple[NDArray[np.uint8], ...]
    gt: tuple[NDArray[np.uint8], ...]


def grey_set(seed: int) -> GreyMaps:
    """Return one to five maps: without foreground, flat, dark or full-range ones among them."""
    noise = np.random.RandomState(10_000 + seed)
    preds, gts = [], []
    for image in range(int(noise.randint(1, 6))):
        shape = tuple(noise.randint(3, 14, 2))
        foreground = noise.randint(0, 100, shape) < noise.randint(5, 70)
        if (seed + image) % 6 == 5:
            foreground[:] = False
        low, high = sorted(noise.randint(0, 256, 2))
        level = noise.randint(low, high + 1, shape)
        likely = np.where(foreground, 255 - noise.randint(0, 120, shape), noise.randint(0, 120, shape))
        level = np.where(noise.randint(0, 100, shape) < 60, likely, level)
        if (seed + image) % 9 == 4:
            level[:] = low
        if (seed + image) % 9 == 7:
            level[:] = 0
        preds.append(level.astype(np.uint8))
        gts.append((foreground * 255).astype(np.uint8))
    if not any(gt.any() for gt in gts):
        gts[0][0, 0] = 255
    return GreyMaps(tuple(preds), tuple(gts))


@dataclass(frozen=True)
class ProbabilityMaps:
    """Hold float32 maps (K, H, W) whose classes sum to 1 within rounding, and their ground truth (H, W), void 255."""

    maps: tuple[NDArray[np.float32], ...]
    gt: tuple[Mask, ...]
    size: int


def probability_set(seed: int, *, bins: int = 15) -> ProbabilityMaps:
    """Return one to three images of two to five classes; no probability lies within 1e-6 of an edge of `bins` bins."""
    noise = np.random.RandomState(20_000 + seed)
    size = int(noise.randint(2, 6))
    maps, gts = [], []
    for _ in range(int(noise.randint(1, 4))):
        height, width = (int(side) for side in noise.randint(3, 12, 2))
        gt = noise.randint(0, size - (seed % 4 == 1), (height, width)).astype(np.int64)
        weights = noise.randint(1, 900, (size, height, width))
        right = noise.randint(0, 100, (height, width)) < 70
        np.put_along_axis(weights, gt[None], np.take_along_axis(weights, gt[None], 0) + right * 2003, 0)
        p = (weights / weights.sum(axis=0)).astype(np.float32)
        while (near := _near_an_edge(p, bins)).any():
            weights[0] += near.any(axis=0)
            p = (weights / weights.sum(axis=0)).astype(np.float32)
        gt[noise.randint(0, 100, gt.shape) < 8] = 255
        maps.append(p)
        gts.append(gt)
    return ProbabilityMaps(tuple(maps), tuple(gts), size)


def _near_an_edge(p: NDArray[np.float32], bins: int) -> NDArray[np.bool_]:
    scaled = p.astype(np.float64) * bins
    return np.asarray(np.abs(scaled - np.round(scaled)) < bins * 1e-6)


def inputs_of(name: str, seed: int) -> Masks | GreyMaps | ProbabilityMaps:
    """Return the set that a golden file names."""
    if name == "grey":
        return grey_set(seed)
    if name == "probability":
        return probability_set(seed)
    if name == "volume":
        return volume_set(seed)
    return label_set(name, seed)


def digest(sets: Iterable[Masks | GreyMaps | ProbabilityMaps]) -> str:
    """Return sixteen digits of the SHA-256 of all pixels, by which a golden file knows that its inputs are the same."""
    found = hashlib.sha256()
    for entry in sets:
        sides = (entry.maps, entry.gt) if isinstance(entry, ProbabilityMaps) else (entry.pred, entry.gt)
        for side in sides:
            for mask in side:
                found.update(f"{mask.dtype.name}{mask.shape}".encode())
                found.update(np.ascontiguousarray(mask).tobytes())
    return found.hexdigest()[:16]
