"""Every score once: what it is called, its unit, which way is better, whether it can exceed 1, and what it is of.

Whatever lists scores derives from here: gates, `--only` and its suggestions, tables, and the order of CSV and JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Number = TypeVar("Number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Say what one score is.

    `name` is its key in JSON, `title` what tables head it with. `unit` is "%" for fractions that people read in
    percent, "nats" for logarithms, "" for plain numbers. A `bounded` score is in [0, 1]. `of_data` scores have one
    value for the whole data set, `per_class` scores one for each class, and `of_maps` scores need probability maps.
    `by_convention` are those that conventions decide over; a `pixel_mean` is a sum over pixels that `--loss-reduction`
    divides. `of_contours` need `--boundary`.
    """

    name: str
    title: str
    unit: Literal["%", "nats", ""] = "%"
    lower_is_better: bool = False
    bounded: bool = True
    of_data: bool = True
    per_class: bool = False
    of_maps: bool = False
    pixel_mean: bool = False
    by_convention: bool = False
    of_contours: bool = False


HEADLINE = Score(name="miou", title="mIoU", by_convention=True)
"""The one score that is told where there is room for one."""
SCORES = (
    HEADLINE,
    Score(name="mdice", title="mDice", by_convention=True),
    Score(name="threshold_jaccard", title="threshold Jaccard"),
    Score(name="pixel_accuracy", title="pixel acc.", by_convention=True),
    Score(name="mean_accuracy", title="mean acc.", by_convention=True),
    Score(name="fwiou", title="fwIoU", by_convention=True),
    Score(name="image_miou", title="mIoU^I"),
    Score(name="class_miou", title="mIoU^C"),
    Score(name="group_miou", title="group mIoU"),
    Score(name="iou", title="IoU", of_data=False, per_class=True),
    Score(name="dice", title="Dice", of_data=False, per_class=True),
    Score(name="precision", title="precision", of_data=False, per_class=True),
    Score(name="recall", title="recall", of_data=False, per_class=True),
    Score(name="boundary_iou", title="boundary IoU", per_class=True, of_contours=True),
    Score(name="trimap_iou", title="trimap IoU", per_class=True, of_contours=True),
    Score(name="bf", title="BF", per_class=True, of_contours=True),
    Score(name="davis_f", title="DAVIS F", per_class=True, of_contours=True),
    Score(
        name="bce",
        title="BCE",
        unit="nats",
        lower_is_better=True,
        bounded=False,
        per_class=True,
        of_maps=True,
        pixel_mean=True,
    ),
    Score(
        name="focal",
        title="focal",
        unit="nats",
        lower_is_better=True,
        bounded=False,
        per_class=True,
        of_maps=True,
        pixel_mean=True,
    ),
    Score(name="cross_entropy", title="cross-entropy", unit="nats", lower_is_better=True, bounded=False, of_maps=True),
    Score(name="focal_cross_entropy", title="focal CE", unit="nats", lower_is_better=True, bounded=False, of_maps=True),
    Score(
        name="brier",
        title="Brier",
        unit="",
        lower_is_better=True,
        bounded=False,
        per_class=True,
        of_maps=True,
        pixel_mean=True,
    ),
    Score(name="classwise_brier", title="classwise Brier", unit="", lower_is_better=True, of_maps=True),
    Score(
        name="mae",
        title="MAE",
        unit="",
        lower_is_better=True,
        per_class=True,
        of_maps=True,
        pixel_mean=True,
    ),
    Score(name="ece", title="ECE", unit="", lower_is_better=True, per_class=True, of_maps=True),
    Score(name="classwise_ece", title="classwise ECE", unit="", lower_is_better=True, of_maps=True),
    Score(name="max_f", title="max F", unit="", of_maps=True),
    Score(name="mean_f", title="mean F", unit="", of_maps=True),
    Score(name="adaptive_f", title="adaptive F", unit="", of_maps=True),
    Score(name="average_precision", title="AP", unit="", per_class=True, of_maps=True),
    Score(name="auroc", title="AUROC", unit="", per_class=True, of_maps=True),
)
"""Every score, in the order in which all formats list them."""
SCORE: Mapping[str, Score] = {score.name: score for score in SCORES}
"""Every score by its name."""
OF_MASKS = tuple(score.name for score in SCORES if score.of_data and not score.of_maps and not score.of_contours)
"""Scores of a data set that label masks are enough for."""
OF_CONVENTIONS = tuple(score.name for score in SCORES if score.by_convention)
"""Scores that conventions decide over."""
OF_CLASSES = tuple(score.name for score in SCORES if score.per_class and not score.of_maps and not score.of_contours)
"""Scores of one class that label masks are enough for."""
OF_CONTOURS = tuple(score.name for score in SCORES if score.of_contours)
"""Scores along contours, of a data set and of one class."""
OF_MAPS = tuple(score.name for score in SCORES if score.of_maps)
"""Scores of probability maps, of a data set or of one class."""
OF_CLASS_MAPS = tuple(score.name for score in SCORES if score.of_maps and score.per_class)
"""Scores that the probability map of one class has."""
OF_PIXELS = tuple(score.name for score in SCORES if score.pixel_mean)
"""Scores of one map that `--loss-reduction` divides."""

_MEANT = {spelling.casefold(): score for score in SCORES for spelling in (score.title, score.name)}


def score_meant(text: str) -> Score | None:
    """Return the score that `text` names in any case, by its name or its title: "miou", "mIoU"; `None` for none."""
    return _MEANT.get(text.strip().casefold())


def chosen(names: Iterable[str], among: Iterable[str]) -> list[str]:
    """Return those of `names` that are `among` others, such as the scores of a report, in the order of `names`."""
    known = set(among)
    return [name for name in names if name in known]


def ordered(values: Mapping[str, Number]) -> dict[str, Number]:
    """Return the values by the names of their scores in the order of `SCORES`; raises KeyError for any other name."""
    position = {score.name: index for index, score in enumerate(SCORES)}
    return {name: values[name] for name in sorted(values, key=position.__getitem__)}
