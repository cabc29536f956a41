"""Predictions of another size: refused, and resized as Pillow does only where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from segeval import inspect, score, verify
from segeval.errors import UsageError
from segeval.images.resizing import resized
from segeval.protocol.storage import Storage
from tests.support.commandline import run_segeval
from tests.test_arrays_and_colours import write_arrays
from tests.test_storage import GT, said, write_images

Array = NDArray[Any]
NOISE = np.random.default_rng(25)
SIZES = [
    ((12, 17), (24, 34)),
    ((12, 17), (6, 9)),
    ((7, 5), (23, 31)),
    ((31, 64), (11, 13)),
    ((1, 1), (3, 2)),
    ((3, 2), (1, 1)),
]
SMALL = [mask[::2, ::2] for mask in GT]


def pillow(values: Array, size: tuple[int, int], rule: str) -> Array:
    return np.asarray(Image.fromarray(values).resize(size[::-1], Image.Resampling[rule.upper()]))


# What is refused


def test_nothing_is_resized_unless_it_is_asked_for(tmp_path: Path) -> None:
    pred, gt = write_images(tmp_path / "pred", SMALL), write_images(tmp_path / "gt", GT)
    (problem,) = said(lambda: score(pred, gt))
    assert problem.kind == "resized"
    assert "--resize-pred nearest" in problem.fix
    assert [one.kind for one in inspect(pred, gt).findings] == ["resized"]
    assert "resized" not in [one.kind for one in inspect(pred, gt, resize_pred="nearest").findings]


def test_labels_are_never_mixed(tmp_path: Path) -> None:
    pred, gt = write_images(tmp_path / "pred", SMALL), write_images(tmp_path / "gt", GT)
    with pytest.raises(UsageError, match="another label"):
        score(pred, gt, resize_pred="bilinear")
    with pytest.raises(UsageError):
        Storage(resize_pred="cubic")


# As Pillow has it


@pytest.mark.parametrize(("of", "to"), SIZES)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_nearest_is_that_of_pillow(of: tuple[int, int], to: tuple[int, int], kind: type[Any]) -> None:
    values = NOISE.integers(0, 250, of).astype(kind)
    found = resized(values, to, "nearest")
    assert found.dtype == values.dtype
    assert np.array_equal(found, pillow(values, to, "nearest"))


def test_nearest_is_that_of_pillow_at_every_width() -> None:
    for of, to in NOISE.integers(1, 700, (300, 2)).tolist():
        values = np.arange(of, dtype=np.int32)[None]
        assert np.array_equal(resized(values, (1, to), "nearest"), pillow(values, (1, to), "nearest")), (of, to)


@pytest.mark.parametrize(("of", "to"), SIZES)
def test_nearest_is_what_torch_calls_nearest_exact(of: tuple[int, int], to: tuple[int, int]) -> None:
    values = NOISE.integers(0, 250, of).astype(np.uint8)
    theirs = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None].float(), to, mode="nearest-exact")
    assert np.array_equal(resized(values, to, "nearest"), theirs[0, 0].numpy().astype(np.uint8))


@pytest.mark.parametrize(("of", "to"), SIZES)
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64", "float16"])
def test_bilinear_is_that_of_pillow_and_torch(of: tuple[int, int], to: tuple[int, int], kind: str) -> None:
    top = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    values = (NOISE.random(of) * top).astype(kind)
    found = resized(values, to, "bilinear")
    exact = pillow(values if kind == "uint8" else values.astype(np.float32), to, "bilinear")
    assert np.array_equal(found, np.rint(exact).astype(kind) if kind == "uint16" else exact)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(values.astype(np.float32))[None, None],
        to,
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    assert found == pytest.approx(theirs[0, 0].numpy(), abs=1e-5 if top == 1 else 1)


def test_probabilities_stay_probabilities() -> None:
    found = resized(np.ones((5, 7), np.float32), (13, 11), "bilinear")
    assert found.min() == found.max() == 1


# In a score


def test_labels_score_as_those_that_pillow_resized(tmp_path: Path) -> None:
    pred, gt = write_images(tmp_path / "pred", SMALL), write_images(tmp_path / "gt", GT)
    large = write_images(tmp_path / "large", [pillow(mask, GT[0].shape, "nearest") for mask in SMALL])
    found = score(pred, gt, resize_pred="nearest")
    assert found.scores == score(large, gt).scores
    line = str(found.signature)
    assert "|resize-pred:nearest|" in line
    assert verify(line, f"miou={found.scores['miou']!r}", pred, gt).holds(strict=True)
    done = run_segeval("score", pred, gt, "--resize-pred", "nearest", "--only", "miou")
    assert float(done.stdout) == found.scores["miou"]


@pytest.mark.parametrize("rule", ["nearest", "bilinear"])
def test_maps_score_as_those_that_pillow_resized(rule: str, tmp_path: Path) -> None:
    gt = write_images(tmp_path / "gt", GT)
    maps = [NOISE.random((4, 6, 9)).astype(np.float32) for _ in GT]
    large = [np.stack([pillow(one, GT[0].shape, rule) for one in stack]) for stack in maps]
    pred, expected = write_arrays(tmp_path / "pred", maps), write_arrays(tmp_path / "large", large)
    found = score(pred, gt, resize_pred=rule, probs=True)
    assert found.scores == score(expected, gt, probs=True).scores


def test_masks_of_classes_that_overlap_are_resized_too(tmp_path: Path) -> None:
    for side, masks in (
        ("pred", SMALL),
        ("gt", GT),
        ("large", [pillow(mask, GT[0].shape, "nearest") for mask in SMALL]),
    ):
        for bit in (0, 1):
            (tmp_path / side / "ab"[bit]).mkdir(parents=True)
            for index, mask in enumerate(masks):
                Image.fromarray(mask >> bit & 1).save(tmp_path / side / "ab"[bit] / f"{index}.png")
    found = score(tmp_path / "pred", tmp_path / "gt", multilabel=True, resize_pred="nearest")
    assert found.scores == score(tmp_path / "large", tmp_path / "gt", multilabel=True).scores
