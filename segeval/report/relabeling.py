"""What a labeling may change about probability maps that were summed under another one."""

from __future__ import annotations

import numpy as np

from segeval.protocol.labeling import Labeling
from segeval.protocol.resolution import Resolution
from segeval.report.probabilities import map_classes
from segeval.runs.run import Run
from segeval.tables.counts import JointCounts


def sums_fit(run: Run, resolution: Resolution) -> bool:
    """Tell whether the loss sums of a run's rows are of the positives and negatives that a labeling means.

    16-bit and float maps are summed pixel by pixel under one labeling; another one fits where it calls the same pixels
    positive and valid, which their numbers in each image's label table tell.
    """
    if run.maps is None or run.maps.in_rows:
        return True
    described = map_classes(resolution, run.maps.count)
    for row in run.rows:
        if row.sums:
            sides = _sides(row.counts, resolution.labeling, described)
            if sides != [(sums.n_pos, sums.n_neg) for sums in row.sums]:
                return False
    return True


def _sides(counts: JointCounts, labeling: Labeling, described: tuple[int | None, ...]) -> list[tuple[int, int]]:
    """Return positives and negatives of each map from the label table of an image."""
    indices = labeling.gt(counts.gt)
    valid = indices >= 0
    pixels = np.zeros(len(labeling.classes), np.int64)
    np.add.at(pixels, indices[valid], counts.pixels[valid])
    total = int(pixels.sum())
    return [
        (positives, total - positives)
        for positives in (0 if index is None else int(pixels[index]) for index in described)
    ]
