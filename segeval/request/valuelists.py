"""Lists of values and names, as options spell them."""

from __future__ import annotations

from segeval.errors import UsageError
from segeval.request.options import ValueList

CLASS_FILES = (".txt", ".json", ".toml", ".csv")
"""What files of class lists end in."""


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


def is_list_of_names(text: str) -> bool:
    """Tell whether a class list is its names with commas between them, and no file or URL: no path begins so."""
    return "," in text and "://" not in text and not text.startswith((".", "/", "\\", "~")) and text[1:2] != ":"


def parse_names(text: str) -> tuple[str, ...]:
    """Return the class names of "road,sidewalk,car"; raises `UsageError`."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UsageError("--classes has an empty place", (text,), "Give names, as in --classes road,sidewalk,car")
    if names[-1].casefold().endswith(CLASS_FILES):
        raise UsageError(
            "--classes with a comma is a list of names, and this one looks like a file", (text,), f"Write ./{text}"
        )
    return names
