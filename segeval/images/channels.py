"""One channel of an image of several: the one that was asked for, or the gray that all of them hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.headers import ImageFacts

CHANNELS_OF = {"gray": ("R",), "gray+alpha": ("R", "A"), "RGB": ("R", "G", "B"), "RGBA": ("R", "G", "B", "A")}
"""The names of the channels of each kind of image, in their order; the gray of a gray image is its R."""


def one_channel(samples: NDArray[Any], facts: ImageFacts, channel: str) -> NDArray[np.integer[Any]]:
    """Return one channel, (H, W), of samples, (H, W) or (H, W, channels), as stored; alpha is a channel like others.

    `channel` is R, G, B, A or a place from 0. Raises `MaskError` where the image has no such channel.
    """
    place = place_of(facts, channel)
    found: NDArray[np.integer[Any]] = samples if facts.channels == 1 else np.ascontiguousarray(samples[..., place])
    return found


def place_of(facts: ImageFacts, channel: str) -> int:
    """Return the place of a channel among those of an image; raises `MaskError` where it has no such channel."""
    names = CHANNELS_OF.get(facts.kind, ())
    place = int(channel) if channel.isdecimal() else names.index(channel) if channel in names else len(names)
    if place >= len(names):
        has = f"it has {', '.join(names)}" if names else "it has none"
        fix = "Give a channel that every file of the folder has, or leave the option out"
        if facts.kind == "palette":
            fix = "Leave the option out, so that the indices of palette images are read"
        if facts.kind == "array":
            fix = "Leave the option out: channels are of images, and an array is read as one mask"
        raise MaskError(f"a mask has no channel {channel}", (f"{facts.encoding}, {has}",), fix)
    return place


def is_gray(samples: NDArray[Any]) -> bool:
    """Tell whether RGB samples, (H, W, 3), have three equal channels."""
    first = samples[..., 0]
    return bool((first == samples[..., 1]).all() and (first == samples[..., 2]).all())
