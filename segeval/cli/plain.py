"""Text for consoles that do not have every character: what is drawn becomes ASCII, and all else an escape."""

from __future__ import annotations

BRAILLE = range(0x2800, 0x2900)
"""Characters of eight dots, of which plots are drawn."""
STAND_INS = {
    **dict.fromkeys("╭╮╰╯┬┴├┤┼└┌┐┘", "+"),
    **dict.fromkeys("─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("█▉▊▋▌", "#"),
    **dict.fromkeys("▍▎▏", "-"),
    "▓": "%",
    "▒": "+",
    "░": ".",
    "·": ".",
    "•": "*",
    "▼": "v",
    "✓": "+",
    "✗": "x",
    "†": "*",
    "●": "*",
    "○": "o",
    "…": "~",
    "°": "o",
}
"""What is drawn or marked -> an ASCII character as wide, so that columns stay in line."""
EIGHTHS = (" ", ".", ".", ":", ":", ":", "#", "#", "#")
"""What stands for a character of so many dots."""


def encodable(text: str, encoding: str) -> str:
    """Return text with stand-ins for what is drawn and `encoding` lacks; what else it lacks stays."""
    return text.translate({ord(sign): _stand_in(sign) for sign in {*text} if not _has(sign, encoding)})


def undrawn(text: str) -> str:
    """Return text with stand-ins for all that is drawn, and every other character as it is."""
    return text.translate({ord(sign): _stand_in(sign) for sign in {*text}})


def _stand_in(character: str) -> str:
    code = ord(character)
    return EIGHTHS[(code - BRAILLE.start).bit_count()] if code in BRAILLE else STAND_INS.get(character, character)


def _has(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
