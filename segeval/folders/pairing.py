"""Pair the files of two folder trees by their names, and tell all that does not pair."""

from __future__ import annotations

import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segeval.errors import PairingError, printable, raise_all
from segeval.folders.matching import BY_NAME, Clash, Matching, PairingRules, match
from segeval.folders.walking import Tree, extension, folders_in, gt_name, is_photo, pred_name, walk

__all__ = [
    "Clash",
    "Pair",
    "Pairing",
    "PairingRules",
    "class_folders",
    "pair_class_folders",
    "pair_folders",
]

UNPACK_FIX = "Unpack it (unzip), and give the folder of masks that comes out"


@dataclass(frozen=True, slots=True)
class Pair:
    """One image: its key, and its files as POSIX paths relative to `Pairing.gt_root` and `Pairing.pred_root`.

    `pred` is one path, one for each class in class order for a map a class, and empty where the prediction is missing.
    """

    key: str
    gt: str
    pred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """All that two folders hold; each tuple is in code point order.

    Every selected ground truth file is in exactly one of `pairs`, `ambiguous` (with the predictions that fit it),
    `clashes` and `incomplete` (with the class folders that lack its map); `missing` repeats those of `pairs` without
    prediction. `extra` are predictions without ground truth. `unselected` masks lack the suffix asked for.
    `unreadable` are lines fit for a message: gt/ or pred/, the path, the reason. Suffixes and prefixes are those that
    were used. `photos` are files of pairs that are named like photos, with their side. `hint` is a sentence with the
    options that would pair most, where not half pair, files clash, or photos take the place of masks.
    `class_folders` are those that hold one map a class.
    """

    gt_root: Path
    pred_root: Path
    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()
    clashes: tuple[Clash, ...] = ()
    incomplete: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unreadable: tuple[str, ...] = ()
    gt_unselected: tuple[str, ...] = ()
    pred_unselected: tuple[str, ...] = ()
    gt_suffix: str | None = None
    pred_suffix: str | None = None
    gt_prefix: str | None = None
    pred_prefix: str | None = None
    gt_files: int = 0
    pred_files: int = 0
    photos: tuple[str, ...] = ()
    hint: str = ""
    class_folders: tuple[str, ...] = ()


def pair_folders(pred: Path, gt: Path, *, rules: PairingRules = BY_NAME, suffixes: frozenset[str]) -> Pairing:
    """Pair the masks below two folders by key: relative path without pairing suffix and extension, never by position.

    Equal keys pair; of a nested and a flat folder, equal names that are unique on both sides. `suffixes` are the
    extensions (lower case, with the dot) that make a file a mask; all others and dotfiles are passed over. Two files
    are one pair. PairingError where a root is neither, UsageError for a broken pattern; nothing else is raised for
    what the folders hold, see `segeval.folders.requiring`.
    """
    _refuse_archives(pred, gt)
    if _kind(pred) == _kind(gt) == "file":
        found = extension(gt.name, suffixes) or gt.suffix
        pair = Pair(gt.name.removesuffix(found), gt.name, (pred.name,))
        return Pairing(gt.parent, pred.parent, (pair,), gt_files=1, pred_files=1)
    _require_folders(pred, gt)
    gt_tree, pred_tree = (walk(root, lambda name: extension(name, suffixes) is not None) for root in (gt, pred))
    actual = {path: (path,) for path in pred_tree.files}
    unreadable = (*_lines("gt", gt_tree), *_lines("pred", pred_tree))
    return _pairing(pred, gt, gt_tree.files, actual, rules, suffixes, unreadable)


def pair_class_folders(
    pred: Path, gt: Path, folders: Sequence[str], *, rules: PairingRules = BY_NAME, suffixes: frozenset[str]
) -> Pairing:
    """Pair ground truth with one map a class: `pred/<folder>/<key>`, folders in class order (see `class_folders`).

    Each pair has one prediction path a folder; a ground truth that lacks some is `incomplete`. Errors: `pair_folders`.
    """
    _require_folders(pred, gt)
    gt_tree = walk(gt, lambda name: extension(name, suffixes) is not None)
    unreadable = [*_lines("gt", gt_tree)]
    maps: dict[str, dict[str, str]] = {}
    for folder in folders:
        tree = walk(pred / folder, lambda name: extension(name, suffixes) is not None)
        unreadable.extend(_lines(f"pred/{printable(folder)}", tree))
        for path in tree.files:
            maps.setdefault(path, {})[folder] = f"{folder}/{path}"
    actual = {path: tuple(by_folder.values()) for path, by_folder in maps.items()}
    lacking = {
        path: tuple(folder for folder in folders if folder not in by_folder)
        for path, by_folder in maps.items()
        if len(by_folder) < len(folders)
    }
    pairing = _pairing(pred, gt, gt_tree.files, actual, rules, suffixes, tuple(unreadable), lacking)
    return replace(pairing, class_folders=tuple(folders))


