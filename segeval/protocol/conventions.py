"""How each evaluator of the field counts: a named choice on every axis, what it prints, and the classes of its means.

Choices and facts are read from `conventions.toml`; `ScoringRules` is what they come to for the classes of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError, listed
from segeval.protocol.axes import AXES
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.protocol.labeling import SegmentationClass
    from segeval.protocol.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Convention:
    """Choose on every axis on which evaluators differ.

    - `absent`: IoU of a class in neither ground truth nor prediction: left out, 0, 1, or undefined with its mean;
      "skip-image" leaves it out of such images, and is undefined with its mean where no image has it (nnU-Net).
    - `pred_only`: IoU of a class that is predicted but not in the ground truth: 0, or left out.
    - `pred_void`: void predicted on a valid pixel: a miss of the true class, dropped with its pixel, or an error.
    - `unknown`: a predicted value outside classes and void, likewise.
    - `gt_unknown`: such a value in the ground truth: an error, dropped, or dropped but for the false positive.
    - `ignored_class`: an ignored value inside the class list: no class, a class without ground truth (mmseg, HF), or
      no class whose predictions are misses whatever `pred_void` says (torchmetrics).
    - `average`: what the mean runs over.

    `name` is the evaluator that chooses so; after `with_axes` it is the one that the choices started from.
    """

    name: str = "segeval"
    absent: str = "skip"
    pred_only: str = "zero"
    pred_void: str = "miss"
    unknown: str = "error"
    gt_unknown: str = "error"
    ignored_class: str = "leave-out"
    average: str = "dataset"

    def __post_init__(self) -> None:
        for axis, choices in AXES.items():
            if getattr(self, axis) not in choices:
                raise UsageError(
                    f"'{getattr(self, axis)}' is not a choice for {axis}", (), f"Choose one of {', '.join(choices)}"
                )

    def with_axes(self, **axes: str | None) -> Convention:
        """Return this convention with some axes chosen otherwise; `None` leaves an axis as it is."""
        return replace(self, **{axis: choice for axis, choice in axes.items() if choice is not None})

    def axes(self) -> dict[str, str]:
        """Return every axis with the choice made."""
        return {axis.name: getattr(self, axis.name) for axis in fields(self) if axis.name != "name"}


DEFAULT = Convention()
"""What segeval does where nobody asks for another; its line in the data file says the same."""


SALIENCY = ("sod", "pysodmetrics")
"""Evaluators of salient object detection: their names decide MAE and F-measures, and overlap is segeval's own."""


@cache
def conventions() -> Mapping[str, Convention]:
    """Return every convention by name, in the order of the data file."""
    import tomllib

    found = tomllib.loads(Path(__file__).with_name("conventions.toml").read_text(encoding="utf-8"))
    return {name: Convention(name=name, **axes) for name, axes in found["conventions"].items()}


def convention(name: str) -> Convention:
    """Return the convention called `name`, one of `conventions` or of `SALIENCY`."""
    if name == DEFAULT.name:
        return DEFAULT
    if name in SALIENCY:
        return replace(DEFAULT, name=name)
    try:
        return conventions()[name]
    except KeyError:
        raise UsageError(
            f"there is no convention '{name}'", (), f"Choose one of {', '.join((*conventions(), *SALIENCY))}"
        ) from None


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


FOREGROUND = "foreground"
BACKGROUNDS = frozenset({"background", "bg", "unlabeled", "unlabelled", "other", "void"})
"""What a class of id 0 is called that a mean over the foreground leaves out."""
MOST_LISTED = 10

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """Hold all that decides over scores beside the counts: the convention, the classes of means, their weights.

    Of the `size` classes, `asked` tells which the user chose and `theirs` which the convention's evaluator has; `None`
    is all. `weights` are those of a weighted mean; `None` is each class's share of the ground truth. `foreground` is
    the position of the foreground of binary masks, `None` for others. Where pixels have
    `sets` of classes, no score is of pixels alone.
    """

    convention: Convention
    size: int
    asked: tuple[bool, ...] | None = None
    theirs: tuple[bool, ...] | None = None
    weights: tuple[float, ...] | None = None
    foreground: int | None = None
    sets: bool = False

    @property
    def program(self) -> Evaluator:
        """Return the evaluator behind the convention."""
        return evaluator(self.convention)

    def rule(self, score: str) -> Convention:
        """Return how a score is counted."""
        return rule_of(score, self.convention)

    def over(self, score: str) -> Chosen:
        """Return the classes that a score's mean runs over, shape (K,)."""
        chosen = self.asked
        if chosen is None and self.program.prints(score):
            chosen = self.theirs
        return np.array((True,) * self.size if chosen is None else chosen, np.bool_)


