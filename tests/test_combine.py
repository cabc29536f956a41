"""`combine` and `report`, from the shell's side: saved runs are united, and scored again without an image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.commandline import Completed, run_segeval

GT = np.array([[0, 0, 1, 1, 2, 2], [0, 1, 2, 255, 255, 3]], np.uint8)
PRED = np.array([[0, 1, 1, 1, 2, 0], [0, 1, 1, 2, 255, 3]], np.uint8)


def image(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Masks of two cities, and maps of every kind for the same ground truth."""
    random = np.random.default_rng(8)
    for index, name in enumerate(("bonn/0", "bonn/1", "ulm/0", "ulm/1")):
        gt = np.roll(GT, index)
        image(tmp_path / "gt" / f"{name}.png", gt)
        image(tmp_path / "gt2" / f"{name}.png", (gt == 1).astype(np.uint8))
        image(tmp_path / "pred" / f"{name}.png", np.roll(PRED, 2 * index))
        image(tmp_path / "map8" / f"{name}.png", random.integers(0, 256, GT.shape, np.uint8))
        image(tmp_path / "map16" / f"{name}.png", random.integers(0, 65536, GT.shape, np.uint16))
        for kind, array in (
            ("levels", random.integers(0, 256, (4, *GT.shape), np.uint8)),
            ("floats", random.random((4, *GT.shape), np.float32)),
        ):
            (tmp_path / kind / name).parent.mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / kind / f"{name}.npy", array)
    return tmp_path


def save(folder: Path, pred: str, *options: str, gt: str = "gt", name: str = "run.jsonl") -> Completed:
    done = run_segeval("score", pred, gt, "--save", name, "-f", "json", *options, cwd=folder)
    assert done.code == 0, done.stderr
    return done


def scored(folder: Path, *arguments: str) -> Any:
    done = run_segeval(*arguments, "-f", "json", cwd=folder)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def refused(folder: Path, *arguments: str) -> str:
    done = run_segeval(*arguments, cwd=folder)
    assert done.code == 2
    assert done.stdout == ""
    assert "internal error" not in done.stderr
    return done.stderr


# combine


def test_shards_in_any_order_and_twice_are_the_whole_run(folder: Path) -> None:
    for index in (1, 2, 3):
        assert (
            run_segeval("score", "pred", "gt", "--shard", f"{index}/3", "--save", f"{index}.jsonl.gz", cwd=folder).code
            == 0
        )
    save(folder, "pred")
    done = run_segeval("combine", "3.jsonl.gz", "1.jsonl.gz", "2.jsonl.gz", "3.jsonl.gz", "-o", "all.jsonl", cwd=folder)
    assert (done.code, done.stdout) == (0, "")
    assert (folder / "all.jsonl").read_bytes() == (folder / "run.jsonl").read_bytes()
    assert done.stderr.startswith("4 images of 4 runs")


def test_combine_needs_parts_and_a_place(folder: Path) -> None:
    save(folder, "pred")
    assert "-o" in refused(folder, "combine", "run.jsonl")
    assert "PART" in refused(folder, "combine", "-o", "x.jsonl")


def test_combine_over_one_of_its_parts(folder: Path) -> None:
    save(folder, "pred", "--shard", "1/2", name="a.jsonl")
    save(folder, "pred", "--shard", "2/2", name="b.jsonl")
    save(folder, "pred")
    assert run_segeval("combine", "a.jsonl", "b.jsonl", "-o", "a.jsonl", "-q", cwd=folder) == Completed(0, "", "")
    assert (folder / "a.jsonl").read_bytes() == (folder / "run.jsonl").read_bytes()


def test_runs_that_differ_leave_no_file(folder: Path) -> None:
    save(folder, "pred", name="a.jsonl")
    image(folder / "pred" / "ulm/1.png", np.zeros_like(PRED))
    save(folder, "pred", name="b.jsonl")
    said = refused(folder, "combine", "a.jsonl", "b.jsonl", "-o", "c.jsonl")
    assert "ulm/1: a.jsonl and b.jsonl" in said
    save(folder, "pred", "--ignore", "3,255", name="b.jsonl")
    said = refused(folder, "combine", "a.jsonl", "b.jsonl", "-o", "c.jsonl")
    assert "ignore: default(255) vs 3,255" in said
    assert not (folder / "c.jsonl").exists()
    assert not list(folder.glob(".*"))


def test_a_part_that_is_no_run_is_named(folder: Path) -> None:
    save(folder, "pred")
    (folder / "cut.jsonl").write_bytes((folder / "run.jsonl").read_bytes()[:-1])
    assert "cut.jsonl, line" in refused(folder, "combine", "run.jsonl", "cut.jsonl", "-o", "c.jsonl")
    assert "no.jsonl: No such file" in refused(folder, "combine", "run.jsonl", "no.jsonl", "-o", "c.jsonl")


