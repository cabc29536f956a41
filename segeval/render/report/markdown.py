"""A report as Markdown for a merge request or a job summary: short, with the classes folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segeval.errors import Finding
from segeval.render.report.extras import (
    GAIN_TITLES,
    WORST_TITLES,
    confusion_lines,
    foreground_text,
    gain_rows,
    intervals_line,
    worst_rows,
)
from segeval.render.report.wording import (
    COMPACT,
    View,
    bounds_of,
    count,
    data_text,
    has_intervals,
    heading,
    in_percent,
    interval_text,
    mean_text,
    own_text,
    score_interval_text,
    score_text,
    signature_text,
    ungated_text,
    verdict_text,
)
from segeval.render.syntax.markdown import (
    MOST_LINES,
    MOST_ROWS,
    capped,
    capped_table,
    escaped,
    fenced,
    folded,
    judged,
    pipe_table,
)
from segeval.report.report import Report
from segeval.scores.registry import HEADLINE, OF_CLASS_MAPS, OF_CLASSES, OF_CONTOURS, chosen


def render_markdown(report: Report, view: View = COMPACT) -> str:
    """Return headline scores, gates, warnings, the classes in a fold, and the signature; a few KiB in most cases."""
    blocks = [f"### {HEADLINE.title} {_headline(report, view)}", _scores(report, view)]
    blocks.append(escaped(f"{mean_text(report)}; {data_text(report.data)}", longest=1000))
    if own := own_text(report):
        blocks.append(escaped(own, longest=1000))
    if report.gates:
        blocks.append(judged((verdict.passed, verdict_text(verdict)) for verdict in report.gates))
    if left_out := ungated_text(report):
        blocks.append(escaped(left_out, longest=1000))
    if report.warnings:
        lines = list(map(warning_line, report.warnings))
        blocks.append("\n".join(capped(lines, MOST_LINES, "- ")))
    blocks.append(_classes(report, view))
    if report.groups:
        blocks.append(_groups(report, view))
    blocks += _details(report, view)
    if view.confusion:
        blocks.append(_confusion(report, view))
    blocks.append(fenced(signature_text(report)))
    return "\n\n".join(blocks) + "\n"


def warning_line(finding: Finding) -> str:
    """Write one finding as an entry of a list."""
    return f"- ⚠️ {escaped(f'{finding.kind}: {finding}', longest=1000)}"


def _headline(report: Report, view: View) -> str:
    value = report.scores[HEADLINE.name]
    return "undefined" if value is None else f"{score_text(report, HEADLINE.name, view)} %"


def _scores(report: Report, view: View) -> str:
    """Write the scores in percent, and below them the plain numbers."""
    kinds = [[name for name in report.scores if in_percent(name) is of_kind] for of_kind in (True, False)]
    return "\n\n".join(_beside(report, scores, view) for scores in kinds if scores)


def _beside(report: Report, scores: Sequence[str], view: View) -> str:
    titles = [escaped(heading(name)) for name in scores]
    rows = [[score_text(report, name, view) for name in scores]]
    if has_intervals(report):
        rows.append([score_interval_text(report, name, view) for name in scores])
    return pipe_table(titles, rows, numbers_from=0)


def _classes(report: Report, view: View) -> str:
    of_contours = chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours))
    columns = (*OF_CLASSES, "gt_share")
    drawn = has_intervals(report)
    rows = [
        [
            str(entry.id),
            escaped(entry.name if entry.in_means else f"{entry.name} (not in the mean)"),
            *(view.percent(getattr(entry, column), bounds_of(report, column, entry)) for column in columns),
            *(view.writer(name)(entry.contours.get(name), bounds_of(report, name, entry)) for name in of_contours),
            *[interval_text(report.iou_interval(index), view.percent)] * drawn,
        ]
        for index, entry in sorted(
            ((index, report.classes[index]) for index in view.ranked(report)), key=lambda pair: not pair[1].in_means
        )
    ]
    titles = [
        "id",
        "class",
        *map(heading, OF_CLASSES),
        "GT share %",
        *map(heading, of_contours),
        *["IoU interval %"] * drawn,
    ]
    blocks = [folded(f"Classes ({count(len(report.classes))})", capped_table(titles, rows, numbers_from=2))]
    return "\n\n".join([*blocks, *_maps(report, view)])


def _maps(report: Report, view: View) -> Iterator[str]:
    """Write the plain numbers of the classes' probability maps, nothing for label masks."""
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    if not of_maps:
        return
    rows = [
        [
            str(entry.id),
            escaped(entry.name),
            *(view.loss(entry.losses.get(name), bounds_of(report, name, entry)) for name in of_maps),
        ]
        for entry in (report.classes[index] for index in view.ranked(report))
    ]
    titles = ["id", "class", *map(heading, of_maps)]
    yield folded(f"Maps of classes ({count(len(report.classes))})", capped_table(titles, rows, numbers_from=2))


def _details(report: Report, view: View) -> list[str]:
    """Return what was asked for beyond scores, each in a fold, behind the lines that tell how intervals were drawn."""
    lines = [escaped(line, longest=1000) for line in (intervals_line(report), foreground_text(report)) if line]
    images = [[escaped(cell) for cell in row] for row in worst_rows(report, view)[:MOST_ROWS]]
    if images:
        titles = ["image", *WORST_TITLES[1:]]
        lines.append(folded("Worst images", pipe_table([*map(escaped, titles)], images, numbers_from=1)))
    gains = [[escaped(cell) for cell in row] for row in gain_rows(report, view)]
    if gains:
        confusions = "".join(f"\n- {escaped(line, longest=1000)}" for line in confusion_lines(report))
        table = pipe_table(GAIN_TITLES, gains, numbers_from=1)
        lines.append(folded("Where mIoU is lost", f"{table}\n{confusions}"))
    return [*lines, *(_slices(report, view) if report.details.slices is not None else ())]


def _slices(report: Report, view: View) -> Iterator[str]:
    from segeval.render.report.slices import slice_rows, slices_line  # few reports have slices

    for told in slice_rows(report, view):
        rows = [[escaped(name), *row] for name, row in zip(told.names, told.rows, strict=True)]
        yield folded(
            f"Slices by {escaped(told.column)}",
            capped_table([escaped(told.column), *told.titles], rows, numbers_from=1),
        )
    yield escaped(slices_line(report), longest=1000)


def _groups(report: Report, view: View) -> str:
    rows = [[escaped(group.name), view.percent(group.iou), view.percent(group.dice)] for group in report.groups]
    table = capped_table(["group", "IoU %", "Dice %"], rows, numbers_from=1)
    return folded(f"Groups ({count(len(report.groups))})", table)


def _confusion(report: Report, view: View) -> str:
    """Write the confusion matrix in a fold, its columns headed with the ids of the rows."""
    from segeval.render.report.confusion import TITLE, left_out_text, shown_matrix, top_confusions

    matrix = shown_matrix(report, view)
    shown = [report.classes[index] for index in matrix.classes]
    rows = [
        [str(entry.id), escaped(entry.name), *map(view.percent, shares)]
        for entry, shares in zip(shown, matrix.shares, strict=True)
    ]
    table = pipe_table(["id", "class", *(str(entry.id) for entry in shown), *matrix.outside], rows, numbers_from=2)
    told = "\n".join(f"- {escaped(line, longest=1000)}" for line in top_confusions(report))
    left = escaped(left_out_text(matrix), longest=1000)
    parts = filter(None, (escaped(TITLE), table, left, told))
    return folded(f"Confusion ({count(len(shown))} classes)", "\n\n".join(parts))
