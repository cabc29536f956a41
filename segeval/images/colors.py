"""From the colours of an RGB mask to raw values, and to the nearest one only within the tolerance asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MOST_COLORS, ColorsMet, MaskError, and_more
from segeval.images.headers import ImageFacts
from segeval.protocol.labeling import Color
from segeval.protocol.palettes import Palette

COLORS_FIX = "Name the colours with --palette FILE or --preset, or save one channel with the labels"

FAR = 1 << 18
"""More than the sum of squares of any two colours, 3 x 255^2."""
_TOLD_COLORS = 5
_LOOKED_AT = 1 << 18
"""Pixels whose colours are counted for a hint."""


def labels_from_colors(
    samples: NDArray[Any], palette: Palette | None, *, encoding: str, tolerance: int = 0
) -> tuple[NDArray[np.integer[Any]], int]:
    """Return the raw values, (H, W), of 8-bit RGB `samples`, (H, W, 3), in the smallest type that holds the palette's.

    A colour that the palette does not name is the nearest that is at most `tolerance` levels off in each channel; how
    many pixels have such a one comes beside the values. Without palette, and for a colour that has none so near, or two
    of different values equally near, raises `MaskError`; `encoding` is for its message.
    """
    if palette is None:
        raise MaskError(
            "a mask holds RGB colours, not labels",
            (encoding,),
            COLORS_FIX,
            kind="rgb",
            payload=_met(samples),
        )
    runs, lengths = _runs(samples)
    known = sorted((r << 16 | g << 8 | b, value) for (r, g, b), value in palette.colors.items())
    keys = np.array([key for key, _ in known], np.int32)
    values = np.array([value for _, value in known], np.int64)
    narrow = np.promote_types(np.min_scalar_type(values.min()), np.min_scalar_type(values.max()))
    found = np.minimum(np.searchsorted(keys, runs), len(keys) - 1)
    missed = keys[found] != runs
    inexact = 0
    if missed.any():
        met, places = np.unique(runs[missed], return_inverse=True)
        near = _nearest(met, keys, values, tolerance)[places]
        if (near < 0).any():
            alien = np.flatnonzero(missed)[near < 0]
            raise _unknown_colors(runs[alien], lengths[alien], palette)
        found[missed] = near
        inexact = int(lengths[missed].sum())
    return np.repeat(values.astype(narrow)[found], lengths).reshape(samples.shape[:2]), inexact


def _nearest(
    colors: NDArray[np.int32], keys: NDArray[np.int32], values: NDArray[np.int64], tolerance: int
) -> NDArray[np.intp]:
    """Return the place of the nearest key of each packed colour: at most `tolerance` off in every channel, else -1.

    Nearest is what has the least greatest difference of a channel, and of those the least sum of squares; -1 also where
    two keys of different values are equally near.
    """
    found = np.full(len(colors), -1, np.intp)
    known = _channels(keys)
    for place, color in enumerate(_channels(colors) if tolerance else ()):
        apart = np.abs(known - color)
        farness = apart.max(axis=1) * FAR + (apart**2).sum(axis=1)
        least = int(farness.min())
        if least < (tolerance + 1) * FAR and len(np.unique(values[farness == least])) == 1:
            found[place] = int(farness.argmin())
    return found


def _channels(packed: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.stack([packed >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.int64)


def labels_from_indices(
    samples: NDArray[Any], facts: ImageFacts, palette: Palette, *, tolerance: int = 0
) -> tuple[NDArray[np.integer[Any]], int]:
    """Return the raw values, (H, W), of the colours that indices, (H, W), stand for in the palette of their file.

    Beside them, as of `labels_from_colors`, comes how many pixels have a colour that is only near. Raises `MaskError`
    for an index without a colour and for a colour that `palette` does not name.
    """
    pixels = np.bincount(samples.reshape(-1), minlength=256)
    used = np.flatnonzero(pixels)
    if 3 * used[-1] >= len(facts.palette):
        raise MaskError(
            "a palette image has an index without a colour",
            (f"index {used[-1]} of {len(facts.palette) // 3} colours",),
            "Leave --palette out, so that the indices count, or write the file anew with its whole palette",
        )
    entries = np.frombuffer(facts.palette, np.uint8).reshape(-1, 3)
    colors = np.repeat(entries[used], pixels[used], axis=0)[None]
    decoded, inexact = labels_from_colors(colors, palette, encoding=facts.encoding, tolerance=tolerance)
    values = np.zeros(256, decoded.dtype)
    values[used] = decoded[0, np.cumsum(pixels[used]) - 1]
    labels: NDArray[np.integer[Any]] = values[samples]
    return labels, inexact


def _runs(samples: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the packed colours of runs of pixels and their lengths: masks are made of runs, looked up once each."""
    packed = samples[..., 0].astype(np.int32)
    for channel in (1, 2):
        packed <<= 8
        packed |= samples[..., channel]
    flat = packed.reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    return flat[starts], np.diff(starts, append=flat.size)


def _counted(runs: NDArray[np.int32], lengths: NDArray[np.intp]) -> list[tuple[Color, int]]:
    """Return colours with their pixels, the most frequent first."""
    colors, inverse = np.unique(runs, return_inverse=True)
    pixels = np.zeros(len(colors), np.int64)
    np.add.at(pixels, inverse, lengths)
    order = np.argsort(-pixels, kind="stable")
    return [
        ((color >> 16 & 255, color >> 8 & 255, color & 255), count)
        for color, count in zip(colors[order].tolist(), pixels[order].tolist(), strict=True)
    ]


def _met(samples: NDArray[Any]) -> ColorsMet:
    """Count the most frequent colours, of large images in a part of their rows."""
    step = max(1, samples.shape[0] * samples.shape[1] // _LOOKED_AT)
    return ColorsMet(dict(_counted(*_runs(samples[::step]))[:MOST_COLORS]))


def _unknown_colors(runs: NDArray[np.int32], lengths: NDArray[np.intp], palette: Palette) -> MaskError:
    counted = _counted(runs, lengths)
    places = []
    for color, pixels in counted[:_TOLD_COLORS]:
        nearest = min(palette.colors, key=lambda known: sum((a - b) ** 2 for a, b in zip(known, color, strict=True)))
        label = palette.names.get(nearest, "")
        value = f"{palette.colors[nearest]} {label}".rstrip()
        places.append(f"colour {color}, {pixels} pixels, nearest is {nearest} = {value}")
    rest = counted[_TOLD_COLORS:]
    if rest:
        places.append(f"{and_more(len(rest), 'colours')}, {sum(pixels for _, pixels in rest)} pixels")
    return MaskError(
        f"a mask has colours that are not in the {palette.name}",
        places,
        "Add them to the palette, or take the nearest within N levels a channel with --palette-tolerance N; many "
        "colours of few pixels each come from smoothing or JPEG, which no palette fixes",
        kind="unknown-colors",
        payload=ColorsMet(dict(counted[:MOST_COLORS])),
    )
