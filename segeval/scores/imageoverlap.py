"""What is counted of each image, and its overlap: kept for the classes that it has, and once for those it has not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.conventions import Convention
from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Labeling
from segeval.records import dataclass
from segeval.scores.overlap import Lowest, Outcomes, Ratios, Value, lowest, outcomes, overlap
from segeval.tables.counts import Int64Array, JointCounts, StackedTables, Tallies, stacked

if TYPE_CHECKING:  # runs that memory holds do without
    from segeval.scores.imageblocks import BlockOutcomes, BlockRatios, BlockTallies

    AllTallies: TypeAlias = "ImageTallies | BlockTallies"
    AllOutcomes: TypeAlias = "ImageOutcomes | BlockOutcomes"
    AllRatios: TypeAlias = "ImageRatios | BlockRatios"

OF_SUMS = ("dataset", "micro", "weighted")
"""Averages that are functions of sums over the images; the others average what images have."""
PRESENT = Convention(pred_only="skip")
"""Leaves the classes out that are not in an image's ground truth."""
DENSE, PIECE_CELLS = 1 << 22, 1 << 18
"""Images times classes of which the present ones are marked, where of more they are sorted, which takes less memory;
and cells that are worked on at a time, since each takes a hundred bytes on the way."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Say which classes of which images are kept: `image` and `label` are positions, shape (cells,), ascending.

    All other classes of the `images` x `classes` that there are have no pixel of any kind.
    """

    image: NDArray[np.int32]
    label: NDArray[np.int32]
    images: int
    classes: int

    def of(self, chosen: NDArray[np.bool_]) -> tuple[Cells, NDArray[np.bool_]]:
        """Return the cells of some classes, chosen by a mask of shape (K,), and which of these cells they are."""
        kept = chosen[self.label]
        position = np.cumsum(chosen, dtype=np.int32) - 1
        return Cells(self.image[kept], position[self.label[kept]], self.images, int(chosen.sum())), kept

    def of_images(self) -> NDArray[np.intp]:
        """Return where the cells of each image begin, and where the last one's end, shape (images + 1,)."""
        return np.searchsorted(self.image, np.arange(self.images + 1))

    def between(self, first: int, last: int) -> NDArray[np.intp]:
        """Return where the cells of the images from `first` to before `last` begin and end."""
        bounds = np.array((first, last), self.image.dtype)  # of another type they would have all cells converted
        return np.searchsorted(self.image, bounds)

    def sums(self, values: Int64Array) -> Int64Array:
        """Add the values of each image's cells, shape (images,)."""
        found = np.zeros(self.images, np.int64)
        np.add.at(found, self.image, values)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class ImageTallies:
    """Hold the marginals of each image, kept for the classes that it has: `kept` has arrays of shape (cells,).

    `pixels` has those of all its classes together, arrays of shape (images, 1).
    """

    at: Cells
    kept: Tallies
    pixels: Tallies

    @property
    def unscored(self) -> int:
        """Return how many images have no valid pixel."""
        return int((self.pixels.true_pixels == 0).sum())

    def blocks(self) -> Iterator[ImageTallies]:
        """Yield the tallies in parts that memory holds: all at once."""
        yield self

    def joined(self) -> ImageTallies:
        """Return the tallies of all images in memory."""
        return self

    def part(self, start: int, end: int) -> ImageTallies:
        """Return the tallies of the images from `start` to before `end`."""
        first, last = self.at.between(start, end)
        at = Cells(self.at.image[first:last] - start, self.at.label[first:last], end - start, self.at.classes)
        outside = [side[start:end] for side in (self.kept.gt_unknown, self.kept.same_unknown)]
        kept, pixels = ([getattr(side, name) for name in OF_CLASSES] for side in (self.kept, self.pixels))
        of_cells = Tallies(*(one[first:last] for one in kept), *outside)
        return ImageTallies(at, of_cells, Tallies(*(one[start:end] for one in pixels), *outside))

    def outcomes(self, convention: Convention | None) -> ImageOutcomes:
        """Count hits, false alarms and misses of each image as `outcomes` does."""
        return ImageOutcomes(self.at, outcomes(self.kept, convention))

    def of(self, chosen: NDArray[np.bool_]) -> ImageTallies:
        """Return the tallies of some of the classes, chosen by a mask of shape (K,)."""
        at, here = self.at.of(chosen)
        kept = {name: getattr(self.kept, name)[here] for name in OF_CLASSES}
        return joined_tallies(at, kept, self.kept.gt_unknown, self.kept.same_unknown)

    def whole(self) -> Tallies:
        """Add the images up: tallies of shape (K,)."""

        def add(values: Int64Array) -> Int64Array:
            counts = np.zeros(self.at.classes, np.int64)
            np.add.at(counts, self.at.label, values)
            return counts

        outside = (self.kept.gt_unknown, self.kept.same_unknown)
        return Tallies(*(add(getattr(self.kept, name)) for name in OF_CLASSES), *(side.sum(axis=0) for side in outside))


