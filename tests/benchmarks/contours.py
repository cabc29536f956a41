"""Boundary scores beside plain scoring, erosion and evalsuite, HD95 of volumes beside medpy and MONAI: first equal.

`python -m tests.benchmarks.contours` prints ratios, the medians over rounds in which all take turns.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.contours.counts import band_width
from segeval.contours.distances import distance_scores, surfaces
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
    """Return what `--boundary authors`, with its four scores, takes beside plain scoring."""
    options: dict[str, Any] = {"classes": corpus.classes, "ignore": corpus.ignore, "jobs": 1}

    def plain() -> object:
        return segeval.score(folders.pred, folders.gt, **options)

    def boundary() -> object:
        return segeval.score(folders.pred, folders.gt, boundary="authors", **options)

    times = turns({"plain": plain, "boundary": boundary}, rounds)
    return {"boundary scores beside plain scoring": ratio(times, "boundary", "plain")}


def without_void(folders: corpora.Folders, corpus: corpora.Corpus, pairs: int) -> corpora.Folders:
    """Save the first pairs with void as a class of its own on both sides: other programs draw its contour too."""
    home = folders.gt.parent / f"without-void-{pairs}"
    made = corpora.Folders(home / "gt", home / "pred")
    if not home.is_dir():
        for folder in (made.gt, made.pred):
            folder.mkdir(parents=True)
        for first, second in list(folders.pairs())[:pairs]:
            gt, pred = np.array(Image.open(first)), np.array(Image.open(second))
            void = gt == corpus.ignore
            gt[void], pred[void] = corpus.classes, corpus.classes
            corpora.save_gray(gt, made.gt / first.name)
            corpora.save_gray(pred, made.pred / second.name)
    return made


def erosion_ratio(folders: corpora.Folders, classes: int, rounds: int) -> float | None:
    """Return how long erosion takes beside `--boundary authors`; `None` where OpenCV is absent or numbers differ."""
    if find_spec("cv2") is None:
        return None

    def erosion() -> list[float | None]:
        counts = np.zeros((classes, 3), np.int64)
        for first, second in folders.pairs():
            gt, pred = np.asarray(Image.open(first)), np.asarray(Image.open(second))
            counts += np.array(eroded_bands(gt, pred, band_width("authors", float(np.hypot(*gt.shape))), classes))
        return [both / (gt + pred - both) if gt + pred else None for gt, pred, both in counts.tolist()]

    def ours() -> list[float | None]:
        report = segeval.score(folders.pred, folders.gt, classes=classes, boundary="authors", jobs=1)
        return [entry.contours["boundary_iou"] for entry in report.classes]

    if erosion() != ours():
        return None
    return ratio(turns({"erosion": erosion, "ours": ours}, rounds), "erosion", "ours")


def command(*arguments: object) -> tuple[dict[str, Any], float]:
    """Run a module of Python that prints JSON; return what it printed, and the seconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", *map(str, arguments)], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def evalsuites(folders: corpora.Folders, classes: int) -> tuple[dict[str, Any], float]:
    """Run evalsuite's command on two folders: it gives HD95 and ASSD with boundary IoU, and takes no choice."""
    sides = folders.gt, folders.pred
    return command("evalsuite", "segmentation", *sides, "--num-classes", classes, "-f", "json", "--digits", 17)


def evalsuite_ratios(folders: corpora.Folders, classes: int, rounds: int) -> Ratios:
    """Return how long evalsuite's command takes beside ours, with boundary scores alone and with distances too.

    `None` where evalsuite is absent or gives another boundary IoU.
    """
    ours = ("segeval", "score", folders.pred, folders.gt, "--classes", classes, "--jobs", 1, "--format", "json")
    ways: dict[str, tuple[str, ...]] = {"boundary scores": ("--boundary", "authors")}
    ways["boundary scores and distances"] = (*ways["boundary scores"], "--distances", "medpy")
    found: dict[str, float | None] = dict.fromkeys(ways)
    if find_spec("evalsuite") is not None:
        theirs = [evalsuites(folders, classes) for _ in range(rounds)]
        told = [one["boundary_iou"] for one in theirs[0][0]["per_class"]]
        for name, options in ways.items():
            mine = [command(*ours, *options) for _ in range(rounds)]
            if told == [one["boundary_iou"] for one in mine[0][0]["classes"]]:
                found[name] = statistics.median(their / our for (_, their), (_, our) in zip(theirs, mine, strict=True))
    return {f"evalsuite's command beside {name}": value for name, value in found.items()}


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
    rows = dict(street_ratios(folders, street, rounds=15))
    solid = without_void(folders, street, pairs=3)
    rows["boundary-iou-api's erosion beside boundary scores"] = erosion_ratio(solid, street.classes + 1, rounds=3)
    rows |= evalsuite_ratios(solid, street.classes + 1, rounds=3)
    rows |= {f"{name}'s HD95 of volumes beside ours": value for name, value in volume_ratios(160, rounds=5).items()}
    for name, value in rows.items():
        print(f"{name}: {'-' if value is None else f'{value:.1f}x'}")


if __name__ == "__main__":
    main()
