"""From a run to its report: the values met are held against the labeling, counted by class, and scored.

What a convention refuses is told for every file at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, LabelError, NothingToScoreError, listed, raise_all
from segeval.protocol.conventions import Convention, ScoringRules, evaluator, scoring_rules
from segeval.protocol.labeling import UNKNOWN, VOID, Labeling
from segeval.protocol.protocol import Resolution
from segeval.protocol.signature import signature
from segeval.records import dataclass
from segeval.report.refusals import FileNames, refused_places
from segeval.report.report import (
    Data,
    Report,
    class_scores,
    details_of,
    group_scores,
    left_out,
    odd_foreground,
    undefined_mean,
)
from segeval.runs.columns import BlockRows, blocks_of, pixels_of_each
from segeval.runs.run import Run, keys_of, missing_keys, raw_values, tables_of
from segeval.scores.imageoverlap import image_tallies
from segeval.scores.overlap import Value
from segeval.scores.registry import OF_CLASSES, OF_MASKS, chosen, mask_scores, ordered
from segeval.tables.counts import (
    Confusion,
    JointCounts,
    StackedTables,
    Tallies,
    confusion,
    same_unknown_pixels,
    stacked,
    tallies,
)

if TYPE_CHECKING:
    from segeval.report.boundaries import BoundaryScores
    from segeval.report.distances import DistanceScores
    from segeval.report.extras import Statistics
    from segeval.report.lesions import LesionScores
    from segeval.report.mapscores import ProbabilityScores
    from segeval.scores.imageoverlap import AllTallies

MOST_LISTED = 10


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Hold what every score of a run is computed from: its labeling, and the counts of the whole and of each image."""

    table: JointCounts
    resolution: Resolution
    confusion: Confusion
    whole: Tallies
    images: AllTallies
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
    images: AllTallies
    if resolution.labeling.sets or isinstance(run.rows, BlockRows):
        from segeval.report.tallying import tallies_of  # most pixels have one class, and most runs fit into memory

        images = tallies_of(run.rows, resolution.labeling)
    else:
        images = image_tallies(tables_of(run.rows), resolution.labeling)
    if resolution.labeling.sets:
        return Measured(table, resolution, counted, images.whole(), images, rules)
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
    warnings = (*undefined_mean(iou, found), *odd_foreground(found))
    if not iou.in_mean and iou.mean is None and not warnings:
        raise NothingToScoreError("no class has a defined IoU", (), "Check --classes, --ignore and --absent")
    groups, group_miou = group_scores(found)
    if groups:
        scores["group_miou"] = group_miou
    probabilities = _probability_scores(run, found)
    if probabilities is not None:
        scores.update(probabilities.scores)
    boundary, distances, lesions = _boundary_scores(run, found), _distance_scores(run, found), _lesions(run, found)
    around = [part for part in (boundary.at[0] if boundary else None, distances, lesions) if part is not None]
    for part in around:
        scores.update(part.scores)
    of_contours = _joined(*(part.classes for part in around))
    return Report(
        signature=signature(
            found.resolution,
            run.protocol,
            eps=_usual_eps(run),
            left_out=", ".join(left_out(found)),
            of_data=(len(run.rows), run.gt_digest()),
        ),
        protocol=run.protocol,
        data=Data(
            images=len(run.rows),
            pixels=run.pixels,
            void_pixels=found.confusion.void_pixels + _outside(run),
            gt_digest=run.gt_digest(),
            unscored_images=found.images.unscored,
            missing_images=len(missing_keys(run.rows)),
        ),
        scores=ordered(scores),
        classes_in_mean=iou.in_mean,
        classes=class_scores(found, scored, probabilities, of_contours),
        groups=groups,
        counted=None if found.labeling.sets else found.confusion,
        warnings=(
            *warnings,
            *unknown_warnings(found.confusion, convention),
            *(warning for one in (boundary, distances, lesions) if one for warning in one.warnings),
        ),
        notes=(*found.resolution.notes, *(probabilities.notes if probabilities else ())),
        probabilities=probabilities,
        details=details_of(found),
        own_scores=_own_scores(rules, scores),
        boundary=boundary,
        distances=distances,
        lesions=lesions,
    )


def _outside(run: Run) -> int:
    """Return the pixels outside regions of interest."""
    return pixels_of_each(run.rows, "outside") if run.protocol.storage.roi else 0


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


def _joined(*parts: Sequence[Mapping[str, Value]]) -> Sequence[Mapping[str, Value]]:
    """Return the scores of each class of all parts."""
    return [{name: one[name] for one in of_class for name in one} for of_class in zip(*parts, strict=True)]


def _lesions(run: Run, found: Measured) -> LesionScores | None:
    if run.protocol.lesions is None:
        return None
    from segeval.report.lesions import lesion_scores

    return lesion_scores(run, found.labeling, found.rules)


def _distance_scores(run: Run, found: Measured) -> DistanceScores | None:
    if run.protocol.distances is None:
        return None
    from segeval.report.distances import distance_means

    return distance_means(run, found.labeling, found.rules)


