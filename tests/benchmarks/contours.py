"""Boundary IoU beside plain scoring and erosion, HD95 of volumes beside medpy and MONAI: equal first, then timed.

`python -m tests.benchmarks.contours` prints ratios, the medians over rounds in which all take turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.contours.bands import band_counts
from segeval.contours.counts import band_width
from segeval.contours.distances import distance_scores, surfaces
from segeval.contours.regions import regions
from segeval.protocol.distances import Distances
from tests.benchmarks import corpora

Labels = NDArray[np.uint8]
Ratios = Mapping[str, float | None]
SPACING = (2.0, 0.8, 0.8)
TOLERANCE = 1e-5
"""Relative to the largest distance; MONAI works in float32."""


def turns(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of the processor that each way takes in each round."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            times[name].append(time.process_time() - start)
    return times


def ratio(times: Mapping[str, list[float]], one: str, other: str) -> float:
    """Return the median over the rounds of one way's time to another's."""
    return statistics.median(mine / theirs for mine, theirs in zip(times[one], times[other], strict=True))


def eroded_bands(gt: Labels, pred: Labels, width: int, classes: int) -> list[list[int]]:
    """Count the bands of each class as `mask_to_boundary` of boundary-iou-api draws them, by iterated 3 x 3 erosion."""
    cv2 = import_module("cv2")

    def band(mask: NDArray[np.bool_]) -> Labels:
        padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        inner = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1]
        found: Labels = mask.astype(np.uint8) - inner
        return found

    sides = [(band(gt == one), band(pred == one)) for one in range(classes)]
    return [[int(mine.sum()), int(theirs.sum()), int((mine & theirs).sum())] for mine, theirs in sides]


def street_ratios(folders: corpora.Folders, corpus: corpora.Corpus, rounds: int) -> Ratios:
    """Return what boundary IoU costs beside plain scoring, and how far it is ahead of erosion class by class.

    "bands" is plain scoring and the bands alone, "all" is `--boundary authors` with its four scores. Erosion is `None`
    where OpenCV is absent or its counts are not equal.
    """
    pairs = [(np.asarray(Image.open(gt)), np.asarray(Image.open(pred))) for gt, pred in folders.pairs()]
    # Erosion knows no void: for it, void is a class of its own on both sides.
    masked = [(gt, np.where(gt == corpus.ignore, gt, pred).astype(np.uint8)) for gt, pred in pairs]
    values = [(np.unique(gt).tolist(), np.unique(pred).tolist()) for gt, pred in masked]
    width = band_width("authors", float(np.hypot(corpus.height, corpus.width)))

    def bands() -> list[Any]:
        found = []
        for (gt, pred), met in zip(masked, values, strict=True):
            of = regions(gt, pred, values=met, class_of=(int, int))
            counts = dict(zip(of.ids.tolist(), band_counts(of, [width])[0][:, 0].tolist(), strict=True))
            found.append([counts.get(one, [0, 0, 0]) for one in range(corpus.classes)])
        return found

    def erosion() -> list[Any]:
        return [eroded_bands(gt, pred, width, corpus.classes) for gt, pred in masked]

    def plain() -> object:
        return segeval.score(folders.pred, folders.gt, classes=corpus.classes, ignore=corpus.ignore, jobs=1)

    def everything() -> object:
        options: dict[str, Any] = {"classes": corpus.classes, "ignore": corpus.ignore, "jobs": 1}
        return segeval.score(folders.pred, folders.gt, boundary="authors", **options)

    ways: dict[str, Callable[[], Any]] = {"plain": plain, "all": everything, "bands": bands}
    equal = find_spec("cv2") is not None and erosion() == bands()
    if equal:
        ways["erosion"] = erosion
    times = turns(ways, rounds)
    both = [first + second for first, second in zip(times["plain"], times["bands"], strict=True)]
    times["plain and bands"] = both
    return {
        "bands beside plain scoring": ratio(times, "plain and bands", "plain"),
        "all four beside plain scoring": ratio(times, "all", "plain"),
        "erosion beside plain and bands": ratio(times, "erosion", "plain and bands") if equal else None,
    }


def volumes(side: int) -> tuple[Labels, Labels]:
    """Draw two label volumes of three bodies that touch, the one a little displaced."""
    z, y, x = np.indices((side // 2, side, side)) / side
    angle = np.arctan2(y - 0.5, x - 0.5)
    radius = np.sqrt((2 * z - 0.5) ** 2 + (y - 0.5) ** 2 + (x - 0.5) ** 2)
    gt = np.where(radius < 0.4 + 0.03 * np.sin(5 * angle), 1 + ((angle + np.pi) // 2.1).astype(int) % 3, 0)
    pred = np.where(radius < 0.4 + 0.05 * np.sin(4 * angle), 1 + ((angle + np.pi + 0.05) // 2.1).astype(int) % 3, 0)
    return gt.astype(np.uint8), pred.astype(np.uint8)


def ours(gt: Labels, pred: Labels, definition: str) -> list[float]:
    """Return HD95 of the three classes."""
    valid, chosen = np.ones(gt.shape, np.bool_), Distances(definition)
    found = (surfaces(gt == one, pred == one, chosen, valid, SPACING) for one in (1, 2, 3))
    return [distance_scores(one, chosen)["hd95"] for one in found]


def medpys(gt: Labels, pred: Labels) -> list[float]:
    """Return medpy's."""
    hd95 = import_module("medpy.metric.binary").hd95
    return [float(hd95(pred == one, gt == one, SPACING)) for one in (1, 2, 3)]


def monais(gt: Labels, pred: Labels) -> list[float]:
    """Return MONAI's."""
    torch, metrics = import_module("torch"), import_module("monai.metrics")
    sides = [torch.from_numpy(np.stack([side == one for one in (1, 2, 3)])[None].astype("f4")) for side in (pred, gt)]
    options = {"include_background": True, "percentile": 95, "spacing": SPACING}
    found: list[float] = metrics.compute_hausdorff_distance(*sides, **options)[0].tolist()
    return found


def volume_ratios(side: int, rounds: int) -> Ratios:
    """Return how far HD95 of volumes is ahead of each program; `None` where it is absent or gives other numbers."""
    gt, pred = volumes(side)
    found: dict[str, float | None] = {}
    for name, theirs in (("medpy", medpys), ("monai", monais)):
        found[name] = None
        if find_spec(name) is None:
            continue
        mine = ours(gt, pred, name)
        if np.allclose(mine, theirs(gt, pred), rtol=TOLERANCE, atol=TOLERANCE * max(mine)):

            def their_way(theirs: Callable[[Labels, Labels], list[float]] = theirs) -> object:
                return theirs(gt, pred)

            def our_way(name: str = name) -> object:
                return ours(gt, pred, name)

            times = turns({"ours": our_way, "theirs": their_way}, rounds)
            found[name] = ratio(times, "theirs", "ours")
    return found


def main() -> None:
    """Print every ratio, one a line."""
    (street,) = (entry for entry in corpora.CORPORA if entry.name == "cityscapes")
    folders = corpora.folders(street, 6, corpora.default_directory())
    rows = dict(street_ratios(folders, street, rounds=5))
    rows |= {f"{name}'s HD95 of volumes beside ours": value for name, value in volume_ratios(160, rounds=5).items()}
    for name, value in rows.items():
        print(f"{name}: {'-' if value is None else f'{value:.1f}x'}")


if __name__ == "__main__":
    main()