OF_CLASSES = ("hit", "gt", "pred", "void", "unknown", "missing", "stray")
"""The marginals that every class has."""


def joined_tallies(
    at: Cells, kept: Mapping[str, Int64Array], gt_unknown: Int64Array, same_unknown: Int64Array
) -> ImageTallies:
    outside = {"gt_unknown": gt_unknown, "same_unknown": same_unknown}
    pixels = {name: at.sums(values)[:, None] for name, values in kept.items()}
    return ImageTallies(at, Tallies(**kept, **outside), Tallies(**pixels, **outside))


def image_tallies(tables: Sequence[JointCounts], labeling: Labeling) -> ImageTallies:
    """Take the marginals of each image at once."""
    cells, used = stacked(tables), 0
    most, images = 2 * len(cells.pixels), len(cells)
    # Memory that is not written to is not taken: most columns are short, and many have nothing but zeros.
    image, label = np.zeros(most, np.int32), np.zeros(most, np.int32)
    kept = {name: np.zeros(most, np.int64) for name in OF_CLASSES}
    outside = np.zeros((2, images, 1), np.int64)
    starts = np.searchsorted(cells.ends, np.arange(0, len(cells.pixels), PIECE_CELLS), side="right") - 1
    for start, stop in pairwise([*sorted({0, *starts.tolist()}), images]):
        keys = _add_tallies(cells, slice(start, stop), labeling, {name: kept[name][used:] for name in kept}, outside)
        end = used + len(keys)
        image[used:end], label[used:end] = np.divmod(keys, max(1, len(labeling.classes)))
        image[used:end] += start
        used = end
    at = Cells(image[:used], label[:used], images, len(labeling.classes))
    return joined_tallies(at, {name: values[:used] for name, values in kept.items()}, *outside)


def _add_tallies(
    cells: StackedTables, images: slice, labeling: Labeling, kept: Mapping[str, Int64Array], outside: Int64Array
) -> NDArray[np.signedinteger[Any]]:
    """Add the marginals of some images to columns of zeros; returns image times classes plus class of each cell."""
    size, count = len(labeling.classes), images.stop - images.start
    kind: type[np.signedinteger[Any]] = np.int32 if count * size < 1 << 31 else np.int64
    ends = cells.ends[images.start : images.stop + 1]
    here = slice(ends[0], ends[-1])
    image = np.repeat(np.arange(count, dtype=kind), np.diff(ends))
    gt, pred = labeling.gt(cells.gt[here]).astype(kind), labeling.pred(cells.pred[here]).astype(kind)
    pixels, same = cells.pixels[here], cells.gt[here] == cells.pred[here]
    valid, unknown = gt >= 0, gt == UNKNOWN
    classed = valid & (pred >= 0)
    given = (pred >= 0) & (gt != VOID)
    of_gt, of_pred = image * size + gt, image * size + pred
    if count * size <= DENSE:
        met = np.zeros(count * size, np.bool_)
        met[of_gt[valid]] = met[of_pred[given]] = True
        keys: NDArray[np.signedinteger[Any]] = np.flatnonzero(met)
        place = np.cumsum(met, dtype=kind) - 1
        of_gt, of_pred = place[np.where(valid, of_gt, 0)], place[np.where(pred >= 0, of_pred, 0)]
    else:
        keys = np.concatenate([of_gt[valid], of_pred[given]])
        keys.sort()
        keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
        of_gt, of_pred = (np.searchsorted(keys, side).astype(kind) for side in (of_gt, of_pred))
    for counts, chosen, places in (
        (kept["hit"], classed & (gt == pred), of_gt),
        (kept["gt"], classed, of_gt),
        (kept["pred"], classed, of_pred),
        (kept["void"], valid & (pred == VOID), of_gt),
        (kept["unknown"], valid & (pred == UNKNOWN), of_gt),
        (kept["missing"], valid & (pred == NO_FILE), of_gt),
        (kept["stray"], unknown & (pred >= 0), of_pred),
        (outside[0, images, 0], unknown, image),
        (outside[1, images, 0], same & unknown & (pred == UNKNOWN), image),
    ):
        if chosen.any():
            np.add.at(counts, places[chosen], pixels[chosen])
    return keys


