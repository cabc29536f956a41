"""From a run to what its scores rest on: intervals, images, and where the points are, attached to its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, UsageError, and_more
from segeval.protocol.conventions import Convention
from segeval.records import dataclass
from segeval.report.imagelosses import ImageLosses, image_losses
from segeval.report.imagescores import ImageScores
from segeval.report.refusals import FileNames, file_name
from segeval.report.report import Report
from segeval.report.samples import drawn_sample
from segeval.request.options import (
    CompareOptions,
    DrawingOptions,
    SliceOptions,
    StatisticsOptions,
    chosen,
    names_in,
)
from segeval.runs.run import Run, keys_of
from segeval.sampling.resampling import FEW_UNITS, Intervals, Resampling, intervals
from segeval.sampling.sample import units
from segeval.sampling.uncertainty import Uncertainty
from segeval.scores.gains import Gains, lowest_images, perfect_class_gains, top_confusions
from segeval.scores.imageoverlap import image_mious, image_outcomes, image_overlap
from segeval.scores.overlap import Value, pixel_parts, ratio

if TYPE_CHECKING:
    from segeval.report.classcells import ClassValues
    from segeval.report.scoring import Measured
    from segeval.request.slicing import Slicing

MOST_CONFUSIONS = 10
MOST_IMAGE_CELLS = 1 << 22
"""Images times classes of which each is listed: a line each."""
MOST_NAMED = 5
STRAYING = Convention().with_axes(gt_unknown="drop-fp")
"""Counts predictions on an unknown ground truth too."""
MORE_IMAGES = "Score more images, or take these intervals as a hint only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Ask for more than scores: `intervals` drawn over images, or over groups of them that `group_by` finds in keys.

    `worst` is how many of the worst images to name, `gain` asks what each class and confusion costs, `images` for the
    scores of every image, `slices` for those of parts of the images, whose intervals and
    p-values have the settings `drawing`.
    """

    intervals: Resampling | None = None
    group_by: str | None = None
    worst: int | None = None
    gain: bool = False
    images: bool = False
    slices: Slicing | None = None
    drawing: Resampling = field(default_factory=Resampling)

    def __post_init__(self) -> None:
        if self.worst is not None and self.worst < 1:
            raise UsageError(f"--worst is {self.worst}", (), "Give at least 1")
        check_grouping(self.group_by)
        if self.group_by is not None and self.intervals is None and self.slices is None:
            raise UsageError("--group-by needs intervals", (), "Add --ci 95")


def asked_statistics(options: StatisticsOptions) -> Statistics:
    """Return what options ask for beyond scores; raises `UsageError`."""
    return Statistics(
        intervals=None if options.get("ci") is None else drawing(options),
        group_by=options.get("group_by"),
        worst=options.get("worst"),
        gain=bool(options.get("gain")),
        images=bool(options.get("per_image")),
        slices=_asked_slices(options),
        drawing=drawing(options),
    )


def _asked_slices(options: StatisticsOptions) -> Slicing | None:
    if not any(options.get(name) for name in names_in(SliceOptions)):
        return None
    from segeval.request.slicing import asked_slices  # few ask for slices

    return asked_slices(chosen(SliceOptions, options))


def drawing(options: DrawingOptions | StatisticsOptions | CompareOptions) -> Resampling:
    """Return the settings of intervals, where one is not given its default; raises `UsageError`."""
    fields_of = {"ci": "level", "resamples": "resamples", "seed": "seed", "ci_method": "method"}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    return Resampling(**{field: given[name] for name, field in fields_of.items() if name in given})


def check_grouping(group_by: str | None) -> None:
    """Raise `UsageError` for an expression that groups nothing or cannot be read."""
    if group_by == "":
        raise UsageError("--group-by is empty", (), "Give an expression that finds the group in a name, as in '^[^/]+'")
    units((), group_by)


def with_statistics(
    report: Report, run: Run, found: Measured, asked: Statistics, *, names: FileNames | None = None
) -> Report:
    """Return the report of `run` with what is asked for; a pure function, the same bytes for the same seed.

    Slices are `segeval.report.slicing`'s. `found` is what `report` was computed from, `names` are those of its files.

    Raises `UsageError` where the expression of the groups finds none in some key.
    """
    details = report.details
    losses = losses_of(run, found, report) if asked.intervals is not None or asked.images else None
    if asked.intervals is not None:
        data = drawn_sample(run, found, losses, group_by=asked.group_by)
        unit = asked.group_by or "image"
        drawn = Uncertainty(asked.intervals, unit, intervals(data, asked.intervals))
        details = replace(details, uncertainty=drawn)
        report = replace(
            report,
            signature=report.signature.with_fields(drawn.fields()),
            warnings=(*report.warnings, *_interval_warnings(drawn, report)),
        )
    if asked.worst is not None:
        over = found.rules.over("image_miou")
        values = image_mious(image_outcomes(found.images).of(over))
        keys, rows = keys_of(run.rows), run.rows
        ranked = lowest_images(keys, values, lambda at: rows[at].counts, found.labeling, asked.worst, over=over)
        details = replace(details, worst_images=ranked)
    if asked.gain and found.labeling.sets:
        raise UsageError(
            "--gain is of what classes are mistaken for, and here a pixel may be of several", (), "Leave --gain out"
        )
    if asked.gain:
        rule, over = found.rules.rule("miou"), found.rules.over("miou")
        gains = Gains(
            perfect_class_gains(found.confusion, rule, over=over),
            top_confusions(found.confusion, rule, MOST_CONFUSIONS, over=over),
        )
        details = replace(details, gains=gains)
    if asked.images:
        details = replace(details, images=image_scores(run, found, losses, contour_images(report), names or {}))
    return replace(report, details=details)


