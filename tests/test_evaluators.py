"""The field's evaluators on random masks: equal under their name, or refused under it where they refuse.

Formulae rewritten from an evaluator's source agree to 1e-12. Installed packages compute in float32 and agree to that:
each row of `PACKAGES` says how closely. The masks are small and ugly (void, absent, predicted-only and unknown values,
a void inside the classes) or large and from fixed seeds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segeval import ConfusionMatrix
from segeval.errors import LabelError, SegevalError
from segeval.protocol.conventions import conventions
from segeval.protocol.labeling import SegmentationClass
from segeval.report.report import Report
from segeval.request.options import ConventionOptions
from tests.evaluators import Mask, Masks, Refused, Scores, close, histograms, matrices, packages
from tests.support.properties import examples, some

Evaluate = Callable[[Masks], Scores]


@dataclass(frozen=True)
class Evaluator:
    """Say what an evaluator can be given, and how closely its numbers agree.

    `void` is where its void may lie: outside the classes, inside, nowhere. `void_pred` and `unknown` say whether
    predictions may be void on valid ground truth, and whether masks may hold values that are neither.
    """

    convention: str
    evaluate: Evaluate
    void: tuple[str, ...] = ("outside",)
    void_value: int = 255
    first: int = 0
    void_pred: bool = True
    unknown: bool = True
    precision: float = 1e-12
    absent: float | None = None


EVERYWHERE = ("outside", "inside", "nowhere")
FORMULAE = {
    "mmseg": Evaluator("mmseg", histograms.huggingface, EVERYWHERE),
    "hf": Evaluator("hf", histograms.huggingface, EVERYWHERE),
    "ade20k": Evaluator("ade20k", histograms.ade20k, void_value=0, first=1),
    "smp-macro": Evaluator("smp-macro", histograms.smp_macro, ("outside", "nowhere")),
    "smp-macro-imagewise": Evaluator("smp-macro-imagewise", histograms.smp_macro_imagewise, ("outside", "nowhere")),
    "smp-micro": Evaluator("smp-micro", histograms.smp_micro, ("outside", "nowhere")),
    "cityscapes": Evaluator("cityscapes", matrices.cityscapes, EVERYWHERE),
    # The devkit refuses void in a prediction; COCO-Stuff's index -1 files it under the last category, as nobody means.
    "voc": Evaluator("voc", matrices.voc, void_pred=False),
    "cocostuff": Evaluator("cocostuff", matrices.cocostuff, void_value=0, first=92, void_pred=False),
    # It crashes on void in a prediction, where void is 255.
    "detectron2": Evaluator("detectron2", matrices.detectron2, ("outside", "inside"), void_pred=False),
    "mapillary": Evaluator("mapillary", matrices.mapillary, ("outside", "inside")),
    "segnet": Evaluator("segnet", matrices.segnet, ("outside", "inside")),
    "keras": Evaluator("keras", matrices.keras, EVERYWHERE),
}
# Ratios and means in float32 carry 24 bits; Keras adds 1e-7 to every denominator besides.
FLOAT32 = 1e-6
PACKAGES = {
    "torchmetrics-jaccard": Evaluator(
        "torchmetrics-jaccard",
        packages.torchmetrics_jaccard,
        ("outside", "nowhere"),
        void_pred=False,
        unknown=False,
        precision=FLOAT32,
        absent=0.0,
    ),
    "torchmetrics-miou": Evaluator(
        "torchmetrics-miou", packages.torchmetrics_mean_iou, ("outside", "nowhere"), unknown=False, precision=FLOAT32
    ),
    "smp-macro": Evaluator(
        "smp-macro", partial(packages.smp, reduction="macro"), ("outside", "nowhere"), precision=FLOAT32
    ),
    "smp-macro-imagewise": Evaluator(
        "smp-macro-imagewise",
        partial(packages.smp, reduction="macro-imagewise"),
        ("outside", "nowhere"),
        precision=FLOAT32,
    ),
    "smp-micro": Evaluator(
        "smp-micro", partial(packages.smp, reduction="micro"), ("outside", "nowhere"), precision=FLOAT32
    ),
    "keras": Evaluator("keras", packages.keras, EVERYWHERE, precision=FLOAT32),
    "mmseg": Evaluator("mmseg", packages.mmsegmentation, EVERYWHERE, precision=FLOAT32),
}
NEEDS = {"torchmetrics": "torchmetrics", "smp": "segmentation_models_pytorch", "keras": "keras", "mmseg": "torch"}


def need(name: str) -> None:
    """Skip where the package of an evaluator is not installed."""
    package = NEEDS[name.split("-")[0]]
    for module in ("torch", package):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


def void_of(evaluator: Evaluator, place: str, size: int) -> int | None:
    """Return void's value, the middle class where it lies inside."""
    return {"outside": evaluator.void_value, "inside": evaluator.first + size // 2, "nowhere": None}[place]


def with_a_hit(pred: Mask, gt: Mask, evaluator: Evaluator, size: int, void: int | None) -> Masks:
    """Make the first pixel a hit, so that every evaluator has a mean; keep void out of predictions where it must be."""
    if not evaluator.void_pred and void is not None:
        pred = np.where(pred == void, evaluator.first, pred)
    pred[0, 0, 0] = gt[0, 0, 0] = evaluator.first
    return Masks(tuple(pred), tuple(gt), size, void, evaluator.first)


@st.composite
def ugly_masks(draw: st.DrawFn, evaluator: Evaluator) -> Masks:
    """Draw up to three small images whose values are chosen to be awkward."""
    size = draw(st.integers(2, 5))
    classes = list(range(evaluator.first, evaluator.first + size))
    void = void_of(evaluator, draw(st.sampled_from(evaluator.void)), size)
    # Where void is 0, masks are unsigned: ADE20K's formula would read a negative value as void.
    strangers = [classes[-1] + 2, classes[-1] + 9, *([-3] if evaluator.void_value else [])]
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)))
    masks = []
    for _ in ("pred", "gt"):
        met = draw(st.lists(st.sampled_from(classes), min_size=1, unique=True))
        values = [
            *met,
            *([] if void is None else [void]),
            *(strangers if evaluator.unknown and draw(st.booleans()) else []),
        ]
        masks.append(draw(arrays(np.int64, shape, elements=st.sampled_from(values))))
    return with_a_hit(masks[0], masks[1], evaluator, size, void)


