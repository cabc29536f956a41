"""Runs of many images, made up: `python -m tests.benchmarks.scale FOLDER [IMAGES] [CELLS]` times what reads them.

It prints processor seconds and peak memory of combine, report, bootstrap and compare, each in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from segeval.request import build_request
from segeval.runs.columns import LazyRows, RowColumns
from segeval.runs.parquet import ParquetWriter
from segeval.runs.rowparts import row_of
from segeval.runs.run import Run
from segeval.tables.counts import StackedTables

CLASSES = 19
BLOCK_CELLS = 1 << 20


def write_run(path: Path, images: int, cells: int, seed: int, *, part: int = 0, parts: int = 1) -> None:
    """Write a run of made-up images of so many cells each, or the images of a part of it."""
    random = np.random.default_rng([seed, part])
    numbers = range(part, images, parts)
    step = max(1, BLOCK_CELLS // cells)
    head = Run(build_request(classes=CLASSES).protocol, ())
    with path.open("wb") as stream, ParquetWriter(stream, head) as writer:
        for start in range(0, len(numbers), step):
            some = numbers[start : start + step]
            order = random.random((len(some), CLASSES**2)).argpartition(cells - 1, axis=1)[:, :cells]
            gt, pred = np.divmod(np.sort(order, axis=1).reshape(-1), CLASSES)
            pixels = (random.gamma(0.3, 3000, len(gt)) * np.where(gt == pred, 20, 1)).astype(np.int64) + 1
            ends = np.arange(len(some) + 1) * cells
            sizes = np.ones((len(some), 3), np.int64)
            sizes[:, 2] = np.add.reduceat(pixels, ends[:-1])
            keys = tuple(f"drive{number // 5000:05d}/{number:08d}" for number in some)
            digests = tuple(f"blake2b:{number:032x}" for number in some)
            tables = StackedTables(ends, gt.astype(np.uint8), pred.astype(np.uint8), pixels)
            columns = RowColumns(keys, sizes, digests, tables, np.zeros((len(some), 2), np.int64))
            writer.write(LazyRows(columns, row_of))
        writer.finish(())


def timed(*arguments: str) -> str:
    """Run a command of segeval and return what it took."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "segeval", *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    seconds, passed = used.ru_utime + used.ru_stime, time.perf_counter() - start
    return f"{arguments[0]}: {seconds:.1f} s of processors, {passed:.1f} s, {used.ru_maxrss / 1024:.0f} MB"


def main(folder: Path, images: int = 100_000, cells: int = 50) -> None:
    """Make runs, unite, report and compare them."""
    whole, other = folder / "whole.parquet", folder / "other.parquet"
    for part in range(8):
        write_run(folder / f"part-{part}.parquet", images, cells, 0, part=part, parts=8)
    write_run(other, images, cells, 1)
    print(timed("combine", str(folder / "part-*.parquet"), "-o", str(whole), "-q"), flush=True)
    print(timed("report", str(whole), "-f", "json"), flush=True)
    print("with intervals,", timed("report", str(whole), "-f", "json", "--ci", "95"), flush=True)
    print(timed("compare", str(whole), str(other), "-f", "json", "-q", "--force"), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
