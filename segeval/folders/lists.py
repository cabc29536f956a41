"""Lists that the user names: which images are scored, and which prediction belongs to which ground truth.

Names in them are looked up as people write them: a key, a path with or without its extension, or its last parts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from segeval.errors import NothingToScoreError, PairingError, UsageError, listed, printable
from segeval.folders.walking import Named, extension, gt_name, pred_name

if TYPE_CHECKING:
    from segeval.folders.pairing import Pairing

MOST_NAMES = 1 << 20
LONGEST_NAME = 1 << 12
GT_NAMES, PRED_NAMES = ("gt", "ground_truth", "ground truth", "mask", "label"), ("pred", "prediction", "predictions")
"""What the head of a name map calls its columns."""


def parse_keys(text: str, *, name: str) -> tuple[str, ...]:
    """Return the entries of a split list, one a line, in order; blank lines count for nothing, doubles once.

    Raises `UsageError` for an empty list and for what is no list of names.
    """
    entries = tuple(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    if not entries:
        raise UsageError("the list of keys is empty", (name,), "Write one key a line, as train/0001")
    _check_names(entries, name)
    return entries


def parse_name_map(text: str, *, name: str) -> tuple[tuple[str, str], ...]:
    """Return (ground-truth name, prediction name) of each line of a CSV file; a line of column titles is passed over.

    Raises `UsageError` for a line without two names, and for a name that stands on two lines.
    """
    try:
        lines = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text)), start=1) if any(row)]
    except csv.Error as error:
        raise UsageError("the name map is no CSV file", (f"{name}: {error}",), _MAP_FIX) from None
    found: list[tuple[str, str]] = []
    seen: dict[tuple[int, str], int] = {}
    for number, row in lines:
        if len(row) != 2 or not all(map(str.strip, row)):
            raise UsageError("a line of the name map has no two names", (f"{name}, line {number}",), _MAP_FIX)
        pair = (row[0].strip(), row[1].strip())
        if number == lines[0][0] and _is_head(pair):
            continue
        for column, text_of in enumerate(pair):
            if (column, text_of) in seen:
                where = f"{name}, lines {seen[column, text_of]} and {number}: {printable(text_of)}"
                raise UsageError("a name stands twice in the name map", (where,), "Name each file once")
            seen[column, text_of] = number
        found.append(pair)
    if not found:
        raise UsageError("the name map is empty", (name,), _MAP_FIX)
    _check_names([part for pair in found for part in pair], name)
    return tuple(found)


_MAP_FIX = "Write the ground truth's name, a comma, and the prediction's name on each line"


def _is_head(pair: tuple[str, str]) -> bool:
    return pair[0].lower() in GT_NAMES and pair[1].lower() in PRED_NAMES


def _check_names(names: Sequence[str], name: str) -> None:
    if len(names) > MOST_NAMES or any(len(one) > LONGEST_NAME or "\0" in one for one in names):
        raise UsageError("a list holds what are no names of files", (name,), "Check the path that the option names")


class NameIndex:
    """Look up files by what people call them."""

    def __init__(self, files: Iterable[Named], suffixes: frozenset[str]) -> None:
        self._suffixes = suffixes
        self._whole: dict[str, str] = {}
        self._tails: dict[str, set[str]] = {}
        for file in files:
            self._whole[file.path] = self._whole[file.key] = file.path
            bare = self._bare(file.path)
            self._whole[bare] = file.path
            for text in {file.path, file.key, bare}:
                for tail in _tails(text):
                    self._tails.setdefault(tail, set()).add(file.path)

    def _bare(self, path: str) -> str:
        return path[: len(path) - len(extension(path, self._suffixes) or "")]

    def find(self, text: str) -> set[str]:
        """Return the paths of the files that `text` can mean: none, one, or several that only folders tell apart."""
        wanted = text.replace("\\", "/").removeprefix("./").lstrip("/")
        for name in dict.fromkeys((wanted, self._bare(wanted))):
            if name in self._whole:
                return {self._whole[name]}
        for name in dict.fromkeys((wanted, self._bare(wanted))):
            if name in self._tails:
                return self._tails[name]
        for tail in _tails(self._bare(wanted)):  # a path of another folder, as JPEGImages/0001.jpg
            if tail in self._whole:
                return {self._whole[tail]}
        return set()


def _tails(path: str) -> Iterable[str]:
    """Yield what is left of a path without its first folders, the longest first."""
    start = path.find("/") + 1
    while start:
        yield path[start:]
        start = path.find("/", start) + 1


def chosen_rows(keys: Iterable[str], entries: Sequence[str], suffixes: frozenset[str]) -> set[str]:
    """Return those of a run's keys that a list names; raises as `selected`."""
    return _chosen([Named(key, key) for key in keys], entries, suffixes)


