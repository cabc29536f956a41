"""Engines: other processes give the same run, a lost one costs its images once, and what is lost is told by name."""

from __future__ import annotations

import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.errors import Problems, SegevalError, UsageError
from segeval.measuring import dispatch
from segeval.measuring.chunks import LostError, measured_chunk
from segeval.measuring.dispatch import on_engine
from segeval.measuring.engines import opened_engine
from segeval.measuring.executors import ExecutorEngine
from segeval.measuring.measure import measure, measure_masks, paired
from segeval.measuring.measurement import Course, Failure, reading_of
from segeval.request import build_request
from segeval.runs.file import run_to_bytes
from segeval.runs.saver import RunSaver
from tests.support.commandline import run_segeval
from tests.support.deadly import POISON, cut_off, deadly, square

DASK = pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed")
SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(7)
    for side in ("gt", "pred"):
        (root / side).mkdir()
        for number in range(200):
            Image.fromarray(rng.integers(0, 19, (8, 9), np.uint8)).save(root / side / f"{number:03}.png")
    return root


def run_bytes(root: Path, engine: Executor | None = None, boundary: str | None = None) -> bytes:
    request = build_request(classes=19, boundary=boundary)
    found = measure(root / "pred", root / "gt", request, engine=engine)
    assert found.problems == ()
    return run_to_bytes(found.run, packed=False)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


def test_an_executor_of_threads_gives_the_same_bytes(folders: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert run_bytes(folders, pool) == run_bytes(folders)


@pytest.mark.parametrize("boundary", [None, "3"])
def test_an_executor_of_processes_gives_the_same_bytes(
    folders: Path, processes: ProcessPoolExecutor, boundary: str | None
) -> None:
    assert run_bytes(folders, processes, boundary) == run_bytes(folders, boundary=boundary)


def test_the_python_functions_take_an_executor(processes: ProcessPoolExecutor) -> None:
    report = segeval.score(SAMPLES / "pred", SAMPLES / "gt", classes=SAMPLES / "classes.txt", engine=processes)
    alone = segeval.score(SAMPLES / "pred", SAMPLES / "gt", classes=SAMPLES / "classes.txt")
    assert report.to_dict() == alone.to_dict()


def test_what_is_wrong_with_files_is_told_in_their_order(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders, tmp_path / "all")
    for number in (150, 3, 77):
        (tmp_path / "all" / "pred" / f"{number:03}.png").write_bytes(b"no image")
    request = build_request(classes=19)
    with ThreadPoolExecutor(3) as pool:
        found = measure(tmp_path / "all" / "pred", tmp_path / "all" / "gt", request, engine=pool)
    alone = measure(tmp_path / "all" / "pred", tmp_path / "all" / "gt", request)
    assert [str(problem) for problem in found.problems] == [str(problem) for problem in alone.problems]
    assert len(found.run.rows) == 197


class Fragile:
    """An engine that runs chunks here, and loses those that hold the poison as a process would be lost."""

    name = "fragile"
    here = False

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.out = 0

    def chunks_in_flight(self) -> int:
        return 4

    def submit(self, head: bytes, chunk: bytes, done: Callable[[Future[bytes]], object]) -> Future[bytes]:
        items = pickle.loads(chunk)
        self.sent.append(len(items))
        future: Future[bytes] = Future()
        future.add_done_callback(done)
        if POISON in items:
            future.set_exception(LostError())
        else:
            future.set_result(measured_chunk(head, chunk))
        return future

    def outcome(self, future: Future[bytes]) -> bytes:
        return future.result()

    def check(self) -> None:
        raise AssertionError("nothing is waited for here")


def test_a_lost_chunk_goes_out_again_in_halves_and_the_image_that_ends_its_process_is_named() -> None:
    engine = Fragile()
    results = dict(on_engine(engine, range(200), square, name="image {}".format, largest=16))
    failure = results.pop(POISON)
    assert results == {number: number * number for number in range(200) if number != POISON}
    assert isinstance(failure, Failure)
    assert failure.error.where == (f"image {POISON}",)
    assert engine.sent[-dispatch.MOST_DEATHS :] == [1] * dispatch.MOST_DEATHS, "at last it was alone"
    assert sum(engine.sent) < 300, "what is lost is measured again, and nothing else"


def test_a_pool_that_loses_a_process_is_an_error_that_keeps_the_rows(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "LARGEST_CHUNK", 16)
    request = build_request(classes=19)
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def kill(done: int, total: int) -> None:
        if done == 64:
            pool.submit(deadly, POISON)

    with RunSaver(tmp_path / "run.jsonl", request.protocol) as saver:
        with pytest.raises(SegevalError, match="a process of the pool ended") as told:
            measure(folders / "pred", folders / "gt", request, engine=pool, journal=saver.journal, progress=kill)
        assert told.value.kind == "engine"
    pool.shutdown()
    with RunSaver(tmp_path / "run.jsonl", request.protocol, resume=True) as saver:
        assert len(saver.journal) >= 64
        with ThreadPoolExecutor(2) as threads:
            found = measure(folders / "pred", folders / "gt", request, engine=threads, journal=saver.journal)
        saver.save(found.run)
    assert (tmp_path / "run.jsonl").read_bytes() == run_bytes(folders)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends results in another way")
def test_a_pool_whose_process_ends_as_it_sends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "TICK", 0.2)
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        pytest.raises(SegevalError, match="a process of the pool ended"),
    ):
        list(on_engine(ExecutorEngine(pool), range(200), cut_off, name=str))


