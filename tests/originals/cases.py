"""Data sets as nnU-Net v2 has them, from seeds: a `dataset.json` with labels or regions, and small volumes of cases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.uint8]
SPACING = (3.0, 0.7, 0.8)
"""Millimetres from slice to slice, row to row and column to column."""


@dataclass(frozen=True)
class CaseSet:
    """Hold what `dataset.json` says, and ground truth and prediction, (D, H, W) uint8, of each case."""

    dataset: Mapping[str, Any]
    cases: Mapping[str, tuple[Volume, Volume]]


def case_set(seed: int) -> CaseSet:
    """Return two to four cases: labels where `seed` is a multiple of 4, else regions; an ignored label in odd seeds."""
    noise = np.random.RandomState(30_000 + seed)
    top = int(noise.randint(2, 5))
    labels: dict[str, Any] = {"background": 0}
    if seed % 4 == 0:
        labels |= {f"organ {value}": value for value in range(1, top + 1)}
    else:
        labels |= {f"from {value} on": list(range(value, top + 1)) for value in range(1, top)}
        labels["core"] = [top] if seed % 3 else top
        if seed % 5 == 2:
            labels["shell"] = [0, 1]
    names = [name for name in labels if name != "background"]
    dataset: dict[str, Any] = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    if seed % 4:
        dataset["regions_class_order"] = list(range(1, len(names) + 1))
    if seed % 2:
        labels["ignore"] = top + 1
    # A label that no case has makes the mean over the foreground undefined.
    used = np.arange(top + 1 - (seed % 7 == 6))
    cases = {}
    for number in range(int(noise.randint(2, 5))):
        shape = tuple(noise.randint(2, 7, 3))
        local = noise.permutation(used)[: noise.randint(1, len(used) + 1)]
        gt = noise.choice(local, shape)
        pred = np.where(noise.randint(0, 100, shape) < 70, gt, noise.choice(used, shape))
        if seed % 2:
            gt[noise.randint(0, 100, shape) < 15] = top + 1
            pred[noise.randint(0, 100, shape) < 5] = top + 1
        cases[f"case_{number:03}"] = gt.astype(np.uint8), pred.astype(np.uint8)
    return CaseSet({**dataset, "numTraining": len(cases)}, cases)


def write_dataset(found: CaseSet, folder: Path) -> Path:
    """Write `dataset.json`, its names in their order, which nnU-Net reads regions in."""
    path = folder / "dataset.json"
    path.write_text(json.dumps(found.dataset), encoding="utf-8")
    return path


def digest_of(sets: Iterable[CaseSet]) -> str:
    """Return sixteen digits of the SHA-256 of all that the sets hold."""
    found = hashlib.sha256()
    for entry in sets:
        found.update(json.dumps(entry.dataset).encode())
        for key, sides in entry.cases.items():
            found.update(key.encode())
            for side in sides:
                found.update(f"{side.shape}".encode() + side.tobytes())
    return found.hexdigest()[:16]
