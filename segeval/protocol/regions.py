"""Which pixels are one region to a contour: values of one class, under the labeling that is known while counting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from segeval.protocol.labeling import DEFAULT_VOID, ValueMap
from segeval.protocol.protocol import Mapped, Protocol, resolve
from segeval.records import dataclass

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
    ids = tuple(entry.id for entry in labeling.classes)
    return _ClassOf(labeling.gt, ids), _ClassOf(labeling.pred, ids)


@dataclass(frozen=True, slots=True)
class _ClassOf:
    """Look a value up in a labeling; a class, since a function within a function does not travel to other processes."""

    values: ValueMap
    ids: tuple[int, ...]

    def __call__(self, value: int) -> int | None:
        index = self.values.index(value)
        return self.ids[index] if index >= 0 else None


@dataclass(frozen=True, slots=True)
class _Met:
    """Take each value that is not void for a class of its own."""

    renamed: Mapping[int, int]
    void: frozenset[int | str]

    def __call__(self, value: int) -> int | None:
        found = self.renamed.get(value, value)
        return None if found in self.void else found


def _met(own: Mapped, both: Mapped, ignored: Iterable[int | str]) -> ClassOf:
    return _Met({**dict(both), **dict(own)}, frozenset(ignored))
