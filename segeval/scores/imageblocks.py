"""What is counted of each image of runs that memory does not hold: kept in a file by the block, and summed exactly.

Every class here stands for one of `imageoverlap` and has the same results, whatever the blocks.
"""

from __future__ import annotations

import pickle
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import Convention
from segeval.records import dataclass
from segeval.scores.exactsums import ExactSums
from segeval.scores.imageoverlap import (
    OF_CLASSES,
    Cells,
    ImageOutcomes,
    ImageRatios,
    ImageTallies,
)
from segeval.scores.overlap import Lowest, Outcomes, Ratios, Value, lowest
from segeval.tables.counts import Int64Array, Tallies, smallest_type

Block = TypeVar("Block")
Made = TypeVar("Made")
OUTSIDE = ("gt_unknown", "same_unknown")


@dataclass(frozen=True, slots=True)
class Extent:
    """Say how many images and classes there are."""

    images: int
    classes: int


class BlockTallies:
    """Hold the marginals of each image in a file of this process, block after block."""

    def __init__(self, blocks: Iterable[ImageTallies], classes: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with its tallies
        weakref.finalize(self, self._file.close)
        self._starts: list[tuple[int, int]] = []  # the first image of each block, and where it stands in the file
        self._whole: list[Int64Array] = []
        self._last: tuple[int, ImageTallies] | None = None
        images = unscored = 0
        for block in blocks:
            self._starts.append((images, self._file.tell()))
            pickle.dump(_narrow(block), self._file, pickle.HIGHEST_PROTOCOL)
            whole = _columns(block.whole())
            self._whole = [old + new for old, new in zip(self._whole, whole, strict=True)] if self._whole else whole
            images += block.at.images
            unscored += block.unscored
        self.at, self.unscored = Extent(images, classes), unscored

    def blocks(self) -> Iterator[ImageTallies]:
        """Yield the tallies of the images of one block after another."""
        return (self._block(place) for place in range(len(self._starts)))

    def _block(self, place: int) -> ImageTallies:
        self._file.seek(self._starts[place][1])
        return _widened(pickle.load(self._file))

    def of(self, chosen: NDArray[np.bool_]) -> BlockTallies:
        """Return the tallies of some of the classes, chosen by a mask of shape (K,)."""
        return BlockTallies((block.of(chosen) for block in self.blocks()), int(chosen.sum()))

    def whole(self) -> Tallies:
        """Add the images up: tallies of shape (K,)."""
        return Tallies(*self._whole)

    def joined(self) -> ImageTallies:
        """Return the tallies of all images in memory."""
        parts = list(self.blocks())
        starts = [start for start, _ in self._starts]
        at = Cells(
            np.concatenate([part.at.image + start for start, part in zip(starts, parts, strict=True)]),
            np.concatenate([part.at.label for part in parts]),
            self.at.images,
            self.at.classes,
        )
        kept, pixels = (
            Tallies(*map(np.concatenate, zip(*(_columns(getattr(part, name)) for part in parts), strict=True)))
            for name in ("kept", "pixels")
        )
        return ImageTallies(at, kept, pixels)

    @cached_property
    def pixels(self) -> Tallies:
        """Return those of all classes of each image together, arrays of shape (images, 1)."""
        return Tallies(*map(np.concatenate, zip(*(_columns(part.pixels) for part in self.blocks()), strict=True)))

    def outcomes(self, convention: Convention | None) -> BlockOutcomes:
        """Count hits, false alarms and misses of each image."""
        return BlockOutcomes(self, lambda block: block.outcomes(convention), np.ones(self.at.classes, np.bool_))

    def image(self, index: int) -> tuple[ImageTallies, int]:
        """Return the block that has an image, which is one object for images that follow each other, and its place."""
        place = bisect_right(self._starts, index, key=itemgetter(0)) - 1
        if self._last is None or self._last[0] != place:
            self._last = place, self._block(place)
        return self._last[1], index - self._starts[place][0]


class _Last(Generic[Block, Made]):
    """Hold what was made of a block, for all images of it that are asked for one after another."""

    def __init__(self) -> None:
        self._made: tuple[Block, Made] | None = None

    def of(self, block: Block, make: Callable[[Block], Made]) -> Made:
        """Return what is made of a block."""
        if self._made is None or self._made[0] is not block:
            self._made = block, make(block)
        return self._made[1]


def _columns(tallies: Tallies) -> list[Int64Array]:
    return [getattr(tallies, name) for name in (*OF_CLASSES, *OUTSIDE)]


def _narrow(block: ImageTallies) -> tuple[Any, ...]:
    """Return the arrays of a block in the smallest types; zeros by their shape."""
    arrays: list[NDArray[Any]] = [block.at.image, block.at.label, *_columns(block.kept), *_columns(block.pixels)]
    kept = [array.astype(smallest_type(0, int(array.max()))) if array.any() else array.shape for array in arrays]
    return block.at.images, block.at.classes, kept


def _widened(stored: tuple[Any, ...]) -> ImageTallies:
    images, classes, kept = stored
    arrays = [np.zeros(one, np.int64) if isinstance(one, tuple) else one.astype(np.int64) for one in kept]
    count = len(OF_CLASSES) + len(OUTSIDE)
    at = Cells(arrays[0].astype(np.int32), arrays[1].astype(np.int32), images, classes)
    return ImageTallies(at, Tallies(*arrays[2 : 2 + count]), Tallies(*arrays[2 + count :]))


class BlockOutcomes:
    """Stand for the outcomes of all images: made block by block, of some of the classes."""

    def __init__(
        self, source: BlockTallies, make: Callable[[ImageTallies], ImageOutcomes], chosen: NDArray[np.bool_]
    ) -> None:
        self._source, self._make, self._chosen = source, make, chosen
        self._last: _Last[ImageTallies, ImageOutcomes] = _Last()
        self.at = Extent(source.at.images, int(chosen.sum()))

    def of(self, classes: NDArray[np.bool_]) -> BlockOutcomes:
        """Return the outcomes of some of the classes, chosen by a mask of shape (K,)."""
        chosen = self._chosen.copy()
        chosen[chosen] = classes
        return BlockOutcomes(self._source, self._make, chosen)

    def blocks(self) -> Iterator[ImageOutcomes]:
        """Yield the outcomes of the images of one block after another."""
        return map(self._made, self._source.blocks())

    def _made(self, block: ImageTallies) -> ImageOutcomes:
        return self._make(block).of(self._chosen)

    def found(self, index: int) -> tuple[ImageOutcomes, int]:
        """Return the outcomes of the block that has an image, and its place there."""
        block, place = self._source.image(index)
        return self._last.of(block, self._made), place

    def image(self, index: int) -> Outcomes:
        """Return the outcomes of every class in one image, shape (K,)."""
        block, place = self.found(index)
        return block.image(place)

    def overlap(self, convention: Convention, hit_weight: int) -> BlockRatios:
        """Return IoU or Dice of every class of every image."""
        return BlockRatios(self, convention, hit_weight)

    def pooled(self) -> Outcomes:
        """Add the classes of each image up to one, shape (images,)."""
        parts = [block.pooled() for block in self.blocks()]
        return Outcomes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("tp", "fp", "fn")))


