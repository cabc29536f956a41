"""How many classes the values met ask for."""

from __future__ import annotations

from segeval.protocol.labeling import UNKNOWN, Labeling
from segeval.tables.counts import JointCounts


def more_classes(table: JointCounts, labeling: Labeling) -> str:
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
