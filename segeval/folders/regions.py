"""Give each ground truth its region of interest, by the rules by which its prediction is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import PairingError, SegevalError, listed, printable, raise_all
from segeval.folders.matching import Matching, PairingRules, match
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import Tree, extension, gt_name, kind_of, opened, roi_name, walk

if TYPE_CHECKING:
    from segeval.stores.urls import Place


def with_regions(pairing: Pairing, roi: Place, rules: PairingRules, suffixes: frozenset[str]) -> Pairing:
    """Return a pairing whose pairs name their region's file, below `roi`.

    Keys are made as those of predictions, without what only these have: a suffix, a prefix, a name map. Regions of no
    ground truth are passed over. Raises `PairingError` for a folder that cannot be read, and for ground truth of which
    no region, or several, can be found.
    """
    root = opened(roi)
    if isinstance(roi, Path) and kind_of(root) == "file" and pairing.gt_files == 1:
        return replace(pairing, pairs=tuple(replace(pair, roi=roi.name) for pair in pairing.pairs), roi_root=roi.parent)
    if kind_of(root) != "folder":
        fix = "Check the path that --roi names"
        raise PairingError("the folder of regions cannot be found", (f"ROI {printable(str(roi))}",), fix)
    tree = walk(root, lambda name: extension(name, suffixes) is not None)
    found = match(
        [_named(pair) for pair in pairing.pairs],
        tree.files,
        replace(rules, pred_suffix=None, pred_prefix=None, pred_suffixes=(), name_map=()),
        suffixes,
    )
    raise_all(_problems(found, tree))
    regions = {file.path: path for file, path in found.paired}
    pairs = tuple(replace(pair, roi=regions[_named(pair)]) for pair in pairing.pairs)
    return replace(pairing, pairs=pairs, roi_root=root)


def _named(pair: Pair) -> str:
    """Return the name of a ground truth below its root, or below the folders of its classes."""
    return pair.gt.partition("/")[2] if pair.gt_classes else pair.gt


def _problems(found: Matching, tree: Tree) -> Iterator[SegevalError]:
    if tree.problems:
        where = [f"roi/{printable(path)}: {reason}" for path, reason in tree.problems]
        yield PairingError("places that cannot be read", where, "Fix or remove them, or use a folder without them")
    if found.missing:
        where = [gt_name(file.path) for file in found.missing]
        fix = "Name each region like its ground truth file, or pair all three folders with --key-regex"
        yield PairingError("ground truth files without a region of interest", where, fix)
    several = [*found.ambiguous, *((clash.gt[0], clash.pred) for clash in found.clashes)]
    if several:
        where = [f"{gt_name(gt)}: {listed([roi_name(path) for path in paths], 3)}" for gt, paths in several]
        yield PairingError("several regions could belong to one ground truth file", where, "Keep one for each image")