def large_masks(evaluator: Evaluator, seed: int) -> Masks:
    """Return four images of 60x80 pixels in which most pixels are hits, one class only predicted, one absent."""
    noise = np.random.default_rng(seed)
    size = int(noise.integers(6, 20))
    classes = np.arange(evaluator.first, evaluator.first + size)
    void = void_of(evaluator, evaluator.void[seed % len(evaluator.void)], size)
    gt = noise.choice(classes[:-2], (4, 60, 80))
    pred = np.where(noise.random(gt.shape) < 0.7, gt, noise.choice(classes[:-1], gt.shape))
    for mask in (pred, gt):
        if void is not None:
            mask[noise.random(gt.shape) < 0.1] = void
        if evaluator.unknown and seed % 2:
            mask[noise.random(gt.shape) < 0.02] = classes[-1] + 3
    return with_a_hit(pred, gt, evaluator, size, void)


def segeval_report(masks: Masks, convention: str, axes: Mapping[str, str] | None = None) -> Report:
    """Score masks as a training loop would."""
    matrix = ConfusionMatrix(
        classes=[SegmentationClass(value, f"class {value}") for value in masks.ids],
        ignore="none" if masks.void is None else masks.void,
        **cast(ConventionOptions, {"convention": convention, **(axes or {})}),
    )
    matrix.update(np.stack(masks.pred), np.stack(masks.gt))
    return matrix.compute()


def check(evaluator: Evaluator, masks: Masks, axes: Mapping[str, str] | None = None) -> None:
    """Hold segeval to the evaluator's answer on these masks, or to its refusal."""
    try:
        expected = evaluator.evaluate(masks)
    except Refused:
        with pytest.raises(SegevalError):
            segeval_report(masks, evaluator.convention, axes)
        return
    report = segeval_report(masks, evaluator.convention, axes)
    assert report.scores["miou"] == close(expected.mean, evaluator.precision)
    if expected.classes:
        found = {entry.id: evaluator.absent if entry.iou is None else entry.iou for entry in report.classes}
        assert found == {value: close(iou, evaluator.precision) for value, iou in expected.classes.items()}


def test_every_evaluator_here_is_a_convention() -> None:
    """Those that are not here are held to files of what they printed: `test_original_conventions`."""
    assert set(FORMULAE) | set(PACKAGES) <= set(conventions()) - {"segeval"}


