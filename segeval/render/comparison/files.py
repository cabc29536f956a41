"""Comparisons for programs and papers: JSON, CSV, LaTeX, JUnit and GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from segeval.errors import printable
from segeval.render.comparison.wording import MARK, headline, mark, p_line, regression_text
from segeval.render.report.github import finding_annotation
from segeval.render.report.wording import in_percent, loss, percent, title
from segeval.render.syntax.csv import csv_text
from segeval.render.syntax.github import annotation, workflow_commands
from segeval.render.syntax.json import json_text
from segeval.render.syntax.junit import SUITE, Case, junit_text
from segeval.render.syntax.latex import NOTHING, escaped, tabular
from segeval.sampling.significance import Difference
from segeval.scores.registry import SCORE

if TYPE_CHECKING:
    from segeval.comparison.regressions import Regression
    from segeval.comparison.runs import ComparedRun, ComparisonReport
    from segeval.scores.overlap import Value

COLUMNS = ("run", "score", "class_id", "class", "base", "new", "difference", "low", "high", "p", "p_bootstrap")


def comparison_json(found: ComparisonReport) -> str:
    """Return the comparison as JSON text; the same comparison gives the same bytes."""
    return f"{json_text(found.to_dict())}\n"


def comparison_csv(found: ComparisonReport) -> str:
    """Return a header and a row for each score and each class's IoU of each run; undefined values are empty."""
    return csv_text((COLUMNS, *(row for run in found.runs for row in _csv_rows(run))))


def _csv_rows(run: ComparedRun) -> Iterator[Sequence[object]]:
    for name, one in run.differences.items():
        yield run.name, name, None, None, *_numbers(one)
    for of_class in run.classes:
        yield run.name, "iou", of_class.id, of_class.name, *_numbers(of_class.iou)


def _numbers(one: Difference) -> list[Value]:
    return [one.base, one.new, one.difference, *(one.interval.bounds() or (None, None)), one.p, one.p_bootstrap]


def comparison_latex(found: ComparisonReport) -> str:
    """Return the IoU of each class and the scores with a column a run (package booktabs).

    The best of each row is bold, by the unrounded value; a star marks p < 0.05 against the baseline, the first column.
    """
    of_run = [{(one.id, one.name): one.iou for one in run.classes} for run in found.runs]
    classes = [
        [escaped(key[1]), *_cells([of_class.get(key) for of_class in of_run])]
        for key in dict.fromkeys(key for of_class in of_run for key in of_class)
    ]
    scores = []
    for name in (name for name in found.base.scores if any(name in run.differences for run in found.runs)):
        differences = [run.differences.get(name) for run in found.runs]
        cells = _cells(differences, lower=SCORE[name].lower_is_better, plain=not in_percent(name))
        scores.append([escaped(title(name)), *cells])
    head = ["", *map(escaped, (found.base_name, *(run.name for run in found.runs)))]
    return tabular([str(found.signature), p_line(found)], head, classes, scores)


def _cells(differences: Iterable[Difference | None], *, lower: bool = False, plain: bool = False) -> list[str]:
    """Write the baseline's value and each run's, the best of them bold."""
    runs = list(differences)
    base = next((one.base for one in runs if one is not None), None)
    values = [base, *(None if one is None else one.new for one in runs)]
    stars = ["", *("" if one is None else mark(one) for one in runs)]
    best = (min if lower else max)((value for value in values if value is not None), default=None)
    cells = []
    for value, star in zip(values, stars, strict=True):
        text = NOTHING if value is None else (loss if plain else percent)(value)
        cells.append(
            (rf"\textbf{{{text}}}" if value is not None and value == best else text) + f"$^{{{MARK}}}$" * bool(star)
        )
    return cells


def comparison_junit(found: ComparisonReport) -> str:
    """Return a test case for each regression rule, failed where it failed, or one that passes where there are none."""
    output = "\n".join(headline(found, run) for run in found.runs)
    cases = [_case(verdict) for verdict in found.regressions] or [Case("compared", SUITE, output)]
    return junit_text([("signature", printable(str(found.signature)))], cases)


def _case(verdict: Regression) -> Case:
    name = printable(f"{verdict.run}: {verdict.metric} worse by at most {verdict.allowed!r}")
    text = printable(regression_text(verdict))
    return Case(name, f"{SUITE}.regressions", text, "" if verdict.passed else text, "regression")


def comparison_github(found: ComparisonReport) -> str:
    """Return at most ten annotations: failed rules as errors, warnings, and a notice with the headlines."""
    failed = [regression_text(verdict) for verdict in found.regressions if not verdict.passed]
    lines = [annotation("error", "segeval regression", text) for text in failed]
    lines += [annotation("warning", "segeval", text) for text in found.forced]
    lines += map(finding_annotation, found.warnings)
    return workflow_commands(lines, "; ".join(headline(found, run) for run in found.runs))
