"""Every score of label masks from their tallies, each as its convention and the classes of its mean have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segeval.protocol.evaluators import OURS, Evaluator
from segeval.protocol.meanover import ScoringRules
from segeval.scores.accuracy import floored, pixel_accuracy, precisions, recalls, true_pixels
from segeval.scores.overlap import (
    Overlap,
    Value,
    averaged,
    class_mious,
    frequency_weighted,
    image_mious,
    image_values,
    mean,
    outcomes,
)
from segeval.tables.confusion import Tallies


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


def overlap_score(name: str, whole: Tallies, images: Tallies, rules: ScoringRules) -> Overlap:
    """Return `miou` or `mdice` with the values of the classes."""
    rule = rules.rule(name)
    weights = rules.weights
    if weights is None and rule.average == "weighted":
        weights = tuple(map(float, whole.true_pixels.tolist()))
    return averaged(
        outcomes(whole, rule),
        outcomes(images, rule),
        rule,
        hit_weight=2 if name == "mdice" else 1,
        over=rules.over(name),
        weights=weights,
    )


def class_ratios(whole: Tallies, rules: ScoringRules) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Return recall and precision of each class."""
    precise = program_of(rules, "precision")
    as_theirs = rules.rule("precision") if precise.prints("precision") and precise is not OURS else None
    return recalls(whole, program_of(rules, "recall")), precisions(whole, precise, as_theirs)


def mask_scores(whole: Tallies, images: Tallies, rules: ScoringRules) -> MaskScores:
    """Compute every score that label masks have; `images` has the tallies of each image, (N, K), `whole` their sum."""
    iou, dice = (overlap_score(name, whole, images, rules) for name in ("miou", "mdice"))
    of_mean = recalls(whole, program_of(rules, "mean_accuracy"))
    weighing = program_of(rules, "fwiou")
    weighed = overlap_score("fwiou", whole, images, rules)
    plain = outcomes(images).of(rules.over("image_miou"))
    scores: dict[str, Value] = {
        "miou": iou.mean,
        "mdice": dice.mean,
        "pixel_accuracy": pixel_accuracy(whole, images, program_of(rules, "pixel_accuracy")),
        "mean_accuracy": mean(np.array(of_mean, object)[rules.over("mean_accuracy")].tolist()),
        "fwiou": frequency_weighted(weighed.classes, true_pixels(whole, weighing).tolist()),
        "image_miou": mean(image_mious(plain)),
        "class_miou": mean(class_mious(plain)),
    }
    if rules.program.floor is not None:
        rule = rules.rule("threshold_jaccard")
        of_images = image_values(outcomes(images, rule).of(rules.over("threshold_jaccard")), rule)
        scores["threshold_jaccard"] = floored(of_images, rules.program.floor)
    return MaskScores(scores, iou, dice, *class_ratios(whole, rules))
