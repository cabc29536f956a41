"""The gallery of a page: images as pictures within each other's frame, as many as a page has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.pictures.pagetext import Layer, Shot, data_url, shown
from segeval.pictures.panels import Panels, class_colors, jpeg_bytes, panels, png_bytes
from segeval.protocol.labeling import VOID, Labeling
from segeval.records import dataclass

if TYPE_CHECKING:
    from PIL import Image

    from segeval.measuring.picturing import Scene

MOST_BYTES = 3_500_000
"""Characters that the pictures of one page may take together."""
MOST_PAIRS = 60
"""Mistakes that an image is found by."""
TOLD = {"photo": "the image", "gt": "ground truth", "pred": "prediction", "errors": "errors"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Name an image of the gallery, and what is said of it."""

    key: str
    told: str
    miou: float
    gain: float


def shots(
    entries: Iterable[Entry],
    read: Callable[[str], Scene],
    labeling: Labeling,
    photo_of: Callable[[str], Image.Image] | None = None,
) -> tuple[list[Shot], int]:
    """Draw images one by one while there is room; returns them, and how many were left out."""
    colors = class_colors(labeling.classes)
    found: list[Shot] = []
    room, left_out = MOST_BYTES, 0
    for entry in entries:
        if room <= 0:
            left_out += 1
            continue
        scene = read(entry.key)
        drawn = panels(scene.gt, scene.pred, colors, photo_of(entry.key) if photo_of else None, VOID)
        shot = _shot(entry, scene, drawn)
        room -= shot.size
        if room < 0 and found:
            left_out += 1
            continue
        found.append(shot)
    return found, left_out


def _shot(entry: Entry, scene: Scene, drawn: Panels) -> Shot:
    layers = [] if drawn.photo is None else [("photo", "image/jpeg", jpeg_bytes(drawn.photo))]
    layers += [(kind, "image/png", png_bytes(getattr(drawn, kind))) for kind in ("gt", "pred", "errors")]
    height, width = drawn.gt.shape[:2]
    key = shown(entry.key)
    return Shot(
        key=key,
        told=shown(entry.told),
        miou=entry.miou,
        gain=entry.gain,
        pairs=" ".join(mistakes(scene.gt, scene.pred)),
        width=width,
        height=height,
        layers=[Layer(kind, f"{TOLD[kind]} of {key}", data_url(form, data)) for kind, form, data in layers],
    )


def mistakes(gt: NDArray[np.int32], pred: NDArray[np.int32]) -> Sequence[str]:
    """Return the mistakes of an image as "row-column" by position of the classes, the largest first."""
    wrong = (gt >= 0) & (pred >= 0) & (gt != pred)
    cells, pixels = np.unique(gt[wrong].astype(np.int64) << 32 | pred[wrong], return_counts=True)
    ranked = np.argsort(-pixels, kind="stable")[:MOST_PAIRS]
    return [f"{cell >> 32}-{cell & 0xFFFFFFFF}" for cell in cells[ranked].tolist()]
