"""Metamorphic: each kind of mistake, made with masks that are sound, is found in every verb, and its fix undoes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval.errors import Finding
from segeval.findings.runs import run_findings
from segeval.protocol.presets import preset
from segeval.report.rescoring import rescore
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.request.options import FolderOptions, RescoreOptions, chosen
from segeval.runs.run import Run
from tests.support.commandline import run_segeval
from tests.support.soundpairs import FOLDERS, Mask, Pair, alone, pairs

Values = tuple[int, ...]
"""256 values, by the value that they take the place of."""


def lookup(changes: Mapping[int, int], shift: int = 0) -> Values:
    """Return values as they are but for those that change or, with a shift, all but 255 moved."""
    moved = [value if value == 255 else value + shift if value + shift >= 0 else 255 for value in range(256)]
    return tuple(changes.get(value, min(moved[value], 255)) for value in range(256))


SAME = lookup({})
REGULAR = lookup({train: raw for raw, train in preset("cityscapes").gt_map.items() if train != 255} | {255: 0})
SPREAD = lookup({value: value * 20 for value in range(12)})
RENAMED = lookup({value: (value + 3) % 9 for value in range(9)})
MORE, LESS = lookup({}, 1), lookup({}, -1)
REDUCED = lookup({**{value: value + 1 for value in range(150)}, 255: 0})


@dataclass(frozen=True)
class Mistake:
    """Change the values of both sides, under options, so that a kind of finding says so.

    `exact` says that its options give back the score of the sound masks under `sound`.
    """

    kind: str
    gt: Values = SAME
    pred: Values = SAME
    options: tuple[tuple[str, str], ...] = ()
    exact: bool = True

    def made(self, pair: Pair) -> Pair:
        """Return a pair that has the mistake."""
        return Pair(pair.name, np.array(self.gt, np.uint8)[pair.gt], np.array(self.pred, np.uint8)[pair.pred])


REGULAR_IDS, TRAIN_IDS = (("preset", "cityscapes"),), (("preset", "cityscapes-trainids"),)
MISTAKES = {
    "train ids predicted": Mistake("train-ids", REGULAR),
    "train ids predicted, preset of regular ids": Mistake("train-ids", REGULAR, SAME, REGULAR_IDS, exact=False),
    "train ids predicted, preset of train ids": Mistake("train-ids", REGULAR, SAME, TRAIN_IDS, exact=False),
    "regular ids predicted": Mistake("train-ids", SAME, REGULAR),
    "regular ids predicted, preset of regular ids": Mistake("train-ids", SAME, REGULAR, REGULAR_IDS, exact=False),
    "regular ids predicted, preset of train ids": Mistake("train-ids", SAME, REGULAR, TRAIN_IDS, exact=False),
    "train ids, preset of regular ids": Mistake("train-ids", SAME, SAME, REGULAR_IDS, exact=False),
    "regular ids, preset of train ids": Mistake("train-ids", REGULAR, REGULAR, TRAIN_IDS, exact=False),
    "predictions count from 1": Mistake("off-by-one", SAME, MORE),
    "ground truth counts from 1": Mistake("off-by-one", MORE),
    "ground truth counts from 1, classes given": Mistake("off-by-one", MORE, SAME, (("classes", "11"),)),
    "predictions lose 0": Mistake("off-by-one", SAME, LESS, exact=False),
    "ground truth loses 0": Mistake("off-by-one", LESS, exact=False),
    "ADE20K predicted from 0": Mistake("off-by-one", REDUCED, SAME, (("preset", "ade20k"),), exact=False),
    "ADE20K ground truth from 0": Mistake("off-by-one", SAME, MORE, (("preset", "ade20k"),), exact=False),
    "ground truth in other values": Mistake("label-spaces", SPREAD),
    "predictions in other values": Mistake("label-spaces", SAME, SPREAD),
    "classes in another order": Mistake("label-spaces", SAME, RENAMED, exact=False),
    "background ignored": Mistake("ignored-background", SAME, SAME, (("ignore", "0"),), exact=False),
    "one value": Mistake("constant", SAME, (3,) * 256, exact=False),
}
DATA = list(FOLDERS)


def options_of(options: tuple[tuple[str, str], ...]) -> FolderOptions:
    return chosen(FolderOptions, dict(options))


def run_of(found: tuple[Pair, ...], mistake: Mistake) -> Run:
    gt, pred = (np.array(values, np.uint8) for values in (mistake.gt, mistake.pred))
    rows = [pair.row(gt, pred) for pair in found]
    rows.sort(key=lambda row: row.key.encode())
    return Run(build_request(**options_of(mistake.options)).protocol, tuple(rows))


def kinds(found: tuple[Finding, ...]) -> set[str]:
    return {finding.kind for finding in found}


# Each pair by itself


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("data", DATA)
def test_a_mistake_is_found_in_each_pair_alone(data: str, name: str) -> None:
    mistake = MISTAKES[name]
    found = {pair.name: kinds(run_findings(run_of((pair,), mistake))) for pair in alone(data)}
    assert {pair: told for pair, told in found.items() if told != {mistake.kind}} == {}


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if mistake.exact])
@pytest.mark.parametrize("data", DATA)
def test_the_options_of_a_finding_give_the_score_of_the_sound_masks(data: str, name: str) -> None:
    mistake = MISTAKES[name]
    run, sound = run_of(pairs(data), mistake), run_of(pairs(data), replace(mistake, gt=SAME, pred=SAME))
    (finding,) = run_findings(run)
    mended = rescore(run, **chosen(RescoreOptions, dict(finding.options)))
    assert run_findings(mended) == ()
    assert build_report(mended).scores["miou"] == build_report(sound).scores["miou"]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(
    "options", [(), (("classes", "11"),), (("ignore", "255"),), TRAIN_IDS, (("convention", "voc"),)]
)
def test_sound_masks_raise_nothing_alone_or_together(data: str, options: tuple[tuple[str, str], ...]) -> None:
    sound = Mistake("", options=options)
    assert [pair.name for pair in alone(data) if run_findings(run_of((pair,), sound))] == []
    assert run_findings(run_of(pairs(data), sound)) == ()


@pytest.mark.parametrize("data", DATA)
def test_masks_that_agree_on_nothing_are_told_nothing(data: str) -> None:
    """A prediction of another image is poor, not another reading."""
    sound = pairs(data)
    sizes = {pair.gt.shape for pair in sound}
    assert len(sizes) == 1
    turned = [replace(pair, pred=np.rot90(other.pred, 2)) for pair, other in pairwise(sound)]
    assert [pair.name for pair in turned if run_findings(run_of((pair,), Mistake("")))] == []


# Whole folders, in every verb


def write(folder: Path, found: Iterator[tuple[str, Mask]]) -> Path:
    for name, mask in found:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)
    return folder


def line(options: tuple[tuple[str, str], ...]) -> list[str]:
    return [word for name, text in options for word in (f"--{name.replace('_', '-')}", text)]


def told_by(verb: str, *arguments: object) -> tuple[int, dict[str, Any], str]:
    done = run_segeval(verb, *map(str, arguments), "-f", "json")
    return done.code, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_by_every_verb(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    # by the names that the presets of Cityscapes and those of others take
    names = [f"ulm_{index:06}_000019" for index, _ in enumerate(pairs("sample_masks"))]
    named = list(zip(names, map(mistake.made, pairs("sample_masks")), strict=True))
    gt = write(tmp_path / "gt", ((f"{key}.png", pair.gt) for key, pair in named))
    pred = write(tmp_path / "pred", ((f"{key}.png", pair.pred) for key, pair in named))
    options, run = line(mistake.options), tmp_path / "run.jsonl"
    code, scored, said = told_by("score", pred, gt, *options, "--save", run)
    for verb, arguments in (("score", (pred, gt, *options)), ("report", (run,)), ("explain", (pred, gt, *options))):
        verb_code, found, said = told_by(verb, *arguments)
        if verb_code == 2:  # the error about values puts the options of the reading first
            assert code == 2
            assert said.partition("fix: ")[2].startswith("Use --")
        else:
            assert code == 0 or verb == "explain"  # of which other conventions than the refusing one can score
            assert mistake.kind in [warning["kind"] for warning in found["warnings"]]
            assert f"warning ({mistake.kind})" in said
    inspect_code, inspected, _ = told_by("inspect", pred, gt, *options)
    assert inspect_code == code
    assert mistake.kind in [finding["kind"] for finding in inspected["findings"]]
    assert scored == {} or code == 0


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if mistake.exact])
def test_the_last_line_of_an_inspection_scores_right(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    made = [mistake.made(pair) for pair in pairs("sample_masks")]
    gt = write(tmp_path / "gt", ((pair.name, pair.gt) for pair in made))
    pred = write(tmp_path / "pred", ((pair.name, pair.pred) for pair in made))
    last = run_segeval("inspect", pred, gt, *line(mistake.options)).stdout.splitlines()[-1]
    assert last.strip().startswith("score with: segeval score ")
    words = shlex.split(last)[4:]
    sound = build_report(run_of(pairs("sample_masks"), replace(mistake, gt=SAME, pred=SAME)))
    assert run_segeval("score", *words, "--only", "miou").stdout.strip() == str(sound.scores["miou"])


# Mistakes of folders


def test_folders_in_the_wrong_order_are_found_by_void(tmp_path: Path) -> None:
    sound = pairs("sample_masks")
    assert any((pair.gt == 255).any() for pair in sound)
    gt = write(tmp_path / "one", ((pair.name, pair.gt) for pair in sound))
    pred = write(tmp_path / "two", ((pair.name, pair.pred) for pair in sound))
    run = tmp_path / "run.jsonl"
    for verb, arguments in (
        ("score", (gt, pred, "--save", run)),
        ("report", (run,)),
        ("explain", (gt, pred)),
        ("inspect", (gt, pred)),
    ):
        code, found, _ = told_by(verb, *arguments)
        assert code == 0
        told = found["findings"] if verb == "inspect" else found["warnings"]
        assert "swapped" in [finding["kind"] for finding in told]
    last = run_segeval("inspect", gt, pred).stdout.splitlines()[-1]
    assert last.split()[-2:] == [str(pred), str(gt)]


def test_one_mask_a_class_is_refused_by_every_verb_and_can_be_meant(tmp_path: Path) -> None:
    sound, run = pairs("sample_masks"), tmp_path / "run.jsonl"
    folders = []
    for side in ("pred", "gt"):
        masks = [(pair.name, getattr(pair, side)) for pair in sound]
        one_hot = (
            (f"{value}/{name}", np.where(mask == value, 255, 0).astype(np.uint8))
            for name, mask in masks
            for value in range(5)
        )
        folders.append(write(tmp_path / side, one_hot))
    for verb, arguments in (
        ("score", (*folders, "--save", run)),
        ("report", (run,)),
        ("explain", folders),
        ("inspect", folders),
    ):
        done = run_segeval(verb, *map(str, arguments))
        assert done.code == 2
        assert "error (class-folders)" in done.stdout or "allow class-folders" in done.stderr
    code, found, _ = told_by("score", *folders, "--allow", "class-folders")
    assert code == 0
    assert [(one["kind"], one["allowed"]) for one in found["warnings"]] == [("class-folders", True)]
    assert "|allow:class-folders|" in found["signature"]


@pytest.mark.parametrize("layout", ["{image}/mask.png", "{image}/{part}.png"])
def test_folders_of_images_are_no_folders_of_classes(layout: str, tmp_path: Path) -> None:
    """Each image in a folder of its own, or sequences of frames: the same names, and small objects."""
    small = np.zeros((8, 8), np.uint8)
    small[2:4, 2:4] = 255
    parts = ("left", "right") if "{part}" in layout else ("",)
    names = [layout.format(image=image, part=part) for image in ("a", "b", "c") for part in parts]
    gt = write(tmp_path / "gt", ((name, small) for name in names))
    pred = write(tmp_path / "pred", ((name, np.roll(small, 1)) for name in names))
    code, found, _ = told_by("score", pred, gt)
    assert (code, found["warnings"]) == (0, [])
