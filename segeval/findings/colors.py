"""What would explain the colours of RGB masks that cannot be decoded: added to the errors that tell of them.

Readers tell colours in their errors and nowhere else, so they are taken from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from segeval.errors import MaskError, SegevalError, UsageError, merged
from segeval.images.colors import COLORS_FIX
from segeval.images.readers import decode_mask, read_bytes
from segeval.protocol.labeling import Color
from segeval.protocol.palettes import Palette
from segeval.protocol.presets import Preset, explain_colors, preset_palette
from segeval.request import Request

NO_PALETTE = Palette({(1, 2, 3): 0}, "probe")
"""A palette of one colour that no mask has: what is decoded with it is refused with its own colours."""
FEW_FILES = 3
"""Files whose colours are looked at."""
_TOLD = re.compile(r"colour \((\d+), (\d+), (\d+)\), (\d+) pixels, nearest")


def told_colors(problem: SegevalError) -> dict[Color, int]:
    """Return the colours that an error names as unknown, with their pixels."""
    found: dict[Color, int] = {}
    for place in problem.where:
        for match in _TOLD.finditer(place):
            red, green, blue, pixels = map(int, match.groups())
            found[red, green, blue] = found.get((red, green, blue), 0) + pixels
    return found


def colors_of(path: Path, *, name: str, max_pixels: int) -> dict[Color, int]:
    """Return the most frequent colours of an RGB mask with their pixels, nothing of any other file."""
    try:
        decode_mask(
            read_bytes(path, name=name, max_pixels=max_pixels), name=name, palette=NO_PALETTE, max_pixels=max_pixels
        )
    except SegevalError as problem:
        return told_colors(problem)
    return {}


def duplicate_colors(preset: Preset) -> UsageError | None:
    """Return why a preset decodes no RGB masks, with the colours that classes share; `None` where it does."""
    try:
        preset_palette(preset, side="gt")
    except UsageError as error:
        return error
    return None


def with_color_hints(problems: Iterable[SegevalError], request: Request, roots: Sequence[Path]) -> list[SegevalError]:
    """Merge problems, and put into those about colours what explains them: BGR order, or a preset.

    `roots` are the folders in which the files named by problems lie.
    """
    return [_with_hint(problem, request, roots) for problem in merged(problems)]


def _with_hint(problem: SegevalError, request: Request, roots: Sequence[Path]) -> SegevalError:
    if not isinstance(problem, MaskError):
        return problem
    if colors := told_colors(problem):
        known = (palette for palette in (request.pred_palette, request.gt_palette) if palette is not None)
        found = next(filter(None, (explain_colors(colors, palette=palette) for palette in known)), None)
        return problem if found is None else MaskError(problem.what, problem.where, found)
    if problem.fix != COLORS_FIX:
        return problem
    if request.preset is not None and (shared := duplicate_colors(request.preset)):
        return MaskError(problem.what, (*problem.where, *shared.where), shared.fix)
    found = explain_colors(_colors_in(problem, roots, request.max_pixels))
    return problem if found is None else MaskError(problem.what, problem.where, f"{found}. Or: {COLORS_FIX}")


def _colors_in(problem: SegevalError, roots: Sequence[Path], max_pixels: int) -> Mapping[Color, int]:
    counts: dict[Color, int] = {}
    for place in problem.where[:FEW_FILES]:
        name = place.rpartition(": ")[0]
        for root in roots:
            for color, pixels in colors_of(root / name, name=name, max_pixels=max_pixels).items():
                counts[color] = counts.get(color, 0) + pixels
    return counts
