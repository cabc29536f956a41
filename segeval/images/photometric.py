"""Gray images that call their lowest value white: as every viewer shows them, where viewers agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.headers import AS_PNG, ImageFacts


def shown_as(samples: NDArray[Any], facts: ImageFacts) -> NDArray[Any]:
    """Return the values, (H, W), of which a WhiteIsZero image stores the complement.

    1-bit images and 8-bit ones of 0 and 255 are inverted, as Pillow, OpenCV and libvips do. Raises `MaskError` for
    every other one: 0 and 1 of 8 bit would become 255 and 254, and libraries differ about 16 bit.
    """
    if facts.bit_depth == 1:
        return samples ^ 1
    if facts.bit_depth == 8 and facts.sample == "u" and not np.any((samples != 0) & (samples != 255)):
        return samples ^ 255
    raise MaskError(
        "a TIFF calls 0 white (WhiteIsZero), and programs do not agree on the labels that it then holds",
        (facts.encoding,),
        f"{AS_PNG}, or as a TIFF with PhotometricInterpretation 1 (BlackIsZero)",
    )
