"""What happens when measuring goes wrong midway: every image keeps its name, and the others keep their rows."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval.errors import InternalError, MaskError, Problems, SegevalError, internal_error, merged
from segeval.folders.pairing import Pair
from segeval.measuring import measurement
from segeval.measuring.measure import measure, measure_masks
from segeval.request import build_request
from tests.corpora import png_corpus, zeros
from tests.support import processes
from tests.support.commandline import run_segeval

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("a", "b", "c", "d", "e")
TOLD = "internal error: ZeroDivisionError: by design"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    for side in ("pred", "gt"):
        (tmp_path / side).mkdir()
        for name in NAMES:
            Image.fromarray(rng.integers(0, 3, (5, 7), np.uint8)).save(tmp_path / side / f"{name}.png")
    return tmp_path / "pred", tmp_path / "gt"


def break_at(monkeypatch: pytest.MonkeyPatch, *keys: str, error: BaseException) -> None:
    """Let the measuring of some images raise."""
    whole = measure_masks

    def measured(pair: Any, *rest: Any, **options: Any) -> Any:
        if pair.key in keys:
            raise error
        return whole(pair, *rest, **options)

    monkeypatch.setattr("segeval.measuring.measure.measure_masks", measured)


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (ZeroDivisionError("by design"), InternalError, TOLD),
        (RecursionError("too deep"), InternalError, "internal error: RecursionError: too deep"),
        (MemoryError(), MaskError, "there is not enough memory for an image"),
        (OSError(5, "Input/output error"), SegevalError, "the system refused what was asked of it"),
    ],
)
def test_an_exception_names_its_image_and_costs_no_other_row(
    folders: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    jobs: int,
    error: BaseException,
    kind: type[SegevalError],
    what: str,
) -> None:
    break_at(monkeypatch, "b", "d", error=error)
    found = measure(*folders, build_request(), jobs=jobs)
    assert [row.key for row in found.run.rows] == ["a", "c", "e"]
    (told,) = merged(found.problems)
    assert (type(told), told.what) == (kind, what)
    assert [place.replace(":", " and ").split(" and ")[0] for place in told.where] == ["gt/b.png", "gt/d.png"]


def test_a_fault_of_ours_is_exit_code_2_with_the_file_and_no_traceback_unless_asked(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_at(monkeypatch, "b", error=ZeroDivisionError("by design"))
    for format_name in ("table", "json"):
        done = run_segeval("score", *folders, "-f", format_name)
        assert (done.code, done.stdout) == (2, "")
        assert TOLD in done.stderr
        assert "b.png" in done.stderr
        assert "Traceback" not in done.stderr
    told = run_segeval("score", *folders, "-v").stderr
    assert "Traceback" in told
    assert "in measured" in told, "the traceback of the worker, not of the end of the work"


def test_the_traceback_of_a_worker_is_shown_beside_other_problems_too(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders[0] / "e.png").write_bytes(b"no image")
    break_at(monkeypatch, "b", error=ZeroDivisionError("by design"))
    told = run_segeval("score", *folders, "-v").stderr
    assert "in measured" in told
    assert "e.png" in told
    assert "b.png" in told


def test_one_kind_of_fault_is_told_once_with_its_first_cause() -> None:
    first, second = ValueError("same"), ValueError("same")
    (told,) = merged([internal_error(first, ["a.png"]), Problems([internal_error(second, ["b.png"])])])
    assert told.where == ("a.png", "b.png")
    assert told.__cause__ is first


# --- Memory ----------------------------------------------------------------------------------------------------------


def segeval(
    *arguments: str | Path, memory: int | None = None, file_size: int | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run segeval as a process of its own under limits of the system."""

    def limit() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    # Threads of numerical libraries reserve address space, which is what the limit counts.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "segeval", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        timeout=60,
        env=environment,
        cwd=ROOT,
        **options,
    )


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_image_that_does_not_fit_into_memory_is_named(folders: tuple[Path, Path], jobs: str) -> None:
    flat = png_corpus.png(
        png_corpus.header(16000, 16000, 8, png_corpus.GRAY), png_corpus.chunk(b"IDAT", zeros.compressed(16000 * 16001))
    )
    for folder in folders:
        (folder / "c.png").write_bytes(flat)
    done = segeval("score", *folders, "-j", jobs, memory=400 << 20)
    assert (done.returncode, done.stdout) == (2, "")
    assert "memory" in done.stderr
    assert "c.png" in done.stderr
    assert "Traceback" not in done.stderr


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


