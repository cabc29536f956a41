"""nnU-Net's own evaluation of a data set, with labels or regions as its `dataset.json` has them: its `summary.json`."""

from __future__ import annotations

import importlib
import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.originals.cases import SPACING, CaseSet, case_set, digest_of, write_dataset
from tests.originals.programs import DOUBLE, plain

SETS = 40


def summary(found: CaseSet) -> Mapping[str, Any]:
    """Return what `compute_metrics_on_folder2` writes, its files by name; its pool of processes is one of threads."""
    evaluation: Any = importlib.import_module("nnunetv2.evaluation.evaluate_predictions")
    evaluation.multiprocessing = SimpleNamespace(get_context=lambda _method: SimpleNamespace(Pool=ThreadPool))
    simple_itk: Any = importlib.import_module("SimpleITK")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("labelsTr", "predictions"):
            (folder / side).mkdir()
        for key, sides in found.cases.items():
            for side, array in zip(("labelsTr", "predictions"), sides, strict=True):
                image = simple_itk.GetImageFromArray(array)
                image.SetSpacing(SPACING[::-1])
                simple_itk.WriteImage(image, str(folder / side / f"{key}.nii.gz"))
        plans = folder / "plans.json"
        plans.write_text("{}", encoding="utf-8")
        target = folder / "summary.json"
        evaluation.compute_metrics_on_folder2(
            str(folder / "labelsTr"),
            str(folder / "predictions"),
            str(write_dataset(found, folder)),
            str(plans),
            str(target),
            1,
        )
        told: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    for case in told["metric_per_case"]:
        for side in ("reference_file", "prediction_file"):
            case[side] = Path(case[side]).name
    return told


@dataclass(frozen=True)
class SummaryProgram:
    """Describe the evaluation as `tests.originals.programs.Program` does."""

    name: str
    program: str

    def run(self) -> dict[str, Any]:
        """Evaluate every set and return the golden file."""
        sets = [case_set(seed) for seed in range(SETS)]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answers = [plain(summary(entry), DOUBLE) for entry in sets]
        told = [{"inputs": "cases", "seed": seed, "scores": answer} for seed, answer in enumerate(answers)]
        return {"program": self.program, "digest": digest_of(sets), "sets": told}


PROGRAMS = [
    SummaryProgram(
        "nnunet/summaries", "nnU-Net 2.8.1, nnunetv2.evaluation.evaluate_predictions.compute_metrics_on_folder2"
    )
]