def test_rows_of_an_earlier_attempt_are_taken_only_where_the_files_are_still_the_same(
    folders: Path, tmp_path: Path
) -> None:
    root = tmp_path / "all"
    shutil.copytree(folders, root)
    request = build_request(classes=19)
    with RunSaver(tmp_path / "run.jsonl", request.protocol) as saver:
        measure(root / "pred", root / "gt", request, journal=saver.journal)
    shutil.copy(root / "gt" / "001.png", root / "pred" / "000.png")
    with RunSaver(tmp_path / "run.jsonl", request.protocol, resume=True) as saver, ThreadPoolExecutor(2) as pool:
        found = measure(root / "pred", root / "gt", request, journal=saver.journal, engine=pool)
    assert run_to_bytes(found.run, packed=False) == run_bytes(root) != run_bytes(folders)


def test_a_process_with_other_versions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.measuring.chunks.versions_here", lambda: ("0.0", "1.26", "10.3"))
    with ThreadPoolExecutor(1) as pool:
        results = on_engine(ExecutorEngine(pool), range(3), square, name=str)
        first = next(results)
    assert first == (0, 0), "equal versions are no error, whatever they are"

    class Older(Fragile):
        def outcome(self, future: Future[bytes]) -> bytes:
            return pickle.dumps((("0.0", "1.0", "10.3"), *pickle.loads(future.result())[1:]))

    with pytest.raises(SegevalError, match="other versions") as told:
        list(on_engine(Older(), range(3), square, name=str))
    assert told.value.where == ("a worker: numpy 1.0, here 1.26",)


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ("spark", "no such engine"),
        ("dask://", "no such engine"),
        ("dask+tls", "no such engine"),
        ("dask://somewhere", "HOST:PORT"),
        ("dask://user:secret@host:8786", "HOST:PORT"),
    ],
)
def test_words_that_are_no_engine(asked: str, what: str) -> None:
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "--engine", asked)
    assert (done.code, done.stdout) == (2, "")
    assert what in done.stderr
    assert "secret" not in done.stderr


def test_an_object_that_is_no_engine() -> None:
    with pytest.raises(UsageError, match="this is no engine"), opened_engine(3, None):
        pass


@DASK
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.measuring.daskengine.CONNECTING", 0.2)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{probe.getsockname()[1]}"
        done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "--engine", address)
    assert (done.code, done.stdout) == (2, "")
    assert "does not answer" in done.stderr
    assert address in done.stderr


def program(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=280)


@DASK
def test_a_cluster_that_loses_a_process_gives_the_same_bytes(folders: Path, tmp_path: Path) -> None:
    done = program("tests.support.daskkills", folders / "pred", folders / "gt", tmp_path / "run.jsonl", "--rows", "150")
    assert done.stdout == "1 kills, 200 images\n", done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == run_bytes(folders)


@DASK
@pytest.mark.slow
def test_the_cluster_of_this_machine_listens_on_the_loopback_and_at_no_known_port() -> None:
    done = program("tests.support.dasklistening")
    assert done.stdout == f"['127.0.0.1'] False\n{[(number, square(number)) for number in range(5)]}\n", done.stderr