class BlockRatios:
    """Stand for one score of all images and classes: read off block by block, whatever is asked of it."""

    def __init__(self, outcomes: BlockOutcomes, convention: Convention, hit_weight: int) -> None:
        self._outcomes, self._convention, self._hit_weight = outcomes, convention, hit_weight
        self._last: _Last[ImageOutcomes, ImageRatios] = _Last()
        self.at = outcomes.at

    def blocks(self) -> Iterator[ImageRatios]:
        """Yield the score of the images of one block after another."""
        return map(self._made, self._outcomes.blocks())

    def _made(self, block: ImageOutcomes) -> ImageRatios:
        return block.overlap(self._convention, self._hit_weight)

    @property
    def poisoned(self) -> bool:
        """Tell whether any class of any image makes a mean undefined."""
        return any(block.poisoned for block in self.blocks())

    def image(self, index: int) -> Ratios:
        """Return the score of every class in one image, shape (K,)."""
        block, place = self._outcomes.found(index)
        return self._last.of(block, self._made).image(place)

    def image_means(self) -> tuple[Value, ...]:
        """Average the score over the classes, for each image."""
        return tuple(chain.from_iterable(block.image_means() for block in self.blocks()))

    def class_means(self) -> tuple[Value, ...]:
        """Average the score over the images, for each class."""
        return self._summed(by_class=True).means()

    def mean(self) -> Value:
        """Average the score over all classes of all images."""
        return self._summed(by_class=False).means()[0]

    def lowest(self, percent: float) -> list[Lowest]:
        """Return for each class the lowest `percent` of the values that are defined among its kept cells."""
        most = max(1, int(percent / 100 * self.at.images))
        kept: list[list[NDArray[np.float64]]] = [[] for _ in range(self.at.classes)]
        counts = np.zeros(self.at.classes, np.int64)
        for block in self.blocks():
            for label, values in enumerate(block.of_classes()):
                counts[label] += len(values)
                kept[label].append(values)
                if sum(map(len, kept[label])) > 2 * most:
                    kept[label] = [np.partition(np.concatenate(kept[label]), most - 1)[:most]]
        return [
            lowest(np.concatenate(parts), count, percent) for parts, count in zip(kept, counts.tolist(), strict=True)
        ]

    def _summed(self, *, by_class: bool) -> ExactSums:
        sums = ExactSums(self.at.classes if by_class else 1)
        for block in self.blocks():
            here = block.kept.defined
            labels = block.at.label if by_class else np.zeros(len(block.at.label), np.intp)
            sums.add(labels[here], block.kept.value[here])
            if block.absent.defined[0]:
                absent = block.at.images - np.bincount(block.at.label, minlength=block.at.classes)
                absent = absent if by_class else np.array([absent.sum()])
                sums.add_times(float(block.absent.value[0]), absent)
        return sums
