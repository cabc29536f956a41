"""One holder at a time, whole files at any time: orders of events that two processes can meet, forced and by chance."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import segeval.files.atomic
import segeval.files.locks
from segeval.errors import OutputError, RunFileError
from segeval.files.atomic import AtomicFile
from segeval.files.locks import open_locked, unlink_held
from segeval.protocol.protocol import Protocol
from segeval.runs.file import load_run, run_to_bytes
from segeval.runs.journal import Journal
from segeval.runs.run import Row, Run
from segeval.runs.saver import RunSaver
from segeval.tables.counts import table


def before(module: Any, name: str, event: Callable[[], None], *, times: int = 1) -> Any:
    """Let something happen right before the first calls of a function."""
    original, left = getattr(module, name), [times]

    def called(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            event()
        return original(*arguments, **options)

    return mock.patch.object(module, name, called)


def _put(source: Path, target: Path) -> None:
    source.replace(target)


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".part"]


# Locks


def test_a_held_file_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "x"
    held = open_locked(path)
    with pytest.raises(BlockingIOError):
        open_locked(path)
    unlink_held(held, path)
    again = open_locked(path)
    assert os.path.samestat(os.fstat(again), path.stat())
    os.close(again)


def test_a_holder_that_leaves_between_opening_and_locking_takes_its_file_with_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    first = open_locked(path)
    with before(segeval.files.locks, "lock", lambda: unlink_held(first, path)):
        second = open_locked(path)
    # The lock that was got first was on a file without a name, on which a third could not have waited.
    assert os.path.samestat(os.fstat(second), path.stat())
    with pytest.raises(BlockingIOError):
        open_locked(path)
    os.close(second)


def test_a_file_that_was_put_in_the_place_of_the_locked_one_is_locked_instead(tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "other"
    path.touch()
    other.touch()
    with before(segeval.files.locks, "lock", lambda: _put(other, path)):
        held = open_locked(path)
    assert os.path.samestat(os.fstat(held), path.stat())
    os.close(held)


def test_unlinking_comes_before_unlocking(tmp_path: Path) -> None:
    path = tmp_path / "x"
    held = open_locked(path)
    seen = []
    close = os.close

    def closing(file: int) -> None:
        if file == held:
            seen.append(path.exists())
        close(file)

    with mock.patch.object(os, "close", closing):
        unlink_held(held, path)
    assert seen == [False]


def test_two_journals_of_one_run_never_live_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".run.jsonl.partial"
    first = Journal(path, Protocol())
    with before(segeval.files.locks, "lock", first.remove):
        second = Journal(path, Protocol())
    second.begin()
    with pytest.raises(OutputError, match="another segeval"):
        Journal(path, Protocol())
    assert path.stat().st_size > 0
    second.remove()
    assert list(tmp_path.iterdir()) == []


# Parts


def test_each_writer_has_a_part_of_its_own_and_the_last_one_wins_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    first, second = AtomicFile(target), AtomicFile(target)
    assert len(parts(tmp_path)) == 2
    write = os.write
    halves = iter([True])

    def stopped_half_way(file: int, data: bytes) -> int:
        if next(halves, False):
            written = write(file, data[: len(data) // 2])
            second.commit(b"second" * 100)  # while the first is half written
            assert target.read_bytes() == b"second" * 100
            return written
        return write(file, data)

    with mock.patch.object(os, "write", stopped_half_way):
        first.commit(b"first" * 100)
    assert target.read_bytes() == b"first" * 100
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_taken_away_and_what_lives_is_not(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    living = AtomicFile(target)
    left = tmp_path / ".report.json.segeval-0123abcd.part"
    left.write_bytes(b"half")
    strangers = [tmp_path / ".other.json.segeval-0123abcd.part", tmp_path / ".report.json.segeval-mine.part"]
    for stranger in strangers:
        stranger.write_bytes(b"kept")
    with AtomicFile(target) as file:
        assert not left.exists()
        assert len(parts(tmp_path)) == 2 + len(strangers)
        file.commit(b"new")
    living.commit(b"newer")
    assert sorted(tmp_path.iterdir()) == sorted([target, *strangers])
    assert target.read_bytes() == b"newer"


@pytest.mark.parametrize("kind", ["folder", "fifo", "link"])
def test_a_leftover_that_is_no_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    target, left = tmp_path / "report.json", tmp_path / ".report.json.segeval-0123abcd.part"
    (tmp_path / "precious").write_bytes(b"kept")
    if kind == "folder":
        left.mkdir()
    elif kind == "fifo":
        os.mkfifo(left)
    else:
        left.symlink_to("precious")
    with AtomicFile(target) as file:
        file.commit(b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "precious").read_bytes() == b"kept"


def test_a_part_that_is_taken_for_a_leftover_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    target = tmp_path / "report.json"

    def cleared() -> None:
        for part in parts(tmp_path):
            segeval.files.atomic._clear(part)

    with before(segeval.files.atomic, "lock", cleared):
        file = AtomicFile(target)
    assert len(parts(tmp_path)) == 1
    file.commit(b"new")
    assert list(tmp_path.iterdir()) == [target]


def test_a_part_that_a_clearing_process_holds_is_left_to_it(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    held: list[int] = []

    def hold() -> None:
        held.extend(open_locked(part) for part in parts(tmp_path))

    with before(segeval.files.atomic, "lock", hold):
        file = AtomicFile(target)
    file.commit(b"new")
    assert target.read_bytes() == b"new"
    for each in held:
        os.close(each)


# Processes

PROCESSES = 4


def run_of(process: int, turn: int) -> Run:
    """A run that says who saved it: its row count is its process, its keys its turn."""
    rows = tuple(
        Row(
            f"{process}/{turn:04d}/{index:02d}", 1, 2, "blake2b:" + "0" * 32, table(*np.array([[0, 1], [0, 0], [1, 1]]))
        )
        for index in range(10 + process)
    )
    return Run(Protocol(), rows)


def save_again_and_again(process: int, folder: str, saves: int, shared: Any) -> None:
    """Save `saves` times; `shared` counts saves, refusals and moments with two holders."""
    target, holder = Path(folder) / "run.jsonl", Path(folder) / "holder"
    chance = random.Random(process)
    turn = 0
    while turn < saves:
        try:
            with RunSaver(target, Protocol()) as saver:
                saver.journal.begin()
                try:
                    os.close(os.open(holder, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    shared[2] += 1
                if chance.random() < 0.1:
                    time.sleep(0.001)
                given_up = saver.journal.remove

                def remove(release: Callable[[], None] = given_up) -> None:
                    holder.unlink()
                    release()

                with mock.patch.object(saver.journal, "remove", remove):
                    saver.save(run_of(process, turn))
            turn += 1
            shared[0] += 1
        except OutputError:
            shared[1] += 1
            time.sleep(0.0002)


@pytest.mark.parametrize("saves", [25, pytest.param(500, marks=pytest.mark.slow)])
def test_four_processes_save_one_file_again_and_again(tmp_path: Path, saves: int) -> None:
    context = multiprocessing.get_context("fork")
    shared = [context.Array("q", 3) for _ in range(PROCESSES)]
    workers = [
        context.Process(target=save_again_and_again, args=(process, str(tmp_path), saves, shared[process]))
        for process in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    seen: set[str] = set()
    damaged: list[str] = []
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.002)
        if not (tmp_path / "run.jsonl").exists():
            continue
        try:
            run = load_run(tmp_path / "run.jsonl")
        except RunFileError as error:
            damaged.append(str(error))
            continue
        process, turn, _ = run.rows[0].key.split("/")
        if len(run.rows) != 10 + int(process) or {row.key.split("/")[1] for row in run.rows} != {turn}:
            damaged.append(run.rows[0].key)
        seen.add(run.rows[0].key)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    saved, refused, doubled = (sum(counts[index] for counts in shared) for index in range(3))
    assert doubled == 0, f"{doubled} of {saved} times two processes held the run"
    assert saved == PROCESSES * saves
    assert damaged == []
    assert refused, "the processes met"
    assert len(seen) > 10
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]
    last = load_run(tmp_path / "run.jsonl")
    process, turn, _ = last.rows[0].key.split("/")
    assert run_to_bytes(last, packed=False) == run_to_bytes(run_of(int(process), int(turn)), packed=False)