def dask_program(name: str, *arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"from distributed.cli.{name} import main; main()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a scheduler and two workers, each a process; give the address, and what kills the scheduler."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    host, _, port = address.partition(":")
    started = [dask_program("dask_scheduler", "--host", host, "--port", port, "--no-dashboard", folder=tmp_path)]
    worker = (f"tcp://{address}", "--nthreads", "1", "--no-dashboard")
    started += [dask_program("dask_worker", *worker, folder=tmp_path) for _ in range(2)]
    try:
        yield f"dask://{address}", started[0].kill
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()


def interrupted(command: list[str], kept: Path, rows: int, interrupt: Callable[[], None] | None) -> tuple[int, str]:
    """Start a command, interrupt it when so many rows are kept, and return how it ended and what it said."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if kept.exists() and kept.read_bytes().count(b"\n") > rows:
            (interrupt or process.kill)()
            break
        time.sleep(0.01)
    _, stderr = process.communicate(timeout=120)
    return process.returncode, stderr


@DASK
@pytest.mark.slow
@pytest.mark.parametrize("lost", ["client", "scheduler"])
def test_a_run_goes_on_after_the_death_of(
    lost: str, cluster: tuple[str, Callable[[], None]], folders: Path, tmp_path: Path
) -> None:
    address, kill_scheduler = cluster
    root = tmp_path / "many"
    for side in ("gt", "pred"):
        for number in range(10):
            shutil.copytree(folders / side, root / side / str(number))
    run = tmp_path / "run.jsonl"
    command = [
        sys.executable,
        "-P",
        "-m",
        "segeval",
        "score",
        str(root / "pred"),
        str(root / "gt"),
        "--save",
        str(run),
        "-q",
    ]
    command += ["--classes", "19", "--no-config", "--only", "miou"]
    interrupt = None if lost == "client" else kill_scheduler
    code, told = interrupted([*command, "--engine", address], tmp_path / ".run.jsonl.partial", 500, interrupt)
    if lost == "client":
        assert code == -signal.SIGKILL
    else:
        assert code == 2, told
        assert "the Dask scheduler is gone" in told, told
        assert "Traceback" not in told
        assert address in told
    assert not run.exists()
    engine = ["--engine", address] if lost == "client" else []
    done = subprocess.run([*command, *engine, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert run.read_bytes() == run_bytes(root)


@pytest.fixture(scope="module")
def two_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("thousands")
    rng = np.random.default_rng(7)
    for side in ("gt", "pred"):
        (root / side).mkdir()
        for number in range(2000):
            Image.fromarray(rng.integers(0, 19, (200, 200), np.uint8)).save(root / side / f"{number:04}.png")
    return root


@DASK
@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "boundary"),
    [
        (("--rows", "100"), None),
        (("--seconds", "1", "--boundary", "3"), "3"),  # borders, so that it takes half a minute without a kill
    ],
    ids=["after every hundredth row", "every second"],
)
def test_a_process_of_two_is_killed_while_two_thousand_pairs_run(
    options: tuple[str, ...], boundary: str | None, two_thousand: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run.jsonl"
    done = program("tests.support.daskkills", two_thousand / "pred", two_thousand / "gt", run, *options)
    kills, _, images = done.stdout.partition(" kills, ")
    assert images == "2000 images\n", done.stderr
    assert int(kills) >= 10
    assert run.read_bytes() == run_bytes(two_thousand, boundary=boundary)


def test_the_poison_is_deadly_only_once() -> None:
    assert deadly(POISON + 1) == square(POISON + 1)


def test_problems_and_the_loss_of_an_engine_are_told_together(folders: Path, tmp_path: Path) -> None:
    root = tmp_path / "all"
    shutil.copytree(folders, root)
    (root / "pred" / "000.png").write_bytes(b"no image")

    class Gone(Fragile):
        def outcome(self, future: Future[bytes]) -> bytes:
            self.out += 1
            if self.out == 3:
                raise SegevalError("the Dask scheduler is gone", ("here",), "Start it", kind="engine")
            return super().outcome(future)

    pairs = measure(root / "pred", root / "gt", build_request(classes=19))
    assert len(pairs.problems) == 1
    course = Course(None, None, None, None)
    request = build_request(classes=19)
    pairing = paired(root / "pred", root / "gt", request)
    reading = reading_of(pairing, request, digest_predictions=False)
    rows = dispatch.collected_from(Gone(), pairing.pairs, partial(measure_masks, reading=reading), reading, [], course)
    with pytest.raises(Problems) as told:
        list(rows)
    assert [problem.kind for problem in told.value.problems] == ["unreadable", "engine"]
