"""Rules that a report has to meet: `miou=0.70`, `iou.person>=0.6`, `iou.*=0.5`, `bce<=0.2`; and its scores by name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from segeval.errors import NothingToScoreError, SegevalError, UsageError, nearest, raise_all
from segeval.records import dataclass
from segeval.report.report import ClassScores, Report, Verdict
from segeval.request.options import Rules
from segeval.scores.overlap import Value
from segeval.scores.registry import (
    OF_CLASS_MAPS,
    OF_CLASSES,
    OF_CONTOURS,
    OF_MAPS,
    OF_MASKS,
    SCORES,
    score_meant,
    score_of,
)

if TYPE_CHECKING:
    from segeval.report.slicegates import SliceMetric

AT_LEAST, AT_MOST = ">=", "<="
EVERY = "*"
"""What stands for all classes behind a score's point."""
AS_WRITTEN = "Write it as in miou=0.70 or bce<=0.2"
METRICS_FIX = (
    f"Metrics are {', '.join(OF_MASKS)}; of one class {', '.join(f'{name}.NAME' for name in OF_CLASSES)}; "
    f"with --boundary, --distances or --lesions, also of one class, {', '.join(OF_CONTOURS)}; "
    f"with --probs {', '.join(OF_MAPS)}, and of one class {', '.join(f'{name}.NAME' for name in OF_CLASS_MAPS)}"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Ask that a metric, or with `iou.*` that of every class, be at least (">=") or at most ("<=") a bound.

    Scores are fractions in [0, 1].
    """

    metric: str
    comparison: str
    bound: float

    def holds(self, value: float) -> bool:
        """Compare without rounding."""
        return value >= self.bound if self.comparison == AT_LEAST else value <= self.bound


def parse_gates(fail_under: Rules | None, fail_over: Rules | None) -> tuple[Gate, ...]:
    """Read the gates on least scores and on greatest losses, from texts or {name: bound}; errors as `parse_gate`."""
    return (
        *(parse_gate(text, comparison=AT_LEAST) for text in rule_texts(fail_under)),
        *(parse_gate(text, comparison=AT_MOST) for text in rule_texts(fail_over)),
    )


def rule_texts(rules: Rules | None) -> tuple[str, ...]:
    """Return rules as texts: NAME=VALUE for each entry of a mapping."""
    if rules is None or isinstance(rules, str):
        return () if rules is None else (rules,)
    if isinstance(rules, Mapping):
        return tuple(f"{name}={bound!r}" for name, bound in rules.items())
    return tuple(rules)


def parse_gate(text: str, *, comparison: str) -> Gate:
    """Read `NAME=VALUE`, `NAME>=VALUE` or `NAME<=VALUE`; with a plain `=` the rule is `comparison`.

    NAME is a score of the report or, of one class, `iou.NAME` or `iou.ID`, of all `iou.*`, the score in any case; it is
    cut off at the last `=`, and a class name begins behind the first point. Raises `UsageError` for a metric that no
    report has, for a bound that is no finite number or no fraction where the metric is one, and for a plain `=` that
    would ask for a bad value: the higher loss or the lower score.
    """
    left, equals, bound_text = text.rpartition("=")
    name, sign = left.rstrip(), ""
    if name[-1:] in ("<", ">"):
        name, sign = name[:-1], f"{name[-1]}="
    name = name.strip()
    if not equals or not name:
        raise UsageError("a gate must be NAME=VALUE", (text,), "Write NAME=VALUE, as miou=0.70 or iou.person=0.60")
    name = metric_name(name)
    score = score_of(name)
    usual = AT_MOST if score.lower_is_better else AT_LEAST
    if not sign and comparison != usual:
        better, option = ("lower", "--fail-over") if usual == AT_MOST else ("higher", "--fail-under")
        raise UsageError(
            f"a gate would ask for a worse value: {score.name} is better when {better}",
            (text,),
            f"Write {option} {name}={bound_text.strip()}, or spell the comparison: '{name}{comparison}"
            f"{bound_text.strip()}'",
        )
    return Gate(name, sign or comparison, _bound(bound_text.strip(), text, fraction=score.bounded))


def _bound(bound_text: str, text: str, *, fraction: bool) -> float:
    try:
        bound = float(bound_text)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound) or bound < 0 or (fraction and bound > 1):
        range_text = "a fraction in [0, 1]" if fraction else "a number from 0 up"
        raise UsageError(f"the bound of a gate is {range_text}", (text,), _meant(bound_text, fraction))
    return bound


def _meant(bound_text: str, fraction: bool) -> str:
    """Guess the fraction behind a percentage, a percent sign or a decimal comma."""
    if not fraction:
        return AS_WRITTEN
    from decimal import Decimal, InvalidOperation

    try:
        number = Decimal(bound_text.removesuffix("%").strip().replace(",", "."))
    except InvalidOperation:
        return AS_WRITTEN
    if not number.is_finite() or not 0 <= number <= 100 or 1 < number < 2:
        return AS_WRITTEN
    if number > 1 or bound_text.endswith("%"):
        number = number / 100
    written = f"{number:f}"
    return f"Did you mean {written.ljust(4, '0') if '.' in written else f'{number:.2f}'}?"


def metric_name(text: str) -> str:
    """Return the name of a metric as gates and JSON have it: `mIoU` is miou, `IoU.person` is iou.person.

    The score is meant in any case, by its name or its title; a class stays as it is written. Raises `UsageError` for a
    score that there is not, with those that may have been meant.
    """
    of_slice = _slice_metric(text)
    if of_slice is not None:
        return str(replace(of_slice, metric=metric_name(of_slice.metric)))
    whole = score_meant(text)
    if whole is not None and whole.of_data:
        return whole.name
    kind, dot, who = text.partition(".")
    score = score_meant(kind) if dot else None
    if score is not None and score.per_class:
        return f"{score.name}.{who}"
    valid = [f"{entry.name}{dot}{who}" for entry in SCORES if (entry.per_class if dot else entry.of_data)]
    raise _unknown(text, valid)


def metric(report: Report, name: str) -> Value:
    """Return the score called `name`: a key of `report.scores`, or `iou.person` and the like for one class.

    `miou@weather=night` is that of a slice, `worst(miou@weather)` that of the worst. The score is named as in
    `metric_name`; a class by its name, by its id or, where neither fits, by its name in any case. `None` where the
    metric is undefined; raises `UsageError` for a name that the report does not have.
    """
    name = metric_name(name)
    if name in report.scores:
        return report.scores[name]
    of_slice = _slice_metric(name)
    if of_slice is not None:
        return _of_slice(report, of_slice)
    kind, dot, who = name.partition(".")
    _check_has(report, kind, name)
    entry = _entry(report.classes, who) if dot else None
    values = {} if entry is None else entry.scores()
    if kind not in values:
        raise _unknown(name, metric_names(report))
    return values[kind]


def metrics(report: Report, name: str) -> tuple[tuple[str, Value], ...]:
    """Return a metric as its name and its value, or with `iou.*` those of every class; errors as in `metric`."""
    name = metric_name(name)
    kind, dot, who = name.partition(".")
    if not dot or who != EVERY or name in report.scores:
        return ((name, metric(report, name)),)
    _check_has(report, kind, name)
    told = Counter(word for entry in report.classes for word in {entry.name, str(entry.id)})
    return tuple(
        # A name that means another class too gives way to the id.
        (f"{kind}.{entry.name if told[entry.name] == 1 else entry.id}", entry.scores()[kind])
        for entry in report.classes
        if kind in entry.scores()
    )


def _slice_metric(text: str) -> SliceMetric | None:
    if "@" not in text:
        return None
    from segeval.report.slicegates import slice_metric  # few metrics are of slices

    return slice_metric(text)


def _of_slice(report: Report, named: SliceMetric) -> Value:
    from segeval.report.slicegates import slice_value

    _, dot, who = named.metric.partition(".")
    if not dot:
        return slice_value(report, named, None)
    entry = _entry(report.classes, who)
    if entry is None:
        raise _unknown(named.metric, metric_names(report))
    return slice_value(report, named, report.classes.index(entry))


def metric_names(report: Report) -> tuple[str, ...]:
    """Return every name that `metric` knows, those of classes by the class's name."""
    of_classes = (
        f"{score.name}.{entry.name}" for score in SCORES for entry in report.classes if score.name in entry.scores()
    )
    return (*report.scores, *of_classes)


def judge(report: Report, gates: Iterable[Gate]) -> tuple[Verdict, ...]:
    """Hold the unrounded scores against the gates, in their order; of `iou.*`, undefined classes are left out.

    Raises, all together, `UsageError` for metrics that the report does not have and `NothingToScoreError` for
    undefined ones, which are never a pass, nor is a gate on every class where none is defined.
    """
    verdicts: list[Verdict] = []
    problems: list[SegevalError] = []
    for gate in gates:
        try:
            found = metrics(report, gate.metric)
        except UsageError as error:
            problems.append(error)
            continue
        defined = [(name, value) for name, value in found if value is not None]
        if not defined:
            problems.append(
                NothingToScoreError(
                    "a gate is set on a metric that is undefined here",
                    (f"{gate.metric}{gate.comparison}{gate.bound!r}",),
                    "Check that its classes are in the data, or drop the gate",
                )
            )
        verdicts += (Verdict(name, gate.comparison, gate.bound, value, gate.holds(value)) for name, value in defined)
    raise_all(problems)
    return tuple(verdicts)


def with_verdicts(report: Report, gates: Iterable[Gate]) -> Report:
    """Return the report with the verdicts of `gates`, and what they leave out; errors as in `judge`."""
    rules = tuple(gates)
    verdicts = judge(report, rules)
    left_out = {name: None for gate in rules for name, value in metrics(report, gate.metric) if value is None}
    return replace(report, gates=verdicts, ungated=tuple(left_out))


def _entry(classes: Sequence[ClassScores], who: str) -> ClassScores | None:
    """Find a class by its name or, where no class is called so, by its id; last by its name in any case."""
    called = [entry for entry in classes if entry.name == who]
    numbered = [entry for entry in classes if str(entry.id) == who]
    if not called and not numbered:
        called = [entry for entry in classes if entry.name.casefold() == who.casefold()]
    if len(called) > 1 or (called and numbered and called != numbered):
        ids = ", ".join(map(str, sorted({entry.id for entry in (*called, *numbered)})))
        raise UsageError(
            "a metric names an ambiguous class", (f"{who}: ids {ids}",), "Use an id that is not also a name"
        )
    return next(iter((*called, *numbered)), None)


def _check_has(report: Report, kind: str, name: str) -> None:
    if kind not in report.scores and not any(kind in entry.scores() for entry in report.classes):
        raise UsageError(
            "the report has no such metric",
            (name,),
            "group_miou needs a preset with groups; losses and calibration need probability maps, read with --probs; "
            "scores along contours need --boundary, distances --distances, and those of lesions --lesions",
        )


def _unknown(name: str, valid: Sequence[str]) -> UsageError:
    close = nearest(name, valid, 3)
    place = f"{name}: did you mean {close}?" if close else name
    return UsageError("there is no metric of this name", (place,), METRICS_FIX)
