"""Folder trees of empty files for the tests of pairing, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from segeval.errors import Problems, SegevalError
from segeval.folders.pairing import Pairing, PairingRules, pair_folders, require_pairs

SUFFIXES = frozenset({".png", ".npy", ".npz", ".tif"})
CORES = [f"ulm_0000{number:02}_000019" for number in range(1, 13)]
"""Names of images, as Cityscapes gives them."""


def make(root: Path, *paths: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def pairing_of(tmp_path: Path, gt: list[str], pred: list[str], rules: PairingRules | None = None) -> Pairing:
    gt_root, pred_root = make(tmp_path / "gt", *gt), make(tmp_path / "pred", *pred)
    return pair_folders(pred_root, gt_root, rules=rules or PairingRules(), suffixes=SUFFIXES)


def paired(pairing: Pairing) -> dict[str, tuple[str, ...]]:
    return {pair.gt: pair.pred for pair in pairing.pairs if pair.pred}


def problems_of(pairing: Pairing, missing: str = "error") -> tuple[SegevalError, ...]:
    with pytest.raises(SegevalError) as raised:
        require_pairs(pairing, missing=missing)
    return raised.value.problems if isinstance(raised.value, Problems) else (raised.value,)


def problem(pairing: Pairing, words: str, missing: str = "error") -> SegevalError:
    (found,) = [problem for problem in problems_of(pairing, missing) if words in problem.what]
    return found
