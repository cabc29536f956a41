"""Distances of an explanation: each definition's, and the rules that lead there."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from segeval.errors import and_more, printable
from segeval.explanation.definitions import RULES_OF, DefinitionAccount, DistanceExplanation
from segeval.explanation.explanation import ClassChange, Step
from segeval.protocol.distances import write_spacing
from segeval.protocol.numbers import number
from segeval.render.report.wording import title
from segeval.render.syntax.page import Cell, Page, grid, in_lines
from segeval.scores.overlap import Value

OUT = "-"
MOST_CLASSES = 8
RULES_WIDTH = 56
DIGITS = 5


def print_definitions(page: Page, found: DistanceExplanation, *, verbose: bool) -> None:
    """Print a row for each score and definition, then one for each class that a rule moves."""
    rows = [row for score in RULES_OF for row in _rows(found, score)]
    page.show(
        grid(("score", "value", "difference", "definition", "rules that change it"), rows, right=(1, 2), folded=(4,))
    )
    unit = "the files' spacing" if found.chosen.spacing is None else f"spacing {write_spacing(found.chosen.spacing)}"
    page.say(Text(f"distances in {unit}, tolerance {number(found.chosen.tolerance)}; differences from the chosen one"))
    moved = [row for score in RULES_OF for row in _class_rows(found, score, verbose)]
    if moved:
        page.show(
            grid(("score", "rule", "difference", "class", "value", "becomes"), moved, right=(2, 4, 5), folded=(1,))
        )


def _rows(found: DistanceExplanation, score: str) -> Iterator[tuple[Cell, ...]]:
    first = found.accounts[0]
    if score not in first.scores:
        yield Text(title(score), "bold"), OUT, "", f"{first.name} (chosen)", "its program has none"
    heading: Cell = Text(title(score), "bold") if score in first.scores else ""
    for account in found.accounts:
        if score in account.scores:
            yield heading, *_row(found, account, score)
            heading = ""


def _row(found: DistanceExplanation, account: DefinitionAccount, score: str) -> tuple[Cell, ...]:
    is_chosen, of = account is found.accounts[0], account.scores[score]
    steps = (f"{_rule(step)} {_signed(step.difference)}" for step in of.steps if step.difference)
    name = Text(f"{account.name} (chosen)" if is_chosen else account.name, "bold" if is_chosen else "")
    words = in_lines(steps, RULES_WIDTH) or ("" if is_chosen or not of.steps else "same result")
    return Text(_shown(of.value), "bold"), "" if is_chosen else _signed(found.difference(account, score)), name, words


def _class_rows(found: DistanceExplanation, score: str, verbose: bool) -> Iterator[tuple[Cell, ...]]:
    told: dict[Step, None] = {}
    for account in found.accounts:
        for step in account.scores[score].steps if score in account.scores else ():
            if step.classes:
                told[step] = None
    for step in told:
        seen = (one for one in step.classes if _shown(one.before) != _shown(one.after))
        changes = sorted(seen, key=_weight, reverse=True)
        shown = changes if verbose else changes[:MOST_CLASSES]
        first: tuple[Cell, ...] = (title(score), _rule(step), Text(_signed(step.difference), "bold"))
        for change in shown:
            yield *first, printable(change.name), _shown(change.before), _shown(change.after)
            first = ("", "", "")
        if len(shown) < len(changes):
            yield "", "", "", f"{and_more(len(changes) - len(shown))} (-v)", "", ""


def _weight(change: ClassChange) -> float:
    if change.before is None or change.after is None:
        return float("inf")
    return abs(change.after - change.before)


def _rule(step: Step) -> str:
    return f"{step.axis.replace('_', '-')} {step.old} -> {step.new}"


def _shown(value: Value) -> str:
    return OUT if value is None else f"{value:.{DIGITS}g}"


def _signed(value: Value) -> str:
    return "" if value is None else f"{value:+.{DIGITS - 1}g}"
