"""Match the names of two lists of files: select by suffix, make keys, and pair what is certain. Nothing is opened."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate

from segeval.errors import UsageError, printable
from segeval.folders.walking import Named, extension
from segeval.records import dataclass


@dataclass(frozen=True, slots=True)
class PairingRules:
    """How names become keys.

    A suffix is what a name ends with before its extension, or with it ("_labelIds" or "_labelIds.png"): it selects the
    files that bear it and is stripped; a prefix is what a file name begins with, and does the same. `key_regex` is
    searched in the file name of both; two files pair when its group `key` (or the first group, or the whole match) is
    the same text in both, wherever they lie. `gt_glob` restricts the ground truth; it is compared from the last
    component backwards, as far as both reach, so it holds however far in the user points. `gt_suffixes` and
    `pred_suffixes` are a preset's candidates: the first that selects any ground truth, and the one that pairs most
    predictions. An explicit suffix (the empty one too) wins over candidates and over the glob's file name, and what
    selects nothing at all restricts nothing. `name_map` has (ground-truth name, prediction name) of files that pair
    whatever they are called. Of what pairs, `keys` (names) or `key_glob` choose what is scored.
    """

    gt_suffix: str | None = None
    pred_suffix: str | None = None
    key_regex: str | None = None
    gt_glob: str | None = None
    gt_suffixes: tuple[str, ...] = ()
    pred_suffixes: tuple[str, ...] = ()
    gt_prefix: str | None = None
    pred_prefix: str | None = None
    name_map: tuple[tuple[str, str], ...] = ()
    keys: tuple[str, ...] | None = None
    key_glob: str | None = None


BY_NAME = PairingRules()
"""The rules without any option: equal relative paths without extension."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of one side that take part, the suffix and prefix that selected them, and the masks left out."""

    files: tuple[Named, ...]
    suffix: str | None
    unselected: tuple[str, ...]
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """Several ground truth files that cannot be told apart, and the predictions that any of them might have."""

    gt: tuple[str, ...]
    pred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """Where each file of both sides went: every selected ground truth file is in exactly one of `paired`, `missing`,
    `ambiguous` and `clashes`, every selected prediction in exactly one of `paired`, `extra`, `ambiguous`, `clashes`.
    """

    gt: Selection
    pred: Selection
    paired: tuple[tuple[Named, str], ...]
    missing: tuple[Named, ...]
    extra: tuple[str, ...]
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...]
    clashes: tuple[Clash, ...]


def match(gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str]) -> Matching:
    """Pair the paths of two folders by name; linear in their number, and independent of their order.

    UsageError where `rules.key_regex` is not a regular expression, or `rules.name_map` names what is not there.
    """
    key_of = _compiled(rules.key_regex)
    gt_chosen = _first_selection(sorted(gt), rules, suffixes)
    candidates = (rules.pred_suffix,) if rules.pred_suffix is not None else (*rules.pred_suffixes, None)
    best: Matching | None = None
    pred_sorted = sorted(pred)
    for suffix in candidates:
        pred_chosen = _selection(pred_sorted, suffix, None, suffixes, rules.pred_prefix)
        found = _Matcher(gt_chosen, pred_chosen, key_of).matching(_mapped(gt_chosen, pred_chosen, rules, suffixes))
        if best is None or len(found.paired) > len(best.paired):
            best = found
        if len(best.paired) == len(gt_chosen.files) > 0:
            break
    assert best is not None  # there is always a candidate, if only None
    return best


def _mapped(
    gt: Selection, pred: Selection, rules: PairingRules, suffixes: frozenset[str]
) -> Sequence[tuple[Named, Named]]:
    """Return the files that the name map pairs."""
    if not rules.name_map:
        return ()
    from segeval.folders.lists import mapped_files  # few folders need a list to be paired

    return mapped_files(gt.files, pred.files, rules.name_map, suffixes)


