"""Reports as text: one pure renderer a format, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from segeval.render.report.wording import View
    from segeval.report.report import Report
    from segeval.stores.urls import Place

FORMATS: Mapping[str, tuple[str, str]] = {
    "table": ("segeval.render.report.table", "render_table"),
    "json": ("segeval.render.report.json", "render_json"),
    "csv": ("segeval.render.report.csv", "render_csv"),
    "markdown": ("segeval.render.report.markdown", "render_markdown"),
    "latex": ("segeval.render.report.latex", "render_latex"),
    "junit": ("segeval.render.report.junit", "render_junit"),
    "github": ("segeval.render.report.github", "render_github"),
}
"""Every format with the module and the function that renders it."""
FOR_READING = ("table", "markdown", "latex")
"""Formats whose order and digits are a matter of taste."""
SUFFIXES: Mapping[str, str] = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".tex": "latex",
    ".xml": "junit",
}


def known_format(name: str) -> str:
    """Return `name` where it is a format; raises `UsageError` with the nearest one otherwise."""
    if name in FORMATS:
        return name
    suffix = SUFFIXES.get(f".{name.casefold()}")
    meant = did_you_mean(suffix or name, FORMATS)
    raise UsageError("there is no format of this name", (name,), f"{meant}Formats are {', '.join(FORMATS)}")


def place_of(text: str) -> Place:
    """Return the path that a text is, or the URL; raises `UsageError` for a URL of no store."""
    if "://" not in text:
        return Path(text)
    from segeval.stores.urls import parse_url

    return parse_url(text)


def format_of(path: Place) -> str:
    """Return the format that a file's suffix stands for; raises `UsageError` where it stands for none."""
    suffix = path.suffix.casefold()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    raise UsageError(
        "the format does not follow from the file's suffix",
        (str(path),),
        f"End the name in {', '.join(SUFFIXES)}, or write FORMAT:FILE, as github:{path.name or 'FILE'}",
    )


def parse_target(text: str) -> tuple[str, Place]:
    """Read `FILE` or `FORMAT:FILE` as format and path.

    What stands before the first colon is a format only where it can be no part of a path: a known name, or a single
    word behind whose colon comes no file of a known suffix. Drive letters and folders keep their colons.
    """
    prefix, colon, rest = text.partition(":")
    if colon and prefix in FORMATS:
        if not rest:
            raise UsageError("an output names no file", (text,), f"Write {prefix}:FILE")
        return prefix, place_of(rest)
    if not text:
        raise UsageError("an output names no file", (), "Write FILE or FORMAT:FILE")
    path = place_of(text)
    is_word = isinstance(path, Path) and prefix.isalpha() and len(prefix) > 1
    if colon and is_word and path.suffix.casefold() not in SUFFIXES:
        known_format(prefix)
    return format_of(path), path


def render(
    report: Report,
    format_name: str,
    *,
    color: bool = False,
    width: int | None = None,
    verbose: bool = False,
    view: View | None = None,
) -> str:
    """Return the report in a format, ending in a newline.

    `color`, `width` and `verbose` concern the table only, `view` the formats for reading: table, Markdown and LaTeX.
    """
    module, function = FORMATS[known_format(format_name)]
    renderer: Callable[..., str] = getattr(import_module(module), function)
    shown = {} if view is None else {"view": view}
    if format_name == "table":
        return renderer(report, color=color, width=width, verbose=verbose, **shown)
    return renderer(report, **shown) if format_name in FOR_READING else renderer(report)