def parse_mean_over(classes: int | str | Sequence[int | str]) -> tuple[int | str, ...]:
    """Return ids and names of classes from "1,2,road", "foreground", an id, or a list."""
    parts = (classes,) if isinstance(classes, int) else classes.split(",") if isinstance(classes, str) else classes
    found = tuple(part.strip() if isinstance(part, str) else part for part in parts)
    if not found or "" in found:
        raise UsageError(
            "--mean-over has an empty place", (str(classes),), "Give classes, as in --mean-over 1,2, or foreground"
        )
    return tuple(int(part) if isinstance(part, str) and part.lstrip("-").isdecimal() else part for part in found)


def scoring_rules(protocol: Protocol, classes: tuple[SegmentationClass, ...]) -> ScoringRules:
    """Return the rules of a protocol for the classes that are scored.

    Raises `UsageError` where `--mean-over` names no class, where the convention's evaluator cannot score such classes,
    and for a weighted mean without weights.
    """
    program = evaluator(protocol.convention)
    if program.only_binary and len(classes) != 2:
        raise UsageError(
            f"the evaluator of this convention scores two classes, not {len(classes)}",
            (program.name,),
            "Add --binary, or choose another --convention",
        )
    if len(classes) < program.fewest_classes:
        raise UsageError(
            "the evaluator of this convention cannot score a single class: its histogram then takes its range from the "
            "data and counts every pixel as predicted",
            (program.name,),
            "Name background too, or choose --convention hf, which counts one class as any number",
        )
    if not program.ignores_classes:
        _check_ignored(protocol, classes)
    asked = None if protocol.mean_over is None else _asked(protocol.mean_over, classes)
    theirs = None
    # Pixels of several classes need no background: where none has its id, all are foreground.
    without_background = protocol.storage.multilabel and all(entry.id for entry in classes)
    if asked is None and program.mean_over == FOREGROUND and not without_background:
        theirs = _foreground(classes, f"--convention {program.name}")
    foreground = 1 if protocol.binary and len(classes) == 2 else None
    weights = _weights(protocol, classes)
    return ScoringRules(
        protocol.convention, len(classes), asked, theirs, weights, foreground, protocol.storage.multilabel
    )


def _check_ignored(protocol: Protocol, classes: tuple[SegmentationClass, ...]) -> None:
    """Raise `UsageError` where an ignored value is a class, or a class's index."""
    every = protocol.classes or classes
    taken = {entry.id for entry in every} | set(range(len(every)))
    inside = [str(value) for value in protocol.ignore or () if value in taken]
    if inside:
        raise UsageError(
            "the evaluator of this convention does not ignore a value inside the class range",
            inside,
            "Map the value to one outside, as in --map 0=255 --ignore 255, or choose another --convention",
        )


def _asked(chosen: Sequence[int | str], classes: tuple[SegmentationClass, ...]) -> tuple[bool, ...]:
    if tuple(chosen) == (FOREGROUND,):
        return _foreground(classes, "--mean-over foreground")
    positions = {entry.name: index for index, entry in enumerate(classes)}
    positions |= {str(entry.id): index for index, entry in enumerate(classes)}
    strangers = [str(part) for part in chosen if str(part) not in positions]
    if strangers:
        raise UsageError(
            "--mean-over names what is no class that is scored",
            strangers,
            f"Give ids or names of {listed([entry.name for entry in classes], MOST_LISTED)}, or foreground",
        )
    found = {positions[str(part)] for part in chosen}
    return tuple(index in found for index in range(len(classes)))


def _foreground(classes: tuple[SegmentationClass, ...], option: str) -> tuple[bool, ...]:
    found = tuple(entry.id != 0 for entry in classes)
    if all(found) or not any(found):
        raise UsageError(
            f"{option} leaves out the class of id 0, and "
            + ("no class has that id" if all(found) else "there is no other class"),
            (),
            "Name the classes of the mean, as in --mean-over 1,2",
        )
    return found


def _weights(protocol: Protocol, classes: tuple[SegmentationClass, ...]) -> tuple[float, ...] | None:
    """Return the weights of a weighted mean, one a class that is scored."""
    if protocol.convention.average != "weighted":
        return None
    given = protocol.mean_weights
    if given is None:
        raise UsageError(
            "a weighted mean needs a weight for each class",
            (),
            "Give them with --class-weights FILE, or auto for each class's share of the ground truth",
        )
    if not isinstance(given, tuple):
        return None
    listed_classes = protocol.classes or classes
    by_id = dict(zip((entry.id for entry in listed_classes), given, strict=False))
    if len(given) != len(listed_classes):
        raise UsageError(
            "class weights and classes do not match",
            (f"{len(given)} weights, {len(listed_classes)} classes",),
            "Give each class one weight",
        )
    return tuple(by_id[entry.id] for entry in classes)
