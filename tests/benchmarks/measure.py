"""Measure time, memory and start-up; what is compared is measured in turns, so that a slow minute hits all alike."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.competitors import Competitor, Result, competitors_for
from tests.benchmarks.corpora import CORPORA, Corpus, Folders


@dataclass(frozen=True, slots=True)
class Timing:
    """Hold a competitor's times on one corpus: medians over the rounds, in milliseconds a pair.

    `to_floor` and `to_script` are medians of the ratios within a round: to decoding only, and to the usual script.
    `status` is "" where the result is right; else it says why no time counts, and the numbers are `None`.
    """

    competitor: str
    status: str
    milliseconds: float | None = None
    to_floor: float | None = None
    to_script: float | None = None
    pairs_per_second: float | None = None
    rounds: tuple[float, ...] = ()


def time_corpus(corpus: Corpus, folders: Folders, *, rounds: int, only: Sequence[str] = ()) -> list[Timing]:
    """Time every competitor on a corpus `rounds` times, in turns, after one round that checks the results.

    The floor and the reference always run; of the others those whose name contains one of `only`, if any are given.
    """
    pairs = sum(1 for _ in folders.pairs())
    floor, script, *others = competitors_for(corpus)
    chosen = [floor, script, *(entry for entry in others if not only or any(part in entry.name for part in only))]
    reference = script.run(corpus, folders)
    statuses = {entry.name: _checked(entry, corpus, folders, reference) for entry in chosen}
    racing = [entry for entry in chosen if not statuses[entry.name]]
    times: dict[str, list[float]] = {entry.name: [] for entry in racing}
    for _ in range(rounds):
        for entry in racing:
            start = time.perf_counter()
            entry.run(corpus, folders)
            times[entry.name].append((time.perf_counter() - start) * 1e3 / pairs)
    return [
        _timing(entry.name, times[entry.name], times[floor.name], times[script.name])
        if entry in racing
        else Timing(entry.name, statuses[entry.name])
        for entry in chosen
    ]


def _checked(entry: Competitor, corpus: Corpus, folders: Folders, reference: Result) -> str:
    """Return why a competitor does not count, "" if it does. One that fails is a finding, not the end."""
    if not entry.installed():
        return "absent"
    try:
        result = entry.run(corpus, folders)
    except Exception as error:  # any library may raise anything, and the others still run
        return f"failed ({type(error).__name__}: {error})"
    return "" if entry.floor or result.agrees(reference) else "another result"


def _timing(name: str, times: list[float], floor: list[float], script: list[float]) -> Timing:
    milliseconds = statistics.median(times)
    return Timing(
        name,
        "",
        milliseconds,
        statistics.median(mine / other for mine, other in zip(times, floor, strict=True)),
        statistics.median(mine / other for mine, other in zip(times, script, strict=True)),
        1e3 / milliseconds,
        tuple(times),
    )


def peak_bytes() -> int:
    """Return the most memory that this process has had resident.

    Linux's `VmHWM` begins anew with the program; `ru_maxrss` would begin with that of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_memory(corpus: Corpus, competitor: str, folders: Folders) -> int | None:
    """Return the peak memory in bytes of a fresh process that runs one competitor; `None` if it cannot run."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", corpus.name, competitor]
    command += [str(folders.gt), str(folders.pred)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(json.loads(ended.stdout)) if ended.returncode == 0 else None


def row_bytes(corpus: Corpus, folders: Folders) -> float:
    """Return the memory that the row of one image keeps, its key included, as `tracemalloc` sees it."""
    from segeval.measuring.measure import measure
    from segeval.request import build_request

    request = build_request(classes=corpus.classes, ignore=corpus.ignore)
    tracemalloc.start()
    try:
        run = measure(folders.pred, folders.gt, request, jobs=1).run  # once to import and to fill every cache
        before, _ = tracemalloc.get_traced_memory()
        again = measure(folders.pred, folders.gt, request, jobs=1).run
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / max(1, len(again.rows), len(run.rows))


def startup_commands(folders: Folders, corpus: Corpus) -> dict[str, list[str]]:
    """Return the commands whose start-up is compared, by name."""
    script = Path(sys.executable).with_name("segeval")
    segeval = [str(script)] if script.exists() else [sys.executable, "-m", "segeval"]
    score = ["score", str(folders.pred), str(folders.gt), "--classes", str(corpus.classes)]
    return {
        "import click": [sys.executable, "-c", "import click"],
        "import click, numpy, PIL.Image": [sys.executable, "-c", "import click, numpy, PIL.Image"],
        "segeval --help": [*segeval, "--help"],
        "segeval --version": [*segeval, "--version"],
        "segeval score -f json, one tiny pair": [*segeval, *score, "--ignore", str(corpus.ignore), "-f", "json"],
        "segeval score, one tiny pair": [*segeval, *score, "--ignore", str(corpus.ignore)],
    }


def time_startup(commands: dict[str, list[str]], rounds: int) -> dict[str, float | None]:
    """Return the median milliseconds of each command, run in turns; `None` for one that fails."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    failed = set()
    with tempfile.TemporaryDirectory() as bytecode:
        # Every package has its bytecode, as after an ordinary install, also in a checkout that may not write it.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for round_number in range(rounds + 1):
            for name, command in commands.items():
                start = time.perf_counter()
                ended = subprocess.run(command, capture_output=True, check=False, env=environment)
                if round_number:
                    times[name].append((time.perf_counter() - start) * 1e3)
                if ended.returncode != 0:
                    failed.add(name)
    return {name: None if name in failed else statistics.median(taken) for name, taken in times.items()}


def _measure_one(corpus_name: str, competitor: str, gt: str, pred: str) -> int:
    (corpus,) = (entry for entry in CORPORA if entry.name == corpus_name)
    (chosen,) = (entry for entry in competitors_for(corpus) if entry.name == competitor)
    chosen.run(corpus, Folders(Path(gt), Path(pred)))
    return peak_bytes()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure_one(*sys.argv[1:])))
