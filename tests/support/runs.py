"""Runs made by rule for the tests of run files: of masks and of maps of every kind, with names of every sort."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from segeval.protocol.labeling import NO_PREDICTION
from segeval.protocol.mapkinds import EIGHT_BIT, FLOAT, SIXTEEN_BIT
from segeval.protocol.protocol import Protocol
from segeval.protocol.settings import LossSettings, Probabilities
from segeval.runs.run import Maps, Row, Run, sort_key
from segeval.scores.calibration import confidence_bins
from segeval.scores.lossums import float_sums
from segeval.tables.counts import joint_counts, table
from segeval.tables.floatlevels import LevelCounts, add_levels, count_float_levels
from segeval.tables.levels import count_levels

KINDS = (
    None,
    Maps(EIGHT_BIT, 1),
    Maps(EIGHT_BIT, 3),
    Maps(SIXTEEN_BIT, 1),
    Maps(SIXTEEN_BIT, 3),
    Maps(FLOAT, 1),
    Maps(FLOAT, 2),
)
"""What the predictions of a run are: `None` for label masks."""
TYPES = {"uint8": np.uint8, "uint16": np.uint16, "float": np.float32}
NAMES = (
    "a",
    "b/c",
    "é",
    "帧",
    "new\nline",
    "tab\t",
    "\x1b[31m",
    "lone \udc80\udcff",
    "日/本",
    "[red]",
    "\u202e",
    "Z",
    "a b",
)


def protocol_of(maps: Maps | None) -> Protocol:
    return Protocol(probabilities=Probabilities() if maps else None, missing="miss")


def digest_of(array: NDArray[np.uint8]) -> str:
    return f"blake2b:{hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()}"


def row_of(key: str, maps: Maps | None, seed: int) -> tuple[Row, tuple[LevelCounts, ...]]:
    """Make an image of up to 4x5 pixels and its maps from `seed`, and count it."""
    random = np.random.default_rng(seed)
    size = tuple(random.integers(1, 5, 2).tolist())
    classes = 2 if maps is None else max(2, maps.count)
    gt = random.choice(np.array([*range(classes), 255], np.uint8), size)
    row = partial(Row, key, size[0], size[1], digest_of(gt))
    if seed % 7 == 3:
        alone = joint_counts(gt=gt, pred=np.zeros(size, np.uint8))
        return row(table(alone.gt, np.full(len(alone), NO_PREDICTION), alone.pixels)), ()
    if maps is None:
        return row(joint_counts(gt=gt, pred=random.integers(-1, 3, size))), ()
    top = {"uint8": 256, "uint16": 65536}.get(maps.kind.name)
    arrays: list[NDArray[Any]] = [
        random.integers(0, top, size, TYPES[maps.kind.name]) if top else random.random(size, np.float32)
        for _ in range(maps.count)
    ]
    if maps.count == 1:
        scale = top - 1 if top else 1
        labels = (arrays[0].astype(np.float64) / scale > 0.5).astype(np.uint8)
    else:
        labels = np.argmax(np.stack(arrays), axis=0).astype(np.uint8)
    counts = joint_counts(gt=gt, pred=labels)
    if maps.count > 1:
        best, correct = np.max(np.stack(arrays), axis=0), labels == gt
        row = partial(row, confidence=confidence_bins(best, correct, gt != 255, maps.kind))
    if maps.count == 1 and not maps.in_rows:
        shades = np.floor(arrays[0] / (top - 1 if top else 1) * 255).astype(np.uint8)
        row = partial(row, shades=count_levels(shades, gt == 1, gt != 255, levels=256))
    if maps.in_rows:
        return row(counts, tuple(joint_counts(gt=gt, pred=array) for array in arrays), unnormalised=seed % 2), ()
    valid = gt != 255
    positives = [gt == index for index in ((1,) if maps.count == 1 else range(maps.count))]
    sums = tuple(
        float_sums(array, positive, valid, LossSettings()) for array, positive in zip(arrays, positives, strict=True)
    )
    levels = tuple(
        count_levels(array, positive, valid, levels=top)
        if top
        else count_float_levels(array, positive, valid, threshold=0.5)
        for array, positive in zip(arrays, positives, strict=True)
    )
    return row(counts, (), sums), levels


def run_of(maps: Maps | None, images: Sequence[tuple[str, int]]) -> Run:
    """Make a run of (key, seed) of each image."""
    levels: tuple[LevelCounts, ...] = ()
    rows = []
    for key, seed in sorted(images, key=lambda image: sort_key(image[0])):
        row, found = row_of(key, maps, seed)
        rows.append(row)
        if found:
            levels = tuple(map(add_levels, zip(levels, found, strict=True))) if levels else found
    return Run(protocol_of(maps), tuple(rows), maps, levels)


keys = st.one_of(
    st.sampled_from(NAMES),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
)
kinds = st.sampled_from(KINDS)


@st.composite
def image_lists(draw: st.DrawFn, *, most: int = 5) -> list[tuple[str, int]]:
    """Draw images with keys that differ in bytes."""
    names = draw(st.lists(keys, max_size=most, unique_by=sort_key))
    return [(name, draw(st.integers(0, 99))) for name in names]
