"""nnU-Net, MONAI, the ISIC challenge and contests on Kaggle: means over cases, of the foreground."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Mapping
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from tests.evaluators import Masks
from tests.originals.clones import execute, source
from tests.originals.programs import SINGLE, Printed, Program

SEVERSTAL = "0ea6b7d068ed77e34274a911e5a598879e56c967"


def nnunet(masks: Masks) -> Printed:
    """`compute_metrics_on_folder_simple` on PNG files or NIfTI volumes, given every class as a label; void is ignored.

    Its pool of processes is replaced by one of threads, since it imports everything anew for each call.
    """
    evaluation: Any = importlib.import_module("nnunetv2.evaluation.evaluate_predictions")
    evaluation.multiprocessing = SimpleNamespace(get_context=lambda _method: SimpleNamespace(Pool=ThreadPool))
    with tempfile.TemporaryDirectory() as folder:
        for side, images in (("gt", masks.gt), ("pred", masks.pred)):
            (Path(folder) / side).mkdir()
            for index, image in enumerate(images):
                _save(image.astype(np.uint8), Path(folder) / side / f"case_{index}")
        summary = Path(folder) / "summary.json"
        evaluation.compute_metrics_on_folder_simple(
            f"{folder}/gt", f"{folder}/pred", list(masks.ids), str(summary), 1, ignore_label=masks.void
        )
        found = json.loads(summary.read_text(encoding="utf-8"))
    return {
        "miou": found["foreground_mean"]["IoU"],
        "mdice": found["foreground_mean"]["Dice"],
        "iou": [found["mean"][str(value)]["IoU"] for value in masks.ids],
        "dice": [found["mean"][str(value)]["Dice"] for value in masks.ids],
    }


def _save(image: np.ndarray[Any, Any], path: Path) -> None:
    if image.ndim == 2:
        Image.fromarray(image).save(path.with_suffix(".png"))
    else:
        simple_itk: Any = importlib.import_module("SimpleITK")
        simple_itk.WriteImage(simple_itk.GetImageFromArray(image), str(path.with_suffix(".nii.gz")))


def monai(masks: Masks, metric: str, score: str) -> Printed:
    """`MeanIoU` or `DiceMetric` on one-hot planes, image by image; a void pixel has no plane and is ignored so."""
    torch: Any = importlib.import_module("torch")
    metrics: Any = importlib.import_module("monai.metrics")

    def planes(mask: np.ndarray[Any, Any]) -> Any:
        return torch.tensor(np.stack([mask == value for value in masks.ids])[None].astype(np.float32))

    found: dict[str, Any] = {}
    for empty in (True, False):
        for background in (True, False):
            if not background and masks.size == 1:
                continue
            measure = getattr(metrics, metric)(
                include_background=background, ignore_empty=empty, ignore_index=masks.void
            )
            for pred, gt in zip(masks.pred, masks.gt, strict=True):
                measure(planes(pred), planes(gt))
            name = ("" if background else "_foreground") + ("" if empty else "_keep_empty")
            found[f"m{score}{name}"] = float(measure.aggregate())
            if background and empty:
                found[score] = measure.aggregate("mean_batch")
    return found


def isic(masks: Masks) -> Printed:
    """`SegmentationScore` of isic-challenge-scoring: every score of each image, then the plain mean over images."""
    segmentation: Any = importlib.import_module("isic_challenge_scoring.segmentation")
    pairs = [
        SimpleNamespace(image_id=str(index), truth_image=gt * 255, prediction_image=pred * 255)
        for index, (pred, gt) in enumerate(zip(masks.pred, masks.gt, strict=True))
    ]
    mean: Mapping[str, float] = segmentation.SegmentationScore(pairs).macro_average.to_dict()
    return {
        "miou": mean["jaccard"],
        "threshold_jaccard": mean["threshold_jaccard"],
        "mdice": mean["dice"],
        "pixel_accuracy": mean["accuracy"],
        "sensitivity": mean["sensitivity"],
        "specificity": mean["specificity"],
    }


def kaggle(masks: Masks) -> Printed:
    """`metric` as scripts for SIIM-ACR Pneumothorax and Severstal share it; images are padded to one size with 0.

    It prints 0 for the Dice of a kind of images that there is not.
    """
    torch: Any = importlib.import_module("torch")
    text = source("Severstal-Steel-Defect-Detection", SEVERSTAL, "common_blocks/metric.py")
    unused = ["sklearn.model_selection", "cv2", "pandas", "tqdm", "matplotlib.pyplot"]
    module: Any = execute(text, "severstal_metric", unused)
    # Its second argument there is `copy`, which NumPy 2 understands otherwise.
    module.np = SimpleNamespace(**{**vars(np), "nan_to_num": lambda value, _copy: np.nan_to_num(value)})
    height, width = np.max([gt.shape for gt in masks.gt], axis=0)
    pred, gt = (
        torch.tensor(
            np.stack([np.pad(mask, ((0, height - mask.shape[0]), (0, width - mask.shape[1]))) for mask in side]),
            dtype=torch.float32,
        )
        for side in (masks.pred, masks.gt)
    )
    dice, dice_neg, dice_pos, negatives, positives = module.metric(pred, gt)
    return {
        "mdice": dice, "dice_neg": float(dice_neg), "dice_pos": float(dice_pos),
        "negatives": negatives, "positives": positives,
    }  # fmt: skip


PROGRAMS = [
    Program(
        "nnunet",
        "nnU-Net 2.8.1, nnunetv2.evaluation.evaluate_predictions.compute_metrics_on_folder_simple",
        [("plain", 200), ("void", 40), ("ugly", 40)],
        nnunet,
    ),
    Program(
        "nnunet-3d",
        "nnU-Net 2.8.1, nnunetv2.evaluation.evaluate_predictions.compute_metrics_on_folder_simple, NIfTI volumes",
        [("volume", 60)],
        nnunet,
    ),
    Program(
        "monai-miou",
        "MONAI 1.6.1, monai.metrics.MeanIoU",
        [("plain", 200), ("void", 40), ("ugly", 40)],
        lambda masks: monai(masks, "MeanIoU", "iou"),
        digits=SINGLE,
    ),
    Program(
        "monai-dice",
        "MONAI 1.6.1, monai.metrics.DiceMetric",
        [("plain", 200), ("void", 40), ("ugly", 40)],
        lambda masks: monai(masks, "DiceMetric", "dice"),
        digits=SINGLE,
    ),
    Program(
        "isic2018",
        "isic-challenge-scoring 5.6.0, isic_challenge_scoring.segmentation.SegmentationScore",
        [("binary", 200)],
        isic,
    ),
    Program(
        "kaggle-dice",
        f"Diyago/Severstal-Steel-Defect-Detection {SEVERSTAL[:8]}, common_blocks/metric.py",
        [("binary", 200)],
        kaggle,
        digits=SINGLE,
    ),
]
