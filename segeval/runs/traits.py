"""What findings need of the files of a side, and their values do not show."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

COLORS_OF_AN_INDEX = 2
"""Colours of one index that a side keeps."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Keep what the mask files of one side say besides their values.

    `nodata` has the values that nodata tags name, ascending. `gray_entries` has (index, gray level) of the palette
    entries that files use, where the two differ, of palettes that are gray throughout, ascending; `color_entries` has
    (index, red, green, blue) of the entries that files use of all other palettes, ascending, at most
    `COLORS_OF_AN_INDEX` an index: two are enough to say that files differ.
    """

    nodata: tuple[int, ...] = ()
    gray_entries: tuple[tuple[int, int], ...] = ()
    color_entries: tuple[tuple[int, int, int, int], ...] = ()

    def __or__(self, other: Traits) -> Traits:
        """Return the traits of both sets of files."""
        if self == other:
            return self
        return Traits(
            tuple(sorted({*self.nodata, *other.nodata})),
            tuple(sorted({*self.gray_entries, *other.gray_entries})),
            _first_colors({*self.color_entries, *other.color_entries}),
        )

    @property
    def colored(self) -> bool:
        """Tell whether a palette of the side has a colour."""
        return bool(self.color_entries)

    @property
    def telling(self) -> bool:
        """Tell whether a finding could rest on these traits."""
        return bool(self.nodata or self.gray_entries or self.color_entries)


PLAIN = Traits()


def _first_colors(entries: Iterable[tuple[int, int, int, int]]) -> tuple[tuple[int, int, int, int], ...]:
    """Return the least colours of each index: of a union the same, whatever its order."""
    kept: list[tuple[int, int, int, int]] = []
    for entry in sorted(entries):
        if len(kept) < COLORS_OF_AN_INDEX or kept[-COLORS_OF_AN_INDEX][0] != entry[0]:
            kept.append(entry)
    return tuple(kept)


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
