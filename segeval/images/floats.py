"""Maps of floats: probabilities lie in [0, 1], logits are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, and_more

MOST_TOLD = 5
RANGE_FIX = "Read logits with --logits (sigmoid or softmax), or divide levels by their maximum before they are saved"


def check_floats(array: NDArray[Any], *, logits: bool) -> None:
    """Refuse NaN, infinity and what lies outside [0, 1], told map by map; integers pass.

    Of `logits`, integers are refused and what lies outside passes.
    """
    if logits:
        return _check_logits(array)
    if array.dtype.kind != "f" or (array.min() >= 0 and array.max() <= 1):
        return None
    maps = array if array.ndim >= 3 else array[None]
    places = []
    for index, single in enumerate(maps):
        wrong = ~((single >= 0) & (single <= 1))
        pixels = int(np.count_nonzero(wrong))
        if pixels:
            where = f"map {index}, " if array.ndim >= 3 else ""
            places.append(f"{where}value {single[wrong][0].item()}, {pixels} pixels")
    shown = places[:MOST_TOLD]
    if len(places) > len(shown):
        shown.append(and_more(len(places) - len(shown), "maps"))
    raise MaskError("a probability map has values outside [0, 1]", shown, RANGE_FIX)


def _check_logits(array: NDArray[Any]) -> None:
    if array.dtype.kind != "f":
        raise MaskError("logits are floats, and this is an array of levels", (f"{array.dtype}",), "Leave --logits out")
    pixels = int(array.size - np.count_nonzero(np.isfinite(array)))
    if pixels:
        raise MaskError(
            "logits are not finite", (f"{pixels} values",), "Save finite logits: there are NaN or infinities"
        )
