"""Every score once: what it is called, its unit, which way is better, whether it can exceed 1, and what it is of.

Whatever lists scores derives from here: gates, `--only` and its suggestions, tables, and the order of CSV and JSON.
Those of label masks are computed here from their tallies, each as its convention and the classes of its mean have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import OURS, Convention, Evaluator, ScoringRules
from segeval.records import dataclass
from segeval.scores.imageoverlap import OF_SUMS, image_outcomes, image_overlap, image_values, present
from segeval.scores.overlap import (
    Outcomes,
    Value,
    floored,
    frequency_weighted,
    mean,
    micro,
    outcomes,
    overlap,
    pixel_accuracy,
    precisions,
    recalls,
    true_pixels,
    weighted_mean,
)
from segeval.tables.counts import Tallies

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllOutcomes, AllTallies

Number = TypeVar("Number")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Score:
    """Say what one score is.

    `name` is its key in JSON, `title` what tables head it with. `unit` is "%" for fractions that people read in
    percent, "nats" for logarithms, "" for plain numbers. A `bounded` score is in [0, 1]. `of_data` scores have one
    value for the whole data set, `per_class` scores one for each class, and `of_maps` scores need probability maps.
    `by_convention` are those that conventions decide over; a `pixel_mean` is a sum over pixels that `--loss-reduction`
    divides. `of_contours` need `--boundary`, `--distances` or `--lesions`.
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
    Score(name="positive_dice", title="pos. Dice"),
    Score(name="miss_rate", title="miss rate", lower_is_better=True),
    Score(name="false_alarm_rate", title="false alarms", lower_is_better=True),
    Score(name="iou", title="IoU", of_data=False, per_class=True),
    Score(name="dice", title="Dice", of_data=False, per_class=True),
    Score(name="precision", title="precision", of_data=False, per_class=True),
    Score(name="recall", title="recall", of_data=False, per_class=True),
    Score(name="boundary_iou", title="boundary IoU", per_class=True, of_contours=True),
    Score(name="trimap_iou", title="trimap IoU", per_class=True, of_contours=True),
    Score(name="bf", title="BF", per_class=True, of_contours=True),
    Score(name="davis_f", title="DAVIS F", per_class=True, of_contours=True),
    *(
        Score(name=name, title=title, unit="", lower_is_better=True, bounded=False, per_class=True, of_contours=True)
        for name, title in (("hd", "HD"), ("hd95", "HD95"), ("assd", "ASSD"), ("masd", "MASD"))
    ),
    Score(name="nsd", title="NSD", per_class=True, of_contours=True),
    *(
        Score(name=f"lesion_{name}", title=f"lesion {title}", per_class=True, of_contours=True)
        for name, title in (("dice", "Dice"), ("precision", "precision"), ("recall", "recall"), ("f1", "F1"))
    ),
    *(
        Score(name=name, title=title, unit="", lower_is_better=True, bounded=False, per_class=True, of_contours=True)
        for name, title in (("lesion_hd95", "lesion HD95"), ("lesion_fp", "lesion FP/image"))
    ),
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
OF_SETS = ("miou", "mdice")
"""Those of them that are means over classes, each of which has its own pixels."""
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


def score_of(metric: str) -> Score:
    """Return the score that the name of a metric is of: `iou.person`, `miou@weather=night`, `worst(miou@weather)`."""
    return SCORE[metric.removeprefix("worst(").partition("@")[0].partition(".")[0]]


def chosen(names: Iterable[str], among: Iterable[str]) -> list[str]:
    """Return those of `names` that are `among` others, such as the scores of a report, in the order of `names`."""
    known = set(among)
    return [name for name in names if name in known]


def ordered(values: Mapping[str, Number]) -> dict[str, Number]:
    """Return the values by the names of their scores in the order of `SCORES`; raises KeyError for any other name."""
    position = {score.name: index for index, score in enumerate(SCORES)}
    return {name: values[name] for name in sorted(values, key=position.__getitem__)}


@dataclass(frozen=True, slots=True)
class Overlap:
    """Hold one overlap score: of each class, its mean, and how many values entered the mean."""

    classes: tuple[Value, ...]
    mean: Value
    in_mean: int


