"""Runs side by side: what each new run changes against a baseline, and whether the change is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from segeval.comparison.comparability import shared_images, what_differs
from segeval.comparison.imagechanges import ImageChange, image_changes
from segeval.comparison.regressions import Regression, RegressionRule, judge_regressions
from segeval.errors import Finding, UsageError
from segeval.findings.policy import Policy, judged
from segeval.findings.runs import run_findings
from segeval.protocol.protocol import Resolution
from segeval.protocol.signature import Signature
from segeval.records import dataclass
from segeval.report.extras import (
    check_grouping,
    few_units_warning,
    losses_of,
    undefined_warning,
)
from segeval.report.imagelosses import ImageLosses
from segeval.report.report import SCHEMA, Report
from segeval.report.samples import drawn_sample
from segeval.report.scoring import Measured, measured, report_of
from segeval.runs.run import Run, keys_of
from segeval.sampling.poisson import LargeSample, unit_count
from segeval.sampling.resampling import FEW_UNITS, Interval, Resampling
from segeval.sampling.sample import Sample
from segeval.sampling.significance import Difference, compare
from segeval.sampling.uncertainty import resampling_dict, resampling_fields
from segeval.scores.overlap import Value
from segeval.tables.counts import total

if TYPE_CHECKING:
    from segeval.stores.urls import Place

NO_INTERVAL = Interval(None, None, 0)
AS_FOUND = Policy()
WORST_HIT = 5
COMPARE_ANYWAY = "Compare runs of one data set under one protocol, or use --force to compare what they share"


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """Hold what the IoU of one class became."""

    id: int
    name: str
    iou: Difference


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """Hold one run against the baseline; `differences` has every score that both reports have.

    `worst_hit` are the images whose mean IoU fell most, `most_gained` those whose rose most.
    """

    name: str
    report: Report
    differences: Mapping[str, Difference]
    classes: tuple[ClassDifference, ...]
    worst_hit: tuple[ImageChange, ...]
    regressions: tuple[Regression, ...] = ()
    most_gained: tuple[ImageChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one run."""
        return {
            "name": self.name,
            "signature": str(self.report.signature),
            "differences": {name: _difference_to_dict(one) for name, one in self.differences.items()},
            "classes": [{"id": one.id, "name": one.name, **_difference_to_dict(one.iou)} for one in self.classes],
            "worst_hit": [image.to_dict() for image in self.worst_hit],
        }


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """Hold a baseline and the runs that were set beside it, ready to render.

    `unit` is what was drawn as one ("image" or a regular expression) and `units` how many there were. `forced` tells
    what the runs do not share though they were compared.
    """

    signature: Signature
    base_name: str
    base: Report
    runs: tuple[ComparedRun, ...]
    settings: Resampling
    unit: str
    units: int
    forced: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def regressions(self) -> tuple[Regression, ...]:
        """Return the verdicts on all runs."""
        return tuple(verdict for run in self.runs for verdict in run.regressions)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values; `differences` are those of the first of `runs`."""
        runs = [run.to_dict() for run in self.runs]
        return {
            "schema": SCHEMA,
            "signature": str(self.signature),
            "data": {field.name: getattr(self.base.data, field.name) for field in fields(self.base.data)},
            "base": {
                "name": self.base_name,
                "signature": str(self.base.signature),
                "scores": dict(self.base.scores),
            },
            "differences": runs[0]["differences"],
            "runs": runs,
            "resampling": resampling_dict(self.settings, self.unit, self.units),
            "p": "approximate randomisation, two-sided, unadjusted for the number of comparisons",
            "forced": list(self.forced),
            "warnings": [finding.to_dict() for finding in self.warnings],
            "gates": [verdict.to_dict() for verdict in self.regressions],
        }


def _difference_to_dict(one: Difference) -> dict[str, Any]:
    return {
        "base": one.base,
        "new": one.new,
        "difference": one.difference,
        "interval": one.interval.bounds(),
        "p": one.p,
        "p_bootstrap": one.p_bootstrap,
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Hold one run with what was computed of it."""

    name: str
    run: Run
    found: Measured
    report: Report
    losses: ImageLosses | None


def compare_runs(
    named: Sequence[tuple[str, Run]],
    *,
    settings: Resampling | None = None,
    group_by: str | None = None,
    worst_hit: int = WORST_HIT,
    rules: Sequence[RegressionRule] = (),
    force: bool = False,
    policy: Policy = AS_FOUND,
) -> ComparisonReport:
    """Compare the runs after the first with the first, score by score; a pure function, the same for the same seed.

    `named` pairs each run with what the report calls it. Classes that the protocol leaves open are those met in any of
    the runs. Raises `UsageError` where images, ground truth or protocol differ; under `force` the images that all have
    are compared, each under its own protocol, and the report tells the differences.
    """
    if len(named) < 2:
        raise UsageError("there is nothing to compare", (), "Give a baseline and at least one new run")
    drawing = settings or Resampling()
    check_grouping(group_by)
    forced = what_differs(named)
    if forced and not force:
        raise UsageError("the runs cannot be compared", forced, COMPARE_ANYWAY)
    if forced:
        named = shared_images(named)
    sides = _sides(named)
    base, others = sides[0], sides[1:]
    samples = _samples(sides, group_by)
    units = unit_count(samples[0])
    warnings = [few_units_warning(units, group_by or "image")] if units < FEW_UNITS else []
    runs = []
    for side, data in zip(others, samples[1:], strict=True):
        differences, classes, told = _compared(base, side, samples[0], data, drawing)
        warnings += told
        regressions = judge_regressions(base.report, side.report, side.name, rules)
        hit, gained = image_changes(keys_of(side.run.rows), base.found, side.found, worst_hit)
        runs.append(ComparedRun(side.name, side.report, differences, classes, hit, regressions, gained))
    return ComparisonReport(
        signature=base.report.signature.with_fields(resampling_fields(drawing, group_by or "image", units)),
        base_name=base.name,
        base=base.report,
        runs=tuple(runs),
        settings=drawing,
        unit=group_by or "image",
        units=units,
        forced=forced,
        warnings=judged([*(finding for side in sides for finding in _findings(side)), *warnings], policy),
    )


