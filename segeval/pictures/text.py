"""Names as figures and pages show them: cut, without acting characters, and in glyphs that the font has."""

from __future__ import annotations

from collections.abc import Container

from segeval.errors import printable

LONGEST = 40
"""Characters of a name in a figure."""


def figure_name(name: str, glyphs: Container[int]) -> str:
    """Return a name of at most `LONGEST` characters in which what acts and what has no glyph is escaped."""
    shown = "".join(
        character if ord(character) in glyphs else f"\\u{ord(character):04x}" for character in printable(name)
    )
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
