"""What a user names as a root of masks: a folder of this machine, or the URL of one in a store."""

from __future__ import annotations

from pathlib import Path

from segeval.stores.urls import Root, StoreUrl, is_url, parse_url


def root_of(named: str | Path | StoreUrl) -> Root:
    """Return the root that is named; raises `UsageError` for a URL of no store."""
    if isinstance(named, str) and is_url(named):
        return parse_url(named)
    return named if isinstance(named, StoreUrl) else Path(named)
