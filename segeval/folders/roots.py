"""What a user names as a root of masks: a folder of this machine, or the URL of one in a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segeval.stores.urls import Place, Root, StoreUrl, is_url, parse_url


def root_of(named: str | Path | StoreUrl) -> Place:
    """Return the root that is named; raises `UsageError` for a URL of no store."""
    if isinstance(named, str) and is_url(named):
        return parse_url(named)
    return named if isinstance(named, StoreUrl) else Path(named)


def waiting(*roots: Place, seconds: float | None) -> tuple[Place, ...]:
    """Return roots whose files are read again after so many seconds without an answer; paths stay as they are."""
    if seconds is None:
        return roots
    return tuple(replace(root, timeout=seconds) if isinstance(root, StoreUrl) else root for root in roots)


def bounded(root: Root, largest: int) -> Root:
    """Return a root whose files of more than `largest` bytes are refused, where it is one of a store."""
    return replace(root, largest=min(largest, root.largest)) if isinstance(root, StoreUrl) else root
