"""The score so far of runs that others are writing: whole lines only, nothing locked, and at the end the very score."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import segeval
from segeval.measuring.measure import measure
from segeval.request import build_request
from segeval.runs.file import save_run
from segeval.runs.saver import RunSaver, partial_file
from segeval.runs.sharding import Shard
from tests.support.commandline import run_segeval
from tests.support.probability_folders import save_png

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
CLASSES = SAMPLES / "classes.txt"
REQUEST = build_request(classes=CLASSES)


@pytest.fixture(scope="module")
def whole() -> segeval.Run:
    return segeval.measure(SAMPLES / "pred", SAMPLES / "gt", classes=CLASSES)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return what is kept of a run of all samples before it is whole."""
    path = tmp_path_factory.mktemp("kept") / "run.jsonl"
    with RunSaver(path, REQUEST.protocol) as saver:
        measure(SAMPLES / "pred", SAMPLES / "gt", REQUEST, journal=saver.journal)
        return partial_file(path).read_bytes()


def standings(*runs: Path | str) -> Iterator[segeval.Standing]:
    return segeval.watch(*runs, every=0.0)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.api.watching.LOOK", 0.01)


def test_rows_count_once_their_line_is_whole(tmp_path: Path, journal: bytes, whole: segeval.Run) -> None:
    run = tmp_path / "run.jsonl"
    found = standings(run)
    first = next(found)
    assert (first.images, first.finished, first.runs, first.scores, first.done) == (0, 0, 1, {}, False)
    ends = [place for place, byte in enumerate(journal) if byte == ord("\n")]
    with partial_file(run).open("wb") as file:
        file.write(journal[: ends[0] - 7])
        file.flush()
        assert next(found).problem == "no image yet", "half a header"
        for images, end in enumerate(ends):
            file.write(journal[file.tell() : end])
            file.flush()
            assert next(found).images == max(0, images - 1), "the line has no end yet"
            file.write(b"\n")
            file.flush()
            assert next(found).images == images
    last = next(found)
    assert last.scores["miou"] == segeval.rescore(whole).scores["miou"]
    assert not last.done
    save_run(whole, run)
    assert not next(found).done, "its rows are still there: who wrote it may be checking it"
    partial_file(run).unlink()
    assert [now.done for now in found] == [True]


def test_what_is_damaged_or_written_anew(tmp_path: Path, journal: bytes) -> None:
    run = tmp_path / "run.jsonl"
    lines = journal.splitlines(keepends=True)
    damaged = lines[2][:40] + b"x" + lines[2][41:]
    partial_file(run).write_bytes(lines[0] + lines[1] + damaged + b"\xff\n\n" + lines[3] + lines[3])
    found = standings(run)
    assert next(found).images == 2, "a damaged line is as good as absent, and an image counts once"
    partial_file(run).write_bytes(lines[0] + lines[4])
    assert next(found).images == 1
    partial_file(run).unlink()
    partial_file(run).write_bytes(b"")
    assert next(found).images == 0


def test_shards_are_one_run(tmp_path: Path, whole: segeval.Run) -> None:
    found = standings(str(tmp_path / "*.jsonl.gz"))
    assert next(found).runs == 0
    savers = [RunSaver(tmp_path / f"{index}.jsonl.gz", REQUEST.protocol) for index in (1, 2)]
    for index, saver in enumerate(savers, 1):
        before = next(found)
        assert not before.done
        with saver:
            part = measure(SAMPLES / "pred", SAMPLES / "gt", REQUEST, journal=saver.journal, shard=Shard(index, 2))
            now = next(found)
            assert now.images == before.images + len(part.run.rows)
            assert now.runs == 2
            saver.save(part.run)
    (last,) = found
    assert (last.images, last.finished, last.done) == (7, 2, True)
    assert last.scores["miou"] == segeval.rescore(whole).scores["miou"]


def test_probability_maps_are_watched_by_their_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    for name in ("a", "b", "c"):
        save_png(tmp_path / "gt" / f"{name}.png", rng.integers(0, 2, (5, 6)).astype(np.uint8))
        save_png(tmp_path / "pred" / f"{name}.png", rng.integers(0, 65536, (5, 6)).astype(np.uint16))
    report = segeval.score(tmp_path / "pred", tmp_path / "gt", probs=True, binary=True)
    request = build_request(probs=True, binary=True)
    with RunSaver(tmp_path / "run.jsonl", request.protocol) as saver:
        measure(tmp_path / "pred", tmp_path / "gt", request, journal=saver.journal)
        assert next(standings(tmp_path / "run.jsonl")).scores["miou"] == report.scores["miou"]


def test_runs_that_disagree_are_refused(tmp_path: Path, whole: segeval.Run) -> None:
    save_run(whole, tmp_path / "a.jsonl")
    save_run(segeval.measure(SAMPLES / "pred", SAMPLES / "gt", classes=4), tmp_path / "b.jsonl")
    done = run_segeval("watch", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (done.code, done.stdout) == (2, "")
    assert "different protocols" in done.stderr


def test_a_whole_run_is_one_line(tmp_path: Path, whole: segeval.Run) -> None:
    save_run(whole, tmp_path / "run.jsonl")
    for terminal in (False, True):
        done = run_segeval("watch", tmp_path / "run.jsonl", terminal=terminal, environment={"COLUMNS": "60"})
        assert done.code == 0, done.stderr
        assert done.stdout.strip() == "7 images, mIoU 74.25 %, finished"
        assert done.stdout.startswith("\r") == terminal
        assert done.stdout.endswith("\n")


def test_ctrl_c(tmp_path: Path, journal: bytes) -> None:
    partial_file(tmp_path / "run.jsonl").write_bytes(journal)
    command = [sys.executable, "-P", "-m", "segeval", "watch", str(tmp_path / "run.jsonl")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "7 images, mIoU 74.25 %\n"
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "interrupted\n")
    assert time.monotonic() - start < 10
