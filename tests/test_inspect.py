"""`segeval inspect`: each mistake is a folder that has it, a sound folder gives no alarm, and nothing is a score."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.findings.values import shown, written_map
from segeval.folders.pairing import Pair
from segeval.measuring.inspecting import sampled
from segeval.protocol.presets import preset
from segeval.runs.sharding import in_shard
from tests.snapshots import check_snapshot
from tests.support.commandline import Completed, run_segeval

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_masks"
CAMVID = ROOT.parent / "shared" / "camvid-val"
SCORES = re.compile(r"iou|dice|accura|precision|recall|\bbce\b|focal", re.IGNORECASE)

Mask = NDArray[Any]
Masks = Mapping[str, Mask]


def scene(classes: int, seed: int) -> Mask:
    """Return a 24x32 mask of blocks of 0..classes-1, every class in it."""
    blocks = np.random.default_rng(seed).permutation(np.arange(48) % classes).reshape(6, 8)
    return blocks.repeat(4, 0).repeat(4, 1).astype(np.uint8)


def truth(classes: int, names: str = "abc") -> dict[str, Mask]:
    return {name: scene(classes, seed) for seed, name in enumerate(names)}


def guess(masks: Masks) -> dict[str, Mask]:
    """Move each mask by a pixel: an imperfect prediction with the same values."""
    return {name: np.roll(mask, 1, axis=1) for name, mask in masks.items()}


def each(masks: Masks, change: Callable[[Mask], Mask]) -> dict[str, Mask]:
    return {name: np.asarray(change(mask)) for name, mask in masks.items()}


def write(folder: Path, masks: Masks, suffix: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        path = folder / f"{name}{suffix}"
        if suffix == ".npy":
            np.save(path, mask)
        else:
            Image.fromarray(mask).save(path)
    return folder


@dataclass(frozen=True)
class Case:
    """Two folders with one mistake: what is found, and the options of the fix if it is options that mend it."""

    kind: str
    pred: Masks
    gt: Masks
    options: tuple[str, ...] = ()
    says: str = ""
    blocks: bool = False
    mends: bool = False
    pred_suffix: str = ".png"


def colored(mask: Mask, colors: list[tuple[int, int, int]]) -> Mask:
    return np.array(colors, np.uint8)[mask]


def city(masks: Masks) -> dict[str, Mask]:
    return {f"ulm_00000{index}_000019": mask for index, mask in enumerate(masks.values())}


FOUR = truth(4)
TWO = truth(2)
REGULAR = np.array([raw for raw, target in preset("cityscapes").gt_map.items() if target != 255], np.uint8)
CITY = city(truth(19))
LOVEDA = [entry.color for entry in preset("loveda").classes if entry.color]
ADE = [entry.color for entry in preset("ade20k").classes if entry.color][:4]
SMOOTH = {name: (np.linspace(0, 255, mask.size).reshape(mask.shape)).astype(np.uint8) for name, mask in TWO.items()}

CASES: dict[str, Case] = {
    "ground truth 0/255, predictions 0/1": Case(
        "zero-255", guess(TWO), each(TWO, lambda mask: mask * 255), says="--binary", blocks=True
    ),
    "predictions 0/255, ground truth 0/1": Case(
        "zero-255", each(guess(TWO), lambda mask: mask * 255), TWO, says="Use --binary", blocks=True
    ),
    "predictions 0/255, ground truth 0/1 with void": Case(
        "zero-255",
        each(guess(TWO), lambda mask: mask * 255),
        each(TWO, lambda mask: np.where(np.arange(32) < 2, 255, mask).astype(np.uint8)),
        says="--pred-map 255=1",
        blocks=True,
    ),
    "predictions 0/255 whose 255 is said to be void": Case(
        "scales", each(guess(TWO), lambda mask: mask * 255), TWO, ("--ignore", "255"), says="--binary"
    ),
    "predictions one less": Case(
        "off-by-one", guess(FOUR), each(FOUR, lambda mask: mask + 1), says="--gt-map 0=255,1=0,2=1,3=2,4=3", mends=True
    ),
    "predictions one less, classes given": Case(
        "off-by-one",
        guess(FOUR),
        each(FOUR, lambda mask: mask + 1),
        ("--classes", "4"),
        says="--gt-map 0=255,1=0",
        blocks=True,
        mends=True,
    ),
    "predictions one less, 0 is void in the ground truth": Case(
        "off-by-one",
        guess(FOUR),
        each(FOUR, lambda mask: np.where(np.arange(32) < 2, 0, mask + 1).astype(np.uint8)),
        ("--ignore", "0"),
        says="--ignore 255",
        mends=True,
    ),
    "predictions one more": Case(
        "off-by-one", each(guess(FOUR), lambda mask: mask + 1), FOUR, says="--pred-map 0=255,1=0", mends=True
    ),
    "predictions one less than a preset has them": Case(
        "off-by-one",
        guess(FOUR),
        each(FOUR, lambda mask: mask + 1),
        ("--preset", "ade20k"),
        says="--pred-map 0=0,1=1,2=2",
        mends=True,
    ),
    "train ids against regular ids": Case(
        "train-ids", guess(CITY), each(CITY, lambda mask: REGULAR[mask]), says="--preset cityscapes", mends=True
    ),
    "regular ids against train ids": Case(
        "train-ids", each(guess(CITY), lambda mask: REGULAR[mask]), CITY, says="--gt-map 0=0", mends=True
    ),
    "train ids under the preset of regular ids": Case(
        "train-ids", guess(CITY), CITY, ("--preset", "cityscapes"), says="--preset cityscapes-trainids", mends=True
    ),
    "regular ids under the preset of train ids": Case(
        "train-ids",
        each(guess(CITY), lambda mask: REGULAR[mask]),
        each(CITY, lambda mask: REGULAR[mask]),
        ("--preset", "cityscapes-trainids"),
        says="Use --preset cityscapes",
        mends=True,
    ),
    "swapped, told by void": Case(
        "swapped", each(FOUR, lambda mask: np.where(np.arange(32) < 2, 255, mask).astype(np.uint8)), guess(FOUR)
    ),
    "swapped, told by names": Case(
        "swapped", {f"{name}_labelIds": mask for name, mask in FOUR.items()}, guess(FOUR), blocks=True
    ),
    "inverted 0/1": Case("inverted", each(guess(TWO), lambda mask: 1 - mask), TWO, says="0=1,1=0", mends=True),
    "inverted 0/255": Case(
        "inverted",
        each(guess(TWO), lambda mask: (1 - mask) * 255),
        each(TWO, lambda mask: mask * 255),
        says="--binary --pred-map 0=1,255=0",
        mends=True,
    ),
    "inverted probabilities": Case(
        "inverted", each(TWO, lambda mask: 200 - 150 * mask), TWO, ("--probs",), says="1 - p"
    ),
    "constant": Case("constant", each(FOUR, np.zeros_like), FOUR),
    "constant probabilities": Case("constant", each(TWO, lambda mask: mask * 0 + 77), TWO, ("--probs",)),
    "RGB without a palette": Case(
        "rgb",
        each(guess(FOUR), lambda mask: colored(mask, [(1, 2, 3), (40, 5, 6), (70, 8, 9), (9, 9, 9)])),
        FOUR,
        says="--palette FILE or --preset",
        blocks=True,
    ),
    "RGB in the colours of a preset": Case(
        "rgb", each(guess(FOUR), lambda mask: colored(mask, LOVEDA[3:])), FOUR, says="--preset loveda", blocks=True
    ),
    "BGR": Case(
        "unknown-colors",
        each(guess(FOUR), lambda mask: colored(mask, LOVEDA)[..., ::-1].copy()),
        each(FOUR, lambda mask: mask + 1),
        ("--preset", "loveda"),
        says="BGR",
        blocks=True,
    ),
    "a palette with duplicate colours": Case(
        "palette-duplicates",
        each(guess(FOUR), lambda mask: colored(mask, ADE)),
        each(FOUR, lambda mask: mask + 1),
        ("--preset", "ade20k"),
        says="--palette FILE",
        blocks=True,
    ),
    "8-bit maps": Case("probability-maps", SMOOTH, TWO, says="--probs", blocks=True, mends=True),
    "8-bit maps against many classes": Case("many-values", SMOOTH, FOUR, says="--probs"),
    "float maps": Case(
        "probability-maps",
        each(TWO, lambda mask: mask.astype(np.float32) * 0.5),
        TWO,
        says="--probs",
        blocks=True,
        mends=True,
        pred_suffix=".npy",
    ),
    "arrays of several maps": Case(
        "probability-maps",
        each(FOUR, lambda mask: (np.arange(4)[:, None, None] == mask).astype(np.float32)),
        FOUR,
        says="--probs",
        blocks=True,
        mends=True,
        pred_suffix=".npy",
    ),
    "folders of maps": Case(
        "probability-maps",
        {
            f"{index}/{name}": ((mask == index) * 255).astype(np.uint8)
            for index in range(4)
            for name, mask in FOUR.items()
        },
        FOUR,
        says="--probs",
        blocks=True,
        mends=True,
    ),
    "labels as maps": Case(
        "label-masks", guess(FOUR), FOUR, ("--probs", "--classes", "4"), says="without --probs", blocks=True
    ),
    "0/255 masks as maps": Case("masks-as-maps", each(guess(TWO), lambda mask: mask * 255), TWO, ("--probs",)),
    "half the size": Case("resized", each(FOUR, lambda mask: mask[::2, ::2]), FOUR, says="nearest", blocks=True),
    "a size of its own": Case("resized", {**guess(FOUR), "b": FOUR["b"][:20, :30]}, FOUR, says="nearest", blocks=True),
    "transposed": Case("transposed", each(FOUR, np.transpose), FOUR, says="transpose", blocks=True),
    "JPEG": Case("jpeg", guess(FOUR), FOUR, says="PNG", blocks=True, pred_suffix=".jpg"),
    "a prediction is missing": Case(
        "pairing",
        {name: mask for name, mask in guess(FOUR).items() if name != "c"},
        FOUR,
        says="--missing",
        blocks=True,
    ),
    "a prediction too many": Case("extra", {**guess(FOUR), "d": FOUR["a"]}, FOUR),
    "nothing pairs": Case("nothing-to-score", {"x": FOUR["a"]}, {"y": FOUR["a"]}, blocks=True),
    "unknown values": Case("values", guess(FOUR), FOUR, ("--classes", "3"), says="--classes", blocks=True),
    "void only": Case("nothing-to-score", FOUR, each(FOUR, lambda mask: mask * 0 + 255), blocks=True),
}


def inspect(pred: Path, gt: Path, *options: str) -> tuple[Completed, dict[str, Any]]:
    done = run_segeval("inspect", pred, gt, *options, "-f", "json")
    return done, json.loads(done.stdout)


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_found_with_what_mends_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    pred = tmp_path / "one"
    for path, mask in case.pred.items():
        write((pred / path).parent, {Path(path).name: mask}, case.pred_suffix)
    gt = write(tmp_path / "two", case.gt)
    done, found = inspect(pred, gt, *case.options)
    by_kind = {finding["kind"]: finding for finding in found["findings"]}
    assert case.kind in by_kind
    assert case.says in by_kind[case.kind]["fix"]
    assert done.stderr == ""
    # what inspect says is what score does
    scored = run_segeval("score", pred, gt, *case.options)
    assert done.code == scored.code == (2 if case.blocks else 0)
    assert found["ready"] is not case.blocks
    # the same in words, on stdout in either case
    table = run_segeval("inspect", pred, gt, *case.options)
    assert (table.code, table.stderr) == (done.code, "")
    assert f"({case.kind}): " in table.stdout
    assert not SCORES.search(_without_fixes(found))
    if case.mends:
        options = mended(case.options, by_kind[case.kind]["fix"])
        better = run_segeval("score", pred, gt, *options, "--only", "pixel_accuracy")
        assert better.code == 0, better.stderr
        assert float(better.stdout) > (0.4 if "probability" in case.kind else 0.7)
        assert all(finding["kind"] != case.kind for finding in inspect(pred, gt, *options)[1]["findings"])


def _without_fixes(found: dict[str, Any]) -> str:
    fixes = ("findings", "notes", "suggestions", "remedy")
    return json.dumps({name: value for name, value in found.items() if name not in fixes})


def mended(options: tuple[str, ...], fix: str) -> tuple[str, ...]:
    """Return the options that a fix names in place of those that it replaces."""
    words = shlex.split(re.sub(r"[()]", " ", fix))
    start = next(index for index, word in enumerate(words) if word.startswith("--"))
    named: list[str] = []
    for word in words[start:]:
        if word.startswith("--"):
            named.append(word.rstrip(":,"))
        elif named and named[-1] in ("--preset", "--gt-map", "--pred-map", "--ignore"):
            named.append(word)
        else:
            break
    kept = list(options)
    for option in named:
        if option in kept:
            index = kept.index(option)
            del kept[index : index + 2]
    return (*kept, *named)


def test_nearest_suggestions_say_what_is_replaced() -> None:
    assert mended(("--ignore", "0"), "Move them: --gt-map 0=255,1=0 --ignore 255") == (
        "--gt-map",
        "0=255,1=0",
        "--ignore",
        "255",
    )
    assert mended((), "Use --binary: everything") == ("--binary",)


def test_a_file_that_its_header_tells_of_is_told_once(tmp_path: Path) -> None:
    case = CASES["arrays of several maps"]
    _, found = inspect(write(tmp_path / "pred", case.pred, ".npy"), write(tmp_path / "gt", case.gt))
    (finding,) = found["findings"]
    assert finding["where"] == [f"pred/{name}.npy: npy float32 (4, 24, 32)" for name in "abc"]


# A sound folder gives no alarm


def assert_sound(pred: Path, gt: Path, *options: str) -> None:
    done, found = inspect(pred, gt, *options)
    assert found["findings"] == []
    assert (done.code, done.stderr, found["ready"]) == (0, "", True)
    assert "no problems found: scoring would work" in run_segeval("inspect", pred, gt, *options).stdout


@pytest.mark.parametrize(
    ("pred", "gt", "options"),
    [
        ("pred", "gt", ()),
        ("pred", "gt", ("--classes", str(SAMPLES / "classes.txt"))),
        ("binary/probs", "binary/gt", ("--probs",)),
        ("binary/gt", "binary/gt", ()),
        ("binary/gt", "binary/gt", ("--binary",)),
        ("multiclass/probs", "multiclass/gt", ("--probs", "--classes", str(SAMPLES / "classes.txt"))),
    ],
)
def test_the_sample_masks_are_sound(pred: str, gt: str, options: tuple[str, ...]) -> None:
    assert_sound(SAMPLES / pred, SAMPLES / gt, *options)


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid masks are not here")
@pytest.mark.parametrize("options", [(), ("--ignore", "11"), ("--preset", "camvid-11")])
def test_camvid_is_sound(options: tuple[str, ...]) -> None:
    assert_sound(CAMVID / "pred", CAMVID / "gt", "--sample", "25", *options)


@pytest.mark.parametrize("name", ["cityscapes", "cityscapes-trainids", "loveda", "ade20k", "voc2012", "potsdam"])
def test_masks_of_a_preset_are_sound(name: str, tmp_path: Path) -> None:
    facts = preset(name)
    sides = {}
    for side, mapping in (("gt", facts.gt_map), ("pred", facts.pred_map)):
        raws = np.array(
            [min(raw for raw, to in mapping.items() if to == entry.id) for entry in facts.classes], np.uint8
        )
        shapes = {name: scene(min(len(facts.classes), 19), seed) for seed, name in enumerate("ab")}
        masks = {f"ulm_00000{name}_000019": raws[mask] for name, mask in zip("01", shapes.values(), strict=True)}
        sides[side] = write(tmp_path / side, guess(masks) if side == "pred" else masks)
    assert_sound(sides["pred"], sides["gt"], "--preset", name)


def test_a_poor_prediction_is_no_mistake(tmp_path: Path) -> None:
    pred = {name: scene(4, seed + 100) for seed, name in enumerate("abc")}
    assert_sound(write(tmp_path / "pred", pred), write(tmp_path / "gt", FOUR))
    pred = {name: scene(2, seed + 100) for seed, name in enumerate("abc")}
    assert_sound(write(tmp_path / "pred2", pred), write(tmp_path / "gt2", TWO))


def test_one_image_without_the_object_is_no_constant_prediction(tmp_path: Path) -> None:
    empty = {"a": np.zeros((4, 4), np.uint8)}
    assert_sound(write(tmp_path / "pred", empty), write(tmp_path / "gt", empty))


# What a shell sees


def test_a_folder_that_does_not_exist_is_told_on_stderr(tmp_path: Path) -> None:
    done = run_segeval("inspect", tmp_path / "none", tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert "a folder cannot be found" in done.stderr


def test_the_table_of_sound_folders() -> None:
    done = run_segeval("inspect", "pred", "gt", "--classes", "classes.txt", cwd=SAMPLES)
    check_snapshot("inspect.sound.txt", done.stdout)


def test_the_table_of_folders_with_several_mistakes(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", each(FOUR, lambda mask: mask + 1))
    pred = write(tmp_path / "pred", {**guess(FOUR), "d": FOUR["a"]})
    (pred / "b.png").write_bytes(b"\xff\xd8\xff\xe0 a JPEG")
    write(pred, {"c": FOUR["c"][::2, ::2]})
    done = run_segeval("inspect", "pred", "gt", cwd=tmp_path)
    assert (done.code, done.stderr) == (2, "")
    check_snapshot("inspect.mistakes.txt", done.stdout)
    assert gt.is_dir()


def test_json_has_files_values_and_findings() -> None:
    done, found = inspect(SAMPLES / "pred", SAMPLES / "gt")
    assert done.code == 0
    assert list(found) == [
        *("schema", "ready", "pairs", "decoded", "missing", "extra", "ambiguous", "clashes"),
        *("gt", "pred", "findings", "notes", "suggestions", "remedy"),
    ]
    assert (found["pairs"], found["decoded"], found["gt"]["files"]) == (7, 7, 7)
    assert found["gt"]["sizes"] == [{"width": 320, "height": 192, "files": 7}]
    # the first value by hand: 0 is road
    paths = sorted((SAMPLES / "gt").rglob("*.png"))
    masks = [np.asarray(Image.open(path)) for path in paths]
    pixels = sum(int((mask == 0).sum()) for mask in masks)
    everything = sum(mask.size for mask in masks)
    assert found["gt"]["values"][0] == {"value": 0, "pixels": pixels, "share": pixels / everything, "meaning": "0"}
    assert found["gt"]["distinct"] == len(np.unique(np.concatenate([mask.ravel() for mask in masks])))
    assert sum(entry["share"] for entry in found["gt"]["values"]) == pytest.approx(1)
    assert found["notes"] == [{"what": "found 9 classes: 0..8", "option": "--classes 9"}]


def test_only_a_sample_is_decoded_but_every_header_is_read(tmp_path: Path) -> None:
    names = "abcdefghijklmnopqrst"
    gt = write(tmp_path / "gt", truth(4, names))
    pred = write(tmp_path / "pred", guess(truth(4, names)))
    done, found = inspect(pred, gt, "--sample", "5")
    assert (done.code, found["pairs"], found["gt"]["files"]) == (0, 20, 20)
    assert 1 <= found["decoded"] <= 5
    for name in names:
        small = tmp_path / f"small_{name}"
        write(small, {**guess(truth(4, names)), name: FOUR["a"][::2, ::2]})
        done, found = inspect(small, gt, "--sample", "1")
        assert (done.code, found["findings"][0]["kind"]) == (2, "resized")


@pytest.mark.parametrize("most", [1, 2, 7, 30, 31])
def test_samples_are_neither_empty_nor_too_large(most: int) -> None:
    pairs = [Pair(f"image {index}", "", ("",)) for index in range(30)]
    shard = sampled(pairs, most)
    if most >= 30:
        assert shard is None
    else:
        assert shard is not None
        assert 1 <= sum(in_shard(pair.key, shard) for pair in pairs) <= most


def test_values_of_folders_that_do_not_pair_are_shown_all_the_same(tmp_path: Path) -> None:
    _, found = inspect(write(tmp_path / "a", {"x": TWO["a"]}), write(tmp_path / "b", {"y": FOUR["a"]}))
    assert [entry["value"] for entry in found["pred"]["values"]] == [0, 1]
    assert found["gt"]["distinct"] == 4
    assert (found["pairs"], found["missing"], found["extra"]) == (0, ["y.png"], ["x.png"])


def test_folders_named_the_wrong_way_round_are_told(tmp_path: Path) -> None:
    masks = guess(FOUR)
    _, found = inspect(write(tmp_path / "gt", FOUR), write(tmp_path / "predictions", masks))
    assert [finding["kind"] for finding in found["findings"]] == ["swapped"]
    assert found["findings"][0]["where"] == ["PRED is the folder gt, GT the folder predictions"]


def test_names_act_on_nothing(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", FOUR)
    pred = write(tmp_path / "pred", {**guess(FOUR), "d\x1b[31m": FOUR["a"]})
    done = run_segeval("inspect", pred, gt)
    assert "\x1b" not in done.stdout
    assert "d\\x1b[31m.png" in done.stdout


def test_long_lists_are_cut() -> None:
    assert shown("abc", 3) == ("a", "b", "c")
    assert shown("abcd", 3) == ("a", "b", "c", "and 1 more")
    assert written_map(dict.fromkeys(range(1000), 0)) == "0=0,1=0,2=0,...,999=0"


# The same colours explained where a score is asked for


@pytest.mark.parametrize("name", ["BGR", "RGB in the colours of a preset", "a palette with duplicate colours"])
def test_score_explains_colours_too(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    done = run_segeval("score", write(tmp_path / "one", case.pred), write(tmp_path / "two", case.gt), *case.options)
    assert (done.code, done.stdout) == (2, "")
    assert case.says in done.stderr.partition("fix: ")[2]
    if name == "a palette with duplicate colours":
        assert "140,140,140 is road, skyscraper" in done.stderr
