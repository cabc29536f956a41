"""What was measured, as tables for the terminal, as JSON, and held against what was wanted."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.corpora import Corpus
from tests.benchmarks.measure import Timing
from tests.benchmarks.updates import BATCHES

ONE_JOB, ALL_JOBS, COMMAND = "segeval, 1 job", "segeval, all jobs", "segeval, command line"
ZLIB, PILLOW = "segeval, 1 job, zlib", "segeval, 1 job, Pillow"
PACKAGES = (
    *("segeval-masks", "numpy", "pillow", "deflate", "scikit-learn", "torch", "torchmetrics"),
    *("vernier", "hotcoco", "kornia-rs"),
)


@dataclass(frozen=True, slots=True)
class CorpusFindings:
    """Hold what was measured on one corpus; `peaks` in bytes by competitor, `None` for one that could not run."""

    corpus: Corpus
    pairs: int
    gt_bytes: float
    pred_bytes: float
    timings: tuple[Timing, ...]
    peaks: Mapping[str, int | None] = field(default_factory=dict)

    def timing(self, competitor: str) -> Timing | None:
        """Return the timing of a competitor that counts."""
        return next((entry for entry in self.timings if entry.competitor == competitor and not entry.status), None)


@dataclass(frozen=True, slots=True)
class Findings:
    """Hold all that was measured: start-up in milliseconds by command, growth of memory, bytes of a row.

    `updates` has the ratio of a training loop's update to torchmetrics' by batch.
    """

    corpora: tuple[CorpusFindings, ...]
    startup: Mapping[str, float | None] = field(default_factory=dict)
    growth: float | None = None
    row_bytes: float | None = None
    updates: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold one aim: `measured` is at most `bound` if `at_most`, else at least; `None` was not measured."""

    aim: str
    measured: float | None
    bound: float
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        """Tell whether the aim is met; `None` where it was not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


def machine() -> dict[str, str]:
    """Name the machine and the versions, without which no time means anything."""
    found = {"system": platform.platform(), "processor": _processor(), "cpus": str(os.cpu_count())}
    found["python"] = platform.python_version()
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def aims(findings: Findings) -> list[Wanted]:
    """Return every aim with what was measured for it."""
    by_name = {entry.corpus.name: entry for entry in findings.corpora}

    def ratio(corpus: str, competitor: str, base: str) -> float | None:
        timing = by_name[corpus].timing(competitor) if corpus in by_name else None
        return getattr(timing, base) if timing else None

    def inverse(value: float | None) -> float | None:
        return None if value is None else 1 / value

    def rounds(corpus: str, competitor: str) -> tuple[float, ...]:
        timing = by_name[corpus].timing(competitor) if corpus in by_name else None
        return timing.rounds if timing else ()

    def started(command: str, base: str) -> float | None:
        mine, other = findings.startup.get(command), findings.startup.get(base)
        return mine / other if mine and other else None

    def beside(corpus: str, mine: str, theirs: str) -> float | None:
        found = [a / b for a, b in zip(rounds(corpus, mine), rounds(corpus, theirs), strict=False)]
        return statistics.median(found) if found else None

    speedups = [
        one / both for one, both in zip(rounds("cityscapes", ONE_JOB), rounds("cityscapes", ALL_JOBS), strict=False)
    ]
    imports = "import click, numpy, PIL.Image"
    score = "segeval score -f json, one tiny pair"
    return [
        Wanted("cityscapes, 1 job / decode only", ratio("cityscapes", ONE_JOB, "to_floor"), 1.10),
        Wanted("cityscapes, script / all jobs", inverse(ratio("cityscapes", ALL_JOBS, "to_script")), 2.5, False),
        Wanted("cityscapes, 1 job / all jobs", sorted(speedups)[len(speedups) // 2] if speedups else None, 1.7, False),
        Wanted("camvid, 1 job / decode only", ratio("camvid", ONE_JOB, "to_floor"), 1.25),
        Wanted("noise, 1 job / script", ratio("noise", ONE_JOB, "to_script"), 1.0),
        Wanted("probability, 1 job / decode only", ratio("probability", ONE_JOB, "to_floor"), 0.5),
        Wanted("cityscapes, 1 job / vernier, 1 thread", beside("cityscapes", ONE_JOB, "vernier, 1 thread"), 0.45),
        Wanted("cityscapes, 1 job / script", ratio("cityscapes", ONE_JOB, "to_script"), 0.13),
        Wanted("cityscapes, all jobs / vernier", beside("cityscapes", ALL_JOBS, "vernier, all threads"), 0.5),
        Wanted("camvid, 1 job / vernier, 1 thread", beside("camvid", ONE_JOB, "vernier, 1 thread"), 0.8),
        Wanted("cityscapes, command line / hotcoco's", beside("cityscapes", COMMAND, "hotcoco, command line"), 0.5),
        Wanted("cityscapes, zlib / Pillow's lane", beside("cityscapes", ZLIB, PILLOW), 0.55),
        Wanted("tiny, 1 job / script", ratio("tiny", ONE_JOB, "to_script"), 1.0),
        Wanted("tiny, all jobs / 1 job", beside("tiny", ALL_JOBS, ONE_JOB), 1.05),
        Wanted("cityscapes, peak memory of 10x the pairs", findings.growth, 1.1),
        *(
            Wanted(f"update of {batch}, 4 x 512 x 1024 / torchmetrics", findings.updates.get(batch), 1.0)
            for batch in BATCHES
        ),
        Wanted("cityscapes, bytes of a row", findings.row_bytes, 4096),
        Wanted("segeval --help / import click", started("segeval --help", "import click"), 1.5),
        Wanted("segeval --version / import click", started("segeval --version", "import click"), 2.0),
        Wanted(f"{score} / {imports}", started(score, imports), 1.25),
    ]


def to_dict(findings: Findings) -> dict[str, Any]:
    """Return the findings as JSON values."""
    return {
        "machine": machine(),
        "corpora": [
            {
                "name": entry.corpus.name,
                "about": entry.corpus.about,
                "pairs": entry.pairs,
                "gt_bytes": entry.gt_bytes,
                "pred_bytes": entry.pred_bytes,
                "timings": [asdict(timing) for timing in entry.timings],
                "peak_bytes": dict(entry.peaks),
            }
            for entry in findings.corpora
        ],
        "startup_milliseconds": dict(findings.startup),
        "memory_growth": findings.growth,
        "row_bytes": findings.row_bytes,
        "update_to_torchmetrics": dict(findings.updates),
        "aims": [asdict(aim) | {"met": aim.met} for aim in aims(findings)],
    }


def print_findings(findings: Findings, console: Console) -> None:
    """Print a table for each corpus, start-up, and the aims."""
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()), soft_wrap=True)
    for entry in findings.corpora:
        console.print(_corpus_table(entry))
        for timing in entry.timings:
            if timing.status.startswith("failed"):
                console.print(f"{timing.competitor}: {timing.status}", markup=False, soft_wrap=True)
    if findings.startup:
        startup = Table(title="Start-up", title_justify="left")
        startup.add_column("command")
        startup.add_column("ms", justify="right")
        for command, milliseconds in findings.startup.items():
            startup.add_row(command, _number(milliseconds, ".0f"))
        console.print(startup)
    console.print(_aims_table(aims(findings)))


def _corpus_table(entry: CorpusFindings) -> Table:
    sizes = f"{entry.gt_bytes / 1e3:.1f} and {entry.pred_bytes / 1e3:.1f} kB"
    table = Table(title=f"{entry.corpus.about}: {entry.pairs} pairs of {sizes}", title_justify="left")
    table.add_column("")
    for heading in ("ms a pair", "to decode only", "to script", "pairs/s", "peak MB"):
        table.add_column(heading, justify="right")
    for timing in entry.timings:
        if timing.status:
            table.add_row(timing.competitor, timing.status.partition(" (")[0])
            continue
        peak = entry.peaks.get(timing.competitor)
        table.add_row(
            timing.competitor,
            _number(timing.milliseconds, ".2f"),
            _number(timing.to_floor, ".2f"),
            _number(timing.to_script, ".2f"),
            _number(timing.pairs_per_second, ".1f"),
            _number(peak and peak / 1e6, ".0f"),
        )
    return table


def _aims_table(entries: Sequence[Wanted]) -> Table:
    table = Table(title="Wanted and measured (medians within this run)", title_justify="left")
    for heading, justify in (("aim", "left"), ("measured", "right"), ("wanted", "right"), ("", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # rich types these as literals
    for entry in entries:
        sign = "<=" if entry.at_most else ">="
        verdict = {True: "met", False: "not met", None: "not measured"}[entry.met]
        table.add_row(entry.aim, _number(entry.measured, ".2f"), f"{sign} {entry.bound:g}", verdict)
    return table


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else format(value, pattern)
