"""Where the values are that a convention refuses, told for every file at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.errors import listed
from segeval.folders.walking import gt_name, pred_name
from segeval.tables.counts import StackedTables

MOST_VALUES = 5
"""Values told of one file."""
FileNames = Mapping[str, tuple[str, str]]
"""Key -> (ground-truth file, prediction file), as errors name them; a key that is absent names itself."""


def file_name(names: FileNames, key: str, side: int) -> str:
    """Return what errors call the file of an image on side 0 (ground truth) or 1 (predictions)."""
    return names[key][side] if key in names else (gt_name, pred_name)[side](key)


def refused_places(
    keys: Sequence[str], cells: StackedTables, chosen: NDArray[np.bool_], side: int, names: FileNames
) -> list[str]:
    """Return one line a file of some of the cells of all images: its values on a side, with their pixels."""
    image = np.repeat(np.arange(len(cells)), np.diff(cells.ends))[chosen]
    values, pixels = (cells.gt, cells.pred)[side][chosen], cells.pixels[chosen]
    order = np.lexsort((values, image))
    image, values, pixels = image[order], values[order], pixels[order]
    starts = np.flatnonzero(np.append(True, (np.diff(image) != 0) | (values[1:] != values[:-1]))[: len(image)])
    found: dict[int, list[str]] = {}
    each = zip(image[starts].tolist(), values[starts].tolist(), np.add.reduceat(pixels, starts).tolist(), strict=True)
    for place, value, count in each:
        found.setdefault(place, []).append(f"{value} ({count:,} px)")
    told = ((file_name(names, keys[place], side), values) for place, values in found.items())
    return [f"{file}: value{'s' if len(values) > 1 else ''} {listed(values, MOST_VALUES)}" for file, values in told]
