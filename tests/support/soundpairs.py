"""Sound pairs of label masks, counted once: a mistake of values is made in the table, which has all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.runs.run import Row
from segeval.tables.counts import JointCounts, joint_counts, table
from tests.support.properties import some

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"sample_masks": ROOT / "sample_masks", "camvid": ROOT.parent / "shared" / "camvid-val"}
VOIDS = {"sample_masks": (), "camvid": (11,)}
"""Void of a data set beside 255."""
Mask = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Pair:
    name: str
    gt: Mask
    pred: Mask

    @cached_property
    def counts(self) -> JointCounts:
        return joint_counts(gt=self.gt, pred=self.pred)

    def row(self, gt: Mask, pred: Mask) -> Row:
        """Return what is counted of the pair where each of 256 values has become another, on either side."""
        sound = self.counts
        changed = table(gt[sound.gt], pred[sound.pred], sound.pixels)
        return Row(self.name, self.gt.shape[0], self.gt.shape[1], self.name, changed)


@cache
def pairs(name: str) -> tuple[Pair, ...]:
    """Return the pairs of a data set of train ids, with 255 for all of its void."""
    folder = FOLDERS[name]
    if not folder.is_dir():
        pytest.skip(f"the masks of {name} are not here")
    found = []
    for path in sorted((folder / "gt").rglob("*.png")):
        key = path.relative_to(folder / "gt")
        gt, pred = (np.asarray(Image.open(folder / side / key)) for side in ("gt", "pred"))
        found.append(Pair(key.as_posix(), np.where(np.isin(gt, VOIDS[name]), 255, gt).astype(np.uint8), pred))
    return tuple(found)


FEW = 20


def alone(name: str) -> Sequence[Pair]:
    """Return the pairs to be tried one by one: of many, a quarter where a change is checked."""
    found = pairs(name)
    return found if len(found) < FEW else some(found)


def values(changes: Mapping[int, int], others: int | None = None) -> NDArray[np.int64]:
    """Return what 256 values become: those that change, and all others as they are or one value."""
    kept = range(256) if others is None else [others] * 256
    return np.array([changes.get(value, other) for value, other in enumerate(kept)], np.int64)