def descendants(process: int) -> list[int]:
    """Return the processes below one, from /proc."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            parents[int(status.parent.name)] = int(fields[1])
    return [child for child, parent in parents.items() if parent == process]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_ctrl_c_ends_within_two_seconds_without_orphans_and_leaves_old_files_whole(tmp_path: Path, form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (2500, 2500), np.uint8)
    options: dict[str, Any] = {"compression": "tiff_lzw"} if form == "TIFF" else {"compress_level": 1}
    suffix = {"PNG": ".png", "TIFF": ".tif"}[form]
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
    Image.fromarray(noise).save(tmp_path / f"gt/00{suffix}", form, **options)
    for side in ("gt", "pred"):
        for index in range(60):
            with contextlib.suppress(FileExistsError):
                os.link(tmp_path / f"gt/00{suffix}", tmp_path / side / f"{index:02d}{suffix}")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/report.json").write_text("old")
    (tmp_path / "out/run.jsonl").write_text("old")
    outputs = ("-o", tmp_path / "out/report.json", "--save", tmp_path / "out/run.jsonl")
    with processes.start("score", tmp_path / "pred", tmp_path / "gt", "-j", "4", *outputs) as process:
        time.sleep(0.5)
        assert process.poll() is None, "the work is too small to be interrupted"
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, b"")
    assert b"Traceback" not in stderr
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    assert (tmp_path / "out/report.json").read_text() == "old"
    assert (tmp_path / "out/run.jsonl").read_text() == "old"
    # What was measured waits for --resume; nothing else stays behind.
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left <= {"report.json", "run.jsonl", ".run.jsonl.partial"}


# --- Places that take no more ----------------------------------------------------------------------------------------


def assert_whole(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """The old files are as they were, and nothing lies beside them but the rows kept for --resume."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr
    for path in folder.iterdir():
        if not path.name.endswith(".partial"):
            assert path.read_text() == f"old {path.name}"


@pytest.mark.parametrize("option", ["-o", "--save"])
def test_a_full_disk_leaves_the_old_file_whole(folders: tuple[Path, Path], tmp_path: Path, option: str) -> None:
    """A limit on the size of files fails in the middle of a write, as a full disk does."""
    name = {"-o": "report.json", "--save": "run.jsonl"}[option]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(f"old {name}")
    done = segeval("score", *folders, option, tmp_path / "out" / name, file_size=300)
    assert_whole(tmp_path / "out", done)
    assert "File too large" in done.stderr


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 KiB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("option", ["-o", "--save"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_real_full_or_read_only_disk_leaves_the_old_file_whole(
    folders: tuple[Path, Path], tiny_disk: Path, option: str, read_only: bool
) -> None:
    name = {"-o": "report.json", "--save": "run.jsonl"}[option]
    (tiny_disk / name).write_text(f"old {name}")
    with contextlib.suppress(OSError), (tiny_disk / "filler").open("wb", buffering=0) as filler:
        while not read_only:
            filler.write(bytes(512))
    if read_only:
        (tiny_disk / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    done = segeval("score", *folders, option, tiny_disk / name)
    if not read_only:
        (tiny_disk / "filler").unlink()
    assert_whole(tiny_disk, done)
    assert ("is write-protected" if read_only else "No space left") in done.stderr


def test_a_report_to_a_full_device_is_an_error(folders: tuple[Path, Path]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    done = segeval("score", *folders, "-o", "json:/dev/full")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No space left" in done.stderr


def test_outputs_are_all_opened_before_the_work(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_text("old")
    done = run_segeval("score", *folders, "-o", tmp_path / "whole.json", "-o", tmp_path / "no/such/folder.json")
    assert done.code == 2
    assert (tmp_path / "whole.json").read_text() == "old"
    assert not list(tmp_path.glob(".*"))
    assert run_segeval("score", *folders, "-o", tmp_path / "whole.json").code == 0
    assert json.loads((tmp_path / "whole.json").read_text())["schema"] == 2


@pytest.mark.parametrize(
    ("busy", "alone"),
    [((), ("000", "001", "002", "099")), ((1,), ("000", "001", "099")), (range(100), ("000", "001"))],
    ids=["all quick", "the second is slow", "all slow"],
)
def test_small_images_are_left_to_one_thread_and_come_in_order_all_the_same(
    monkeypatch: pytest.MonkeyPatch, busy: Container[int], alone: tuple[str, ...]
) -> None:
    pairs = [Pair(f"{number:03}", f"{number:03}.png", ()) for number in range(100)]
    threads: dict[str, str] = {}

    def measure_one(pair: Pair) -> str:
        threads[pair.key] = threading.current_thread().name
        began = time.thread_time()
        while time.thread_time() < began + 0.002 and int(pair.key) in busy:
            pass
        if pair.key == "098":
            raise MaskError("by design", (pair.gt,), "Nothing")
        return pair.key

    monkeypatch.setattr(measurement, "QUICK", 0.001)
    results = list(measurement.stream(pairs, measure_one, jobs=2))
    keys = [result.item.key if isinstance(result, measurement.Failure) else result for result in results]
    assert keys == sorted(threads)
    assert sorted(threads) == [pair.key for pair in pairs]
    assert isinstance(results[98], measurement.Failure)
    here = threading.current_thread().name
    assert {key for key in ("000", "001", "002", "099") if threads[key] == here} == set(alone)
