"""From a run to its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segeval.errors import Finding, NothingToScoreError, listed
from segeval.protocol.conventions import Convention
from segeval.protocol.labeling import Labeling
from segeval.protocol.meanover import BACKGROUNDS, FOREGROUND, ScoringRules, scoring_rules
from segeval.protocol.resolution import Resolution
from segeval.protocol.signature import signature
from segeval.report.details import WORST_PERCENTS, Details
from segeval.report.labelcheck import FileNames, check_labels, unknown_warnings
from segeval.report.report import ClassScores, Data, GroupScores, Report
from segeval.runs.run import Run, raw_values
from segeval.scores.overlap import (
    Outcomes,
    Overlap,
    Value,
    image_mious,
    mean,
    outcomes,
    overlap,
    present,
    ratio,
    worst_mean,
)
from segeval.scores.registry import OF_CLASSES, OF_MASKS, chosen, ordered
from segeval.scores.scored import MaskScores, mask_scores
from segeval.tables.confusion import Confusion, Tallies, confusion, grouped, image_tallies, same_unknown_pixels, tallies
from segeval.tables.counts import JointCounts

if TYPE_CHECKING:
    from segeval.report.boundaries import BoundaryScores
    from segeval.report.extras import Statistics
    from segeval.report.mapscores import ProbabilityScores

MOST_LISTED = 10


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Hold what every score of a run is computed from: its labeling, and the counts of the whole and of each image."""

    table: JointCounts
    resolution: Resolution
    confusion: Confusion
    whole: Tallies
    images: Tallies
    rules: ScoringRules

    @property
    def labeling(self) -> Labeling:
        """Return what each raw value means."""
        return self.resolution.labeling

    @property
    def convention(self) -> Convention:
        """Return how outcomes are counted."""
        return self.resolution.protocol.convention


def measured(
    run: Run,
    *,
    names: FileNames | None = None,
    resolution: Resolution | None = None,
    table: JointCounts | None = None,
) -> Measured:
    """Apply the run's protocol to its tables.

    `names` gives the files by which errors name an image; `resolution` is what the protocol means, where that rests on
    more than this run's values; `table` is the sum of its rows, where it is known already. Raises `LabelError` for
    values that the protocol refuses and `NothingToScoreError` where no pixel is valid.
    """
    if not run.rows:
        raise NothingToScoreError("there is no image to score", (), "Give folders that hold pairs of masks")
    table = run.table() if table is None else table
    resolution = resolution or run.resolve_for(table)
    rules = scoring_rules(resolution.protocol, resolution.labeling.classes)
    check_labels(run, table, resolution.labeling, resolution.protocol.convention, names or {})
    counted = confusion(table, resolution.labeling)
    if not counted.valid_pixels:
        raise NothingToScoreError(
            "no pixel of the ground truth has a class",
            (f"values found: {listed(raw_values(table)[0], MOST_LISTED)}",),
            "Check --ignore and --classes; --binary reads 0 as background and everything else as foreground",
        )
    images = image_tallies([row.counts for row in run.rows], resolution.labeling)
    whole = tallies(counted, same_unknown_pixels(table, resolution.labeling))
    return Measured(table, resolution, counted, whole, images, rules)


def build_report(run: Run, *, names: FileNames | None = None, asked: Statistics | None = None) -> Report:
    """Compute every score of `run` under its protocol, and what else is `asked`; errors as in `measured`."""
    found = measured(run, names=names)
    report = report_of(run, found)
    if asked is None:
        return report
    from segeval.report.extras import with_statistics  # few ask for intervals

    return with_statistics(report, run, found, asked)


