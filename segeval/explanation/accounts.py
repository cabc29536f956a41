"""The scores of a run under every convention, and what each rule between two of them is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segeval.errors import NothingToScoreError, UsageError
from segeval.explanation.explanation import (
    Account,
    Circumstance,
    ClassChange,
    Explanation,
    Refusal,
    ScoreAccount,
    Step,
)
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import (
    DEFAULT,
    RATIOS,
    Convention,
    Evaluator,
    ScoringRules,
    conventions,
    evaluator,
    scoring_rules,
)
from segeval.protocol.labeling import UNKNOWN, VOID, SegmentationClass
from segeval.protocol.protocol import Resolution
from segeval.protocol.signature import signature
from segeval.records import dataclass
from segeval.report.refusals import FileNames
from segeval.report.scoring import Measured, check_labels, measured
from segeval.runs.run import Run
from segeval.scores.overlap import Value, outcomes
from segeval.scores.registry import OF_CONVENTIONS, Overlap, ScoreRule, class_score, program_of
from segeval.tables.counts import Confusion, Int64Array

LENIENT = {"pred_void": "miss", "unknown": "miss", "gt_unknown": "drop"}
"""Choices under which everything can be counted; what a convention refuses is judged afterwards."""
REFUSED = {
    "gt_unknown": "unknown values in the ground truth",
    "unknown": "unknown values in the predictions",
    "pred_void": "void in the predictions",
    "void": "void in the ground truth",
}
ABSENT = "classes in neither ground truth nor prediction"
PRED_ONLY = "classes predicted, but not in the ground truth"
IGNORED = "ignored values inside the class list"
MEAN_OVER = "mean_over"
ASKED, ALL = "as asked", "all"
HEADLINE, *OTHERS = OF_CONVENTIONS


@dataclass(frozen=True, slots=True)
class _State:
    """Hold the rules of one score, each by its choice: what a step changes one of."""

    axes: Convention
    subset: str
    ratios: tuple[str, ...]

    def choices(self) -> dict[str, str]:
        """Return every choice by the name of its rule, in the order of the steps."""
        return {**self.axes.axes(), MEAN_OVER: self.subset, **dict(zip(RATIOS, self.ratios, strict=True))}

    def changed(self, name: str, to: _State) -> _State:
        """Return these rules with one as `to` has it: themselves where they have it so."""
        if name in AXES:
            choice = getattr(to.axes, name)
            return (
                self if choice == getattr(self.axes, name) else replace(self, axes=replace(self.axes, **{name: choice}))
            )
        if name == MEAN_OVER:
            return self if self.subset == to.subset else replace(self, subset=to.subset)
        at = RATIOS.index(name)
        if self.ratios[at] == to.ratios[at]:
            return self
        return replace(self, ratios=(*self.ratios[:at], to.ratios[at], *self.ratios[at + 1 :]))


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
        account if chosen.refusals or account.refusals else counted.with_steps(account, choice, rule)
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
        if run.protocol.storage.multilabel:
            raise UsageError(
                "conventions are explained of masks with one label a pixel, and here a pixel may be of several classes",
                (),
                "Score with --multilabel and the --convention that is wanted",
            )
        self._run = run
        self._names = names
        self._found: dict[str, Measured] = {}
        self._table = run.table()
        for treatment in AXES["ignored_class"]:
            rule = replace(DEFAULT, ignored_class=treatment, **LENIENT)
            lenient = replace(run.protocol, convention=rule, mean_over=None, mean_weights=None)
            self._found[treatment] = measured(replace(run, protocol=lenient), names=names, table=self._table)
        self.classes = self._found["keep"].labeling.classes
        self._scores: dict[tuple[str, ...], tuple[Overlap, tuple[Value, ...]]] = {}

    def measured(self, rule: Convention) -> Measured:
        """Return the counts under a convention, with the protocol that has it."""
        found = self._found[rule.ignored_class]
        protocol = replace(
            found.resolution.protocol,
            convention=rule,
            mean_over=self._run.protocol.mean_over,
            mean_weights=self._run.protocol.mean_weights,
        )
        return replace(found, resolution=replace(found.resolution, protocol=protocol))

    def rules(self, rule: Convention) -> ScoringRules:
        """Return the rules of scores under a convention; raises `UsageError` where it cannot score these classes."""
        found = self.measured(rule)
        return scoring_rules(found.resolution.protocol, found.labeling.classes)

    def account(self, rule: Convention, name: str) -> Account:
        """Score the run under one convention, or say what it refuses."""
        refusals = tuple(self._refusals(rule))
        if refusals:
            return Account(name, rule.axes(), None, 0, (None,) * len(self.classes), refusals)
        score, ious = self._score(HEADLINE, self._state(HEADLINE, rule))
        program = evaluator(rule)
        others = {
            other: ScoreAccount(self._score(other, self._state(other, rule))[0].mean, not program.prints(other))
            for other in OTHERS
        }
        own = not program.prints(HEADLINE)
        return Account(name, rule.axes(), score.mean, score.in_mean, ious, own=own, scores=others)

    def with_steps(self, account: Account, old: Convention, new: Convention) -> Account:
        """Return an account with the steps that lead to its scores from another convention."""
        scores = {name: replace(score, steps=self._steps(name, old, new)) for name, score in account.scores.items()}
        return replace(account, steps=self._steps(HEADLINE, old, new), scores=scores)

    def _steps(self, name: str, old: Convention, new: Convention) -> tuple[Step, ...]:
        """Go from one convention to another rule by rule, and keep the steps that move something.

        On the way a rule that makes an error of values is never held against them: there are none, since both ends
        accept the run.
        """
        way = [self._state(name, old)]
        end = self._state(name, new)
        rules = list(end.choices())
        for rule in rules:
            way.append(way[-1].changed(rule, end))
        found = []
        for rule, (before, after) in zip(rules, pairwise(way), strict=True):
            if before is after:
                continue
            (score_before, classes_before), (score_after, classes_after) = (
                self._score(name, state) for state in (before, after)
            )
            changes = tuple(
                ClassChange(entry.id, entry.name, first, second)
                for entry, first, second in zip(self.classes, classes_before, classes_after, strict=True)
                if first != second
            )
            if changes or score_before.mean != score_after.mean:
                choices = before.choices()[rule], after.choices()[rule]
                found.append(Step(rule, *choices, score_before.mean, score_after.mean, changes))
        return tuple(found)

    def _state(self, name: str, rule: Convention) -> _State:
        rules = self.rules(rule)
        program = program_of(rules, name)
        subset = ASKED if rules.asked is not None else program.mean_over
        return _State(rules.rule(name), subset, tuple(getattr(program, ratio) for ratio in RATIOS))

    def _score(self, name: str, state: _State) -> tuple[Overlap, tuple[Value, ...]]:
        key = (name, *state.choices().values())
        if key not in self._scores:
            found = self._found[state.axes.ignored_class]
            empty, pixel_accuracy, recall = state.ratios
            program = Evaluator(empty_ratio=empty, pixel_accuracy=pixel_accuracy, recall=recall)
            by = ScoreRule(state.axes, program, self._over(state, found), self._weights(found))
            score = class_score(name, found.whole, found.images, by)
            by_id = dict(zip((entry.id for entry in found.labeling.classes), score.classes, strict=False))
            self._scores[key] = score, tuple(by_id.get(entry.id) for entry in self.classes)
        return self._scores[key]

    def _over(self, state: _State, found: Measured) -> tuple[bool, ...]:
        """Return which classes a mean runs over."""
        if state.subset == ASKED:
            rules = self.rules(replace(DEFAULT, ignored_class=state.axes.ignored_class))
            return tuple(rules.over(HEADLINE).tolist())
        return tuple(state.subset == ALL or entry.id != 0 for entry in found.labeling.classes)

    def _weights(self, found: Measured) -> tuple[float, ...] | None:
        protocol = replace(
            found.resolution.protocol,
            convention=DEFAULT.with_axes(average="weighted"),
            mean_weights=self._run.protocol.mean_weights or "auto",
        )
        return scoring_rules(protocol, found.labeling.classes).weights

    def refuse(self, rule: Convention) -> None:
        """Raise what the chosen convention says against the run, file by file."""
        run, found = self._run, self._found[rule.ignored_class]
        self.rules(rule)
        check_labels(run, self._table, found.labeling, rule, self._names)
        raise NothingToScoreError("no class has a defined IoU", (), "Check --classes, --ignore and --absent")

    def _refusals(self, rule: Convention) -> Iterator[Refusal]:
        found, program = self._found[rule.ignored_class], evaluator(rule)
        try:
            self.rules(rule)
        except UsageError as error:
            yield Refusal("classes", error.what)
            return
        for axis, pixels in _refusable(found.confusion, everywhere=program.looks_at_void).items():
            if pixels and getattr(rule, axis) == "error":
                yield Refusal(axis, REFUSED[axis], pixels)
        if program.only_binary and found.confusion.void_pixels:
            yield Refusal("void", REFUSED["void"], found.confusion.void_pixels)
        state = self._state(HEADLINE, rule)
        score, _ = self._score(HEADLINE, state)
        if not score.in_mean and score.mean is None and state.axes.absent not in ("undefined", "skip-image"):
            yield Refusal("absent", "no class has a defined IoU", found.confusion.valid_pixels)

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


def _refusable(counts: Confusion, *, everywhere: bool = True) -> dict[str, int]:
    """Return the pixels of each kind that a convention may refuse, by axis; `everywhere` is on void too."""
    size = counts.size
    rows = counts.counts if everywhere else counts.counts[:size]
    return {
        "gt_unknown": int(counts.counts[size + 1].sum()),
        "unknown": int(rows[:, size + 1].sum()),
        "pred_void": int(rows[:, size].sum()),
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
