"""Losses against PyTorch, in float64, and against torchvision's focal formula written with its operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.protocol.settings import LossSettings
from segeval.scores.losses import bce, class_mean, cross_entropy, focal, focal_cross_entropy
from segeval.scores.lossums import float_sums
from segeval.tables.levels import LevelTable

torch: Any = pytest.importorskip("torch")

VOID = 255
LEVELS = pytest.mark.parametrize(("levels", "kind"), [(256, np.uint8), (65536, np.uint16)])


def binary(levels: int, kind: type, low: int, high: int) -> tuple[LevelTable, Any, Any]:
    """Return the table of a random image, and its valid probabilities and targets as float64 tensors."""
    noise = np.random.default_rng(levels + low)
    prob: NDArray[Any] = noise.integers(low, high + 1, (40, 50)).astype(kind)
    prob[:2], prob[-2:] = low, high
    gt = noise.choice([0, 1, VOID], (40, 50), p=[0.7, 0.2, 0.1])
    table = LevelTable(1, ignore=(VOID,), levels=levels)
    table.update(prob, gt)
    valid = gt != VOID
    return table, torch.tensor(prob[valid] / (levels - 1)), torch.tensor(gt[valid].astype(np.float64))


def torchvision_focal(p: Any, y: Any, alpha: float, gamma: float) -> Any:
    # torchvision.ops.sigmoid_focal_loss from the probability on; a negative alpha weighs nothing.
    p_t = p * y + (1 - p) * (1 - y)
    loss = torch.nn.functional.binary_cross_entropy(p, y, reduction="none") * (1 - p_t) ** gamma
    return (loss * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else loss).mean()


@LEVELS
class TestBinary:
    def test_bce_loss_with_its_clamp(self, levels: int, kind: type) -> None:
        table, p, y = binary(levels, kind, 0, levels - 1)
        assert bce(table, eps="torch").value == pytest.approx(torch.nn.BCELoss()(p, y).item(), rel=1e-12)
        assert bce(table, eps="torch").clamped > 0

    def test_bce_loss_of_clamped_probabilities(self, levels: int, kind: type) -> None:
        table, p, y = binary(levels, kind, 0, levels - 1)
        for eps in (1e-7, 0.5 / (levels - 1), 0.1):
            expected = torch.nn.BCELoss()(p.clamp(eps, 1 - eps), y).item()
            assert bce(table, eps=eps).value == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("pos_weight", [0.3, 1.0, 7.5])
    def test_bce_with_logits_loss_and_a_positive_weight(self, levels: int, kind: type, pos_weight: float) -> None:
        table, p, y = binary(levels, kind, 1, levels - 2)
        criterion = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(pos_weight, dtype=torch.float64))
        found = bce(table, pos_weight=pos_weight, eps="torch").value
        assert found == pytest.approx(criterion(torch.logit(p), y).item(), rel=1e-11)

    @pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.7])
    @pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.25, 0.9, 1.0])
    def test_torchvision_focal(self, levels: int, kind: type, gamma: float, alpha: float) -> None:
        table, p, y = binary(levels, kind, 0, levels - 1)
        found = focal(table, gamma=gamma, alpha=None if alpha < 0 else alpha, eps="torch").value
        # p_t of a negative is 1 - p, so that 1 - p_t is p to 1e-16 only, 1e-11 of the lowest 16-bit levels.
        assert found == pytest.approx(torchvision_focal(p, y, alpha, gamma).item(), rel=1e-11)


@LEVELS
@pytest.mark.parametrize("weights", [None, (1.0, 0.2, 5.0)])
class TestTrueClass:
    def test_cross_entropy_loss(self, levels: int, kind: type, weights: tuple[float, ...] | None) -> None:
        tables, p, y = multiclass(levels, kind)
        weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
        # CrossEntropyLoss is NLLLoss of log-softmax; the maps hold what softmax gave.
        expected = torch.nn.NLLLoss(weight, ignore_index=VOID)(p.log(), y).item()
        assert cross_entropy(tables, class_weights=weights, eps="torch").value == pytest.approx(expected, rel=1e-12)

    def test_focal_cross_entropy(self, levels: int, kind: type, weights: tuple[float, ...] | None) -> None:
        tables, p, y = multiclass(levels, kind)
        valid = y != VOID
        p_y = p[valid].gather(1, y[valid][:, None])[:, 0]
        w_y = torch.tensor(weights or (1.0, 1.0, 1.0), dtype=torch.float64)[y[valid]]
        expected = ((w_y * (1 - p_y) ** 1.5 * -p_y.log()).sum() / w_y.sum()).item()
        found = focal_cross_entropy(tables, gamma=1.5, class_weights=weights, eps="torch").value
        assert found == pytest.approx(expected, rel=1e-12)


def multiclass(levels: int, kind: type) -> tuple[list[LevelTable], Any, Any]:
    """Return three classes' tables of one random image, its probabilities (N, 3) and its labels (N,) with void."""
    noise = np.random.default_rng(levels)
    maps: NDArray[Any] = noise.integers(1, levels, (3, 30, 40)).astype(kind)
    gt = noise.choice([0, 1, 2, VOID], (30, 40), p=[0.6, 0.2, 0.1, 0.1])
    tables = [LevelTable(k, ignore=(VOID,), levels=levels) for k in range(3)]
    for table, prob in zip(tables, maps, strict=True):
        table.update(prob, gt)
    return tables, torch.tensor(maps.reshape(3, -1).T / (levels - 1)), torch.tensor(gt.reshape(-1))


