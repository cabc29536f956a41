"""What would explain the colours of RGB masks that cannot be decoded: added to the errors that tell of them."""

from __future__ import annotations

from collections.abc import Iterable

from segeval.errors import SegevalError, UsageError, merged
from segeval.images.colors import COLORS_FIX
from segeval.protocol.presets import Preset, explain_colors, preset_palette
from segeval.request import Request


def duplicate_colors(preset: Preset) -> UsageError | None:
    """Return why a preset decodes no RGB masks, with the colours that classes share; `None` where it does."""
    try:
        preset_palette(preset, side="gt")
    except UsageError as error:
        return error
    return None


def with_color_hints(problems: Iterable[SegevalError], request: Request) -> list[SegevalError]:
    """Merge problems, and put into those about colours what explains them: BGR order, or a preset."""
    return [_with_hint(problem, request) for problem in merged(problems)]


def _with_hint(problem: SegevalError, request: Request) -> SegevalError:
    if problem.payload is None:
        return problem
    colors = problem.payload.pixels
    if problem.kind == "unknown-colors":
        known = (palette for palette in (request.pred_palette, request.gt_palette) if palette is not None)
        found = next(filter(None, (explain_colors(colors, palette=palette) for palette in known)), None)
        return problem if found is None else problem.changed(fix=found)
    if request.preset is not None and (shared := duplicate_colors(request.preset)):
        return problem.changed(where=(*problem.where, *shared.where), fix=shared.fix, kind="palette-duplicates")
    found = explain_colors(colors)
    return problem if found is None else problem.changed(fix=f"{found}. Or: {COLORS_FIX}")