def _boundary_scores(run: Run, found: Measured) -> BoundaryScores | None:
    if run.protocol.boundary is None:
        return None
    from segeval.report.boundaries import boundary_scores

    return boundary_scores(run, found.labeling, found.rules)


def _own_scores(rules: ScoringRules, scores: Mapping[str, Value]) -> tuple[str, ...]:
    """Name the scores that the convention's evaluator does not print."""
    return tuple(name for name in (*chosen(OF_MASKS, scores), *OF_CLASSES) if not rules.program.prints(name))


def unknown_warnings(counted: Confusion, convention: Convention) -> tuple[Finding, ...]:
    """Tell how many pixels hold values outside classes and void, where the convention counts them somehow."""
    done = {"miss": "count as wrong", "drop": "are left out", "drop-fp": "are left out, but for their false positives"}
    sides = (
        ("predictions", "pred", convention.unknown, int(counted.column(UNKNOWN).sum())),
        ("ground truth", "gt", convention.gt_unknown, counted.unknown_pixels),
    )
    return tuple(
        Finding(
            "unknown-counted",
            f"{count:,} pixels whose {side} is neither a class nor ignored {done[choice]}",
            (),
            f"Name the values with --classes, --ignore or --{option}-map, if they mean something",
        )
        for side, option, choice, count in sides
        if count and choice in done
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Refusal:
    what: str
    fix: str
    side: int


UNKNOWN_GT = _Refusal(
    "ground truth holds values that are neither a class nor ignored",
    "Name them with --classes, --ignore or --gt-map, or leave their pixels out with --gt-unknown drop",
    0,
)
UNKNOWN_PRED = _Refusal(
    "predictions hold values that are neither a class nor ignored",
    "Name them with --classes, --ignore or --pred-map, or count them as wrong with --unknown miss",
    1,
)
VOID_GT = _Refusal(
    "ground truth holds an ignored value, and the evaluator of this convention knows none",
    "Choose another --convention, such as segeval with --mean-over foreground, or --ignore none",
    0,
)
VOID_PRED = _Refusal(
    "predictions hold an ignored value, which this convention does not allow",
    "Count it as wrong with --pred-void miss, or leave its pixels out with --pred-void drop",
    1,
)


def check_labels(run: Run, table: JointCounts, labeling: Labeling, convention: Convention, names: FileNames) -> None:
    """Raise `LabelError` with file, value and pixel count for each value that `convention` makes an error.

    `table` is the total of the run's rows: only where it holds such a value are the rows looked at.
    """
    refusals: list[LabelError] = []
    everywhere = evaluator(convention).looks_at_void
    for refusal in _refusals(convention):
        if _refused(table, labeling, refusal, everywhere).any():
            from segeval.report.moreclasses import more_classes

            more = more_classes(table, labeling)
            places = _places(run, labeling, refusal, names, everywhere)
            refusals.append(LabelError(refusal.what, places, f"{more}{refusal.fix}"))
    if evaluator(convention).only_binary and (labeling.gt(table.gt) == VOID).any():
        places = _places(run, labeling, VOID_GT, names, everywhere)
        refusals.append(LabelError(VOID_GT.what, places, VOID_GT.fix))
    raise_all(refusals)


def refuses(table: JointCounts, labeling: Labeling, convention: Convention) -> bool:
    """Tell whether `convention` makes an error of a value in a table."""
    everywhere = evaluator(convention).looks_at_void
    return any(_refused(table, labeling, refusal, everywhere).any() for refusal in _refusals(convention))


def _refusals(convention: Convention) -> Sequence[_Refusal]:
    chosen = (
        (convention.gt_unknown, UNKNOWN_GT),
        (convention.unknown, UNKNOWN_PRED),
        (convention.pred_void, VOID_PRED),
    )
    return [refusal for choice, refusal in chosen if choice == "error"]


def _refused(
    table: JointCounts | StackedTables, labeling: Labeling, refusal: _Refusal, everywhere: bool
) -> NDArray[np.bool_]:
    gt, pred = labeling.gt(table.gt), labeling.pred(table.pred)
    refused: NDArray[np.bool_]
    if refusal is VOID_GT:
        refused = gt == VOID
    elif refusal is UNKNOWN_GT:
        refused = gt == UNKNOWN
    elif refusal is UNKNOWN_PRED:
        refused = pred == UNKNOWN
    else:
        refused = pred == VOID
    # Also where the ground truth is void: the VOC devkit, for one, reads no such prediction at all.
    return refused if everywhere or refusal.side == 0 else refused & (gt >= 0)


def _places(run: Run, labeling: Labeling, refusal: _Refusal, names: FileNames, everywhere: bool) -> list[str]:
    places: list[str] = []
    for block in blocks_of(run.rows):
        cells = stacked(tables_of(block))
        chosen = _refused(cells, labeling, refusal, everywhere)
        places += refused_places(keys_of(block), cells, chosen, refusal.side, names)
    return places