def test_cross_entropy_loss_from_logits_through_stored_floats() -> None:
    noise = np.random.default_rng(11)
    logits, gt = torch.tensor(noise.normal(0, 3, (1, 4, 20, 30))), noise.choice([0, 1, 2, 3, VOID], (20, 30))
    weights = (1.0, 2.0, 0.5, 3.0)
    maps = logits.softmax(1)[0].numpy()
    sums = [float_sums(maps[k], gt == k, gt != VOID, LossSettings()) for k in range(4)]
    target, weight = torch.tensor(gt)[None], torch.tensor(weights, dtype=torch.float64)
    expected = torch.nn.CrossEntropyLoss(weight, ignore_index=VOID)(logits, target).item()
    assert cross_entropy(sums, class_weights=weights).value == pytest.approx(expected, rel=1e-12)


def test_one_vs_rest_means_are_means_over_pixels_and_classes() -> None:
    tables, p, y = multiclass(256, np.uint8)
    valid = y != VOID
    one_hot = torch.nn.functional.one_hot(y[valid], 3).double()
    found = class_mean([bce(table, eps="torch") for table in tables])
    assert found.value == pytest.approx(torch.nn.BCELoss()(p[valid], one_hot).item(), rel=1e-12)
    assert found.elements == one_hot.numel()
    found = class_mean([focal(table, eps="torch") for table in tables])
    assert found.value == pytest.approx(torchvision_focal(p[valid], one_hot, 0.25, 2.0).item(), rel=1e-12)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_saturated_and_not(kind: type[np.floating[Any]]) -> None:
    noise = np.random.default_rng(12)
    prob = (noise.random((30, 30)) ** 4).astype(kind)
    prob[0], prob[1] = 0, 1
    gt = noise.choice([0, 1, VOID], (30, 30))
    sums = float_sums(prob, gt == 1, gt != VOID, LossSettings(gamma=2.0))
    p, y = torch.tensor(prob[gt != VOID].astype(np.float64)), torch.tensor((gt[gt != VOID] == 1).astype(np.float64))
    assert bce(sums).value == pytest.approx(torch.nn.BCELoss()(p, y).item(), rel=1e-12)
    assert focal(sums).value == pytest.approx(torchvision_focal(p, y, 0.25, 2.0).item(), rel=1e-12)
