"""The maps of every image that has some, each by itself: its levels or the sums that rows keep, in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Resolution
from segeval.protocol.settings import LossSettings, resolve_eps
from segeval.records import dataclass
from segeval.report.probabilities import map_classes
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import COUNTED, OF_SUMS, level_cells, sums_of_maps
from segeval.runs.ragged import Ragged, ends_of, joined_ragged
from segeval.runs.run import Run
from segeval.scores.imagelevels import TOP, ImageLevels, image_levels
from segeval.scores.lossmeans import Sides, mean_ratios, sides_of_levels, sides_of_sums
from segeval.scores.overlap import Value

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class ImageMaps:
    """Hold the maps of `images` images, those of one position after those of another: levels, or columns of sums."""

    images: int
    kept: ImageLevels | Columns

    def sides(self, positive: bool, gamma: float | None, settings: LossSettings) -> Sides:
        """Return the loss of one side of every map: focal for a gamma, BCE for None."""
        if isinstance(self.kept, ImageLevels):
            return sides_of_levels(self.kept, positive, gamma, resolve_eps(settings.eps, EIGHT_BIT.levels))
        return sides_of_sums(self.kept, positive, gamma)

    def of_map(self, place: int) -> slice:
        """Return where the maps at a position are."""
        return slice(place * self.images, (place + 1) * self.images)

    def true_classes(self, positives: Sides) -> tuple[NDArray[np.intp], NDArray[np.intp], Sides]:
        """Return the image and the position of every map that has positives, and their sums, ascending by image."""
        some = np.flatnonzero(positives.pixels > 0)
        some = some[np.argsort(some % self.images, kind="stable")]
        return some % self.images, some // self.images, positives.of(some)

    def mean_errors(self) -> tuple[list[Value], list[Value]]:
        """Return the means over the images of Brier score and MAE, of the maps at each position."""
        if isinstance(self.kept, ImageLevels):
            levels, level = self.kept, self.kept.level
            pixels = levels.sums(levels.positives + levels.negatives)
            squares = levels.sums(levels.positives * (TOP - level) ** 2 + levels.negatives * level**2)
            differences = levels.sums(levels.positives * (TOP - level) + levels.negatives * level)
            errors: list[tuple[NDArray[Any], NDArray[Any]]] = [(squares, pixels * TOP**2), (differences, pixels * TOP)]
        else:
            pixels = self.kept["n_pos"] + self.kept["n_neg"]
            errors = [(self.kept[f"{name}_pos"] + self.kept[f"{name}_neg"], pixels) for name in ("brier", "mae")]
        maps = range(len(pixels) // self.images)
        brier, mae = (
            [mean_ratios(above[self.of_map(at)].tolist(), below[self.of_map(at)].tolist()) for at in maps]
            for above, below in errors
        )
        return brier, mae


def image_maps(run: Run, resolution: Resolution) -> ImageMaps:
    """Return the maps of the classes that are scored, of each image that has a prediction."""
    assert run.maps is not None
    described = [
        (position, index) for position, index in enumerate(map_classes(resolution, run.maps.count)) if index is not None
    ]
    if run.maps.in_rows:
        return _of_levels(joined_ragged([level_cells(block) for block in blocks_of(run.rows)]), resolution, described)
    sums = joined_ragged([sums_of_maps(block) for block in blocks_of(run.rows)])
    positions = [position for position, _ in described]
    images = int(np.count_nonzero(sums.counts))
    columns: dict[str, NDArray[Any]] = {}
    for names, kept in ((OF_SUMS, sums["numbers"]), (COUNTED, sums["counts"])):
        of_positions = kept.reshape(images, run.maps.count, len(names))[:, positions]
        columns |= zip(names, of_positions.swapaxes(0, 1).reshape(-1, len(names)).T, strict=True)
    return ImageMaps(images, columns)


def _of_levels(cells: Ragged, resolution: Resolution, described: list[tuple[int, int]]) -> ImageMaps:
    images = int(np.count_nonzero(cells.counts))
    rank = np.repeat(np.cumsum(cells.counts > 0) - 1, cells.counts)
    order = np.argsort(cells["map"], kind="stable")
    bounds = np.searchsorted(cells["map"][order], np.arange(max(position for position, _ in described) + 2))
    chosen, positive, owner = [], [], []
    for place, (position, index) in enumerate(described):
        here = order[bounds[position] : bounds[position + 1]]
        true_class = resolution.labeling.truth_of(index)(cells["gt"][here])
        valid = true_class >= 0
        chosen.append(here[valid])
        positive.append(true_class[valid] == index)
        owner.append(rank[here[valid]] + place * images)
    at = np.concatenate(chosen)
    ends = ends_of(np.bincount(np.concatenate(owner), minlength=images * len(described)))
    return ImageMaps(images, image_levels(ends, np.concatenate(positive), cells["pred"][at], cells["pixels"][at]))
