"""Resuming: a run that was cut short goes on, and the run that it ends in is the one that was never cut."""

from __future__ import annotations

import os
import random
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from segeval.errors import OutputError, RunFileError
from segeval.folders.pairing import Pair
from segeval.measuring.maps import measure_maps
from segeval.measuring.measure import Measurement, measure, measure_masks
from segeval.request import Request, build_request
from segeval.runs.file import load_run, run_to_bytes
from segeval.runs.run import Run
from segeval.runs.saver import RunSaver
from segeval.runs.sharding import Shard
from segeval.runs.unions import union
from tests.support import processes

KINDS = ("masks", "levels", "uint16", "float")


def write_pair(root: Path, kind: str, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    for folder in ("gt", "pred"):
        (root / folder).mkdir(exist_ok=True)
    Image.fromarray(random.choice(np.array([0, 1, 255], np.uint8), (6, 7))).save(root / "gt" / f"{name}.png")
    if kind == "masks":
        Image.fromarray(random.integers(0, 3, (6, 7), np.uint8)).save(root / "pred" / f"{name}.png")
    elif kind == "uint16":
        Image.fromarray(random.integers(0, 65536, (6, 7), np.uint16)).save(root / "pred" / f"{name}.png")
    elif kind == "float":
        np.save(root / "pred" / f"{name}.npy", random.random((2, 6, 7), np.float32))
    else:
        np.save(root / "pred" / f"{name}.npy", random.integers(0, 256, (2, 6, 7), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(8):
        write_pair(tmp_path, "masks", f"{index}", index)
    return tmp_path


def request_of(kind: str = "masks", **options: object) -> Request:
    return build_request(**({"probs": kind != "masks", "missing": "miss"} | options))  # type: ignore[arg-type]  # as a user gives them


@contextmanager
def counted() -> Iterator[list[str]]:
    """Note which images are measured."""
    measured: list[str] = []

    def noting(original: Callable[..., object]) -> Callable[..., object]:
        def note(pair: Pair, *rest: object, **options: object) -> object:
            measured.append(pair.key)
            return original(pair, *rest, **options)

        return note

    with (
        mock.patch("segeval.measuring.measure.measure_masks", noting(measure_masks)),
        mock.patch("segeval.measuring.mapfolders.measure_maps", noting(measure_maps)),
    ):
        yield measured


class Crash(BaseException):
    """What a kill looks like from inside: nothing is cleaned up but what unwinds."""


def cut_after(images: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= images:
            raise Crash

    return progress


def attempt(
    root: Path,
    request: Request,
    *,
    resume: bool = False,
    cut: int | None = None,
    shard: Shard | None = None,
    jobs: int = 1,
) -> tuple[Measurement, tuple[str, ...]]:
    """Do what `score --save run.jsonl` does; with `cut`, only as far as that many images."""
    with RunSaver(root / "run.jsonl", request.protocol, resume=resume) as saver:
        progress = None if cut is None else cut_after(cut)
        found = measure(
            root / "pred", root / "gt", request, jobs=jobs, journal=saver.journal, shard=shard, progress=progress
        )
        if not found.problems:
            saver.save(found.run)
    return found, saver.notes


def cut(root: Path, request: Request, images: int, **options: bool) -> None:
    with pytest.raises(Crash):
        attempt(root, request, cut=images, **options)  # type: ignore[arg-type]  # only `resume` is given


def fresh(root: Path, request: Request) -> bytes:
    return run_to_bytes(measure(root / "pred", root / "gt", request).run, packed=False)


def partial(root: Path) -> Path:
    return root / ".run.jsonl.partial"


# What an attempt leaves


def test_what_is_refused_at_once_leaves_no_file(folder: Path) -> None:
    request = request_of(classes=2, ignore=255)
    with pytest.raises(RuntimeError), RunSaver(folder / "run.jsonl", request.protocol):
        raise RuntimeError
    assert not partial(folder).exists()
    assert not (folder / "run.jsonl").exists()


def test_a_finished_run_leaves_nothing_but_itself(folder: Path) -> None:
    attempt(folder, request_of())
    assert sorted(path.name for path in folder.iterdir()) == ["gt", "pred", "run.jsonl"]
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


def test_a_cut_run_leaves_its_rows_and_no_run(folder: Path) -> None:
    cut(folder, request_of(), 3)
    assert not (folder / "run.jsonl").exists()
    assert len(partial(folder).read_bytes().splitlines()) == 1 + 3
    with pytest.raises(RunFileError):
        load_run(partial(folder))


def test_a_cut_run_leaves_the_run_before_it_as_it_was(folder: Path) -> None:
    attempt(folder, request_of())
    before = (folder / "run.jsonl").read_bytes()
    write_pair(folder, "masks", "new", 77)
    cut(folder, request_of(), 3)
    assert (folder / "run.jsonl").read_bytes() == before


def test_rows_of_the_good_pairs_are_kept_where_a_file_is_bad(folder: Path) -> None:
    (folder / "pred" / "3.png").write_bytes(b"nothing")
    found, _ = attempt(folder, request_of())
    assert found.problems
    assert not (folder / "run.jsonl").exists()
    write_pair(folder, "masks", "3", 3)
    with counted() as decoded:
        attempt(folder, request_of(), resume=True)
    assert decoded == ["3"]
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


# Going on


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [1, 4, 8])
def test_only_what_is_not_there_is_measured(tmp_path: Path, kind: str, images: int) -> None:
    for index in range(8):
        write_pair(tmp_path, kind, f"{index}", index)
    (next((tmp_path / "pred").glob("5.*"))).unlink()
    request = request_of(kind, ignore=255)
    cut(tmp_path, request, images)
    with counted() as decoded:
        _, notes = attempt(tmp_path, request, resume=True)
    assert sorted(decoded) == [f"{index}" for index in range(images, 8)]
    assert notes == (f"{images} images were scored before; their files are checked",)
    assert (tmp_path / "run.jsonl").read_bytes() == fresh(tmp_path, request)
    assert not partial(tmp_path).exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_a_pair_whose_file_changed_is_measured_again(tmp_path: Path, kind: str, side: str) -> None:
    for index in range(4):
        write_pair(tmp_path, kind, f"{index}", index)
    request = request_of(kind, ignore=255)
    cut(tmp_path, request, 4)
    (tmp_path / "other").mkdir()
    write_pair(tmp_path / "other", kind, "2", 99)
    changed = next((tmp_path / side).glob("2.*"))
    changed.write_bytes((tmp_path / "other" / side / changed.name).read_bytes())
    with counted() as decoded:
        attempt(tmp_path, request, resume=True)
    assert decoded == ["2"]
    assert (tmp_path / "run.jsonl").read_bytes() == fresh(tmp_path, request)


def test_a_prediction_that_came_or_went_is_measured_again(folder: Path) -> None:
    request = request_of()
    aside = (folder / "pred" / "1.png").rename(folder / "1.png")
    cut(folder, request, 8)
    aside.rename(folder / "pred" / "1.png")
    (folder / "pred" / "2.png").unlink()
    with counted() as decoded:
        attempt(folder, request, resume=True)
    assert sorted(decoded) == ["1", "2"]
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request)


def test_images_that_are_gone_are_not_in_the_run(folder: Path) -> None:
    cut(folder, request_of(), 8)
    for side in ("gt", "pred"):
        (folder / side / "1.png").unlink()
    attempt(folder, request_of(), resume=True)
    assert [row.key for row in load_run(folder / "run.jsonl").rows] == ["0", "2", "3", "4", "5", "6", "7"]


def test_maps_of_another_kind_are_all_measured_again(tmp_path: Path) -> None:
    for index in range(4):
        write_pair(tmp_path, "levels", f"{index}", index)
    request = request_of("levels", ignore=255)
    cut(tmp_path, request, 3)
    for index in range(4):
        write_pair(tmp_path, "float", f"{index}", index)
    _, notes = attempt(tmp_path, request, resume=True)
    assert "other maps" in notes[-1]
    assert (tmp_path / "run.jsonl").read_bytes() == fresh(tmp_path, request)


def test_sums_of_another_meaning_are_all_measured_again(tmp_path: Path) -> None:
    """What 0 and 255 mean is told by the first ground truth that shows it, which may have changed meanwhile."""
    for index in range(3):
        write_pair(tmp_path, "uint16", f"{index}", index)
        Image.fromarray(np.array([[0, 255]] * 3, np.uint8)).save(tmp_path / "gt" / f"{index}.png")
        Image.fromarray(np.array([[9, 60000]] * 3, np.uint16)).save(tmp_path / "pred" / f"{index}.png")
    request = request_of("uint16")
    cut(tmp_path, request, 3)
    Image.fromarray(np.array([[0, 1], [255, 1], [0, 0]], np.uint8)).save(tmp_path / "gt" / "0.png")
    found, notes = attempt(tmp_path, request, resume=True)
    assert not found.problems
    assert "scored again" in notes[-1]
    assert (tmp_path / "run.jsonl").read_bytes() == fresh(tmp_path, request)


def test_a_lower_limit_of_pixels_holds_for_rows_that_are_there(folder: Path) -> None:
    cut(folder, request_of(), 8)
    found, _ = attempt(folder, request_of(max_pixels=10), resume=True)
    assert found.problems


def test_other_options_are_refused_with_the_difference(folder: Path) -> None:
    cut(folder, request_of(), 3)
    before = partial(folder).read_bytes()
    with pytest.raises(RunFileError) as raised:
        attempt(folder, request_of(ignore=0), resume=True)
    assert "ignore: default(255) vs 0" in raised.value.where
    assert "--resume" in raised.value.fix
    assert partial(folder).read_bytes() == before


def test_another_shard_takes_what_is_its_own(folder: Path) -> None:
    request = request_of()
    with pytest.raises(Crash):
        attempt(folder, request, shard=Shard(1, 2), cut=2)
    parts = []
    for index in (1, 2):
        attempt(folder, request, resume=True, shard=Shard(index, 2))
        parts.append((f"{index}", load_run(folder / "run.jsonl")))
        (folder / "run.jsonl").unlink()
    assert run_to_bytes(union(parts), packed=False) == fresh(folder, request)


def test_without_resume_everything_is_measured_and_a_note_tells_of_the_rest(folder: Path) -> None:
    cut(folder, request_of(), 3)
    with counted() as decoded:
        _, notes = attempt(folder, request_of(ignore=0))
    assert len(decoded) == 8
    assert "--resume" in notes[0]
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of(ignore=0))


def test_resume_of_nothing_starts_afresh(folder: Path) -> None:
    _, notes = attempt(folder, request_of(), resume=True)
    assert notes == ()
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


def test_resume_of_a_finished_run_checks_all_of_it(folder: Path) -> None:
    attempt(folder, request_of())
    with counted() as decoded:
        _, notes = attempt(folder, request_of(), resume=True)
    assert len(decoded) == 8
    assert notes == ("the saved run was checked: all 8 images are as they were",)
    write_pair(folder, "masks", "new", 50)
    write_pair(folder, "masks", "1", 51)
    _, notes = attempt(folder, request_of(), resume=True)
    assert notes == ("the saved run was checked and replaced: 1 images changed, 1 are new, 0 are gone",)
    with pytest.raises(RunFileError):
        attempt(folder, request_of(ignore=0), resume=True)


# Damage


def test_a_cut_last_line_costs_one_image(folder: Path) -> None:
    cut(folder, request_of(), 5)
    whole = partial(folder).read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for length in (last + 1, last + 30, len(whole) - 1):
        partial(folder).write_bytes(whole[:length])
        with counted() as decoded:
            attempt(folder, request_of(), resume=True)
        assert sorted(decoded) == ["4", "5", "6", "7"]
        assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())
        (folder / "run.jsonl").unlink()


