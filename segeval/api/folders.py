"""Two folders scored, measured or looked into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from segeval.api.report import Report, gates_of, public
from segeval.api.scoring import report_measurement, statistics_of
from segeval.errors import raise_all
from segeval.findings.inspection import Inspection
from segeval.findings.policy import Policy
from segeval.folders.roots import root_of
from segeval.measuring.inspecting import SAMPLE
from segeval.measuring.inspecting import inspect as inspect_folders
from segeval.measuring.measure import Progress
from segeval.measuring.measure import measure as measure_folders
from segeval.request import build_request
from segeval.request.options import FolderOptions, LookOptions, ScoreOptions, chosen, spelled
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.measuring.engines import AnyEngine


@spelled(ScoreOptions)
def score(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    engine: AnyEngine | None = None,
    progress: Progress | None = None,
    **options: Unpack[ScoreOptions],
) -> Report:
    """Score a folder of predictions against a folder of ground truth.

    Parameters
    ----------
    pred
        Folder of predicted masks, or of probability maps with `probs=True`.
    gt
        Folder of ground-truth masks; files pair by their relative path without extension.
    jobs
        Worker threads; by default one for each usable processor.
    engine
        What measures in place of threads: "dask", "dask://HOST:PORT", an executor of `concurrent.futures`, or a Dask
        client.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Report
        Every score, as fractions in [0, 1] or losses; what looks wrong is in `warnings`, what became of gates in
        `gates`: a gate that does not hold is no error.

    Raises
    ------
    SegevalError
        Where something cannot be paired, read or scored, with `what`, `where` and `fix`; `Problems` holds several.

    Notes
    -----
    Counts are exact int64, and the numbers are those of the command line with the options of the same names.

    References
    ----------
    IoU: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010, section 4.1. mIoU^I and
    mIoU^C: Wang et al., "Revisiting Evaluation Metrics for Semantic Segmentation", NeurIPS 2023. `segeval help
    conventions` says what other evaluators do.

    Examples
    --------
    >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> round(report.scores["miou"], 4)
    0.7425
    >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt",
    ...                        fail_under={"miou": 0.7, "iou.person": 0.75})
    >>> [verdict.passed for verdict in report.gates]
    [True, False]
    """
    request = build_request(**chosen(FolderOptions, options))
    asked, gates = statistics_of(options), gates_of(options)
    found = measure_folders(root_of(pred), root_of(gt), request, jobs=jobs, engine=engine, progress=progress)
    return public(report_measurement(found, asked), Policy(request.allow, bool(options.get("strict"))), gates)


@spelled(FolderOptions)
def measure(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    engine: AnyEngine | None = None,
    progress: Progress | None = None,
    **options: Unpack[FolderOptions],
) -> Run:
    """Count every pair of two folders and keep the counts: what `score` reports on and `save_run` saves.

    Parameters
    ----------
    pred
        Folder of predicted masks, or of probability maps with `probs=True`.
    gt
        Folder of ground-truth masks.
    jobs
        Worker threads; by default one for each usable processor.
    engine
        What measures in place of threads: "dask", "dask://HOST:PORT", an executor of `concurrent.futures`, or a Dask
        client.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Run
        A row of counts for each image, of raw values: `rescore` gives them another meaning without reading an image.

    Raises
    ------
    SegevalError
        As `score`, but for values that the classes refuse: a run holds raw values.

    Examples
    --------
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> len(run.rows), round(segeval.rescore(run, convention="ade20k").scores["miou"], 4)
    (7, 0.6683)
    """
    request = build_request(**options)
    found = measure_folders(root_of(pred), root_of(gt), request, jobs=jobs, engine=engine, progress=progress)
    raise_all(found.problems)
    return found.run


@spelled(LookOptions)
def inspect(
    pred: str | Path,
    gt: str | Path,
    *,
    sample: int = SAMPLE,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[LookOptions],
) -> Inspection:
    """Look into two folders before scoring them: what is there, what looks wrong, and the option that fixes it.

    Parameters
    ----------
    pred
        Folder of predictions.
    gt
        Folder of ground truth.
    sample
        Pairs that are decoded at most; all headers are read.
    jobs
        Worker threads; by default one for each usable processor.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Inspection
        Files, sizes and values of both sides, and `findings`; `ready` tells whether `score` would give a number.

    Raises
    ------
    SegevalError
        Where a folder does not exist, or options contradict each other; what is wrong with files is a finding.

    Examples
    --------
    >>> found = segeval.inspect("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> found.ready, found.pairs
    (True, 7)
    """
    request = build_request(**chosen(FolderOptions, options))
    policy = Policy(request.allow, bool(options.get("strict")))
    roots = root_of(pred), root_of(gt)
    return inspect_folders(*roots, request, policy=policy, sample=sample, jobs=jobs, progress=progress)
