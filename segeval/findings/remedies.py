"""The options under which a run scores right: those of its findings, tried on its counts until none is left."""

from __future__ import annotations

from dataclasses import replace

from segeval.errors import SegevalError
from segeval.findings.readings import Options, amended
from segeval.findings.runs import run_findings
from segeval.records import dataclass
from segeval.report.scoring import measured, report_of
from segeval.runs.run import Run
from segeval.tables.counts import JointCounts

MOST_STEPS = 3
"""Findings of one run that are mended one after the other."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Say how a scoring would be right: with these options in place of others of their names, and folders swapped."""

    options: Options = ()
    swap: bool = False


def remedy_of(run: Run, table: JointCounts) -> Remedy | None:
    """Return what mends a run, nothing to mend included; `None` where no option does."""
    options: dict[str, str | bool] = {}
    for _ in range(MOST_STEPS + 1):
        found = run_findings(run, table=table)
        better = next((one.options for one in found if one.options), None)
        if better is None:
            break
        options.update(better)
        run = replace(run, protocol=amended(run.protocol, better))
    else:
        return None
    if any(one.blocks and one.kind not in run.protocol.allow for one in found):
        return None
    if any(one.kind == "swapped" for one in found):
        return Remedy(tuple(options.items()), swap=True)
    try:
        report_of(run, measured(run, table=table))
    except SegevalError:
        return None
    return Remedy(tuple(options.items()))