def averaged(
    whole: Outcomes,
    images: AllOutcomes,
    convention: Convention,
    *,
    hit_weight: int = 1,
    over: NDArray[np.bool_] | None = None,
    weights: Sequence[float] | None = None,
) -> Overlap:
    """Return an overlap score of each class and its mean, averaged as `convention.average` says.

    `whole` has the outcomes of the data set, shape (K,); `images` those of each image. The mean runs over the classes
    `over`, by default all, whose outcomes alone enter it; `weights` are those of a weighted mean, one a class.
    """
    chosen = np.ones(whole.tp.shape, np.bool_) if over is None else over
    of_images = image_overlap(images.of(chosen), convention, hit_weight=hit_weight)
    if convention.average in OF_SUMS:
        ratios = overlap(whole, convention, hit_weight=hit_weight)
        classes, poisoned = ratios.many(), bool(ratios.poison[chosen].any())
    else:
        classes = image_overlap(images, convention, hit_weight=hit_weight).class_means()
        poisoned = of_images.poisoned
    entered = [value for value, is_in in zip(classes, chosen.tolist(), strict=True) if is_in]
    average: Value
    if poisoned or (convention.absent == "skip-image" and None in entered):
        average = None
    elif convention.average in ("dataset", "class-image"):
        average = mean(entered)
    elif convention.average == "weighted":
        average = weighted_mean(classes, np.where(chosen, 1.0 if weights is None else weights, 0.0).tolist())
    elif convention.average == "micro":
        average = micro(whole.of(chosen), hit_weight=hit_weight)
    elif convention.average == "image-class":
        average = of_images.mean()
    else:
        average = mean(image_values(images.of(chosen), convention, hit_weight=hit_weight))
    return Overlap(classes, average, sum(value is not None for value in entered))


@dataclass(frozen=True, slots=True)
class MaskScores:
    """Hold the scores of label masks: of the data set by name, and of each class."""

    scores: dict[str, Value]
    iou: Overlap
    dice: Overlap
    recalls: tuple[Value, ...]
    precisions: tuple[Value, ...]


def program_of(rules: ScoringRules, score: str) -> Evaluator:
    """Return whose rules a score has: those of the convention's evaluator where it prints the score, or ours."""
    return rules.program if rules.program.prints(score) else OURS


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Hold what decides over one score: the axes, the evaluator's ratios, the classes of its mean, their weights."""

    convention: Convention
    program: Evaluator
    over: tuple[bool, ...]
    weights: tuple[float, ...] | None = None


def score_rule(name: str, rules: ScoringRules) -> ScoreRule:
    """Return how a score is computed."""
    over = tuple(rules.over(name).tolist())
    return ScoreRule(rules.rule(name), program_of(rules, name), over, rules.weights)


def overlap_score(name: str, whole: Tallies, images: AllTallies, by: ScoreRule) -> Overlap:
    """Return `miou` or `mdice` with the values of the classes."""
    weights = by.weights
    if weights is None and by.convention.average == "weighted":
        weights = tuple(map(float, whole.true_pixels.tolist()))
    return averaged(
        outcomes(whole, by.convention),
        image_outcomes(images, by.convention),
        by.convention,
        hit_weight=2 if name == "mdice" else 1,
        over=np.array(by.over, np.bool_),
        weights=weights,
    )


def class_score(name: str, whole: Tallies, images: AllTallies, by: ScoreRule) -> Overlap:
    """Return one of `miou`, `mdice`, `pixel_accuracy`, `mean_accuracy` and `fwiou`, with what it has of each class."""
    if name == "pixel_accuracy":
        return Overlap((), pixel_accuracy(whole, images, by.program), 0)
    if name == "mean_accuracy":
        classes = recalls(whole, by.program)
        entered = [value for value, is_in in zip(classes, by.over, strict=True) if is_in]
        return Overlap(classes, mean(entered), sum(value is not None for value in entered))
    found = overlap_score(name, whole, images, by)
    if name != "fwiou":
        return found
    weighed = frequency_weighted(found.classes, true_pixels(whole, by.program).tolist())
    return Overlap(found.classes, weighed, found.in_mean)


def class_ratios(whole: Tallies, rules: ScoringRules) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Return recall and precision of each class."""
    precise = program_of(rules, "precision")
    as_theirs = rules.rule("precision") if precise.prints("precision") and precise is not OURS else None
    return recalls(whole, program_of(rules, "recall")), precisions(whole, precise, as_theirs)


def mask_scores(whole: Tallies, images: AllTallies, rules: ScoringRules) -> MaskScores:
    """Compute every score that label masks have; `images` has the tallies of each image, `whole` their sum."""
    names = OF_SETS if rules.sets else OF_CONVENTIONS
    found = {name: class_score(name, whole, images, score_rule(name, rules)) for name in names}
    ratios = present(image_outcomes(images).of(rules.over("image_miou")))
    scores: dict[str, Value] = {name: score.mean for name, score in found.items()}
    scores["image_miou"] = mean(ratios.image_means())
    scores["class_miou"] = mean(ratios.class_means())
    del ratios
    if rules.program.floor is not None:
        rule = rules.rule("threshold_jaccard")
        of_images = image_values(image_outcomes(images, rule).of(rules.over("threshold_jaccard")), rule)
        scores["threshold_jaccard"] = floored(of_images, rules.program.floor)
    if rules.foreground is not None:
        from segeval.scores.foreground import foreground_scores  # few sets are binary

        scores |= foreground_scores(images, rules.foreground)
    return MaskScores(scores, found["miou"], found["mdice"], *class_ratios(whole, rules))
