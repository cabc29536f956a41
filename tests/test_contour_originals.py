"""Contours and distances against what the authors' own programs say of 200 planes and 100 volumes.

`python -m tests.originals --clones FOLDER` runs the programs and writes the files, or compares with `--check`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval.contours.counts import contour_counts
from segeval.contours.distances import distance_scores, surfaces
from segeval.contours.regions import regions
from segeval.protocol.distances import Distances
from segeval.scores.contours import bf, davis_f, image_iou
from tests.originals import GOLDEN
from tests.originals.shapes import Shapes, digest_of, shapes
from tests.support.properties import some

CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val"
CAMVID_VOID = 11
WIDTHS = range(1, 21)
WHOLE = len(some(range(8))) == 8
"""Whether every set is compared, or a quarter of them."""
DISTANCE, FLOAT32, PERCENTILE_OF_FLOAT32 = 1e-9, 1e-6, 1e-5


@cache
def drawn(axes: int, seed: int) -> Shapes:
    return shapes(seed, axes)


def told(name: str) -> Sequence[tuple[Shapes, dict[str, Any]]]:
    found = json.loads((GOLDEN / "contours" / f"{name}.json").read_text(encoding="utf-8"))
    sets = [(drawn(int(entry["inputs"][0]), entry["seed"]), entry["scores"]) for entry in found["sets"]]
    assert digest_of(shape for shape, _ in sets) == found["digest"]
    return some(sets)


def counted(entry: Shapes, widths: list[Any]) -> Any:
    values = np.unique(entry.gt).tolist(), np.unique(entry.pred).tolist()
    return contour_counts(regions(entry.gt, entry.pred, values=values, class_of=(int, int)), widths)


def test_boundary_iou_is_the_authors_at_every_width_from_1_to_20() -> None:
    compared = 0
    for entry, says in told("boundary-iou"):
        found = counted(entry, list(WIDTHS))
        for place, one in enumerate(found.ids.tolist()):
            gt, pred, both = found.bands[place].T
            assert np.column_stack([both, gt + pred - both]).tolist() == says[str(one)]["counts"]
            compared += len(WIDTHS)
        for one in set(map(int, says)) - set(found.ids.tolist()):
            assert says[str(one)]["counts"] == [[0, 0]] * len(WIDTHS)
    assert compared > (9000 if WHOLE else 1500)


def camvid(name: str) -> tuple[Any, Any]:
    """Return a pair with void as a class of its own on both sides: the authors' program knows none."""
    gt, pred = (np.array(Image.open(CAMVID / side / name)) for side in ("gt", "pred"))
    return gt, np.where(gt == CAMVID_VOID, gt, pred).astype(np.uint8)


def names_of_camvid() -> list[str]:
    return sorted(path.name for path in (CAMVID / "gt").glob("*.png"))


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid masks are not here")
@pytest.mark.parametrize("names", [slice(0, None, 50), pytest.param(slice(None), marks=pytest.mark.slow)])
def test_bands_of_camvid_are_what_the_authors_erosion_leaves(names: slice) -> None:
    compared = 0
    for name in names_of_camvid()[names]:
        gt, pred = camvid(name)
        values = np.unique(gt).tolist(), np.unique(pred).tolist()
        found = contour_counts(regions(gt, pred, values=values, class_of=(int, int)), list(WIDTHS))
        for place, one in enumerate(found.ids.tolist()):
            left = [np.pad(side == one, 1) for side in (gt, pred)]
            for width in WIDTHS:
                left = [_eroded(side) for side in left]
                bands = [(side == one) & ~inner[1:-1, 1:-1] for side, inner in zip((gt, pred), left, strict=True)]
                expected = [int(bands[0].sum()), int(bands[1].sum()), int((bands[0] & bands[1]).sum())]
                assert found.bands[place, width - 1].tolist() == expected, (name, one, width)
                compared += 1
    assert compared >= 10 * len(WIDTHS) * len(names_of_camvid()[names]) // 2


def _eroded(mask: Any) -> Any:
    """Return what one step of erosion by 3 x 3 leaves of a mask with a frame of nothing."""
    inner = np.zeros_like(mask)
    rows = mask[:-2] & mask[1:-1] & mask[2:]
    inner[1:-1, 1:-1] = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return inner


def test_davis_f_is_the_programs() -> None:
    compared = 0
    widths = ["authors", 1, 2, 3]
    for entry, says in told("davis-f"):
        found = counted(entry, widths)
        for place, width in enumerate(widths):
            values = davis_f(found.corners_matched[:, place], found.corners)
            for value, one in zip(values.tolist(), found.ids.tolist(), strict=True):
                assert value == pytest.approx(says[str(one)][str(width)], rel=1e-12)
                compared += 1
    assert compared > (1500 if WHOLE else 350)


def value_of(says: dict[str, Any], name: str) -> float:
    """Return what a program gave: infinite, NaN (null in the file) and an exception are undefined here."""
    value = None if "error" in says else says[name]
    return value if isinstance(value, int | float) else math.nan


@pytest.mark.parametrize("definition", ["medpy", "monai", "deepmind"])
def test_distances_are_the_programs_on_planes_and_volumes(definition: str) -> None:
    pytest.importorskip("scipy")
    compared, undefined = 0, 0
    for entry, says in told(definition):
        valid = np.ones(entry.gt.shape, np.bool_)
        for one, of_class in says.items():
            sides = entry.gt == int(one), entry.pred == int(one)
            found = surfaces(*sides, Distances(definition), valid, entry.spacing)
            for tolerance in (1.0, 2.0):
                scores = distance_scores(found, Distances(definition, tolerance))
                for name, value in scores.items():
                    expected = value_of(of_class, f"nsd@{tolerance:g}" if name == "nsd" else name)
                    # A percentile lies between two distances, to which float32 is relative, not to itself.
                    rounded = PERCENTILE_OF_FLOAT32 * scores["hd"] if (definition, name) == ("monai", "hd95") else 0
                    near = pytest.approx(expected, rel=FLOAT32 if definition == "monai" else DISTANCE, abs=rounded)
                    both_empty = not sides[0].any() and not sides[1].any()
                    if math.isnan(value) or (name == "nsd" and both_empty):
                        assert (math.isnan(expected), math.isnan(value)) == (True, True), (entry, one, name)
                        undefined += 1
                    elif "error" not in of_class:  # with NumPy 2 DeepMind's program raises where a side is empty
                        assert value == near, (entry, one, name)
                        compared += 1
    assert compared > (3000 if WHOLE else 700)
    assert undefined > (50 if WHOLE else 10)


def test_bf_by_hand() -> None:
    # A square of 4 by 4 moved by one: of 12 border pixels a side, two columns of 4 lie 1 away, the rest on each other.
    gt, pred = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    gt[3:7, 3:7], pred[3:7, 4:8] = 1, 1
    values = [(0, 1), (0, 1)]
    found = contour_counts(regions(gt, pred, values=(values[0], values[1]), class_of=(int, int)), [1, 2])
    near = [bf(found.matched[:, place], found.borders)[0][1] for place in range(2)]
    # Nearer than 1 is on it: the 3 shared columns hold 2 pixels above and below each, and a closing column of 2 a side.
    on_it = int((_border(gt) & _border(pred)).sum())
    assert near == [on_it / 12, 1]
    # The same figure in boundary IoU at width 1: what both rings share, of what either has.
    assert image_iou(found.bands[:, 0])[0][1] == on_it / (24 - on_it)


def _border(mask: Any) -> Any:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return (mask & ~inner).astype(bool)