def _findings(side: _Side) -> tuple[Finding, ...]:
    """Tell what looks wrong in one run, by its name."""
    found = run_findings(side.run, table=side.found.table, resolution=side.found.resolution)
    return tuple(replace(finding, where=finding.where or (side.name,)) for finding in (*found, *side.report.warnings))


def run_names(paths: Sequence[Place]) -> tuple[str, ...]:
    """Return what to call run files: their names without suffix, with as many folders as tell them apart."""
    parts = [
        (*path.parent.parts, path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".parquet"))
        for path in paths
    ]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return tuple(names)
    # One file given twice.
    return tuple(f"{part[-1]} ({index})" for index, part in enumerate(parts, start=1))


def shared_resolution(runs: Sequence[Run]) -> Resolution | None:
    """Return what one protocol of all runs means: classes that it leaves open are those of all their values."""
    first = runs[0]
    alike = all(run.protocol == first.protocol and run.maps == first.maps for run in runs)
    return first.resolve_for(total(run.table() for run in runs)) if alike else None


def _sides(named: Sequence[tuple[str, Run]]) -> list[_Side]:
    """Score every run."""
    resolution = shared_resolution([run for _, run in named])
    sides = []
    for name, run in named:
        found = measured(run, resolution=resolution)
        report = report_of(run, found)
        sides.append(_Side(name, run, found, report, losses_of(run, found, report)))
    return sides


def _samples(sides: Sequence[_Side], group_by: str | None) -> list[Sample | LargeSample]:
    """Sum each run by unit, with those losses that all of them have."""
    named = [set(side.losses.ratios) if side.losses else set() for side in sides]
    common = set.intersection(*named)
    samples: list[Sample | LargeSample] = []
    for side in sides:
        kept = None
        if side.losses is not None:
            ratios = {name: columns for name, columns in side.losses.ratios.items() if name in common}
            kept = replace(side.losses, ratios=ratios)
        samples.append(drawn_sample(side.run, side.found, kept, group_by=group_by))
    return samples


def _compared(
    base: _Side, new: _Side, base_sample: Sample | LargeSample, new_sample: Sample | LargeSample, drawing: Resampling
) -> tuple[dict[str, Difference], tuple[ClassDifference, ...], list[Finding]]:
    """Return the differences of scores and of classes, with warnings; without evidence where there can be none."""
    positions = {(entry.id, entry.name): index for index, entry in enumerate(new.report.classes)}
    both = [
        (entry, index, positions[entry.id, entry.name])
        for index, entry in enumerate(base.report.classes)
        if (entry.id, entry.name) in positions
    ]
    scores = [name for name in base.report.scores if name in new.report.scores]
    evidence: Mapping[str, Difference] = {}
    of_classes: Sequence[Difference] = ()
    warnings: list[Finding] = []
    if _alike(base_sample, new_sample):
        found = compare(base_sample, new_sample, drawing)
        evidence, of_classes = found.scores, found.iou
        undefined = {
            **{name: one.interval.undefined for name, one in evidence.items() if one.difference is not None},
            **{
                f"iou.{entry.name}": of_classes[index].interval.undefined
                for entry, index, _ in both
                if of_classes[index].difference is not None
            },
        }
        warnings += undefined_warning({name: count for name, count in undefined.items() if count}, drawing.resamples)
    else:
        warnings.append(
            Finding(
                "not-comparable",
                f"{new.name} is not scored in the same way as {base.name}: no intervals and no p-values",
                (),
                "Score both runs again with the same options",
            )
        )
    differences = {
        name: _difference(base.report.scores[name], new.report.scores[name], evidence.get(name)) for name in scores
    }
    classes = tuple(
        ClassDifference(
            entry.id,
            entry.name,
            _difference(entry.iou, new.report.classes[other].iou, of_classes[index] if of_classes else None),
        )
        for entry, index, other in both
    )
    return differences, classes, warnings


def _alike(base: Sample | LargeSample, new: Sample | LargeSample) -> bool:
    one, other = (data if isinstance(data, Sample) else data.model for data in (base, new))
    return one.layout == other.layout and one.rules == other.rules and list(one.observed) == list(other.observed)


def _difference(base: Value, new: Value, evidence: Difference | None) -> Difference:
    """Join the scores as the reports have them with what resampling says of their difference."""
    change = None if base is None or new is None else new - base
    if evidence is None:
        return Difference(base, new, change, NO_INTERVAL, None, None)
    return replace(evidence, base=base, new=new, difference=change)