def class_folders(pred: Path, names: Sequence[tuple[int, str]]) -> tuple[str, ...] | None:
    """Return the sub-folders of `pred` that hold one map a class, in class order, or None where they do not.

    `names` are (id, name) of each class. A folder is a class's by its name as written, else by its name whatever the
    case and the separators where that is unique, or by its id; all by name or all by id. With no `names`, folders
    0..K-1 with K >= 2. PairingError names the folders that lack where only some classes have one.
    """
    if _kind(pred) != "folder":
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


def _refuse_archives(pred: Path, gt: Path) -> None:
    """Refuse zip archives in the place of folders."""
    archives = [
        f"{side} {printable(str(root))}"
        for side, root in (("PRED", pred), ("GT", gt))
        if root.suffix.lower() == ".zip" and _kind(root) == "file"
    ]
    if archives:
        raise PairingError("a zip archive is given in the place of a folder", archives, UNPACK_FIX)


def _require_folders(pred: Path, gt: Path) -> None:
    problems = []
    kinds = {"PRED": _kind(pred), "GT": _kind(gt)}
    for side, root in (("PRED", pred), ("GT", gt)):
        where = f"{side} {printable(str(root))}"
        if kinds[side] == "file":
            problems.append(PairingError("a file does not pair with a folder", where, "Give two folders or two files"))
        elif kinds[side] == "other":
            problems.append(PairingError("this is neither a folder nor a file", where, "Give two folders or two files"))
        elif kinds[side] != "folder":
            fix = "Check the path; predictions come first"
            problems.append(PairingError("a folder cannot be found", f"{where}: {kinds[side]}", fix))
    raise_all(problems)


def _kind(root: Path) -> str:
    """Return "folder", "file" or "other", or else the reason why nothing is known of `root`."""
    try:
        mode = root.stat().st_mode
    except OSError as error:
        return printable(error.strerror or type(error).__name__)
    except ValueError as error:  # a null character in the path
        return printable(str(error))
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def _lines(side: str, tree: Tree) -> tuple[str, ...]:
    return tuple(f"{side}/{printable(path)}: {reason}" for path, reason in tree.problems)


def _pairing(
    pred_root: Path,
    gt_root: Path,
    gt: Sequence[str],
    actual: Mapping[str, tuple[str, ...]],
    rules: PairingRules,
    suffixes: frozenset[str],
    unreadable: tuple[str, ...],
    lacking: Mapping[str, tuple[str, ...]] | None = None,
) -> Pairing:
    """Match names, where `actual` has the files that one name stands for, and `lacking` the folders without it."""
    found = match(gt, tuple(actual), rules, suffixes)
    partial = lacking or {}
    pairs = [Pair(file.key, file.path, actual[path]) for file, path in found.paired if path not in partial]
    pairs += [Pair(file.key, file.path, ()) for file in found.missing]
    few = 2 * len(found.paired) <= len(found.gt.files) or found.ambiguous or found.clashes
    photos = tuple(sorted(_photos(found)))
    return Pairing(
        gt_root,
        pred_root,
        tuple(sorted(pairs, key=lambda pair: pair.key)),
        missing=tuple(sorted(file.path for file in found.missing)),
        extra=_files(actual, found.extra),
        ambiguous=tuple((path, _files(actual, candidates)) for path, candidates in found.ambiguous),
        clashes=tuple(Clash(clash.gt, _files(actual, clash.pred)) for clash in found.clashes),
        incomplete=tuple(sorted((file.path, partial[path]) for file, path in found.paired if path in partial)),
        unreadable=unreadable,
        gt_unselected=found.gt.unselected,
        pred_unselected=_files(actual, found.pred.unselected),
        gt_suffix=found.gt.suffix,
        pred_suffix=found.pred.suffix,
        gt_files=len(found.gt.files),
        pred_files=len(_files(actual, (file.path for file in found.pred.files))),
        gt_prefix=found.gt.prefix,
        pred_prefix=found.pred.prefix,
        photos=photos,
        hint=_hint(gt, tuple(actual), rules, suffixes, found) if few or photos else "",
    )


def _photos(found: Matching) -> Iterable[str]:
    for file, pred in found.paired:
        for name, path in ((gt_name, file.path), (pred_name, pred)):
            if is_photo(path):
                yield name(path)


def _hint(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    from segeval.folders.hints import hint  # folders that pair need none

    return hint(gt, pred, rules, suffixes, found)


def _files(actual: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(path for name in names for path in actual[name]))


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
