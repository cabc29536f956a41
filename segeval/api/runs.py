"""Runs in memory or in files: read, written, united, and scored anew."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from segeval.api.report import Report, gates_of, public
from segeval.api.scoring import scored_run, statistics_of
from segeval.findings.policy import Policy
from segeval.folders.roots import root_of
from segeval.protocol.allowing import parse_allow
from segeval.report.rescoring import rescore as under_options
from segeval.request.options import FindingOptions, RescoreOptions, spelled
from segeval.runs.run import Run
from segeval.runs.storedruns import load_named, save_named
from segeval.runs.unions import union


@spelled(RescoreOptions)
def rescore(run: str | Path | Run, *, keys: str | Path | None = None, **options: Unpack[RescoreOptions]) -> Report:
    """Score a run under its own protocol but for what the keywords say otherwise, reading no image.

    Parameters
    ----------
    run
        A run, or the file of one.
    keys
        A glob that chooses images by key, as "night/*", or a file of keys, one a line.

    Returns
    -------
    Report
        As of `score`.

    Raises
    ------
    SegevalError
        Where the file is damaged, or the run does not keep what the keywords need.

    Examples
    --------
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> round(segeval.rescore(run, keys="night/*", convention="ade20k").scores["miou"], 4)
    0.6326
    """
    asked, gates = statistics_of(options), gates_of(options)
    report = scored_run(under_options(loaded(run), keys=keys, **options), asked)
    return public(report, policy_of(options), gates)


def load_run(path: str | Path) -> Run:
    """Read a run file, packed or not, with every value checked.

    Parameters
    ----------
    path
        What `save_run`, or `--save` on the command line, has written.

    Returns
    -------
    Run
        The run that was saved.

    Raises
    ------
    RunFileError
        Where the file is damaged, cut off, or of a newer version.

    Examples
    --------
    >>> segeval.load_run("run.jsonl")
    Traceback (most recent call last):
        ...
    segeval.errors.RunFileError: ...
    """
    return load_named(root_of(path))


def save_run(run: Run, path: str | Path) -> None:
    """Write a run to a file, whole or not at all.

    Parameters
    ----------
    run
        What `measure` or `combine` returned.
    path
        The file, or its URL in a store: .jsonl, .jsonl.gz or .parquet.

    Raises
    ------
    OutputError
        Where the file cannot be written; an old one stays then.

    Examples
    --------
    >>> import tempfile
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     segeval.save_run(run, f"{folder}/run.jsonl.gz")
    ...     segeval.load_run(f"{folder}/run.jsonl.gz") == run
    True
    """
    save_named(run, root_of(path))


def combine(*parts: str | Path | Run) -> Run:
    """Unite runs by key: equal rows count once, and rows that differ are an error that names both.

    Parameters
    ----------
    parts
        Runs, or the files of runs, measured with equal options.

    Returns
    -------
    Run
        The rows of all, whatever the order of `parts`.

    Raises
    ------
    RunFileError
        Where a file is damaged, or protocols, kinds of maps or the rows of one key differ.

    Examples
    --------
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> segeval.combine(run, run) == run
    True
    """
    return union(
        [
            (f"run {place}", part) if isinstance(part, Run) else (str(part), load_run(part))
            for place, part in enumerate(parts)
        ]
    )


def loaded(run: str | Path | Run) -> Run:
    """Return a run, read from its file where that is what is given."""
    return run if isinstance(run, Run) else load_run(run)


def policy_of(options: FindingOptions, allowed: tuple[str, ...] = ()) -> Policy:
    """Return what becomes of findings: what options allow, and what was allowed before."""
    allow = parse_allow(options.get("allow") or ())
    return Policy((*allowed, *allow), bool(options.get("strict")))
