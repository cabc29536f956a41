"""A report as Markdown for a merge request or a job summary: short, with the classes folded away."""

from __future__ import annotations

from segeval.errors import Finding
from segeval.render.report.wording import (
    GAIN_TITLES,
    WORST_TITLES,
    bounds_of,
    confusion_lines,
    count,
    data_text,
    foreground_text,
    gain_rows,
    has_intervals,
    heading,
    interval_text,
    intervals_line,
    loss,
    mean_text,
    own_text,
    percent,
    score_interval_text,
    score_text,
    signature_text,
    verdict_text,
    worst_rows,
    writer,
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


def render_markdown(report: Report) -> str:
    """Return headline scores, gates, warnings, the classes in a fold, and the signature; a few KiB in most cases."""
    blocks = [f"### {HEADLINE.title} {_headline(report)}", _scores(report)]
    blocks.append(escaped(f"{mean_text(report)}; {data_text(report.data)}"))
    if own := own_text(report):
        blocks.append(escaped(own))
    if report.gates:
        blocks.append(judged((verdict.passed, verdict_text(verdict)) for verdict in report.gates))
    if report.warnings:
        lines = list(map(warning_line, report.warnings))
        blocks.append("\n".join(capped(lines, MOST_LINES, "- ")))
    blocks.append(_classes(report))
    if report.groups:
        blocks.append(_groups(report))
    blocks += _details(report)
    blocks.append(fenced(signature_text(report)))
    return "\n\n".join(blocks) + "\n"


def warning_line(finding: Finding) -> str:
    """Write one finding as an entry of a list."""
    return f"- ⚠️ {escaped(f'{finding.kind}: {finding}', longest=1000)}"


def _headline(report: Report) -> str:
    value = report.scores[HEADLINE.name]
    return "undefined" if value is None else f"{score_text(report, HEADLINE.name)} %"


def _scores(report: Report) -> str:
    scores = list(report.scores)
    titles = [escaped(heading(name)) for name in scores]
    rows = [[score_text(report, name) for name in scores]]
    if has_intervals(report):
        rows.append([score_interval_text(report, name) for name in scores])
    return pipe_table(titles, rows, numbers_from=0)


def _classes(report: Report) -> str:
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    of_contours = chosen(OF_CONTOURS, (name for entry in report.classes for name in entry.contours))
    columns = (*OF_CLASSES, "gt_share")
    drawn = has_intervals(report)
    rows = [
        [
            str(entry.id),
            escaped(entry.name if entry.in_means else f"{entry.name} (not in the mean)"),
            *(percent(getattr(entry, column), bounds_of(report, column, entry)) for column in columns),
            *(writer(name)(entry.contours.get(name), bounds_of(report, name, entry)) for name in of_contours),
            *(loss(entry.losses.get(name), bounds_of(report, name, entry)) for name in of_maps),
            *[interval_text(report.iou_interval(index))] * drawn,
        ]
        for index, entry in sorted(enumerate(report.classes), key=lambda pair: not pair[1].in_means)
    ]
    titles = ["id", "class", *map(heading, OF_CLASSES), "GT share %", *map(heading, (*of_contours, *of_maps))]
    titles += ["IoU interval"] * drawn
    return folded(f"Classes ({count(len(report.classes))})", capped_table(titles, rows, numbers_from=2))


def _details(report: Report) -> list[str]:
    """Return what was asked for beyond scores, each in a fold, behind the lines that tell how intervals were drawn."""
    lines = [escaped(line, longest=1000) for line in (intervals_line(report), foreground_text(report)) if line]
    images = [[escaped(cell) for cell in row] for row in worst_rows(report)[:MOST_ROWS]]
    if images:
        titles = ["image", *WORST_TITLES[1:]]
        lines.append(folded("Worst images", pipe_table([*map(escaped, titles)], images, numbers_from=1)))
    gains = [[escaped(cell) for cell in row] for row in gain_rows(report)]
    if gains:
        confusions = "".join(f"\n- {escaped(line, longest=1000)}" for line in confusion_lines(report))
        table = pipe_table(GAIN_TITLES, gains, numbers_from=1)
        lines.append(folded("Where mIoU is lost", f"{table}\n{confusions}"))
    return lines


def _groups(report: Report) -> str:
    rows = [[escaped(group.name), percent(group.iou), percent(group.dice)] for group in report.groups]
    table = capped_table(["group", "IoU %", "Dice %"], rows, numbers_from=1)
    return folded(f"Groups ({count(len(report.groups))})", table)
