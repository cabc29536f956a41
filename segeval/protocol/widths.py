"""How wide the bands along contours are: in pixels, as a share of the diagonal, or each score's own width."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.errors import UsageError

AUTHORS = "authors"
"""Every score at the width of its authors."""
MOST_WIDTHS, WIDEST = 64, 1000
VOID_RULE = "void:no-border"
"""What signatures say of void: it is on neither side of a border."""

EMPTIES = "one-empty:0,both-empty:undefined,davis-both-empty:1"
"""What signatures say of a class that one side of an image lacks, or both: its score there."""

Width = int | float | str
"""Whole pixels, a share of the image's diagonal below 1, or `AUTHORS`."""
FIX = "Give pixels, as 3, a share of the diagonal, as 0.02 or 2%, or authors, with commas between several"


def parse_widths(widths: int | float | str | Sequence[Width]) -> tuple[Width, ...]:
    """Return widths from "authors,3,0.02", "2%", a number, or a list; raises `UsageError`.

    >>> parse_widths("authors,3,2%")
    ('authors', 3, 0.02)
    """
    parts: Sequence[Width] = [widths] if isinstance(widths, int | float) else widths
    if isinstance(parts, str):
        parts = [part.strip() for part in parts.split(",")]
    found = tuple(dict.fromkeys(map(_width, parts)))
    if not 1 <= len(found) <= MOST_WIDTHS:
        raise UsageError(f"--boundary has {len(found)} widths", (), f"Give 1 to {MOST_WIDTHS} of them")
    return found


def _width(part: Width) -> Width:
    if part == AUTHORS:
        return AUTHORS
    text = str(part)
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = 0.0
    if 0 < number < 1 or (number.is_integer() and 1 <= number <= WIDEST and not text.endswith("%")):
        return number if number < 1 else int(number)
    raise UsageError("a width of --boundary is none", (text,), FIX)


def refuse_maps(**contours: object) -> None:
    """Raise `UsageError` where any of `contours` is asked for, and the predictions are probability maps."""
    asked = [f"--{name}" for name, value in contours.items() if value is not None]
    if asked:
        raise UsageError(
            f"{' and '.join(asked)} need label masks, and the predictions are probability maps",
            (),
            f"Leave {' and '.join(asked)} out, or score the label masks that the maps give",
        )


def write_widths(widths: Sequence[Width]) -> str:
    """Write widths as `parse_widths` reads them: "authors,3,0.02"."""
    return ",".join(repr(width) if isinstance(width, float) else str(width) for width in widths)


def write_boundary(widths: Sequence[Width]) -> str:
    """Write widths for a signature, with what is done about empty sides and void."""
    return f"{write_widths(widths)},{EMPTIES},{VOID_RULE}"


def read_boundary(text: str) -> tuple[Width, ...] | None:
    """Read what `write_boundary` wrote: what has a colon is always so; "none" is `None`."""
    return None if text == "none" else parse_widths([part for part in text.split(",") if ":" not in part])
