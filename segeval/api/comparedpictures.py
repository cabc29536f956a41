"""The page of a comparison: the runs, and where their images are to be seen the folders that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.api.pictures import class_errors_of, photos
from segeval.comparison.runs import ComparedRun, ComparisonReport, shared_resolution
from segeval.measuring.picturing import scene_reader
from segeval.pictures.comparisonpage import comparison_page
from segeval.pictures.galleries import change_gallery
from segeval.pictures.gallery import MOST_BYTES, View
from segeval.pictures.pagetext import Gallery, page_text
from segeval.pictures.panels import class_colors
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.folders.pairing import Pairing
    from segeval.protocol.labeling import SegmentationClass
    from segeval.request import Request
    from segeval.runs.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Hold one run of a comparison by its name, and how its folders are read."""

    name: str
    run: Run
    request: Request
    pairing: Pairing


@dataclass(frozen=True, slots=True, eq=False)
class PicturedComparison:
    """Hold the runs of a comparison, the baseline first; `images` is the folder of the images themselves."""

    sides: Sequence[Side]
    images: Path | None = None

    def page(self, found: ComparisonReport) -> str:
        """Return the page of a comparison; raises `SegevalError` for images that are not those of the runs."""
        return page_text(comparison_page(found, self._galleries(found.runs)))

    def _galleries(self, runs: Sequence[ComparedRun]) -> list[Gallery]:
        if not self.sides:
            return []
        resolution = shared_resolution([side.run for side in self.sides])
        views: list[View] = []
        classes: Sequence[SegmentationClass] = ()
        for side in self.sides:
            meaning = resolution or side.run.resolve()
            classes = classes or meaning.labeling.classes
            read = scene_reader(side.pairing, side.request, side.run, meaning)
            wrong = class_errors_of(side.run, meaning.labeling, classes)
            views.append(View(side.name, read, class_colors(meaning.labeling.classes), wrong))
        photo_of = None if self.images is None else photos(self.images)
        return [
            change_gallery(run.name, run.worst_hit, run.most_gained, [views[0], view], photo_of, classes, room)
            for run, view, room in zip(runs, views[1:], [MOST_BYTES // len(runs)] * len(runs), strict=True)
        ]
