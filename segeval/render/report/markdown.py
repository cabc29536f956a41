"""A report as Markdown for a merge request or a job summary: short, with the classes folded away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from segeval.render.report.intervals import (
    confusion_lines,
    empty_gt_text,
    gain_rows,
    has_intervals,
    interval_text,
    intervals_line,
    score_interval_text,
    worst_rows,
)
from segeval.render.report.wording import (
    data_text,
    heading,
    mean_text,
    score_text,
    signature_text,
)
from segeval.render.syntax.numbers import bounds_of, count, loss, percent, verdict_text
from segeval.render.syntax.text import visible
from segeval.report.report import Report
from segeval.scores.registry import HEADLINE, OF_CLASS_MAPS, OF_CLASSES, chosen

MOST_ROWS = 300
MOST_LINES = 20
LONGEST_NAME = 100
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
SPECIAL = re.compile(r"[\\`*_{}\[\]|~#!$^&<>]")
MENTION = re.compile(r"@(?=[\w\\-])")


def render_markdown(report: Report) -> str:
    """Return headline scores, gates, warnings, the classes in a fold, and the signature; a few KiB in most cases."""
    blocks = [f"### {HEADLINE.title} {_headline(report)}", _scores(report)]
    blocks.append(escaped(f"{mean_text(report)}; {data_text(report.data)}"))
    if report.gates:
        blocks.append(_gates(report))
    if report.warnings:
        lines = [f"- ⚠️ {escaped(f'{warning.kind}: {warning}', longest=1000)}" for warning in report.warnings]
        blocks.append("\n".join(capped(lines, MOST_LINES, "- ")))
    blocks.append(_classes(report))
    if report.groups:
        blocks.append(_groups(report))
    blocks += _details(report)
    blocks.append(fenced(signature_text(report)))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str, *, longest: int = LONGEST_NAME) -> str:
    """Write text so that Markdown shows it as it is: no markup, no HTML, no table cell, no mention of a user."""
    shown = visible(text)
    if len(shown) > longest:
        shown = f"{shown[: longest - 1]}…"
    marked = SPECIAL.sub(lambda match: ENTITIES.get(match[0], f"\\{match[0]}"), shown)
    return MENTION.sub("@<!-- -->", marked)


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


def _gates(report: Report) -> str:
    failed_first = sorted(report.gates, key=lambda verdict: verdict.passed)
    lines = [
        f"- {'✅ holds' if verdict.passed else '❌ **failed**'}: {escaped(verdict_text(verdict))}"
        for verdict in failed_first
    ]
    return "\n".join(capped(lines, MOST_LINES, "- "))


def _classes(report: Report) -> str:
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    columns = (*OF_CLASSES, "gt_share")
    drawn = has_intervals(report)
    rows = [
        [
            str(entry.id),
            escaped(entry.name),
            *(percent(getattr(entry, column), bounds_of(report, column, entry)) for column in columns),
            *(loss(entry.losses.get(name), bounds_of(report, name, entry)) for name in of_maps),
            *[interval_text(report.iou_interval(index))] * drawn,
        ]
        for index, entry in enumerate(report.classes[:MOST_ROWS])
    ]
    titles = ["id", "class", *map(heading, OF_CLASSES), "GT share %", *map(heading, of_maps)]
    titles += ["IoU interval"] * drawn
    left = len(report.classes) - len(rows)
    more = f"\n\n... and {count(left)} more" if left else ""
    summary = f"<summary>Classes ({count(len(report.classes))})</summary>"
    return f"<details>\n{summary}\n\n{pipe_table(titles, rows, numbers_from=2)}{more}\n\n</details>"


def _details(report: Report) -> list[str]:
    """Return what was asked for beyond scores, each in a fold, behind the lines that tell how intervals were drawn."""
    lines = [escaped(line, longest=1000) for line in (intervals_line(report), empty_gt_text(report)) if line]
    images = [[escaped(cell) for cell in row] for row in worst_rows(report)[:MOST_ROWS]]
    if images:
        titles = ["image", "mIoU^I %", "costliest class", "its points"]
        lines.append(folded("Worst images", pipe_table([*map(escaped, titles)], images, numbers_from=1)))
    gains = [[escaped(cell) for cell in row] for row in gain_rows(report)]
    if gains:
        confusions = "".join(f"\n- {escaped(line, longest=1000)}" for line in confusion_lines(report))
        table = pipe_table(["were it perfect", "mIoU %", "points"], gains, numbers_from=1)
        lines.append(folded("Where the points are", f"{table}\n{confusions}"))
    return lines


def folded(summary: str, text: str) -> str:
    """Put blocks behind a summary that opens on a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def _groups(report: Report) -> str:
    rows = [[escaped(group.name), percent(group.iou), percent(group.dice)] for group in report.groups[:MOST_ROWS]]
    left = len(report.groups) - len(rows)
    more = f"\n\n... and {count(left)} more" if left else ""
    summary = f"<summary>Groups ({count(len(report.groups))})</summary>"
    return (
        f"<details>\n{summary}\n\n{pipe_table(['group', 'IoU %', 'Dice %'], rows, numbers_from=1)}{more}\n\n</details>"
    )


def pipe_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int) -> str:
    """Write a table of escaped cells; columns from `numbers_from` on are set right."""
    rule = ["---:" if index >= numbers_from else "---" for index in range(len(titles))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def capped(lines: Sequence[str], most: int, bullet: str) -> list[str]:
    """Keep at most so many lines, and tell how many are left out."""
    left = len(lines) - most
    return [*lines[:most], f"{bullet}... and {count(left)} more"] if left > 0 else list(lines)


def fenced(text: str) -> str:
    """Put a line in a fence that is longer than any run of backticks in it."""
    runs = re.findall("`+", text)
    fence = "`" * max(3, 1 + max(map(len, runs), default=0))
    return f"{fence}text\n{text}\n{fence}"
