"""Suspected label errors: regions in which confident predictions disagree with the ground truth."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.measuring.picturing import Scene
from segeval.records import dataclass
from segeval.scores.lossums import kind_of_array

CONFIDENT = 0.95
"""The probability from which a prediction is confident."""
LEAST_P = 1e-6
"""What the p of a ground truth that the map rules out is taken for, as a loss needs one."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Hold one region: its box in pixels (left, top, right, bottom; the last two are outside), and what disagrees.

    `gt` and `pred` are the positions of the class that stands there and of the one that most of its pixels are
    predicted as; `loss` is the sum of -ln p of the ground truth over its pixels.
    """

    key: str
    box: tuple[int, int, int, int]
    pixels: int
    gt: int
    pred: int
    loss: float


def suspects(scenes: Iterable[Scene], most: int, confident: float = CONFIDENT) -> list[Suspect]:
    """Return the regions of largest summed loss of all images, the largest first, at most `most`.

    A region is 4-connected, of pixels of one class of the ground truth that the map of another class gives at least
    `confident`.
    """
    kept: list[tuple[float, str, tuple[int, int, int, int], Suspect]] = []
    for scene in scenes:
        for one in regions(scene, confident):
            entry = (one.loss, one.key, one.box, one)
            if len(kept) < most:
                heapq.heappush(kept, entry)
            else:
                heapq.heappushpop(kept, entry)
    return [entry[3] for entry in sorted(kept, key=lambda entry: (-entry[0], entry[1], entry[2]))]


def regions(scene: Scene, confident: float) -> list[Suspect]:
    """Return the regions of one image; none where it has no probability maps."""
    if not scene.maps:
        return []
    best, true = _probabilities(scene)
    doubted = (scene.gt >= 0) & (scene.pred >= 0) & (scene.gt != scene.pred) & (best >= confident)
    if not doubted.any():
        return []
    loss = -np.log(np.maximum(true, LEAST_P))
    found = []
    rows, columns, region = _connected(doubted, scene.gt)
    order = np.argsort(region, kind="stable")
    starts = np.flatnonzero(np.diff(region[order], prepend=-1))
    for part in np.split(order, starts[1:]):
        y, x = rows[part], columns[part]
        predicted = np.bincount(scene.pred[y, x])
        box = (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
        summed = float(np.sum(loss[y, x]))
        found.append(Suspect(scene.key, box, len(part), int(scene.gt[y[0], x[0]]), int(predicted.argmax()), summed))
    return found


def _probabilities(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of the predicted class of each pixel, and that of its ground truth."""
    top = kind_of_array(scene.maps[0]).top
    best, true = np.zeros(scene.gt.shape), np.zeros(scene.gt.shape)
    if len(scene.maps) == 1:
        p = scene.maps[0].astype(np.float64) / top
        (described,) = scene.described
        best = np.where(scene.pred == described, p, 1 - p)
        true = np.where(scene.gt == described, p, 1 - p)
        return best, true
    for described, array in zip(scene.described, scene.maps, strict=True):
        p = array.astype(np.float64) / top
        best = np.maximum(best, p)
        if described is not None:
            true = np.where(scene.gt == described, p, true)
    return best, true


def _connected(
    chosen: NDArray[np.bool_], label: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return row, column and region of each chosen pixel; neighbours of one label share a region.

    Regions are merged until nothing changes, each pixel pointing to the first one that it is known to be joined to.
    """
    rows, columns = np.nonzero(chosen)
    place = np.full(chosen.shape, -1, np.intp)
    place[rows, columns] = np.arange(len(rows))
    edges = []
    for ahead, behind in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        both = chosen[ahead] & chosen[behind] & (label[ahead] == label[behind])
        edges.append(np.stack([place[ahead][both], place[behind][both]]))
    first, second = np.concatenate(edges, axis=1)
    root = np.arange(len(rows))
    while True:
        least = np.minimum(root[first], root[second])
        before = root.copy()
        np.minimum.at(root, root[first], least)
        np.minimum.at(root, root[second], least)
        root = root[root]
        if (root == before).all():
            return rows, columns, root
