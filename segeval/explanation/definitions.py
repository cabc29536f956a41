"""HD95 and NSD of two folders under every definition of distances, and which of its rules moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

from segeval.errors import UsageError
from segeval.explanation.explanation import ClassChange, Step, step_to_dict
from segeval.measuring.measure import measure
from segeval.protocol.distances import DEFINITIONS, Distances
from segeval.protocol.labeling import SegmentationClass
from segeval.records import dataclass
from segeval.report.distances import DistanceScores, distance_means
from segeval.report.scoring import measured
from segeval.request import Request
from segeval.runs.run import Run
from segeval.scores.overlap import Value
from segeval.stores.urls import Root

RULES_OF: Mapping[str, tuple[str, ...]] = {
    "hd95": ("surface", "percentile", "both_empty", "everywhere"),
    "nsd": ("surface", "one_empty", "both_empty", "divisor"),
}
"""The scores that are explained, with the rules of definitions that can move them."""


@dataclass(frozen=True, slots=True)
class DefinedScore:
    """Hold a score under one definition, and the steps that lead to it from the chosen one.

    Each step is a definition that differs from the one before by as few rules as there is one for.
    """

    value: Value
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class DefinitionAccount:
    """Hold HD95 and NSD under one definition, as far as its program has them, and its images by what they lack."""

    name: str
    scores: Mapping[str, DefinedScore]
    class_images: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class DistanceExplanation:
    """Hold every definition, the chosen one first, all with its tolerance and spacing."""

    chosen: Distances
    accounts: tuple[DefinitionAccount, ...]

    def difference(self, account: DefinitionAccount, name: str) -> Value:
        """Return how far a score is from that of the chosen definition, `None` where either has none."""
        before, after = (one.scores.get(name) for one in (self.accounts[0], account))
        if before is None or after is None or before.value is None or after.value is None:
            return None
        return after.value - before.value

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: the choice, and for each definition its scores, their differences and steps."""
        return {
            **self.chosen.to_dict(),
            "definitions": [
                {
                    "name": account.name,
                    "scores": {
                        name: {
                            "value": score.value,
                            "difference": self.difference(account, name),
                            "steps": [step_to_dict(step) for step in score.steps],
                        }
                        for name, score in account.scores.items()
                    },
                    "class_images": [dict(one) for one in account.class_images],
                }
                for account in self.accounts
            ],
        }


def explain_distances(run: Run, measure_under: Callable[[Distances], Run]) -> DistanceExplanation:
    """Say what the distances of `run` are under each definition; `measure_under` measures its images again.

    Distances do not follow from what a run keeps of one definition, so that images are read once for each. Raises
    `UsageError` where the run has none.
    """
    chosen = run.protocol.distances
    if chosen is None:
        raise UsageError("the run has no distances", (), "Add --distances, as in monai")
    names = [chosen.definition, *(name for name in DEFINITIONS if name != chosen.definition)]
    runs = {
        name: run if name == chosen.definition else measure_under(replace(chosen, definition=name)) for name in names
    }
    classes: tuple[SegmentationClass, ...] = ()
    found = {}
    for name, one in runs.items():
        counted = measured(one)
        classes = counted.labeling.classes
        found[name] = distance_means(one, counted.labeling, counted.rules)
    accounts = (
        DefinitionAccount(
            name,
            {
                score: DefinedScore(of.scores[score], tuple(_steps(score, names[0], name, found, classes)))
                for score in RULES_OF
                if score in of.scores
            },
            of.class_images,
        )
        for name, of in found.items()
    )
    return DistanceExplanation(chosen, tuple(accounts))


def explain_folders(
    run: Run, pred: Root, gt: Root, request: Request, *, jobs: int | None = None
) -> DistanceExplanation:
    """Explain the distances of `run`, whose folders are measured again under each of the other definitions."""

    def measure_under(asked: Distances) -> Run:
        protocol = replace(request.protocol, distances=asked, boundary=None, lesions=None)
        return measure(pred, gt, replace(request, protocol=protocol), jobs=jobs).run

    return explain_distances(run, measure_under)


def _steps(
    score: str,
    first: str,
    last: str,
    found: Mapping[str, DistanceScores],
    classes: Sequence[SegmentationClass],
) -> Iterator[Step]:
    """Yield the steps from one definition to another; none where either program has no such score."""
    if first == last or score not in found[first].scores:
        return
    for old, new in pairwise(path(score, first, last)):
        rules = differing(score, old, new)
        before, after = found[old], found[new]
        changes = tuple(
            ClassChange(entry.id, entry.name, mine[score], theirs[score])
            for entry, mine, theirs in zip(classes, before.classes, after.classes, strict=True)
            if mine[score] != theirs[score]
        )
        was, becomes = (", ".join(getattr(DEFINITIONS[one], rule) for rule in rules) for one in (old, new))
        yield Step(", ".join(rules), was, becomes, before.scores[score], after.scores[score], changes)


def differing(score: str, old: str, new: str) -> tuple[str, ...]:
    """Return the rules by which two definitions differ, of those that can move a score."""
    return tuple(rule for rule in RULES_OF[score] if getattr(DEFINITIONS[old], rule) != getattr(DEFINITIONS[new], rule))


def path(score: str, first: str, last: str) -> tuple[str, ...]:
    """Return the definitions from one to another, each next to the one before: changing one rule at a time, if it can.

    >>> path("hd95", "medpy", "deepmind")
    ('medpy', 'monai', 'deepmind')
    """
    between = [name for name, rules in DEFINITIONS.items() if score not in rules.lacking and name not in (first, last)]
    ways = [(first, *middle, last) for size in range(len(between) + 1) for middle in permutations(between, size)]
    return min(ways, key=lambda way: sum(len(differing(score, *pair)) ** 2 for pair in pairwise(way)))
