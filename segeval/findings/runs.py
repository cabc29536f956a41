"""Every check of a whole run: what `score`, `report`, `explain`, `compare` and `inspect` find in the same counts.

Folders in the wrong order are told by their names, by those of their files, and by void in the predictions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from segeval.errors import Finding, SegevalError, printable
from segeval.findings.readings import agreement, reading_findings
from segeval.findings.values import FULL, MANY_VALUES, Values, class_folders, gray_palettes, shown, value_findings
from segeval.findings.voids import ignored_classes, suspected_voids, two_valued
from segeval.folders.pairing import Pairing
from segeval.folders.walking import pred_name
from segeval.protocol.labeling import DEFAULT_VOID, VOID
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Resolution
from segeval.report.scoring import FileNames
from segeval.runs.run import Maps, Run
from segeval.tables.counts import JointCounts, table


def run_findings(
    run: Run,
    *,
    table: JointCounts | None = None,
    resolution: Resolution | None = None,
    names: FileNames | None = None,
) -> tuple[Finding, ...]:
    """Tell what looks wrong in a run; `table` and `resolution` are its own where they are known already, and
    `names` has the files of each key.

    A run whose values admit several readings is looked at without one.
    """
    if not run.rows:
        return ()
    table = run.table() if table is None else table
    if resolution is None:
        try:
            resolution = run.resolve_for(table)
        except SegevalError:  # which says on its own what keeps the run from being scored
            resolution = None
    values = Values(run, table, resolution, names or {})
    found: list[Finding] = [*_missing(values), *_maps(run)]
    for look in (class_folders, two_valued, suspected_voids, gray_palettes, reading_findings, value_findings):
        found += look(values)
    if not any(one.options for one in found):  # of which the values of the other reading look like void
        found += swapped_values(values)
    found += ignored_classes(values)
    return tuple(found)


def _missing(values: Values) -> Iterator[Finding]:
    """Find images without prediction, which `--missing miss` counts as wrong."""
    keys = [row.key for row in values.run.rows if row.missing]
    if keys:
        losses = "" if values.run.maps is None else "; losses leave them out"
        yield Finding(
            "missing",
            f"{len(keys):,} image{'s' * (len(keys) > 1)} without prediction count as wrong{losses}",
            shown(values.places(0, keys)),
            "Add the predictions, or leave the images out with --missing skip",
        )


def _maps(run: Run) -> Iterator[Finding]:
    """Find what is odd about probability maps and is yet no error."""
    if run.maps == Maps(EIGHT_BIT, 1):
        levels = {level for table in run.level_tables() for level in table.pred.tolist()}
        if levels and levels <= {0, 255}:
            yield Finding(
                "masks-as-maps",
                "the maps hold only 0 and 255: these are masks, and the losses are those of certainty",
                (),
                "Score them without --probs, or save the probabilities before the threshold",
            )
    unnormalised = sum(row.unnormalised for row in run.rows)
    if unnormalised:
        share = 100 * unnormalised / run.pixels
        yield Finding(
            "unnormalised",
            f"class probabilities do not add up to 1 at {unnormalised:,} pixels ({share:.2f} %), as those of sigmoid "
            "heads; they are taken as they are",
            (),
            "Save the output of a softmax over the classes, if the model has one",
        )


GT_NAME = re.compile(r"(?i)(^|[_\-. ])(gt|gtfine|gtcoarse|groundtruth|ground_truth|label(ids|trainids)|mask_gt)$")
"""Endings of file names that say ground truth."""
GT_FOLDER = re.compile(r"(?i)^(gt|gtfine|ground[_\- ]?truths?|annotations?|labels?|segmentationclass)$")
PRED_FOLDER = re.compile(r"(?i)^(preds?|predictions?|results?|outputs?|inference)$")
ORDER = "Give predictions first, then ground truth"


def swapped_names(pairing: Pairing) -> Iterator[Finding]:
    """Find names that say ground truth in PRED, and none in GT."""
    where = []
    pred_root, gt_root = (root.absolute().name for root in (pairing.pred_root, pairing.gt_root))
    if GT_FOLDER.match(pred_root) and PRED_FOLDER.match(gt_root):
        where.append(f"PRED is the folder {printable(pred_root)}, GT the folder {printable(gt_root)}")
    pred = [*(name for pair in pairing.pairs for name in pair.pred), *pairing.extra]
    named = [name for name in pred if _says_gt(name)]
    gt = (*(pair.gt for pair in pairing.pairs), *pairing.missing)
    if named and 2 * len(named) > len(pred) and not any(map(_says_gt, gt)):
        where.append(pred_name(named[0]))
    if where:
        yield Finding(
            "swapped",
            "the names say that PRED holds the ground truth: the two folders may be swapped",
            tuple(where),
            ORDER,
        )


def _says_gt(path: str) -> bool:
    return bool(GT_NAME.search(path.rpartition("/")[2].rpartition(".")[0]))


def _void(values: Values, met: set[int], side: int) -> list[int]:
    """Return the values of side 0 (ground truth) or 1 (predictions) that are ignored."""
    if values.resolution is None:
        return sorted(met & {DEFAULT_VOID})
    lookup = (values.resolution.labeling.gt, values.resolution.labeling.pred)[side]
    return sorted(value for value in met if lookup.index(value) == VOID)


def swapped_values(values: Values) -> Iterator[Finding]:
    """Find void in the predictions and none in the ground truth, with the agreement that the other order gives."""
    gt, pred = values.distinct()
    if values.run.maps is not None or values.binary or pred <= FULL or len(pred - gt) > MANY_VALUES:
        return
    void = _void(values, pred, 1)
    if not void or _void(values, gt, 0):
        return
    share = ""
    if values.resolution is not None:
        labeling, counts = values.resolution.labeling, values.table
        turned = agreement(table(counts.pred, counts.gt, counts.pixels), labeling)
        now = agreement(counts, labeling)
        share = f": {100 * turned.share:.1f} % of the valid pixels agree in that order, {100 * now.share:.1f} % in this"
    yield Finding(
        "swapped",
        "predictions hold an ignored value and the ground truth does not: the two folders may be swapped",
        (f"value {', '.join(map(str, void))}",),
        f"{ORDER}{share}; where this is the order, void predictions count as --pred-void says",
    )
