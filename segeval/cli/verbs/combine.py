"""`segeval combine`: unite saved runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segeval.cli.command import Verb
from segeval.cli.parameters import FILE
from segeval.cli.reporting import voice_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Verb)
@click.argument("parts", metavar="PART...", type=FILE, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="RUN",
    type=FILE,
    required=True,
    envvar=[],  # SEGEVAL_OUTPUT is a report's place, which a run must not take
    help="Run file to write.",
)
@voice_options
def combine(parts: tuple[Path, ...], output: Path, quiet: bool, verbose: bool) -> int:
    """Merge saved runs, such as those of shards, into one run file.

    Equal rows count once, and the order of the parts does not matter. Rows that differ for one image, and parts under
    different protocols, are errors. RUN is packed where its name ends in .gz. Exit code 0: united; 2: not.

    \b
    Examples:
      segeval combine part-1.jsonl part-2.jsonl -o run.jsonl
      segeval combine shards/*.jsonl.gz -o run.jsonl.gz
    """
    from segeval.cli.console import tell, tell_findings
    from segeval.files.atomic import AtomicFile
    from segeval.findings.runs import run_findings
    from segeval.runs.file import is_packed, load_run, run_to_bytes
    from segeval.runs.unions import union

    with AtomicFile(output) as file:
        named = [(str(part), load_run(part)) for part in parts]
        united = union(named)
        file.commit(run_to_bytes(united, packed=is_packed(output)))
    tell_findings(run_findings(united))
    if not quiet:
        repeated = sum(len(run.rows) for _, run in named) - len(united.rows)
        once = f"; {repeated:,} were in several parts and count once" if repeated else ""
        tell(f"{len(united.rows):,} images of {len(parts):,} runs{once}\n")
    return 0
