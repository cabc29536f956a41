"""Rules on how much worse a run may be than its baseline: `miou=0.005`, `iou.*=0.02`, `bce=0.01`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from segeval.errors import NothingToScoreError, SegevalError, UsageError, raise_all
from segeval.records import dataclass
from segeval.report.gates import AT_LEAST, AT_MOST, EVERY, metric, parse_gate
from segeval.report.report import Report
from segeval.scores.overlap import Value
from segeval.scores.registry import SCORE, score_meant

ROUNDING = 1e-12
"""A loss of so much more than is allowed is the rounding of the subtraction, as in 0.705 - 0.700 > 0.005."""


@dataclass(frozen=True, slots=True)
class RegressionRule:
    """Allow a metric, or with `iou.*` that of every class, to get worse by at most `allowed`."""

    metric: str
    allowed: float


@dataclass(frozen=True, slots=True)
class Regression:
    """Say whether a metric got worse by more than is allowed: `worse` is the drop of a score or the rise of a loss."""

    run: str
    metric: str
    allowed: float
    base: float
    new: float
    worse: float
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one verdict."""
        return {name: getattr(self, name) for name in Regression.__slots__}


def parse_regression(text: str) -> RegressionRule:
    """Read `NAME=VALUE`; NAME is a score, or of one class `iou.NAME`, `iou.ID`, or of all `iou.*`.

    Raises `UsageError` for a metric that no report has, and for a value that is no fraction where the metric is one:
    0.5 is half of everything, 0.005 is half a point.
    """
    name, equals, _ = text.rpartition("=")
    if not equals or name[-1:] in ("<", ">"):
        raise UsageError("a regression rule must be METRIC=LARGEST_DROP", (text,), "Write it as miou=0.005")
    score = score_meant(name) or score_meant(name.partition(".")[0])
    gate = parse_gate(text, comparison=AT_MOST if score is not None and score.lower_is_better else AT_LEAST)
    return RegressionRule(gate.metric, gate.bound)


def judge_regressions(base: Report, new: Report, name: str, rules: Iterable[RegressionRule]) -> tuple[Regression, ...]:
    """Hold a run against its baseline, rule by rule and class by class; `name` is what the verdicts call the run.

    Raises, all together, `UsageError` for metrics that the reports do not have and `NothingToScoreError` for those that
    are undefined in either, which are never a pass. Of `iou.*`, classes that are undefined in either are left out.
    """
    verdicts: list[Regression] = []
    problems: list[SegevalError] = []
    for rule in rules:
        try:
            verdicts += _judged(base, new, name, rule)
        except SegevalError as error:
            problems.append(error)
    raise_all(problems)
    return tuple(verdicts)


def _judged(base: Report, new: Report, name: str, rule: RegressionRule) -> Iterator[Regression]:
    kind, dot, who = rule.metric.partition(".")
    if dot and who == EVERY:
        pairs = [(called, before, after) for called, before, after in _classes(base, new, kind)]
    else:
        pairs = [(rule.metric, metric(base, rule.metric), metric(new, rule.metric))]
    defined = [(called, before, after) for called, before, after in pairs if before is not None and after is not None]
    if not defined:
        raise NothingToScoreError(
            "a regression rule is on a metric that is undefined here",
            (f"{rule.metric}={rule.allowed!r}",),
            "Check that its classes are in the data of both runs, or drop the rule",
        )
    for called, before, after in defined:
        worse = after - before if SCORE[kind].lower_is_better else before - after
        yield Regression(name, called, rule.allowed, before, after, worse, worse <= rule.allowed + ROUNDING)


def _classes(base: Report, new: Report, kind: str) -> Iterator[tuple[str, Value, Value]]:
    known = {(entry.id, entry.name): entry for entry in new.classes}
    for entry in base.classes:
        if (entry.id, entry.name) in known:
            after = known[entry.id, entry.name]
            yield f"{kind}.{entry.name}", entry.scores().get(kind), after.scores().get(kind)
