"""Arrays in the forms that models and tools leave them in, and colours that are nearly those of a palette."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from segeval import load_run, measure, save_run, score, verify
from segeval.errors import MaskError, SegevalError, UsageError
from segeval.images.readers import decode_probability, read_mask
from segeval.protocol.protocol import Protocol, resolve
from segeval.protocol.signature import Signature, signature
from segeval.protocol.storage import SideStorage, Storage
from tests.test_storage import GT, PRED, plain, said, write_images

Array = NDArray[Any]
NOISE = np.random.default_rng(14)
ONE_HOT = [np.eye(4, dtype=np.uint8)[mask] for mask in GT]
SCORES = NOISE.normal(0, 3, (4, 12, 17))
SIZE = (12, 17)


def stored(array: Array) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def labels(array: Array, **storage: Any) -> Array:
    return read_mask(stored(array), name="a.npy", storage=SideStorage(**storage))[0]


def write_arrays(folder: Path, arrays: list[Array]) -> Path:
    folder.mkdir()
    for index, array in enumerate(arrays):
        np.save(folder / f"{index}.npy", array)
    return folder


# Axes


@pytest.mark.parametrize("shape", [(2, 12, 17), (12, 17, 3), (2, 1, 12, 17), (12,), (), (1, 12, 17, 3)])
def test_axes_that_can_be_classes_are_never_dropped(shape: tuple[int, ...]) -> None:
    with pytest.raises(MaskError, match="does not have the shape of a mask"):
        labels(np.zeros(shape, np.uint8))


def test_the_error_names_the_axis_that_has_the_classes() -> None:
    for shape, axis in (((3, 12, 17), "first"), ((12, 17, 3), "last")):
        with pytest.raises(MaskError) as raised:
            labels(np.zeros(shape, np.uint8))
        assert f"--class-axis {axis}" in raised.value.fix


@pytest.mark.parametrize(
    "shape", [(1, *SIZE), (*SIZE, 1), (12, 1, 17), (1, 1, *SIZE), (1, *SIZE, 1), (1, 12, 1, 17, 1)]
)
def test_axes_of_length_one_are_dropped_wherever_they_are(shape: tuple[int, ...]) -> None:
    assert np.array_equal(labels(GT[0].reshape(shape)), GT[0])


@pytest.mark.parametrize("shape", [(1, 4, *SIZE), (4, 1, *SIZE), (4, *SIZE, 1), (1, 4, 1, *SIZE)])
def test_maps_keep_their_classes_and_lose_other_axes(shape: tuple[int, ...]) -> None:
    maps = NOISE.random((4, *SIZE)).astype(np.float32)
    assert np.array_equal(decode_probability(stored(maps.reshape(shape)), name="a"), maps)


def test_a_huge_header_is_refused_before_anything_is_allocated() -> None:
    data = stored(GT[0]).replace(b"(12, 17), ", b"(1, 999999999, 999999999), ")
    with pytest.raises(MaskError):
        read_mask(data, name="a", storage=SideStorage(class_axis="first"))


# One-hot masks


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda hot: hot * 2, "is not one-hot"),
        (lambda hot: hot.astype(np.int16) - 1, "is not one-hot"),
        (lambda hot: hot * 0, "204 pixels without a class, 0 with several"),
        (lambda hot: np.maximum(hot, hot[..., ::-1]), "with several"),
    ],
)
def test_what_is_not_one_hot_is_refused(change: Any, says: str) -> None:
    with pytest.raises(MaskError) as raised:
        labels(change(ONE_HOT[0]), class_axis="last")
    assert says in f"{raised.value.what} {raised.value.where}"
    assert raised.value.fix


@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.int64])
def test_one_hot_ground_truth_scores_as_its_labels_do(kind: type[Any], tmp_path: Path) -> None:
    expected = plain(tmp_path)
    pred = write_images(tmp_path / "pred", PRED)
    last = write_arrays(tmp_path / "last", [hot.astype(kind) for hot in ONE_HOT])
    first = write_arrays(tmp_path / "first", [np.moveaxis(hot, -1, 0).astype(kind) for hot in ONE_HOT])
    for gt, axis in ((last, "last"), (first, "first")):
        report = score(pred, gt, class_axis=axis)
        assert report.scores == expected
        line = str(report.signature)
        assert f"|class-axis:{axis}|" in line
        assert verify(line, f"miou={report.scores['miou']!r}", pred, gt).holds(strict=True)


def test_masks_without_a_class_axis_stay_what_they_are() -> None:
    assert np.array_equal(labels(GT[0], class_axis="first"), GT[0])


# Labels stored as floats


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 2.0**54])
def test_what_is_no_whole_number_is_refused_with_its_pixels(value: float) -> None:
    floats = GT[0].astype(np.float64)
    floats[3, 4] = value
    with pytest.raises(MaskError, match="no whole numbers") as raised:
        labels(floats, cast_labels=True)
    assert raised.value.where == (f"a.npy: value {value}, 1 pixels",)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_whole_numbers_stored_as_floats_score_as_they_do(kind: type[Any], tmp_path: Path) -> None:
    expected = plain(tmp_path)
    pred = write_images(tmp_path / "pred", PRED)
    gt = write_arrays(tmp_path / "gt", [mask.astype(kind) for mask in GT])
    assert all(problem.kind == "probability-maps" for problem in said(lambda: score(pred, gt)))
    report = score(pred, gt, cast_labels=True)
    assert report.scores == expected
    assert "|cast-labels:yes|" in str(report.signature)
    values = labels(np.array([[-1.0, 70000.0]]), cast_labels=True)
    assert values.tolist() == [[-1, 70000]]


# Logits


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_logits_score_as_the_softmax_and_the_sigmoid_of_torch(kind: type[Any], tmp_path: Path) -> None:
    scores = [(NOISE.normal(0, 3, (4, *SIZE)) + 30).astype(kind) for _ in GT]
    gt = write_images(tmp_path / "gt", GT)
    logits = write_arrays(tmp_path / "logits", scores)
    soft = [torch.softmax(torch.from_numpy(one.astype(np.float64)), 0).numpy() for one in scores]
    maps = write_arrays(tmp_path / "maps", soft)
    found, expected = score(logits, gt, probs=True, logits=True), score(maps, gt, probs=True)
    for name, value in expected.scores.items():
        assert found.scores[name] == pytest.approx(value, rel=1e-9), name
    binary = write_images(tmp_path / "binary", [(mask > 1).astype(np.uint8) for mask in GT])
    one = write_arrays(tmp_path / "one", [single[0] - kind(30) for single in scores])
    sigmoid = [torch.sigmoid(torch.from_numpy((single[0] - kind(30)).astype(np.float64))).numpy() for single in scores]
    found = score(one, binary, probs=True, logits=True)
    expected = score(write_arrays(tmp_path / "sigmoid", sigmoid), binary, probs=True)
    for name, value in expected.scores.items():
        assert found.scores[name] == pytest.approx(value, rel=1e-9), name
    assert "|logits:yes|" in str(found.signature)


def test_large_logits_do_not_overflow(tmp_path: Path) -> None:
    big = np.where(np.arange(4)[:, None, None] == GT[0], 1e30, -1e30)
    report = score(write_arrays(tmp_path / "p", [big]), write_images(tmp_path / "g", GT[:1]), probs=True, logits=True)
    assert (report.scores["miou"], report.scores["cross_entropy"]) == (1, 0)


def test_logits_without_maps_of_levels_and_not_finite_are_refused(tmp_path: Path) -> None:
    gt = write_images(tmp_path / "gt", GT)
    with pytest.raises(UsageError, match="--logits is of probability maps"):
        score(gt, gt, logits=True)
    levels = write_arrays(tmp_path / "levels", [np.zeros((4, *SIZE), np.uint8) for _ in GT])
    assert any(
        "array of levels" in problem.what for problem in said(lambda: score(levels, gt, probs=True, logits=True))
    )
    broken = SCORES.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(MaskError, match="not finite"):
        decode_probability(stored(broken), name="a", logits=True)


def test_logits_given_as_probabilities_are_told_the_option() -> None:
    with pytest.raises(MaskError) as raised:
        decode_probability(stored(SCORES), name="a")
    assert "--logits" in raised.value.fix


# Colours near those of a palette

PALETTE = "255,0,0 1\n0,0,255 2\n0,0,0 0\n"
COLORS = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.int16)


def impure(mask: Array, off: int) -> Array:
    noise = NOISE.integers(-off, off + 1, (*mask.shape, 3))
    found: Array = np.clip(COLORS[mask] + noise, 0, 255).astype(np.uint8)
    return found


def test_a_colour_beyond_the_tolerance_is_refused_and_told(tmp_path: Path) -> None:
    (tmp_path / "palette.txt").write_text(PALETTE)
    off = COLORS[GT[0] % 3].astype(np.uint8)
    off[2, 3, 1] = 6
    gt = write_images(tmp_path / "gt", [off])
    (problem,) = said(lambda: score(gt, gt, palette=tmp_path / "palette.txt", palette_tolerance=5))
    assert problem.kind == "unknown-colors"
    assert all(" 1 pixels" in place for place in problem.where)
    report = score(gt, gt, palette=tmp_path / "palette.txt", palette_tolerance=6)
    assert report.scores["miou"] == 1


def test_a_colour_between_two_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "palette.txt").write_text("0,0,0 0\n10,0,0 1\n")
    middle = np.zeros((4, 4, 3), np.uint8)
    middle[0, 0, 0] = 5
    gt = write_images(tmp_path / "gt", [middle])
    (problem,) = said(lambda: score(gt, gt, palette=tmp_path / "palette.txt", palette_tolerance=9))
    assert problem.kind == "unknown-colors"


@pytest.mark.parametrize("tolerance", [-1, 128, True, 1.5])
def test_a_tolerance_out_of_range_is_refused(tolerance: Any) -> None:
    with pytest.raises(UsageError, match="tolerance"):
        Storage(palette_tolerance=tolerance)


def test_near_colours_score_as_the_exact_ones_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "palette.txt").write_text(PALETTE)
    truth, guess = [mask % 3 for mask in GT], [mask % 3 for mask in PRED]
    exact = score(write_images(tmp_path / "p", guess), write_images(tmp_path / "g", truth))
    near = [impure(mask, 9) for mask in truth]
    gt, pred = write_images(tmp_path / "gt", near), write_images(tmp_path / "pred", [impure(one, 0) for one in guess])
    options: Any = {"palette": tmp_path / "palette.txt", "palette_tolerance": 9}
    report = score(pred, gt, **options)
    assert report.scores == exact.scores
    pixels = sum(int((image != COLORS[mask]).any(axis=2).sum()) for image, mask in zip(near, truth, strict=True))
    share = 100 * pixels / (3 * 204)
    told = f"{pixels} of 612 pixels of gt ({share:.2f} %) have a colour up to 9 off the palette's, read as the nearest"
    assert told in [note.what for note in report.notes]
    save_run(measure(pred, gt, **options), tmp_path / "run.jsonl")
    again = load_run(tmp_path / "run.jsonl")
    assert sum(row.inexact[0] for row in again.rows) == pixels
    assert [row.inexact[1] for row in again.rows] == [0, 0, 0]


def test_near_colours_of_palette_images_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "palette.txt").write_text(PALETTE)
    folder = tmp_path / "gt"
    folder.mkdir()
    image = Image.fromarray(GT[0] % 3, "P")
    image.putpalette([0, 0, 0, 250, 3, 0, 0, 0, 255])
    image.save(folder / "0.png")
    pred = write_images(tmp_path / "pred", [COLORS[GT[0] % 3].astype(np.uint8)])
    assert score(pred, folder, palette=tmp_path / "palette.txt", palette_tolerance=5).scores["miou"] == 1


def test_every_option_stands_in_signature_and_protocol_and_none_by_default() -> None:
    storage = Storage(class_axis="last", cast_labels=True, palette_tolerance=5)
    protocol = Protocol(storage=storage)
    line = str(signature(resolve(protocol, gt_values=(0, 1), pred_values=(0, 1)), protocol))
    assert "|class-axis:last|cast-labels:yes|palette-tolerance:5|" in line
    assert Signature.parse(line).protocol() == protocol
    assert Storage().to_dict() == {}
    with pytest.raises(SegevalError):
        Storage(class_axis="middle")


# nnU-Net's probabilities beside its segmentation


def test_probabilities_of_nnunet_lie_beside_its_segmentation(tmp_path: Path) -> None:
    gt = write_images(tmp_path / "gt", GT)
    pred, plain_maps = write_images(tmp_path / "pred", PRED), tmp_path / "maps"
    plain_maps.mkdir()
    for index in range(len(GT)):
        maps = np.exp(NOISE.normal(0, 1, (4, *SIZE))).astype(np.float32)
        np.savez_compressed(pred / f"{index}.npz", probabilities=(maps / maps.sum(0))[:, None])
        np.save(plain_maps / f"{index}.npy", maps / maps.sum(0))
    for probs, suffix in ((True, ".npz"), (None, ".png")):
        (problem, *_) = said(partial(score, pred, gt, probs=probs))
        assert "--pred-suffix" in problem.fix
        found = score(pred, gt, probs=probs, pred_suffix=suffix)
        expected = score(plain_maps, gt, probs=True) if probs else score(write_images(tmp_path / "alone", PRED), gt)
        assert found.scores == expected.scores
