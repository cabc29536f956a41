"""Why evaluators differ on one run: the mean IoU under every convention, and what each of their rules is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, NothingToScoreError
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention, conventions
from segeval.protocol.labeling import UNKNOWN, VOID, SegmentationClass
from segeval.protocol.resolution import Inference, Resolution
from segeval.protocol.signature import Signature, signature
from segeval.report.labelcheck import FileNames, check_labels
from segeval.report.scoring import Measured, measured
from segeval.runs.run import Run
from segeval.scores.overlap import Overlap, Value, averaged, outcomes
from segeval.tables.confusion import Confusion
from segeval.tables.counts import Int64Array

SCHEMA = 1
LENIENT = {"pred_void": "miss", "unknown": "miss", "gt_unknown": "drop"}
"""Choices under which everything can be counted; what a convention refuses is judged afterwards."""
REFUSED = {
    "gt_unknown": "unknown values in the ground truth",
    "unknown": "unknown values in the predictions",
    "pred_void": "void in the predictions",
}
ABSENT = "classes in neither ground truth nor prediction"
PRED_ONLY = "classes predicted, but not in the ground truth"
IGNORED = "ignored values inside the class list"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say which rule of a convention refuses the run, and how many pixels it concerns."""

    axis: str
    what: str
    pixels: int


@dataclass(frozen=True, slots=True)
class ClassChange:
    """Tell what a rule does to one class: its IoU before and after, `None` where it is not in the mean."""

    id: int
    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Step:
    """Change one axis of a convention: from one choice to another, the mean before and after, and the classes moved."""

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
class Account:
    """Hold the mean IoU under one convention, and the steps that lead to it from the chosen one.

    `ious` are those of `Explanation.classes`; `refusals` say why there is no score. Steps change the axes one at a
    time in the order of `segeval.protocol.axes.AXES`, those left out that move nothing in this run: each begins where
    the one before ended, so their differences add up to the whole. There are none where either convention refuses the
    run.
    """

    name: str
    axes: Mapping[str, str]
    miou: Value
    classes_in_mean: int
    ious: tuple[Value, ...]
    refusals: tuple[Refusal, ...] = ()
    steps: tuple[Step, ...] = ()


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
    value of each loss by what it is divided by.
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

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values: fractions in [0, 1], undefined is `None`.

        `schema`, `signature` (of the chosen convention), `chosen` (its name), `images`, `classes` ({id, name}),
        `circumstances` ({axis, what, pixels, classes}), `conventions` (the chosen one first: {name, axes, miou,
        classes_in_mean, ious, refusals, difference, steps}) and `warnings`. `ious` follow `classes`; `difference` is
        to the chosen convention; each step has {axis, old, new, before, after, difference, classes ({id, name,
        before, after})}.
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
            "steps": [
                {
                    "axis": step.axis,
                    "old": step.old,
                    "new": step.new,
                    "before": step.before,
                    "after": step.after,
                    "difference": step.difference,
                    "classes": [_plain(change) for change in step.classes],
                }
                for step in account.steps
            ],
        }


def explain(run: Run, *, names: FileNames | None = None) -> Explanation:
    """Score `run` under every convention and say which rules make the difference.

    Raises `LabelError` for every value that the chosen convention refuses where no convention at all can score the
    run, and `NothingToScoreError` where no pixel is valid.
    """
    counted = _Counted(run, names or {})
    choice = run.protocol.convention
    named = conventions().get(choice.name)
    as_named = named is not None and named.axes() == choice.axes()
    chosen = counted.account(choice, choice.name if as_named else _changed_name(choice, named or Convention()))
    accounts = [
        replace(account, steps=() if chosen.refusals or account.refusals else counted.steps(choice, rule))
        for rule in conventions().values()
        if not (as_named and rule.name == choice.name)
        for account in (counted.account(rule, rule.name),)
    ]
    if all(account.refusals for account in (chosen, *accounts)):
        counted.refuse(choice)
    resolution = counted.measured(choice).resolution
    return Explanation(
        signature=signature(resolution, run.protocol, of_data=(len(run.rows), run.gt_digest())),
        images=len(run.rows),
        classes=counted.classes,
        chosen=chosen,
        others=tuple(accounts),
        circumstances=tuple(counted.circumstances()),
        notes=resolution.notes,
        losses=_losses(run, resolution),
    )


def _losses(run: Run, resolution: Resolution) -> Mapping[str, Mapping[str, Value]]:
    """Return each loss of the maps of a run by what it is divided by; empty for label masks."""
    if run.maps is None:
        return {}
    from segeval.report.lossreductions import by_reduction

    return by_reduction(run, resolution)