def report_of(run: Run, found: Measured) -> Report:
    """Compute every score of `run` from what was counted of it; raises `NothingToScoreError` where none is defined."""
    convention, rules = found.convention, found.rules
    scored = mask_scores(found.whole, found.images, rules)
    iou, scores = scored.iou, scored.scores
    warnings = (*_undefined_mean(iou, found), *_odd_foreground(found))
    if not iou.in_mean and iou.mean is None and not warnings:
        raise NothingToScoreError("no class has a defined IoU", (), "Check --classes, --ignore and --absent")
    groups, group_miou = _group_scores(found)
    plain = outcomes(found.images)
    if groups:
        scores["group_miou"] = group_miou
    probabilities = _probability_scores(run, found)
    if probabilities is not None:
        scores.update(probabilities.scores)
    boundary = _boundary_scores(run, found)
    if boundary is not None:
        scores.update(boundary.at[0].scores)
    return Report(
        signature=signature(
            found.resolution,
            run.protocol,
            eps=_usual_eps(run),
            left_out=", ".join(_left_out(found)),
            of_data=(len(run.rows), run.gt_digest()),
        ),
        protocol=run.protocol,
        data=Data(
            images=len(run.rows),
            pixels=run.pixels,
            void_pixels=found.confusion.void_pixels,
            gt_digest=run.gt_digest(),
            unscored_images=int((found.images.true_pixels.sum(axis=1) == 0).sum()),
            missing_images=sum(row.missing for row in run.rows),
        ),
        scores=ordered(scores),
        classes_in_mean=iou.in_mean,
        classes=_class_scores(found, scored, probabilities, boundary),
        groups=groups,
        confusion=found.confusion,
        warnings=(*warnings, *unknown_warnings(found.confusion, convention), *_boundary_warnings(boundary, found)),
        notes=(*found.resolution.notes, *(probabilities.notes if probabilities else ())),
        probabilities=probabilities,
        details=_details(found, image_mious(plain.of(rules.over("image_miou")))),
        own_scores=_own_scores(rules, scores),
        boundary=boundary,
    )


def _usual_eps(run: Run) -> str | None:
    """Return what an eps that was left open is for the maps of `run`."""
    return None if run.maps is None else run.maps.kind.usual_eps


def _probability_scores(run: Run, found: Measured) -> ProbabilityScores | None:
    if run.maps is None:
        return None
    from segeval.report.lossreductions import reduced
    from segeval.report.probabilities import probability_scores
    from segeval.report.rowscores import with_row_scores

    scores = probability_scores(run, found.resolution)
    if scores is None:
        return None
    return with_row_scores(reduced(scores, run, found.resolution), run, found.resolution)


def _boundary_scores(run: Run, found: Measured) -> BoundaryScores | None:
    if run.protocol.boundary is None:
        return None
    from segeval.report.boundaries import boundary_scores

    return boundary_scores(run, found.labeling, found.rules)


def _boundary_warnings(boundary: BoundaryScores | None, found: Measured) -> tuple[Finding, ...]:
    if boundary is None:
        return ()
    from segeval.report.boundaries import boundary_warnings

    return boundary_warnings(boundary, found.labeling)


def _details(found: Measured, image_values: Sequence[Value]) -> Details:
    """Take a closer look at the images, as every report has it."""
    values = [value for value in image_values if value is not None]
    ratios = present(outcomes(found.images).of(found.rules.over("class_miou")))
    of_class = [
        column[known].tolist() for column, known in zip(ratios.value.T, ratios.defined.T, strict=True) if known.any()
    ]
    worst = {
        "image_miou": {percent: worst_mean(values, percent) for percent in WORST_PERCENTS},
        "class_miou": {percent: mean(worst_mean(column, percent) for column in of_class) for percent in WORST_PERCENTS},
    }
    if not found.resolution.protocol.binary or len(found.labeling.classes) != 2:
        return Details(worst)
    from segeval.scores.gains import empty_ground_truth  # few sets are binary

    return Details(worst, empty_ground_truth(found.images))


