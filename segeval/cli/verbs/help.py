"""`segeval help`: the pages of `segeval/docs/`, listed or shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from segeval.cli.console import columns_of, wants_color, write_page, write_result

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUFFIX = ".md"


def topics() -> tuple[str, ...]:
    """Return the names of the pages in alphabetical order; each is a file of `segeval/docs/`."""
    pages = _docs().iterdir()
    return tuple(sorted(page.name.removesuffix(SUFFIX) for page in pages if page.name.endswith(SUFFIX)))


def page_source(topic: str) -> str:
    """Return a page as it is stored, in Markdown."""
    return _docs().joinpath(f"{topic}{SUFFIX}").read_text(encoding="utf-8")


def _docs() -> Traversable:
    from importlib import resources  # brings tempfile with it, and `segeval --help` lists this verb

    return resources.files("segeval").joinpath("docs")


def summary(source: str) -> str:
    """Return what a page is about: the line below its title, without its full stop."""
    return source.split("\n", 3)[2].removesuffix(".")


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    known = {topic: summary(page_source(topic)) for topic in topics() if topic.startswith(incomplete)}
    return [CompletionItem(topic, help=line) for topic, line in known.items()]


@click.command("help")
@click.argument("topic", metavar="[TOPIC]", required=False, shell_complete=_complete)
@click.pass_context
def help(ctx: click.Context, topic: str | None) -> int:  # noqa: A001  # a verb's function has the verb's name
    """List the pages of the manual, or show the one on TOPIC.

    \b
    Examples:
      segeval help
      segeval help labels
      segeval help labels > labels.md      as it is stored, in Markdown
    """
    known = topics()
    if topic is None:
        write_page(_listing(known))
        return 0
    if topic not in known:
        _refuse(topic, known, ctx)
    source = page_source(topic)
    width = columns_of(sys.stdout)
    if width is None:
        write_result(source)
        return 0
    from segeval.render.pages import render_page

    write_page(render_page(source, color=wants_color(sys.stdout), width=width))
    return 0


def _listing(known: Sequence[str]) -> str:
    widest = max(len(topic) for topic in known)
    lines = [f" {topic:{widest}}  {summary(page_source(topic))}" for topic in known]
    close = [" 'segeval help TOPIC' shows a page; 'segeval VERB --help' lists the options of a verb"]
    return "".join(f"{line}\n" for line in lines + close)


def _refuse(topic: str, known: Sequence[str], ctx: click.Context) -> None:
    from difflib import get_close_matches

    from segeval.errors import UsageError

    root = ctx.find_root().command
    if isinstance(root, click.Group) and topic in root.list_commands(ctx):
        fix = f"'segeval {topic} --help' lists the options of that verb"
    elif close := get_close_matches(topic, known, n=1):
        fix = f"Did you mean 'segeval help {close[0]}'?"
    else:
        fix = f"Choose one of {', '.join(known)}"
    raise UsageError(f"there is no page '{topic}'", (), fix)
