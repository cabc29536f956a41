"""Slices by the size of objects, which the masks tell: small, medium and large for each class by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass
from segeval.report.scoring import Measured
from segeval.report.slicescores import SliceScores
from segeval.runs.run import Run
from segeval.sampling.resampling import Resampling, block_sizes, bootstrap_weights, interval
from segeval.sampling.sample import Units
from segeval.sampling.significance import TIE, p_value
from segeval.scores.overlap import Value, mean, ratio

SIZES = ("small", "medium", "large")
SCORE = "miou"
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ClassImages:
    """Hold the images that have a class: their positions, its size in each (0, 1, 2), and tp, fp, fn, shape (n, 3)."""

    images: NDArray[np.intp]
    sizes: NDArray[np.intp]
    counts: Counts

    def sums(self, size: int) -> list[int]:
        """Return tp, fp and fn of the images of a size."""
        found: list[int] = self.counts[self.sizes == size].sum(axis=0).tolist()
        return found


def class_sizes(run: Run, found: Measured, units: Units, settings: Resampling) -> tuple[SliceScores, ...]:
    """Score each class on the images in which it is small, medium and large.

    The size of a class in an image is its share of the valid pixels of the ground truth. The images that have a class
    are put into thirds by it: up to the least share that a third of them do not exceed, up to the least that two thirds
    do not, and above; equal shares stay together. IoU is tp / (tp + fp + fn) of the pixels of these images, and mIoU
    the mean over the classes of the means that have such images. The rest of a size are the other two; its p permutes
    the sizes of each class among its images, and is undefined where units are groups.
    """
    every = [_of_class(found, index) for index in range(len(found.labeling.classes))]
    over = found.rules.over(SCORE).tolist()
    entered = [of_class for of_class, is_in in zip(every, over, strict=True) if is_in]
    pixels = np.array([row.pixels for row in run.rows], np.int64)
    drawn = _bootstrapped(entered, units, settings)
    alone = len(units.names) == len(units.of_image)
    tested = _permuted(entered, settings) if alone else [None] * len(SIZES)
    slices = []
    for size, name in enumerate(SIZES):
        met = np.unique(np.concatenate([one.images[one.sizes == size] for one in every]))
        inside = [one.sums(size) for one in entered]
        outside = [(one.counts.sum(axis=0) - one.counts[one.sizes == size].sum(axis=0)).tolist() for one in entered]
        value = mean(map(_iou, inside))
        ends = interval(math.nan if value is None else value, drawn[:, size], settings)
        slices.append(
            SliceScores(
                name=name,
                images=len(met),
                pixels=int(pixels[met].sum()),
                scores={SCORE: value},
                iou=tuple(_iou(one.sums(size)) for one in every),
                intervals={SCORE: ends},
                rest={SCORE: mean(map(_iou, outside))},
                p={SCORE: tested[size]},
                holm={},
            )
        )
    return tuple(slices)


def _of_class(found: Measured, index: int) -> ClassImages:
    tallies = found.images.joined()
    outcome = tallies.outcomes(None).kept
    cells = np.flatnonzero((tallies.at.label == index) & (tallies.kept.true_pixels > 0))
    images = tallies.at.image[cells].astype(np.intp)
    counts = np.stack([outcome.tp[cells], outcome.fp[cells], outcome.fn[cells]], axis=1)
    share = tallies.kept.true_pixels[cells] / tallies.pixels.true_pixels[images, 0]
    if not len(cells):
        return ClassImages(images, np.zeros(0, np.intp), counts)
    ends = np.quantile(share, [1 / 3, 2 / 3], method="inverted_cdf")
    return ClassImages(images, np.searchsorted(ends, share, side="left"), counts)


def _iou(counts: Sequence[int]) -> Value:
    return ratio(counts[0], sum(counts))


def _mean_iou(sums: Sequence[Floats]) -> Floats:
    """Return the mean IoU of resamples from tp, fp and fn of each class, shape (R, 3); NaN where no class has one."""
    total, known = np.zeros(len(sums[0])), np.zeros(len(sums[0]))
    for counts in sums:
        pixels = counts.sum(axis=1)
        total += np.divide(counts[:, 0], pixels, out=np.zeros(len(pixels)), where=pixels > 0)
        known += pixels > 0
    means = np.full(len(known), np.nan)
    np.divide(total, known, out=means, where=known > 0)
    return means


def _bootstrapped(classes: Sequence[ClassImages], units: Units, settings: Resampling) -> Floats:
    """Draw the units again, each image keeping the sizes of its classes; returns (resamples, sizes)."""
    found = []
    for weights in bootstrap_weights(len(units.names), 3 * len(classes), settings):
        of_image = weights[:, units.of_image]
        found.append(
            np.column_stack(
                [
                    _mean_iou(
                        [of_image[:, one.images] @ (one.counts * (one.sizes == size)[:, None]) for one in classes]
                    )
                    for size in range(len(SIZES))
                ]
            )
        )
    return np.concatenate(found)


def _permuted(classes: Sequence[ClassImages], settings: Resampling) -> list[Value]:
    """Return the p of each size: how often sizes dealt out at random differ from the rest as much."""
    inside: list[list[Floats]] = [[] for _ in SIZES]
    outside: list[list[Floats]] = [[] for _ in SIZES]
    for index, one in enumerate(classes):
        parts = list(_dealt(one, index, settings))
        for size in range(len(SIZES)):
            chosen = np.concatenate([part[size] for part in parts])
            inside[size].append(chosen)
            outside[size].append(one.counts.sum(axis=0) - chosen)
    found = []
    for size in range(len(SIZES)):
        first, second = _mean_iou(inside[size]), _mean_iou(outside[size])
        # The first row is what was observed.
        slack = TIE * max(abs(first[0]), abs(second[0]))
        distances = np.abs(first - second)
        found.append(p_value(float(distances[0]), distances[1:], slack))
    return found


def _dealt(one: ClassImages, index: int, settings: Resampling) -> Sequence[list[Floats]]:
    """Return tp, fp and fn of each size: as they are, (1, 3), and for sizes dealt out anew, blocks of (rows, 3)."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(settings.seed, spawn_key=(3, index))))
    found = [[np.array([one.sums(size)], np.float64) for size in range(len(SIZES))]]
    for rows in block_sizes(max(1, len(one.sizes)), 3, settings):
        dealt = generator.permuted(np.tile(one.sizes, (rows, 1)), axis=1)
        found.append([(dealt == size).astype(np.float64) @ one.counts for size in range(len(SIZES))])
    return found
