"""`segeval watch`: the score so far of runs that others are writing."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from segeval.cli.command import Verb
from segeval.cli.parameters import ROOT

if TYPE_CHECKING:
    from segeval.api.watching import Standing
    from segeval.stores.urls import Place

ON_TERMINAL = 2.0
"""Seconds between two looks on a terminal, where one line is written over."""
ELSEWHERE = 30.0
"""Seconds between two lines anywhere else."""


@click.command(cls=Verb)
@click.argument("runs", metavar="RUN...", type=ROOT, nargs=-1, required=True)
def watch(runs: tuple[Place, ...]) -> int:
    """Show the score so far of runs that others are writing.

    RUN is a name that 'score --save' was given, begun or not, or a pattern of names, which stands for the runs that
    there are. On a terminal one line is written over, elsewhere there is a line every 30 seconds. Nothing is written
    or locked, and rows that are half there are waited for. Exit code 0: every run is whole, and the last line has
    their score; 2: they cannot be scored; 130: Ctrl-C.

    \b
    Examples:
      segeval watch run.jsonl
      segeval watch parts/{1..100}.jsonl.gz
      segeval watch 'parts/*.jsonl.gz' | tee watch.log
    """
    from segeval.api.watching import standings

    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    start, before = time.monotonic(), -1
    written = False
    try:
        for now in standings(runs, every=ON_TERMINAL if live else ELSEWHERE):
            before = now.images if before < 0 else before
            rate = (now.images - before) / max(time.monotonic() - start, 1e-9)
            _write(_line(now, rate), live=live)
            written = live
    finally:
        if written:
            _write("\n", live=False, ended=True)
    return 0


def _line(now: Standing, rate: float) -> str:
    from segeval.render.report.wording import percent

    parts = [f"{now.images:,} images"]
    if now.problem:
        parts.append(now.problem)
    else:
        parts.append(f"mIoU {percent(now.scores.get('miou'))} %")
    if rate and not now.done:
        parts.append(f"{rate:,.1f} images/s")
    if now.done:
        parts.append("finished")
    elif now.runs != 1:
        parts.append(f"{now.finished:,} of {now.runs:,} runs finished")
    return ", ".join(parts)


def _write(text: str, *, live: bool, ended: bool = False) -> None:
    """Write a line, over the last one where that is `live`; raises `BrokenPipeError` where nobody reads any more."""
    from segeval.cli.console import columns_of

    if live:
        width = (columns_of(sys.stdout) or 80) - 1
        text = f"\r{text[:width]:<{width}}"
    elif not ended:
        text += "\n"
    sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    sys.stdout.flush()
