"""What is the system's or the user's fault is told as such: never as a fault of segeval, never as a verdict."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support import processes
from tests.support.commandline import Completed, run_segeval


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("given")
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        for index in range(40):
            (tmp_path / side / f"{index}.png").write_bytes(encode(pattern(8, 6) % 3))
    done = run_segeval("score", "pred", "gt", "--save", "run.jsonl", cwd=tmp_path)
    assert done.code == 0
    return tmp_path


@pytest.fixture
def project(given: Path, tmp_path: Path) -> Path:
    for path in given.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def assert_told(code: int, stderr: str, *words: str) -> None:
    assert code == 2, stderr
    assert "error: " in stderr
    assert "fix: " in stderr
    assert "internal error" not in stderr
    assert "Traceback" not in stderr
    for word in words:
        assert word in stderr, stderr


def test_a_system_that_starts_no_thread_is_told_with_a_remedy_that_works(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr("segeval.measuring.measurement.QUICK", 0.0)
    done = run_segeval("score", "pred", "gt", "-j", "4", cwd=project)
    assert_told(done.code, done.stderr, "no more threads", "-j 1")
    assert done.stdout == ""
    assert run_segeval("score", "pred", "gt", "-j", "1", cwd=project).code == 0


DELETED = (
    "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); from segeval.cli import main; main(sys.argv[2:])"
)


def deleted(folder: Path, *arguments: str | Path) -> Completed:
    """Run segeval in a folder that is deleted before it begins."""
    done = processes.run(folder, *arguments, program=DELETED)
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "{}/pred", "{}/gt"),
        ("report", "{}/run.jsonl"),
        ("score", "pred", "gt", "--no-config"),
        ("report", "run.jsonl", "--no-config"),
        ("report", "{}/run.jsonl", "--no-config", "-o", "r.json"),
        ("combine", "{}/run.jsonl", "-o", "all.jsonl"),
        ("score", "{}/pred", "{}/gt", "--no-config", "--save", "new.jsonl"),
    ],
)
def test_a_working_folder_that_is_gone_is_told(project: Path, arguments: tuple[str, ...]) -> None:
    (project / "gone").mkdir()
    given = [word.replace("{}", str(project)) for word in arguments]
    done = deleted(project / "gone", *given)
    assert_told(done.code, done.stderr)
    assert done.stdout == ""


def test_the_remedy_for_a_working_folder_that_is_gone_works(project: Path) -> None:
    (project / "gone").mkdir()
    arguments = ("score", project / "pred", project / "gt")
    done = deleted(project / "gone", *arguments)
    assert_told(done.code, done.stderr, "the working folder cannot be used", "--no-config and give whole paths")
    (project / "gone").mkdir()
    done = deleted(project / "gone", *arguments, "--no-config")
    assert done.code == 0, done.stderr


@pytest.mark.parametrize("number", ["1000001", "1000000000", "9" * 30])
@pytest.mark.parametrize("verb", [("score", "pred", "gt", "--ci", "95"), ("compare", "run.jsonl", "run.jsonl")])
def test_more_resamples_than_anybody_needs_are_refused(project: Path, verb: tuple[str, ...], number: str) -> None:
    done = run_segeval(*verb, "--resamples", number, cwd=project)
    assert_told(done.code, done.stderr, "1,000,000")


@pytest.mark.parametrize(
    ("option", "number"),
    [
        ("--classes", "1000000000"),
        ("--classes", "9" * 30),
        ("--max-pixels", "9" * 30),
        ("--jobs", "9" * 30),
        ("--worst", "9" * 30),
        ("--ignore", "9" * 30),
        ("--map", f"1={'9' * 30}"),
        ("--map", f"{'9' * 30}=1"),
        ("--seed", "9" * 30),
        ("--shard", f"1/{'9' * 30}"),
        ("--gt-threshold", "9" * 30),
    ],
)
def test_numbers_beyond_reason_are_read_or_refused(project: Path, option: str, number: str) -> None:
    done = run_segeval("score", "pred", "gt", option, number, "--ci", "95", "--resamples", "10", cwd=project)
    assert done.code in (0, 2)
    assert "internal error" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))


def _no_file_grows() -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))


@pytest.mark.parametrize("limit", [_few_files, _no_file_grows])
def test_limits_of_the_system_are_told_as_such(project: Path, limit: Callable[[], None]) -> None:
    """Few open files, and files that may not grow: refused with what, where and a fix, and nothing is left half."""
    (project / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "segeval", "score", "pred", "gt", "--save", "out/new.jsonl", "-o", "out/r.json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "internal error" not in done.stderr, done.stderr
    assert done.returncode == 2, done.stderr
    assert not (project / "out/new.jsonl").exists()
    assert not (project / "out/r.json").exists()
