"""Small folders of probability maps in every layout, and their losses by a loop over pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
NAMES = ("sky", "road", "car")
KEYS = ("a", "night/b")
VOID = 255


def save_png(path: Path, values: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def save_npy(path: Path, values: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def save_npz(path: Path, values: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, values)


def save_gt(root: Path, images: Sequence[Array]) -> Path:
    for key, image in zip(KEYS, images, strict=False):
        save_png(root / f"{key}.png", image)
    return root


def converted(levels: Array, kind: str) -> Array:
    """Turn 8-bit levels into the same probabilities of another type: 16 bits hold them exactly."""
    if kind == "uint8":
        return levels.astype(np.uint8)
    if kind == "uint16":
        return levels.astype(np.uint16) * np.uint16(257)
    return (levels / 255).astype(kind)


def _in_folders(names: Sequence[str], kind: str) -> Callable[[Path, str, Array], None]:
    def write(root: Path, key: str, maps: Array) -> None:
        for name, single in zip(names, maps, strict=True):
            save_png(root / name / f"{key}.png", converted(single, kind))

    return write


def _in_arrays(suffix: str, kind: str) -> Callable[[Path, str, Array], None]:
    def write(root: Path, key: str, maps: Array) -> None:
        save = save_npz if suffix == "npz" else save_npy
        save(root / f"{key}.{suffix}", converted(maps, kind))

    return write


KINDS = ("uint8", "uint16", "float16", "float32", "float64")
LAYOUTS: Mapping[str, Callable[[Path, str, Array], None]] = {
    "folders by name, uint8": _in_folders(NAMES, "uint8"),
    "folders by name, uint16": _in_folders(NAMES, "uint16"),
    "folders by id, uint8": _in_folders(("0", "1", "2"), "uint8"),
    **{f"{suffix}, {kind}": _in_arrays(suffix, kind) for suffix in ("npy", "npz") for kind in KINDS},
}
"""Layouts of (K, H, W) 8-bit levels: each writes one image's maps below a folder."""


def _one_png(kind: str) -> Callable[[Path, str, Array], None]:
    return lambda root, key, levels: save_png(root / f"{key}.png", converted(levels, kind))


def _one_array(kind: str, *, leading: bool) -> Callable[[Path, str, Array], None]:
    def write(root: Path, key: str, levels: Array) -> None:
        values = converted(levels, kind)
        save_npy(root / f"{key}.npy", values[None] if leading else values)

    return write


BINARY_LAYOUTS: Mapping[str, Callable[[Path, str, Array], None]] = {
    **{f"png, {kind}": _one_png(kind) for kind in ("uint8", "uint16")},
    **{f"npy (H, W), {kind}": _one_array(kind, leading=False) for kind in KINDS},
    **{f"npy (1, H, W), {kind}": _one_array(kind, leading=True) for kind in KINDS},
}


@dataclass(frozen=True)
class NaiveLosses:
    """Losses of (gt, maps) pixel by pixel: one-vs-rest by class, and on the true class."""

    bce: list[float | None]
    focal: list[float | None]
    cross_entropy: float | None
    focal_cross_entropy: float | None


def _log(value: float) -> float:
    return max(math.log(value), -100.0) if value > 0 else -100.0


def naive_losses(
    pixels: Sequence[tuple[int, Sequence[float]]],
    positives: Sequence[int],
    *,
    eps: float | str,
    gamma: float = 2.0,
    alpha: float | str | None = 0.25,
    pos_weight: float | str = 1.0,
    class_weights: Sequence[float] | str | None = None,
) -> NaiveLosses:
    """Loop over (true class, probabilities): `positives` names the class that each map describes."""
    bces: list[float | None] = []
    focals: list[float | None] = []
    counts = [sum(true == positive for true, _ in pixels) for positive in positives]
    for index, positive in enumerate(positives):
        n_pos, n_neg = counts[index], len(pixels) - counts[index]
        both = bool(n_pos and n_neg)
        q = (n_neg / n_pos if both else None) if pos_weight == "auto" else float(pos_weight)
        a = (n_neg / (n_neg + n_pos) if both else None) if alpha == "auto" else alpha
        bce, focal = [], []
        for true, maps in pixels:
            p = maps[index]
            if not isinstance(eps, str):
                p = min(max(p, eps), 1 - eps)
            hit = true == positive
            cost = -_log(p) if hit else min(-math.log1p(-p), 100.0) if p < 1 else 100.0
            bce.append(cost * (float(q or 0) if hit else 1.0))
            weight = 1.0 if a is None else float(a) if hit else 1 - float(a)
            focal.append(weight * (1 - p if hit else p) ** gamma * cost)
        bces.append(None if q is None else math.fsum(bce) / len(pixels))
        focals.append(None if alpha == "auto" and a is None else math.fsum(focal) / len(pixels))
    present = sum(count > 0 for count in counts)
    if class_weights == "auto":
        class_weights = [len(pixels) / (present * count) if count else 0.0 for count in counts]
    weights = [1.0] * len(positives) if class_weights is None else [float(weight) for weight in class_weights]
    top, focal_top, bottom = [], [], []
    for true, maps in pixels:
        index = positives.index(true) if true in positives else 0
        p = maps[index]
        if not isinstance(eps, str):
            p = min(max(p, eps), 1 - eps)
        top.append(weights[index] * -_log(p))
        focal_top.append(weights[index] * (1 - p) ** gamma * -_log(p))
        bottom.append(weights[index])
    whole = math.fsum(bottom)
    return NaiveLosses(
        bces,
        focals,
        math.fsum(top) / whole if whole else None,
        math.fsum(focal_top) / whole if whole else None,
    )


def valid_pixels(gts: Sequence[Array], maps: Sequence[Array]) -> Iterator[tuple[int, list[float]]]:
    """Yield (true class, p of each map) of every pixel that is not void; maps as probabilities (K, H, W)."""
    for gt, probabilities in zip(gts, maps, strict=True):
        for row in range(gt.shape[0]):
            for column in range(gt.shape[1]):
                if gt[row, column] != VOID:
                    yield int(gt[row, column]), [float(p) for p in probabilities[:, row, column]]


def mean_of(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None
