"""The words that the shell completes: presets, conventions, formats, kinds of findings, metrics and classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import click
from click.shell_completion import CompletionItem

PLAIN = re.compile(r"[\w.+-]+")
"""Names that no shell splits or expands."""


def items(kind: str, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the words of a kind that begin as `incomplete` does; of a list, the last entry is completed."""
    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(before + comma + word) for word in WORDS[kind](context) if word.startswith(last)]


def file_item(incomplete: str) -> list[CompletionItem]:
    """Return what makes the shell complete a file itself."""
    return [CompletionItem(incomplete, type="file")]


def _presets(_: click.Context) -> Iterable[str]:
    from segeval.protocol.presets import preset_names

    return preset_names()


def _conventions(_: click.Context) -> Iterable[str]:
    from segeval.protocol.conventions import conventions

    return conventions()


def _formats(_: click.Context) -> Iterable[str]:
    from segeval.render import FORMATS

    return FORMATS


def _kinds(_: click.Context) -> Iterable[str]:
    from segeval.errors import KINDS

    return (*(name for name, kind in KINDS.items() if kind.allowable), "none")


def _lesions(_: click.Context) -> Iterable[str]:
    from segeval.protocol.lesions import MEASURES

    return MEASURES


def _classes(context: click.Context) -> list[str]:
    """Return the class names of the list or the preset that the line gives, as far as they can be read."""
    from segeval.errors import SegevalError
    from segeval.request import build_request

    given = {name: context.params[name] for name in ("preset", "classes") if context.params.get(name) is not None}
    try:
        classes = build_request(**given).protocol.classes or ()
    except SegevalError:
        return []
    return [entry.name for entry in classes if PLAIN.fullmatch(entry.name)]


def _mean_over(context: click.Context) -> Iterable[str]:
    return ("foreground", *_classes(context))


def _ignored(context: click.Context) -> Iterable[str]:
    return ("none", *_classes(context))


def _metrics(context: click.Context, *, lower: bool | None, end: str) -> list[str]:
    """Return the metrics with what follows them; a score of classes is open where the classes are not known."""
    from segeval.scores.registry import SCORES

    scores = [score for score in SCORES if lower is None or score.lower_is_better is lower]
    found = [score.name + end for score in scores if score.of_data]
    names = _classes(context)
    for score in scores:
        if score.per_class:
            found += [f"{score.name}.{name}{end}" for name in names] or [f"{score.name}."]
    return found


WORDS: Mapping[str, Callable[[click.Context], Iterable[str]]] = {
    "presets": _presets,
    "conventions": _conventions,
    "formats": _formats,
    "kinds": _kinds,
    "weights": lambda _: ("auto",),
    "alpha": lambda _: ("auto", "none"),
    "lesions": _lesions,
    "ignored": _ignored,
    "mean over": _mean_over,
    "metrics": lambda context: _metrics(context, lower=None, end=""),
    "least": lambda context: _metrics(context, lower=False, end="="),
    "greatest": lambda context: _metrics(context, lower=True, end="="),
    "drops": lambda context: _metrics(context, lower=None, end="="),
}
"""Every kind of words, with what lists them for a line that is being typed."""
