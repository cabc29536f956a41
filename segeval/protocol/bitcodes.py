"""Classes that share the bits of one stored value, as several labels of a pixel have them: `--bits`."""

from __future__ import annotations

import re

from segeval.errors import UsageError
from segeval.records import dataclass

HIGHEST_BIT = 62
"""The bits of a stored value that is not negative, within int64."""
_ENTRY = re.compile(
    r"(?P<name>[^=]+)=(?:(?P<bit>[0-9]{1,2})|(?P<offset>[0-9]{1,2}):(?P<width>[0-9]{1,2})=(?P<value>[0-9]{1,18}))"
)
_FORM = "Give NAME=BIT for one bit, from 0, or NAME=OFFSET:WIDTH=VALUE for a value of several bits, separated by commas"


@dataclass(frozen=True, slots=True)
class BitClass:
    """Name a class by its bits: a stored value is of it where `width` bits from `offset` on hold `value`."""

    name: str
    offset: int
    width: int
    value: int


def parse_bits(text: str) -> tuple[BitClass, ...]:
    """Return the classes of "comment=1,decoration=2" or "double white=0:3=1"; raises `UsageError`.

    A place from 0 names one bit; OFFSET:WIDTH=VALUE names the value that so many bits hold.

    >>> parse_bits("text=3,crosswalk=0:3=2")
    (BitClass(name='text', offset=3, width=1, value=1), BitClass(name='crosswalk', offset=0, width=3, value=2))
    """
    found: list[BitClass] = []
    for part in text.split(","):
        entry = _ENTRY.fullmatch(part.strip())
        if entry is None:
            raise UsageError("--bits has a part that names no bits", (part.strip() or "empty",), _FORM)
        offset, width = (int(entry["bit"] or entry["offset"]), int(entry["width"] or 1))
        value = 1 if entry["value"] is None else int(entry["value"])
        if not width or offset + width > HIGHEST_BIT or value >= 1 << width:
            raise UsageError("--bits names bits or a value that a stored value does not have", (part.strip(),), _FORM)
        found.append(BitClass(entry["name"].strip(), offset, width, value))
    names = [entry.name for entry in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError("--bits names a class twice", twice, "Give each class one entry")
    return tuple(found)
