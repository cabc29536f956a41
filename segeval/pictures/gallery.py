"""The galleries of a page: images as pictures over each other, as many as a page has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.pictures.pagetext import Layer, Shot, Stage, data_url, shown
from segeval.pictures.panels import (
    Indices,
    Panels,
    Photo,
    boxed,
    class_colors,
    cropped_photo,
    jpeg_bytes,
    panels,
    png_bytes,
)
from segeval.pictures.setcolors import of_sets
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.measuring.picturing import Scene
    from segeval.protocol.labeling import SegmentationClass

MOST_BYTES = 3_500_000
"""Characters that the pictures of one page may take together."""
MOST_PAIRS = 60
"""Mistakes that an image is found by."""
LEAST_MARGIN = 24
"""Pixels that are seen around a region at least."""
TOLD = {"photo": "image", "gt": "ground truth", "pred": "prediction", "errors": "errors"}
SHARED = ("photo", "gt")
"""Pictures that all stages of an image have in common."""
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """Name an image of a gallery, what is said of it, and by which numbers it is ordered; see `Shot`."""

    key: str
    told: Sequence[str]
    ranks: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Say how the predictions of one run are looked at: by which name, read how, and with which colours.

    `colors` has a row a class, then those of what is outside and of void (see `class_colors`); `wrong` gives the wrong
    pixels of each class that an image has (see `class_errors`).
    """

    name: str
    read: Callable[[str], Scene]
    colors: NDArray[np.uint8]
    wrong: Callable[[str], Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Shots:
    """Hold the images that were drawn, and how many were left out."""

    drawn: Sequence[Shot]
    left_out: int


def shots(draws: Iterable[Callable[[], Shot]], room: int) -> Shots:
    """Draw images one by one while there is room."""
    found: list[Shot] = []
    left_out = 0
    for draw in draws:
        shot = draw() if room > 0 else None
        room -= 0 if shot is None else shot.size
        if shot is None or (room < 0 and found):
            left_out += 1
        else:
            found.append(shot)
    return Shots(found, left_out)


def image_shot(entry: Entry, views: Sequence[View], photo_of: Callable[[str], Photo] | None) -> Shot:
    """Draw a whole image, with one stage a view; its photo and ground truth are in the first one alone.

    It is ordered by the errors of the last view.
    """
    photo = photo_of(entry.key) if photo_of else None
    stages: list[Stage] = []
    pairs: Sequence[str] = ()
    for view in views:
        scene = view.read(entry.key)
        drawn = drawn_scene(scene, view.colors, None if stages else photo)
        if not stages:
            height, width = drawn.gt.shape[:2]
            pairs = () if scene.sets else mistakes(scene.gt, scene.pred)
            part = scene.part
        stages.append(_stage(view.name, shown(entry.key), drawn, shared=not stages))
    told = [*entry.told, *([f"slice {part[0]} of {part[1]}"] if part else [])]
    wrong = views[-1].wrong(entry.key)
    return Shot(shown(entry.key), list(map(shown, told)), entry.ranks, " ".join(pairs), wrong, width, height, stages)


def region_shot(entry: Entry, box: Box, pair: str, view: View, photo_of: Callable[[str], Photo] | None) -> Shot:
    """Draw what lies in and around the box of a region (left, top, right, bottom), and the box; `pair` as in `Shot`."""
    scene = view.read(entry.key)
    left, top, right, bottom = box
    height, width = scene.gt.shape
    seen = window(box, width, height)
    photo = None if photo_of is None else cropped_photo(photo_of(entry.key), seen, (width, height))
    part = np.s_[seen[1] : seen[3], seen[0] : seen[2]]
    inner = (left - seen[0], top - seen[1], right - seen[0], bottom - seen[1])
    drawn = boxed(panels(scene.gt[part], scene.pred[part], view.colors, photo), inner)
    stage = _stage("", shown(entry.key), drawn, shared=True)
    told = list(map(shown, entry.told))
    rows, columns = drawn.gt.shape[:2]
    return Shot(shown(entry.key), told, entry.ranks, pair, {}, columns, rows, [stage])


def window(box: Box, width: int, height: int) -> Box:
    """Return what is seen around a box: a square within the image, as far as that goes, with the box in its middle."""
    left, top, right, bottom = box
    longer = max(right - left, bottom - top)
    side = longer + 2 * max(LEAST_MARGIN, longer // 2)
    across, down = min(side, width), min(side, height)
    x = min(max(0, (left + right - across) // 2), width - across)
    y = min(max(0, (top + bottom - down) // 2), height - down)
    return x, y, x + across, y + down


def drawn_scene(scene: Scene, colors: NDArray[np.uint8], photo: Photo | None) -> Panels:
    """Draw an image; where a pixel may be of several classes it has the mean of their colours."""
    if not scene.sets:
        return panels(scene.gt, scene.pred, colors, photo)
    gt, pred, mixed = of_sets(scene.gt, scene.pred, colors)
    return panels(gt, pred, mixed, photo)


def _stage(name: str, key: str, drawn: Panels, *, shared: bool) -> Stage:
    layers = []
    if shared and drawn.photo is not None:
        layers.append(("photo", data_url("image/jpeg", jpeg_bytes(drawn.photo))))
    kinds = [kind for kind in ("gt", "pred", "errors") if shared or kind not in SHARED]
    layers += [(kind, data_url("image/png", png_bytes(getattr(drawn, kind)))) for kind in kinds]
    of = f" of {name}" if name else ""
    words = {kind: f"{TOLD[kind]}{of if kind not in SHARED else ''}" for kind, _ in layers}
    return Stage(name, [Layer(kind, words[kind], f"{words[kind]}: {key}", data) for kind, data in layers])


def legend(classes: Sequence[SegmentationClass]) -> list[tuple[str, str]]:
    """Return the name and the colour of each class."""
    colors = class_colors(classes).tolist()
    return [
        (shown(entry.name, 40), f"#{red:02x}{green:02x}{blue:02x}")
        for entry, (red, green, blue) in zip(classes, colors, strict=False)
    ]


def mistakes(gt: Indices, pred: Indices) -> Sequence[str]:
    """Return the mistakes of an image as "row-column" by position of the classes, the largest first."""
    wrong = (gt >= 0) & (pred >= 0) & (gt != pred)
    cells, pixels = np.unique(gt[wrong].astype(np.int64) << 32 | pred[wrong], return_counts=True)
    ranked = np.argsort(-pixels, kind="stable")[:MOST_PAIRS]
    return [f"{cell >> 32}-{cell & 0xFFFFFFFF}" for cell in cells[ranked].tolist()]
