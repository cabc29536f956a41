"""Walk a folder tree of strangers' files: every mask by its path, and every place that could not be looked at."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from segeval.errors import printable
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.stores.archives import Archive
    from segeval.stores.urls import Root, StoreUrl

MOST_VISITS = 256
"""How often one folder is listed when links lead to it by several ways: folders that link to each other twice at
every level would otherwise take exponential time without ever forming a loop."""

LONG_PATH = 1000
"""Characters from which a file's path is tried before it is believed: a listed file may be too deep to be opened."""

Identity = tuple[int, int]
Ancestors = tuple[Identity, "Ancestors"] | None


@dataclass(frozen=True, slots=True)
class Tree:
    """What a walk found, in code point order.

    `files` are POSIX paths relative to the root; `problems` are (relative path, reason).
    """

    files: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]


class Named(NamedTuple):
    """One file: POSIX path below its root, and that path without pairing suffix and extension."""

    path: str
    key: str


def extension(name: str, suffixes: frozenset[str]) -> str | None:
    """Return the extension of `name` as it is written if it is one of `suffixes` (lower case, with the dot), or None.

    Of two that fit, such as .nii.gz and .gz, the longer one. Dotfiles have none.
    """
    dot = name.rfind(".")
    if dot <= 0:
        return None
    inner = name.rfind(".", 0, dot)
    if inner > 0 and name[inner:].lower() in suffixes:
        return name[inner:]
    return name[dot:] if name[dot:].lower() in suffixes else None


LOSSY_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".webp"))
"""Extensions of photos and overlays, which lie beside masks more often than they are masks."""


def is_photo(path: str) -> bool:
    """Tell whether a file is named like a photo."""
    return extension(path, LOSSY_SUFFIXES) is not None


def gt_name(path: str) -> str:
    """Return what messages call a file of the ground truth."""
    return f"gt/{printable(path)}"


def pred_name(path: str) -> str:
    """Return what messages call a file of the predictions."""
    return f"pred/{printable(path)}"


def roi_name(path: str) -> str:
    """Return what messages call a file of the regions of interest."""
    return f"roi/{printable(path)}"


def kind_of(root: Root) -> str:
    """Return "folder", "file" or "other", or else the reason why nothing is known of `root`; stores are folders."""
    if not isinstance(root, Path):
        return "folder"
    try:
        mode = root.stat().st_mode
    except OSError as error:
        return printable(error.strerror or type(error).__name__)
    except ValueError as error:  # a null character in the path
        return printable(str(error))
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def opened(root: Root) -> Root:
    """Return what a path of the user's stands for: a folder or a file, or a zip archive as a store of files.

    Raises `PairingError` for an archive that is none, or none of an honest kind, and `UsageError` for a URL that names
    neither a folder nor an archive.
    """
    if not isinstance(root, Path):
        return _opened_far(root)
    if root.suffix.lower() != ".zip" or kind_of(root) != "file":
        return root
    from segeval.stores.archives import archive_at  # few folders are packed

    return archive_at(root)


def _opened_far(root: StoreUrl | Archive) -> Root:
    from segeval.stores.packed import opened_url  # most masks lie in folders
    from segeval.stores.urls import StoreUrl

    return opened_url(root) if isinstance(root, StoreUrl) else root


def walk(root: Root, wanted: Callable[[str], bool], folder: str = "") -> Tree:
    """List the files of `root`, or of a `folder` in it, whose name is `wanted`; paths are relative to that place."""
    if isinstance(root, Path):
        return _walk(root / folder if folder else root, wanted)
    start = f"{folder}/" if folder else ""
    listed, refused = _listed(root)
    files = (path for path in listed if path.startswith(start) and wanted(path.rpartition("/")[2]))
    problems = ((path, why) for path, why in refused if path.startswith(start) and wanted(path.rpartition("/")[2]))
    return Tree(tuple(path[len(start) :] for path in files), tuple((path[len(start) :], why) for path, why in problems))


