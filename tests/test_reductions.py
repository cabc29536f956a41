"""What losses, calibration and F-measures are of a whole folder: as evaluators print them, and as loops find them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import explain, load_run, rescore, score
from segeval.api.folders import measure
from segeval.errors import UsageError
from segeval.report.extras import losses_of
from segeval.report.scoring import measured, report_of
from segeval.scores.fmeasures import f_measures
from segeval.scores.imagelevels import ImageLevels, image_levels
from tests.originals import golden
from tests.originals.inputs import GreyMaps, ProbabilityMaps, inputs_of

CASE = Path(__file__).resolve().parents[2] / "shared" / "cases" / "A01-saliency-per-image"
Array = NDArray[Any]


def saved(folder: Path, preds: Any, gts: Any) -> tuple[Path, Path]:
    """Write maps as .npy and ground truth as PNG; return the two folders."""
    for side in ("pred", "gt"):
        (folder / side).mkdir()
    for at, (pred, gt) in enumerate(zip(preds, gts, strict=True)):
        np.save(folder / "pred" / f"{at}.npy", pred)
        Image.fromarray(gt.astype(np.uint8)).save(folder / "gt" / f"{at}.png")
    return folder / "pred", folder / "gt"


@pytest.mark.parametrize("seed", range(3))
def test_cross_entropy_is_divided_as_torch_divides_it(seed: int, tmp_path: Path) -> None:
    kept = golden("torch-cross-entropy").sets[seed]
    given = inputs_of(kept.inputs, kept.seed)
    assert isinstance(given, ProbabilityMaps)
    run = measure(*saved(tmp_path, given.maps, given.gt), probs=True, eps="torch")
    weights = [float(at) for at in range(1, given.size + 1)]
    asked: dict[str, dict[str, Any]] = {
        "pixels": {"loss_reduction": "pixels"},
        "weights": {"class_weights": weights},
        "weighted_pixels": {"class_weights": weights, "loss_reduction": "pixels"},
        "all_pixels": {"loss_reduction": "all-pixels"},
        "images": {"loss_reduction": "images"},
        "weighted_images": {"class_weights": weights, "loss_reduction": "images"},
    }
    for name, options in asked.items():
        found = rescore(run, **options).scores["cross_entropy"]
        assert found == pytest.approx(kept.scores[name], rel=1e-12), name
    plain = rescore(run, class_weights=weights)
    assert rescore(run, class_weights=weights, loss_reduction="weights").scores == plain.scores


@pytest.mark.parametrize("seed", range(3))
def test_binary_losses_are_reduced_as_torch_reduces_them(seed: int, tmp_path: Path) -> None:
    kept = golden("torch-bce").sets[seed]
    given = inputs_of(kept.inputs, kept.seed)
    assert isinstance(given, GreyMaps)
    run = measure(*saved(tmp_path, given.pred, given.gt), probs=True, binary=True, eps="torch")
    for reduction in ("pixels", "images"):
        found = rescore(run, loss_reduction=reduction).scores
        for name in ("bce", "mae", "brier"):
            assert found[name] == pytest.approx(kept.scores[name][reduction], rel=1e-12), (name, reduction)


def loop(maps: Any, gts: Any, rule: str, loss: Any) -> float:
    """Return the mean over classes of a one-vs-rest loss of (p, y), divided by one of the rules."""
    images = [
        (
            [
                math.fsum(loss(p, int(y == at)) for p, y in zip(one.ravel(), gt.ravel(), strict=True) if y != 255)
                for at, one in enumerate(image)
            ],
            int((gt != 255).sum()),
            gt.size,
        )
        for image, gt in zip(maps, gts, strict=True)
    ]
    size = len(maps[0])
    if rule == "images":
        kept = [math.fsum(sums) / size / valid for sums, valid, _ in images if valid]
        return math.fsum(kept) / len(kept)
    whole = math.fsum(part for sums, _, _ in images for part in sums)
    return whole / size / sum(every if rule == "all-pixels" else valid for _, valid, every in images)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
@pytest.mark.parametrize("rule", ["pixels", "images", "all-pixels", "weights"])
def test_one_against_the_rest_is_reduced_as_a_loop_does(rule: str, kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(5)
    shapes = ((3, 4), (5, 2), (2, 2))
    levels = [noise.integers(0, 256, (3, *shape)) for shape in shapes]
    gts = [noise.choice([0, 1, 2, 255], shape) for shape in shapes]
    gts[2][:] = 255
    stored = {"uint8": lambda one: one.astype(np.uint8), "uint16": lambda one: (one * 257).astype(np.uint16)}
    preds = [stored.get(kind, lambda one: one / 255)(one) for one in levels]
    run = measure(*saved(tmp_path, preds, gts), probs=True, classes=3, eps=1e-7, loss_reduction=rule)
    report = rescore(run)

    def bce(p: float, y: int) -> float:
        p = min(max(p, 1e-7), 1 - 1e-7)
        return -math.log(p if y else 1 - p)

    def focal(p: float, y: int) -> float:
        clipped = min(max(p, 1e-7), 1 - 1e-7)
        right = clipped if y else 1 - clipped
        return (0.25 if y else 0.75) * (1 - right) ** 2 * bce(p, y)

    maps = [one / 255 for one in levels]
    by_hand = {
        "bce": loop(maps, gts, rule, bce),
        "focal": loop(maps, gts, rule, focal),
        "classwise_brier": loop(maps, gts, rule, lambda p, y: (p - y) ** 2),
        "brier": 3 * loop(maps, gts, rule, lambda p, y: (p - y) ** 2),
        "mae": loop(maps, gts, rule, lambda p, y: abs(p - y)),
    }
    for name, value in by_hand.items():
        assert report.scores[name] == pytest.approx(value, rel=1e-12), name
    assert report.probabilities is not None
    assert report.probabilities.skipped_images == (1 if rule == "images" else None)
    # What intervals are drawn from adds up to the same.
    found = measured(run)
    parts = losses_of(run, found, report_of(run, found))
    assert parts is not None
    for name, (above, below) in parts.ratios.items():
        assert above.sum() / below.sum() == pytest.approx(report.scores[name], rel=1e-12), name


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
@pytest.mark.parametrize("rule", ["pixels", "images", "all-pixels", "weights"])
@pytest.mark.parametrize("weights", [None, (1.0, 2.5, 0.5)])
def test_cross_entropies_are_reduced_as_a_loop_does(
    rule: str, kind: str, weights: tuple[float, ...] | None, tmp_path: Path
) -> None:
    noise = np.random.default_rng(6)
    shapes = ((3, 4), (5, 2), (2, 2))
    levels = [noise.integers(0, 256, (3, *shape)) for shape in shapes]
    gts = [noise.choice([0, 1, 2, 255], shape) for shape in shapes]
    gts[2][:] = 255
    stored = {"uint8": lambda one: one.astype(np.uint8), "uint16": lambda one: (one * 257).astype(np.uint16)}
    preds = [stored.get(kind, lambda one: one / 255)(one) for one in levels]
    run = measure(*saved(tmp_path, preds, gts), probs=True, classes=3, eps=1e-7, gamma=1.5)
    found = rescore(run, class_weights=weights, loss_reduction=rule).scores
    for name, gamma in (("cross_entropy", 0.0), ("focal_cross_entropy", 1.5)):
        costs, weighed, valid, pixels = [], [], [], 0
        for maps, gt in zip(levels, gts, strict=True):
            cost, weight, count = 0.0, 0.0, 0
            for row, column in np.ndindex(gt.shape):
                y = int(gt[row, column])
                pixels += 1
                if y != 255:
                    p = min(max(int(maps[y, row, column]) / 255, 1e-7), 1 - 1e-7)
                    of = 1.0 if weights is None else weights[y]
                    cost -= of * (1 - p) ** gamma * math.log(p)
                    weight += of
                    count += 1
            costs.append(cost)
            weighed.append(weight)
            valid.append(count)
        images = [cost / weight for cost, weight, count in zip(costs, weighed, valid, strict=True) if count]
        by_hand = {
            "weights": sum(costs) / sum(weighed),
            "pixels": sum(costs) / sum(valid),
            "all-pixels": sum(costs) / pixels,
            "images": sum(images) / len(images),
        }[rule]
        assert found[name] == pytest.approx(by_hand, rel=1e-12), name


@pytest.mark.parametrize("rule", ["pixels", "images", "all-pixels", "weights"])
def test_means_over_all_classes_are_the_losses_without_a_choice(rule: str, tmp_path: Path) -> None:
    given = inputs_of("probability", 2)
    assert isinstance(given, ProbabilityMaps)
    run = measure(*saved(tmp_path, given.maps, given.gt), probs=True, classes=given.size)
    every = ",".join(map(str, range(given.size)))
    assert rescore(run, loss_reduction=rule, mean_over=every).scores == rescore(run, loss_reduction=rule).scores


def test_weights_need_a_cross_entropy(tmp_path: Path) -> None:
    run = measure(*saved(tmp_path, [np.array([[10, 200]], np.uint8)], [np.array([[0, 1]])]), probs=True, binary=True)
    with pytest.raises(UsageError, match="--loss-reduction weights"):
        rescore(run, loss_reduction="weights")
    with pytest.raises(UsageError, match="no reduction"):
        rescore(run, loss_reduction="sum")


def test_a_reduction_is_in_the_signature_only_where_it_was_given(tmp_path: Path) -> None:
    run = measure(*saved(tmp_path, [np.array([[10, 200]], np.uint8)], [np.array([[0, 1]])]), probs=True, binary=True)
    plain, given = rescore(run), rescore(run, loss_reduction="images", beta2=1)
    assert "loss-reduction" not in str(plain.signature)
    assert "loss_reduction" not in plain.to_dict()["protocol"]["probabilities"]
    assert given.signature.get("loss-reduction") == "images"
    restored = given.signature.protocol().probabilities
    assert restored is not None
    assert (restored.loss_reduction, restored.beta2) == ("images", 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_calibration_is_that_of_torchmetrics_and_scikit_learn(seed: int, tmp_path: Path) -> None:
    kept = golden("calibration").sets[seed]
    given = inputs_of(kept.inputs, kept.seed)
    assert isinstance(given, ProbabilityMaps)
    report = score(*saved(tmp_path, given.maps, given.gt), probs=True, classes=given.size, ignore=255)
    assert report.scores["ece"] == pytest.approx(kept.scores["ece"], rel=1e-6)
    assert report.scores["brier"] == pytest.approx(kept.scores["brier"], rel=1e-6)
    for entry, value in zip(report.classes, kept.scores["classwise_brier"], strict=True):
        assert entry.losses["brier"] == pytest.approx(value, rel=1e-6)
    for entry, value in zip(report.classes, kept.scores["classwise_ece"], strict=True):
        assert entry.losses["ece"] == pytest.approx(value, rel=1e-5, abs=1e-7)
    for name in ("classwise_ece", "classwise_brier"):
        values = kept.scores[name]
        assert report.scores[name] == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_calibration_of_levels_is_that_of_a_loop(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    top = 255 if kind == "uint8" else 65535
    preds = [noise.integers(0, top + 1, (4, 6, 7)).astype(kind) for _ in range(3)]
    preds[0][:, 0, :] = np.arange(28).reshape(4, 7) % 2 * (top // 15 * 3)  # p = 0 and p = 3/15, on edges
    gts = [noise.choice([0, 1, 2, 3, 255], (6, 7)) for _ in range(3)]
    bins: list[list[tuple[int, int]]] = [[] for _ in range(15)]
    for pred, gt in zip(preds, gts, strict=True):
        for row in range(6):
            for column in range(7):
                levels = [int(one[row, column]) for one in pred]
                best = max(levels)
                if gt[row, column] != 255:
                    at = next(b for b in range(15) if best * 15 <= (b + 1) * top)
                    bins[at].append((best, int(levels.index(best) == gt[row, column])))
    pixels = sum(map(len, bins))
    by_hand = sum(abs(sum(right * top for _, right in one) - sum(best for best, _ in one)) for one in bins)
    report = score(*saved(tmp_path, preds, gts), probs=True, classes=4)
    assert report.scores["ece"] == pytest.approx(by_hand / (pixels * top), rel=1e-14)


def levels_of(given: GreyMaps) -> ImageLevels:
    """Return the levels of maps, pixel by pixel."""
    ends = np.cumsum([0, *(pred.size for pred in given.pred)])
    gt, pred = (np.concatenate([one.ravel() for one in side]) for side in (given.gt, given.pred))
    return image_levels(ends, gt > 0, pred, np.ones(len(gt), np.int64))


@pytest.mark.parametrize(("name", "rel"), [("sod", 1e-6), ("pysodmetrics", 1e-12)])
def test_f_measures_are_those_of_the_programs_on_fifty_sets(name: Any, rel: float) -> None:
    sets = golden(name).sets
    assert len(sets) == 50
    for kept in sets:
        given = inputs_of(kept.inputs, kept.seed)
        assert isinstance(given, GreyMaps)
        found = f_measures(levels_of(given), rule=name)
        for score_name, value in kept.scores.items():
            assert getattr(found, score_name) == pytest.approx(value, rel=rel, abs=1e-15), (kept.seed, score_name)


@pytest.mark.skipif(not CASE.exists(), reason="the cases are not beside this checkout")
def test_a_folder_of_saliency_maps_has_what_papers_print() -> None:
    run = measure(CASE / "pred", CASE / "gt", probs=True, binary=True)
    assert rescore(run).scores["mae"] == pytest.approx(0.1746950034967752, rel=1e-14)
    assert rescore(run, loss_reduction="images").scores["mae"] == pytest.approx(0.1664108175986444, rel=1e-14)
    right = {
        "sod": (0.1664108175986444, 0.9619797634188293, 0.7801482292421786, 0.35810102597101096),
        "pysodmetrics": (0.1736174504899835, 0.770278583615114, 0.6718399539845763, 0.3177535007769183),
    }
    for name, values in right.items():
        found = rescore(run, convention=name).scores
        assert [found[one] for one in ("mae", "max_f", "mean_f", "adaptive_f")] == pytest.approx(
            list(values), rel=1e-13
        )


def test_pooled_f_is_that_of_a_loop(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    preds = [noise.integers(0, 256, (4, 5)).astype(np.uint8) for _ in range(2)]
    gts = [noise.integers(0, 2, (4, 5)), np.zeros((4, 5), int)]
    report = score(*saved(tmp_path, preds, gts), probs=True, binary=True, beta2=0.5)

    def f(chosen: list[Array]) -> float:
        hits = sum(int((one & (gt == 1)).sum()) for one, gt in zip(chosen, gts, strict=True))
        predicted, true = sum(int(one.sum()) for one in chosen), sum(int((gt == 1).sum()) for gt in gts)
        return 1.5 * hits / (0.5 * true + predicted)

    curve = [f([pred >= level for pred in preds]) for level in range(256)]
    assert report.scores["max_f"] == pytest.approx(max(curve), rel=1e-14)
    assert report.scores["mean_f"] == pytest.approx(sum(curve) / 256, rel=1e-13)
    adaptive = f([pred >= min(2 * pred.mean(), 255) for pred in preds])
    assert report.scores["adaptive_f"] == pytest.approx(adaptive, rel=1e-14)


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_f_of_finer_maps_is_that_of_256_levels_rounded_down(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(7)
    p = noise.random((6, 8))
    fine = (p * 65535).astype(np.uint16) if kind == "uint16" else p.astype(np.float32)
    coarse = np.floor(255 * (fine / 65535 if kind == "uint16" else fine.astype(np.float64))).astype(np.uint8)
    gt = noise.integers(0, 2, (6, 8))
    gt[0, 0] = 255
    for name in ("fine", "coarse"):
        (tmp_path / name).mkdir()
    options: dict[str, Any] = {"probs": True, "classes": 2, "convention": "sod"}
    found = score(*saved(tmp_path / "fine", [fine], [gt]), **options).scores
    expected = score(*saved(tmp_path / "coarse", [coarse], [gt]), **options).scores
    assert [found[name] for name in ("max_f", "mean_f", "adaptive_f")] == [
        expected[name] for name in ("max_f", "mean_f", "adaptive_f")
    ]


@pytest.mark.parametrize("maps", [1, 3])
def test_an_older_run_reads_and_says_what_it_lacks(maps: int, tmp_path: Path) -> None:
    import re

    from segeval import save_run
    from segeval.runs.file import run_from_bytes

    noise = np.random.default_rng(2)
    p = noise.random((maps, 3, 4))
    pred, gt = saved(tmp_path, [p if maps > 1 else p[0]], [noise.integers(0, 2, (3, 4))])
    path = tmp_path / "run.jsonl"
    save_run(measure(pred, gt, probs=True, classes=max(2, maps)), path)
    assert load_run(path) == measure(pred, gt, probs=True, classes=max(2, maps))
    *lines, _ = path.read_bytes().splitlines(keepends=True)
    older = b"".join(re.sub(rb',"(confidence|shades)":.*}\n', b"}\n", line) for line in lines)
    assert older != b"".join(lines)
    import hashlib

    digest = hashlib.blake2b(older, digest_size=16).hexdigest()
    run = run_from_bytes(older + f'{{"rows":1,"digest":"blake2b:{digest}"}}\n'.encode(), name="older")
    report = rescore(run)
    for name in ("ece",) if maps > 1 else ("max_f", "mean_f", "adaptive_f"):
        assert report.scores[name] is None
    assert any("saved before" in note.what for note in report.notes)


def test_one_alpha_a_class_weighs_each_class_by_its_own(tmp_path: Path) -> None:
    noise = np.random.default_rng(4)
    run = measure(
        *saved(tmp_path, [noise.integers(0, 256, (3, 4, 5)).astype(np.uint8)], [noise.integers(0, 3, (4, 5))]),
        probs=True,
        classes=["sky", "road", "car"],
    )
    alphas = {"sky": 0.1, "road": 0.5, "car": 0.9}
    alone = [rescore(run, alpha=alpha).classes[at].losses["focal"] for at, alpha in enumerate(alphas.values())]
    (tmp_path / "alpha.json").write_text('{"car": 0.9, "sky": 0.1, "road": 0.5}')
    (tmp_path / "alpha.txt").write_text("0.1\n0.5\n0.9\n")
    for name in ("alpha.json", "alpha.txt"):
        report = rescore(run, alpha=tmp_path / name)
        assert [entry.losses["focal"] for entry in report.classes] == alone
        restored = report.signature.protocol().probabilities
        assert restored is not None
        assert restored.alpha == (0.1, 0.5, 0.9)
    with pytest.raises(UsageError, match="alphas for 3 maps"):
        rescore(run, alpha=[0.1, 0.2])
    weights = rescore(run, class_weights=tmp_path / "alpha.json")
    assert weights.scores == rescore(run, class_weights=[0.1, 0.5, 0.9]).scores


def test_explain_shows_each_loss_by_what_divides_it(tmp_path: Path) -> None:
    given = inputs_of("probability", 0)
    assert isinstance(given, ProbabilityMaps)
    run = measure(*saved(tmp_path, given.maps, given.gt), probs=True, class_weights=range(1, given.size + 1))
    shown = explain(run).to_dict()["losses"]
    for name, values in shown.items():
        for rule, value in values.items():
            assert rescore(run, loss_reduction=rule).scores[name] == value, (name, rule)
    assert set(shown["cross_entropy"]) == {"pixels", "images", "all-pixels", "weights"}
    assert set(shown["bce"]) == {"pixels", "images", "all-pixels"}
