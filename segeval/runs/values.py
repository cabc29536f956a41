"""Lines of JSON and the values in them, each checked for what a run file can hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from segeval.files.usertexts import inert_json

MOST_BRACKETS, MOST_QUOTES, MOST_BLANKS = 1 << 20, 1 << 18, 1 << 18
"""Lists and objects in one line, where an empty one takes two bytes in the file and sixty in memory; marks of strings,
which take as much; and blanks, which stand in names only."""
SHORT = min(MOST_BRACKETS, MOST_QUOTES, MOST_BLANKS)
"""A line of so many bytes keeps to these bounds, whatever is in it."""
SMALLEST, LARGEST = -(2**63) + 1, 2**63 - 1
"""Values that a mask can hold; -2^63 stands for a missing prediction and is written as null."""


class Damage(ValueError):  # noqa: N818  # read as "this line has a damage"; the callers make the error of it
    """Tell what is wrong with one line of a run file, in a few words."""


def dumps(value: object) -> bytes:
    """Write JSON values compactly in ASCII, so that a name of any bytes survives; NaN and infinity are refused."""
    return inert_json(json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))).encode("ascii")


def loads(line: bytes) -> Any:
    """Read one line of JSON; raises `Damage` where it is none, is not ASCII, or would take more memory than it may."""
    if len(line) > SHORT:
        if line.count(b"[") + line.count(b"{") > MOST_BRACKETS:
            raise Damage(f"more than {MOST_BRACKETS:,} lists and objects")
        if line.count(b'"') > MOST_QUOTES:
            raise Damage(f"more than {MOST_QUOTES // 2:,} texts")
        if line.count(b" ") > MOST_BLANKS:
            raise Damage("blanks that segeval does not write")
    if b"\t" in line or b"\r" in line:
        raise Damage("blanks that segeval does not write")
    try:
        text = line.decode("ascii").strip(" \n")
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise Damage("is no line of JSON") from error
    if end != len(text):
        raise Damage("is no line of JSON")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Damage(f"{name} is no number")


_WHOLE = {int}
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
scan_once: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]  # as `raw_decode` does
"""Read the value that begins at a place of a text, and return where it ends; raises `StopIteration` where none does."""


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """Return an object of JSON; raises `Damage` for anything else."""
    if not isinstance(value, dict):
        raise Damage(f"{name} is no object")
    return value


def listed(value: Any, name: str) -> list[Any]:
    """Return a list of JSON; raises `Damage` for anything else."""
    if not isinstance(value, list):
        raise Damage(f"{name} is no list")
    return value


def integer(value: Any, low: int, high: int, name: str) -> int:
    """Return a whole number from `low` to `high`; raises `Damage` for anything else."""
    if type(value) is not int:
        raise Damage(f"{name} is no whole number")
    if not low <= value <= high:
        raise Damage(f"{name} is out of range")
    return value


def integers(values: Any, low: int, high: int, name: str) -> list[int]:
    """Return a list of whole numbers from `low` to `high`; raises `Damage` for anything else."""
    found = listed(values, name)
    if len(found) == 1:
        integer(found[0], low, high, name)
    elif found:
        # A set of types, since JSON's true is an int to Python and 1.0 equals 1.
        if set(map(type, found)) != _WHOLE:
            raise Damage(f"{name} is no whole number")
        if min(found) < low or max(found) > high:
            raise Damage(f"{name} is out of range")
    return found


def is_value(value: object) -> bool:
    """Tell whether a mask can hold the value."""
    return type(value) is int and SMALLEST <= value <= LARGEST


def require(holds: bool, what: str) -> None:
    """Raise `Damage` unless something holds."""
    if not holds:
        raise Damage(what)