def test_a_changed_byte_costs_one_image_and_never_a_wrong_count(folder: Path) -> None:
    cut(folder, request_of(), 8)
    whole = partial(folder).read_bytes()
    expected = fresh(folder, request_of())
    chosen = random.Random(3)
    for _ in range(60):
        place = chosen.randrange(len(whole))
        partial(folder).write_bytes(
            whole[:place] + bytes([whole[place] ^ (1 << chosen.randrange(8))]) + whole[place + 1 :]
        )
        with counted() as decoded:
            attempt(folder, request_of(), resume=True)
        assert len(decoded) in (1, 2, 8)
        assert (folder / "run.jsonl").read_bytes() == expected
        (folder / "run.jsonl").unlink()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"x" * 1000, b"\0" * 5000, b"{}\n" * 100, b"\xff\t\xff\n"], ids=range(6)
)
def test_a_file_that_is_no_partial_one_is_no_hindrance(folder: Path, content: bytes) -> None:
    partial(folder).write_bytes(content)
    attempt(folder, request_of(), resume=True)
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


def test_a_row_that_was_measured_twice_is_the_later_one(folder: Path) -> None:
    cut(folder, request_of(), 8)
    write_pair(folder, "masks", "1", 60)
    cut(folder, request_of(), 8, resume=True)
    with counted() as decoded:
        attempt(folder, request_of(), resume=True)
    assert decoded == []
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