def _listed(root: StoreUrl | Archive) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the files of a store or an archive, and (path, reason) of those that cannot be read."""
    from segeval.stores.urls import StoreUrl  # most masks lie in folders

    if not isinstance(root, StoreUrl):
        return root.files, root.problems
    from segeval.stores.files import list_files

    return list_files(root)


def _walk(root: Path, wanted: Callable[[str], bool]) -> Tree:
    """List the files below `root` whose name is `wanted`, links followed; never raises for what it finds.

    Dotfiles and dot-folders are passed over. Told in `problems`: folders that cannot be listed, links that lead back
    to a folder above them, paths too long to be opened, and, where the name is wanted, links to nothing, FIFOs,
    sockets and devices (a link to nothing is also told where it has no extension: it may have been a folder of masks).
    """
    files: list[str] = []
    problems: list[tuple[str, str]] = []
    visits: dict[Identity, int] = {}
    waiting: list[tuple[str, str, Ancestors]] = [(os.fspath(root), "", None)]
    while waiting:
        path, relative, above = waiting.pop()
        try:
            status = os.stat(path)  # noqa: PTH116  # plain strings: a Path for each of 100,000 files costs seconds
            identity = (status.st_dev, status.st_ino)
            refusal = _refusal(identity, above, visits)
            if refusal:
                problems.append((relative or ".", refusal))
                continue
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            problems.append((relative or ".", _reason(error)))
            continue
        folders: list[tuple[str, str, Ancestors]] = []
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            below = f"{relative}/{name}" if relative else name
            try:
                if entry.is_dir():
                    folders.append((entry.path, below, (identity, above)))
                    continue
                problem = _problem(entry)
            except OSError as error:
                problem = _reason(error)
            if not problem:
                if wanted(name):
                    files.append(below)
            elif wanted(name) or ("." not in name and entry.is_symlink()):
                problems.append((below, problem))
        waiting.extend(reversed(folders))
    return Tree(tuple(sorted(files)), tuple(sorted(problems)))


def folders_in(root: Root) -> tuple[str, ...]:
    """Return the names of the folders directly in `root`, links included, dot-folders not; OSError where it cannot."""
    if not isinstance(root, Path):
        return tuple(sorted({path.partition("/")[0] for path in walk(root, lambda name: True).files if "/" in path}))
    with os.scandir(root) as listing:
        return tuple(sorted(entry.name for entry in listing if not entry.name.startswith(".") and _is_folder(entry)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _refusal(identity: Identity, above: Ancestors, visits: dict[Identity, int]) -> str:
    """Say why a folder must not be listed (again), or return the empty string and count the visit."""
    while above:
        ancestor, above = above
        if ancestor == identity:
            return "a link back to a folder above it"
    visits[identity] = visits.get(identity, 0) + 1
    return "" if visits[identity] <= MOST_VISITS else f"links lead to this folder in more than {MOST_VISITS} ways"


def _problem(entry: os.DirEntry[str]) -> str:
    """Say what is wrong with an entry that is no folder, or return the empty string."""
    if entry.is_file():
        if len(entry.path) > LONG_PATH:
            entry.stat()  # raises where the path is longer than the system allows
        return ""
    if entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110  # a Path for each file costs seconds
        return "a link to nothing"
    return "not a file: a FIFO, a socket or a device"


def _reason(error: OSError) -> str:
    return printable(error.strerror or type(error).__name__)


def extensions_in(root: Root) -> Counter[str]:
    """Count the files below a folder by extension, which has two parts where the file is packed: .nii.gz."""
    return Counter(_ending(path.rpartition("/")[2]) for path in walk(root, lambda name: True).files)


def _ending(name: str) -> str:
    stem, dot, last = name.rpartition(".")
    inner = stem.rpartition(".")
    packed = last.lower() in ("gz", "bz2", "xz", "zst") and inner[0]
    return f".{inner[2]}.{last}" if packed else f"{dot}{last}" if stem else "no extension"