def _compiled(key_regex: str | None) -> Callable[[str], str | None] | None:
    if key_regex is None:
        return None
    try:
        pattern = re.compile(key_regex)
    except (re.error, RecursionError, OverflowError) as error:
        where = f"{printable(key_regex)}: {printable(str(error))}"
        raise UsageError(
            "the key pattern is not a regular expression", where, "See Python's re for its form"
        ) from error
    group: str | int = "key" if "key" in pattern.groupindex else min(pattern.groups, 1)

    def key_of(name: str) -> str | None:
        found = pattern.search(name)
        return (found[group] or None) if found else None  # an empty key would pair everything with everything

    return key_of


def _first_selection(paths: Sequence[str], rules: PairingRules, suffixes: frozenset[str]) -> Selection:
    """Return the first selection of ground truth that is not empty, from the narrowest rule to the widest."""
    glob, folders = rules.gt_glob, None
    if glob is not None:
        folders = "/".join([*glob.split("/")[:-1], "*"])
    named = rules.gt_suffixes or (None,)
    if rules.gt_suffix is not None:
        attempts: Iterable[tuple[str | None, str | None]] = [(folders, rules.gt_suffix), (None, rules.gt_suffix)]
    else:
        attempts = [*((pattern, suffix) for pattern in (glob, folders, None) for suffix in named), (None, None)]
    for pattern, suffix in dict.fromkeys(attempts):
        chosen = _selection(paths, suffix, pattern, suffixes, rules.gt_prefix)
        if chosen.files:
            break
    return chosen


def _selection(
    paths: Iterable[str], suffix: str | None, glob: str | None, suffixes: frozenset[str], prefix: str | None
) -> Selection:
    fits = _fits(glob) if glob is not None else None
    beginning = prefix or ""
    ending = suffix or ""
    only = extension(f"x{ending}", suffixes) or ""  # the suffix may name the extension too
    ending = ending[: len(ending) - len(only)]
    files, unselected = [], []
    for path in paths:
        name = path[path.rfind("/") + 1 :]
        found = extension(name, suffixes) or ""
        bare = name[: len(name) - len(found)]
        bears = bare.startswith(beginning) and bare.endswith(ending) and len(bare) >= len(beginning) + len(ending)
        # a name that is all suffix leaves its folder as the key: 0001/mask.png with the suffix "mask" is 0001
        folder = path[: len(path) - len(name)]
        key = f"{folder}{bare[len(beginning) : len(bare) - len(ending)]}".removesuffix("/")
        if bears and key and (not only or found.lower() == only.lower()) and (fits is None or fits(path)):
            files.append(Named(path, key))
        else:
            unselected.append(path)
    return Selection(tuple(files), suffix, tuple(unselected), prefix)


def _fits(glob: str) -> Callable[[str], bool]:
    patterns = [re.compile(translate(component)) for component in reversed(glob.split("/"))]

    def fits(path: str) -> bool:
        return all(pattern.match(part) for pattern, part in zip(patterns, reversed(path.split("/")), strict=False))

    return fits