@dataclass(frozen=True, slots=True, eq=False)
class ImageOutcomes:
    """Hold the outcomes of the cells that are kept, arrays of shape (cells,); all others are 0."""

    at: Cells
    kept: Outcomes

    def of(self, classes: NDArray[np.bool_]) -> ImageOutcomes:
        """Return the outcomes of some of the classes, chosen by a mask of shape (K,)."""
        if classes.all():
            return self
        at, chosen = self.at.of(classes)
        return ImageOutcomes(at, self.kept.of(chosen))

    def overlap(self, convention: Convention, hit_weight: int) -> ImageRatios:
        """Return IoU or Dice of every class of every image as `overlap` does."""
        nothing = np.zeros(1, np.int64)
        absent = overlap(Outcomes(nothing, nothing, nothing), convention, hit_weight=hit_weight)
        kept, size = self.kept, len(self.at.image)
        found = Ratios(np.empty(size), np.empty(size, np.bool_), np.empty(size, np.bool_))
        for start in range(0, size, PIECE_CELLS):
            part = slice(start, start + PIECE_CELLS)
            ratios = overlap(Outcomes(kept.tp[part], kept.fp[part], kept.fn[part]), convention, hit_weight=hit_weight)
            found.value[part], found.defined[part], found.poison[part] = ratios.value, ratios.defined, ratios.poison
        return ImageRatios(self.at, found, absent)

    def pooled(self) -> Outcomes:
        """Add the classes of each image up to one, shape (images,)."""
        return Outcomes(*(self.at.sums(side) for side in (self.kept.tp, self.kept.fp, self.kept.fn)))

    def image(self, index: int) -> Outcomes:
        """Return the outcomes of every class in one image, shape (K,)."""
        start, end = self.at.between(index, index + 1)
        dense = np.zeros((3, self.at.classes), np.int64)
        for row, side in enumerate((self.kept.tp, self.kept.fp, self.kept.fn)):
            dense[row, self.at.label[start:end]] = side[start:end]
        return Outcomes(*dense)