def test_an_unwritable_place_is_told_first(folder: Path) -> None:
    said = refused(folder, "combine", "absent.jsonl", "-o", "no/such/run.jsonl")
    assert "no/such/run.jsonl" in said
    assert "absent.jsonl" not in said


# report: the same as the images give


def without_signature(report: Any) -> Any:
    return {name: value for name, value in report.items() if name not in ("signature", "protocol")}


@pytest.mark.parametrize(
    ("pred", "gt", "options"),
    [
        ("pred", "gt", []),
        ("pred", "gt", ["--preset", "binary", "--gt-threshold", "0", "--pred-threshold", "0"]),
        ("map8", "gt2", ["--probs"]),
        ("map16", "gt2", ["--probs", "--gamma", "1.5"]),
        ("levels", "gt", ["--probs", "--eps", "torch"]),
        ("floats", "gt", ["--probs", "--alpha", "none"]),
    ],
)
def test_a_saved_run_reports_what_was_scored_without_an_image(
    folder: Path, pred: str, gt: str, options: list[str]
) -> None:
    done = save(folder, pred, *options, gt=gt)
    for name in ("gt", "gt2", "pred", "map8", "map16", "levels", "floats"):
        shutil.rmtree(folder / name)
    again = run_segeval("report", "run.jsonl", "-f", "json", cwd=folder)
    assert again.stdout == done.stdout
    assert again.stderr == done.stderr


