"""Numbers as the text of signatures and options."""

from __future__ import annotations


def number(value: float) -> str:
    """Write a number so that it reads back as itself, whole ones without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
