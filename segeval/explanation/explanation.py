"""One run under every convention, as plain dataclasses of numbers; `Explanation.to_dict` is the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any

from segeval.errors import Finding
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import Inference
from segeval.protocol.signature import Signature
from segeval.records import dataclass
from segeval.scores.overlap import Value

if TYPE_CHECKING:
    from segeval.explanation.definitions import DistanceExplanation

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say which rule of a convention refuses the run, and how many pixels it concerns, `None` where that is all."""

    axis: str
    what: str
    pixels: int | None = None


@dataclass(frozen=True, slots=True)
class ClassChange:
    """Tell what a rule does to a score of one class, its IoU for one: before and after, `None` where it has none."""

    id: int
    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Step:
    """Change one rule: from one choice to another, the score before and after, and the classes moved."""

    axis: str
    old: str
    new: str
    before: Value
    after: Value
    classes: tuple[ClassChange, ...]

    @property
    def difference(self) -> Value:
        """Return what the rule is worth, a fraction; `None` where either mean is undefined."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class ScoreAccount:
    """Hold another score than mIoU under one convention, and the steps that lead to it from the chosen one.

    `own` says that the evaluator does not print it, so that it is segeval's own.
    """

    value: Value
    own: bool
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Hold the scores under one convention, and the steps that lead to them from the chosen one.

    `ious` are those of `Explanation.classes`; `refusals` say why there is no score; `scores` has mDice, accuracies and
    fwIoU by name; `own` says that mIoU is segeval's own. Steps change the axes one at a time in the order of
    `segeval.protocol.axes.AXES`, then the classes of the mean and the ratios behind accuracies, those left out that
    move nothing in this run: each begins where the one before ended, so their differences add up to the whole. There
    are none where either convention refuses the run.
    """

    name: str
    axes: Mapping[str, str]
    miou: Value
    classes_in_mean: int
    ious: tuple[Value, ...]
    refusals: tuple[Refusal, ...] = ()
    steps: tuple[Step, ...] = ()
    own: bool = False
    scores: Mapping[str, ScoreAccount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Tell what of a run an axis decides over: in words, how many pixels, and of which classes."""

    axis: str
    what: str
    pixels: int | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Hold one run under every convention.

    `chosen` is the protocol's own; `others` are all conventions by name but one that chooses as it does on every axis.
    `circumstances` tell why the axes matter here, or that they do not: an axis without one decides over nothing.
    `notes` tell what was taken from the data, `warnings` are about the folders. `losses` have, of probability maps, the
    value of each loss by what it is divided by; `distances` are under each definition, where they were asked for.
    """

    signature: Signature
    images: int
    classes: tuple[SegmentationClass, ...]
    chosen: Account
    others: tuple[Account, ...]
    circumstances: tuple[Circumstance, ...]
    notes: tuple[Inference, ...] = ()
    warnings: tuple[Finding, ...] = ()
    losses: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    distances: DistanceExplanation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values: fractions in [0, 1], undefined is `None`.

        `schema`, `signature` (of the chosen convention), `chosen` (its name), `images`, `classes` ({id, name}),
        `circumstances` ({axis, what, pixels, classes}), `conventions` (the chosen one first: {name, axes, miou,
        classes_in_mean, ious, refusals, difference, steps}) and `warnings`. `ious` follow `classes`; `difference` is
        to the chosen convention; each step has {axis, old, new, before, after, difference, classes ({id, name,
        before, after})}. `scores` has mDice, accuracies and fwIoU by name, each {value, difference, steps}; `own` is
        there where the evaluator does not print the score.
        """
        return {
            "schema": SCHEMA,
            "signature": str(self.signature),
            "chosen": self.chosen.name,
            "images": self.images,
            "classes": [{"id": entry.id, "name": entry.name} for entry in self.classes],
            "circumstances": [_plain(entry) for entry in self.circumstances],
            "conventions": [self._account(account) for account in (self.chosen, *self.others)],
            **({"losses": {name: dict(values) for name, values in self.losses.items()}} if self.losses else {}),
            **({} if self.distances is None else {"distances": self.distances.to_dict()}),
            "warnings": [finding.to_dict() for finding in self.warnings],
        }

    def difference(self, account: Account) -> Value:
        """Return how far a convention's mean is from the chosen one's."""
        if account.miou is None or self.chosen.miou is None:
            return None
        return account.miou - self.chosen.miou

    def _account(self, account: Account) -> dict[str, Any]:
        return {
            "name": account.name,
            "axes": dict(account.axes),
            "miou": account.miou,
            "classes_in_mean": account.classes_in_mean,
            "ious": list(account.ious),
            "refusals": [_plain(refusal) for refusal in account.refusals],
            "difference": self.difference(account),
            "steps": [step_to_dict(step) for step in account.steps],
            **({"own": True} if account.own else {}),
            "scores": {
                name: {
                    "value": score.value,
                    **({"own": True} if score.own else {}),
                    "difference": self.score_difference(account, name),
                    "steps": [step_to_dict(step) for step in score.steps],
                }
                for name, score in account.scores.items()
            },
        }

    def score_difference(self, account: Account, name: str) -> Value:
        """Return how far another score than mIoU is from the chosen convention's."""
        chosen, found = self.chosen.scores.get(name), account.scores.get(name)
        if chosen is None or found is None or chosen.value is None or found.value is None:
            return None
        return found.value - chosen.value


def step_to_dict(step: Step) -> dict[str, Any]:
    """Return a step as JSON values."""
    return {
        "axis": step.axis,
        "old": step.old,
        "new": step.new,
        "before": step.before,
        "after": step.after,
        "difference": step.difference,
        "classes": [_plain(change) for change in step.classes],
    }


def _plain(entry: Refusal | ClassChange | Circumstance) -> dict[str, Any]:
    values = {field.name: getattr(entry, field.name) for field in fields(entry)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
