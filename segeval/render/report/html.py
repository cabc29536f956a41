"""A report as HTML for a notebook: headline, the classes with bars, gates, warnings, and the signature.

There is no script, no link and no style sheet: notebooks take inline styles alone, and colours are the page's own but
for the bars, so that dark pages read as well as light ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from segeval.errors import and_more, printable
from segeval.render.messages import finding_label
from segeval.render.report.wording import (
    COMPACT,
    bounds_of,
    data_text,
    heading,
    headline,
    own_text,
    percent,
    score_text,
    signature_text,
    ungated_text,
    verdict_text,
)
from segeval.report.report import ClassScores, Report
from segeval.scores.registry import HEADLINE, OF_CLASS_MAPS, OF_CLASSES, chosen

MOST_ROWS = 300
LONGEST_NAME = 100
BAR = (
    "width:10em;min-width:10em;padding:0 .5em",
    "width:{:.1f}%;height:.7em;background:#4c8dae",
    "box-sizing:border-box;border:1px solid #8888;height:.8em",
)
NUMBER, TEXT = "text-align:right;padding:0 .5em", "text-align:left;padding:0 .5em"


def render_html(report: Report) -> str:
    """Return a fragment of HTML; every name and sentence is escaped."""
    blocks = [f"<p><strong>{_shown(headline(report))}</strong><br>{_shown(data_text(report.data))}</p>"]
    others = [name for name in report.scores if name != HEADLINE.name]
    if others:
        blocks.append(_table(map(heading, others), [[_cell(score_text(report, name)) for name in others]]))
    blocks.append(_classes(report))
    if own := own_text(report):
        blocks.append(f"<p>{_shown(own)}</p>")
    marks = {True: "✓ gate holds", False: "✗ gate failed"}
    told = [f"{marks[verdict.passed]}: {_shown(verdict_text(verdict))}" for verdict in report.gates]
    told += [_shown(left_out)] if (left_out := ungated_text(report)) else []
    told += [f"{_shown(finding_label(finding))}: {_shown(str(finding))}" for finding in report.warnings]
    if told:
        blocks.append(f"<ul>{''.join(f'<li>{line}</li>' for line in told)}</ul>")
    blocks.append(f"<p><code>{_shown(signature_text(report))}</code></p>")
    return f"<div>{''.join(blocks)}</div>"


def _classes(report: Report) -> str:
    of_maps = chosen(OF_CLASS_MAPS, (name for entry in report.classes for name in entry.losses))
    titles = ["id", "class", "", *map(heading, OF_CLASSES), "GT share %", *map(heading, of_maps)]
    rows = [_class_row(report, entry, of_maps) for entry in report.classes[:MOST_ROWS]]
    table = _table(titles, rows)
    left = len(report.classes) - len(rows)
    return f"{table}<p>{_shown(and_more(left, 'classes'))}</p>" if left else table


def _class_row(report: Report, entry: ClassScores, of_maps: Sequence[str]) -> list[str]:
    name = entry.name if len(entry.name) <= LONGEST_NAME else f"{entry.name[: LONGEST_NAME - 1]}…"
    scores = entry.scores()
    numbers = [
        COMPACT.writer(score)(scores.get(score), bounds_of(report, score, entry)) for score in (*OF_CLASSES, *of_maps)
    ]
    numbers.insert(len(OF_CLASSES), percent(entry.gt_share))
    bar = "" if entry.iou is None else f'<div style="{BAR[1].format(100 * entry.iou)}"></div>'
    return [
        _cell(str(entry.id)),
        f'<th scope="row" style="{TEXT}">{_shown(name)}</th>',
        f'<td aria-hidden="true" style="{BAR[0]}"><div style="{BAR[2]}">{bar}</div></td>',
        *map(_cell, numbers),
    ]


def _table(titles: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col" style="{NUMBER}">{_shown(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f'<td style="{NUMBER}">{_shown(text)}</td>'


def _shown(text: str) -> str:
    return escape(printable(text))
