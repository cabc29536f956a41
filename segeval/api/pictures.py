"""The page of a report and the pictures of its images: the run, its folders, and what is drawn of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.report.report import Report
from segeval.report.scoring import Measured, measured
from segeval.scores.gains import WorstImage, worst_images
from segeval.scores.imageoverlap import image_mious, image_outcomes

if TYPE_CHECKING:
    from segeval.folders.pairing import Pairing
    from segeval.measuring.picturing import Scene
    from segeval.measuring.suspects import Suspect
    from segeval.pictures.panels import Photo
    from segeval.request import Request
    from segeval.runs.run import Run

SUSPECTS = 30
"""Suspected label errors that are listed where nobody says how many."""
SHOWN = 24
"""Images of a page's gallery where nobody says how many."""
OVERLAYS = 10
UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """Hold a run and, where its images are to be seen, the folders that it was measured from.

    `images` is the folder of the images themselves; `worst` says how many are shown, `label_errors` how
    many regions of suspected label errors are listed.
    """

    run: Run
    request: Request
    pairing: Pairing | None = None
    images: Path | None = None
    worst: int | None = None
    label_errors: int | None = None

    def page(self, report: Report) -> str:
        """Return the page of a report of the run; raises `SegevalError` for images that are not those of the run."""
        from segeval.pictures.gallery import Entry, shots
        from segeval.pictures.pagetext import page_text
        from segeval.pictures.reportpage import report_page

        found = measured(self.run)
        values = image_mious(image_outcomes(found.images).of(found.rules.over("image_miou")))
        known = [value for value in values if value is not None]
        if self.pairing is None:
            return page_text(report_page(report, known))
        ranked = self._ranked(found, self.worst or SHOWN)
        entries = [Entry(one.key, _told(one, report), one.image_miou, one.gain or 0.0) for one in ranked]
        drawn, left_out = shots(entries, self._reader(found), found.labeling, self._photos())
        note = (
            f"The {len(drawn):,} of {len(values):,} images of lowest mIoU, errors in orange. Void is white; what has "
            "no class is black."
        )
        return page_text(report_page(report, known, drawn, left_out, note))

    def overlays(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the PNG of each of the worst images, the worst first."""
        from segeval.pictures.panels import class_colors, overlay, panels
        from segeval.protocol.labeling import VOID

        found = measured(self.run)
        read, photo_of, colors = self._reader(found), self._photos(), class_colors(found.labeling.classes)
        for place, one in enumerate(self._ranked(found, self.worst or OVERLAYS), start=1):
            scene = read(one.key)
            photo = None if photo_of is None else photo_of(one.key)
            name = f"{place:04}-{UNSAFE.sub('_', one.key)[:LONGEST_NAME]}.png"
            yield name, overlay(panels(scene.gt, scene.pred, colors, photo, VOID))

    def suspects(self) -> list[Suspect]:
        """Return the regions in which confident predictions disagree most with the ground truth, the worst first.

        Raises `UsageError` for label masks, which are never confident, and for a run without its folders.
        """
        from segeval.measuring.suspects import suspects

        if self.run.maps is None:
            raise UsageError(
                "label masks do not say how sure a prediction is", (), "Score probability maps with --probs"
            )
        if self.pairing is None:
            what = "suspected label errors need the folders that the run was measured from"
            raise UsageError(what, (), "Add --pred FOLDER and --gt FOLDER")
        read = self._reader(measured(self.run))
        return suspects((read(row.key) for row in self.run.rows), self.label_errors or SUSPECTS)

    def suspects_csv(self, report: Report) -> str:
        """Return the suspected label errors as CSV: image, box in pixels, both classes, pixels and summed loss."""
        from segeval.render.syntax.csv import csv_text

        names = [entry.name for entry in report.classes]
        rows = ([one.key, *one.box, names[one.gt], names[one.pred], one.pixels, one.loss] for one in self.suspects())
        return csv_text(
            [["key", "left", "top", "right", "bottom", "ground_truth", "predicted", "pixels", "loss"], *rows]
        )

    def _ranked(self, found: Measured, count: int) -> tuple[WorstImage, ...]:
        keys, tables = [row.key for row in self.run.rows], [row.counts for row in self.run.rows]
        return worst_images(keys, tables, found.labeling, count, over=found.rules.over("image_miou"))

    def _reader(self, found: Measured) -> Callable[[str], Scene]:
        from segeval.measuring.picturing import scene_reader

        assert self.pairing is not None
        return scene_reader(self.pairing, self.request, self.run, found.resolution)

    def _photos(self) -> Callable[[str], Photo] | None:
        if self.images is None:
            return None
        from segeval.pictures.panels import read_photo
        from segeval.pictures.photos import Photos

        photos = Photos(self.images)
        return lambda key: read_photo(photos.path(key))


def _told(one: WorstImage, report: Report) -> str:
    told = f"mIoU {100 * one.image_miou:.2f} %"
    if one.costliest is None or one.gain is None:
        return told
    return f"{told}; {report.classes[one.costliest].name} costs {100 * one.gain:.2f} points"
