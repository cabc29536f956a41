"""Text that shows what it holds: no character in a name may act on a terminal, a page or a parser."""

from __future__ import annotations

import re
import unicodedata

JOINERS = "\u200c\u200d"
"""Invisible, yet part of how words and emoji are written."""
ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control and format characters, lone surrogates, line and paragraph separators."""
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b"}


COMMAND = re.compile(r"^\s*(:)(?=:)|(#)(?=#\w*\[)")
"""What runners take for a command: GitHub's `::x` where a line begins, and `##[x` anywhere in any line of any stream;
Azure's `##vso[` and TeamCity's `##teamcity[` likewise."""
JSON_COMMAND = re.compile(r"#(?=#\w*\[)")


def inert_json(text: str) -> str:
    """Write the `#` with which a runner's command would begin as an escape; `#` stands in JSON's strings only.

    No line of JSON begins with a colon, so `::` needs no escape.
    """
    return JSON_COMMAND.sub(r"\\u0023", text) if "##" in text else text


def visible(text: str, *, keep: str = "") -> str:
    """Write control characters, marks of direction, surrogates and noncharacters as escapes; but for those in `keep`.

    What is left can be encoded in UTF-8 and is legal in XML 1.0, and no line that begins with it is a workflow command.
    """
    if "::" in text or "##" in text:
        text = COMMAND.sub(lambda found: found[0][:-1] + f"\\x{ord(found[0][-1]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in keep else _shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    if not noncharacter and (unicodedata.category(character) not in ACTING or character in JOINERS):
        return character
    if character in SHORT:
        return SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
