"""Hold the values met against the labeling: what a convention refuses is told for every file at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segeval.errors import Finding, LabelError, listed, raise_all
from segeval.folders.walking import gt_name, pred_name
from segeval.protocol.conventions import Convention
from segeval.protocol.evaluators import evaluator
from segeval.protocol.labeling import UNKNOWN, VOID, Labeling
from segeval.runs.run import Row, Run
from segeval.tables.confusion import Confusion
from segeval.tables.counts import JointCounts

MOST_VALUES = 5
"""Values told of one file."""
FileNames = Mapping[str, tuple[str, str]]
"""Key -> (ground-truth file, prediction file), as errors name them; a key that is absent names itself."""


@dataclass(frozen=True, slots=True)
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


def file_name(names: FileNames, key: str, side: int) -> str:
    """Return what errors call the file of an image on side 0 (ground truth) or 1 (predictions)."""
    return names[key][side] if key in names else (gt_name, pred_name)[side](key)


def check_labels(run: Run, table: JointCounts, labeling: Labeling, convention: Convention, names: FileNames) -> None:
    """Raise `LabelError` with file, value and pixel count for each value that `convention` makes an error.

    `table` is the total of the run's rows: only where it holds such a value are the rows looked at.
    """
    refusals: list[LabelError] = []
    everywhere = evaluator(convention).looks_at_void
    more = _more_classes(table, labeling)
    for refusal in _refusals(convention):
        if _refused(table, labeling, refusal, everywhere).any():
            places = [place for row in run.rows for place in _places(row, labeling, refusal, names, everywhere)]
            refusals.append(LabelError(refusal.what, places, f"{more}{refusal.fix}"))
    if evaluator(convention).only_binary and (labeling.gt(table.gt) == VOID).any():
        places = [place for row in run.rows for place in _places(row, labeling, VOID_GT, names, everywhere)]
        refusals.append(LabelError(VOID_GT.what, places, VOID_GT.fix))
    raise_all(refusals)


def _more_classes(table: JointCounts, labeling: Labeling) -> str:
    """Return the number of classes that the values met ask for, where classes were given by number and are too few."""
    ids = [entry.id for entry in labeling.classes]
    if ids != list(range(len(ids))) or any(entry.name != str(entry.id) for entry in labeling.classes):
        return ""
    unknown = set(table.gt[labeling.gt(table.gt) == UNKNOWN].tolist())
    unknown |= set(table.pred[labeling.pred(table.pred) == UNKNOWN].tolist())
    if unknown != set(range(len(ids), len(ids) + len(unknown))):
        return ""
    count = len(ids) + len(unknown)
    return f"Use --classes {count}, since the values are 0..{count - 1}. Or: " if unknown else ""


def refuses(table: JointCounts, labeling: Labeling, convention: Convention) -> bool:
    """Tell whether `convention` makes an error of a value in a table."""
    everywhere = evaluator(convention).looks_at_void
    return any(_refused(table, labeling, refusal, everywhere).any() for refusal in _refusals(convention))


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


def _refusals(convention: Convention) -> Sequence[_Refusal]:
    chosen = (
        (convention.gt_unknown, UNKNOWN_GT),
        (convention.unknown, UNKNOWN_PRED),
        (convention.pred_void, VOID_PRED),
    )
    return [refusal for choice, refusal in chosen if choice == "error"]


def _refused(table: JointCounts, labeling: Labeling, refusal: _Refusal, everywhere: bool) -> NDArray[np.bool_]:
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


def _places(row: Row, labeling: Labeling, refusal: _Refusal, names: FileNames, everywhere: bool) -> list[str]:
    """Return one line a value: file, value, pixels."""
    chosen = _refused(row.counts, labeling, refusal, everywhere)
    if not chosen.any():
        return []
    values = (row.counts.gt, row.counts.pred)[refusal.side][chosen]
    distinct, inverse = np.unique(values, return_inverse=True)
    pixels = np.zeros(len(distinct), np.int64)
    np.add.at(pixels, inverse, row.counts.pixels[chosen])
    file = file_name(names, row.key, refusal.side)
    found = [f"{value} ({count:,} px)" for value, count in zip(distinct.tolist(), pixels.tolist(), strict=True)]
    return [f"{file}: value{'s' if len(found) > 1 else ''} {listed(found, MOST_VALUES)}"]
