"""Lesions by the programs that define how they are scored: BraTS 2023's, and StarDist's matching of detections."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.originals.clones import execute, source
from tests.originals.programs import DOUBLE, plain
from tests.originals.shapes import digest_of, spots

Mask = NDArray[np.bool_]
BRATS, STARDIST = "43c9052", "650d3a1"
CHALLENGES = ("BraTS-GLI", "BraTS-MEN", "BraTS-MET")
"""Of five: SSA and PED have GLI's numbers."""
CRITERIA = (("iou", 0.5), ("iou", 0.25), ("iou", 0.125))
PLANES, VOLUMES = 60, 60


@dataclass(frozen=True)
class LesionProgram:
    """Describe a program as `tests.originals.programs.Program` does; `ask` is asked about class 1 of `spots`."""

    name: str
    program: str
    inputs: Sequence[tuple[int, int]]
    ask: Callable[[Mask, Mask, tuple[float, ...]], Mapping[str, Any]]

    def run(self) -> dict[str, Any]:
        """Ask about every pair and return the golden file."""
        entries = [(axes, seed) for axes, count in self.inputs for seed in range(count)]
        sets = [spots(seed, axes) for axes, seed in entries]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answers = [plain(self.ask(one.gt == 1, one.pred == 1, one.spacing), DOUBLE) for one in sets]
        told = [
            {"inputs": f"{axes} axes", "seed": seed, "scores": answer}
            for (axes, seed), answer in zip(entries, answers, strict=True)
        ]
        return {"program": self.program, "digest": digest_of(sets), "sets": told}


@cache
def _brats() -> ModuleType:
    name = "BraTS-2023-Metrics"
    package = ModuleType("surface_distance")
    package.__path__ = []
    package.__dict__["__file__"] = "surface_distance/__init__.py"
    sys.modules["surface_distance"] = package
    tables = execute(source(name, BRATS, "surface_distance/lookup_tables.py"), "lookup_tables")
    vars(package)["lookup_tables"] = tables
    metrics = execute(
        source(name, BRATS, "surface_distance/metrics.py"), "surface_distance.metrics", package="surface_distance"
    )
    vars(package).update({key: value for key, value in vars(metrics).items() if key.startswith("compute")})
    text = source(name, BRATS, "metrics.py")
    # pandas 1.5, the last that has `append`, cannot look for infinity in a column of arrays; the other has it alone.
    everywhere = "metric_df = metric_df.replace(np.inf, 374)"
    assert everywhere in text
    hd95 = "metric_df['hd95_lesionwise']"
    return execute(text.replace(everywhere, f"{hd95} = {hd95}.replace(np.inf, 374)"), "brats")


def lesion_wise(gt: Mask, pred: Mask, spacing: tuple[float, ...]) -> dict[str, Any]:
    """Return what the program prints of one tissue for each kind of challenge; an image is a volume of one slice.

    Of the tissues it has, ET is that of label 3 alone. Axes are reversed, as files have columns first.
    """
    nibabel = import_module("nibabel")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for side, mask in (("pred", pred), ("gt", gt)):
            volume = (mask if mask.ndim == 3 else mask[None]).astype(np.uint8) * 3
            steps = spacing if mask.ndim == 3 else (1.0, *spacing)
            files.append(str(Path(folder) / f"{side}.nii"))
            nibabel.save(nibabel.Nifti1Image(volume.T, np.diag([*steps[::-1], 1.0])), files[-1])
        for challenge in CHALLENGES:
            table = _brats().get_LesionWiseResults(*files, challenge)
            row = table[table["Labels"] == "ET"].iloc[0]
            found[challenge] = {
                "tp": int(row["Num_TP"]),
                "fp": int(row["Num_FP"]),
                "fn": int(row["Num_FN"]),
                "dice": float(row["LesionWise_Score_Dice"]),
                "hd95": float(row["LesionWise_Score_HD95"]),
            }
    return found


@cache
def _stardist() -> ModuleType:
    text = source("stardist", STARDIST, "stardist/matching.py")
    return execute(text, "matching", ["numba", "csbdeep.utils", "skimage.measure"])


def detection(gt: Mask, pred: Mask, _spacing: tuple[float, ...]) -> dict[str, Any]:
    """Match components by faces alone and by all neighbours, at several overlaps."""
    ndimage = import_module("scipy.ndimage")
    found = {}
    for rank in (1, gt.ndim):
        structure = ndimage.generate_binary_structure(gt.ndim, rank)
        sides = [ndimage.label(side, structure)[0] for side in (gt, pred)]
        for criterion, least in CRITERIA:
            told = _stardist().matching(*sides, thresh=least, criterion=criterion)
            found[f"{rank},{criterion}={least:g}"] = [int(told.tp), int(told.fp), int(told.fn)]
    return found


PROGRAMS = (
    LesionProgram(
        "lesions/brats2023",
        f"get_LesionWiseResults of rachitsaluja/BraTS-2023-Metrics {BRATS}, tissue ET",
        [(3, VOLUMES), (2, PLANES)],
        lesion_wise,
    ),
    LesionProgram(
        "lesions/detection",
        f"matching of stardist/stardist {STARDIST} on components of scipy.ndimage.label",
        [(2, PLANES), (3, VOLUMES)],
        detection,
    ),
)
