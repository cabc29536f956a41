"""One run under every convention, runs side by side, and a run beside a printed number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from segeval.api.report import dressed, public
from segeval.api.runs import loaded, policy_of
from segeval.api.scoring import report_measurement, scored_run
from segeval.errors import Finding, UsageError, raise_all
from segeval.findings.policy import Policy, judged
from segeval.findings.runs import run_findings
from segeval.folders.roots import root_of
from segeval.measuring.measure import Measurement, Progress
from segeval.measuring.measure import measure as measure_pairs
from segeval.protocol.imagekeys import is_of_list
from segeval.protocol.protocol import Protocol
from segeval.report import report as numbers
from segeval.report.rescoring import rescore as under_options
from segeval.report.rescoring import under
from segeval.request import build_request
from segeval.request.options import (
    CompareOptions,
    FolderOptions,
    LookOptions,
    RescoreOptions,
    VerifyOptions,
    chosen,
    names_in,
    spelled,
)
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparisonReport
    from segeval.comparison.verification import Verification
    from segeval.explanation.explanation import Explanation
    from segeval.report.refusals import FileNames
    from segeval.stores.urls import Place


@spelled(LookOptions)
def explain(
    pred: str | Path | Run,
    gt: str | Path | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[LookOptions],
) -> Explanation:
    """Score under every convention, and say which rules make the differences.

    Parameters
    ----------
    pred
        Folder of predictions, or, with no `gt`, a run or the file of one.
    gt
        Folder of ground truth.
    jobs
        Worker threads; by default one for each usable processor.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Explanation
        The convention that was `chosen` and all `others`, each with its mIoU and the steps that lead to it; with
        `distances` HD95 and NSD under every definition, for which the images are read again.

    Raises
    ------
    SegevalError
        As `score`; a convention that refuses the masks is no error but an account with `refusals`.

    Examples
    --------
    >>> found = segeval.explain("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> {one.name: round(one.miou, 4) for one in found.others if one.miou is not None}["ade20k"]
    0.6683
    """
    from segeval.explanation.accounts import explain as explain_run

    names: FileNames | None = None
    warnings: tuple[Finding, ...] = ()
    distances = None
    if gt is None:
        run = _reread(pred, options)
    else:
        request = build_request(**chosen(FolderOptions, options))
        found = measure_pairs(*_folders(pred, gt), request, jobs=jobs, progress=progress)
        raise_all(found.problems)
        run, names, warnings = found.run, found.names, found.warnings
        if run.protocol.distances is not None:
            from segeval.explanation.definitions import explain_folders  # few explanations are of distances

            distances = explain_folders(run, *_folders(pred, gt), request, jobs=jobs)
    told = judged((*warnings, *run_findings(run, names=names)), policy_of(options, run.protocol.allow))
    return replace(explain_run(run, names=names), warnings=told, distances=distances)


@spelled(CompareOptions)
def compare(base: str | Path | Run, *new: str | Path | Run, **options: Unpack[CompareOptions]) -> ComparisonReport:
    """Compare runs with a baseline: differences, their intervals and p-values, score by score.

    Parameters
    ----------
    base
        The baseline: a run, or the file of one.
    new
        The runs that are set beside it.

    Returns
    -------
    ComparisonReport
        `runs` has the differences of each; verdicts on `fail_regression` are in `regressions`.

    Raises
    ------
    SegevalError
        Where the runs are not of the same images, ground truth and protocol, unless `force`.

    Notes
    -----
    Images are drawn with replacement for intervals, and the two runs' images exchanged for p-values, from `seed`.

    References
    ----------
    Intervals: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993. p-values: Noreen, "Computer-Intensive
    Methods for Testing Hypotheses", 1989.

    Examples
    --------
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> segeval.compare(run, run).runs[0].differences["miou"].difference
    0.0
    """
    from segeval.comparison.regressions import parse_regression
    from segeval.comparison.runs import WORST_HIT, compare_runs, run_names
    from segeval.report.extras import drawing
    from segeval.report.gates import rule_texts

    given = (base, *new)
    paths = [Path(f"run {index}") if isinstance(run, Run) else root_of(run) for index, run in enumerate(given)]
    worst = options.get("worst")
    found = compare_runs(
        list(zip(run_names(paths), map(loaded, given), strict=True)),
        settings=drawing(options),
        group_by=options.get("group_by"),
        worst_hit=WORST_HIT if worst is None else worst,
        rules=[parse_regression(text) for text in rule_texts(options.get("fail_regression"))],
        force=bool(options.get("force")),
        policy=policy_of(options),
    )
    runs = tuple(replace(run, report=dressed(run.report)) for run in found.runs)
    return replace(found, base=dressed(found.base), runs=runs)


@spelled(VerifyOptions)
def verify(
    signature: str,
    claim: str,
    pred: str | Path | Run,
    gt: str | Path | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[VerifyOptions],
) -> Verification:
    """Check a published number: score under its signature's protocol, and compare to the digits printed.

    Parameters
    ----------
    signature
        The line that was printed with the number.
    claim
        The score and its digits as printed: "miou=0.7425" or "miou=74.25%".
    pred
        Folder of predictions, or, with no `gt`, a run or the file of one.
    gt
        Folder of ground truth.
    jobs
        Worker threads; by default one for each usable processor.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Verification
        The `value` found and everything in which it differs; `holds()` tells whether the number stands.

    Raises
    ------
    SegevalError
        Where the data cannot be scored so, or a keyword gives another class list than the signature's.

    Examples
    --------
    >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> segeval.verify(str(report.signature), "miou=74.25%", "sample_masks/pred", "sample_masks/gt",
    ...                classes="sample_masks/classes.txt").holds()
    True
    """
    from segeval.comparison.verification import claimed_request, parse_claim, require_regions, verification
    from segeval.protocol.signature import Signature

    line, printed = Signature.parse(signature), parse_claim(claim)
    request = claimed_request(line, chosen(FolderOptions, options))
    if gt is None:
        stored = loaded(pred)
        # How colours were read and what a missing file is was settled when the images were.
        kept = replace(request.protocol, palette=stored.protocol.palette, missing=stored.protocol.missing)
        chosen_keys = options.get("keys") or kept.keys
        return verification(line, printed, dressed(scored_run(under(stored, kept, keys=chosen_keys))))
    require_regions(request)
    found = measure_pairs(*_folders(pred, gt), request, jobs=jobs, progress=progress)
    return verification(line, printed, public(_of_keys(found, request.protocol), Policy(request.allow)))


def _of_keys(found: Measurement, protocol: Protocol) -> numbers.Report:
    """Score what was measured, or the images that a protocol chooses by their keys."""
    if protocol.keys is None or is_of_list(protocol.keys) or found.problems:
        return report_measurement(found)
    return scored_run(under(found.run, protocol, keys=protocol.keys), names=found.names)


def _folders(pred: str | Path | Run, gt: str | Path) -> tuple[Place, Place]:
    if isinstance(pred, Run):
        raise UsageError("a run has its ground truth with it", (str(gt),), "Give a run alone, or two folders")
    return root_of(pred), root_of(gt)


def _reread(run: str | Path | Run, options: LookOptions) -> Run:
    """Return a run under what options say; raises `UsageError` for those that say how images are read."""
    foreign = [name for name in names_in(LookOptions) if options.get(name) is not None]
    foreign = [name for name in foreign if name not in names_in(RescoreOptions)]
    if foreign:
        raise UsageError(
            "these keywords need images, and a saved run has none", foreign, "Leave them out, or give two folders"
        )
    return under_options(loaded(run), **chosen(RescoreOptions, options))
