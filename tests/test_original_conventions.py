"""Each convention against what its evaluator printed: every score under its name agrees, or is marked as segeval's own.

The golden files hold sets with void, absent, predicted-only and unknown values. Where an evaluator stops, so does its
convention; where it files a value under a class that the value does not name, the convention refuses the set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from segeval import ConfusionMatrix
from segeval.errors import SegevalError
from segeval.protocol.conventions import conventions, evaluators
from segeval.protocol.labeling import SegmentationClass
from segeval.report.report import Report
from segeval.scores.registry import OF_CLASSES, OF_MASKS
from tests.evaluators import Mask, Masks
from tests.originals import GoldenSet, golden
from tests.originals.inputs import GreyMaps, inputs_of
from tests.originals.matrix_references import ade20k_matlab
from tests.support.properties import some
from tests.test_originals import FLOAT32, FLOAT64, ZERO_FOR_UNDEFINED

Options = dict[str, Any]
SMP_SCORES = {"miou": "iou", "mdice": "f1"}


def flat(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scores of a set as the golden file has them."""
    return scores


def smp(reduction: str, **more: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the scores of one of SMP's reductions by segeval's names."""

    def of(scores: Mapping[str, Any]) -> Mapping[str, Any]:
        table = scores["weighted"] if reduction == "weighted" else scores
        return {ours: table[theirs][reduction] for ours, theirs in (SMP_SCORES | more).items()}

    return of


def smp_binary(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return pooled scores of the foreground."""
    found = smp("micro", pixel_accuracy="accuracy")(scores)
    return {**found, **{name: [..., scores[name]["micro"]] for name in ("recall", "precision")}}


def kaggle(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Dice of all images and of those with foreground; the other kind's is 1 less the false-alarm rate."""
    alarms = 1 - scores["dice_neg"] if scores["negatives"] else None
    return {"mdice": scores["mdice"], "positive_dice": scores["dice_pos"], "false_alarm_rate": alarms}


def torchmetrics(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the macro scores of `torchmetrics.classification`, its micro accuracy and its weighted Jaccard."""
    return {
        "miou": scores["iou"]["macro"],
        "mdice": scores["f1"]["macro"],
        "mean_accuracy": scores["accuracy"]["macro"],
        "pixel_accuracy": scores["accuracy"]["micro"],
        "fwiou": scores["iou"]["weighted"],
        "recall": scores["recall"]["none"],
        "precision": scores["precision"]["none"],
    }


@dataclass(frozen=True)
class Original:
    """Say which golden file a convention is held to, how its scores are found there, and what it refuses by choice."""

    convention: str
    golden: str
    precision: float = FLOAT64
    scores: Callable[[Mapping[str, Any]], Mapping[str, Any]] = flat
    options: Options = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    refused_here: str = ""


ACCURACY = {"accuracy": "recall"}
ORIGINALS = [
    Original("nnunet", "nnunet"),
    Original("nnunet", "nnunet-3d"),
    Original("monai-miou", "monai-miou", FLOAT32),
    Original(
        "monai-miou", "monai-miou", FLOAT32, options={"mean_over": "foreground"}, renamed={"miou_foreground": "miou"}
    ),
    Original(
        "monai-miou",
        "monai-miou",
        FLOAT32,
        options={"absent": "one", "pred_only": "zero"},
        renamed={"miou_keep_empty": "miou", "iou": ""},
    ),
    Original("monai-dice", "monai-dice", FLOAT32),
    Original(
        "monai-dice", "monai-dice", FLOAT32, options={"mean_over": "foreground"}, renamed={"mdice_foreground": "mdice"}
    ),
    Original("isic2018", "isic2018"),
    Original("kaggle-dice", "kaggle-dice", FLOAT32, kaggle, options={"binary": True}),
    Original("smp-micro", "smp", FLOAT32, smp("micro", pixel_accuracy="recall")),
    Original("smp-macro", "smp", FLOAT32, smp("macro", mean_accuracy="recall", recall="recall", precision="precision")),
    Original("smp-macro-imagewise", "smp", FLOAT32, smp("macro-imagewise")),
    Original("smp-micro-imagewise", "smp", FLOAT32, smp("micro-imagewise")),
    Original("smp-weighted", "smp", FLOAT32, smp("weighted"), options={"class_weights": "1, 2, ..."}),
    Original("smp-binary", "smp-binary", FLOAT32, smp_binary),
    Original("torchmetrics-jaccard", "torchmetrics", FLOAT32, torchmetrics),
    Original("torchmetrics-miou", "torchmetrics-segmentation", FLOAT32, renamed={"dice_samplewise_macro": "mdice"}),
    Original(
        "torchmetrics-miou",
        "torchmetrics-segmentation",
        FLOAT32,
        options={"mean_over": "foreground"},
        renamed={"dice_samplewise_macro_foreground": "mdice", "miou_foreground": "miou"},
    ),
    Original("keras", "keras", FLOAT32),
    Original("keras", "keras", FLOAT32, options={"mean_over": "foreground"}, renamed={"miou_foreground": "miou"}),
    Original("keras", "keras-one-hot-iou", FLOAT32),
    Original("keras-binary-iou", "keras-binary-iou", FLOAT32),
    Original("deeplab", "deeplab", FLOAT32),
    Original("mmseg", "mmseg", FLOAT32, renamed=ACCURACY, refused_here="cannot score a single class"),
    Original("hf", "hf", renamed=ACCURACY),
    Original("ade20k", "ade20k"),
    Original("segnet", "segnet"),
    Original("detectron2", "detectron2", renamed=ACCURACY, refused_here="neither a class nor ignored|ignored value"),
    Original("detectron2-void-class", "detectron2-void-class", renamed=ACCURACY),
    Original("cocostuff", "cocostuff", renamed=ACCURACY, refused_here="ignored value|neither a class nor ignored"),
    Original("fast-hist", "fast-hist", renamed=ACCURACY, refused_here="ignored value|neither a class nor ignored"),
    Original(
        "torchvision",
        "torchvision",
        FLOAT32,
        renamed=ACCURACY,
        refused_here="ignored value|neither a class nor ignored",
    ),
    Original("paddleseg", "paddleseg"),
    Original("paddleseg-2.8.0", "paddleseg-2.8.0"),
]
REFUSES = {"torchmetrics-jaccard": "ignored value|neither a class nor ignored", "deeplab": "ignored value"}


def names_of(original: Original) -> str:
    """Return what a case is called."""
    return "-".join([original.convention, original.golden, *original.options])


def report_of(original: Original, entry: GoldenSet) -> tuple[Report, bool]:
    """Score one set under a convention; the second value tells whether class 0 is in the set."""
    inputs = inputs_of(entry.inputs, entry.seed)
    options = dict(original.options)
    if isinstance(inputs, GreyMaps):
        # Keras compares p with 0.5, which no level is.
        counted = ConfusionMatrix(classes=2, ignore="none", convention=original.convention, **options)
        for level, foreground in zip(inputs.pred, inputs.gt, strict=True):
            counted.update((level >= 128).astype(np.int64), (foreground > 0).astype(np.int64))
        return counted.compute(), True
    assert isinstance(inputs, Masks)
    classes = [SegmentationClass(value, str(value)) for value in inputs.ids]
    if "class_weights" in options:
        options["class_weights"] = [float(value) for value in range(1, inputs.size + 1)]
    counted = ConfusionMatrix(
        classes=classes,
        ignore="none" if inputs.void is None else inputs.void,
        convention=original.convention,
        **options,
    )
    for pred, gt in zip(inputs.pred, inputs.gt, strict=True):
        update(counted, pred, gt)
    return counted.compute(), inputs.first == 0


def update(counted: ConfusionMatrix, pred: Mask, gt: Mask) -> None:
    """Count one image or one volume."""
    if gt.ndim == 3:
        # A volume is one image to a table of counts.
        pred, gt = pred.reshape(pred.shape[0], -1), gt.reshape(gt.shape[0], -1)
    counted.update(pred, gt)


def agree(found: Any, printed: Any, original: Original, where: str) -> None:
    """Hold a score, or a list by class in which `...` is not looked at, to what was printed.

    Where only the mean of the classes was printed, theirs is held to it.
    """
    if isinstance(found, list) and not isinstance(printed, Sequence):
        found = sum(found) / len(found)
    if isinstance(printed, Sequence):
        for value, other in zip(found, printed, strict=True):
            agree(value, other, original, where)
        return
    if printed is ...:
        return
    if found is None:
        by_class = not where.endswith(("miou", "mdice"))
        zero = original.golden in ZERO_FOR_UNDEFINED or by_class
        assert printed is None or (zero and printed == 0), where
    else:
        assert printed is not None, where
        assert math.isclose(found, printed, rel_tol=original.precision, abs_tol=original.precision), (
            f"{where}: {found} {printed}"
        )


@pytest.mark.parametrize("original", ORIGINALS, ids=names_of)
def test_every_score_under_an_evaluators_name_is_the_one_it_prints(original: Original) -> None:
    compared: set[str] = set()
    reports = 0
    renamed = dict(original.renamed)
    for entry in some(golden(original.golden).sets):
        where = f"{original.convention}, {entry.inputs} {entry.seed}"
        try:
            report, _ = report_of(original, entry)
        except SegevalError as error:
            why = str(error)
            expected = original.refused_here or REFUSES.get(original.convention, "")
            if entry.refused is None and "no class has a defined" not in why and "no pixel of the ground" not in why:
                assert expected, f"{where}: {why}"
                assert any(part in why for part in expected.split("|")), f"{where}: {why}"
            continue
        assert entry.refused is None, where
        reports += 1
        printed = {renamed.get(name, name): value for name, value in original.scores(entry.scores).items()}
        if renamed:
            printed |= {ours: original.scores(entry.scores)[theirs] for theirs, ours in renamed.items() if ours}
        for name in (*OF_MASKS, *OF_CLASSES):
            if name in printed and name not in report.own_scores:
                found = report.scores[name] if name in report.scores else [getattr(one, name) for one in report.classes]
                agree(found, printed[name], original, f"{where}: {name}")
                compared.add(name)
    assert reports
    assert compared & {"miou", "mdice"}
    held[original.convention] = held.get(original.convention, set()) | compared


held: dict[str, set[str]] = {}
"""Scores that were compared, by convention, for the tests of this module that ran in this process."""
BY_CLASS = {"recall", "precision"}
ELSEWHERE = {"segeval", "cityscapes", "voc", "mapillary"}
"""Conventions without golden file: their formulae are in tests/test_evaluators.py."""


def printed_names(original: Original) -> set[str]:
    """Return the scores that the golden file of a convention has, by segeval's names."""
    names = {
        name for entry in golden(original.golden).sets if not entry.refused for name in original.scores(entry.scores)
    }
    return {original.renamed.get(name, name) for name in names} | set(original.renamed.values())


def test_every_score_that_a_convention_claims_is_in_a_golden_file() -> None:
    """What is not claimed is marked as segeval's own, so that every printed score is one or the other."""
    for name, program in evaluators().items():
        if name not in ELSEWHERE:
            held_to = set().union(*(printed_names(one) for one in ORIGINALS if one.convention == name))
            assert program.defines <= held_to, name


def masks_of(gt: list[int], pred: list[int], classes: list[int], convention: str, **options: Any) -> ConfusionMatrix:
    """Count one image of one line."""
    counted = ConfusionMatrix(
        classes=[SegmentationClass(value, str(value)) for value in classes], convention=convention, **options
    )
    counted.update(np.array([pred]), np.array([gt]))
    return counted


@pytest.mark.parametrize(
    ("convention", "classes", "gt", "pred", "options", "why"),
    [
        ("cocostuff", [92, 93], [92, 92, 93, 93], [92, 0, 93, 93], {"ignore": 0}, "ignored value"),
        ("mmseg", [0], [0, 0, 0], [0, 0, 255], {"ignore": 255}, "cannot score a single class"),
        ("torchmetrics-jaccard", [0, 1, 2], [0, 0, 1], [3, 0, 1], {}, "neither a class nor ignored"),
        ("detectron2", [0, 1], [0, 1, 1], [0, 255, 1], {"ignore": 255}, "ignored value"),
        ("smp-macro", [0, 1, 2], [0, 1, 2], [0, 1, 1], {"ignore": [2, 255]}, "inside the class range"),
    ],
)
def test_where_an_original_goes_astray_its_convention_refuses_and_says_why(
    convention: str, classes: list[int], gt: list[int], pred: list[int], options: Options, why: str
) -> None:
    """COCO-Stuff, mmseg and torchmetrics would file such a value under another class; the others stop too."""
    with pytest.raises(SegevalError, match=why):
        masks_of(gt, pred, classes, convention, **options).compute()


def test_accuracies_are_divided_as_segnet_detectron2_and_ade20k_divide_them() -> None:
    ours = masks_of([0, 0, 1, 1], [0, 255, 1, 0], [0, 1, 2], "segeval", ignore=255).compute().scores
    assert (ours["pixel_accuracy"], ours["mean_accuracy"]) == (2 / 4, (1 / 2 + 1 / 2) / 2)
    segnet = masks_of([0, 0, 1, 1], [0, 255, 1, 0], [0, 1, 2], "segnet", ignore=255).compute().scores
    # Void predictions stay in the one and leave the other, which divides by all three classes.
    assert (segnet["pixel_accuracy"], segnet["mean_accuracy"]) == (2 / 4, (1 + 1 / 2 + 0) / 3)
    void_class = masks_of([0, 0, 1, 1], [0, 255, 1, 0], [0, 1, 2], "detectron2-void-class", ignore=255).compute().scores
    assert (void_class["pixel_accuracy"], void_class["mean_accuracy"]) == (2 / 3, (1 + 1 / 2) / 2)
    ade20k = masks_of([1, 2, 9, 9], [1, 1, 9, 1], [1, 2], "ade20k", ignore=0).compute().scores
    assert ade20k["pixel_accuracy"] == 2 / 4


def test_ade20k_is_the_python_code_and_not_the_matlab_one() -> None:
    gt, pred = [1, 2, 2, 2], [200, 2, 2, 2]
    report = masks_of(gt, pred, [1, 2], "ade20k", ignore=0).compute()
    assert [entry.iou for entry in report.classes] == [0.0, 1.0]
    matlab = ade20k_matlab(Masks((np.array([pred]),), (np.array([gt]),), 2, 0, 1))
    assert matlab["iou"] == [0.0, 0.75]


def test_voc_divides_hits_by_the_pixels_of_its_matrix() -> None:
    for entry in golden("fast-hist").sets:
        masks = inputs_of(entry.inputs, entry.seed)
        assert isinstance(masks, Masks)
        if entry.inputs in ("plain", "void"):
            report, _ = report_of(Original("voc", "fast-hist"), entry)
            pairs = [
                (int(g), int(p))
                for gt, pred in zip(masks.gt, masks.pred, strict=True)
                for g, p in zip(gt.ravel(), pred.ravel(), strict=True)
                if g != 255
            ]
            assert report.scores["pixel_accuracy"] == sum(g == p for g, p in pairs) / len(pairs)


def test_every_convention_is_held_to_an_original_or_its_formula() -> None:
    assert set(evaluators()) == set(conventions())
    assert {original.convention for original in ORIGINALS} | ELSEWHERE == set(conventions())


@pytest.mark.parametrize("name", [name for name in conventions() if name != "segeval"])
def test_scores_that_an_evaluator_does_not_print_have_the_default_axes_and_are_marked(name: str) -> None:
    gt, pred = np.array([[0, 0, 1, 1], [1, 0, 0, 1]]), np.array([[0, 1, 1, 1], [1, 0, 0, 0]])
    reports = []
    for convention in (name, "segeval"):
        counted = ConfusionMatrix(classes=2, convention=convention, class_weights="auto")
        counted.update(pred, gt)
        counted.update(gt[:, :2], pred[:, :2])
        reports.append(counted.compute())
    theirs, ours = reports
    assert theirs.own_scores
    for score in theirs.own_scores:
        if score in theirs.scores:
            assert theirs.scores[score] == ours.scores[score], score
    assert not ours.own_scores
