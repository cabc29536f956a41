"""Every score of label masks from their tallies, each as its convention and the classes of its mean have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segeval.protocol.conventions import Convention
from segeval.protocol.evaluators import OURS, Evaluator
from segeval.protocol.meanover import ScoringRules
from segeval.scores.accuracy import floored, pixel_accuracy, precisions, recalls, true_pixels
from segeval.scores.foreground import foreground_scores
from segeval.scores.imageoverlap import Overlap, averaged, class_mious, image_mious, image_outcomes, image_values
from segeval.scores.overlap import Value, frequency_weighted, mean, outcomes
from segeval.scores.registry import OF_CONVENTIONS
from segeval.tables.confusion import ImageTallies, Tallies


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


def overlap_score(name: str, whole: Tallies, images: ImageTallies, by: ScoreRule) -> Overlap:
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


def class_score(name: str, whole: Tallies, images: ImageTallies, by: ScoreRule) -> Overlap:
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


def mask_scores(whole: Tallies, images: ImageTallies, rules: ScoringRules) -> MaskScores:
    """Compute every score that label masks have; `images` has the tallies of each image, `whole` their sum."""
    found = {name: class_score(name, whole, images, score_rule(name, rules)) for name in OF_CONVENTIONS}
    plain = image_outcomes(images).of(rules.over("image_miou"))
    scores: dict[str, Value] = {name: score.mean for name, score in found.items()}
    scores["image_miou"] = mean(image_mious(plain))
    scores["class_miou"] = mean(class_mious(plain))
    if rules.program.floor is not None:
        rule = rules.rule("threshold_jaccard")
        of_images = image_values(image_outcomes(images, rule).of(rules.over("threshold_jaccard")), rule)
        scores["threshold_jaccard"] = floored(of_images, rules.program.floor)
    if rules.foreground is not None:
        scores |= foreground_scores(images, rules.foreground)
    return MaskScores(scores, found["miou"], found["mdice"], *class_ratios(whole, rules))
