"""A URL as a root of masks: which store, which folder or archive, and what may be said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segeval.errors import UsageError, printable
from segeval.records import dataclass
from segeval.stores.archives import Archive

LISTED = ("s3", "gs", "az", "hf")
"""Stores whose folders can be listed, and written to."""
WEB = "https"
"""Files by their address: archives, lists and runs are read there, and nothing is written."""
SCHEMES = (*LISTED, WEB)
"""Of all others nothing is opened."""
PACKED = "zip::"
"""What stands before the URL of a zip archive that is read in place."""
READ_TIMEOUT = 30.0
"""Seconds without an answer after which a read is tried again, unless `--read-timeout` says otherwise."""
LARGEST_FILE = 1 << 31
"""Bytes of one file of a store, unless the largest image that may be read is smaller."""


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Name a folder or a file of a store: its `scheme`, and its `path` from the bucket on, without slashes at the ends.

    It has no user, no password and no query: who may read is said in the environment of whoever reads. `packed` says
    that it is a zip archive in the place of a folder. Files of more than `largest` bytes are refused.
    """

    scheme: str
    path: str
    timeout: float = READ_TIMEOUT
    packed: bool = False
    largest: int = LARGEST_FILE

    def __str__(self) -> str:
        return f"{PACKED if self.packed else ''}{self.scheme}://{self.path}"

    def __truediv__(self, below: str) -> StoreUrl:
        return replace(self, path=f"{self.path}/{below}")

    @property
    def address(self) -> str:
        """Return what the store's driver calls it."""
        return f"{WEB}://{self.path}" if self.scheme == WEB else self.path

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the parts of the path, the store first."""
        return (f"{self.scheme}:/", *self.path.split("/"))

    @property
    def suffix(self) -> str:
        """Return the ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> StoreUrl:
        """Return what the folder is in."""
        return replace(self, path=self.path.rpartition("/")[0], packed=False)

    def absolute(self) -> StoreUrl:
        """Return the URL itself, as a path returns its whole."""
        return self


Place = Path | StoreUrl
"""What a user names: something of this machine, or something of a store."""
Root = Place | Archive
"""What pairs lie below: a folder of this machine, a folder of a store, or a zip archive of either."""


def is_url(text: str) -> bool:
    """Tell whether a text is meant as a URL."""
    return "://" in text


def is_far(root: Root | None) -> bool:
    """Tell whether files below a root are requests to a store, of which many should be out at once."""
    return isinstance(root, StoreUrl) or (isinstance(root, Archive) and root.far)


def parse_url(text: str) -> StoreUrl:
    """Read a URL; raises `UsageError`, which repeats neither user nor query."""
    packed = text.startswith(PACKED)
    scheme, _, rest = text.removeprefix(PACKED).partition("://")
    shown = f"{PACKED if packed else ''}{_shown(scheme, rest)}"
    if scheme not in SCHEMES:
        raise UsageError(
            "there is no store behind such a URL", (shown,), f"Use {', '.join(f'{one}://' for one in SCHEMES)}"
        )
    path = rest.strip("/")
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise UsageError(
            "a URL carries a user or a query",
            (shown,),
            "Leave them out; who you are is taken from the variables of the environment",
        )
    if not path or any(part in ("", ".", "..") for part in path.split("/")) or printable(path) != path:
        raise UsageError("a URL names no folder and no file", (shown,), f"Write it as in {scheme}://bucket/folder")
    return StoreUrl(scheme, path, packed=packed)


def _shown(scheme: str, rest: str) -> str:
    """Return a URL without what may be secret in it."""
    host, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    return printable(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}")
