"""Lists of values and names, as options spell them."""

from __future__ import annotations

from segeval.errors import UsageError
from segeval.request.options import ValueList


def parse_ignore(values: ValueList) -> tuple[int | str, ...]:
    """Return ignored values and names from "255,road", a value, or a list; "none" is nothing."""
    if isinstance(values, int):
        return (values,)
    if not isinstance(values, str):
        return tuple(values)
    if values.strip().lower() == "none":
        return ()
    parts = [part.strip() for part in values.split(",")]
    if not all(parts):
        raise UsageError("--ignore has an empty place", (values,), "Give values or names, as in --ignore 255,road")
    return tuple(int(part) if part.lstrip("-").isdecimal() else part for part in parts)
