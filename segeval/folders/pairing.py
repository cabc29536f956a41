"""Pair the files of two folder trees by their names, and tell all that does not pair and keeps them from a score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import NothingToScoreError, PairingError, SegevalError, UsageError, listed, printable, raise_all
from segeval.folders.matching import BY_NAME, Clash, Matching, PairingRules, match
from segeval.folders.walking import Tree, extension, extensions_in, gt_name, is_photo, kind_of, pred_name, walk
from segeval.protocol.axes import MISSING_CHOICES
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.stores.urls import Root

__all__ = [
    "Clash",
    "Pair",
    "Pairing",
    "PairingRules",
    "pair_folders",
    "require_pairs",
]

UNPACK_FIX = "Give the archive itself, as in pred.zip. Unpack it (unzip) where it lies in an archive"


@dataclass(frozen=True, slots=True)
class Pair:
    """One image: its key, and its files as POSIX paths relative to `Pairing.gt_root` and `Pairing.pred_root`.

    `pred` is one path, one for each class in class order for a map a class, and empty where the prediction is missing.
    `roi` is the file of its region of interest, relative to `Pairing.roi_root`, "" where there is none.
    `gt_classes` has the ground truth's, where it is one mask a class. `plane` is the place of the slice that is the
    image, from 0, and how many slices the ground truth has, where it is not the whole file.
    """

    key: str
    gt: str
    pred: tuple[str, ...]
    roi: str = ""
    gt_classes: tuple[str, ...] = ()
    plane: tuple[int, int] | None = None

    @property
    def gt_files(self) -> tuple[str, ...]:
        """Return the files of the ground truth."""
        return self.gt_classes or (self.gt,)


@dataclass(frozen=True, slots=True)
class Pairing:
    """All that two folders hold; each tuple is in code point order.

    Every selected ground truth file is in exactly one of `pairs`, `ambiguous` (with the predictions that fit it),
    `clashes` and `incomplete` (with the class folders that lack its map); `missing` repeats those of `pairs` without
    prediction. `extra` are predictions without ground truth. `unselected` masks lack the suffix asked for.
    `unreadable` are lines fit for a message: gt/ or pred/, the path, the reason. Suffixes and prefixes are those that
    were used. `photos` are files of pairs that are named like photos, with their side. `hint` is a sentence with the
    options that would pair most, where not half pair, files clash, or photos take the place of masks.
    `class_folders` and `gt_class_folders` are those that hold one map or mask a class.
    """

    gt_root: Root
    pred_root: Root
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
    roi_root: Root | None = None
    gt_class_folders: tuple[str, ...] = ()


def pair_folders(pred: Root, gt: Root, *, rules: PairingRules = BY_NAME, suffixes: frozenset[str]) -> Pairing:
    """Pair the masks of two folders or stores by key: path without pairing suffix and extension, never by position.

    Equal keys pair; of a nested and a flat folder, equal names that are unique on both sides. `suffixes` are the
    extensions (lower case, with the dot) that make a file a mask; all others and dotfiles are passed over. Two files
    are one pair. PairingError where a root is neither, UsageError for a broken pattern; nothing else is raised for
    what the folders hold, see `require_pairs`.
    """
    if isinstance(pred, Path) and isinstance(gt, Path) and kind_of(pred) == kind_of(gt) == "file":
        found = extension(gt.name, suffixes) or gt.suffix
        pair = Pair(gt.name.removesuffix(found), gt.name, (pred.name,))
        return _limited(Pairing(gt.parent, pred.parent, (pair,), gt_files=1, pred_files=1), rules, suffixes)
    require_folders(pred, gt)
    gt_tree, pred_tree = (walk(root, lambda name: extension(name, suffixes) is not None) for root in (gt, pred))
    actual = {path: (path,) for path in pred_tree.files}
    unreadable = (*unreadable_lines("gt", gt_tree), *unreadable_lines("pred", pred_tree))
    return paired_names(pred, gt, gt_tree.files, actual, rules, suffixes, unreadable)


def _limited(pairing: Pairing, rules: PairingRules, suffixes: frozenset[str]) -> Pairing:
    """Leave out images that are not chosen by name."""
    if rules.keys is None and rules.key_glob is None:
        return pairing
    from segeval.folders.lists import selected  # few runs choose images

    return selected(pairing, rules.keys, rules.key_glob, suffixes)


def require_folders(pred: Root, gt: Root) -> None:
    """Raise `PairingError` for what is no folder."""
    problems = []
    kinds = {"PRED": kind_of(pred), "GT": kind_of(gt)}
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


def unreadable_lines(side: str, tree: Tree) -> tuple[str, ...]:
    """Return the places of a tree that cannot be read as lines of a message."""
    return tuple(f"{side}/{printable(path)}: {reason}" for path, reason in tree.problems)


def paired_names(
    pred_root: Root,
    gt_root: Root,
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
    pairing = Pairing(
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
    return _limited(pairing, rules, suffixes)


def _photos(found: Matching) -> Iterable[str]:
    for file, pred in found.paired:
        for name, path in ((gt_name, file.path), (pred_name, pred)):
            if is_photo(path):
                yield name(path)


def _hint(
    gt: Sequence[str], pred: Sequence[str], rules: PairingRules, suffixes: frozenset[str], found: Matching
) -> str:
    from segeval.folders.hints import hint  # folders that pair need none

    # A name map names the files of one way to pair them, and none of the ways that are tried.
    return hint(gt, pred, replace(rules, name_map=()), suffixes, found)


def _files(actual: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(path for name in names for path in actual[name]))


READ = "masks are read from PNG, BMP, GIF, TIFF, .npy, .npz and NIfTI"
NAMES_FIX = (
    "Name each prediction like its ground truth file, or see --gt-suffix, --pred-suffix and --key-regex; --name-map "
    "takes a CSV file of the pairs"
)
SHOWN = 5
"""Names shown of a group of files in one line of an error."""


def require_pairs(pairing: Pairing, *, missing: str = "error") -> tuple[Pair, ...]:
    """Return the pairs to score, or raise one error that tells all that keeps them from being scored.

    `missing` says what becomes of ground truth without prediction: "error", "skip" (left out), or "miss" (kept, with
    `pred` empty). Raises PairingError, NothingToScoreError where nothing pairs, or `Problems` of several. Extra
    predictions are no error.
    """
    if missing not in MISSING_CHOICES:
        raise UsageError("unknown choice for --missing", repr(missing), f"Choose one of {', '.join(MISSING_CHOICES)}")
    problems: list[SegevalError] = []
    if pairing.unreadable:
        problems.append(
            PairingError(
                "places that cannot be read", pairing.unreadable, "Fix or remove them, or use a folder without them"
            )
        )
    matched = len({pair.gt for pair in pairing.pairs if pair.pred})
    if pairing.gt_files == 0:
        problems.append(_nothing("no ground truth masks", "gt", pairing))
    if pairing.pred_files == 0:
        problems.append(_nothing("no predictions", "pred", pairing))
    undecided = not pairing.missing and (pairing.ambiguous or pairing.clashes)
    few = not matched or (missing == "error" and _few(pairing, matched))
    if pairing.gt_files and pairing.pred_files and few and not undecided:
        problems.append(_names_differ(pairing, matched))
    if pairing.missing and missing == "error" and pairing.pred_files:
        problems.append(
            PairingError(
                "ground truth files without a prediction",
                map(gt_name, pairing.missing),
                (pairing.hint if few or pairing.photos else "")
                or "Add the predictions, or choose --missing skip (left out) or --missing miss (counted as wrong)",
            )
        )
    problems.extend(_undecided(pairing))
    raise_all(problems)
    return tuple(pair for pair in pairing.pairs if pair.pred or missing != "skip")


def _undecided(pairing: Pairing) -> Iterable[SegevalError]:
    if pairing.photos and pairing.hint:
        yield PairingError("photos pair where masks lie beside them", pairing.photos, pairing.hint)
    if pairing.ambiguous:
        yield PairingError(
            "several predictions could belong to one ground truth file",
            (f"{gt_name(gt)}: {_some(candidates, pred_name)}" for gt, candidates in pairing.ambiguous),
            pairing.hint or "Keep one prediction for each, or select with --pred-suffix",
        )
    if pairing.clashes:
        yield PairingError(
            "several ground truth files cannot be told apart",
            (
                _some(clash.gt, gt_name)
                + (f": {_some(clash.pred, pred_name)} could belong to any" if clash.pred else "")
                for clash in pairing.clashes
            ),
            pairing.hint or "Keep one for each image, select with --gt-suffix, or use the same layout in both folders",
        )
    if pairing.incomplete:
        yield PairingError(
            "class maps are missing",
            (f"{gt_name(gt)}: no map in {_some(folders, printable)}" for gt, folders in pairing.incomplete),
            "Write one map for every class of every image",
        )


def _few(pairing: Pairing, matched: int) -> bool:
    return 2 * matched < pairing.gt_files


def _names_differ(pairing: Pairing, matched: int) -> SegevalError:
    """Show one name of each side that does not pair, and what would pair them."""
    examples = (
        (gt_name, (*pairing.missing, *(gt for gt, _ in pairing.ambiguous), *_clashing(pairing.clashes))),
        (pred_name, (*pairing.extra, *pairing.pred_unselected)),
    )
    where = [name(paths[0]) for name, paths in examples if paths]
    fix = pairing.hint or NAMES_FIX
    if matched:
        return PairingError("fewer than half of the ground truth files have a prediction by name", where, fix)
    return NothingToScoreError("no ground truth file has a prediction by name", where, fix)


def _clashing(clashes: Iterable[Clash]) -> Iterable[str]:
    return (path for clash in clashes for path in clash.gt)


def _nothing(what: str, side: str, pairing: Pairing) -> SegevalError:
    """Say what a folder without a single mask holds instead."""
    gt = side == "gt"
    root, unselected = (pairing.gt_root, pairing.gt_unselected) if gt else (pairing.pred_root, pairing.pred_unselected)
    chosen = {"suffix": pairing.gt_suffix if gt else pairing.pred_suffix}
    chosen["prefix"] = pairing.gt_prefix if gt else pairing.pred_prefix
    for part, text in chosen.items():
        if unselected and text:
            verb = "end" if part == "suffix" else "begin"
            option = f"--{side}-{part}"
            where = [f"{option} {printable(text)}", f"for example, {printable(unselected[0])} does not {verb} so"]
            return NothingToScoreError(f"{what} with this {part}", where, pairing.hint or f"Correct {option}")
    where = [f"{side.upper()} {printable(str(root))}"]
    others = extensions_in(root).most_common(SHOWN) if kind_of(root) == "folder" else []
    if not others:
        return NothingToScoreError(f"{what} in the folder", where, "Check the path")
    held = ", ".join(f"{printable(ending)} ({files:,} file{'s' if files > 1 else ''})" for ending, files in others)
    where = [f"{where[0]}: it holds {held}"]
    if others[0][0].lower() == ".zip":
        return NothingToScoreError(f"{what} in the folder, which holds a zip archive", where, UNPACK_FIX)
    return NothingToScoreError(
        f"{what} in the folder", where, f"Check the path; {READ}: save the masks as one of these"
    )


def _some(names: Sequence[str], called: Callable[[str], str]) -> str:
    return listed([called(name) for name in names], SHOWN)
