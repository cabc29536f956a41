"""An inspection as text or as JSON: what is in the folders, then what looks wrong and what fixes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from segeval.errors import Finding, listed, printable
from segeval.findings.inspection import Inspection, Side, ValueShare
from segeval.render.messages import finding_label, note_text
from segeval.render.report.wording import count, percent
from segeval.render.syntax.json import json_text
from segeval.render.syntax.page import Cell, Page, grid, page_text

MOST_KINDS = 4
"""Encodings and sizes told of a folder."""
MOST_VALUES = 12
"""Values told of a folder; JSON has more."""
MOST_NAMES = 5
"""Files named in one line."""


def render_inspection_json(found: Inspection) -> str:
    """Return the inspection as JSON text, as `Inspection.to_dict` describes it."""
    return f"{json_text(found.to_dict())}\n"


def render_inspection(found: Inspection, *, command: str = "", color: bool = False, width: int | None = None) -> str:
    """Return the inspection for reading; `command` is the line that scores right, "" where there is none."""
    return page_text(lambda page: _print(page, found, command), color=color, width=width)


def _print(page: Page, found: Inspection, command: str) -> None:
    page.show(grid(("", "GT", "PRED"), _folder_rows(found), folded=(1, 2)))
    if found.gt.values or found.pred.values:
        titles = ("value", "meaning", "GT px", "GT %", "PRED px", "PRED %")
        page.show(grid(titles, _value_rows(found), right=(0, 2, 3, 4, 5), folded=(1,)))
    for line in _lines(found):
        page.say(Text(printable(line)))
    for note in found.notes:
        page.note(note_text(note))
    for finding in found.findings:
        _print_finding(page, finding)
    for suggestion in found.suggestions:
        page.say(Text.assemble((f"{printable(suggestion.what)}: ", "cyan"), printable(suggestion.option)))
    if found.ready:
        verdict = "no problems found: scoring would work" if not found.findings else "scoring would work"
        page.say(Text(verdict, "bold green"))
    else:
        page.say(Text("scoring would fail", "bold red"))
    if command:
        page.say(Text.assemble(("score with: ", "bold cyan"), printable(command)))


def _folder_rows(found: Inspection) -> Iterator[Sequence[Cell]]:
    sides = (found.gt, found.pred)
    yield "files", *(count(side.files) for side in sides)
    yield "encodings", *(_listed([(name, files) for name, files in side.encodings]) for side in sides)
    yield "sizes", *(_listed([(f"{wide}x{high}", files) for (wide, high), files in side.sizes]) for side in sides)
    yield "distinct values", *(_distinct(side) for side in sides)


def _listed(kinds: Sequence[tuple[str, int]]) -> str:
    if len(kinds) == 1:
        return printable(kinds[0][0])
    return listed([f"{printable(name)} ({count(files)})" for name, files in kinds], MOST_KINDS) or "-"


def _distinct(side: Side) -> str:
    return count(side.distinct) if side.values else "not decoded"


def _value_rows(found: Inspection) -> Iterator[Sequence[Cell]]:
    sides = [{entry.value: entry for entry in side.values} for side in (found.gt, found.pred)]
    ranked = [[entry.value for entry in side.values[:MOST_VALUES]] for side in (found.gt, found.pred)]
    for value in sorted({*ranked[0], *ranked[1]}):
        entries = [side.get(value) for side in sides]
        meanings = list(dict.fromkeys(entry.meaning for entry in entries if entry is not None and entry.meaning))
        yield str(value), printable(" / ".join(meanings)), *(cell for entry in entries for cell in _share(entry))
    for index, side in enumerate((found.gt, found.pred)):
        if side.distinct > MOST_VALUES:
            rest = f"{side.distinct - MOST_VALUES:,} more"
            yield "...", "", *(("", "", rest, "") if index else (rest, "", "", ""))


def _share(entry: ValueShare | None) -> tuple[str, str]:
    return ("", "") if entry is None else (count(entry.pixels), percent(entry.share))


def _lines(found: Inspection) -> Iterator[str]:
    if not found.decoded:
        decoded = "none counted against the other: values are those of each folder by itself"
    else:
        decoded = "all decoded" if found.decoded == found.pairs else f"{count(found.decoded)} of them decoded"
    yield f"headers of all files read; {count(found.pairs)} pair{'s' * (found.pairs != 1)}, {decoded}"
    for title, names in (
        ("ground truth without prediction", found.missing),
        ("predictions without ground truth", found.extra),
        ("ground truth with several predictions", [gt for gt, _ in found.ambiguous]),
        ("ground truth that cannot be told apart", [name for files in found.clashes for name in files]),
    ):
        if names:
            yield f"{title}: {count(len(names))} ({listed(names, MOST_NAMES)})"


def _print_finding(page: Page, finding: Finding) -> None:
    page.label(finding_label(finding), "bold red" if finding.blocks else "bold yellow", finding.what)
    for place in finding.where:
        page.say(Text(f"  {printable(place)}"))
    if finding.fix:
        page.say(Text.assemble(("  fix: ", "bold cyan"), printable(finding.fix)))
