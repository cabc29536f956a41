"""Comparisons for programs and papers: JSON, CSV, LaTeX, JUnit and GitHub's workflow commands."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from segeval.render.comparison.wording import MARK, headline, mark, p_line, regression_text
from segeval.render.report.csv import safe_cell
from segeval.render.report.github import MOST, annotation, finding_annotation
from segeval.render.report.junit import NO_TIME, SUITE
from segeval.render.report.latex import NOTHING, escaped
from segeval.render.report.wording import in_percent, title
from segeval.render.syntax.json import json_text
from segeval.render.syntax.numbers import loss, percent
from segeval.render.syntax.text import visible
from segeval.sampling.significance import Difference
from segeval.scores.registry import SCORE

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparisonReport
    from segeval.scores.overlap import Value

COLUMNS = ("run", "score", "class_id", "class", "base", "new", "difference", "low", "high", "p", "p_bootstrap")


def comparison_json(found: ComparisonReport) -> str:
    """Return the comparison as JSON text; the same comparison gives the same bytes."""
    return f"{json_text(found.to_dict())}\n"


def comparison_csv(found: ComparisonReport) -> str:
    """Return a header and a row for each score and each class's IoU of each run; undefined values are empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in found.runs:
        for name, one in run.differences.items():
            writer.writerow([safe_cell(run.name), name, None, None, *_numbers(one)])
        for of_class in run.classes:
            cells = [safe_cell(run.name), "iou", of_class.id, safe_cell(of_class.name), *_numbers(of_class.iou)]
            writer.writerow(cells)
    return text.getvalue()


def _numbers(one: Difference) -> list[Value]:
    return [one.base, one.new, one.difference, *(one.interval.bounds() or (None, None)), one.p, one.p_bootstrap]


def comparison_latex(found: ComparisonReport) -> str:
    """Return the IoU of each class and the scores with a column a run (package booktabs).

    The best of each row is bold, by the unrounded value; a star marks p < 0.05 against the baseline, the first column.
    """
    names = [found.base_name, *(run.name for run in found.runs)]
    lines = [f"% {visible(str(found.signature))}", f"% {visible(p_line(found))}"]
    lines += [rf"\begin{{tabular}}{{l{'r' * len(names)}}}", r"\toprule"]
    lines += [_row(["", *map(escaped, names)]), r"\midrule"]
    of_run = [{(one.id, one.name): one.iou for one in run.classes} for run in found.runs]
    for key in dict.fromkeys(key for classes in of_run for key in classes):
        lines.append(_row([escaped(key[1]), *_cells([classes.get(key) for classes in of_run])]))
    lines.append(r"\midrule")
    for name in (name for name in found.base.scores if any(name in run.differences for run in found.runs)):
        differences = [run.differences.get(name) for run in found.runs]
        cells = _cells(differences, lower=SCORE[name].lower_is_better, plain=not in_percent(name))
        lines.append(_row([escaped(title(name)), *cells]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "".join(f"{line}\n" for line in lines)


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


def _row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def comparison_junit(found: ComparisonReport) -> str:
    """Return a test case for each regression rule, failed where it failed, or one that passes where there are none."""
    verdicts = found.regressions
    counts = {
        "tests": str(max(1, len(verdicts))),
        "failures": str(sum(not verdict.passed for verdict in verdicts)),
        "errors": "0",
    }
    root = ElementTree.Element("testsuites", counts, name=SUITE, time=NO_TIME)
    suite = ElementTree.SubElement(root, "testsuite", counts, name=SUITE, skipped="0", time=NO_TIME)
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="signature", value=visible(str(found.signature)))
    output = "\n".join(headline(found, run) for run in found.runs)
    for verdict in verdicts:
        name = visible(f"{verdict.run}: {verdict.metric} worse by at most {verdict.allowed!r}")
        case = ElementTree.SubElement(suite, "testcase", name=name, classname=f"{SUITE}.regressions", time=NO_TIME)
        text = visible(regression_text(verdict))
        if not verdict.passed:
            ElementTree.SubElement(case, "failure", message=text, type="regression").text = text
        ElementTree.SubElement(case, "system-out").text = text
    if not verdicts:
        case = ElementTree.SubElement(suite, "testcase", name="compared", classname=SUITE, time=NO_TIME)
        ElementTree.SubElement(case, "system-out").text = output
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def comparison_github(found: ComparisonReport) -> str:
    """Return at most ten annotations: failed rules as errors, warnings, and a notice with the headlines."""
    lines = [
        annotation("error", "segeval regression", regression_text(verdict))
        for verdict in found.regressions
        if not verdict.passed
    ]
    lines += [annotation("warning", "segeval", text) for text in found.forced]
    lines += map(finding_annotation, found.warnings)
    left = len(lines) - (MOST - 1)
    notice = "; ".join(headline(found, run) for run in found.runs)
    notice += f"; {left} more errors or warnings are in the report" if left > 0 else ""
    return "".join(f"{line}\n" for line in (*lines[: MOST - 1], annotation("notice", "segeval", notice)))
