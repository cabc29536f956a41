"""Folders in the wrong order, told by their names, by those of their files, and by void in the predictions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from segeval.errors import Finding, printable
from segeval.findings.readings import agreement
from segeval.findings.values import FULL, MANY_VALUES, Values
from segeval.folders.pairing import Pairing
from segeval.folders.walking import pred_name
from segeval.protocol.labeling import DEFAULT_VOID, VOID
from segeval.tables.counts import table

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