@pytest.mark.parametrize("name", FORMULAE)
class TestFormulae:
    @settings(max_examples=examples(80), deadline=None)
    @given(data=st.data())
    def test_ugly_masks(self, name: str, data: st.DataObject) -> None:
        check(FORMULAE[name], data.draw(ugly_masks(FORMULAE[name])))

    def test_large_masks(self, name: str) -> None:
        for seed in some(range(6)):
            check(FORMULAE[name], large_masks(FORMULAE[name], seed))


@pytest.mark.parametrize("name", PACKAGES)
class TestPackages:
    @settings(max_examples=examples(30), deadline=None)
    @given(data=st.data())
    def test_ugly_masks(self, name: str, data: st.DataObject) -> None:
        need(name)
        check(PACKAGES[name], data.draw(ugly_masks(PACKAGES[name])))

    def test_large_masks(self, name: str) -> None:
        need(name)
        for seed in some(range(6)):
            check(PACKAGES[name], large_masks(PACKAGES[name], seed))


def tiny(pred: list[int], gt: list[int], size: int = 3, void: int | None = 255, first: int = 0) -> Masks:
    """Return one image of one line."""
    return Masks((np.array([pred]),), (np.array([gt]),), size, void, first)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "masks"),
        [
            ("cityscapes", tiny([0, 7], [0, 1])),
            ("cityscapes", tiny([0, 7], [0, 255])),
            ("cityscapes", tiny([0, 1], [0, 7])),
            ("voc", tiny([0, 7], [0, 1])),
            ("voc", tiny([0, 255], [0, 1])),
            ("voc", tiny([0, 255], [0, 255])),
            ("voc", tiny([0, 1], [0, 7])),
            ("cocostuff", tiny([92, 7], [92, 93], void=0, first=92)),
            ("cocostuff", tiny([92, 7], [92, 0], void=0, first=92)),
            ("detectron2", tiny([0, 7], [0, 1])),
            ("detectron2", tiny([0, 7], [0, 255])),
            ("detectron2", tiny([0, 1], [0, 7])),
        ],
    )
    def test_formulae_and_segeval_refuse_alike(self, name: str, masks: Masks) -> None:
        with pytest.raises(Refused):
            FORMULAE[name].evaluate(masks)
        with pytest.raises(SegevalError):
            segeval_report(masks, name)

    @pytest.mark.parametrize(
        ("name", "masks"),
        [
            ("torchmetrics-jaccard", tiny([0, 7], [0, 2])),
            ("torchmetrics-jaccard", tiny([0, 1], [0, 7])),
            ("torchmetrics-miou", tiny([0, 7], [0, 2], void=None)),
            ("torchmetrics-miou", tiny([0, 1], [0, 7], void=None)),
        ],
    )
    def test_torchmetrics_and_segeval_refuse_alike(self, name: str, masks: Masks) -> None:
        need(name)
        with pytest.raises((RuntimeError, ValueError)):
            PACKAGES[name].evaluate(masks)
        with pytest.raises(SegevalError):
            segeval_report(masks, name)


class TestVoidInPredictions:
    def test_jaccard_refuses_it_and_drops_it_where_the_caller_makes_it_void_in_both(self) -> None:
        need("torchmetrics")
        evaluator = PACKAGES["torchmetrics-jaccard"]
        for seed in some(range(6)):
            masks = large_masks(replace(evaluator, void=("outside",), void_pred=True), seed)
            with pytest.raises(RuntimeError):
                evaluator.evaluate(masks)
            with pytest.raises(LabelError):
                segeval_report(masks, evaluator.convention)
            removed = tuple(np.where(pred == 255, 255, gt) for pred, gt in zip(masks.pred, masks.gt, strict=True))
            taken_out = replace(masks, gt=removed)
            expected = evaluator.evaluate(taken_out).mean
            found = segeval_report(taken_out, evaluator.convention).scores["miou"]
            assert found == close(expected, evaluator.precision)

    def test_jaccard_counts_an_ignored_class_as_a_miss(self) -> None:
        need("torchmetrics")
        evaluator = replace(PACKAGES["torchmetrics-jaccard"], void=("inside",), void_pred=True)
        for seed in some(range(6)):
            check(evaluator, large_masks(evaluator, seed))
