"""From the colours of an RGB mask to raw values, and never to the nearest one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, and_more
from segeval.protocol.palettes import Palette

COLORS_FIX = "Name the colours with --palette FILE or --preset, or save one channel with the labels"
GRAY_AS_RGB_FIX = "Save one channel: the three are equal everywhere, so this is a gray mask stored as RGB"

_TOLD_COLORS = 5


def labels_from_colors(samples: NDArray[Any], palette: Palette | None, *, encoding: str) -> NDArray[np.integer[Any]]:
    """Return the raw values, (H, W), of 8-bit RGB `samples`, (H, W, 3), in the smallest type that holds the palette's.

    Without palette, and for a colour that the palette does not name, raises `MaskError`; `encoding` is for its message.
    """
    if palette is None:
        equal = (samples[..., 0] == samples[..., 1]).all() and (samples[..., 0] == samples[..., 2]).all()
        raise MaskError("A mask holds RGB colours, not labels", (encoding,), GRAY_AS_RGB_FIX if equal else COLORS_FIX)
    packed = samples[..., 0].astype(np.int32)
    for channel in (1, 2):
        packed <<= 8
        packed |= samples[..., channel]
    # Masks are made of runs, and a run is looked up once.
    flat = packed.reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(starts, append=flat.size)
    runs = flat[starts]
    known = sorted((r << 16 | g << 8 | b, value) for (r, g, b), value in palette.colors.items())
    keys = np.array([key for key, _ in known], np.int32)
    values = np.array([value for _, value in known], np.int64)
    narrow = np.promote_types(np.min_scalar_type(values.min()), np.min_scalar_type(values.max()))
    found = np.minimum(np.searchsorted(keys, runs), len(keys) - 1)
    missed = keys[found] != runs
    if missed.any():
        raise _unknown_colors(runs[missed], lengths[missed], palette)
    return np.repeat(values.astype(narrow)[found], lengths).reshape(packed.shape)


def _unknown_colors(runs: NDArray[np.int32], lengths: NDArray[np.intp], palette: Palette) -> MaskError:
    colors, inverse = np.unique(runs, return_inverse=True)
    pixels = np.zeros(len(colors), np.int64)
    np.add.at(pixels, inverse, lengths)
    order = np.argsort(-pixels, kind="stable").tolist()
    places = []
    for index in order[:_TOLD_COLORS]:
        color = tuple(colors[index].item() >> shift & 255 for shift in (16, 8, 0))
        nearest = min(palette.colors, key=lambda known: sum((a - b) ** 2 for a, b in zip(known, color, strict=True)))
        label = palette.names.get(nearest, "")
        value = f"{palette.colors[nearest]} {label}".rstrip()
        places.append(f"colour {color}, {pixels[index]} pixels, nearest is {nearest} = {value}")
    rest = order[_TOLD_COLORS:]
    if rest:
        places.append(f"{and_more(len(rest), 'colours')}, {int(pixels[rest].sum())} pixels")
    return MaskError(
        f"A mask has colours that are not in the {palette.name}",
        places,
        "Add them to the palette; many colours of few pixels each come from smoothing or JPEG, which no palette mends",
    )
