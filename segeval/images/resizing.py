"""Predictions at the size of their ground truth, as Pillow resizes images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.protocol.mapkinds import SIXTEEN_BIT


def resized(values: NDArray[Any], size: tuple[int, int], rule: str) -> NDArray[Any]:
    """Return (H, W) values at another (height, width), as `PIL.Image.resize` gives them.

    `rule` is "nearest", which takes values as they are, of any type, or "bilinear", for levels and probabilities:
    Pillow's triangle filter, which widens when it shrinks. 8-bit levels are resized as Pillow's L, all others as its F
    (float32); 16-bit levels are rounded to whole ones afterwards, halves to even.

    Examples
    --------
    >>> import numpy as np
    >>> resized(np.array([[1, 2], [3, 4]]), (2, 4), "nearest")
    array([[1, 1, 2, 2],
           [3, 3, 4, 4]])
    """
    if rule == "nearest":
        rows, columns = (_nearest(of, to) for of, to in zip(values.shape, size, strict=True))
        return np.ascontiguousarray(values[rows[:, None], columns])
    height, width = size
    if values.dtype == np.uint8:
        return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    found = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    if values.dtype.kind == "u":
        return np.asarray(np.clip(np.rint(found), 0, SIXTEEN_BIT.top), values.dtype)
    return np.asarray(np.clip(found, 0, 1))


def _nearest(of: int, to: int) -> NDArray[np.intp]:
    """Return which of `of` places each of `to` places takes; the steps are added up one by one, as Pillow does."""
    step = of / to
    steps = np.full(to, step)
    steps[0] = step * 0.5
    return np.minimum(np.cumsum(steps).astype(np.intp), of - 1)
