"""Counting in a training loop: arrays of every library, refusals in words for Python, parts united by key."""

from __future__ import annotations

import operator
import pickle
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segeval
from segeval import ConfusionMatrix
from segeval.errors import LabelError, MaskError, NothingToScoreError, SegevalError, UsageError


def refused(call: Any, *arguments: Any, **options: Any) -> SegevalError:
    with pytest.raises(SegevalError) as caught:
        call(*arguments, **options)
    return caught.value


# What is no batch of masks


def test_nothing_counted_is_nothing_to_score() -> None:
    error = refused(ConfusionMatrix(classes=3).compute)
    assert isinstance(error, NothingToScoreError)
    assert "update(pred, gt)" in error.fix


@pytest.mark.parametrize(
    ("pred", "gt", "said"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "different shapes"),
        (np.zeros((2, 2, 3), int), np.zeros((2, 3), int), "different shapes"),
        (np.zeros(6, int), np.zeros(6, int), "no image and no batch"),
        (np.zeros((1, 1, 2, 3), int), np.zeros((1, 1, 2, 3), int), "no image and no batch"),
        (np.zeros((0, 2, 3), int), np.zeros((0, 2, 3), int), "no image and no batch"),
        (np.zeros((2, 3), float), np.zeros((2, 3), int), "not integer"),
        (np.zeros((2, 3), int), np.zeros((2, 3), float), "not integer"),
        (np.zeros((2, 3), complex), np.zeros((2, 3), int), "not integer"),
        (np.full((2, 3), "a"), np.zeros((2, 3), int), "not integer"),
        ([[0, 1], [0]], np.zeros((2, 2), int), "cannot be read as a NumPy array"),
    ],
)
def test_arrays_that_are_no_masks_count_nothing(pred: Any, gt: Any, said: str) -> None:
    matrix = ConfusionMatrix(classes=2)
    matrix.update([[0, 1]], [[0, 1]])
    with pytest.raises(MaskError, match=said):
        matrix.update(pred, gt)
    assert matrix.counts.tolist() == [[1, 0], [0, 1]]


def test_floats_are_told_of_from_logits() -> None:
    error = refused(ConfusionMatrix(classes=2).update, np.zeros((1, 2, 4, 4), np.float32), np.zeros((1, 4, 4), int))
    assert "from_logits=True" in error.fix
    assert "argmax" in error.fix


# Values outside the classes


def test_a_value_outside_the_classes_is_refused_at_once_and_nothing_of_its_batch_counts() -> None:
    matrix = ConfusionMatrix(classes=3)
    matrix.update([[0, 1]], [[0, 1]])
    assert isinstance(refused(matrix.update, [[[0, 1]], [[7, 2]]], [[[0, 1]], [[2, 255]]]), LabelError)
    assert matrix.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("pred", "gt", "where", "keyword"),
    [
        ([[[0, 1]], [[9, 9]]], [[[0, 1]], [[0, 1]]], "image 1 of the batch: value 9 (2 px)", 'unknown="miss"'),
        ([[[0, 1]], [[0, 1]]], [[[0, 1]], [[0, 8]]], "image 1 of the batch: value 8 (1 px)", 'gt_unknown="drop"'),
    ],
)
def test_the_refusal_names_image_value_and_keyword(pred: Any, gt: Any, where: str, keyword: str) -> None:
    error = refused(ConfusionMatrix(classes=["a", "b"]).update, pred, gt)
    assert isinstance(error, LabelError)
    assert error.where == (where,)
    assert keyword in error.fix
    assert "--" not in error.fix


def test_the_refusal_names_the_key_where_there_is_one() -> None:
    error = refused(ConfusionMatrix(classes=["a", "b"]).update, [[0, 9]], [[0, 1]], keys="aachen_1")
    assert error.where == ("aachen_1: value 9 (1 px)",)


def test_following_the_fix_works() -> None:
    matrix = ConfusionMatrix(classes=["a", "b"], unknown="miss")
    matrix.update([[0, 9]], [[0, 1]])
    assert matrix.compute().scores["miou"] == 0.5