CHANGES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "ignore": ("pred", "gt", [], ["--ignore", "3,255"]),
    "classes": ("pred", "gt", [], ["--classes", "7"]),
    "merge": ("pred", "gt", [], ["--map", "3=2"]),
    "one side": ("pred", "gt", [], ["--gt-map", "2=1", "--pred-map", "0=1"]),
    "binary": ("pred", "gt", [], ["--ignore", "255", "--gt-threshold", "0", "--pred-threshold", "0"]),
    "convention": ("pred", "gt", [], ["--classes", "9", "--convention", "ade20k"]),
    "axis": ("pred", "gt", [], ["--classes", "9", "--absent", "zero"]),
    "axis of a stored convention": ("pred", "gt", ["--classes", "9", "--convention", "ade20k"], ["--absent", "one"]),
    "preset": ("pred", "gt", ["--ignore", "none", "--classes", "256"], ["--preset", "cityscapes-trainids"]),
    "over a stored preset": ("pred", "gt", ["--preset", "cityscapes-trainids"], ["--ignore", "3,255", "--map", "2=1"]),
    "threshold": ("map8", "gt2", ["--probs"], ["--threshold", "0.2"]),
    "gamma": ("map8", "gt2", ["--probs"], ["--gamma", "0.5"]),
    "eps": ("map8", "gt2", ["--probs", "--eps", "torch"], ["--eps", "1e-7"]),
    "back to the usual eps": ("map8", "gt2", ["--probs", "--eps", "torch"], ["--eps", "half-step"]),
    "weights": ("map16", "gt2", ["--probs"], ["--alpha", "none", "--pos-weight", "auto"]),
    "losses of levels": ("levels", "gt", ["--probs"], ["--gamma", "1", "--eps", "0.01", "--class-weights", "auto"]),
    "alpha of floats": ("floats", "gt", ["--probs"], ["--alpha", "auto", "--class-weights", "auto"]),
    "what is as it was": ("floats", "gt", ["--probs"], ["--gamma", "2", "--eps", "torch", "--threshold", "0.5"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_protocol_gives_what_the_images_would(folder: Path, name: str) -> None:
    pred, gt, before, change = CHANGES[name]
    save(folder, pred, *before, gt=gt)
    # A flag that is given twice counts as the later one, so the change wins; a preset brings everything itself.
    wanted = scored(folder, "score", pred, gt, *([] if name == "preset" else before), *change)
    found = scored(folder, "report", "run.jsonl", *change)
    assert without_signature(found) == without_signature(wanted)
    if name != "over a stored preset":  # its maps say the same with other words
        assert found["signature"] == wanted["signature"]


def test_a_subset_is_scored_as_its_folder(folder: Path) -> None:
    for options, pred in ([], "pred"), (["--probs"], "levels"):
        save(folder, pred, *options)
        found = scored(folder, "report", "run.jsonl", "--keys", "ulm/*")
        assert found["data"]["images"] == 2
        assert found["protocol"]["keys"] == "ulm/*"
        assert "keys:ulm/*" in found["signature"]
        wanted = scored(folder, "score", f"{pred}/ulm", "gt/ulm", *options)
        assert found["scores"] == wanted["scores"]


def test_defaults_of_options_change_nothing_that_is_stored(folder: Path) -> None:
    save(folder, "map8", "--probs", "--gamma", "3", "--alpha", "0.5", "--threshold", "0.3", gt="gt2")
    stored = scored(folder, "report", "run.jsonl")["protocol"]["probabilities"]
    assert (stored["gamma"], stored["alpha"], stored["threshold"]) == (3.0, 0.5, 0.3)


def test_environment_and_configuration_change_how_it_looks_not_what_counts(folder: Path) -> None:
    save(folder, "pred")
    plain = run_segeval("report", "run.jsonl", "-f", "json", cwd=folder)
    environment = {"SEGEVAL_IGNORE": "0", "SEGEVAL_FORMAT": "json"}
    (folder / "pyproject.toml").write_text('[tool.segeval]\nignore = "1"\n', encoding="utf-8")
    found = run_segeval("report", "run.jsonl", cwd=folder, environment=environment)
    assert found.stdout == plain.stdout


def test_every_format_and_file_is_written(folder: Path) -> None:
    save(folder, "pred")
    done = run_segeval("report", "run.jsonl", "-f", "csv", "-o", "r.json", "-o", "r.md", cwd=folder)
    assert done.code == 0
    assert done.stdout.count("\n") >= 5
    assert json.loads((folder / "r.json").read_text())["scores"]
    assert (folder / "r.md").stat().st_size


def test_a_gate_on_a_saved_run(folder: Path) -> None:
    save(folder, "pred")
    assert run_segeval("report", "run.jsonl", "--fail-under", "miou=0.01", cwd=folder).code == 0
    assert run_segeval("report", "run.jsonl", "--fail-under", "miou=0.99", cwd=folder).code == 1


# report: what a run does not keep


REFUSALS: dict[str, tuple[str, str, list[str], list[str], str]] = {
    "losses of masks": ("pred", "gt", [], ["--gamma", "1"], "label masks has no losses"),
    "probabilities of masks": ("pred", "gt", [], ["--probs"], "no such option"),
    "colours": ("pred", "gt", [], ["--palette", "x"], "needs the folders that the run was measured from"),
    "no such key": ("pred", "gt", [], ["--keys", "koeln/*"], "no image has such a key"),
    "gamma of 16 bits": ("map16", "gt2", ["--probs"], ["--gamma", "1"], "one gamma and one eps"),
    "eps of floats": ("floats", "gt", ["--probs"], ["--eps", "1e-7"], "one gamma and one eps"),
    "threshold of 16 bits": ("map16", "gt2", ["--probs"], ["--threshold", "0.1"], "one threshold"),
    "subset of 16 bits": ("map16", "gt2", ["--probs"], ["--keys", "ulm/*"], "whole run only"),
    "merge of levels": ("levels", "gt", ["--probs"], ["--map", "3=2"], "cannot be merged"),
    "merge of floats": ("floats", "gt", ["--probs"], ["--gt-map", "3=2"], "cannot be merged"),
    "removal of levels": ("levels", "gt", ["--probs"], ["--ignore", "3,255"], "cannot be merged, removed"),
    "fewer classes": (
        "levels",
        "gt",
        ["--probs"],
        ["--classes", "3"],
        "3 classes, but the probability maps describe 4",
    ),
    "other positives of 16 bits": (
        "map16",
        "gt2",
        ["--probs"],
        ["--gt-map", "0=1,1=0"],
        "one meaning of the ground truth",
    ),
    "ignored negatives of 16 bits": (
        "map16",
        "gt2",
        ["--probs"],
        ["--gt-map", "0=255"],
        "one meaning of the ground truth",
    ),
    "a value that is no class": ("pred", "gt", [], ["--classes", "3"], "3"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_run_does_not_keep_is_refused_with_a_reason(folder: Path, name: str) -> None:
    pred, gt, before, change, said = REFUSALS[name]
    save(folder, pred, *before, gt=gt)
    assert said in refused(folder, "report", "run.jsonl", *change, "-f", "json")


def test_shards_of_16_bit_maps_that_meant_two_things_are_not_reported(folder: Path) -> None:
    """Alone, each part shows one meaning of 255; together they show another, under which nothing was summed."""
    for name, value in (("a", 255), ("b", 0)):
        for side, array in (("gt", np.full((2, 2), value, np.uint8)), ("pred", np.full((2, 2), 9000, np.uint16))):
            image(folder / name / side / f"{name}.png", array)
    image(folder / "a" / "gt" / "z.png", np.array([[255, 0], [0, 0]], np.uint8))
    image(folder / "a" / "pred" / "z.png", np.array([[1, 2], [3, 4]], np.uint16))
    image(folder / "b" / "gt" / "y.png", np.array([[1, 0], [0, 0]], np.uint8))
    image(folder / "b" / "pred" / "y.png", np.array([[1, 2], [3, 4]], np.uint16))
    (folder / "a" / "gt" / "a.png").unlink()
    (folder / "a" / "pred" / "a.png").unlink()
    for part in ("a", "b"):
        save(folder, f"{part}/pred", "--probs", gt=f"{part}/gt", name=f"{part}.jsonl")
    assert run_segeval("combine", "a.jsonl", "b.jsonl", "-o", "c.jsonl", cwd=folder).code == 0
    assert "gt/z" in refused(folder, "report", "c.jsonl")
    assert "one meaning of the ground truth" in refused(folder, "report", "c.jsonl", "--ignore", "255")
