"""What a report holds beyond its scores where it is asked for: intervals, images, and where the points are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from segeval.records import dataclass
from segeval.scores.overlap import Value

if TYPE_CHECKING:  # most reports are asked for none of it
    from segeval.protocol.labeling import IdAndName
    from segeval.report.imagescores import ImageScores
    from segeval.report.slicescores import Slices
    from segeval.sampling.uncertainty import Uncertainty
    from segeval.scores.foreground import ForegroundImages
    from segeval.scores.gains import Gains, WorstImage

WORST_PERCENTS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Details:
    """Hold what a report was asked for beyond its scores; `None` is what it was not asked for.

    `worst` has the mean of the lowest 1, 5 and 10 % of the images' mIoU, and of each class's IoUs averaged over the
    classes (worst-q% of Wang et al. 2023). `foreground` is of binary sets only.
    """

    worst: Mapping[str, Mapping[int, Value]] = field(default_factory=dict)
    foreground: ForegroundImages | None = None
    uncertainty: Uncertainty | None = None
    worst_images: tuple[WorstImage, ...] | None = None
    gains: Gains | None = None
    images: tuple[ImageScores, ...] | None = None
    slices: Slices | None = None

    def to_dict(self, classes: Sequence[IdAndName]) -> dict[str, Any]:
        """Return the JSON that goes beside the scores; the scores of images go to a file of their own."""
        found: dict[str, Any] = {}
        if self.worst:
            found["worst"] = {
                name: {str(percent): value for percent, value in values.items()} for name, values in self.worst.items()
            }
        if self.foreground is not None:
            counted = self.foreground
            found["positive_gt"] = {"images": counted.positives, "missed": counted.missed}
            found["empty_gt"] = {
                "images": counted.negatives,
                "false_alarms": counted.false_alarms,
                "false_alarm_rate": counted.false_alarm_rate,
            }
        if self.uncertainty is not None:
            found["intervals"] = {name: one.bounds() for name, one in self.uncertainty.intervals.scores.items()}
            found["resampling"] = self.uncertainty.to_dict()
        if self.worst_images is not None:
            found["worst_images"] = [
                {
                    "key": one.key,
                    "image_miou": one.image_miou,
                    "costliest_id": None if one.costliest is None else classes[one.costliest][0],
                    "costliest": None if one.costliest is None else classes[one.costliest][1],
                    "gain": one.gain,
                }
                for one in self.worst_images
            ]
        if self.gains is not None:
            found["gains"] = self.gains.to_dict(classes)
        if self.slices is not None:
            found["slices"] = self.slices.to_dict(classes)
        return found