class _Counted:
    """Count a run once for each way to treat ignored classes, and score it under any convention."""

    def __init__(self, run: Run, names: FileNames) -> None:
        self._run = run
        self._names = names
        self._found: dict[str, Measured] = {}
        self._table = run.table()
        for treatment in AXES["ignored_class"]:
            rule = replace(run.protocol.convention, ignored_class=treatment, **LENIENT)
            self._found[treatment] = measured(
                replace(run, protocol=replace(run.protocol, convention=rule)), names=names, table=self._table
            )
        self.classes = self._found["keep"].labeling.classes
        self._scores: dict[tuple[str, ...], tuple[Overlap, tuple[Value, ...]]] = {}

    def measured(self, rule: Convention) -> Measured:
        """Return the counts under a convention, with the protocol that has it."""
        found = self._found[rule.ignored_class]
        protocol = replace(found.resolution.protocol, convention=rule)
        return replace(found, resolution=replace(found.resolution, protocol=protocol))

    def account(self, rule: Convention, name: str) -> Account:
        """Score the run under one convention, or say what it refuses."""
        refusals = tuple(self._refusals(rule))
        if refusals:
            return Account(name, rule.axes(), None, 0, (None,) * len(self.classes), refusals)
        score, ious = self._score(rule)
        return Account(name, rule.axes(), score.mean, score.in_mean, ious)

    def steps(self, old: Convention, new: Convention) -> tuple[Step, ...]:
        """Go from one convention to another axis by axis, and keep the steps that move something.

        On the way a rule that makes an error of values is never held against them: there are none, since both ends
        accept the run.
        """
        way = [old]
        for axis in AXES:
            way.append(way[-1].with_axes(**{axis: getattr(new, axis)}))
        found = []
        for axis, (before, after) in zip(AXES, pairwise(way), strict=True):
            (score_before, ious_before), (score_after, ious_after) = self._score(before), self._score(after)
            changes = tuple(
                ClassChange(entry.id, entry.name, first, second)
                for entry, first, second in zip(self.classes, ious_before, ious_after, strict=True)
                if first != second
            )
            if changes or score_before.mean != score_after.mean:
                choices = getattr(before, axis), getattr(after, axis)
                found.append(Step(axis, *choices, score_before.mean, score_after.mean, changes))
        return tuple(found)

    def _score(self, rule: Convention) -> tuple[Overlap, tuple[Value, ...]]:
        key = tuple(rule.axes().values())
        if key not in self._scores:
            found = self._found[rule.ignored_class]
            score = averaged(outcomes(found.whole, rule), outcomes(found.images, rule), rule)
            by_id = {entry.id: iou for entry, iou in zip(found.labeling.classes, score.classes, strict=True)}
            self._scores[key] = score, tuple(by_id.get(entry.id) for entry in self.classes)
        return self._scores[key]

    def refuse(self, rule: Convention) -> None:
        """Raise what the chosen convention says against the run, file by file."""
        run, found = self._run, self._found[rule.ignored_class]
        check_labels(run, self._table, found.labeling, rule, self._names)
        raise NothingToScoreError("no class has a defined IoU", (), "Check --classes, --ignore and --absent")

    def _refusals(self, rule: Convention) -> Iterator[Refusal]:
        counts = self._found[rule.ignored_class].confusion
        for axis, pixels in _refusable(counts).items():
            if pixels and getattr(rule, axis) == "error":
                yield Refusal(axis, REFUSED[axis], pixels)
        score, _ = self._score(rule)
        if not score.in_mean and rule.absent != "undefined":
            yield Refusal("absent", "no class has a defined IoU", counts.valid_pixels)

    def circumstances(self) -> Iterator[Circumstance]:
        """Tell what in the run each axis decides over, in the order of the axes."""
        found = self._found["leave-out"]
        counts, classes = found.confusion, found.labeling.classes
        whole = outcomes(found.whole)
        true_pixels = whole.tp + whole.fn
        yield from _classes_where("absent", ABSENT, classes, true_pixels + whole.fp == 0)
        alone = (true_pixels == 0) & (whole.fp > 0)
        yield from _classes_where("pred_only", PRED_ONLY, classes, alone, whole.fp)
        for axis, what, pixels in (
            ("pred_void", "void predicted on valid ground truth", counts.column(VOID)),
            ("unknown", "unknown values predicted on valid ground truth", counts.column(UNKNOWN)),
        ):
            yield from _classes_where(axis, what, classes, pixels > 0, pixels)
        elsewhere = int(counts.counts[counts.size :, counts.size + 1].sum())
        if elsewhere:
            yield Circumstance("unknown", "unknown values predicted where the ground truth is no class", elsewhere)
        if pixels_unknown := _refusable(counts)["gt_unknown"]:
            yield Circumstance("gt_unknown", REFUSED["gt_unknown"], pixels_unknown)
        kept = self._found["keep"]
        ignored = np.array([entry not in classes for entry in kept.labeling.classes], np.bool_)
        yield from _classes_where("ignored_class", IGNORED, kept.labeling.classes, ignored, outcomes(kept.whole).fp)
        if len(self._run.rows) > 1:
            yield Circumstance("average", f"{len(self._run.rows):,} images, each with classes of its own")


def _refusable(counts: Confusion) -> dict[str, int]:
    """Return the pixels of each kind that a convention may refuse, by axis."""
    size = counts.size
    return {
        "gt_unknown": int(counts.counts[size + 1].sum()),
        "unknown": int(counts.counts[:, size + 1].sum()),
        "pred_void": int(counts.counts[:, size].sum()),
    }


def _classes_where(
    axis: str,
    what: str,
    classes: tuple[SegmentationClass, ...],
    chosen: NDArray[np.bool_],
    pixels: Int64Array | None = None,
) -> Iterator[Circumstance]:
    if chosen.any():
        names = tuple(entry.name for entry, is_one in zip(classes, chosen.tolist(), strict=True) if is_one)
        yield Circumstance(axis, what, None if pixels is None else int(pixels[chosen].sum()), names)


def _changed_name(choice: Convention, base: Convention) -> str:
    """Name a convention by the one it started from and the axes chosen otherwise."""
    changes = [f"{axis}={chosen}" for axis, chosen in choice.axes().items() if chosen != getattr(base, axis)]
    return " ".join([choice.name, *changes])


def _plain(entry: Refusal | ClassChange | Circumstance) -> dict[str, Any]:
    values = {field.name: getattr(entry, field.name) for field in fields(entry)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
