"""The authors' own programs of contours: boundary IoU, DAVIS F, and the distances of MONAI, medpy and DeepMind."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.originals.clones import execute, source
from tests.originals.programs import DOUBLE, SINGLE, plain
from tests.originals.shapes import by_class, digest_of, shapes

Mask = NDArray[np.bool_]
BOUNDARY_API, DAVIS, SURFACE_DISTANCE = "37d2558", "ac7c43f", "1f805ce"
PLANES, VOLUMES = 200, 100
WIDTHS = range(1, 21)
TOLERANCES = (1.0, 2.0)


@dataclass(frozen=True)
class ContourProgram:
    """Describe a program of contours as `tests.originals.programs.Program` does; `ask` is asked about each class."""

    name: str
    program: str
    inputs: Sequence[tuple[int, int]]
    ask: Callable[[Mask, Mask, tuple[float, ...]], Mapping[str, Any]]
    digits: int = DOUBLE

    def run(self) -> dict[str, Any]:
        """Ask about every pair and return the golden file."""
        entries = [(axes, seed) for axes, count in self.inputs for seed in range(count)]
        sets = [shapes(seed, axes) for axes, seed in entries]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answers = [plain(by_class(entry, self.ask), self.digits) for entry in sets]
        told = [
            {"inputs": f"{axes} axes", "seed": seed, "scores": answer}
            for (axes, seed), answer in zip(entries, answers, strict=True)
        ]
        return {"program": self.program, "digest": digest_of(sets), "sets": told}


def _tried(function: Callable[..., Any], *arguments: Any, **options: Any) -> float | str:
    """Return the number, or the name of the exception."""
    try:
        value = float(function(*arguments, **options))
    except Exception as stop:
        return type(stop).__name__
    return value if np.isfinite(value) else str(value)


@cache
def _boundary_api() -> ModuleType:
    text = source("boundary-iou-api", BOUNDARY_API, "boundary_iou/utils/boundary_utils.py")
    return execute(text, "boundary_utils", ["pycocotools.mask"])


def boundary_iou(gt: Mask, pred: Mask, _spacing: tuple[float, ...]) -> dict[str, Any]:
    """Count the intersection and the union of both bands at every width, by `mask_to_boundary`."""
    diagonal = float(np.sqrt(gt.shape[0] ** 2 + gt.shape[1] ** 2))
    found = []
    for width in WIDTHS:
        bands = [_boundary_api().mask_to_boundary(side.astype(np.uint8), width / diagonal) > 0 for side in (gt, pred)]
        found.append([int((bands[0] & bands[1]).sum()), int((bands[0] | bands[1]).sum())])
    return {"counts": found}


@cache
def _davis() -> ModuleType:
    return execute(source("davis2017-evaluation", DAVIS, "davis2017/metrics.py"), "metrics")


def davis_f(gt: Mask, pred: Mask, _spacing: tuple[float, ...]) -> dict[str, Any]:
    """Return F at the program's own width, and at 1 to 3 pixels."""
    sides = gt.astype(np.uint8), pred.astype(np.uint8)
    found = {"authors": _davis().db_eval_boundary(sides[0], sides[1])}
    return found | {str(width): _davis().db_eval_boundary(sides[0], sides[1], bound_th=width) for width in (1, 2, 3)}


def medpy(gt: Mask, pred: Mask, spacing: tuple[float, ...]) -> dict[str, Any]:
    """Return what medpy's binary metrics give."""
    binary = import_module("medpy.metric.binary")
    return {name: _tried(getattr(binary, name), pred, gt, spacing) for name in ("hd", "hd95", "assd")}


def monai(gt: Mask, pred: Mask, spacing: tuple[float, ...]) -> dict[str, Any]:
    """Return what MONAI's functions give."""
    metrics, torch = import_module("monai.metrics"), import_module("torch")
    sides = [torch.from_numpy(side[None, None].astype(np.float32)) for side in (pred, gt)]
    options = {"include_background": True, "spacing": spacing}
    found = {
        "hd": _tried(metrics.compute_hausdorff_distance, *sides, **options),
        "hd95": _tried(metrics.compute_hausdorff_distance, *sides, percentile=95, **options),
        "assd": _tried(metrics.compute_average_surface_distance, *sides, symmetric=True, **options),
    }
    for tolerance in TOLERANCES:
        found[f"nsd@{tolerance:g}"] = _tried(metrics.compute_surface_dice, *sides, [tolerance], **options)
    return found


@cache
def _surface_distance() -> ModuleType:
    tables = execute(source("surface-distance", SURFACE_DISTANCE, "surface_distance/lookup_tables.py"), "lookup_tables")
    package = ModuleType("surface_distance")
    package.__path__ = []
    vars(package)["lookup_tables"] = tables
    sys.modules["surface_distance"] = package
    text = source("surface-distance", SURFACE_DISTANCE, "surface_distance/metrics.py")
    # Today's SciPy has these in one module, and the files name two that are gone.
    for gone in ("filters", "morphology"):
        text = text.replace(f"ndimage.{gone}.", "ndimage.")
    return execute(text, "surface_distance.metrics", package="surface_distance")


def deepmind(gt: Mask, pred: Mask, spacing: tuple[float, ...]) -> dict[str, Any]:
    """Return what surface-distance gives; where it raises on empty masks with NumPy 2, the exception's name."""
    program = _surface_distance()
    try:
        found = program.compute_surface_distances(gt, pred, spacing)
    except Exception as stop:
        return {"error": type(stop).__name__}
    told = {"hd": _tried(program.compute_robust_hausdorff, found, 100)}
    told["hd95"] = _tried(program.compute_robust_hausdorff, found, 95)
    for tolerance in TOLERANCES:
        told[f"nsd@{tolerance:g}"] = _tried(program.compute_surface_dice_at_tolerance, found, tolerance)
    return told


BOTH = [(2, PLANES), (3, VOLUMES)]
PROGRAMS = (
    ContourProgram(
        "contours/boundary-iou",
        f"mask_to_boundary of bowenc0221/boundary-iou-api {BOUNDARY_API}, widths 1 to 20 pixels",
        [(2, PLANES)],
        boundary_iou,
    ),
    ContourProgram(
        "contours/davis-f",
        f"db_eval_boundary of davisvideochallenge/davis2017-evaluation {DAVIS}",
        [(2, PLANES)],
        davis_f,
    ),
    ContourProgram("contours/medpy", "hd, hd95, assd of medpy 0.5.2", BOTH, medpy),
    ContourProgram("contours/monai", "surface distances and surface dice of MONAI 1.6.1, float32", BOTH, monai, SINGLE),
    ContourProgram(
        "contours/deepmind",
        f"google-deepmind/surface-distance {SURFACE_DISTANCE}, scipy's functions renamed",
        BOTH,
        deepmind,
    ),
)
