"""`segeval combine`: unite saved runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segeval.cli.command import Verb
from segeval.cli.parameters import ROOT
from segeval.cli.reporting import voice_options

if TYPE_CHECKING:
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("parts", metavar="PART...", type=ROOT, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="RUN",
    type=ROOT,
    required=True,
    envvar=[],  # SEGEVAL_OUTPUT is a report's place, which a run must not take
    help="Run file to write.",
)
@voice_options
def combine(parts: tuple[Place, ...], output: Place, quiet: bool, verbose: bool) -> int:
    """Merge saved runs, such as those of shards, into one run file.

    Equal rows count once, and the order of the parts does not matter. Rows that differ for one image, and parts under
    different protocols, are errors. A part may be a pattern or a URL, and RUN a URL. RUN is packed where its name ends
    in .gz, and Parquet where it ends in .parquet; one part alone is converted so. Exit code 0: united; 2: not.

    \b
    Examples:
      segeval combine part-1.jsonl part-2.jsonl -o run.jsonl
      segeval combine shards/*.jsonl.gz -o run.jsonl.gz
      segeval combine run.parquet -o run.jsonl
      segeval combine 's3://runs/7/*.jsonl.gz' -o s3://runs/7.jsonl.gz
    """
    from segeval.cli.console import tell, tell_findings
    from segeval.findings.runs import run_findings
    from segeval.runs.storedruns import expanded, united_into

    with united_into(output, expanded(parts)) as (united, count, rows):
        tell_findings(run_findings(united))
        if not quiet:
            repeated = rows - len(united.rows)
            once = f"; {repeated:,} were in several parts and count once" if repeated else ""
            tell(f"{len(united.rows):,} images of {count:,} runs{once}\n")
    return 0
