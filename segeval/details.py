"""What a report holds beyond its scores where it is asked for: intervals, images, and where the points are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from segeval.labeling import NO_FILE, UNKNOWN, VOID
from segeval.metrics import Value

if TYPE_CHECKING:
    from segeval.gains import ClassGain, ConfusionCost, EmptyImages, WorstImage
    from segeval.resampling import Interval, Intervals, Resampling

OUTSIDE: Mapping[int, str] = {VOID: "void", UNKNOWN: "unknown", NO_FILE: "missing"}
"""What valid pixels were given that is no class."""
WORST_PERCENTS = (1, 5, 10)


class Named(Protocol):
    """Anything that has a class's id and name."""

    @property
    def id(self) -> int:
        """Return the class's value after mapping."""

    @property
    def name(self) -> str:
        """Return what the class is called."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Hold the intervals of a run, how they were drawn, and what was drawn as one: "image", or a regular expression."""

    settings: Resampling
    unit: str
    intervals: Intervals

    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return what the signature says of the intervals."""
        return resampling_fields(self.settings, self.unit, self.intervals.units)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of how the intervals were drawn, with the resamples that left a score undefined."""
        return resampling_dict(self.settings, self.unit, self.intervals.units) | {
            "undefined": {name: one.undefined for name, one in self.intervals.scores.items() if one.undefined}
        }


def resampling_fields(settings: Resampling, unit: str, units: int) -> tuple[tuple[str, str], ...]:
    """Return the fields of a signature that say how resamples were drawn."""
    return (
        ("ci", f"{settings.level:g}"),
        ("ci-method", settings.method),
        ("resamples", str(settings.resamples)),
        ("seed", str(settings.seed)),
        ("unit", unit),
        ("n", str(units)),
    )


def resampling_dict(settings: Resampling, unit: str, units: int) -> dict[str, Any]:
    """Return the JSON of how resamples were drawn."""
    return {
        "level": settings.level,
        "method": settings.method,
        "resamples": settings.resamples,
        "seed": settings.seed,
        "unit": unit,
        "units": units,
    }


def bounds(interval: Interval) -> list[float] | None:
    """Return an interval as [low, high], `None` where there is none."""
    return None if interval.low is None or interval.high is None else [interval.low, interval.high]


@dataclass(frozen=True, slots=True)
class Gains:
    """Hold what the mean IoU would gain from each class, and from each of the dearest confusions.

    Both are `None` where the convention's mean is no function of the confusion matrix.
    """

    classes: tuple[ClassGain, ...] | None
    confusions: tuple[ConfusionCost, ...] | None

    def to_dict(self, classes: Sequence[Named]) -> dict[str, Any]:
        """Return the JSON; a class is told by its id."""
        return {
            "classes": self.classes
            and [
                {"id": classes[one.index].id, "name": classes[one.index].name, "miou": one.miou, "gain": one.gain}
                for one in self.classes
            ],
            "confusions": None
            if self.confusions is None
            else [
                {
                    "gt": classes[one.gt].id,
                    "gt_name": classes[one.gt].name,
                    "pred": OUTSIDE[one.pred] if one.pred < 0 else classes[one.pred].id,
                    "pred_name": OUTSIDE[one.pred] if one.pred < 0 else classes[one.pred].name,
                    "pixels": one.pixels,
                    "share_of_gt": one.share_of_gt,
                    "gain": one.gain,
                }
                for one in self.confusions
            ],
        }


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Hold the scores of one image: its means, and each class in the order of the report.

    `iou` and `dice` are as the convention has them; `tp`, `fp`, `fn` are pixels, as in the report; `losses` has the
    means of each class's probability map.
    """

    key: str
    image_miou: Value
    pixel_accuracy: Value
    iou: tuple[Value, ...]
    dice: tuple[Value, ...]
    tp: tuple[int, ...]
    fp: tuple[int, ...]
    fn: tuple[int, ...]
    losses: Mapping[str, tuple[Value, ...]]

    def records(self, classes: Sequence[Named]) -> Iterator[dict[str, Any]]:
        """Return the image in long form: a record a class."""
        for index, entry in enumerate(classes):
            tp, fp, fn = self.tp[index], self.fp[index], self.fn[index]
            yield {
                "key": self.key,
                "class_id": entry.id,
                "class": entry.name,
                "iou": self.iou[index],
                "dice": self.dice[index],
                "precision": tp / (tp + fp) if tp + fp else None,
                "recall": tp / (tp + fn) if tp + fn else None,
                "tp": tp,
                "fp": fp,
                "fn": fn,
                **{name: values[index] for name, values in self.losses.items()},
                "image_miou": self.image_miou,
                "pixel_accuracy": self.pixel_accuracy,
            }


@dataclass(frozen=True, slots=True)
class Details:
    """Hold what a report was asked for beyond its scores; `None` is what it was not asked for.

    `worst` has the mean of the lowest 1, 5 and 10 % of the images' mIoU, and of each class's IoUs averaged over the
    classes (worst-q% of Wang et al. 2023). `empty_gt` is of binary sets only.
    """

    worst: Mapping[str, Mapping[int, Value]]
    empty_gt: EmptyImages | None = None
    uncertainty: Uncertainty | None = None
    worst_images: tuple[WorstImage, ...] | None = None
    gains: Gains | None = None
    images: tuple[ImageScores, ...] | None = None

    def to_dict(self, classes: Sequence[Named]) -> dict[str, Any]:
        """Return the JSON that goes beside the scores; the scores of images go to a file of their own."""
        found: dict[str, Any] = {
            "worst": {
                name: {str(percent): value for percent, value in values.items()} for name, values in self.worst.items()
            }
        }
        if self.empty_gt is not None:
            found["empty_gt"] = {
                "images": self.empty_gt.images,
                "false_alarms": self.empty_gt.false_alarms,
                "false_alarm_rate": self.empty_gt.rate,
            }
        if self.uncertainty is not None:
            found["intervals"] = {name: bounds(one) for name, one in self.uncertainty.intervals.scores.items()}
            found["resampling"] = self.uncertainty.to_dict()
        if self.worst_images is not None:
            found["worst_images"] = [
                {
                    "key": one.key,
                    "image_miou": one.image_miou,
                    "costliest_id": None if one.costliest is None else classes[one.costliest].id,
                    "costliest": None if one.costliest is None else classes[one.costliest].name,
                    "gain": one.gain,
                }
                for one in self.worst_images
            ]
        if self.gains is not None:
            found["gains"] = self.gains.to_dict(classes)
        return found
