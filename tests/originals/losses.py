"""PyTorch's cross-entropy and BCE of stored probabilities, by what they can be divided by; float64."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tests.originals.inputs import GreyMaps, ProbabilityMaps
from tests.originals.programs import Printed, Program


def cross_entropy(given: ProbabilityMaps) -> Printed:
    """`nll_loss` of ln p, void ignored; weights are 1, 2, ... K.

    `pixels` is its mean, `weights` its weighted mean, `weighted_pixels` the weighted sum over valid pixels,
    `all_pixels` the sum over all pixels, void among them (mmsegmentation's `avg_non_ignore=False`), and `images` and
    `weighted_images` the means over images of each image's own mean.
    """
    torch: Any = importlib.import_module("torch")
    loss: Any = importlib.import_module("torch.nn.functional").nll_loss
    weights = torch.arange(1, given.size + 1, dtype=torch.float64)
    logs = [torch.log(torch.tensor(maps.astype(np.float64)))[None] for maps in given.maps]
    gts = [torch.tensor(gt)[None] for gt in given.gt]
    flat = torch.cat([log.flatten(2) for log in logs], dim=2)
    gt = torch.cat([gt.flatten(1) for gt in gts], dim=1)

    def mean(log: Any, truth: Any, **options: Any) -> float:
        return float(loss(log, truth, ignore_index=255, **options))

    valid = int((gt != 255).sum())
    pairs = list(zip(logs, gts, strict=True))
    return {
        "pixels": mean(flat, gt),
        "weights": mean(flat, gt, weight=weights),
        "weighted_pixels": mean(flat, gt, weight=weights, reduction="sum") / valid,
        "all_pixels": mean(flat, gt, reduction="sum") / gt.numel(),
        "images": float(np.nanmean([mean(log, truth) for log, truth in pairs])),
        "weighted_images": float(np.nanmean([mean(log, truth, weight=weights) for log, truth in pairs])),
    }


def binary(maps: GreyMaps) -> Printed:
    """`binary_cross_entropy`, `l1_loss` and `mse_loss` of level / 255: over pixels, and means over images."""
    torch: Any = importlib.import_module("torch")
    functional: Any = importlib.import_module("torch.nn.functional")
    found: dict[str, Any] = {}
    for name, function in (("bce", "binary_cross_entropy"), ("mae", "l1_loss"), ("brier", "mse_loss")):
        sums, pixels, means = [], 0, []
        for pred, gt in zip(maps.pred, maps.gt, strict=True):
            p, y = torch.tensor(pred / 255), torch.tensor((gt > 0).astype(np.float64))
            sums.append(float(getattr(functional, function)(p, y, reduction="sum")))
            means.append(float(getattr(functional, function)(p, y)))
            pixels += gt.size
        found[name] = {"pixels": sum(sums) / pixels, "images": sum(means) / len(means)}
    return found


PROGRAMS = [
    Program("torch-cross-entropy", "PyTorch 2.13.0, nll_loss of ln p", [("probability", 40)], cross_entropy),
    Program("torch-bce", "PyTorch 2.13.0, binary_cross_entropy, l1_loss, mse_loss", [("grey", 40)], binary),
]