class _Matcher:
    """Pair in stages, each on what the stages before it left: by pattern, by equal key, by equal key once composed
    and decomposed letters are the same (macOS stores the latter), and by name where one of the two lies in no folder.
    """

    def __init__(self, gt: Selection, pred: Selection, key_of: Callable[[str], str | None] | None) -> None:
        self._gt, self._pred, self._key_of = gt, pred, key_of
        self._gt_left = {file.path: file for file in gt.files}
        self._pred_left = {file.path: file for file in pred.files}
        self._paired: list[tuple[Named, str]] = []
        self._ambiguous: list[tuple[str, tuple[str, ...]]] = []
        self._clashes: list[Clash] = []

    def matching(self, mapped: Sequence[tuple[Named, Named]] = ()) -> Matching:
        """Run all stages and return where each file went; what is `mapped` pairs whatever it is called."""
        self._set_duplicates_apart()
        for gt_file, pred_file in mapped:
            if gt_file.path in self._gt_left and pred_file.path in self._pred_left:
                self._decide([gt_file], [pred_file])
        unresolved = self._pair_by_pattern()
        for gts, preds in self._groups(lambda file: file.key):
            self._decide(gts, preds)
        for gts, preds in self._groups(lambda file: unicodedata.normalize("NFC", file.key)):
            self._decide(gts, preds)
        self._pair_flat_with_nested()
        for gts, preds in unresolved:
            if all(file.path in self._gt_left for file in gts) and all(file.path in self._pred_left for file in preds):
                self._decide(gts, preds)
        return Matching(
            self._gt,
            self._pred,
            tuple(sorted(self._paired, key=lambda pair: pair[0].key)),
            tuple(sorted(self._gt_left.values(), key=lambda file: file.key)),
            tuple(sorted(self._pred_left)),
            tuple(sorted(self._ambiguous)),
            tuple(sorted(self._clashes, key=lambda clash: clash.gt)),
        )

    def _set_duplicates_apart(self) -> None:
        """Files of one key, such as a.png and a.npy, would be one row: none of them is taken."""
        keys = Counter(file.key for file in self._gt.files)
        repeated: dict[str, list[Named]] = {key: [] for key, count in keys.items() if count > 1}
        for file in self._gt.files if repeated else ():
            if file.key in repeated:
                repeated[file.key].append(file)
        claimed: dict[str, list[Named]] = {}
        for file in self._pred.files if repeated else ():
            if file.key in repeated:
                claimed.setdefault(file.key, []).append(file)
        for key, gts in repeated.items():
            self._clash(gts, claimed.get(key, []))

    def _pair_by_pattern(self) -> list[tuple[list[Named], list[Named]]]:
        """Pair where the pattern tells one ground truth; return the groups where it gives one key to several."""
        key_of = self._key_of
        if key_of is None:
            return []
        unresolved = []
        for gts, preds in self._groups(lambda file: key_of(_name(file.path))):
            if len(gts) == 1:
                self._decide(gts, preds)
            else:
                unresolved.append((gts, preds))
        return unresolved

    def _pair_flat_with_nested(self) -> None:
        """Pair by name alone where it is unique in both whole trees and one of the two files lies in no folder."""
        if not self._gt_left or not self._pred_left:
            return
        gt_count = Counter(_composed_name(file) for file in self._gt.files)
        pred_count = Counter(_composed_name(file) for file in self._pred.files)
        for gts, preds in self._groups(_composed_name):
            name = _composed_name(gts[0])
            flat_gts = [file for file in gts if "/" not in file.key]
            flat_preds = [file for file in preds if "/" not in file.key]
            if not flat_gts and not flat_preds:
                continue  # a/x and b/x: the folders say that they are two images
            unique = gt_count[name] == pred_count[name] == 1
            self._decide(gts if flat_preds else flat_gts, preds if flat_gts else flat_preds, unique=unique)

    def _groups(self, label: Callable[[Named], str | None]) -> Iterator[tuple[list[Named], list[Named]]]:
        """Yield what is left of both sides, grouped by label, where both sides have some."""
        if not self._gt_left or not self._pred_left:
            return
        groups: dict[str, tuple[list[Named], list[Named]]] = {}
        for file in self._gt_left.values():
            text = label(file)
            if text is not None:
                groups.setdefault(text, ([], []))[0].append(file)
        for file in self._pred_left.values():
            text = label(file)
            if text is not None and text in groups:
                groups[text][1].append(file)
        yield from ((gts, preds) for gts, preds in groups.values() if preds)

    def _decide(self, gts: list[Named], preds: list[Named], *, unique: bool = True) -> None:
        if len(gts) > 1:
            self._clash(gts, preds)
            return
        self._remove(gts, preds)
        if unique and len(preds) == 1:
            self._paired.append((gts[0], preds[0].path))
        else:
            self._ambiguous.append((gts[0].path, tuple(file.path for file in preds)))

    def _clash(self, gts: list[Named], preds: list[Named]) -> None:
        self._remove(gts, preds)
        self._clashes.append(Clash(tuple(file.path for file in gts), tuple(file.path for file in preds)))

    def _remove(self, gts: list[Named], preds: list[Named]) -> None:
        for file in gts:
            del self._gt_left[file.path]
        for file in preds:
            del self._pred_left[file.path]


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _composed_name(file: Named) -> str:
    return unicodedata.normalize("NFC", _name(file.key))
