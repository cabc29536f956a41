"""What the commands do, as functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from segeval.errors import FoundError, LabelError, Problems, UsageError, raise_all
from segeval.findings.policy import Policy, explained, joined, judged, judged_report, marked
from segeval.findings.runs import run_findings
from segeval.measuring.measure import Measurement, Progress
from segeval.measuring.measure import measure as measure_pairs
from segeval.protocol.allowing import parse_allow
from segeval.report.report import Report
from segeval.report.scoring import measured, report_of
from segeval.request import build_request
from segeval.request.options import (
    CompareOptions,
    FolderOptions,
    GateOptions,
    RescoreOptions,
    ScoreOptions,
    StatisticsOptions,
    VerifyOptions,
    chosen,
    spelled,
)
from segeval.runs.run import Run

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparisonReport
    from segeval.comparison.verification import Verification
    from segeval.explanation.explanation import Explanation
    from segeval.findings.inspection import Inspection
    from segeval.report.extras import Statistics
    from segeval.report.gates import Gate
    from segeval.report.scoring import FileNames
    from segeval.tables.counts import JointCounts


def report_measurement(found: Measurement, asked: Statistics | None = None, *, part: bool = False) -> Report:
    """Score what was measured; raises every problem of its files, and of their values, together.

    What looks wrong is among the report's warnings, errors too, which `judged_report` raises. A `part` of the images,
    as a shard is, is not judged as a whole.
    """
    problems = list(found.problems)
    if found.run.rows or not problems:
        try:
            report = scored_run(found.run, asked, names=found.names, table=found.table, part=part)
        except (LabelError, FoundError, Problems) as error:
            problems.append(error)
    raise_all(problems)
    return replace(report, warnings=joined((*found.warnings, *report.warnings)))


def scored_run(
    run: Run,
    asked: Statistics | None = None,
    *,
    names: FileNames | None = None,
    table: JointCounts | None = None,
    part: bool = False,
) -> Report:
    """Score a run, with what is asked beyond scores and what looks wrong in it, counted once.

    Errors are those of `segeval.report.scoring.measured`; those about values say which reading would agree.
    """
    try:
        found = measured(run, names=names, table=table)
    except (LabelError, Problems) as error:
        if not part:
            looks_wrong = marked(run_findings(run, table=table, names=names), Policy(run.protocol.allow))
            raise_all(explained(error, looks_wrong))
        raise
    report = report_of(run, found)
    if asked is not None:
        from segeval.report.extras import with_statistics

        report = with_statistics(report, run, found, asked)
    looks_wrong = () if part else run_findings(run, table=found.table, resolution=found.resolution, names=names)
    return replace(report, warnings=joined((*looks_wrong, *report.warnings)))


@spelled(ScoreOptions)
def score(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[ScoreOptions],
) -> Report:
    """Score a folder of predictions against a folder of ground truth.

    Keywords are the options of the command line. `jobs` is the number of worker threads, the usable processors by
    default; `progress` is called with (pairs done, pairs in all). What looks wrong is in the report's `warnings`;
    `strict` makes it errors, but for the kinds that `allow` names. A gate that does not hold is no error: its verdict
    is in `report.gates`. Raises `SegevalError` (`Problems` where several kinds were found).

    >>> score("pred", "gt", classes="classes.txt", ignore=255).scores["miou"]  # doctest: +SKIP
    0.7425
    """
    request = build_request(**chosen(FolderOptions, options))
    asked, gates = statistics_of(options), _gates(options)
    found = measure_pairs(Path(pred), Path(gt), request, jobs=jobs, progress=progress)
    report = judged_report(report_measurement(found, asked), Policy(request.allow, bool(options.get("strict"))))
    return _with_verdicts(report, gates)


@spelled(FolderOptions)
def measure(
    pred: str | Path,
    gt: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[FolderOptions],
) -> Run:
    """Count every pair of two folders and keep the counts: what `score` reports on and `save_run` saves.

    Arguments and errors are those of `score`, but for values that its labeling refuses: a run holds raw values.
    """
    found = measure_pairs(Path(pred), Path(gt), build_request(**options), jobs=jobs, progress=progress)
    raise_all(found.problems)
    return found.run


@spelled(RescoreOptions)
def rescore(run: str | Path | Run, *, keys: str | None = None, **options: Unpack[RescoreOptions]) -> Report:
    """Score a run, or a run file, under its own protocol but for what the keywords say otherwise, reading no image.

    `keys` chooses images by a glob.

    >>> rescore("run.jsonl", keys="night/*", convention="ade20k").scores["miou"]  # doctest: +SKIP
    0.6326
    """
    from segeval.report.rescoring import rescore as changed

    asked, gates = statistics_of(options), _gates(options)
    policy = Policy(parse_allow(options.get("allow") or ()), bool(options.get("strict")))
    report = scored_run(changed(_loaded(run), keys=keys, **options), asked)
    return _with_verdicts(judged_report(report, policy), gates)


def statistics_of(options: StatisticsOptions | ScoreOptions | RescoreOptions) -> Statistics | None:
    """Return what options ask for beyond scores, checked; `None` where that is nothing. Raises `UsageError`."""
    asked = chosen(StatisticsOptions, options)
    wanted = (asked.get(name) for name in ("ci", "group_by", "worst", "gain", "per_image"))
    if all(value is None or value is False for value in wanted):
        return None
    from segeval.report.extras import asked_statistics

    return asked_statistics(asked)


def _gates(options: GateOptions | ScoreOptions | RescoreOptions) -> tuple[Gate, ...]:
    wanted = options.get("fail_under"), options.get("fail_over")
    if wanted == (None, None):
        return ()
    from segeval.report.gates import parse_gates

    return parse_gates(*wanted)


def _with_verdicts(report: Report, gates: tuple[Gate, ...]) -> Report:
    if not gates:
        return report
    from segeval.report.gates import with_verdicts

    return with_verdicts(report, gates)


def _loaded(run: str | Path | Run) -> Run:
    from segeval.runs.file import load_run

    return run if isinstance(run, Run) else load_run(Path(run))


def combine(*parts: str | Path | Run) -> Run:
    """Unite runs, or run files, by key: equal rows count once, and rows that differ are an error that names both."""
    from segeval.runs.file import load_run
    from segeval.runs.run import union

    return union(
        [
            (f"run {place}", part) if isinstance(part, Run) else (str(part), load_run(Path(part)))
            for place, part in enumerate(parts)
        ]
    )


def explain(run: str | Path | Run) -> Explanation:
    """Score a run, or a run file, under every convention, and say which rules make the differences."""
    from segeval.explanation.accounts import explain as explain_run

    given = _loaded(run)
    return replace(explain_run(given), warnings=judged(run_findings(given), Policy(given.protocol.allow)))


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

    `claim` is as "miou=0.7425" or "miou=74.25%". `pred` and `gt` are folders, or `pred` a run or run file. The options
    give again what a signature holds as a digest only, and say how files are named. Raises `SegevalError` where the
    data cannot be scored so.

    >>> verify("segeval|classes:19|v:0.1.0", "miou=74.25%", "run.jsonl").holds()  # doctest: +SKIP
    True
    """
    from segeval.comparison.verification import claimed_request, parse_claim, verification
    from segeval.protocol.signature import Signature
    from segeval.report.rescoring import under

    line, printed = Signature.parse(signature), parse_claim(claim)
    request = claimed_request(line, chosen(FolderOptions, options))
    keys = request.protocol.keys
    if gt is None:
        stored = _loaded(pred)
        # How colours were read and what a missing file is was settled when the images were.
        kept = replace(request.protocol, palette=stored.protocol.palette, missing=stored.protocol.missing)
        return verification(line, printed, scored_run(under(stored, kept, keys=keys)))
    if isinstance(pred, Run):
        raise UsageError("a run has its ground truth with it", (str(gt),), "Give a run alone, or two folders")
    found = measure_pairs(Path(pred), Path(gt), request, jobs=jobs, progress=progress)
    if keys is not None and not found.problems:
        report = scored_run(under(found.run, request.protocol, keys=keys), names=found.names)
    else:
        report = report_measurement(found)
    return verification(line, printed, judged_report(report, Policy(request.allow)))


