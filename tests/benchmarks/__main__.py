"""Run the benchmark: `python -m tests.benchmarks`."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import click
from rich.console import Console

from tests.benchmarks import corpora, measure, report, updates

MEMORY_CORPORA = ("cityscapes", "probability")
"""Peak memory takes a fresh process for every competitor, so it is measured on the largest images only."""

GROWTH = 10
TABLE_WIDTH = 120


@click.command()
@click.option("--rounds", default=7, show_default=True, help="How often everything is timed, in turns.")
@click.option("--pairs", type=int, help="Pairs of every corpus, instead of each corpus's own number.")
@click.option("--corpus", "names", multiple=True, type=click.Choice([entry.name for entry in corpora.CORPORA]))
@click.option(
    "--only", multiple=True, help="Competitors whose name contains this; the floor and the script always run."
)
@click.option("--quick", is_flag=True, help="Three rounds of a quarter of the pairs, without memory and start-up.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where corpora are drawn and kept.")
@click.option("--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write the findings here too.")
def main(
    rounds: int,
    pairs: int | None,
    names: tuple[str, ...],
    only: tuple[str, ...],
    quick: bool,
    directory: Path | None,
    output: Path | None,
) -> None:
    """Time segeval beside what people use today, on corpora drawn from a fixed seed.

    The exit code says that the benchmark ran, never that an aim was met: times are no test.
    """
    logging.disable(logging.WARNING)
    home = directory or corpora.default_directory()
    progress = Console(stderr=True)
    console = Console() if Console().is_terminal else Console(width=TABLE_WIDTH)
    chosen = [entry for entry in corpora.CORPORA if entry.installed() and (not names or entry.name in names)]
    rounds = min(rounds, 3) if quick else rounds
    found = []
    for corpus in chosen:
        count = pairs or (max(1, corpus.pairs // 4) if quick else corpus.pairs)
        progress.print(f"{corpus.name}: drawing {count} pairs and timing {rounds} rounds", style="dim")
        found.append(_measured(corpus, count, home, rounds=rounds, only=only, memory=not quick))
    findings = report.Findings(tuple(found)) if quick else _whole_program(tuple(found), home)
    report.print_findings(findings, console)
    if output is not None:
        output.write_text(json.dumps(report.to_dict(findings), indent=2) + "\n", encoding="utf-8")


def _measured(
    corpus: corpora.Corpus, count: int, home: Path, *, rounds: int, only: tuple[str, ...], memory: bool
) -> report.CorpusFindings:
    folders = corpora.folders(corpus, count, home)
    timings = measure.time_corpus(corpus, folders, rounds=rounds, only=only)
    peaks = {
        timing.competitor: measure.peak_memory(corpus, timing.competitor, folders)
        for timing in timings
        if memory and corpus.name in MEMORY_CORPORA and not timing.status
    }
    return report.CorpusFindings(corpus, count, *folders.mean_bytes(), tuple(timings), peaks)


def _whole_program(found: tuple[report.CorpusFindings, ...], home: Path) -> report.Findings:
    """Add what is measured once: memory of ten times the pairs and of a row, start-up, updates of a training loop."""
    by_name = {entry.name: entry for entry in corpora.CORPORA}
    street, tiny = by_name["cityscapes"], by_name["tiny"]
    growth, row = None, None
    for entry in found:
        if entry.corpus is street:
            few = corpora.folders(street, entry.pairs, home)
            many = corpora.folders(street, entry.pairs, home, copies=GROWTH)
            peaks = [measure.peak_memory(street, report.ALL_JOBS, folders) for folders in (few, many)]
            growth = peaks[1] / peaks[0] if peaks[0] and peaks[1] else None
            row = measure.row_bytes(street, few)
    startup = measure.time_startup(measure.startup_commands(corpora.folders(tiny, 1, home), tiny), rounds=11)
    return report.Findings(found, startup, growth, row, updates.update_ratios(rounds=7))


if __name__ == "__main__":
    main()
