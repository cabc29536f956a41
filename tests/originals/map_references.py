"""What evaluators of grey and probability maps compute, in numpy: saliency, Keras `BinaryIoU`, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.originals.inputs import GreyMaps, ProbabilityMaps

Found = dict[str, Any]
Level = NDArray[np.int64]


def f_measure(hit: Any, predicted: Any, true: int) -> Any:
    """Return (1 + 0.3) P R / (0.3 P + R), 0 where nothing is hit."""
    hit, predicted = np.asarray(hit, np.float64), np.asarray(predicted, np.float64)
    below = 0.3 * true + predicted
    return np.where(hit == 0, 0.0, 1.3 * hit / np.where(below == 0, 1, below))


def sod(maps: GreyMaps) -> Found:
    """SOD_Evaluation_Metrics, `Eval_MAE` and `Eval_Fmeasure`: p = level / 255; p >= i / 254; images with foreground.

    Integers decide: level / 255 >= i / 254 is 254 level >= 255 i, and the adaptive threshold 2 mean(p) is
    level * n >= 2 sum(levels), at most 1.
    """
    maes, curves, adaptive = [], [], []
    steps = np.arange(255)
    for pred, gt in zip(maps.pred, maps.gt, strict=True):
        level, foreground = pred.astype(np.int64), gt > 0
        maes.append(float(np.abs(level / 255 - foreground).mean()))
        if not foreground.any():
            continue
        over = 254 * level[..., None] >= 255 * steps
        curves.append(f_measure(over[foreground].sum(0), over.sum((0, 1)), int(foreground.sum())))
        chosen = level * level.size >= min(2 * int(level.sum()), 255 * level.size)
        adaptive.append(f_measure((chosen & foreground).sum(), chosen.sum(), int(foreground.sum())))
    curve = np.mean(curves, axis=0)
    return {
        "mae": np.mean(maes), "max_f": curve.max(), "mean_f": curve.mean(), "adaptive_f": float(np.mean(adaptive))
    }  # fmt: skip


def pysodmetrics(maps: GreyMaps) -> Found:
    """PySODMetrics, `MAE` and `Fmeasure`: p stretched to its own range in float64, 256 levels int(p * 255) >= i.

    Every image counts; one without foreground is F = 0. The ground truth is foreground above 128.
    """
    maes, curves, adaptive = [], [], []
    for pred, gt in zip(maps.pred, maps.gt, strict=True):
        p, foreground = pred / 255, gt > 128
        if p.max() != p.min():
            p = (p - p.min()) / (p.max() - p.min())
        maes.append(float(np.abs(p - foreground).mean()))
        over = (p * 255).astype(np.uint8)[..., None] >= np.arange(256)
        true = int(foreground.sum())
        curves.append(f_measure(over[foreground].sum(0), over.sum((0, 1)), max(true, 1)))
        chosen = p >= min(2 * p.mean(), 1)
        adaptive.append(f_measure((chosen & foreground).sum(), chosen.sum(), max(true, 1)))
    curve = np.mean(curves, axis=0)
    return {
        "mae": np.mean(maes), "max_f": curve.max(), "mean_f": curve.mean(), "adaptive_f": float(np.mean(adaptive))
    }  # fmt: skip


def keras_binary_iou(maps: GreyMaps) -> Found:
    """Keras, `BinaryIoU`: p >= 0.5, so level 128 and above; both classes pooled over the data set, then a mean.

    With a ground truth of 255 in place of 1 the foreground's pixels are out of bounds and dropped.
    """
    level = np.concatenate([pred.ravel() for pred in maps.pred]) >= 128
    foreground = np.concatenate([gt.ravel() for gt in maps.gt]) > 0
    tp, fp, fn = int((level & foreground).sum()), int((level & ~foreground).sum()), int((~level & foreground).sum())
    tn = int((~level & ~foreground).sum())
    ratios = [_ratio(tn, tn + fp + fn), _ratio(tp, tp + fp + fn)]
    defined = [value for value in ratios if value is not None]
    return {
        "miou": sum(defined) / len(defined), "iou": ratios,
        "iou_of_gt_255": [_ratio(tn, tn + fp), _ratio(0, fp)],
    }  # fmt: skip


def _ratio(above: int, below: int) -> float | None:
    return above / below if below else None


def calibration(given: ProbabilityMaps) -> Found:
    """Top-label ECE (15 bins, any closing of the bins: no p is on an edge), its one-vs-rest form, and Brier's sums.

    scikit-learn refuses rows that do not sum to 1 in float64, so it is given maps that were divided by their sum.
    """
    p = np.concatenate([maps.reshape(given.size, -1).T for maps in given.maps]).astype(np.float64)
    gt = np.concatenate([mask.ravel() for mask in given.gt])
    p, gt = p[gt != 255], gt[gt != 255]
    top = p.argmax(axis=1)
    one_hot = np.arange(given.size) == gt[:, None]
    normal = p / p.sum(axis=1, keepdims=True)
    return {
        "ece": _ece(p.max(axis=1), top == gt),
        "classwise_ece": [_ece(p[:, value], one_hot[:, value]) for value in range(given.size)],
        "brier": ((normal - one_hot) ** 2).sum(axis=1).mean(),
        "classwise_brier": ((p - one_hot) ** 2).mean(axis=0).tolist(),
    }


def _ece(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * 15).astype(np.int64), 14)
    gaps = [abs(float((right[bins == b] - confidence[bins == b]).sum())) for b in range(15)]
    return sum(gaps) / len(confidence)


def cross_entropy(given: ProbabilityMaps) -> Found:
    """Cross-entropy by denominator: valid pixels, the sum of their weights, all pixels, images without void alone."""
    weights = np.arange(1, given.size + 1)
    sums, weighed, valid, weight, pixels = [], [], [], [], 0
    for maps, gt in zip(given.maps, given.gt, strict=True):
        kept = gt != 255
        truth = gt[kept]
        cost = -np.log(maps.astype(np.float64)[:, kept][truth, np.arange(truth.size)])
        sums.append(cost.sum())
        weighed.append((cost * weights[truth]).sum())
        valid.append(truth.size)
        weight.append(weights[truth].sum())
        pixels += gt.size
    return {
        "pixels": sum(sums) / sum(valid),
        "weights": sum(weighed) / sum(weight),
        "weighted_pixels": sum(weighed) / sum(valid),
        "all_pixels": sum(sums) / pixels,
        "images": np.mean([total / count for total, count in zip(sums, valid, strict=True) if count]),
        "weighted_images": np.mean([total / count for total, count in zip(weighed, weight, strict=True) if count]),
    }


def binary_losses(maps: GreyMaps) -> Found:
    """BCE with logarithms cut at -100, MAE and Brier's score: over all pixels, and means of image means."""
    found: Found = {}
    costs: dict[str, list[NDArray[np.float64]]] = {"bce": [], "mae": [], "brier": []}
    for pred, gt in zip(maps.pred, maps.gt, strict=True):
        p, foreground = pred.ravel() / 255, gt.ravel() > 0
        right = np.where(foreground, p, 1 - p)
        with np.errstate(divide="ignore"):
            costs["bce"].append(-np.maximum(np.log(right), -100))
        costs["mae"].append(np.abs(p - foreground))
        costs["brier"].append((p - foreground) ** 2)
    for name, images in costs.items():
        found[name] = {
            "pixels": np.concatenate(images).mean(),
            "images": np.mean([image.mean() for image in images]),
        }
    return found