# Places that cannot be written


@pytest.mark.parametrize(
    "kind", ["folder", "fifo", "device", "nowhere", "partial folder", "partial link", "partial fifo"]
)
def test_a_place_that_cannot_hold_a_run_is_told_before_any_work(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "run.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/null")
    elif kind == "nowhere":
        path = tmp_path / "no" / "run.jsonl"
    elif kind == "partial folder":
        partial(tmp_path).mkdir()
    elif kind == "partial link":
        partial(tmp_path).symlink_to(tmp_path / "victim")
    else:
        os.mkfifo(partial(tmp_path))
    with pytest.raises(OutputError) as raised:
        RunSaver(path, request_of().protocol)
    assert raised.value.fix
    assert not (tmp_path / "victim").exists()


def test_a_run_behind_a_link_is_written_where_it_points(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "run.jsonl").symlink_to(folder / "elsewhere" / "real.jsonl")
    attempt(folder, request_of())
    assert (folder / "run.jsonl").is_symlink()
    assert [path.name for path in (folder / "elsewhere").iterdir()] == ["real.jsonl"]
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


def test_two_processes_do_not_write_one_run(folder: Path) -> None:
    with RunSaver(folder / "run.jsonl", request_of().protocol):
        with pytest.raises(OutputError) as raised:
            RunSaver(folder / "run.jsonl", request_of().protocol)
        assert "another segeval" in raised.value.where[0]


