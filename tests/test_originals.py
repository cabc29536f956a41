"""Reference formulae against golden files of the originals: each rule that `facts.json` states gives their numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from tests.evaluators import Refused
from tests.originals import Golden, facts, golden, golden_names, map_references, matrix_references, references
from tests.originals.inputs import digest, inputs_of

FLOAT32, FLOAT64 = 1e-6, 1e-12
# Keras adds 1e-7 to every denominator; float32 sums of a curve of 255 thresholds lose a digit.
REFERENCES: Mapping[str, tuple[Callable[[Any], Mapping[str, Any]], float]] = {
    "nnunet": (references.nnunet, FLOAT64),
    "nnunet-3d": (references.nnunet, FLOAT64),
    "monai-miou": (partial(references.monai, score="iou"), FLOAT32),
    "monai-dice": (partial(references.monai, score="dice"), FLOAT32),
    "isic2018": (references.isic, FLOAT64),
    "kaggle-dice": (references.kaggle, FLOAT32),
    "smp": (references.smp, FLOAT32),
    "smp-binary": (references.smp_binary, FLOAT32),
    "torchmetrics": (references.torchmetrics, FLOAT32),
    "torchmetrics-segmentation": (references.torchmetrics_segmentation, FLOAT32),
    "keras": (matrix_references.keras, FLOAT32),
    "keras-one-hot-iou": (matrix_references.keras_one_hot, FLOAT32),
    "keras-binary-iou": (map_references.keras_binary_iou, FLOAT32),
    "deeplab": (matrix_references.deeplab, FLOAT32),
    "mmseg": (matrix_references.mmseg, FLOAT32),
    "hf": (matrix_references.huggingface, FLOAT64),
    "ade20k": (matrix_references.ade20k, FLOAT64),
    "ade20k-matlab": (matrix_references.ade20k_matlab, FLOAT64),
    "segnet": (matrix_references.segnet, FLOAT64),
    "detectron2": (matrix_references.detectron2, FLOAT64),
    "detectron2-void-class": (matrix_references.detectron2_void_class, FLOAT64),
    "cocostuff": (matrix_references.cocostuff, FLOAT64),
    "fast-hist": (matrix_references.fast_hist, FLOAT64),
    "torchvision": (matrix_references.torchvision, FLOAT32),
    "paddleseg": (matrix_references.paddleseg, FLOAT64),
    "paddleseg-2.8.0": (partial(matrix_references.paddleseg, absent=0.0), FLOAT64),
    "sod": (map_references.sod, FLOAT32),
    "pysodmetrics": (map_references.pysodmetrics, FLOAT64),
    "torch-cross-entropy": (map_references.cross_entropy, FLOAT64),
    "torch-bce": (map_references.binary_losses, FLOAT64),
    "calibration": (map_references.calibration, FLOAT32),
}
# Where nothing is defined these print 0, which is undefined here.
ZERO_FOR_UNDEFINED = {
    "monai-miou",
    "monai-dice",
    "keras",
    "keras-one-hot-iou",
    "keras-binary-iou",
    "deeplab",
    "kaggle-dice",
}


def test_every_golden_file_has_a_formula_and_facts() -> None:
    assert set(golden_names()) == set(REFERENCES)
    assert set(facts()) == set(golden_names())


@pytest.mark.parametrize("name", REFERENCES)
def test_inputs_are_the_ones_that_the_original_was_given(name: str) -> None:
    given = golden(name)
    assert digest(inputs_of(entry.inputs, entry.seed) for entry in given.sets) == given.digest


@pytest.mark.parametrize("name", REFERENCES)
def test_formulae_give_what_the_originals_print(name: str) -> None:
    given = golden(name)
    formula, precision = REFERENCES[name]
    compared = 0
    for entry in given.sets:
        where = f"{name}, {entry.inputs} {entry.seed}"
        try:
            found = formula(inputs_of(entry.inputs, entry.seed))
        except Refused:
            # An original that misfiles a value has printed something; nobody is to agree with that.
            continue
        assert entry.refused is None, where
        for score, value in found.items():
            agree(value, entry.scores[score], precision, name in ZERO_FOR_UNDEFINED, f"{where}: {score}")
            compared += 1
    assert compared


def agree(found: Any, printed: Any, precision: float, zero_for_undefined: bool, where: str) -> None:
    """Hold a score, a list by class, or a mapping by reduction to what was printed."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            agree(value, printed[key], precision, zero_for_undefined, f"{where} {key}")
    elif isinstance(found, list):
        assert len(found) == len(printed), where
        for value, other in zip(found, printed, strict=True):
            agree(value, other, precision, zero_for_undefined, where)
    elif found is None:
        assert printed is None or (zero_for_undefined and printed == 0), where
    else:
        assert printed is not None, where
        assert math.isclose(found, printed, rel_tol=precision, abs_tol=precision), f"{where}: {found} {printed}"


def refusals(given: Golden) -> set[str]:
    """Return the profiles of which an original refused some set."""
    return {entry.inputs for entry in given.sets if entry.refused is not None}


@pytest.mark.parametrize(
    ("name", "profiles"),
    [
        ("smp", {"from_1"}),
        ("smp-binary", {"void"}),
        ("torchmetrics", {"void_pred", "unknown_pred"}),
        ("torchmetrics-segmentation", {"ugly"}),
        ("detectron2", {"void_pred", "unknown_pred"}),
        ("cocostuff", {"from_92_unknown"}),
        ("fast-hist", {"void_pred", "unknown_pred"}),
        ("torchvision", {"void_pred", "unknown_pred"}),
        ("deeplab", {"void_pred"}),
    ],
)
def test_what_originals_refuse_is_what_formulae_refuse(name: str, profiles: set[str]) -> None:
    given = golden(name)
    assert refusals(given) == profiles
    for entry in given.sets:
        if entry.refused is not None:
            with pytest.raises(Refused):
                REFERENCES[name][0](inputs_of(entry.inputs, entry.seed))