@dataclass(frozen=True, slots=True, eq=False)
class ImageRatios:
    """Hold one score of the cells that are kept, (cells,), and what each other class of an image has, (1,)."""

    at: Cells
    kept: Ratios
    absent: Ratios

    @property
    def poisoned(self) -> bool:
        """Tell whether any class of any image makes a mean undefined."""
        is_some_absent = len(self.at.image) < self.at.images * self.at.classes
        return bool(self.kept.poison.any()) or (is_some_absent and bool(self.absent.poison[0]))

    def poisoned_images(self) -> NDArray[np.bool_]:
        """Tell for each image whether any of its classes makes a mean undefined, shape (images,)."""
        kept = np.diff(self.at.of_images())
        found: NDArray[np.bool_] = (kept < self.at.classes) & self.absent.poison[0]
        found[self.at.image[self.kept.poison]] = True
        return found

    def image(self, index: int) -> Ratios:
        """Return the score of every class in one image, shape (K,)."""
        start, end = self.at.between(index, index + 1)
        labels, size = self.at.label[start:end], self.at.classes
        value = np.full(size, self.absent.value[0], np.float64)
        defined, poison = (np.full(size, flag[0], np.bool_) for flag in (self.absent.defined, self.absent.poison))
        value[labels], defined[labels] = self.kept.value[start:end], self.kept.defined[start:end]
        poison[labels] = self.kept.poison[start:end]
        return Ratios(value, defined, poison)

    def of_classes(self) -> Iterator[NDArray[np.float64]]:
        """Return for each class the values that are defined among its kept cells."""
        return (values for _, values in self._by_class())

    def lowest(self, percent: float) -> list[Lowest]:
        """Return for each class the lowest `percent` of the values that are defined among its kept cells."""
        return [lowest(values, len(values), percent) for values in self.of_classes()]

    def class_means(self) -> tuple[Value, ...]:
        """Average the score over the images, for each class."""
        return tuple(self._mean(values, self.at.images - kept) for kept, values in self._by_class())

    def image_means(self) -> tuple[Value, ...]:
        """Average the score over the classes, for each image."""
        here = self.kept.defined
        values, image = self.kept.value[here], self.at.image[here]
        ends = np.searchsorted(image, np.arange(self.at.images + 1))
        counts = np.diff(ends)
        sums, behind = np.zeros((2, self.at.images))
        if self.absent.defined[0]:
            absent = self.at.classes - np.diff(self.at.of_images())
            behind, counts = absent * float(self.absent.value[0]), counts + absent
        # A sum of two numbers is rounded once whoever adds them, and most images of large runs have few classes.
        terms = np.diff(ends) + (behind != 0)
        single, pair, many = (np.flatnonzero(chosen) for chosen in (np.diff(ends) > 0, terms == 2, terms > 2))
        sums[single] = values[ends[single]]
        sums += np.where(terms <= 2, behind, 0.0)
        both = pair[behind[pair] == 0]
        sums[both] += values[ends[both] + 1]
        for place in many.tolist():
            sums[place] = math.fsum([*values[ends[place] : ends[place + 1]].tolist(), behind[place]])
        means = np.divide(sums, counts, out=np.full(self.at.images, np.nan), where=counts > 0)
        return tuple(mean if count else None for mean, count in zip(means.tolist(), counts.tolist(), strict=True))

    def mean(self) -> Value:
        """Average the score over all classes of all images."""
        absent = self.at.images * self.at.classes - len(self.at.image)
        return self._mean(self.kept.value[self.kept.defined], absent)

    def _by_class(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Return for each class how many of its cells are kept, and the values of those that are defined."""
        order = np.argsort(self.at.label, kind="stable")
        ends = np.append(0, np.cumsum(np.bincount(self.at.label, minlength=self.at.classes)))
        values, defined, everything = self.kept.value[order], self.kept.defined[order], bool(self.kept.defined.all())
        for start, end in pairwise(ends.tolist()):
            yield end - start, values[start:end] if everything else values[start:end][defined[start:end]]

    def _mean(self, values: NDArray[np.float64], absent: int) -> Value:
        """Average values and those of so many absent cells, whose sum is exact: they have 0 or 1."""
        # A part at a time: as Python numbers all would take four times the memory.
        if not self.absent.defined[0]:
            return math.fsum(values.tolist()) / len(values) if len(values) else None
        count = len(values) + absent
        return math.fsum([*values.tolist(), absent * float(self.absent.value[0])]) / count if count else None


def image_outcomes(images: AllTallies, convention: Convention | None = None) -> AllOutcomes:
    """Count hits, false alarms and misses of each image as `outcomes` does."""
    return images.outcomes(convention)


def image_overlap(images: AllOutcomes, convention: Convention, *, hit_weight: int = 1) -> AllRatios:
    """Return IoU or Dice of every class of every image as `overlap` does."""
    return images.overlap(convention, hit_weight)


def image_values(images: AllOutcomes, convention: Convention, *, hit_weight: int = 1) -> tuple[Value, ...]:
    """Return the overlap of each image: the mean over its classes, or for image-micro that of all its pixels."""
    if convention.average == "image-micro":
        return overlap(images.pooled(), convention, hit_weight=hit_weight).many()
    return image_overlap(images, convention, hit_weight=hit_weight).image_means()


def image_mious(images: AllOutcomes) -> tuple[Value, ...]:
    """Return each image's mean IoU over the classes in its own ground truth; `None` without valid pixels.

    The average of it is mIoU^I of Wang et al. 2023, Revisiting Evaluation Metrics for Semantic Segmentation.
    """
    return present(images).image_means()


def present(images: AllOutcomes) -> AllRatios:
    """Return the IoU of each image and class, defined where the class is in the image's ground truth."""
    return image_overlap(images, PRESENT)
