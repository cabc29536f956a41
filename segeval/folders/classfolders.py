"""Find the folders that hold one probability map a class."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from segeval.errors import PairingError, printable
from segeval.folders.walking import folders_in, kind_of

if TYPE_CHECKING:
    from segeval.stores.urls import Root


def class_folders(pred: Root, names: Sequence[tuple[int, str]]) -> tuple[str, ...] | None:
    """Return the sub-folders of `pred` that hold one map a class, in class order, or None where they do not.

    `names` are (id, name) of each class. A folder is a class's by its name as written, else by its name whatever the
    case and the separators where that is unique, or by its id; all by name or all by id. With no `names`, folders
    0..K-1 with K >= 2. PairingError names the folders that lack where only some classes have one.
    """
    if kind_of(pred) != "folder":
        return None
    try:
        found = folders_in(pred)
    except OSError as error:
        raise PairingError(
            "a folder cannot be listed",
            f"{printable(str(pred))}: {error.strerror}",
            "Give yourself permission to read it",
        ) from error
    if not names:
        numbered = _numbered(found)
        complete = len(numbered) == len(found) >= 2 and set(numbered) == set(range(len(found)))
        return tuple(numbered[number] for number in range(len(found))) if complete else None
    by_name = [_by_name(found, [name for _, name in names]).get(name) for _, name in names]
    numbered = _numbered(found)
    by_id = [numbered.get(number) for number, _ in names]
    best = max(by_name, by_id, key=lambda chosen: sum(folder is not None for folder in chosen))
    complete_folders = tuple(folder for folder in best if folder is not None)
    if len(complete_folders) == len(names):
        return complete_folders
    if not complete_folders:
        return None
    lacking = [f"{number} {printable(name)}" for (number, name), folder in zip(names, best, strict=True) if not folder]
    raise PairingError(
        "class folders are missing from the probability maps",
        lacking,
        "Give every class a folder named by its name or by its id, or correct --classes",
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().translate(str.maketrans("_-/", "   "))


def _by_name(found: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    present = set(found)
    folder_of = {_folded(folder): folder for folder in found}
    folders, classes = Counter(map(_folded, found)), Counter(map(_folded, names))
    chosen = {}
    for name in names:
        folded = _folded(name)
        if name in present:
            chosen[name] = name
        elif folders[folded] == classes[folded] == 1:
            chosen[name] = folder_of[folded]
    return chosen


def _numbered(found: Sequence[str]) -> dict[int, str]:
    """Return the folders named by a number, where only one has it."""
    numbers = Counter(int(name) for name in found if name.isascii() and name.isdigit())
    return {int(name): name for name in found if name.isascii() and name.isdigit() and numbers[int(name)] == 1}
