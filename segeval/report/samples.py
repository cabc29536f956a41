"""What is resampled of a run: the sums of its images, in memory, or read by the block where they are too many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from segeval.errors import UsageError
from segeval.protocol.labeling import Labeling, SegmentationClass, ValueMap
from segeval.report.imagelosses import ImageLosses
from segeval.report.tallying import tallies_of
from segeval.runs.columns import key_blocks
from segeval.runs.run import Run, keys_of
from segeval.sampling.columns import Columns
from segeval.sampling.poisson import MOST_DRAWN, LargeSample, hashes_of, large_sample
from segeval.sampling.sample import Extra, Sample, columns_of, sample, sample_model, units

if TYPE_CHECKING:
    from segeval.report.scoring import Measured
    from segeval.scores.imageoverlap import AllTallies

PART_IMAGES, PART_CELLS = 8192, 1 << 18
"""Images whose columns are made at once, where all of them would not fit, and their product with the classes."""
MOST_LARGE_CLASSES = 256
"""Classes that are drawn over images of which each is weighed: every resample has a column for each, and some more."""


def run_sample(run: Run, found: Measured, losses: ImageLosses | None, *, group_by: str | None = None) -> Sample:
    """Sum by unit what every score of a run is made of that is a function of sums."""
    groups = _group_tallies(run, found)
    return sample(
        found.images.joined(),
        found.rules,
        units(keys_of(run.rows), group_by),
        groups=None if groups is None else groups.joined(),
        extra=_extra(run, found, losses),
    )


def drawn_sample(
    run: Run, found: Measured, losses: ImageLosses | None, *, group_by: str | None = None
) -> Sample | LargeSample:
    """Return what `run_sample` does; of too many images to draw indices of, a sample that is read by the block."""
    if group_by is not None or len(run.rows) <= MOST_DRAWN:
        return run_sample(run, found, losses, group_by=group_by)
    count, classes = len(run.rows), found.images.at.classes
    if classes > MOST_LARGE_CLASSES:
        bound = f"above {MOST_DRAWN:,} images there may be {MOST_LARGE_CLASSES:,} classes"
        raise UsageError(
            "there are more classes than intervals can be drawn over for so many images",
            (f"{count:,} images of {classes:,} classes; {bound}",),
            "Leave intervals out, give fewer classes with --classes, or draw over groups with --group-by",
        )
    extra, groups = _extra(run, found, losses), _group_tallies(run, found)

    def parts() -> Iterator[Columns]:
        return _parts(found, groups, extra)

    layout = next(parts()).layout
    nothing = np.zeros((0, max(columns.stop for columns in layout.values())))
    model = sample_model(found.images, found.rules, layout, (), nothing, groups=groups, extra=extra)
    keys = (key for block in key_blocks(run.rows) for key in block)
    return large_sample(model, hashes_of(keys), lambda: (part.dense() for part in parts()))


def _parts(found: Measured, groups: AllTallies | None, extra: Extra) -> Iterator[Columns]:
    """Yield what images add to every statistic, some thousands of images at a time."""
    start, step = 0, max(1, min(PART_IMAGES, PART_CELLS // found.images.at.classes))
    for block, grouped in zip_longest(found.images.blocks(), () if groups is None else groups.blocks()):
        for first in range(0, block.at.images, step):
            end = min(first + step, block.at.images)
            here = slice(start + first, start + end)
            yield columns_of(
                block.part(first, end),
                found.rules,
                groups=None if grouped is None else grouped.part(first, end),
                extra={name: (above[here], below[here]) for name, (above, below) in extra.items()},
            )
        start += block.at.images


def _extra(run: Run, found: Measured, losses: ImageLosses | None) -> Extra:
    """Return the scores that are a sum over a sum beside those of the tallies."""
    extra = {} if losses is None else dict(losses.ratios)
    if run.protocol.boundary is not None:
        from segeval.report.boundaries import contour_ratios  # few runs count contours

        extra |= contour_ratios(run, found.labeling, found.rules)
    if run.protocol.distances is not None:
        from segeval.report.distances import distance_ratios

        extra |= distance_ratios(run, found.labeling, found.rules)
    if run.protocol.lesions is not None:
        from segeval.report.lesions import lesion_ratios

        extra |= lesion_ratios(run, found.labeling, found.rules)
    return extra


def _group_tallies(run: Run, found: Measured) -> AllTallies | None:
    """Count each group of classes as one class, image by image.

    `None` where there are no groups, and where the convention's average of groups is not what the report has, which is
    the mean over the data set.
    """
    labeling, convention = found.labeling, found.rules.rule("group_miou")
    if not labeling.groups or convention.average != "dataset" or convention.absent in ("undefined", "skip-image"):
        return None
    count = len(labeling.groups)
    group_of = {class_id: index for index, group in enumerate(labeling.groups) for class_id in group.ids}
    # A class of no group is still valid ground truth, so it becomes a group behind the others.
    merged = [group_of.get(entry.id, count) for entry in labeling.classes]

    def grouped(lookup: ValueMap) -> ValueMap:
        indices = {raw: merged[index] if index >= 0 else index for raw, index in lookup.indices.items()}
        default, lower = (merged[index] if index >= 0 else index for index in (lookup.default, lookup.lower))
        return ValueMap(indices, default, lookup.level, lower)

    classes = tuple(SegmentationClass(index, str(index)) for index in range(count + 1))
    whole = tallies_of(run.rows, Labeling(classes, grouped(labeling.gt), grouped(labeling.pred)))
    return whole.of(np.arange(count + 1) < count)
