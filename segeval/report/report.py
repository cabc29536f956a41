"""Every score of a run as plain dataclasses of numbers, those of classes and groups built from what was counted.

`Report.to_dict` is the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from segeval.errors import Finding, UsageError, listed
from segeval.protocol.conventions import BACKGROUNDS, FOREGROUND
from segeval.protocol.labeling import Color
from segeval.protocol.protocol import Inference, Protocol
from segeval.protocol.signature import Signature
from segeval.records import dataclass
from segeval.report.details import WORST_PERCENTS, Details
from segeval.scores.imageoverlap import image_mious, image_outcomes, present
from segeval.scores.overlap import Outcomes, Value, mean, outcomes, overlap, ratio, worst_mean
from segeval.scores.registry import OF_CLASSES, Overlap
from segeval.tables.counts import Confusion, grouped, tallies

if TYPE_CHECKING:
    from segeval.report.boundaries import BoundaryScores
    from segeval.report.distances import DistanceScores
    from segeval.report.lesions import LesionScores
    from segeval.report.mapscores import ProbabilityScores
    from segeval.report.scoring import Measured
    from segeval.sampling.resampling import Interval
    from segeval.scores.registry import MaskScores

SCHEMA = 2
MOST_LISTED = 10
CLASS_FIELDS = ("id", "name", *OF_CLASSES, "tp", "fp", "fn", "gt_share")
"""What is told of each class of every run, in the order of JSON and CSV."""


@dataclass(frozen=True, slots=True)
class Data:
    """Say what was scored: images, their pixels, those of them that are void, and a digest of the ground truth.

    `unscored_images` have no valid pixel; `missing_images` have no prediction and count as wrong.
    """

    images: int
    pixels: int
    void_pixels: int
    gt_digest: str
    unscored_images: int = 0
    missing_images: int = 0


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Hold the scores of one class: fractions in [0, 1] or `None`, counts in pixels.

    `losses` has the scores of its probability map by name, empty for label masks; `contours` those along its
    contours, where they were counted. `in_means` tells whether the means run over it.
    """

    id: int
    name: str
    color: Color | None
    iou: Value
    dice: Value
    precision: Value
    recall: Value
    tp: int
    fp: int
    fn: int
    gt_share: Value
    losses: Mapping[str, Value] = field(default_factory=dict)
    in_means: bool = True
    contours: Mapping[str, Value] = field(default_factory=dict)

    def scores(self) -> dict[str, Value]:
        """Return every score of the class by its name."""
        return {name: getattr(self, name) for name in OF_CLASSES} | dict(self.contours) | dict(self.losses)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one class."""
        return {name: getattr(self, name) for name in CLASS_FIELDS} | dict(self.contours) | dict(self.losses)


@dataclass(frozen=True, slots=True)
class GroupScores:
    """Hold the overlap of several classes taken as one."""

    name: str
    ids: tuple[int, ...]
    iou: Value
    dice: Value
    tp: int
    fp: int
    fn: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one group."""
        names = ("name", "iou", "dice", "tp", "fp", "fn")
        return {"ids": list(self.ids)} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say whether one gate holds: `value` compared with `bound`, unrounded, by `comparison` (">=" or "<=")."""

    metric: str
    comparison: str
    bound: float
    value: float
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one verdict."""
        return {name: getattr(self, name) for name in Verdict.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """Hold every score of a run, ready to render.

    `scores` are fractions in [0, 1] or losses by their JSON name; an undefined one is `None`, one that does not apply
    is absent. `protocol` is the one asked for, `signature` says what became of it. `own_scores` are those that the
    convention's evaluator does not print, so that they are segeval's own; `ungated` are the metrics of classes that
    gates on every class leave out, since they are undefined. Where a pixel may be of several classes `counted` is
    `None`, and there is no `confusion`.
    """

    signature: Signature
    protocol: Protocol
    data: Data
    scores: Mapping[str, Value]
    classes_in_mean: int
    classes: tuple[ClassScores, ...]
    groups: tuple[GroupScores, ...]
    counted: Confusion | None
    warnings: tuple[Finding, ...] = ()
    notes: tuple[Inference, ...] = ()
    gates: tuple[Verdict, ...] = ()
    probabilities: ProbabilityScores | None = None
    details: Details = field(default_factory=Details)
    own_scores: tuple[str, ...] = ()
    boundary: BoundaryScores | None = None
    distances: DistanceScores | None = None
    lesions: LesionScores | None = None
    ungated: tuple[str, ...] = ()

    @property
    def confusion(self) -> Confusion:
        """Return the confusion table; raises `UsageError` where a pixel may be of several classes."""
        if self.counted is None:
            raise UsageError(
                "there is no confusion matrix where a pixel may be of several classes",
                (),
                "Leave out what shows it, as --confusion and -o confusion:FILE",
            )
        return self.counted

    @property
    def mean_over(self) -> tuple[int, ...] | None:
        """Return the ids of the classes that the means run over, `None` where that is all of them."""
        ids = tuple(entry.id for entry in self.classes if entry.in_means)
        return None if len(ids) == len(self.classes) else ids

    @property
    def has_details(self) -> bool:
        """Tell whether there is more to read than scores: intervals, images, or where the points are."""
        told = self.details
        return any(
            one is not None for one in (told.foreground, told.uncertainty, told.worst_images, told.gains, told.slices)
        )

    def interval(self, name: str) -> Interval | None:
        """Return the confidence interval of a score of the data set, `None` where none was drawn."""
        drawn = self.details.uncertainty
        return drawn.intervals.scores.get(name) if drawn else None

    def iou_interval(self, index: int) -> Interval | None:
        """Return the confidence interval of the IoU of the class at a position, `None` where none was drawn."""
        drawn = self.details.uncertainty
        return drawn.intervals.iou[index] if drawn else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values; equal runs give equal ones."""
        probabilities = {} if self.probabilities is None else {"probabilities": self.probabilities.to_dict()}
        told = [(entry.id, entry.name) for entry in self.classes]
        return {
            "schema": SCHEMA,
            "signature": str(self.signature),
            "protocol": self.protocol.to_dict(),
            "data": {name: getattr(self.data, name) for name in Data.__slots__},
            "scores": dict(self.scores),
            "classes_in_mean": self.classes_in_mean,
            **({} if self.mean_over is None else {"mean_over": list(self.mean_over)}),
            **({"own_scores": list(self.own_scores)} if self.own_scores else {}),
            "classes": [self._class_to_dict(index, entry) for index, entry in enumerate(self.classes)],
            "groups": [entry.to_dict() for entry in self.groups],
            "confusion": None if self.counted is None else _confusion_to_dict(self.counted, self.classes),
            **probabilities,
            **({} if self.boundary is None else {"boundary": self.boundary.to_dict()}),
            **({} if self.distances is None else {"distances": self.distances.to_dict()}),
            **({} if self.lesions is None else {"lesions": self.lesions.to_dict()}),
            **self.details.to_dict(told),
            "warnings": [finding.to_dict() for finding in self.warnings],
            "gates": [verdict.to_dict() for verdict in self.gates],
            **({"ungated": list(self.ungated)} if self.ungated else {}),
        }

    def _class_to_dict(self, index: int, entry: ClassScores) -> dict[str, Any]:
        drawn = self.iou_interval(index)
        return entry.to_dict() | ({} if drawn is None else {"iou_interval": drawn.bounds()})


def _confusion_to_dict(confusion: Confusion, classes: Sequence[ClassScores]) -> dict[str, Any]:
    return {
        "labels": [entry.id for entry in classes],
        "counts": confusion.matrix.tolist(),
        "unknown": (confusion.counts[: confusion.size, confusion.size :].sum(axis=1)).tolist(),
    }


def class_scores(
    found: Measured, scored: MaskScores, maps: ProbabilityScores | None, contours: Sequence[Mapping[str, Value]]
) -> tuple[ClassScores, ...]:
    """Return the scores of every class, with those of its map and along its contours where there are such."""
    losses = {entry.class_index: entry.scores for entry in maps.per_map} if maps else {}
    plain = outcomes(found.whole)
    true_pixels = found.whole.true_pixels.tolist()
    everything = found.confusion.valid_pixels
    columns = zip(
        found.labeling.classes,
        scored.iou.classes,
        scored.dice.classes,
        scored.precisions,
        scored.recalls,
        plain.tp.tolist(),
        plain.fp.tolist(),
        plain.fn.tolist(),
        true_pixels,
        found.rules.over("miou").tolist(),
        strict=True,
    )
    return tuple(
        ClassScores(
            id=entry.id,
            name=entry.name,
            color=entry.color,
            iou=iou,
            dice=dice,
            precision=precision,
            recall=recall,
            tp=tp,
            fp=fp,
            fn=fn,
            gt_share=ratio(pixels, everything),
            losses=losses.get(index, {}),
            in_means=in_means,
            contours=contours[index] if contours else {},
        )
        for index, (entry, iou, dice, precision, recall, tp, fp, fn, pixels, in_means) in enumerate(columns)
    )


def group_scores(found: Measured) -> tuple[tuple[GroupScores, ...], Value]:
    """Return the overlap of every group, and the mean of their IoU."""
    groups = found.labeling.groups
    if not groups:
        return (), None
    rule = found.rules.rule("group_miou")
    counted = outcomes(tallies(grouped(found.confusion, found.labeling, groups)), rule)
    counted = Outcomes(*(column[: len(groups)] for column in (counted.tp, counted.fp, counted.fn)))
    ious = overlap(counted, rule).many()
    dices = overlap(counted, rule, hit_weight=2).many()
    scores = tuple(
        GroupScores(group.name, group.ids, iou, dice, *outcome)
        for group, iou, dice, *outcome in zip(
            groups, ious, dices, counted.tp.tolist(), counted.fp.tolist(), counted.fn.tolist(), strict=True
        )
    )
    return scores, mean(ious)


def details_of(found: Measured) -> Details:
    """Return the closer look at the images that every report has."""
    plain = image_outcomes(found.images)
    values = [value for value in image_mious(plain.of(found.rules.over("image_miou"))) if value is not None]
    ratios = present(plain.of(found.rules.over("class_miou")))
    del plain
    of_class = [(values.tolist(), count) for values, count in ratios.lowest(max(WORST_PERCENTS)) if count]
    worst = {
        "image_miou": {percent: worst_mean(values, percent) for percent in WORST_PERCENTS},
        "class_miou": {
            percent: mean(worst_mean(values, percent, of=count) for values, count in of_class)
            for percent in WORST_PERCENTS
        },
    }
    if found.rules.foreground is None:
        return Details(worst)
    from segeval.scores.foreground import foreground_images  # few sets are binary

    return Details(worst, foreground_images(found.images, found.rules.foreground))


def undefined_mean(iou: Overlap, found: Measured) -> tuple[Finding, ...]:
    """Tell that a convention leaves mIoU undefined, and by which classes."""
    rule = found.rules.rule("miou")
    if rule.absent not in ("undefined", "skip-image") or iou.mean is not None:
        return ()
    counted = outcomes(found.whole, rule)
    empty = ((counted.tp + counted.fp + counted.fn == 0) & found.rules.over("miou")).tolist()
    absent = [entry.name for entry, is_empty in zip(found.labeling.classes, empty, strict=True) if is_empty]
    who = listed(absent, MOST_LISTED) if absent else "some class of some image"
    return (
        Finding(
            "undefined-mean",
            f"mIoU is undefined, since {who} is in neither ground truth nor prediction",
            (),
            "Leave such classes out of the mean with --absent skip",
        ),
    )


def left_out(found: Measured) -> list[str]:
    """Name the classes that a mean over the foreground leaves out."""
    if found.resolution.protocol.mean_over != (FOREGROUND,):
        return []
    over = found.rules.over("miou").tolist()
    return [entry.name for entry, is_in in zip(found.labeling.classes, over, strict=True) if not is_in]


def odd_foreground(found: Measured) -> tuple[Finding, ...]:
    """Find a mean over the foreground without a class that has a name, and that of no background."""
    odd = [name for name in left_out(found) if not name.isdecimal() and name.strip().casefold() not in BACKGROUNDS]
    return tuple(
        Finding(
            "odd-foreground",
            f"--mean-over foreground leaves {name} out, the class of id 0, which is no background by its name",
            (),
            "Name the classes of the mean, as in --mean-over 1,2",
        )
        for name in odd
    )
