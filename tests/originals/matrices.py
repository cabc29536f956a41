"""detectron2, COCO-Stuff, torchvision, the fast_hist scripts and PaddleSeg: what fills a matrix or sums areas."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tests.evaluators import Mask, Masks
from tests.originals.clones import execute, source
from tests.originals.programs import SINGLE, Printed, Program

DETECTRON2 = "02b5c4e295e990042a714712c21dc79b731e8833"
COCO_STUFF = "675ff387d8297af0d95acd56ece4a36d9945893a"
FAST_HIST = "5bcd6b4c832648beed1b92e78ed1e85c56343eca"
TORCHVISION = "24f16a338391d6f45aa6291c48eb6d5513771631"
PADDLESEG = "d7975e7cb3b9102eae4eabcef5afb81b878473aa"


class _Argmax:
    """Be the scores of a model whose argmax is a given mask."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask

    def argmax(self, dim: int) -> _Argmax:
        assert dim == 0
        return self

    def to(self, _device: object) -> Mask:
        return self.mask


def detectron2(masks: Masks, ignored: int) -> Printed:
    """`SemSegEvaluator`, fed with masks; `ignored` is its ignored label. Percent divided by 100."""
    text = source("detectron2", DETECTRON2, "detectron2/evaluation/sem_seg_evaluation.py")
    names = ["detectron2.data", "detectron2.utils.comm", "detectron2.utils.file_io", "detectron2.evaluation.evaluator"]
    module: Any = execute(
        text, "sem_seg_evaluation", [*names, "pycocotools.mask", "cv2"], package="detectron2.evaluation"
    )
    evaluator = object.__new__(module.SemSegEvaluator)
    evaluator.__dict__.update(
        _num_classes=masks.size, _ignore_label=ignored, _cpu_device=None, _compute_boundary_iou=False,
        _distributed=False, _output_dir=None, _class_names=[str(value) for value in masks.ids],
        _logger=logging.getLogger("detectron2"), encode_json_sem_seg=lambda *_: [],
        input_file_to_gt_file={str(index): index for index in range(len(masks.gt))},
        sem_seg_loading_fn=lambda index, dtype: masks.gt[index].astype(dtype),
    )  # fmt: skip
    evaluator.reset()
    for index, pred in enumerate(masks.pred):
        evaluator.process([{"file_name": str(index)}], [{"sem_seg": _Argmax(pred)}])
    found = {key: value / 100 for key, value in evaluator.evaluate()["sem_seg"].items()}
    return {
        "miou": found["mIoU"],
        "fwiou": found["fwIoU"],
        "mean_accuracy": found["mACC"],
        "pixel_accuracy": found["pACC"],
        "iou": [found[f"IoU-{value}"] for value in masks.ids],
        "accuracy": [found[f"ACC-{value}"] for value in masks.ids],
    }


def detectron2_void_class(masks: Masks) -> Printed:
    """Give detectron2 predictions of its own void, the class after the last: the one void that it can be given."""
    pred = tuple(np.where(mask == masks.void, masks.size, mask) for mask in masks.pred)
    return detectron2(Masks(pred, masks.gt, masks.size, masks.void), 255)


def cocostuff(masks: Masks) -> Printed:
    """`COCOStuffeval`, its decoding of annotations replaced by the masks themselves."""
    text = source("cocostuffapi", COCO_STUFF, "PythonAPI/pycocotools/cocostuffeval.py")
    module: Any = execute(text, "cocostuffeval", ["pycocotools.cocostuffhelper"])
    module.cocoSegmentationToSegmentationMap = lambda side, image, includeCrowd: side.masks[image]  # noqa: N803
    module.np = SimpleNamespace(**{**vars(np), "in1d": np.isin})
    evaluator = object.__new__(module.COCOStuffeval)
    evaluator.catIds = masks.ids
    confusion = np.zeros((masks.ids[-1], masks.ids[-1]))
    gt, pred = SimpleNamespace(masks=masks.gt), SimpleNamespace(masks=masks.pred)
    for image in range(len(masks.gt)):
        confusion = evaluator._accumulateConfusion(gt, pred, confusion, image)
    miou, fwiou, macc, pacc, ious, maccs = evaluator._computeMetrics(confusion)
    first = masks.first - 1
    return {
        "miou": miou, "fwiou": fwiou, "mean_accuracy": macc, "pixel_accuracy": pacc,
        "iou": ious[first:], "accuracy": maccs[first:],
    }  # fmt: skip


def fast_hist(masks: Masks) -> Printed:
    """`utils_metrics.py` of bubbliiiing/unet-pytorch: `fast_hist`, `per_class_iu`, and what `compute_mIoU` prints."""
    text = source("unet-pytorch", FAST_HIST, "utils/utils_metrics.py")
    module: Any = execute(text, "utils_metrics", ["matplotlib.pyplot"])
    hist = np.zeros((masks.size, masks.size))
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        hist += module.fast_hist(gt.flatten(), pred.flatten(), masks.size)
    iou, recall = module.per_class_iu(hist), module.per_class_PA_Recall(hist)
    return {
        "miou": np.nanmean(iou), "mean_accuracy": np.nanmean(recall), "pixel_accuracy": module.per_Accuracy(hist),
        "mean_precision": np.nanmean(module.per_class_Precision(hist)),
        "iou": iou, "accuracy": recall, "precision": module.per_class_Precision(hist),
    }  # fmt: skip