def test_void_predictions_of_a_convention_that_allows_none_are_refused_in_update() -> None:
    error = refused(ConfusionMatrix(classes=2, convention="voc").update, [[0, 255]], [[0, 1]])
    assert 'pred_void="miss"' in error.fix


def test_classes_that_are_taken_from_the_values_refuse_none() -> None:
    matrix = ConfusionMatrix()
    matrix.update([[0, 7]], [[0, 1]])
    assert [entry.id for entry in matrix.compute().classes] == [0, 1, 7]


# Logits


@given(
    st.integers(2, 5), st.booleans(), st.sampled_from([np.float16, np.float32, np.float64, np.int8]), st.integers(0, 99)
)
def test_logits_count_as_their_argmax(classes: int, single: bool, kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits: np.ndarray = (3 * rng.standard_normal((2, classes, 4, 5))).astype(kind)  # integers have equals
    gt = rng.integers(0, classes, (2, 4, 5))
    by_logits, by_labels = ConfusionMatrix(classes=classes), ConfusionMatrix(classes=classes)
    if single:
        logits, gt = logits[:1], gt[:1]
    by_logits.update(logits[0] if single else logits, gt[0] if single else gt, from_logits=True)
    by_labels.update(logits.argmax(axis=1), gt)
    assert by_logits.counts.tolist() == by_labels.counts.tolist()


def test_a_plane_is_of_the_class_at_its_place_whatever_that_class_is_called() -> None:
    classes = [segeval_class(5, "a"), segeval_class(9, "b")]
    matrix = ConfusionMatrix(classes=classes)
    matrix.update(np.array([[[[0.2, 0.9]], [[0.8, 0.1]]]]), np.array([[[9, 5]]]), from_logits=True)
    assert matrix.counts.tolist() == [[1, 0], [0, 1]]


def segeval_class(identity: int, name: str) -> Any:
    return import_module("segeval.protocol.labeling").SegmentationClass(identity, name)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((2, 4, 5), "not one plane a class"),
        ((2, 1, 4, 5), "not one plane a class"),
        ((1, 3, 4, 5), "not one plane a class"),
        ((2, 3, 5, 4), "not one plane a class"),
        ((2, 4, 4, 5), "more or fewer planes than classes"),
    ],
)
def test_logits_of_another_shape_are_refused(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(MaskError, match=said):
        ConfusionMatrix(classes=3).update(np.zeros(shape), np.zeros((2, 4, 5), int), from_logits=True)


def test_one_nan_among_the_logits_is_refused() -> None:
    logits = np.zeros((1, 3, 4, 5), np.float32)
    logits[0, 1, 2, 3] = np.nan
    with pytest.raises(MaskError, match="NaN"):
        ConfusionMatrix(classes=3).update(logits, np.zeros((1, 4, 5), int), from_logits=True)


# Arrays of other libraries


class OnlyArray:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([[0, 1]])


class OnlyDLPack:
    """What a library without NumPy in it gives; `device` 1 is the host, 2 a graphics card."""

    def __init__(self, device: int = 1) -> None:
        self.array = np.array([[0, 1]])
        self.device = device

    def __dlpack__(self, **options: Any) -> Any:
        if self.device != 1:
            raise BufferError("not on the host")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (self.device, 0)


@pytest.mark.parametrize(
    "array", [OnlyArray(), OnlyDLPack(), [[0, 1]], np.array([[0, 1]], ">i8"), memoryview(b"\0\1").cast("B", (1, 2))]
)
def test_anything_that_gives_an_array_is_counted(array: Any) -> None:
    matrix = ConfusionMatrix(classes=2)
    matrix.update(array, array)
    assert matrix.counts.tolist() == [[1, 0], [0, 1]]


def test_an_array_on_another_device_is_refused_with_the_way_to_the_host() -> None:
    error = refused(ConfusionMatrix(classes=2).update, OnlyDLPack(device=2), [[0, 1]])
    assert isinstance(error, MaskError)
    assert "tensor.cpu()" in error.fix


def test_tensors_are_counted_with_gradients_and_in_every_memory_order() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    logits = torch.tensor(rng.standard_normal((2, 3, 4, 5)), requires_grad=True)
    gt = torch.tensor(rng.integers(0, 3, (2, 4, 5)))
    matrix, reference = ConfusionMatrix(classes=3), ConfusionMatrix(classes=3)
    matrix.update(logits.contiguous(memory_format=torch.channels_last), gt, from_logits=True)
    reference.update(logits.detach().numpy().argmax(1), gt.numpy())
    assert matrix.counts.tolist() == reference.counts.tolist()
    error = refused(matrix.update, logits.bfloat16(), gt, from_logits=True)
    assert "tensor.float()" in error.fix
    matrix.update(logits.bfloat16().float(), gt, from_logits=True)


# The numbers


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.sampled_from([np.uint8, np.int16, np.int64, np.uint32]),
    st.integers(0, 2**32 - 1),
)
def test_batches_images_and_merged_parts_are_one_count(sizes: list[int], kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches: list[np.ndarray] = [rng.choice([0, 1, 2, 255], (2, size, 4, 5)).astype(kind) for size in sizes]
    by_batch, by_image, parts = (ConfusionMatrix(classes=3) for _ in range(3))
    for pred, gt in batches:
        by_batch.update(pred, gt)
        part = ConfusionMatrix(classes=3)
        for pred_image, gt_image in zip(pred, gt, strict=True):
            by_image.update(pred_image, gt_image)
            part.update(pred_image, gt_image)
        parts.merge(part)
    naive = np.zeros((3, 3), int)
    for pred, gt in batches:
        for predicted, true in zip(pred.ravel().tolist(), gt.ravel().tolist(), strict=True):
            if predicted < 3 and true < 3:
                naive[true, predicted] += 1
    for matrix in (by_batch, by_image, parts):
        assert matrix.counts.tolist() == naive.tolist()
        assert len(matrix) == sum(sizes)
    if naive.sum():
        assert by_batch.compute().scores == by_image.compute().scores == parts.compute().scores


def test_the_matrix_is_that_of_scikit_learn_and_torchmetrics() -> None:
    rng = np.random.default_rng(5)
    gt = np.kron(rng.integers(0, 19, (4, 8, 16)), np.ones((8, 8), np.int64))
    pred = np.where(rng.random(gt.shape) < 0.2, rng.integers(0, 19, gt.shape), gt)
    gt[rng.random(gt.shape) < 0.1] = 255
    matrix = ConfusionMatrix(classes=19)
    matrix.update(pred, gt)
    compared = 0
    if metrics := _module("sklearn.metrics"):
        valid = gt != 255
        reference = metrics.confusion_matrix(gt[valid], pred[valid], labels=np.arange(19))
        assert matrix.counts.tolist() == reference.tolist()
        compared += 1
    if (torch := _module("torch")) and (classification := _module("torchmetrics.classification")):
        other = classification.MulticlassConfusionMatrix(19, ignore_index=255)
        other.update(torch.from_numpy(pred), torch.from_numpy(gt))
        assert matrix.counts.tolist() == other.compute().tolist()
        compared += 1
    if not compared:
        pytest.skip("neither scikit-learn nor torchmetrics is installed")


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def test_the_accumulator_and_the_command_line_say_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    matrix = ConfusionMatrix(classes=4, ignore=3, convention="mapillary")
    for index in range(5):
        pred, gt = rng.integers(0, 4, (2, 7, 6))
        matrix.update(pred, gt)
        for folder, mask in (("pred", pred), ("gt", gt)):
            (tmp_path / folder).mkdir(exist_ok=True)
            np.save(tmp_path / folder / f"{index}.npy", mask)
    report = segeval.score(tmp_path / "pred", tmp_path / "gt", classes=4, ignore=3, convention="mapillary")
    assert matrix.compute().scores == report.scores
    ours, theirs = (dict(one.signature.fields) for one in (matrix.compute(), report))
    assert ours.pop("gt") != theirs.pop("gt"), "arrays have no file whose bytes could be told"
    assert ours == theirs
    assert type(matrix.compute()) is segeval.Report


# Parts, keys, epochs


def one(pred: int, key: str | None = None, **options: Any) -> ConfusionMatrix:
    matrix = ConfusionMatrix(classes=2, **options)
    matrix.update([[pred, 1]], [[0, 1]], keys=key)
    return matrix


def test_images_without_keys_add_up() -> None:
    total = reduce(operator.add, [one(0), one(1), one(1)])
    assert total.counts.tolist() == [[1, 2], [0, 3]]
    assert len(total) == 3


def test_images_with_keys_count_once_however_often_they_come() -> None:
    """A distributed sampler gives some images to two processes, so that all have equally many."""
    first, second = one(0, "a"), one(1, "b")
    second.update([[0, 1]], [[0, 1]], keys="a")
    first.merge(second, one(1, "b"))
    assert first.counts.tolist() == [[1, 1], [0, 2]]
    first.update([[0, 1]], [[0, 1]], keys="a")
    assert len(first) == 2


def test_adding_changes_neither_part() -> None:
    first, second = one(0, "a"), one(1, "b")
    both = first + second
    both.update([[1, 1]], [[0, 1]], keys="c")
    assert (len(first), len(second), len(both)) == (1, 1, 3)
    assert (second + first).compute().to_dict() == (first + second).compute().to_dict()


def test_an_image_with_two_results_is_refused() -> None:
    matrix = one(0, "a")
    error = refused(matrix.update, [[1, 1]], [[0, 1]], keys="a")
    assert error.where == ("a",)
    assert "reset()" in error.fix
    assert refused(matrix.merge, one(0, "b"), one(1, "a")).where == ("a",)
    assert matrix.counts.tolist() == [[1, 0], [0, 1]], "neither part of the refused merge was added"


def test_two_results_of_one_key_within_a_batch_are_refused() -> None:
    error = refused(ConfusionMatrix(classes=2).update, [[[0, 1]], [[1, 1]]], [[[0, 1]], [[0, 1]]], keys=["a", "a"])
    assert error.where == ("a",)


def test_keys_for_some_images_only_are_refused() -> None:
    for left, right in ((one(0, "a"), one(0)), (one(0), one(0, "a"))):
        assert "keys" in refused(left.merge, right).what
    assert "keys" in refused(one(0, "a").update, [[0, 1]], [[0, 1]]).what


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c"], ["a", 1.5], ["a", ""], "ab", [["a"], ["b"]]])
def test_keys_are_one_for_each_image(keys: Any) -> None:
    batch = np.zeros((2, 1, 2), int)
    with pytest.raises(UsageError, match="for each image"):
        ConfusionMatrix(classes=2).update(batch, batch, keys=keys)


@pytest.mark.parametrize("keys", [[3, 4], np.array([3, 4]), ("3", "4")])
def test_keys_are_names_or_numbers(keys: Any) -> None:
    batch = np.zeros((2, 1, 2), int)
    matrix = ConfusionMatrix(classes=2)
    matrix.update(batch, batch, keys=keys)
    matrix.update(batch[0], batch[0], keys="3")
    assert len(matrix) == 2


def test_matrices_of_different_keywords_do_not_merge() -> None:
    error = refused(one(0).merge, ConfusionMatrix(classes=3))
    assert error.where == ("classes: 2 vs 3",)
    with pytest.raises(TypeError):
        one(0) + 3  # type: ignore[operator]


def test_reset_forgets_everything() -> None:
    matrix = one(0, "a")
    matrix.reset()
    assert len(matrix) == 0
    matrix.update([[1, 1]], [[0, 1]])  # another result, and no key
    assert matrix.counts.tolist() == [[0, 1], [0, 1]]


def test_its_repr_is_short() -> None:
    assert repr(one(0)) == "<segeval.ConfusionMatrix: 1 image, 2 classes>"
    assert repr(ConfusionMatrix()) == "<segeval.ConfusionMatrix: 0 images, classes by their values>"
    assert repr(ConfusionMatrix(binary=True)) == "<segeval.ConfusionMatrix: 0 images, 2 classes>"


def test_an_empty_matrix_is_not_false() -> None:
    assert ConfusionMatrix(classes=2), "`matrix or default` would replace it"


def test_a_matrix_pickles() -> None:
    matrix = pickle.loads(pickle.dumps(one(0, "a") + one(1, "b")))
    assert matrix.counts.tolist() == [[1, 1], [0, 2]]
    matrix.update([[0, 1]], [[0, 1]], keys="c")
    assert len(matrix) == 3
