"""What the evaluator behind a convention prints, and what of its rules no axis expresses: facts of its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from segeval.protocol.conventions import DEFAULT, Convention, conventions

OWN_AXES = replace(DEFAULT, unknown="miss", gt_unknown="drop")
"""How segeval scores what an evaluator does not print: its default axes, with what it would refuse counted as wrong."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Say what an evaluator prints, and how it scores that where the axes of its convention do not say it.

    - `defines`: the scores of label masks that it prints; IoU and Dice of classes go with their means.
    - `mean_over`: the classes of its means: "all", or "foreground" (all but the class of id 0).
    - `dice`: axes that its Dice has otherwise than its IoU.
    - `empty_ratio`: recall of a class without ground truth, and precision of one without predictions: "skip", "zero",
      "one", or "zero-if-met", which is zero where the other side has the class and left out elsewhere.
    - `pixel_accuracy`: what hits are divided by: "valid" pixels; pixels that were given a "classes"; all that are
      "labelled", so not void; "labelled-or-same", where an unknown value that is predicted as itself is a hit; pixels
      "predicted" as a class; or valid pixels image by image and then a mean over "images".
    - `recall`: what hits of a class are divided by: its "valid" pixels, or those that were given one of the "classes".
    - `only_binary`: it scores two classes and knows no void.
    - `ignores_classes`: whether an ignored value may lie inside the class range.
    - `fewest_classes`: with fewer it scores something that nobody means.
    - `looks_at_void`: whether it refuses predicted values where the ground truth is void, too.
    - `floor`: below this an image's IoU counts 0 in `threshold_jaccard`.
    """

    name: str = DEFAULT.name
    defines: frozenset[str] = frozenset()
    mean_over: str = "all"
    dice: Mapping[str, str] = field(default_factory=dict)
    empty_ratio: str = "skip"
    pixel_accuracy: str = "valid"
    recall: str = "valid"
    only_binary: bool = False
    ignores_classes: bool = True
    fewest_classes: int = 1
    looks_at_void: bool = True
    floor: float | None = None

    def prints(self, score: str) -> bool:
        """Tell whether a score is the evaluator's; otherwise it is segeval's own."""
        if self.name == DEFAULT.name:
            return True
        return {"iou": "miou", "dice": "mdice"}.get(score, score) in self.defines


RATIOS = ("empty_ratio", "pixel_accuracy", "recall")
"""The fields that accuracies, precision and recall depend on."""
OURS = Evaluator()
"""segeval itself, which prints every score."""


@cache
def evaluators() -> Mapping[str, Evaluator]:
    """Return the evaluator behind every convention, in the order of the data file."""
    import tomllib

    found = tomllib.loads(Path(__file__).with_name("conventions.toml").read_text(encoding="utf-8"))
    return {OURS.name: OURS} | {
        name: Evaluator(**{**facts, "name": name, "defines": frozenset(facts["defines"])})
        for name, facts in found["evaluators"].items()
    }


def evaluator(rule: Convention) -> Evaluator:
    """Return the evaluator that a convention started from."""
    return OURS if rule.name == OURS.name else evaluators().get(rule.name, OURS)


def rule_of(score: str, rule: Convention) -> Convention:
    """Return how one score is counted under a convention.

    A score that its evaluator does not print has segeval's default axes, on the classes that the convention has. What
    was chosen by hand holds for every score.
    """
    program = evaluator(rule)
    if program is OURS:
        return rule
    named = conventions().get(rule.name, DEFAULT)
    changes: dict[str, Any] = {axis: choice for axis, choice in rule.axes().items() if choice != getattr(named, axis)}
    if not program.prints(score):
        return replace(OWN_AXES, **{"ignored_class": rule.ignored_class, **changes})
    if score not in ("dice", "mdice"):
        return rule
    return rule.with_axes(**{axis: choice for axis, choice in program.dice.items() if axis not in changes})
