"""Which kinds of findings a user accepts."""

from __future__ import annotations

from collections.abc import Iterable

from segeval.errors import ERROR, KINDS, UsageError

NONE = "none"
"""The word that drops what was allowed before it."""


def parse_allow(kinds: str | Iterable[str]) -> tuple[str, ...]:
    """Return kinds, each once, from names or one text of them with commas; "none" drops those before it.

    Raises `UsageError` for a kind that there is not, and for one that cannot be allowed.
    """
    allowed: list[str] = []
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        for name in filter(None, (part.strip() for part in kind.split(","))):
            if name == NONE:
                allowed.clear()
            elif name not in KINDS:
                from difflib import get_close_matches

                close = get_close_matches(name, KINDS, n=1)
                meant = f"Did you mean '{close[0]}'? " if close else ""
                raise UsageError(
                    "--allow names a kind that there is not", (name,), f"{meant}'segeval help findings' lists all kinds"
                )
            elif not KINDS[name].allowable:
                raise UsageError(
                    "--allow names an error that cannot be accepted",
                    (f"{name}: {KINDS[name].about}",),
                    "Fix what the error names",
                )
            else:
                allowed.append(name)
    return tuple(dict.fromkeys(allowed))


def allowed_errors(allow: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of errors among those allowed, ascending: they let something be scored, so they are protocol."""
    return tuple(sorted(kind for kind in allow if KINDS[kind].severity == ERROR))
