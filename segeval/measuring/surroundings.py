"""What is measured around the pixels of each class of a pair: bands and borders, distances, lesions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segeval.contours.regions import Regions, regions
from segeval.errors import MaskError
from segeval.measuring.reading import Contours, ReadMask
from segeval.protocol.distances import SPACING_FIX, Spacing, spacing_along, write_spacing
from segeval.runs.run import Row
from segeval.tables.counts import IntArray

if TYPE_CHECKING:
    from segeval.measuring.scope import Region


def with_contours(
    row: Row, name: str, gt: ReadMask, pred: IntArray | None, asked: Contours, region: Region | None
) -> Row:
    """Add what is asked for to the row of a pair, of whose prediction there may be none.

    Raises `MaskError`, which calls the ground truth by its `name`.
    """
    if asked.widths is not None and row.depth > 1:
        raise MaskError(
            "bands along contours are of images, and this is a volume",
            (name,),
            "Leave --boundary out; --distances measures the surfaces of volumes (--distances monai)",
        )
    of = _regions(row, gt.values, pred, asked, region)
    if asked.widths is not None:
        from segeval.contours.counts import contour_counts

        row = replace(row, contours=contour_counts(of, asked.widths))
    if asked.distances is not None:
        from segeval.contours.distances import distance_values

        spacing = _spacing(name, gt, asked.distances.spacing)
        row = replace(row, distances=distance_values(of, asked.distances, spacing))
    return row


def _regions(row: Row, gt: IntArray, pred: IntArray | None, asked: Contours, region: Region | None) -> Regions:
    predicted = () if pred is None else row.counts.pred.tolist()
    values = sorted(set(row.counts.gt.tolist())), sorted(set(predicted))
    if region is None:
        return regions(gt, pred, values=values, class_of=asked.class_of)
    parts = region.filled(gt), None if pred is None else region.filled(pred)
    return regions(*parts, values=values, class_of=asked.class_of).within(region.inside)


def _spacing(name: str, gt: ReadMask, asked: Spacing | None) -> Spacing:
    """Return the spacing in which an image is measured; raises `MaskError` where one of other axes was asked for."""
    geometry = None if gt.facts is None else gt.facts.geometry
    axes = gt.values.ndim
    own = None if geometry is None else geometry.spacing[::-1][-axes:]
    found = spacing_along(axes, asked, own)
    if found is None:
        told = f"{name}: {axes} axes, --spacing {write_spacing(asked)}"
        raise MaskError("--spacing has another number of axes than a file", (told,), SPACING_FIX)
    return found
