"""Small folders of masks and maps for the tests of intervals, images and comparisons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Masks = dict[str, NDArray[np.uint8]]
KEYS = ("a/0", "a/1", "a/2", "b/0", "b/1", "c/0", "c/1")


def drawn_masks(seed: int, *, size: int = 4, keys: tuple[str, ...] = KEYS) -> Masks:
    """Draw ground truth: blocks of classes, some classes absent from some images, some pixels void."""
    draw = np.random.default_rng(seed)
    masks = {}
    for key in keys:
        classes = draw.choice(size, draw.integers(2, size + 1), replace=False)
        mask = draw.choice(classes, (10, 12)).astype(np.uint8)
        mask[draw.random((10, 12)) < 0.05] = 255
        masks[key] = mask
    return masks


def predicted(gt: Masks, seed: int, *, right: float, size: int = 4) -> Masks:
    """Draw what a model that is right for a share of the pixels makes of it."""
    draw = np.random.default_rng(seed)
    wrong = {key: draw.integers(0, size, mask.shape, np.uint8) for key, mask in gt.items()}
    return {
        key: np.where((draw.random(mask.shape) < right) & (mask != 255), mask, wrong[key]) for key, mask in gt.items()
    }


def write(root: Path, masks: Masks) -> Path:
    """Write masks as gray PNGs."""
    for key, mask in masks.items():
        path = root / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    return root


def counted(pred: NDArray[np.uint8], gt: NDArray[np.uint8], index: int) -> tuple[int, int, int]:
    """Count tp, fp and fn of one class by a loop over pixels; 255 is void."""
    tp = fp = fn = 0
    for answer, truth in zip(pred.ravel().tolist(), gt.ravel().tolist(), strict=True):
        if truth == 255:
            continue
        tp += answer == truth == index
        fp += answer == index != truth
        fn += truth == index != answer
    return tp, fp, fn
