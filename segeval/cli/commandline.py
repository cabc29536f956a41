"""The command line that a user has given, written again for another verb."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
from click.core import ParameterSource

from segeval.findings.remedies import Remedy
from segeval.request.options import FolderOptions, names_in
from segeval.stores.urls import Place

OTHER = {"gt": "pred", "pred": "gt"}
"""What the options of a side begin with, and those of the other."""


def score_line(pred: Place, gt: Place, remedy: Remedy) -> str:
    """Return 'segeval score' with the options of the line that is run, but for what a remedy says otherwise.

    What stands in the environment or in a configuration file holds for that line too, and is not repeated.
    """
    folders = (gt, pred) if remedy.swap else (pred, gt)
    mended = dict(remedy.options)
    kept = ((_other_side(name) if remedy.swap else name, value) for name, value in _given())
    words = [word for name, value in kept if name not in mended for word in _words(name, value)]
    words += [word for name, value in mended.items() for word in _words(name, value)]
    return shlex.join(["segeval", "score", *map(str, folders), *words])


def _other_side(name: str) -> str:
    """Return the option of the other folder, for one that is of a folder: they go where their folder goes."""
    side, _, what = name.partition("_")
    return f"{OTHER[side]}_{what}" if side in OTHER else name


def _given() -> Iterator[tuple[str, object]]:
    context = click.get_current_context()
    for name in (*names_in(FolderOptions), "probs"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield name, context.params[name]


def _words(name: str, value: object) -> Iterator[str]:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        yield option
    else:
        for text in value if isinstance(value, tuple) else (value,):
            yield from (option, str(text))