def losses_of(run: Run, found: Measured, report: Report) -> ImageLosses | None:
    """Take the losses of a run's maps apart by image; `None` for label masks."""
    return None if report.probabilities is None else image_losses(run, found.resolution, report.probabilities)


def _interval_warnings(drawn: Uncertainty, report: Report) -> tuple[Finding, ...]:
    warnings = []
    if drawn.intervals.few_units:
        warnings.append(few_units_warning(drawn.intervals.units, drawn.unit))
    found: Intervals = drawn.intervals
    values: list[tuple[str, Value, int]] = [
        *((name, report.scores[name], one.undefined) for name, one in found.scores.items()),
        *(
            (f"iou.{entry.name}", entry.iou, one.undefined)
            for entry, one in zip(report.classes, found.iou, strict=True)
        ),
    ]
    told = undefined_warning(
        {name: count for name, value, count in values if value is not None and count}, drawn.settings.resamples
    )
    return (*warnings, *told)


def few_units_warning(count: int, unit: str) -> Finding:
    """Tell that intervals rest on too few units."""
    what = f"{count} image{'' if count == 1 else 's'}" if unit == "image" else f"{count} groups"
    return Finding(
        "few-images",
        f"intervals rest on {what}, fewer than {FEW_UNITS}, and are too narrow to be trusted",
        (),
        MORE_IMAGES,
    )


def undefined_warning(undefined: Mapping[str, int], resamples: int) -> tuple[Finding, ...]:
    """Tell which scores some resamples leave undefined."""
    if not undefined:
        return ()
    ranked = sorted(undefined.items(), key=lambda entry: -entry[1])
    more = (and_more(len(ranked) - MOST_NAMED),) if len(ranked) > MOST_NAMED else ()
    return (
        Finding(
            "undefined-resamples",
            f"some of {resamples:,} resamples leave a score undefined and are left out of its interval",
            (*(f"{name} ({count:,})" for name, count in ranked[:MOST_NAMED]), *more),
            MORE_IMAGES,
        ),
    )


def contour_images(report: Report) -> dict[str, ClassValues]:
    """Return what a report has of every image and class along contours, by name."""
    parts = (report.boundary, report.distances, report.lesions)
    return {name: values for part in parts if part is not None for name, values in part.images.items()}


def image_scores(
    run: Run, found: Measured, losses: ImageLosses | None, contours: Mapping[str, ClassValues], names: FileNames
) -> tuple[ImageScores, ...]:
    """Score every image by itself: each class's overlap as the convention counts it, and the image's means."""
    at = found.images.at
    if at.images * at.classes > MOST_IMAGE_CELLS:
        raise UsageError(
            "there are more images and classes than can be listed",
            (f"{at.images:,} images of {at.classes:,} classes, their product may be {MOST_IMAGE_CELLS:,}",),
            "Leave --per-image out, give fewer classes with --classes, or score fewer images",
        )
    plain = image_outcomes(found.images)
    iou, dice = (
        image_overlap(image_outcomes(found.images, rule), rule, hit_weight=weight)
        for rule, weight in ((found.rules.rule("miou"), 1), (found.rules.rule("mdice"), 2))
    )
    mious = image_mious(plain.of(found.rules.over("image_miou")))
    further = _class_losses(losses, at.classes)
    for name, values in contours.items():
        further[name] = list(map(values.image, range(at.images)))
    hits, pixels = (side.tolist() for side in pixel_parts(found.images.pixels))
    unknown = found.images.pixels.gt_unknown.sum(axis=-1).tolist()
    strays = image_outcomes(found.images, STRAYING)

    def described(index: int, key: str) -> ImageScores:
        counts = plain.image(index)
        return ImageScores(
            key=key,
            image_miou=mious[index],
            pixel_accuracy=None if found.labeling.sets else ratio(hits[index], pixels[index]),
            iou=iou.image(index).many(),
            dice=dice.image(index).many(),
            tp=tuple(counts.tp.tolist()),
            fp=tuple(counts.fp.tolist()),
            fn=tuple(counts.fn.tolist()),
            losses={name: values[index] for name, values in further.items()},
            stray=tuple((strays.image(index).fp - counts.fp).tolist()),
            pixels=pixels[index] + unknown[index],
            files=(file_name(names, key, 0), file_name(names, key, 1)),
        )

    return tuple(described(index, key) for index, key in enumerate(keys_of(run.rows)))


def _defined(values: NDArray[np.float64], defined: NDArray[np.bool_]) -> tuple[Value, ...]:
    return tuple(value if known else None for value, known in zip(values.tolist(), defined.tolist(), strict=True))


def _class_losses(losses: ImageLosses | None, size: int) -> dict[str, list[tuple[Value, ...]]]:
    """Return, by the name of a loss, a tuple an image of one value a class."""
    if losses is None:
        return {}
    names = dict.fromkeys(name for of_class in losses.classes.values() for name in of_class)
    found: dict[str, list[tuple[Value, ...]]] = {}
    for name in names:
        known = {index: of_class[name] for index, of_class in losses.classes.items() if name in of_class}
        images = np.full((len(next(iter(known.values()))), size), np.nan)
        for index, values in known.items():
            images[:, index] = values
        found[name] = [_defined(row, ~np.isnan(row)) for row in images]
    return found
