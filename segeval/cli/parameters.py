"""The types of options, and which of their values are paths, and what becomes of bounds from several places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from segeval.protocol.axes import LIST_SUFFIXES

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    ParamType = click.ParamType[Any, Any]
else:
    ParamType = click.ParamType  # takes no types in older click


def completed(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes words of a kind, one of `completing.WORDS`."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from segeval.cli.completing import items  # for a line that is being typed alone

        return items(kind, context, incomplete)

    return complete


class PathType(ParamType):
    """Make a path of a word; what is wrong with it is told where it is opened, in this program's words."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` as a path."""
        from pathlib import Path  # the help does without: this module is a tenth of its time

        return Path(value)

    written = True
    """Whether the file is written: as an option, no other is."""

    def file_of(self, value: str) -> tuple[str, str] | None:
        """Return what stands before the path in a value, and the path; `None` where the value is none."""
        return "", value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave files to the shell."""
        from segeval.cli.completing import file_item

        return file_item(incomplete)


class FolderOrUrl(PathType):
    """Make a path of a word, or the root of a store of a URL."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` as a path or a URL; raises `UsageError` for a URL of no store."""
        if isinstance(value, str) and "://" in value:
            from segeval.folders.roots import root_of  # for URLs

            return root_of(value)
        return super().convert(value, param, ctx)


class FileOrWord(PathType):
    """Take a file or a word, told apart by `is_word`; both stay text."""

    name = "text"
    written = False

    def __init__(self, is_word: Callable[[str], bool], words: str = "") -> None:
        self._is_word = is_word
        self._words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the words that begin so, and leave files to the shell where there is none."""
        found = completed(self._words)(ctx, param, incomplete) if self._words else []
        return found or super().shell_complete(ctx, param, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` as it is."""
        return value

    def file_of(self, value: str) -> tuple[str, str] | None:
        """Return the path, `None` for a word."""
        return None if self._is_word(value) else ("", value)


class Lines(ParamType):
    """Take a text, of which a variable of the environment holds one a line: class names may have spaces."""

    name = "text"

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return the lines of a variable that are not blank."""
        return [line.strip() for line in rv.splitlines() if line.strip()]


class Target(Lines):
    """Take [WHAT:]FILE."""

    written = True

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave files to the shell."""
        from segeval.cli.completing import file_item

        return file_item(incomplete)

    def file_of(self, value: str) -> tuple[str, str] | None:
        """Return what is written with its colon, and the path; raises `UsageError` for what there is not."""
        from segeval.cli.outputs import parse_output

        output = parse_output(value)
        return f"{output.content}:", str(output.path)


def are_classes(text: str) -> bool:
    """Tell whether the value of --classes is a number or names, and no file."""
    from segeval.request.valuelists import is_list_of_names  # brings numpy with it

    return text.isdecimal() or is_list_of_names(text)


def is_alpha_word(text: str) -> bool:
    """Tell whether the value of --alpha is a word or a number, and no file."""
    try:
        float(text)
    except ValueError:
        return text in ("auto", "none")
    return True


FILE = FOLDER = PathType()
ROOT = FolderOrUrl()
CLASSES = FileOrWord(are_classes)
PRESET = FileOrWord(lambda word: not word.endswith(".toml") and "/" not in word, "presets")
PALETTE = FILE_TO_READ = FOLDER_TO_READ = FileOrWord(lambda word: False)
KEYS = FileOrWord(lambda word: not word.lower().endswith(LIST_SUFFIXES))
WEIGHTS = FileOrWord("auto".__eq__, "weights")
ALPHA = FileOrWord(is_alpha_word, "alpha")
TARGET = Target()
LINES = Lines()


def added_up(context: click.Context, parameter: click.Parameter, value: Sequence[str] | None) -> tuple[str, ...]:
    """Return the bounds that flags, environment and configuration give together.

    Of bounds on the same name in the same direction the nearest place counts: flags before the environment, the
    environment before the configuration. All else adds up, so that a gate in one place never silences one in another.
    """
    flags = value if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE else ()
    variable = parameter.value_from_envvar(context)
    configured = (context.default_map or {}).get(parameter.name or "")
    chosen: list[str] = []
    taken: set[tuple[str, str]] = set()
    for bounds in (flags, variable, configured):
        added = [bound for bound in bounds or () if _name_and_sign(bound) not in taken]
        taken.update(map(_name_and_sign, added))
        chosen += added
    return tuple(chosen)


def _name_and_sign(bound: str) -> tuple[str, str]:
    """Return the score that a bound is on and its direction, as far as it is spelled; the score counts in any case."""
    left = bound.rpartition("=")[0].rstrip()
    sign = left[-1:] if left[-1:] in ("<", ">") else ""
    name = left.removesuffix(sign).strip()
    score = name[: min((name.find(mark) for mark in ".@" if mark in name), default=len(name))]
    return f"{score.casefold()}{name[len(score) :]}", sign