def test_a_full_disk_ends_the_work_and_keeps_what_is_there(folder: Path) -> None:
    original, written = os.write, 0

    def full(file: int, data: bytes) -> int:
        nonlocal written
        if stat.S_ISREG(os.fstat(file).st_mode):
            written += 1
            if written > 3:
                raise OSError(28, "No space left on device")
        return original(file, data)

    with mock.patch("segeval.runs.journal.os.write", full), counted() as decoded, pytest.raises(OutputError) as raised:
        attempt(folder, request_of())
    assert "No space" in raised.value.where[0]
    assert len(decoded) < 8
    attempt(folder, request_of(), resume=True)
    assert (folder / "run.jsonl").read_bytes() == fresh(folder, request_of())


def test_rows_come_from_many_workers_without_mixing(tmp_path: Path) -> None:
    for index in range(60):
        write_pair(tmp_path, "masks", f"{index:02}", index)
    with pytest.raises(Crash):
        attempt(tmp_path, request_of(), cut=20, jobs=4)
    with counted() as decoded:
        attempt(tmp_path, request_of(), resume=True, jobs=4)
    assert 0 < len(decoded) <= 40
    assert (tmp_path / "run.jsonl").read_bytes() == fresh(tmp_path, request_of())


# Kill -9

DRIVER = """
import sys
from pathlib import Path
from segeval.measuring.measure import measure
from segeval.request import build_request
from segeval.runs.saver import RunSaver
root, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
request = build_request(probs=sys.argv[3] != "masks", missing="miss", ignore=255)
with RunSaver(root / "run.jsonl", request.protocol, resume=resume) as saver:
    print("begun", flush=True)
    found = measure(root / "pred", root / "gt", request, jobs=2, journal=saver.journal)
    assert not found.problems
    saver.save(found.run)
"""


@pytest.mark.parametrize("kind", ["masks", "float"])
def test_killed_at_random_moments_it_ends_in_the_same_run(tmp_path: Path, kind: str) -> None:
    """Killed and resumed until it is done; the run file is absent or whole at every moment."""
    for index in range(150 if kind == "masks" else 30):
        write_pair(tmp_path, kind, f"{index:03}", index)
    request = request_of(kind, ignore=255)
    expected = fresh(tmp_path, request)
    chosen, kills, rows = random.Random(len(kind)), 0, []
    while kills < 12 and not (tmp_path / "run.jsonl").exists():
        with processes.start(tmp_path, "resume" if kills else "new", kind, program=DRIVER) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            # Twice as long each time: on a machine of any speed some kills come before, some amid the rows.
            time.sleep(chosen.uniform(0.5, 1) * 0.004 * 2**kills if kills else 0)
            process.send_signal(signal.SIGKILL)
            process.wait()
        kills += 1
        rows.append(len(partial(tmp_path).read_bytes().splitlines()) if partial(tmp_path).exists() else 0)
        if (tmp_path / "run.jsonl").exists():
            assert (tmp_path / "run.jsonl").read_bytes() == expected
    assert kills >= 2
    done = processes.run(tmp_path, "resume", kind, program=DRIVER)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == expected
    assert any(rows)
    assert {path.name for path in tmp_path.iterdir()} - {"gt", "pred", "run.jsonl"} == set()


def test_the_row_kept_is_the_run_that_is_loaded(folder: Path) -> None:
    attempt(folder, request_of())
    run: Run = load_run(folder / "run.jsonl")
    assert run == measure(folder / "pred", folder / "gt", request_of()).run


def test_the_command_line_killed_at_random_moments_ends_in_the_same_run(tmp_path: Path) -> None:
    for index in range(300):
        write_pair(tmp_path, "masks", f"{index:03}", index)
    expected = fresh(tmp_path, request_of(ignore=255, missing="error"))
    command = (
        "score",
        "pred",
        "gt",
        "--ignore",
        "255",
        "--save",
        "run.jsonl",
        "--resume",
        "-q",
        "-j",
        "2",
        "--no-config",
    )
    chosen = random.Random(5)
    for _ in range(8):
        with processes.start(*command, cwd=tmp_path) as process:
            time.sleep(chosen.uniform(0.0, 0.2))
            process.kill()
        if (tmp_path / "run.jsonl").exists():
            assert (tmp_path / "run.jsonl").read_bytes() == expected
    done = processes.run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == expected
    assert {path.name for path in tmp_path.iterdir()} == {"gt", "pred", "run.jsonl"}
