"""The page of a report and the pictures of its images: the run, its folders, and what is drawn of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UsageError
from segeval.measuring.suspects import CONFIDENT
from segeval.records import dataclass
from segeval.report.report import Report
from segeval.report.scoring import Measured, measured
from segeval.runs.run import keys_of, tables_of
from segeval.scores.gains import WorstImage, worst_images
from segeval.scores.imageerrors import class_errors
from segeval.scores.imageoverlap import image_mious, image_outcomes

if TYPE_CHECKING:
    from segeval.folders.pairing import Pairing
    from segeval.measuring.measure import Progress
    from segeval.measuring.picturing import Scene
    from segeval.measuring.suspects import Suspect
    from segeval.pictures.gallery import View
    from segeval.pictures.panels import Photo
    from segeval.protocol.labeling import Labeling, SegmentationClass
    from segeval.request import Request
    from segeval.runs.run import Run

SUSPECTS = 30
"""Suspected label errors that are listed where nobody says how many."""
SHOWN = 24
"""Images of a page's gallery where nobody says how many."""
OVERLAYS = 10
UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
LONGEST_NAME = 80


@dataclass(frozen=True, eq=False)  # without slots, so that what all images are read for is read once
class Pictured:
    """Hold a run and, where its images are to be seen, the folders that it was measured from.

    `images` is the folder of the images themselves; `worst` says how many are shown, `label_errors` how many regions
    of suspected label errors are listed, in which predictions have a p of at least `confident`. `watched` gives a
    function to call with (images read, in all) while all of them are read for these, or `None`.
    """

    run: Run
    request: Request
    pairing: Pairing | None = None
    images: Path | None = None
    worst: int | None = None
    label_errors: int | None = None
    confident: float = CONFIDENT
    watched: Callable[[], AbstractContextManager[Progress | None]] = nullcontext

    def page(self, report: Report) -> str:
        """Return the page of a report of the run; raises `SegevalError` for images that are not those of the run."""
        from segeval.pictures.galleries import suspect_gallery, worst_gallery
        from segeval.pictures.gallery import MOST_BYTES
        from segeval.pictures.pagetext import page_text
        from segeval.pictures.reportpage import report_page

        known = [value for value in self._values.values() if value is not None]
        if self.label_errors is not None:
            self._check_suspects()
        if self.pairing is None:
            return page_text(report_page(report, known))
        view, labeling = self._view, self._found.labeling
        ranked = self._ranked(self.worst or SHOWN)
        room = MOST_BYTES if self.label_errors is None else MOST_BYTES // 2
        photo_of, classes = self._photos(), labeling.classes
        worst = worst_gallery(ranked, len(self._values), view, photo_of, classes, room, sets=labeling.sets)
        if self.label_errors is None:
            return page_text(report_page(report, known, [worst]))
        photo_of = self._photos(whole=True)
        suspects = suspect_gallery(self.suspects, self.confident, view, photo_of, classes, MOST_BYTES - worst.size)
        return page_text(report_page(report, known, [worst, suspects]))

    def overlays(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the PNG of each of the worst images, the worst first."""
        from segeval.pictures.gallery import drawn_scene
        from segeval.pictures.panels import overlay

        view, photo_of = self._view, self._photos()
        for place, one in enumerate(self._ranked(self.worst or OVERLAYS), start=1):
            photo = None if photo_of is None else photo_of(one.key)
            name = f"{place:04}-{UNSAFE.sub('_', one.key)[:LONGEST_NAME]}.png"
            yield name, overlay(drawn_scene(view.read(one.key), view.colors, photo))

    @cached_property
    def suspects(self) -> list[Suspect]:
        """The regions in which confident predictions disagree most with the ground truth, the worst first.

        Raises `UsageError` for label masks, which are never confident, and for a run without its folders.
        """
        from segeval.measuring.suspects import suspects

        self._check_suspects()
        with self.watched() as progress:
            scenes = self._scenes(progress)
            return suspects(scenes, self.label_errors or SUSPECTS, self.confident)

    def _scenes(self, progress: Progress | None) -> Iterator[Scene]:
        for done, key in enumerate(self._values, start=1):
            yield self._view.read(key)
            if progress is not None:
                progress(done, len(self._values))

    def suspects_csv(self, report: Report) -> str:
        """Return the suspected label errors as CSV: image, box in pixels, both classes, pixels and summed loss."""
        from segeval.render.syntax.csv import csv_text

        names = [entry.name for entry in report.classes]
        rows = ([one.key, *one.box, names[one.gt], names[one.pred], one.pixels, one.loss] for one in self.suspects)
        return csv_text(
            [["key", "left", "top", "right", "bottom", "ground_truth", "predicted", "pixels", "loss"], *rows]
        )

    def _check_suspects(self) -> None:
        if self.run.maps is None:
            raise UsageError(
                "label masks do not say how sure a prediction is", (), "Score probability maps with --probs"
            )
        if self._found.labeling.sets or any(row.depth > 1 for row in self.run.rows):
            what = "suspected label errors are sought in images whose pixels have one class, and in no volumes"
            raise UsageError(what, (), "Leave --label-errors out")
        if self.pairing is None:
            what = "suspected label errors need the folders that the run was measured from"
            raise UsageError(what, (), "Add --pred FOLDER and --gt FOLDER")

    @cached_property
    def _found(self) -> Measured:
        return measured(self.run)

    @cached_property
    def _values(self) -> dict[str, float | None]:
        """The mIoU of every image by key, `None` where it is undefined."""
        found = self._found
        values = image_mious(image_outcomes(found.images).of(found.rules.over("image_miou")))
        return dict(zip(keys_of(self.run.rows), values, strict=True))

    def _ranked(self, count: int) -> tuple[WorstImage, ...]:
        found = self._found
        keys, tables = keys_of(self.run.rows), tables_of(self.run.rows)
        return worst_images(keys, tables, found.labeling, count, over=found.rules.over("image_miou"))

    @cached_property
    def _view(self) -> View:
        from segeval.pictures.gallery import View
        from segeval.pictures.panels import class_colors

        labeling = self._found.labeling
        wrong = class_errors_of(self.run, labeling, labeling.classes)
        return View("", self._reader(), class_colors(labeling.classes), wrong)

    def _reader(self) -> Callable[[str], Scene]:
        from segeval.measuring.picturing import scene_reader

        assert self.pairing is not None
        return scene_reader(self.pairing, self.request, self.run, self._found.resolution)

    def _photos(self, *, whole: bool = False) -> Callable[[str], Photo] | None:
        return None if self.images is None else photos(self.images, whole=whole)


def class_errors_of(
    run: Run, labeling: Labeling, classes: Sequence[SegmentationClass]
) -> Callable[[str], dict[int, int]]:
    """Return what gives the wrong pixels of each of `classes` in the image of a key, by their positions.

    The run may have other classes, which are left out: runs that differ are compared by force.
    """
    places = {key: place for place, key in enumerate(keys_of(run.rows))}
    positions = {(entry.id, entry.name): position for position, entry in enumerate(classes)}
    own = [positions.get((entry.id, entry.name)) for entry in labeling.classes]

    def wrong(key: str) -> dict[int, int]:
        found = class_errors(run.rows[places[key]].counts, labeling)
        return {position: found[place] for place, position in enumerate(own) if position is not None and place in found}

    return wrong


def photos(folder: Path, *, whole: bool = False) -> Callable[[str], Photo]:
    """Return what reads the image of a key from a folder, as large as pictures are or `whole`."""
    from segeval.pictures.panels import read_photo
    from segeval.pictures.photos import Photos

    found = Photos(folder)
    return lambda key: read_photo(found.path(key), whole=whole)
