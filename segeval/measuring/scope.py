"""Which pixels of an image count: all of them, or those inside its region of interest."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.folders.pairing import Pair
from segeval.folders.walking import gt_name, pred_name, roi_name
from segeval.images.readers import ImageFacts, read_mask
from segeval.measuring.reading import Reading, bytes_of, digest
from segeval.protocol.labeling import distinct_values
from segeval.records import dataclass
from segeval.runs.run import Row


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Hold which pixels of an image lie inside its region of interest, and the digest of the region's file."""

    inside: NDArray[np.bool_]
    digest: str

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of the pixels inside, (1, pixels)."""
        return values[self.inside][None]

    def noted(self, row: Row) -> Row:
        """Return a row that knows its region."""
        return replace(row, roi=self.digest, outside=int(self.inside.size - np.count_nonzero(self.inside)))

    def filled(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return an array of which all pixels outside have a value that one inside has too."""
        return np.where(self.inside, values, values[self.inside][0])


def region_of(pair: Pair, reading: Reading, shape: tuple[int, ...]) -> Region | None:
    """Read the region of interest of an image of `shape`, `None` where all pixels count.

    Raises `MaskError` for a region of another size, without a pixel inside, or whose palette shows as black what is
    not 0 (or the reverse), so that inside and outside could be exchanged.
    """
    if reading.roi is None:
        return None
    name = roi_name(pair.roi)
    data = bytes_of(reading.roi, pair.roi, reading, name=name)
    values, facts = read_mask(data, name=name, max_pixels=reading.max_pixels)
    if values.shape != shape:
        sizes = ["x".join(map(str, reversed(one))) for one in (values.shape, shape)]
        raise MaskError(
            "a region of interest and its ground truth differ in size",
            (f"{name}: {sizes[0]}, {gt_name(pair.gt)}: {sizes[1]}",),
            "Write regions at the size of the ground truth",
        )
    inside = values != 0
    if facts is not None and facts.kind == "palette" and not _is_shown(values, inside, facts.palette):
        raise MaskError(
            "the palette of a region of interest shows its inside as black",
            (name,),
            "Save the region as a gray image: 0 is outside, everything else inside",
        )
    if not inside.any():
        raise MaskError(
            "a region of interest has no pixel inside", (name,), "Correct it, or leave the image out with --keys"
        )
    return Region(inside, digest(data))


def _is_shown(values: NDArray[Any], inside: NDArray[np.bool_], palette: bytes) -> bool:
    """Tell whether index 0, where it is used, is black, and every other index is not."""
    return all((index != 0) == any(palette[3 * index : 3 * index + 3]) for index in distinct_values(values))


def require_place(gt: ImageFacts, pred: ImageFacts, pair: Pair, file: str) -> None:
    """Raise `MaskError` where two volumes do not lie in the same place; one that says nothing of it lies anywhere."""
    if gt.geometry is None or pred.geometry is None or gt.geometry.agrees(pred.geometry):
        return
    raise MaskError(
        "predictions and ground truth lie differently in space",
        (f"{pred_name(file)}: {pred.geometry.words()}; {gt_name(pair.gt)}: {gt.geometry.words()}",),
        "Resample the predictions to the grid of the ground truth, and write its orientation, spacing and origin",
    )


def counted(values: NDArray[Any], region: Region | None) -> NDArray[Any]:
    """Return the pixels that count as an array of two axes."""
    if region is not None:
        return region.of(values)
    return values if values.ndim == 2 else values.reshape(-1, values.shape[-1])


def placed(row: Row, shape: tuple[int, ...], region: Region | None) -> Row:
    """Return the row of an image of `shape`, (H, W) or (D, H, W), that knows its region."""
    *slices, height, width = shape
    row = replace(row, height=height, width=width, depth=math.prod(slices))
    return row if region is None else region.noted(row)
