"""A comparison as Markdown for a merge request: the scores in sight, classes and images folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from segeval.errors import printable
from segeval.render.comparison.wording import (
    Line,
    class_lines,
    headline,
    hit_rows,
    p_line,
    regression_text,
    score_lines,
)
from segeval.render.report.extras import level_text
from segeval.render.report.markdown import warning_line
from segeval.render.syntax.markdown import MOST_LINES, capped, capped_table, escaped, fenced, folded, judged, pipe_table

if TYPE_CHECKING:
    from segeval.comparison.runs import ComparedRun, ComparisonReport


def comparison_markdown(found: ComparisonReport) -> str:
    """Return each run's scores beside the baseline's, verdicts, warnings, classes and worst-hit images in folds."""
    blocks: list[str] = []
    for run in found.runs:
        blocks += _run(found, run)
    blocks.append(escaped(p_line(found), longest=1000))
    if found.regressions:
        blocks.append(judged((verdict.passed, regression_text(verdict)) for verdict in found.regressions))
    told = [f"- ⚠️ forced: {escaped(text, longest=300)}" for text in found.forced]
    told = [*capped(told, MOST_LINES, "- "), *map(warning_line, found.warnings)]
    if told:
        blocks.append("\n".join(told))
    blocks.append(fenced(printable(str(found.signature))))
    return "\n\n".join(blocks) + "\n"


def _run(found: ComparisonReport, run: ComparedRun) -> Iterator[str]:
    titles = [found.base_name, run.name, "difference", level_text(found.settings), "p"]
    columns = list(map(escaped, titles))
    yield f"### {escaped(headline(found, run), longest=300)}"
    yield pipe_table(["score", *columns], _rows(score_lines(run)), numbers_from=1)
    classes = _rows(class_lines(run))
    table = capped_table(["class", *columns], classes, numbers_from=1)
    yield folded(f"IoU of the classes ({len(classes):,})", table)
    if rows := [[escaped(cell) for cell in row] for row in hit_rows(run)]:
        heads = ["image", escaped(found.base_name), escaped(run.name), "mIoU\\^I", "class that fell most"]
        yield folded("Worst-hit images", pipe_table(heads, rows, numbers_from=1))


def _rows(lines: Iterable[Line]) -> list[Sequence[str]]:
    return [
        [escaped(line.name), line.base, line.new, line.difference, line.interval, escaped(f"{line.p}{line.mark}")]
        for line in lines
    ]
