"""From a run to the scores of its slices, without reading an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, NothingToScoreError, UsageError
from segeval.records import dataclass
from segeval.report.extras import Statistics
from segeval.report.imagelosses import ImageLosses, image_losses
from segeval.report.report import Report
from segeval.report.rowscores import f_scores, top_label
from segeval.report.samples import run_sample
from segeval.report.scoring import Measured, measured, report_of
from segeval.report.sizes import class_sizes
from segeval.report.slicescores import Slices, SliceScores, SliceTable
from segeval.request.slicing import CLASS_SIZE, MOST_SLICES, Column, Slicing
from segeval.runs.choosing import rows_at
from segeval.runs.run import Run, keys_of
from segeval.sampling.resampling import FEW_UNITS, Interval, Resampling, intervals
from segeval.sampling.sample import Sample, Units, units
from segeval.sampling.slices import Slice, by_number, by_value, holm, permutation_p
from segeval.scores.overlap import Value
from segeval.scores.registry import ordered

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Drawing:
    """Say how intervals and p-values of slices are drawn: the settings, the units of the whole, and what makes one.

    `sampled` sums a run, with what was measured of it and its losses, by these units.
    """

    settings: Resampling
    unit: str
    units: Units
    sampled: Callable[[Run, Measured, ImageLosses | None], Sample]


def with_slices(report: Report, run: Run, found: Measured, asked: Statistics) -> Report:
    """Return the report of `run` with the slices that are asked for; errors as in `sliced`."""
    if asked.slices is None:
        return report
    of_images = units(keys_of(run.rows), asked.group_by)
    drawn = Drawing(asked.drawing, asked.group_by or "image", of_images, partial(run_sample, group_by=asked.group_by))
    slices, warnings = sliced(run, found, report, asked.slices, drawn)
    return replace(report, details=replace(report.details, slices=slices), warnings=(*report.warnings, *warnings))


def sliced(
    run: Run, found: Measured, report: Report, asked: Slicing, drawn: Drawing
) -> tuple[Slices, tuple[Finding, ...]]:
    """Score every slice of `run`, of which `report` tells the whole, and say what can be said of part of it only.

    Raises `UsageError` for images without a value and values without an image, for more than `MOST_SLICES` slices of a
    column, and for groups that lie in two slices; `NothingToScoreError` for slices without a valid pixel.
    """
    losses = None if report.probabilities is None else image_losses(run, found.resolution, report.probabilities)
    whole = drawn.sampled(run, found, losses)
    tables = []
    for crossed in asked.by:
        column = "*".join(map(str, crossed))
        if column == CLASS_SIZE:
            tables.append(SliceTable(column, class_sizes(run, found, drawn.units, drawn.settings)))
            continue
        score = partial(_scored, run, found, losses, whole, drawn, column)
        tables.append(SliceTable(column, tuple(map(score, slices_of(run, asked, crossed)))))
    slices = Slices(drawn.settings, drawn.unit, len(whole.units), _adjusted(tables))
    return slices, _warnings(slices, run, report)


def slices_of(run: Run, asked: Slicing, crossed: Sequence[Column]) -> tuple[Slice, ...]:
    """Return the slices of a column, or of several crossed; those that hold no image are none."""
    parts = []
    keys = keys_of(run.rows)
    for column in crossed:
        values = asked.values(column.name, keys, run.protocol.keys)
        if column.bins is None:
            parts.append(by_value(values))
        else:
            parts.append(by_number(_numbers(column.name, keys, values), column.bins))
        if len(parts[-1]) > MOST_SLICES:
            raise UsageError(
                f"'{column.name}' has {len(parts[-1]):,} values, and at most {MOST_SLICES} slices are shown",
                (),
                f"Choose another column, or put numbers into ranges with --by {column.name}:4",
            )
    if len(parts) == 1:
        return parts[0]
    names = [["" for _ in keys] for _ in parts]
    for place, slices in enumerate(parts):
        for one in slices:
            for image in one.images:
                names[place][image] = one.name
    both = by_value(["*".join(of_image) for of_image in zip(*names, strict=True)])
    if len(both) > MOST_SLICES:
        raise UsageError(
            f"{'*'.join(map(str, crossed))} has {len(both):,} slices, and at most {MOST_SLICES} are shown",
            (),
            "Cross columns of fewer values",
        )
    return both


def _numbers(name: str, keys: Sequence[str], values: Sequence[str]) -> list[float]:
    found: list[float] = []
    odd = []
    for key, value in zip(keys, values, strict=True):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            odd.append(f"{key}: {value}")
        found.append(number)
    if odd:
        raise UsageError(f"'{name}' is to be put into ranges and is no number everywhere", odd, f"Write --by {name}")
    return found


def _scored(
    run: Run,
    found: Measured,
    losses: ImageLosses | None,
    whole: Sample,
    drawn: Drawing,
    column: str,
    one: Slice,
) -> SliceScores:
    """Score the images of one slice by themselves, and test them against the others."""
    chosen = np.zeros(len(run.rows), np.bool_)
    chosen[list(one.images)] = True
    rows = rows_at(run.rows, chosen)
    # Levels of 16 bits and of floats are kept for the whole run only.
    part = replace(run, rows=rows, levels=(), maps=None if run.levels else run.maps)
    try:
        of_part = measured(part, resolution=found.resolution)
        report = report_of(part, of_part)
    except NothingToScoreError as error:
        keys = keys_of(rows)
        raise NothingToScoreError(
            f"the slice {one.name} of {column} is empty: {error.what}",
            keys,
            "Leave out --by, or give its images another value",
        ) from None
    scores = dict(report.scores)
    part_losses = None
    if run.levels and losses is not None:
        part_losses = ImageLosses(
            {name: (above[chosen], below[chosen]) for name, (above, below) in losses.ratios.items()}, {}
        )
        scores |= _of_sums(replace(run, rows=rows), of_part, part_losses)
    elif report.probabilities is not None:
        part_losses = image_losses(part, of_part.resolution, report.probabilities)
    data = drawn.sampled(part, of_part, part_losses)
    inside = _units_inside(drawn, chosen, column)
    tested = permutation_p(whole, inside, drawn.settings)
    names = list(whole.observed)
    return SliceScores(
        name=one.name,
        images=len(rows),
        pixels=part.pixels,
        scores=ordered(scores),
        iou=tuple(entry.iou for entry in report.classes),
        intervals=_intervals(data, drawn.settings),
        rest=_rest(run, found, whole, ~inside, ~chosen),
        p=dict(zip(names, tested, strict=False)),
        holm={},
    )


def _rest(
    run: Run, found: Measured, whole: Sample, outside: NDArray[np.bool_], images: NDArray[np.bool_]
) -> Mapping[str, Value]:
    """Return the scores of the images outside a slice, of those scores that are functions of sums.

    Of maps they are computed anew: weights that "auto" takes from the ground truth are those of these images.
    """
    names = list(whole.observed)
    if not outside.any():
        return dict.fromkeys(names)
    if run.maps is not None and not run.levels:
        part = replace(run, rows=rows_at(run.rows, images))
        try:
            scores = report_of(part, measured(part, resolution=found.resolution)).scores
        except NothingToScoreError:
            return dict.fromkeys(names)
        return {name: scores.get(name) for name in names}
    values = whole.statistics((outside.astype(np.float64) @ whole.columns)[None])[0].tolist()
    return {name: None if math.isnan(values[at]) else values[at] for at, name in enumerate(names)}


def _of_sums(part: Run, found: Measured, losses: ImageLosses) -> Mapping[str, Value]:
    """Return the scores of 16-bit and float maps: from rows alone, `None` where levels are needed."""
    assert part.maps is not None
    lacking = ("ece", "classwise_ece") if part.maps.count > 1 else ("ece",)
    scores: dict[str, Value] = dict.fromkeys((*lacking, "average_precision", "auroc"))
    for name, (above, below) in losses.ratios.items():
        entered = math.fsum(below.reshape(-1).tolist())
        scores[name] = math.fsum(above.reshape(-1).tolist()) / entered if entered else None
    if part.maps.count > 1:
        scores["ece"], _ = top_label(part, found.resolution)
    else:
        scores |= f_scores(part, found.resolution)[0]
    return scores


def _intervals(data: Sample, settings: Resampling) -> Mapping[str, Interval]:
    return intervals(data, settings).scores


def _units_inside(drawn: Drawing, chosen: NDArray[np.bool_], column: str) -> NDArray[np.bool_]:
    """Tell which units lie in a slice; raises `UsageError` where one lies in two."""
    count = len(drawn.units.names)
    within = np.bincount(drawn.units.of_image[chosen], minlength=count)
    of_all = np.bincount(drawn.units.of_image, minlength=count)
    torn = np.flatnonzero((within > 0) & (within < of_all)).tolist()
    if torn:
        raise UsageError(
            f"groups of --group-by lie in two slices of {column}",
            [drawn.units.names[at] for at in torn],
            "Leave --group-by out, or slice by what is the same within a group",
        )
    inside: NDArray[np.bool_] = within > 0
    return inside


def _adjusted(tables: Sequence[SliceTable]) -> tuple[SliceTable, ...]:
    """Adjust the p-values of each score over all slices of all tables."""
    every = [one for table in tables for one in table.slices]
    names = list(dict.fromkeys(name for one in every for name in one.p))
    found: list[dict[str, Value]] = [{} for _ in every]
    for name in names:
        for at, p in enumerate(holm([one.p.get(name) for one in every])):
            if name in every[at].p:
                found[at][name] = p
    adjusted = iter([replace(one, holm=values) for one, values in zip(every, found, strict=True)])
    return tuple(SliceTable(table.column, tuple(next(adjusted) for _ in table.slices)) for table in tables)


def _warnings(slices: Slices, run: Run, report: Report) -> tuple[Finding, ...]:
    few = [f"{column}={one.name} ({one.images})" for column, one in slices.each() if one.images < FEW_UNITS]
    told = []
    if few:
        told.append(
            Finding(
                "few-images",
                f"slices hold fewer than {FEW_UNITS} images, and their intervals are too narrow to be trusted",
                (*few[:MOST_NAMED], *([f"and {len(few) - MOST_NAMED} more"] if len(few) > MOST_NAMED else [])),
                "Take fewer slices, or their intervals as a hint only",
            )
        )
    if run.levels and report.probabilities is not None:
        told.append(
            Finding(
                "slice-levels",
                "slices of 16-bit and float maps have no AP, AUROC and classwise calibration, since a run keeps the "
                "levels of all images together",
                (),
                "Score the images of one slice by themselves",
            )
        )
    return tuple(told)
