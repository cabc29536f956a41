"""Signals at any moment: the exit code says which, nothing half done is left, and a later attempt ends as usual."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import processes

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SIGNALS = (signal.SIGKILL, *CODES)
IMAGES = 300
COMMAND = (
    "score",
    "pred",
    "gt",
    "--save",
    "out/run.jsonl",
    "--resume",
    "-o",
    "out/report.json",
    "--per-image",
    "out/i.csv",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks that take about half a second to be scored."""
    root = tmp_path_factory.mktemp("folders")
    chance = np.random.default_rng(0)
    for side in ("gt", "pred"):
        (root / side).mkdir()
        for index in range(IMAGES):
            Image.fromarray(chance.integers(0, 5, (64, 64), np.uint8)).save(root / side / f"{index:04d}.png")
    return root


def project(folders: Path, place: Path) -> Path:
    """Make a project of its own that shares the masks."""
    (place / "out").mkdir(parents=True)
    for side in ("gt", "pred"):
        (place / side).symlink_to(folders / side)
    return place


def started(root: Path, arguments: Sequence[str] = COMMAND) -> processes.Started:
    return processes.start(*arguments, cwd=root)


def begun(root: Path) -> None:
    """Wait until rows are written."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        partial = root / "out/.run.jsonl.partial"
        if partial.exists() and partial.stat().st_size > 2000:
            return
        time.sleep(0.002)
    raise AssertionError("no rows were written")


def names(root: Path) -> set[str]:
    return {path.name for path in (root / "out").iterdir()}


def outputs(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "out").iterdir()}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_signal_leaves_the_rows_and_no_parts(folders: Path, tmp_path: Path, number: signal.Signals) -> None:
    root = project(folders, tmp_path / "p")
    child = started(root)
    begun(root)
    child.send_signal(number)
    stdout, stderr = child.communicate(timeout=60)
    assert child.returncode == CODES[number], stderr
    assert stdout == b""
    assert stderr in (b"interrupted\n", b"terminated\n")
    assert names(root) == {".run.jsonl.partial"}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_signal_that_comes_twice_is_one(folders: Path, tmp_path: Path, number: signal.Signals) -> None:
    """As `timeout` sends it: to the process, and to its group."""
    root = project(folders, tmp_path / "p")
    child = started(root)
    begun(root)
    child.send_signal(number)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == CODES[number], stderr
    assert names(root) == {".run.jsonl.partial"}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_signal_that_was_ignored_stays_ignored(folders: Path, tmp_path: Path, number: signal.Signals) -> None:
    root = project(folders, tmp_path / "p")
    child = subprocess.Popen(
        [
            "sh",
            "-c",
            f'trap "" {number.name.removeprefix("SIG")}; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "segeval",
            *COMMAND,
        ],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    begun(root)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 0, stderr
    assert names(root) == {"run.jsonl", "report.json", "i.csv"}


def test_whoever_insists_ends_a_command_that_does_not_come_back(tmp_path: Path) -> None:
    program = (
        "import os, time\n"
        "from segeval.cli.signals import Stopped, StopSignals\n"
        "StopSignals()\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "except Stopped:\n"
        "    print('stopped', flush=True)\n"
        "    while True:\n"
        "        time.sleep(1)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.stdout.readline() == b"stopped\n"
    sent = 0
    while child.poll() is None and sent < 600:  # two that come at once are one
        child.send_signal(signal.SIGTERM)
        sent += 1
        time.sleep(0.1)
    assert child.wait(timeout=60) == 143
    assert sent >= 3
    child.stdout.close()


def test_handlers_of_a_program_that_calls_the_library_are_its_own() -> None:
    before = [signal.getsignal(number) for number in CODES]
    from tests.support.commandline import run_segeval

    assert run_segeval("--version").code == 0
    assert [signal.getsignal(number) for number in CODES] == before


def killed_until_done(folders: Path, place: Path, seed: int, kills: int) -> int:
    """Kill a command again and again at random moments, then let it end; return how often it was killed."""
    root = project(folders, place)
    chance = random.Random(seed)
    done = 0
    for _ in range(kills):
        child = started(root)
        number = chance.choice(SIGNALS)
        time.sleep(chance.random() * chance.choice((0.3, 1.5, 4)))
        child.send_signal(number)
        _, stderr = child.communicate(timeout=120)
        if b"KeyboardInterrupt" in stderr and b"segeval/cli" not in stderr:  # Python itself, which was not up yet
            continue
        expected = {0, -number}  # it may have ended, or not yet begun
        assert child.returncode in expected | {CODES.get(number, -number)}, stderr
        done += child.returncode != 0
        if number is not signal.SIGKILL and child.returncode > 0:
            lost = {name for name in names(root) if name.endswith(".part")}
            assert lost <= LEFT.setdefault(root, set()), "a signal that can be caught leaves no parts"
        LEFT[root] = {name for name in names(root) if name.endswith(".part")}
    child = started(root)
    _, stderr = child.communicate(timeout=120)
    assert child.returncode == 0, stderr
    return done


LEFT: dict[Path, set[str]] = {}
"""Parts that SIGKILL left, which the next who writes the same file takes away."""


def _check_kills(folders: Path, tmp_path: Path, projects: int, kills: int) -> None:
    whole = project(folders, tmp_path / "whole")
    child = started(whole)
    child.communicate()
    assert child.returncode == 0
    expected = outputs(whole)
    assert set(expected) == {"run.jsonl", "report.json", "i.csv"}
    with ThreadPoolExecutor(4) as pool:
        places = [tmp_path / f"p{index}" for index in range(projects)]
        counts = list(pool.map(lambda index: killed_until_done(folders, places[index], index, kills), range(projects)))
    for place in places:
        assert outputs(place) == expected, "byte-equal, and nothing beside"
    print(f"{sum(counts)} kills of {projects * kills} met a running command")
    assert sum(counts) >= projects * kills // 3


def test_some_random_kills_leave_what_no_kill_leaves(folders: Path, tmp_path: Path) -> None:
    _check_kills(folders, tmp_path, 4, 3)


@pytest.mark.slow
def test_300_random_kills_leave_what_no_kill_leaves(folders: Path, tmp_path: Path) -> None:
    _check_kills(folders, tmp_path, 20, 15)


def test_a_part_that_a_kill_left_is_taken_away_when_the_output_is_written_again(tmp_path: Path, folders: Path) -> None:
    root = project(folders, tmp_path / "p")
    child = started(root)
    begun(root)
    child.kill()
    child.communicate()
    left = {name for name in names(root) if name.endswith(".part")}
    assert len(left) == 2, "one of each output"
    child = started(root)
    child.communicate()
    assert child.returncode == 0
    assert names(root) == {"run.jsonl", "report.json", "i.csv"}
