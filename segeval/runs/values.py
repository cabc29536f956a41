"""Lines of JSON and the values in them, each checked for what a run file can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from segeval.files.usertexts import inert_json

MOST_BRACKETS, MOST_QUOTES, MOST_BLANKS = 1 << 20, 1 << 18, 1 << 18
"""Lists and objects in one line, where an empty one takes two bytes in the file and sixty in memory; marks of strings,
which take as much; and blanks, which stand in names only."""
SMALLEST, LARGEST = -(2**63) + 1, 2**63 - 1
"""Values that a mask can hold; -2^63 stands for a missing prediction and is written as null."""


class Damage(ValueError):  # noqa: N818 - read as "this line has a damage"; the callers make the error of it
    """Tell what is wrong with one line of a run file, in a few words."""


def dumps(value: object) -> bytes:
    """Write JSON values compactly in ASCII, so that a name of any bytes survives; NaN and infinity are refused."""
    return inert_json(json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))).encode("ascii")


def loads(line: bytes) -> Any:
    """Read one line of JSON; raises `Damage` where it is none, is not ASCII, or would take more memory than it may."""
    if line.count(b"[") + line.count(b"{") > MOST_BRACKETS:
        raise Damage(f"more than {MOST_BRACKETS:,} lists and objects")
    if line.count(b'"') > MOST_QUOTES:
        raise Damage(f"more than {MOST_QUOTES // 2:,} texts")
    if line.count(b" ") > MOST_BLANKS or b"\t" in line or b"\r" in line:
        raise Damage("blanks that segeval does not write")
    try:
        return _DECODER.decode(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Damage("is no line of JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise Damage(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


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
    (number,) = integers([value], low, high, name)
    return number


def integers(values: Any, low: int, high: int, name: str) -> list[int]:
    """Return a list of whole numbers from `low` to `high`; raises `Damage` for anything else."""
    found = listed(values, name)
    # A set of types, since JSON's true is an int to Python and 1.0 equals 1.
    require(set(map(type, found)) <= {int}, f"{name} is no whole number")
    require(not found or (low <= min(found) and max(found) <= high), f"{name} is out of range")
    return found


def is_value(value: object) -> bool:
    """Tell whether a mask can hold the value."""
    return type(value) is int and SMALLEST <= value <= LARGEST


def require(holds: bool, what: str) -> None:
    """Raise `Damage` unless something holds."""
    if not holds:
        raise Damage(what)
