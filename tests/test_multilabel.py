"""Pixels that may be of several classes: one mask a class, arrays with a class axis, bits; against scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import combine, load_run, measure, rescore, save_run, score, verify
from segeval.errors import SegevalError, UsageError
from segeval.protocol.bitcodes import BitClass, parse_bits
from tests.support.commandline import run_segeval
from tests.test_schemas import VALIDATORS
from tests.test_storage import said

Array = NDArray[Any]
metrics = pytest.importorskip("sklearn.metrics")
NAMES = ("cat", "dog", "wet nose")
SIZE = (16, 19)
NOISE = np.random.default_rng(23)
GT = [(NOISE.random((3, *SIZE)) < 0.4).astype(np.uint8) for _ in range(4)]
P = [np.clip(0.4 * mask + NOISE.random((3, *SIZE)) * 0.7, 0, 1) for mask in GT]
PRED = [(maps > 0.5).astype(np.uint8) for maps in P]
GT[3][1] = 0  # a class that an image does not have

CLASS_SCORES = {
    "iou": metrics.jaccard_score,
    "dice": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
}


def flat(masks: list[Array]) -> Array:
    """Return the pixels of all images as scikit-learn takes them, (pixels, classes)."""
    return np.concatenate([mask.reshape(3, -1).T for mask in masks])


def in_folders(root: Path, masks: list[Array], top: int = 255) -> Path:
    for index, mask in enumerate(masks):
        for name, plane in zip(NAMES, mask, strict=True):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray((plane * top).astype(np.uint8)).save(root / name / f"{index}.png")
    return root


def as_arrays(root: Path, masks: list[Array], axis: int = 0) -> Path:
    root.mkdir()
    for index, mask in enumerate(masks):
        np.save(root / f"{index}.npy", np.moveaxis(mask, 0, axis))
    return root


def as_bits(root: Path, masks: list[Array], places: tuple[int, ...] = (1, 5, 0)) -> Path:
    root.mkdir()
    for index, mask in enumerate(masks):
        code = sum(plane << place for plane, place in zip(mask, places, strict=True))
        Image.fromarray(np.asarray(code, np.uint8)).save(root / f"{index}.png")
    return root


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return in_folders(tmp_path / "pred", PRED), in_folders(tmp_path / "gt", GT)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    (tmp_path / "classes.txt").write_text("\n".join(NAMES))
    return tmp_path / "classes.txt"


# What is refused


def test_a_mask_of_one_class_has_two_values(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    Image.fromarray(np.full(SIZE, 90, np.uint8)).save(gt / "dog" / "2.png")
    (problem,) = said(lambda: score(pred, gt, multilabel=True))
    assert problem.where == ("gt/dog/2.png: 1 values, 90 to 90",)
    assert "--gt-threshold" in problem.fix
    assert score(pred, gt, multilabel=True, gt_threshold=80).scores["miou"] is not None


def test_a_class_mask_that_is_not_there_is_told(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    (gt / "dog" / "1.png").unlink()
    (pred / "cat" / "3.png").unlink()
    (problem,) = said(lambda: score(pred, gt, multilabel=True))
    assert problem.where == ("gt/1.png: no map in dog", "gt/3.png: no map in cat")


def test_masks_of_one_image_have_one_size(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(gt / "dog" / "2.png")
    (problem,) = said(lambda: score(pred, gt, multilabel=True))
    assert problem.where == ("gt/cat/2.png", "gt/dog/2.png")


def test_folders_of_other_classes_are_told(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    (pred / "cow").mkdir()
    (problem,) = said(lambda: score(pred, gt, multilabel=True))
    assert problem.where == ("pred/cow/",)
    (pred / "cow").rmdir()
    (gt / "dog").rename(gt / "cow")
    (problem,) = said(lambda: score(pred, gt, multilabel=True))
    assert "cow" in str(problem)


@pytest.mark.parametrize(
    "options",
    [
        {"binary": True},
        {"gt_map": "0=1"},
        {"boundary": 2},
        {"preset": "loveda"},
        {"ignore": "cat"},
        {"classes": [str(index) for index in range(63)]},
    ],
)
def test_options_of_one_label_a_pixel(options: Any, folders: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError):
        score(*folders, multilabel=True, **options)


def test_classes_have_to_be_known(tmp_path: Path) -> None:
    pred, gt = as_arrays(tmp_path / "pred", PRED), as_arrays(tmp_path / "gt", GT)
    with pytest.raises(UsageError, match="no folder is named"):
        score(pred, gt, multilabel=True, class_axis="first")
    (problem, *_) = said(lambda: score(pred, gt, multilabel=True, class_axis="last", classes=list(NAMES)))
    assert "19 classes, and 3 are named" in problem.what


@pytest.mark.parametrize("bits", ["", "a", "a=", "=1", "a=62", "a=0:0=0", "a=3:2=4", "a=60:3=1", "a=1,a=2", "a=-1"])
def test_bits_that_name_none(bits: str) -> None:
    with pytest.raises(UsageError):
        parse_bits(bits)


def test_a_label_that_is_no_class(tmp_path: Path) -> None:
    gt = in_folders(tmp_path / "gt", GT[:1])
    (tmp_path / "pred").mkdir()
    Image.fromarray(np.full(SIZE, 7, np.uint8)).save(tmp_path / "pred" / "0.png")
    (problem,) = said(lambda: score(tmp_path / "pred", gt, multilabel=True))
    assert problem.where == ("pred/0.png: 7",)


def test_more_folders_than_a_set_has_room_for(tmp_path: Path) -> None:
    for index in range(63):
        (tmp_path / "gt" / f"c{index}").mkdir(parents=True)
    (tmp_path / "pred").mkdir()
    with pytest.raises(UsageError, match="63 folders"):
        score(tmp_path / "pred", tmp_path / "gt", multilabel=True)


def test_a_hostile_array_of_bits_is_refused_in_time(tmp_path: Path) -> None:
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", np.arange(1 << 20).reshape(1 << 10, 1 << 10) << 20)
    problems = said(lambda: score(tmp_path / "pred", tmp_path / "gt", multilabel=True, bits="a=0"))
    assert "65,536 distinct values" in problems[0].what
    np.save(tmp_path / "gt" / "a.npy", np.full((4, 4), -3))
    np.save(tmp_path / "pred" / "a.npy", np.zeros((4, 4), np.uint8))
    (problem,) = said(lambda: score(tmp_path / "pred", tmp_path / "gt", multilabel=True, bits="a=0"))
    assert problem.where == ("gt/a.npy: -3",)


# Scores


@pytest.mark.parametrize("tops", [(255, 255), (1, 255), (255, 1)])
def test_classes_that_overlap_score_as_scikit_learn_scores_them(tops: tuple[int, int], tmp_path: Path) -> None:
    pred = in_folders(tmp_path / "pred", PRED, tops[0])
    gt = in_folders(tmp_path / "gt", GT, tops[1])
    found = score(pred, gt, multilabel=True)
    assert [entry.name for entry in found.classes] == list(NAMES)
    for name, function in CLASS_SCORES.items():
        theirs = function(flat(GT), flat(PRED), average=None)
        assert [getattr(entry, name) for entry in found.classes] == pytest.approx(theirs, rel=1e-12)
    assert found.scores["miou"] == pytest.approx(
        metrics.jaccard_score(flat(GT), flat(PRED), average="macro"), rel=1e-12
    )
    shares = flat(GT).mean(axis=0)
    assert [entry.gt_share for entry in found.classes] == pytest.approx(shares, rel=1e-12)
    assert not {"pixel_accuracy", "mean_accuracy", "fwiou"} & set(found.scores)
    assert found.to_dict()["confusion"] is None
    micro = score(pred, gt, multilabel=True, average="micro").scores["miou"]
    assert micro == pytest.approx(metrics.jaccard_score(flat(GT), flat(PRED), average="micro"), rel=1e-12)


def test_every_form_of_the_same_sets_scores_alike(folders: tuple[Path, Path], tmp_path: Path) -> None:
    expected = score(*folders, multilabel=True).to_dict()
    bits = "cat=1,dog=5,wet nose=0"
    forms: dict[str, tuple[Path, Path, dict[str, Any]]] = {
        "first": (
            as_arrays(tmp_path / "p1", PRED),
            as_arrays(tmp_path / "g1", GT),
            {"class_axis": "first", "classes": list(NAMES)},
        ),
        "last": (
            as_arrays(tmp_path / "p2", PRED, -1),
            as_arrays(tmp_path / "g2", GT, -1),
            {"class_axis": "last", "classes": list(NAMES)},
        ),
        "bits": (as_bits(tmp_path / "p3", PRED), as_bits(tmp_path / "g3", GT), {"bits": bits}),
        "mixed": (folders[0], as_arrays(tmp_path / "g4", GT), {"class_axis": "first", "classes": list(NAMES)}),
        "mixed bits": (as_bits(tmp_path / "p5", PRED), folders[1], {"bits": bits}),
    }
    for pred, gt, options in forms.values():
        found = score(pred, gt, multilabel=True, **options).to_dict()
        assert [found[part] for part in ("scores", "classes", "confusion")] == [
            expected[part] for part in ("scores", "classes", "confusion")
        ]
        assert {**found["data"], "gt_digest": ""} == {**expected["data"], "gt_digest": ""}


def test_masks_that_do_not_overlap_score_as_their_label_mask(tmp_path: Path) -> None:
    """The IoU of each class is that of label masks, which is checked elsewhere."""
    labels = [NOISE.integers(0, 4, SIZE).astype(np.uint8) for _ in range(4)]
    guesses = [np.where(NOISE.random(SIZE) < 0.7, mask, 3).astype(np.uint8) for mask in labels]
    for name, masks in (("gt", labels), ("pred", guesses)):
        (tmp_path / name).mkdir()
        for index, mask in enumerate(masks):
            Image.fromarray(mask).save(tmp_path / name / f"{index}.png")
    planes = in_folders(tmp_path / "planes", [np.stack([mask == value for value in (1, 2, 3)]) for mask in labels])
    (tmp_path / "classes.json").write_text(json.dumps({"1": "cat", "2": "dog", "3": "wet nose"}))
    plain = score(tmp_path / "pred", tmp_path / "gt", classes=4)
    found = score(tmp_path / "pred", planes, multilabel=True, classes=tmp_path / "classes.json")
    assert [entry.iou for entry in found.classes] == [entry.iou for entry in plain.classes[1:]]
    assert [entry.tp for entry in found.classes] == [entry.tp for entry in plain.classes[1:]]


def test_bits_of_several_places_are_one_value(tmp_path: Path) -> None:
    """BDD100K's lanes have the kind of a line in three bits, its style in another."""
    kinds, dashed = NOISE.integers(0, 8, (2, *SIZE)), NOISE.integers(0, 2, (2, *SIZE))
    for name, kind, style in zip(("gt", "pred"), kinds, dashed, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray((kind + (style << 4)).astype(np.uint8)).save(tmp_path / name / "0.png")
    found = score(tmp_path / "pred", tmp_path / "gt", multilabel=True, bits="curb=0:3=1,white=0:3=5,dashed=4")
    sides = [np.stack([kinds[side] == 1, kinds[side] == 5, dashed[side] == 1]).reshape(3, -1).T for side in (0, 1)]
    theirs = metrics.jaccard_score(*sides, average=None)
    assert [entry.iou for entry in found.classes] == pytest.approx(theirs, rel=1e-12)
    assert parse_bits("curb=0:3=1, dashed=4") == (BitClass("curb", 0, 3, 1), BitClass("dashed", 4, 1, 1))


def test_ignored_values_of_bits_are_void(tmp_path: Path) -> None:
    codes = NOISE.integers(0, 4, (2, *SIZE)).astype(np.uint8)
    codes[0, :4] = 255
    for name, code in zip(("gt", "pred"), codes, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(code).save(tmp_path / name / "0.png")
    found = score(tmp_path / "pred", tmp_path / "gt", multilabel=True, bits="a=0,b=1", ignore="255")
    sides = [np.stack([code & 1, code >> 1 & 1]).reshape(2, -1).T for code in codes[:, 4:]]
    assert [entry.iou for entry in found.classes] == pytest.approx(
        metrics.jaccard_score(*sides, average=None), rel=1e-12
    )
    assert found.data.void_pixels == 4 * SIZE[1]


@pytest.mark.parametrize("missing", ["skip", "miss"])
def test_an_image_without_prediction(missing: str, folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    for name in NAMES:
        (pred / name / "2.png").unlink()
    found = score(pred, gt, multilabel=True, missing=missing)
    guesses = [*PRED[:2], np.zeros_like(GT[2]), PRED[3]]
    truths = GT
    if missing == "skip":
        truths, guesses = [GT[0], GT[1], GT[3]], [PRED[0], PRED[1], PRED[3]]
    theirs = metrics.jaccard_score(flat(truths), flat(guesses), average=None)
    assert [entry.iou for entry in found.classes] == pytest.approx(theirs, rel=1e-12)


# Probability maps


def folders_of_maps(root: Path, kind: str) -> Path:
    for index, maps in enumerate(P):
        for name, plane in zip(NAMES, maps, strict=True):
            (root / name).mkdir(parents=True, exist_ok=True)
            if kind == "uint8":
                Image.fromarray(np.round(plane * 255).astype(np.uint8)).save(root / name / f"{index}.png")
            elif kind == "uint16":
                Image.fromarray(np.round(plane * 65535).astype(np.uint16)).save(root / name / f"{index}.png")
            else:
                np.save(root / name / f"{index}.npy", plane.astype(kind))
    return root


def stored(kind: str) -> list[Array]:
    tops = {"uint8": 255, "uint16": 65535}
    return [np.round(maps * tops[kind]) / tops[kind] if kind in tops else maps.astype(kind) for maps in P]


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
def test_maps_of_classes_that_overlap(kind: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    _, gt = folders
    found = score(folders_of_maps(tmp_path / "maps", kind), gt, multilabel=True, probs=True, eps=1e-7)
    truth, maps = flat(GT), flat(stored(kind)).astype(np.float64)
    near: dict[str, Any] = {"rel": 1e-9} if kind != "float64" else {"abs": 1e-3}
    theirs: dict[str, list[float]] = {
        "iou": metrics.jaccard_score(truth, maps > 0.5, average=None),
        "average_precision": metrics.average_precision_score(truth, maps, average=None),
        "auroc": metrics.roc_auc_score(truth, maps, average=None),
        "brier": [metrics.brier_score_loss(truth[:, index], maps[:, index]) for index in range(3)],
        "bce": [metrics.log_loss(truth[:, index], np.clip(maps[:, index], 1e-7, 1 - 1e-7)) for index in range(3)],
    }
    for name, values in theirs.items():
        ours = [entry.scores()[name] for entry in found.classes]
        within = near if name in ("average_precision", "auroc") else {"rel": 1e-9}
        assert ours == pytest.approx(list(values), **within)
    for name in ("bce", "brier"):
        assert found.scores[name] == pytest.approx(float(np.mean(theirs[name])), rel=1e-9)
    assert not {"cross_entropy", "focal_cross_entropy"} & set(found.scores)
    assert not [one for one in found.warnings if one.kind == "unnormalised"]


def test_logits_are_of_each_class_by_itself(tmp_path: Path) -> None:
    gt = as_arrays(tmp_path / "gt", GT)
    logits = [np.log(np.clip(maps, 0.01, 0.99) / (1 - np.clip(maps, 0.01, 0.99))) for maps in P]
    pred = as_arrays(tmp_path / "pred", logits)
    options: dict[str, Any] = {"multilabel": True, "class_axis": "first", "classes": list(NAMES), "probs": True}
    found = score(pred, gt, logits=True, **options)
    theirs = metrics.jaccard_score(flat(GT), flat(PRED), average=None)
    assert [entry.iou for entry in found.classes] == pytest.approx(theirs, rel=1e-12)


def test_as_many_maps_as_classes(tmp_path: Path) -> None:
    pred, gt = as_arrays(tmp_path / "pred", P), as_arrays(tmp_path / "gt", [mask[:2] for mask in GT])
    with pytest.raises(SegevalError, match="2 classes, and 3 maps"):
        score(pred, gt, multilabel=True, class_axis="first", classes=["a", "b"], probs=True)


# What is kept, and what is told


@pytest.mark.parametrize("probs", [False, True])
def test_a_saved_run_scores_the_same(probs: bool, folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = folders
    pred = folders_of_maps(tmp_path / "maps", "uint8") if probs else pred
    options: dict[str, Any] = {"multilabel": True, "probs": probs or None}
    save_run(measure(pred, gt, **options), tmp_path / "run.jsonl")
    kept, found = rescore(load_run(tmp_path / "run.jsonl")), score(pred, gt, **options)
    assert kept.to_dict() == found.to_dict()
    for line in (tmp_path / "run.jsonl").read_text().splitlines():
        VALIDATORS["run"].validate(json.loads(line))
    VALIDATORS["report"].validate(found.to_dict())
    line = str(found.signature)
    assert verify(line, f"miou={found.scores['miou']!r}", pred, gt, classes=list(NAMES)).holds(strict=True)
    with pytest.raises(SegevalError, match="keeps its sets"):
        rescore(load_run(tmp_path / "run.jsonl"), ignore="3")


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "latex", "junit", "github"])
def test_every_format_tells_it(form: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    more = ("--ci", "90", "--per-image", "i.csv", "--worst", "2")
    done = run_segeval("score", *folders, "--multilabel", "-f", form, *more, cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert done.stdout
    assert "wet nose" in (tmp_path / "i.csv").read_text()


def test_intervals_are_of_scores_that_there_are(folders: tuple[Path, Path]) -> None:
    found = score(*folders, multilabel=True, ci=90)
    drawn = found.interval("miou")
    assert drawn is not None
    assert found.interval("pixel_accuracy") is None


@pytest.mark.parametrize("line", ["--gain", "--confusion", "-o confusion:c.csv"])
def test_what_needs_a_confusion_matrix_says_so(line: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = run_segeval("score", *folders, "--multilabel", *line.split(), cwd=tmp_path)
    assert done.code == 2
    assert "several" in done.stderr


def test_conventions_are_of_one_label_a_pixel(folders: tuple[Path, Path]) -> None:
    done = run_segeval("explain", *folders, "--multilabel")
    assert done.code == 2
    assert "--convention" in done.stderr


def test_shards_and_an_interrupted_run_give_the_whole(folders: tuple[Path, Path], tmp_path: Path) -> None:
    expected = score(*folders, multilabel=True).scores
    for part in ("1/2", "2/2"):
        done = run_segeval("score", *folders, "--multilabel", "--shard", part, "--save", tmp_path / f"{part[0]}.jsonl")
        assert done.code == 0, done.stderr
    assert rescore(combine(tmp_path / "1.jsonl", tmp_path / "2.jsonl")).scores == expected
    for _ in range(2):
        done = run_segeval("score", *folders, "--multilabel", "--save", tmp_path / "r.jsonl", "--resume", "-f", "json")
        assert json.loads(done.stdout)["scores"] == expected


def test_inspect_and_the_error_name_the_option(folders: tuple[Path, Path], tmp_path: Path) -> None:
    apart = [np.stack([mask[0], (1 - mask[0]) * mask[1]]) for mask in GT]
    for index, mask in enumerate(apart):
        for name, plane in zip(NAMES, mask, strict=False):
            for side in ("p", "g"):
                (tmp_path / side / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(plane * 255).save(tmp_path / side / name / f"{index}.png")
    for verb in ("score", "inspect"):
        done = run_segeval(verb, tmp_path / "p", tmp_path / "g")
        assert "--multilabel" in done.stderr + done.stdout
    done = run_segeval("inspect", *folders, "--multilabel")
    assert done.code == 0, done.stderr


def test_the_options_are_part_of_the_signature(tmp_path: Path) -> None:
    pred, gt = as_bits(tmp_path / "pred", PRED), as_bits(tmp_path / "gt", GT)
    found = score(pred, gt, multilabel=True, bits="cat=1,wet | nose=5")
    line, names = str(found.signature), ["cat", "wet | nose"]
    assert "|multilabel:yes|bits:cat=1,wet %7C nose=5|" in line
    assert verify(line, f"miou={found.scores['miou']!r}", pred, gt, classes=names).holds(strict=True)


def test_inspect_names_the_sets(folders: tuple[Path, Path]) -> None:
    done = run_segeval("inspect", *folders, "--multilabel", "-f", "json")
    found = json.loads(done.stdout)
    assert found["gt"]["files"] == found["pred"]["files"] == 12
    meanings = {entry["value"]: entry["meaning"] for entry in found["gt"]["values"]}
    assert meanings[0] == "no class"
    assert meanings[5] == "cat + wet nose"


def test_sizes_are_shares_of_the_valid_pixels(tmp_path: Path) -> None:
    """Images pair off by the share that a class has of them, whatever other classes they have."""
    for index, (wide, others) in enumerate(((2, 16), (4, 1), (8, 16))):
        masks = np.zeros((2, 16, 16), np.uint8)
        masks[0, :, :wide], masks[1, :, :others] = 255, 255
        for name, mask in zip(("a", "b"), masks, strict=True):
            for side in ("gt", "pred"):
                (tmp_path / side / name).mkdir(parents=True, exist_ok=True)
                guess = mask if side == "gt" or index != 1 else np.zeros_like(mask)
                Image.fromarray(guess).save(tmp_path / side / name / f"{index}.png")
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--multilabel", "--by", "class-size", "-f", "json")
    assert done.code == 0, done.stderr
    (table,) = json.loads(done.stdout)["slices"]["by"]
    of_a = {entry["name"]: entry["classes"][0]["iou"] for entry in table["slices"]}
    assert of_a == {"small": 1, "medium": 0, "large": 1}


# Pictures


def test_the_worst_images_are_those_of_the_lowest_mean(folders: tuple[Path, Path]) -> None:
    found = score(*folders, multilabel=True, worst=2, per_image=True)
    means = sorted((one.image_miou, one.key) for one in found.details.images or ())
    assert [(one.image_miou, one.key) for one in found.details.worst_images or ()] == means[:2]


def test_a_page_has_classes_and_pictures_and_no_confusion(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = ("-o", tmp_path / "page.html", "--worst", "3")
    assert run_segeval("score", *folders, "--multilabel", "-q", "--no-config", *target).code == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<figure data-key=") == 3
    assert 'id="confusion"' not in text
    assert "A pixel of several classes has the mean of their colours" in text
    done = run_segeval("score", *folders, "--multilabel", "-q", "-o", f"{tmp_path}/figures/")
    assert (done.code, "there is no figure of label masks" in done.stderr) == (2, True)


def test_a_pixel_of_several_classes_has_the_mean_of_their_colours() -> None:
    from segeval.pictures.panels import panels
    from segeval.pictures.setcolors import of_sets

    colors = np.array([[200, 0, 0], [0, 100, 0], [9, 9, 9], [0, 0, 0], [255, 255, 255]], np.uint8)
    gt, pred = np.array([[1, 2, 3, 0, -1]]), np.array([[1, 3, 3, 1, 2]])
    drawn = panels(*of_sets(gt, pred, colors), None)
    assert drawn.gt[0].tolist() == [[200, 0, 0], [0, 100, 0], [100, 50, 0], [0, 0, 0], [255, 255, 255]]
    assert drawn.pred[0].tolist() == [[200, 0, 0], [100, 50, 0], [100, 50, 0], [200, 0, 0], [0, 100, 0]]
    assert drawn.errors[0, :, 3].tolist() == [0, 255, 0, 255, 255]
