"""What is measured around the pixels of each class of a pair: bands and borders, distances, lesions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segeval.contours.regions import predicted_codes, regions
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
    truth, predicted = gt.values, pred
    if region is not None:
        truth, predicted = region.filled(gt.values), None if pred is None else region.filled(pred)
    of = regions(truth, predicted, values=_values(row), class_of=asked.class_of)
    of = of if region is None else of.within(region.inside)
    if asked.widths is not None:
        from segeval.contours.counts import contour_counts

        row = replace(row, contours=contour_counts(of, asked.widths))
    if asked.distances is not None:
        from segeval.contours.distances import distance_values

        spacing = _spacing(name, gt, asked.distances.spacing)
        row = replace(row, distances=distance_values(of, asked.distances, spacing))
    if asked.lesions is not None:
        from segeval.contours.lesions import lesion_counts

        spacing = _spacing(name, gt, asked.lesions.spacing)
        codes = predicted_codes(of, predicted, _values(row)[1], asked.class_of[1])
        row = replace(row, lesions=lesion_counts(of, codes, asked.lesions, spacing))
    return row


def _values(row: Row) -> tuple[list[int], list[int]]:
    """Return the values of both sides; there is none of a prediction that is missing."""
    return sorted(set(row.counts.gt.tolist())), [] if row.missing else sorted(set(row.counts.pred.tolist()))


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
