"""Texts that a user or a stranger wrote: bounded in bytes, depth and number of parts before a parser sees them.

Python's parser of TOML takes quadratic time for a key of many parts, both parsers recurse, and both make objects many
times the size of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

LARGEST_TEXT = 1 << 18
"""Bytes of a configuration, class list, palette, preset or list of weights: the largest that is known has 40 KB."""
DEEPEST = 32
"""Lists and tables within each other, and parts of a dotted key."""
MOST_PARTS = 1 << 16
"""Lists, tables and dots outside strings in one text: each can become an object."""
LONGEST_LINE = 1 << 10
"""Characters of a line of plain text."""
LARGEST_NUMBER = 2**63 - 1

# Patterns are compiled by `re` when they are first used: most runs read no such text.
_JSON_STRING = r'(?s)"(?:[^"\\]++|\\.?)*+(?:"|\Z)'
_TOML_STRING = (
    r'(?sm)"""(?:[^"\\]++|\\.?|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^']++|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^"\\\n]++|\\[^\n]?)*+(?:"|$)'
    r"|'[^'\n]*+(?:'|$)"
    r"|(?P<comment>#[^\n]*+)"
)
"""What is no structure in TOML: strings of four kinds, and comments; none of the forms backtracks."""
_DOTTED = rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{DEEPEST},}}"
_COMMAND = r"#(?=#\w*\[)"
"""What a command of GitHub's, Azure's or TeamCity's runner begins with; in JSON it can stand in strings only."""
_BRACKET = r"[\[{]|[\]}]"


class TextBoundError(ValueError):
    """A text with more in it than a text of its kind has; the message says how much, and the bound."""


def json_data(text: str, *, most: int = LARGEST_TEXT, parts: int = MOST_PARTS) -> object:
    """Parse JSON of at most `most` characters and so many `parts`, lists and objects.

    Raises `TextBoundError` for too much of it and `ValueError` for what is none or has double keys.
    """
    import json

    _check_size(text, most)
    _check_structure(re.sub(_JSON_STRING, "s", text), dots=False, most=parts)
    try:
        return json.loads(text, object_pairs_hook=unique_pairs, parse_int=_integer)
    except RecursionError:
        raise _too_deep() from None


def toml_data(text: str) -> dict[str, object]:
    """Parse TOML; raises `TextBoundError` for too much of it and `ValueError` for what is none."""
    import tomllib

    _check_size(text)
    plain = re.sub(_TOML_STRING, lambda found: "" if found["comment"] else "s", text)
    _check_structure(plain, dots=True)
    if re.search(_DOTTED, plain):
        raise TextBoundError(f"a key of more than {DEEPEST} parts")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    _check_numbers(data)
    return data


def inert_json(text: str) -> str:
    """Write what a runner takes for a command as an escape; `::` needs none, for no line of JSON begins so."""
    return re.sub(_COMMAND, r"\\u0023", text) if "##" in text else text


def check_lines(text: str) -> None:
    """Raise `TextBoundError` where plain text is too large or has a line that nobody wrote by hand."""
    _check_size(text)
    longest = max(map(len, text.split("\n")))
    if longest > LONGEST_LINE:
        raise TextBoundError(f"a line of {longest:,} characters, the limit is {LONGEST_LINE:,}")


def unique_pairs(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Build the mapping of a JSON object, refusing a key that occurs twice, which JSON would let win silently."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:80]!a} occurs twice")
        found[key] = value
    return found


def _check_size(text: str, most: int = LARGEST_TEXT) -> None:
    if len(text) > most:
        raise TextBoundError(f"more than {most:,} bytes")


def _check_structure(plain: str, *, dots: bool, most: int = MOST_PARTS) -> None:
    """Count lists and tables, and how deep they lie in each other, in a text without its strings."""
    parts = plain.count("[") + plain.count("{") + (plain.count(".") if dots else 0)
    if parts > most:
        raise TextBoundError(f"{parts:,} lists and tables, the limit is {most:,}")
    depth = 0
    for bracket in re.findall(_BRACKET, plain):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise _too_deep()


def _check_numbers(data: object) -> None:
    """Refuse integers beyond 64 bits, which TOML does not have and Python may fail to write."""
    waiting: list[object] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            _too_large()


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST_NUMBER:
        _too_large()
    return int(digits)


def _too_large() -> NoReturn:
    raise TextBoundError("a whole number beyond 64 bits")


def _too_deep() -> TextBoundError:
    return TextBoundError(f"lists and tables nested deeper than {DEEPEST}")