def _class_scores(
    found: Measured, scored: MaskScores, maps: ProbabilityScores | None, boundary: BoundaryScores | None
) -> tuple[ClassScores, ...]:
    losses = {entry.class_index: entry.scores for entry in maps.per_map} if maps else {}
    plain = outcomes(found.whole)
    true_pixels = found.whole.true_pixels.tolist()
    everything = sum(true_pixels)
    columns = zip(
        found.labeling.classes,
        scored.iou.classes,
        scored.dice.classes,
        scored.precisions,
        scored.recalls,
        plain.tp.tolist(),
        plain.fp.tolist(),
        plain.fn.tolist(),
        true_pixels,
        found.rules.over("miou").tolist(),
        strict=True,
    )
    return tuple(
        ClassScores(
            id=entry.id,
            name=entry.name,
            color=entry.color,
            iou=iou,
            dice=dice,
            precision=precision,
            recall=recall,
            tp=tp,
            fp=fp,
            fn=fn,
            gt_share=ratio(pixels, everything),
            losses=losses.get(index, {}),
            in_means=in_means,
            contours=boundary.at[0].classes[index] if boundary else {},
        )
        for index, (entry, iou, dice, precision, recall, tp, fp, fn, pixels, in_means) in enumerate(columns)
    )


def _group_scores(found: Measured) -> tuple[tuple[GroupScores, ...], Value]:
    groups = found.labeling.groups
    if not groups:
        return (), None
    rule = found.rules.rule("group_miou")
    counted = outcomes(tallies(grouped(found.confusion, found.labeling, groups)), rule)
    counted = Outcomes(*(column[: len(groups)] for column in (counted.tp, counted.fp, counted.fn)))
    ious = overlap(counted, rule).many()
    dices = overlap(counted, rule, hit_weight=2).many()
    scores = tuple(
        GroupScores(group.name, group.ids, iou, dice, *outcome)
        for group, iou, dice, *outcome in zip(
            groups, ious, dices, counted.tp.tolist(), counted.fp.tolist(), counted.fn.tolist(), strict=True
        )
    )
    return scores, mean(ious)


def _undefined_mean(iou: Overlap, found: Measured) -> tuple[Finding, ...]:
    rule = found.rules.rule("miou")
    if rule.absent not in ("undefined", "skip-image") or iou.mean is not None:
        return ()
    counted = outcomes(found.whole, rule)
    empty = ((counted.tp + counted.fp + counted.fn == 0) & found.rules.over("miou")).tolist()
    absent = [entry.name for entry, is_empty in zip(found.labeling.classes, empty, strict=True) if is_empty]
    who = listed(absent, MOST_LISTED) if absent else "some class of some image"
    return (
        Finding(
            "undefined-mean",
            f"mIoU is undefined, since {who} is in neither ground truth nor prediction",
            (),
            "Leave such classes out of the mean with --absent skip",
        ),
    )


def _left_out(found: Measured) -> list[str]:
    """Name the classes that a mean over the foreground leaves out."""
    if found.resolution.protocol.mean_over != (FOREGROUND,):
        return []
    over = found.rules.over("miou").tolist()
    return [entry.name for entry, is_in in zip(found.labeling.classes, over, strict=True) if not is_in]


def _odd_foreground(found: Measured) -> tuple[Finding, ...]:
    """Find a mean over the foreground without a class that has a name, and that of no background."""
    odd = [name for name in _left_out(found) if not name.isdecimal() and name.strip().casefold() not in BACKGROUNDS]
    return tuple(
        Finding(
            "odd-foreground",
            f"--mean-over foreground leaves {name} out, the class of id 0, which is no background by its name",
            (),
            "Name the classes of the mean, as in --mean-over 1,2",
        )
        for name in odd
    )


def _own_scores(rules: ScoringRules, scores: Mapping[str, Value]) -> tuple[str, ...]:
    """Name the scores that the convention's evaluator does not print."""
    return tuple(name for name in (*chosen(OF_MASKS, scores), *OF_CLASSES) if not rules.program.prints(name))
