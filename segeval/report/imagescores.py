"""What is told of one image by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segeval.protocol.labeling import IdAndName
from segeval.records import dataclass
from segeval.scores.overlap import Value, ratio
from segeval.scores.registry import ordered


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Hold the scores of one image: its means, and each class in the order of the report.

    `iou` and `dice` are as the convention has them; `tp`, `fp`, `fn` are pixels, as in the report; `losses` has the
    means of each class's probability map. `stray` are pixels predicted as a class where the ground truth is unknown,
    `pixels` all that are not void. `files` are what messages call ground truth and prediction.
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
    stray: tuple[int, ...]
    pixels: int
    files: tuple[str, str]

    def records(self, classes: Sequence[IdAndName]) -> Iterator[dict[str, Any]]:
        """Return the image in long form: a record a class."""
        for index, (class_id, name) in enumerate(classes):
            tp, fp, fn = self.tp[index], self.fp[index], self.fn[index]
            scores = {
                "iou": self.iou[index],
                "dice": self.dice[index],
                "precision": ratio(tp, tp + fp),
                "recall": ratio(tp, tp + fn),
            }
            yield {
                "key": self.key,
                "class_id": class_id,
                "class": name,
                **ordered(scores),
                "tp": tp,
                "fp": fp,
                "fn": fn,
                **ordered({loss: values[index] for loss, values in self.losses.items()}),
                "image_miou": self.image_miou,
                "pixel_accuracy": self.pixel_accuracy,
            }
