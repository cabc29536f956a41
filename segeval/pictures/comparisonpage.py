"""A comparison as a page: every difference with its interval and p-value, the images that changed most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from segeval.comparison.runs import ComparedRun, ComparisonReport
from segeval.pictures.pagetext import LONGEST_LINE, Cell, Gallery, Page, Table, shown
from segeval.render.comparison.wording import (
    Line,
    class_lines,
    headline,
    image_rows,
    p_line,
    regression_text,
    score_lines,
)
from segeval.render.messages import finding_label
from segeval.render.report.wording import data_text
from segeval.sampling.significance import Difference

HEADS = ("base", "new", "difference", "interval", "p", "")


def comparison_page(found: ComparisonReport, galleries: Sequence[Gallery] = ()) -> Page:
    """Return the page of a comparison: before and after, score by score, class by class and image by image."""
    tables = [table for run in found.runs for table in _tables(run)]
    return Page(
        title=shown(headline(found, found.runs[0]), LONGEST_LINE),
        told=[shown(f"baseline {found.base_name}"), data_text(found.base.data), p_line(found)],
        signature=shown(str(found.signature), LONGEST_LINE),
        gates=[(verdict.passed, shown(regression_text(verdict), LONGEST_LINE)) for verdict in found.regressions],
        warnings=[shown(f"{finding_label(one)}: {one}", LONGEST_LINE) for one in found.warnings],
        tables=tables,
        galleries=galleries,
    )


def _tables(run: ComparedRun) -> Iterable[Table]:
    name = shown(run.name)
    scores = zip(score_lines(run), run.differences.values(), strict=True)
    yield Table(f"Scores of {name}", ["score", *HEADS], [_row(*pair) for pair in scores], sortable=True)
    classes = zip(class_lines(run), (one.iou for one in run.classes), strict=True)
    yield Table(f"Classes of {name}", ["class", *HEADS], [_row(*pair) for pair in classes], sortable=True)
    for went, images in (("lost", run.worst_hit), ("gained", run.most_gained)):
        rows = [[Cell(shown(text), shown(text)) for text in row] for row in image_rows(images)]
        if rows:
            heads = ["image", "base mIoU %", "new mIoU %", "difference", f"class that {went} most"]
            yield Table(f"Images that {went} most in {name}", heads, rows, names=(0, 4))


def _row(line: Line, one: Difference) -> list[Cell]:
    numbers = (one.base, one.new, one.difference, one.interval.low, one.p)
    texts = (line.base, line.new, line.difference, line.interval, line.p)
    cells = [Cell(text, "" if value is None else value) for text, value in zip(texts, numbers, strict=True)]
    return [Cell(shown(line.name), shown(line.name)), *cells, Cell(line.mark)]
