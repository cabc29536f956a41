"""Columns of which an image has any number of values: those of all images one after another, and where each ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.records import dataclass

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Hold what images have any number of: `columns` have the items of all images along their first axis.

    `ends` says where the items of each image begin, and where the last one's end, shape (images + 1,).
    """

    ends: Places
    columns: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def counts(self) -> Places:
        """Return how many items each image has."""
        return np.diff(self.ends)

    @property
    def images(self) -> Places:
        """Return the image of each item."""
        return np.repeat(np.arange(len(self.ends) - 1), self.counts)

    def of(self, image: int) -> dict[str, NDArray[Any]]:
        """Return the items of one image."""
        here = slice(self.ends[image], self.ends[image + 1])
        return {name: column[here] for name, column in self.columns.items()}

    def part(self, start: int, end: int) -> Ragged:
        """Return the items of the images from `start` to before `end`."""
        here = slice(self.ends[start], self.ends[end])
        ends = self.ends[start : end + 1] - self.ends[start]
        return Ragged(ends, {name: column[here] for name, column in self.columns.items()})

    def taken(self, places: Places) -> Ragged:
        """Return the items of some images, in the order of their places."""
        ends, items = taken_items(self.ends, places)
        return Ragged(ends, {name: column[items] for name, column in self.columns.items()})


def ends_of(counts: Sequence[int] | NDArray[Any]) -> Places:
    """Return where the items of each image end from how many it has, with 0 before them."""
    ends = np.zeros(len(counts) + 1, np.intp)
    np.cumsum(counts, out=ends[1:])
    return ends


def taken_items(ends: Places, places: Places) -> tuple[Places, Places]:
    """Return the ends of some images' items when these are put together, and the places of the items."""
    counts = np.diff(ends)[places]
    taken = ends_of(counts)
    return taken, np.arange(taken[-1]) + np.repeat(ends[places] - taken[:-1], counts)


def joined_ragged(parts: Sequence[Ragged]) -> Ragged:
    """Put the items of several blocks of images one after another."""
    names = parts[0].columns
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in names}
    return Ragged(ends_of(np.concatenate([part.counts for part in parts])), columns)
