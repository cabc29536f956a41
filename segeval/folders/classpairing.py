"""Two folders of which at least one holds a mask a class, in folders named after the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from segeval.errors import PairingError, printable
from segeval.folders.classfolders import class_folders
from segeval.folders.matching import BY_NAME, PairingRules
from segeval.folders.pairing import Pairing, pair_folders, paired_names, require_folders, unreadable_lines
from segeval.folders.walking import extension, folders_in, kind_of, walk

if TYPE_CHECKING:
    from segeval.stores.urls import Root

Names = Sequence[tuple[int, str]]


def folder_names(pred: Root, gt: Root) -> tuple[str, ...]:
    """Return the names of the folders in the ground truth, else in the predictions, ascending; empty where none is."""
    for root in (gt, pred):
        if kind_of(root) == "folder":
            try:
                found = folders_in(root)
            except OSError:  # which pairing tells
                continue
            if found:
                return found
    return ()


def pair_sets(pred: Root, gt: Root, names: Names, *, rules: PairingRules, suffixes: frozenset[str]) -> Pairing:
    """Pair folders with one mask a class on one side or both; else file by file. `names` are (id, name) of classes.

    Raises `PairingError` where a side has the folders of only some classes, or where its own are of other classes.
    """
    of_gt, of_pred = class_folders(gt, names), class_folders(pred, names)
    if of_gt is None and of_pred is None:
        return pair_folders(pred, gt, rules=rules, suffixes=suffixes)
    for side, root, folders in (("gt", gt, of_gt), ("pred", pred, of_pred)):
        other = [name for name in folders_in(root) if name not in folders] if folders is not None else []
        if other:
            raise PairingError(
                "folders are named after no class",
                [f"{side}/{printable(name)}/" for name in other],
                "Name all classes with --classes, or give folders that hold masks of these classes only",
            )
    return pair_class_folders(pred, gt, of_pred or (), gt_folders=of_gt or (), rules=rules, suffixes=suffixes)


def pair_class_folders(
    pred: Root,
    gt: Root,
    folders: Sequence[str],
    *,
    gt_folders: Sequence[str] = (),
    rules: PairingRules = BY_NAME,
    suffixes: frozenset[str],
) -> Pairing:
    """Pair ground truth with one map a class: `pred/<folder>/<key>`, folders in class order (see `class_folders`).

    Each pair has one prediction path a folder, and one of the ground truth for each of `gt_folders`; without folders a
    side has one file an image. A ground truth that lacks some on either side is `incomplete`. Errors: `pair_folders`.
    """
    require_folders(pred, gt)
    actual, lacking, lines = _by_class("pred", pred, folders, suffixes)
    of_gt, gt_lacking, gt_lines = _by_class("gt", gt, gt_folders, suffixes)
    pairing = paired_names(pred, gt, tuple(of_gt), actual, rules, suffixes, (*gt_lines, *lines), lacking)
    if gt_folders:
        pairs = tuple(
            replace(pair, gt=of_gt[pair.gt][0], gt_classes=of_gt[pair.gt])
            for pair in pairing.pairs
            if pair.gt not in gt_lacking
        )
        incomplete = tuple(sorted((*pairing.incomplete, *gt_lacking.items())))
        pairing = replace(pairing, pairs=pairs, incomplete=incomplete)
    return replace(pairing, class_folders=tuple(folders), gt_class_folders=tuple(gt_folders))


def _by_class(
    side: str, root: Root, folders: Sequence[str], suffixes: frozenset[str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], list[str]]:
    """Return the files of each name below all `folders` of a side, the folders that lack one, and what is unreadable.

    Without folders each name is its own file.
    """
    files: dict[str, dict[str, str]] = {}
    unreadable: list[str] = []
    for folder in folders or ("",):
        tree = walk(root, lambda name: extension(name, suffixes) is not None, folder)
        unreadable.extend(unreadable_lines(f"{side}/{printable(folder)}" if folder else side, tree))
        for path in tree.files:
            files.setdefault(path, {})[folder] = f"{folder}/{path}" if folder else path
    lacking = {
        path: tuple(folder for folder in folders if folder not in by_folder)
        for path, by_folder in files.items()
        if len(by_folder) < len(folders)
    }
    return {path: tuple(by_folder.values()) for path, by_folder in files.items()}, lacking, unreadable