def torchvision(masks: Masks) -> Printed:
    """`ConfusionMatrix` of torchvision's reference scripts for segmentation, and the mean that it prints; float32."""
    torch: Any = importlib.import_module("torch")
    module: Any = execute(source("vision", TORCHVISION, "references/segmentation/utils.py"), "torchvision_utils")
    counted = module.ConfusionMatrix(masks.size)
    for pred, gt in zip(masks.pred, masks.gt, strict=True):
        counted.update(torch.tensor(gt.flatten()), torch.tensor(pred.flatten()))
    accuracy, recall, iou = counted.compute()
    return {"miou": iou.mean(), "pixel_accuracy": accuracy, "iou": iou, "accuracy": recall}


class _Tensor(np.ndarray[Any, Any]):
    """Be a Paddle tensor as far as PaddleSeg's metrics need one."""

    def numpy(self) -> np.ndarray[Any, Any]:
        return np.asarray(self)


def _paddle() -> ModuleType:
    """Return numpy under the names of Paddle that PaddleSeg's metrics use."""
    paddle = ModuleType("paddle")
    paddle.__dict__.update(
        logical_and=np.logical_and, sum=np.sum, cast=lambda value, dtype: value.astype(dtype),
        stack=lambda values: np.stack(values).view(_Tensor), concat=lambda values: np.stack(values).view(_Tensor),
        nn=ModuleType("paddle.nn"),
    )  # fmt: skip
    return paddle


@cache
def _paddleseg(release: bool) -> ModuleType:
    """Run `paddleseg/utils/metrics.py` of the release on PyPI, or of the repository."""
    if release:
        files = importlib.metadata.files("paddleseg") or []
        path = next(file for file in files if str(file) == "paddleseg/utils/metrics.py")
        text = Path(str(path.locate())).read_text(encoding="utf-8")
    else:
        text = source("PaddleSeg", PADDLESEG, "paddleseg/utils/metrics.py")
    sys.modules["paddle"] = _paddle()
    return execute(text, "paddleseg_metrics", ["paddle.nn.functional"])


def paddleseg(masks: Masks, release: bool) -> Printed:
    """`calculate_area` and what `paddleseg/core/val.py` prints of it; the ignored index is 255."""
    metrics: Any = _paddleseg(release)
    areas = [metrics.calculate_area(pred, gt, masks.size, 255) for pred, gt in zip(masks.pred, masks.gt, strict=True)]
    totals = [np.sum(area, axis=0).view(_Tensor) for area in zip(*areas, strict=True)]
    iou, miou = metrics.mean_iou(*totals)
    accuracy, precision, recall = metrics.class_measurement(*totals)
    dice, mdice = metrics.dice(*totals)
    return {
        "miou": miou, "pixel_accuracy": accuracy, "kappa": metrics.kappa(*totals), "mdice": mdice,
        "iou": iou, "precision": precision, "recall": recall, "dice": dice,
    }  # fmt: skip


PROGRAMS = [
    Program(
        "detectron2",
        f"facebookresearch/detectron2 {DETECTRON2[:8]}, detectron2/evaluation/sem_seg_evaluation.py",
        [("plain", 20), ("void", 40), ("void_pred", 5), ("unknown_pred", 10)],
        partial(detectron2, ignored=255),
        (ValueError,),
    ),
    Program(
        "detectron2-void-class",
        f"facebookresearch/detectron2 {DETECTRON2[:8]}, predictions may be the class after the last, its void",
        [("void_pred", 40)],
        detectron2_void_class,
    ),
    Program(
        "cocostuff",
        f"nightrome/cocostuffapi {COCO_STUFF[:8]}, PythonAPI/pycocotools/cocostuffeval.py",
        [("from_92", 60), ("from_92_unknown", 10)],
        cocostuff,
        (Exception,),
    ),
    Program(
        "fast-hist",
        f"bubbliiiing/unet-pytorch {FAST_HIST[:8]}, utils/utils_metrics.py",
        [("plain", 20), ("void", 40), ("unknown_pred", 10), ("void_pred", 5)],
        fast_hist,
        (ValueError,),
    ),
    Program(
        "torchvision",
        f"pytorch/vision {TORCHVISION[:8]}, references/segmentation/utils.py",
        [("plain", 40), ("void", 60), ("unknown_pred", 10), ("void_pred", 5)],
        torchvision,
        (RuntimeError,),
        digits=SINGLE,
    ),
    Program(
        "paddleseg",
        f"PaddlePaddle/PaddleSeg {PADDLESEG[:8]} (2024-10-18), paddleseg/utils/metrics.py",
        [("plain", 40), ("void", 60), ("ugly", 100)],
        partial(paddleseg, release=False),
    ),
    Program(
        "paddleseg-2.8.0",
        "PaddleSeg 2.8.0, paddleseg/utils/metrics.py",
        [("plain", 10), ("void", 10), ("ugly", 20)],
        partial(paddleseg, release=True),
    ),
]