def selected(pairing: Pairing, entries: Sequence[str] | None, glob: str | None, suffixes: frozenset[str]) -> Pairing:
    """Return of a pairing what concerns the images that a list of names, or a glob of keys, chooses.

    Raises `PairingError` where the list names what is not in the ground truth, or what several files could be, and
    `NothingToScoreError` where no key fits the glob.
    """
    files = _gt_files(pairing, suffixes)
    if entries is not None:
        kept = _chosen(files, entries, suffixes)
    else:
        kept = {file.path for file in files if fnmatchcase(file.key, glob or "*")}
        if files and not kept:
            some = ", ".join(printable(file.key) for file in files[:3])
            fix = "Give a glob as in 'frankfurt/*', or a list of keys in a file whose name ends in .txt"
            raise NothingToScoreError("no image has such a key", (f"{glob}; keys are {some}, ...",), fix)

    pairs = tuple(pair for pair in pairing.pairs if pair.gt in kept)
    named = {name for pair in pairs for name in (gt_name(pair.gt), *map(pred_name, pair.pred))}
    return replace(
        pairing,
        pairs=pairs,
        photos=tuple(name for name in pairing.photos if name in named),
        missing=tuple(path for path in pairing.missing if path in kept),
        ambiguous=tuple(one for one in pairing.ambiguous if one[0] in kept),
        clashes=tuple(one for one in pairing.clashes if kept.intersection(one.gt)),
        incomplete=tuple(one for one in pairing.incomplete if one[0] in kept),
        gt_files=len(kept),
    )


def _gt_files(pairing: Pairing, suffixes: frozenset[str]) -> list[Named]:
    others = [gt for gt, _ in (*pairing.ambiguous, *pairing.incomplete)]
    others += [gt for clash in pairing.clashes for gt in clash.gt]
    named = [Named(pair.gt, pair.key) for pair in pairing.pairs]
    return named + [Named(path, path[: len(path) - len(extension(path, suffixes) or "")]) for path in others]


def mapped_files(
    gt: Sequence[Named], pred: Sequence[Named], name_map: Sequence[tuple[str, str]], suffixes: frozenset[str]
) -> list[tuple[Named, Named]]:
    """Return the files that a name map pairs; raises `UsageError` for names that are no file, or could be several."""
    sides = [
        (side, NameIndex(files, suffixes), {file.path: file for file in files})
        for side, files in (("gt", gt), ("pred", pred))
    ]
    pairs: list[tuple[Named, Named]] = []
    wrong: list[str] = []
    taken: dict[tuple[str, str], str] = {}
    for names in name_map:
        found: list[Named] = []
        for (side, index, files), name in zip(sides, names, strict=True):
            paths = sorted(index.find(name))
            if len(paths) != 1:
                wrong.append(f"{side} {printable(name)}: {f'could be {listed(paths, 3)}' if paths else 'no such file'}")
            elif taken.setdefault((side, paths[0]), name) != name:
                wrong.append(f"{side} {printable(name)}: {printable(taken[side, paths[0]])} is the same file")
            else:
                found.append(files[paths[0]])
        if len(found) == len(sides):
            pairs.append((found[0], found[1]))
    if wrong:
        fix = "Write each name as a path below its folder, and leave out files that are not there"
        raise UsageError("the name map does not fit the files", wrong, fix)
    return pairs


def _chosen(files: Sequence[Named], entries: Sequence[str], suffixes: frozenset[str]) -> set[str]:
    index = NameIndex(files, suffixes)
    kept: set[str] = set()
    unknown: list[str] = []
    unclear: list[str] = []
    for entry in entries:
        # Lists of images and masks have two columns; names can have blanks, so the whole line is tried first.
        found = index.find(entry) or index.find(entry.split()[-1])
        if len(found) == 1:
            kept |= found
        elif found:
            unclear.append(f"{printable(entry)}: {', '.join(printable(path) for path in sorted(found)[:3])}")
        else:
            unknown.append(printable(entry))
    if unknown:
        fix = "Correct the list, or give the ground truth that it is of"
        raise PairingError("keys of the list are not in the ground truth", unknown, fix)
    if unclear:
        raise PairingError("a name in the list could be several files", unclear, "Write it with its folders")
    return kept
