"""Command line -> exit code, stdout, stderr, for every verb: the contract that a CI step rests on, as one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from segeval.cli.root import COMMANDS
from tests.support.commandline import run_segeval

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = ["sample_masks/pred", "sample_masks/gt", "--classes", "sample_masks/classes.txt"]

SIGNATURE = "segeval|classes:10@39c052a5|ignore:default(255)|convention:segeval|v:0.1.0|images:7|gt:f03b679c"

TABLE: list[tuple[list[str], int, str, str]] = [
    # command line, exit code, part of stdout ("" is none at all), part of stderr ("" is none at all)
    (["--help"], 0, "Usage: segeval", ""),
    (["--version"], 0, "segeval ", ""),
    (["scor"], 2, "", "did you mean 'score'"),
    (["score", *MASKS], 0, "mIoU", ""),
    (["score", *MASKS, "--fail-under", "miou=0.7"], 0, "mIoU", "gate holds: miou"),
    (["score", *MASKS, "--fail-under", "miou=0.8"], 1, "mIoU", "gate failed: miou"),
    (["score", *MASKS, "--fail-under", "miou=80"], 2, "", "Did you mean 0.80"),
    (["score", *MASKS, "--fail-under", "iou.train=0.1"], 2, "", "undefined"),
    (["score", *MASKS, "-o", "no/such/folder/r.json"], 2, "", "cannot be written"),
    (["score", "nowhere", "sample_masks/gt"], 2, "", "nowhere"),
    (["report", "run.jsonl", "--only", "miou"], 0, "0.7425", ""),
    (["report", "run.jsonl", "--fail-under", "miou=0.8", "-q"], 1, "mIoU", "gate failed"),
    (["report", "none.jsonl"], 2, "", "none.jsonl"),
    (["report", "sample_masks/classes.txt"], 2, "", "classes.txt"),
    (["combine", "run.jsonl", "run.jsonl", "-o", "whole.jsonl", "-q"], 0, "", ""),
    (["combine", "run.jsonl", "none.jsonl", "-o", "whole.jsonl"], 2, "", "none.jsonl"),
    (["compare", "run.jsonl", "run.jsonl"], 0, "mIoU", "fewer than 30"),
    (["compare", "run.jsonl", "worse.jsonl", "--force", "--fail-regression", "miou=0.01"], 1, "mIoU", "gate failed"),
    (["compare", "run.jsonl", "worse.jsonl"], 2, "", "--force"),
    (["verify", SIGNATURE, "miou=74.25%", *MASKS], 0, "equal", ""),
    (["verify", SIGNATURE, "miou=74.26%", *MASKS], 1, "74.26", ""),
    (["verify", SIGNATURE, "miou=74.25%", *MASKS[:2]], 2, "", "--classes FILE"),
    (["explain", *MASKS], 0, "cityscapes", ""),
    (["explain", "nowhere", "sample_masks/gt"], 2, "", "nowhere"),
    (["watch", "run.jsonl"], 0, "7 images, mIoU 74.25 %, finished", ""),
    (["watch", "sample_masks/classes.txt"], 2, "", "classes.txt"),
    (["plan", *MASKS], 0, "a million", ""),
    (["plan", "nowhere", "sample_masks/gt"], 2, "", "nowhere"),
    (["inspect", *MASKS], 0, "no problems found", ""),
    (["inspect", "sample_masks/binary/probs", "sample_masks/binary/gt"], 2, "--probs", ""),
    (["presets"], 0, "cityscapes", ""),
    (["presets", "cityscape"], 2, "", "cityscapes"),
    (["config"], 0, "has its default", ""),
    (["config", "scor"], 2, "", "not one of 'score'"),
    (["help"], 0, "conventions", ""),
    (["help", "convention"], 2, "", "conventions"),
    (["completion", "bash"], 0, "_SEGEVAL_COMPLETE", ""),
    (["completion", "tcsh"], 2, "", "tcsh"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shell")
    (place / "sample_masks").symlink_to(SAMPLES)
    assert run_segeval("score", *MASKS, "--save", "run.jsonl", cwd=place).code == 0
    assert run_segeval("score", *MASKS, "--pred-map", "3=2", "--save", "worse.jsonl", cwd=place).code == 0
    return place


@pytest.mark.parametrize(("words", "code", "stdout", "stderr"), TABLE, ids=[" ".join(row[0])[:70] for row in TABLE])
def test_exit_code_and_streams(words: list[str], code: int, stdout: str, stderr: str, folder: Path) -> None:
    done = run_segeval(*words, cwd=folder)
    assert done.code == code, done.stderr
    for text, part in ((done.stdout, stdout), (done.stderr, stderr)):
        assert part in text
        assert bool(text) == bool(part)
    assert "Traceback" not in done.stderr


def test_every_verb_is_in_the_table() -> None:
    assert {row[0][0] for row in TABLE} >= set(COMMANDS)


def test_an_internal_error_of_any_verb_is_2(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by design")

    for home in ("segeval.runs.file.load_run", "segeval.runs.storedruns.load_run"):
        monkeypatch.setattr(home, broken)
    for words in (["report", "run.jsonl"], ["compare", "run.jsonl", "run.jsonl"]):
        done = run_segeval(*words, cwd=folder)
        assert (done.code, done.stdout) == (2, "")
        assert "internal error" in done.stderr


def test_ctrl_c_in_any_verb_is_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segeval.runs.storedruns.load_run", interrupted)
    done = run_segeval("report", "run.jsonl", cwd=folder)
    assert (done.code, done.stdout, done.stderr) == (130, "", "\ninterrupted\n")
