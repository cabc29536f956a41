"""An explanation as a table or as JSON: every convention's mean, then what each rule is worth, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from segeval.errors import Finding, and_more, listed, printable
from segeval.explanation.explanation import Account, Circumstance, ClassChange, Explanation, Step
from segeval.render.lossexplanation import print_reductions
from segeval.render.messages import finding_label
from segeval.render.report.wording import count, percent, title
from segeval.render.syntax.json import json_text
from segeval.render.syntax.page import Cell, Page, grid, in_lines, page_text
from segeval.scores.overlap import Value

MOST_CLASSES = 8
"""Classes shown of one step; JSON and -v have them all."""
NO_MEAN = "(mean undefined)"
NAMES_WIDTH, RULES_WIDTH = 34, 56
"""Columns in which lists of conventions and of rules break into lines."""
OUT = "-"
OWN = "°"


def render_explanation_json(found: Explanation) -> str:
    """Return the explanation as JSON text, as `Explanation.to_dict` describes it."""
    return f"{json_text(found.to_dict())}\n"


def render_explanation(
    found: Explanation, *, color: bool = False, width: int | None = None, verbose: bool = False
) -> str:
    """Return the explanation for reading; `verbose` shows every class and the whole signature."""
    return page_text(lambda page: _print(page, found, verbose), color=color, width=width)


def refusal_warning(found: Explanation) -> Finding | None:
    """Say that the chosen convention gives no score, where it does not."""
    if not found.chosen.refusals:
        return None
    return Finding(
        "refused",
        f"the chosen convention {found.chosen.name} refuses these masks: {_reasons(found.chosen)}",
        (),
        "Choose another with --convention",
    )


def _print(page: Page, found: Explanation, verbose: bool) -> None:
    page.show(
        grid(
            ("convention", "mIoU %", "points", "classes", "rules that change it"),
            (_row(found, accounts) for accounts in _alike(found)),
            right=(1, 2, 3),
            folded=(0, 4),
        )
    )
    origin = f"points are percentage points from {printable(found.chosen.name)}"
    if found.chosen.refusals:
        origin = f"{printable(found.chosen.name)} gives no score to compare with"
    page.say(Text(f"{origin}; {_data(found)}"))
    rows = list(_rule_rows(found, verbose))
    if rows:
        page.show(
            grid(("convention", "rule", "points", "class", "IoU %", "becomes"), rows, right=(2, 4, 5), folded=(0,))
        )
        page.say(Text(f"{OUT} is a class that is not in the mean", "dim"))
    others = list(_other_rows(found))
    if others:
        page.show(
            grid(("score", "%", "points", "convention", "rules that change it"), others, right=(1, 2), folded=(3, 4))
        )
    if any(account.own for account in (found.chosen, *found.others)):
        page.say(Text(f"{OWN} segeval's own mIoU, since the evaluator prints none", "dim"))
    for circumstance in found.circumstances:
        page.say(Text.assemble((f"{_option(circumstance.axis)}: ", "bold"), printable(_circumstance(circumstance))))
    if not found.circumstances:
        page.say(Text("no rule matters for these masks: every convention gives the same result"))
    print_reductions(page, found.losses)
    if found.distances is not None:
        from segeval.render.definitions import print_definitions  # few explanations are of distances

        print_definitions(page, found.distances, verbose=verbose)
    for warning in found.warnings:
        page.label(finding_label(warning), "bold yellow", str(warning))
    line = str(found.signature) if verbose else found.signature.short()
    page.say(Text(printable(line), "dim"), whole=True)


def _alike(found: Explanation) -> list[list[Account]]:
    """Put conventions together that come to the same mean by the same rules, or refuse the same."""
    groups: dict[object, list[Account]] = {}
    for account in found.others:
        key = (account.miou, account.classes_in_mean, account.own, account.steps, account.refusals)
        groups.setdefault(key, []).append(account)
    return [[found.chosen], *groups.values()]


def _row(found: Explanation, accounts: Sequence[Account]) -> tuple[Cell, ...]:
    account = accounts[0]
    is_chosen = account is found.chosen
    names = in_lines((one.name for one in accounts), NAMES_WIDTH)
    name = Text(f"{names} (chosen)" if is_chosen else names, "bold" if is_chosen else "")
    if account.refusals:
        return name, OUT, "", "", Text(f"refuses: {_reasons(account)}", "yellow")
    value = OUT if account.miou is None else percent(account.miou)
    mean = Text(f"{value} {OWN}" if account.own else value, "bold")
    rules = in_lines((f"{_rule(step)} {_points(step.difference)}" for step in account.steps), RULES_WIDTH)
    if not account.steps and not is_chosen:
        rules = "same result" if not found.chosen.refusals else ""
    difference = "" if is_chosen else _points(found.difference(account), undefined="")
    return name, mean, difference, str(account.classes_in_mean), rules


def _other_rows(found: Explanation) -> Iterator[tuple[Cell, ...]]:
    """Return a row for each way to another score than mIoU that some evaluator prints, with who goes it."""
    for name, chosen in found.chosen.scores.items():
        groups: dict[tuple[Step, ...], list[Account]] = {}
        for account in found.others:
            score = account.scores.get(name)
            if score is not None and score.steps and not score.own:
                groups.setdefault(score.steps, []).append(account)
        if groups:
            yield Text(title(name), "bold"), _percent(chosen.value), "", printable(found.chosen.name), ""
        for steps, accounts in groups.items():
            who = in_lines((account.name for account in accounts), NAMES_WIDTH)
            rules = in_lines((f"{_rule(step)} {_points(step.difference)}" for step in steps), RULES_WIDTH)
            value = accounts[0].scores[name].value
            yield "", _percent(value), _points(found.score_difference(accounts[0], name), undefined=""), who, rules


def _rule_rows(found: Explanation, verbose: bool) -> Iterator[tuple[Cell, ...]]:
    """Return a row for each class that a rule moves; conventions with the same steps share theirs."""
    sharing: dict[tuple[Step, ...], list[str]] = {}
    for account in found.others:
        if account.steps:
            sharing.setdefault(account.steps, []).append(account.name)
    for steps, names in sharing.items():
        who = in_lines(names, NAMES_WIDTH)
        for step in steps:
            changes = (
                sorted(step.classes, key=_weight, reverse=True) if len(step.classes) > MOST_CLASSES else step.classes
            )
            shown: Sequence[ClassChange] = changes if verbose else changes[:MOST_CLASSES]
            first = (who, _rule(step), Text(_points(step.difference), "bold"))
            if not shown:
                yield *first, "", "", ""
            for index, change in enumerate(shown):
                start = ("", "", "") if index else first
                yield *start, printable(change.name), _percent(change.before), _percent(change.after)
            if len(shown) < len(changes):
                yield "", "", "", f"{and_more(len(changes) - len(shown))} (-v)", "", ""
            who = ""


def _weight(change: ClassChange) -> float:
    """Order classes by how far they move; one that enters or leaves the mean comes first."""
    return 1.0 if change.before is None or change.after is None else abs(change.after - change.before)


def _rule(step: Step) -> str:
    return f"{_option(step.axis)} {step.old} -> {step.new}"


def _option(axis: str) -> str:
    return axis.replace("_", "-")


def _reasons(account: Account) -> str:
    return ", ".join(
        refusal.what if refusal.pixels is None else f"{refusal.what} ({count(refusal.pixels)} px)"
        for refusal in account.refusals
    )


def _percent(value: Value) -> str:
    return OUT if value is None else percent(value)


def _points(difference: Value, undefined: str = NO_MEAN) -> str:
    if difference is None:
        return undefined
    text = f"{100 * difference:+.2f}"
    return "0.00" if float(text) == 0 else text


def _data(found: Explanation) -> str:
    images, classes = found.images, len(found.classes)
    return f"{count(images)} image{'s' * (images != 1)}, {count(classes)} class{'es' * (classes != 1)}"


def _circumstance(entry: Circumstance) -> str:
    pixels = "" if entry.pixels is None else f", {count(entry.pixels)} px"
    names = listed(entry.classes, MOST_CLASSES)
    return f"{entry.what}{pixels}{f' ({names})' if names else ''}"
