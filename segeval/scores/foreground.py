"""Binary sets image by image: the Dice of images that have foreground, and a miss and a false-alarm rate of images.

Where most images are empty, as of defects and lesions, a mean over all images tells how well empty ones are known as
empty. These three take the two kinds apart: they are what scripts of the Kaggle contests on pneumothorax (2019) and on
steel defects (2019) print as `dice_pos` and, from the other side, `dice_neg`, which is 1 less the false-alarm rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import Convention
from segeval.records import dataclass
from segeval.scores.overlap import Outcomes, Ratios, Value, mean, outcomes, overlap, ratio

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllTallies, Cells, ImageTallies
    from segeval.tables.counts import Int64Array

Chosen = NDArray[np.bool_]
IN_GT = Convention(pred_only="skip")
"""Leaves out the images whose ground truth has no foreground."""


@dataclass(frozen=True, slots=True)
class ForegroundImages:
    """Count images by the foreground of their valid ground truth.

    Of the `positives`, which have any, `missed` are those in which none is predicted; of the `negatives`, which have
    none, `false_alarms` are those in which some is. Images without a valid pixel are neither.
    """

    positives: int
    missed: int
    negatives: int
    false_alarms: int

    @property
    def miss_rate(self) -> Value:
        """Return the share of the positives that are missed, `None` without any: FN / (FN + TP) of images."""
        return ratio(self.missed, self.positives)

    @property
    def false_alarm_rate(self) -> Value:
        """Return the share of the negatives with a false alarm, `None` without any: FP / (FP + TN) of images."""
        return ratio(self.false_alarms, self.negatives)


def image_kinds(images: AllTallies, foreground: int) -> tuple[Chosen, Chosen, Chosen]:
    """Tell which images are positives, which are negatives, and in which any valid pixel is predicted foreground.

    `foreground` is a position in the class list; each answer has shape (images,).
    """
    parts = zip(*(_kinds(block, foreground) for block in images.blocks()), strict=True)
    positive, negative, predicted = map(np.concatenate, parts)
    return positive, negative, predicted


def _kinds(images: ImageTallies, foreground: int) -> tuple[Chosen, Chosen, Chosen]:
    kept = images.kept
    true_pixels, predicted = (_of_class(images.at, side, foreground) for side in (kept.true_pixels, kept.pred))
    positive = true_pixels > 0
    negative = ~positive & (images.pixels.true_pixels[:, 0] > 0)
    return positive, negative, predicted > 0


def foreground_images(images: AllTallies, foreground: int = 1) -> ForegroundImages:
    """Count the images with and without foreground, and those of each that the predictions have otherwise."""
    positive, negative, predicted = image_kinds(images, foreground)
    counts = (positive, positive & ~predicted, negative, negative & predicted)
    return ForegroundImages(*(int(chosen.sum()) for chosen in counts))


def positive_dices(images: AllTallies, foreground: int = 1) -> Ratios:
    """Return the Dice of the foreground in each image, shape (images,), defined where its ground truth has any.

    A void or unknown value predicted on valid ground truth is a miss, and so is an image without prediction.
    """
    parts = [_foreground(block, foreground) for block in images.blocks()]
    counts = Outcomes(*(np.concatenate([getattr(part, side) for part in parts]) for side in ("tp", "fp", "fn")))
    return overlap(counts, IN_GT, hit_weight=2)


def _foreground(images: ImageTallies, foreground: int) -> Outcomes:
    kept = outcomes(images.kept)
    return Outcomes(*(_of_class(images.at, side, foreground) for side in (kept.tp, kept.fp, kept.fn)))


def foreground_scores(images: AllTallies, foreground: int = 1) -> dict[str, Value]:
    """Return `positive_dice` (a mean over images), `miss_rate` and `false_alarm_rate`, each `None` without its images.

    >>> from segeval.scores.foreground import ForegroundImages
    >>> ForegroundImages(positives=4, missed=1, negatives=2, false_alarms=1).miss_rate
    0.25
    """
    dices, counted = positive_dices(images, foreground), foreground_images(images, foreground)
    return {
        "positive_dice": mean(dices.value[dices.defined].tolist()),
        "miss_rate": counted.miss_rate,
        "false_alarm_rate": counted.false_alarm_rate,
    }


def _of_class(at: Cells, values: Int64Array, label: int) -> Int64Array:
    """Return the values of one class in every image, shape (images,)."""
    found = np.zeros(at.images, np.int64)
    here = at.label == label
    found[at.image[here]] = values[here]
    return found
