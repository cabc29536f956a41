"""A URL as a root of masks: which store, which folder, and what may be said of it."""

from __future__ import annotations

from pathlib import Path

from segeval.errors import UsageError, printable
from segeval.records import dataclass
from segeval.stores.archives import Archive

SCHEMES = ("s3", "gs", "az", "hf")
"""Stores whose folders can be listed; of all others nothing is opened."""
READ_TIMEOUT = 30.0
"""Seconds without an answer after which a read is tried again, unless `--read-timeout` says otherwise."""


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Name a folder of a store: its `scheme`, and its `path` from the bucket on, without slashes at the ends.

    It has no user, no password and no query: who may read is said in the environment of whoever reads.
    """

    scheme: str
    path: str
    timeout: float = READ_TIMEOUT

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"

    def __truediv__(self, below: str) -> StoreUrl:
        return StoreUrl(self.scheme, f"{self.path}/{below}", self.timeout)

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Return the ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> StoreUrl:
        """Return what the folder is in."""
        return StoreUrl(self.scheme, self.path.rpartition("/")[0], self.timeout)

    def absolute(self) -> StoreUrl:
        """Return the URL itself, as a path returns its whole."""
        return self


Place = Path | StoreUrl
"""What a user names: something of this machine, or something of a store."""
Root = Place | Archive
"""What pairs lie below: a folder of this machine, a folder of a store, or a zip archive."""


def is_url(text: str) -> bool:
    """Tell whether a text is meant as a URL."""
    return "://" in text


def parse_url(text: str) -> StoreUrl:
    """Read the URL of a folder; raises `UsageError`, which repeats neither user nor query."""
    scheme, _, rest = text.partition("://")
    shown = _shown(text)
    if scheme not in SCHEMES:
        raise UsageError(
            "masks are not read from such a URL", (shown,), f"Use {', '.join(f'{one}://' for one in SCHEMES)}"
        )
    path = rest.strip("/")
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise UsageError(
            "a URL carries a user or a query",
            (shown,),
            "Leave them out; who you are is taken from the variables of the environment",
        )
    if not path or any(part in ("", ".", "..") for part in path.split("/")) or printable(path) != path:
        raise UsageError("a URL names no folder", (shown,), f"Write it as in {scheme}://bucket/folder")
    return StoreUrl(scheme, path)


def _shown(text: str) -> str:
    """Return a URL without what may be secret in it."""
    scheme, _, rest = text.partition("://")
    host, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    return printable(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}")
