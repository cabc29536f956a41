"""What findings need of the files of a side, and their values do not show."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce


@dataclass(frozen=True, slots=True)
class Traits:
    """Keep what the mask files of one side say besides their values.

    `nodata` has the values that nodata tags name, ascending. `gray_entries` has (index, gray level) of the palette
    entries that files use, where the two differ, of palettes that are gray throughout, ascending; `colored` tells
    whether another palette of the side has a colour.
    """

    nodata: tuple[int, ...] = ()
    gray_entries: tuple[tuple[int, int], ...] = ()
    colored: bool = False

    def __or__(self, other: Traits) -> Traits:
        """Return the traits of both sets of files."""
        if self == other:
            return self
        return Traits(
            tuple(sorted({*self.nodata, *other.nodata})),
            tuple(sorted({*self.gray_entries, *other.gray_entries})),
            self.colored or other.colored,
        )

    @property
    def telling(self) -> bool:
        """Tell whether a finding could rest on these traits; colours alone only keep one from being made."""
        return bool(self.nodata or self.gray_entries)


PLAIN = Traits()


@dataclass(frozen=True, slots=True)
class SideTraits:
    """Keep the traits of the ground truth's files and of the predictions'."""

    gt: Traits = field(default=PLAIN)
    pred: Traits = field(default=PLAIN)

    def __or__(self, other: SideTraits) -> SideTraits:
        """Return the traits of both sets of images."""
        return self if self == other else SideTraits(self.gt | other.gt, self.pred | other.pred)

    @property
    def telling(self) -> bool:
        """Tell whether a finding could rest on these traits."""
        return self.gt.telling or self.pred.telling


NO_TRAITS = SideTraits()


def traits_of_all(images: Iterable[SideTraits]) -> SideTraits:
    """Return the traits of a run from those of its images; none where no finding could rest on them."""
    joined = reduce(operator.or_, images, NO_TRAITS)
    return joined if joined.telling else NO_TRAITS
