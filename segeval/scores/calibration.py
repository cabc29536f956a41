"""Calibration of the predicted class: how often the winning map was right, against how sure it was."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.mapkinds import MapKind
from segeval.records import dataclass
from segeval.scores.curves import ECE_BINS
from segeval.scores.lossums import CHUNK
from segeval.tables.counts import Int64Array


@dataclass(frozen=True, slots=True)
class ConfidenceBins:
    """Hold, of one image, the valid pixels of each confidence bin, those predicted right, and the sum of confidence.

    Confidence is the highest probability of a pixel: `sums` are whole numbers of levels, or floats where p is one.
    Bins are those of `segeval.scores.curves.reliability`: (b, b + 1] / 15, the first closed.
    """

    pixels: tuple[int, ...]
    correct: tuple[int, ...]
    sums: tuple[float, ...]


def confidence_bins(
    confidence: NDArray[Any], correct: NDArray[np.bool_], valid: NDArray[np.bool_], kind: MapKind
) -> ConfidenceBins:
    """Sort the valid pixels of one image into bins; the three arrays have one shape, `confidence` is as stored."""
    levels = kind.levels
    if levels is not None:
        counts = np.bincount(confidence[valid], minlength=levels)
        right = np.bincount(confidence[valid & correct], minlength=levels)
        return bins_of_levels(counts, right, kind)
    counted, right, parts = np.zeros(ECE_BINS, np.int64), np.zeros(ECE_BINS, np.int64), []
    flat_p, flat_correct, flat_valid = confidence.reshape(-1), correct.reshape(-1), valid.reshape(-1)
    for start in range(0, flat_p.size, CHUNK):
        piece = slice(start, start + CHUNK)
        p, hit = flat_p[piece][flat_valid[piece]].astype(np.float64), flat_correct[piece][flat_valid[piece]]
        # What is no probability goes somewhere: the sums of the losses refuse it.
        of_bin = np.fmax(np.fmin(np.ceil(p * ECE_BINS), ECE_BINS), 1).astype(np.int64) - 1
        counted += np.bincount(of_bin, minlength=ECE_BINS)
        right += np.bincount(of_bin[hit], minlength=ECE_BINS)
        parts.append(np.bincount(of_bin, weights=p, minlength=ECE_BINS).astype(np.float64).tolist())
    sums = tuple(map(math.fsum, zip(*parts, strict=True)))
    return ConfidenceBins(tuple(counted.tolist()), tuple(right.tolist()), sums)


def bins_of_levels(counts: Int64Array, right: Int64Array, kind: MapKind) -> ConfidenceBins:
    """Sort the valid pixels of one image into bins: how many have each level, and how many of these are right."""
    level = np.arange(len(counts), dtype=np.int64)
    of_bin = np.maximum(-(-level * ECE_BINS // kind.top) - 1, 0)
    columns = (_by_bin(of_bin, column) for column in (counts, right, counts * level))
    pixels, hits, sums = (tuple(column.tolist()) for column in columns)
    return ConfidenceBins(pixels, hits, sums)


def _by_bin(of_bin: NDArray[np.int64], column: NDArray[np.int64]) -> Int64Array:
    found = np.zeros(ECE_BINS, np.int64)
    np.add.at(found, of_bin, column)
    return found


def top_label_ece(pixels: Int64Array, correct: Int64Array, sums: NDArray[Any], kind: MapKind) -> float | None:
    """Return the expected calibration error of the predicted class (Guo et al. 2017); None without pixels.

    The bins of each image are those of `ConfidenceBins`, shape (images, bins). The mean over pixels of their bin's
    |accuracy - mean confidence|; exact where p is a level.
    """
    everything = sum(pixels.ravel().tolist())
    if not everything:
        return None
    add = math.fsum if kind.levels is None else sum
    gaps = [
        abs(sum(hits) * kind.top - add(confidence))
        for hits, confidence in zip(correct.T.tolist(), sums.T.tolist(), strict=True)
    ]
    return add(gaps) / (everything * kind.top)
