"""Which pixels are one region to a contour: values of one class, under the labeling that is known while counting."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from segeval.protocol.labeling import DEFAULT_VOID
from segeval.protocol.protocol import Mapped, Protocol, resolve

ClassOf = Callable[[int], int | None]
"""Return the id of the class of a raw value, `None` for a value that is void or of no class."""


def region_rules(protocol: Protocol) -> tuple[ClassOf, ClassOf]:
    """Return the class of each raw value of ground truth and of predictions, from the protocol alone.

    Contours are counted image by image, before all values are known. Where classes are inferred, each value that is
    not ignored is therefore a class, and 255 is void unless `--ignore` or `--binary` say otherwise. Raises as
    `resolve` does.
    """
    if protocol.classes is None and not protocol.binary:
        if protocol.ignore is None:
            ignored: frozenset[int | str] = frozenset({DEFAULT_VOID})
        else:
            ignored = frozenset(resolve(protocol, gt_values=(), pred_values=()).protocol.ignore or ())
        return _met(protocol.gt_map, protocol.mapping, ignored), _met(protocol.pred_map, protocol.mapping, ignored)
    labeling = resolve(protocol, gt_values=(), pred_values=()).labeling
    ids = [entry.id for entry in labeling.classes]

    def gt(value: int) -> int | None:
        index = labeling.gt.index(value)
        return ids[index] if index >= 0 else None

    def pred(value: int) -> int | None:
        index = labeling.pred.index(value)
        return ids[index] if index >= 0 else None

    return gt, pred


def _met(own: Mapped, both: Mapped, ignored: Iterable[int | str]) -> ClassOf:
    renamed = {**dict(both), **dict(own)}
    void = frozenset(ignored)

    def met(value: int) -> int | None:
        found = renamed.get(value, value)
        return None if found in void else found

    return met