@spelled(FolderOptions)
def inspect(
    pred: str | Path, gt: str | Path, *, jobs: int | None = None, **options: Unpack[FolderOptions]
) -> Inspection:
    """Look into two folders before scoring them: what is there, what looks wrong, and the option that fixes it."""
    from segeval.measuring.inspecting import inspect as inspect_folders

    request = build_request(**options)
    return inspect_folders(Path(pred), Path(gt), request, policy=Policy(request.allow), jobs=jobs)


@spelled(CompareOptions)
def compare(base: str | Path | Run, *new: str | Path | Run, **options: Unpack[CompareOptions]) -> ComparisonReport:
    """Compare runs, or run files, with a baseline: differences, their intervals and p-values, score by score.

    Rules on regressions are judged in the report's `regressions`. Raises `SegevalError` where the runs are not of the
    same images, ground truth and protocol, unless `force`.

    >>> compare("base.jsonl", "new.jsonl").runs[0].differences["miou"].p  # doctest: +SKIP
    0.0215
    """
    from segeval.comparison.regressions import parse_regression
    from segeval.comparison.runs import WORST_HIT, compare_runs, run_names
    from segeval.report.extras import drawing
    from segeval.report.gates import rule_texts

    given = (base, *new)
    paths = [Path(f"run {index}") if isinstance(run, Run) else Path(run) for index, run in enumerate(given)]
    worst = options.get("worst")
    return compare_runs(
        list(zip(run_names(paths), map(_loaded, given), strict=True)),
        settings=drawing(options),
        group_by=options.get("group_by"),
        worst_hit=WORST_HIT if worst is None else worst,
        rules=[parse_regression(text) for text in rule_texts(options.get("fail_regression"))],
        force=bool(options.get("force")),
        policy=Policy(parse_allow(options.get("allow") or ()), bool(options.get("strict"))),
    )
