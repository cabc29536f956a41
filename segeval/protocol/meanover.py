"""Which classes the means run over: what was asked for, or what the convention's evaluator chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError, listed
from segeval.protocol.conventions import Convention
from segeval.protocol.evaluators import Evaluator, evaluator, rule_of
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import Protocol

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
    the position of the foreground of binary masks, `None` for others.
    """

    convention: Convention
    size: int
    asked: tuple[bool, ...] | None = None
    theirs: tuple[bool, ...] | None = None
    weights: tuple[float, ...] | None = None
    foreground: int | None = None

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
    if asked is None and program.mean_over == FOREGROUND:
        theirs = _foreground(classes, f"--convention {program.name}")
    foreground = 1 if protocol.binary and len(classes) == 2 else None
    return ScoringRules(protocol.convention, len(classes), asked, theirs, _weights(protocol, classes), foreground)


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
