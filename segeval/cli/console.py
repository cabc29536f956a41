"""The two streams: results on stdout, everything said about them on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from segeval.errors import Finding, SegevalError, printable, unexpected_error
from segeval.render.messages import (
    render_aside,
    render_note,
    render_problem,
    render_regression,
    render_verdict,
    render_warning,
)

if TYPE_CHECKING:
    from segeval.comparison.regressions import Regression
    from segeval.protocol.protocol import Inference
    from segeval.report.report import Verdict


def wants_color(stream: TextIO, choice: str = "auto") -> bool:
    """Tell whether a stream is to be coloured: the option, then NO_COLOR and FORCE_COLOR, then what it is."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns a terminal has, `None` for what is none."""
    if not stream.isatty():
        return None
    from shutil import get_terminal_size  # brings the archive formats with it

    return get_terminal_size().columns


def page_options(color: str) -> dict[str, Any]:
    """Return the colour and the width that stdout takes."""
    return {"color": wants_color(sys.stdout, color), "width": columns_of(sys.stdout)}


def chosen_color() -> str:
    """Return the --color of the command that runs, "auto" where none does."""
    context = click.get_current_context(silent=True)
    return str(context.params.get("color", "auto")) if context else "auto"


def tell_error(error: Exception) -> None:
    """Tell an error on stderr: what, where, how to fix it."""
    tell(render_problem(_as_problem(error), color=wants_color(sys.stderr, chosen_color())))


def tell_traceback(error: BaseException) -> None:
    """Tell where an error comes from; the names that are in it act on nothing there either."""
    from traceback import format_exception

    tell("".join(f"{printable(line)}\n" for line in "".join(format_exception(error)).splitlines()))


def tell_findings(findings: Iterable[Finding]) -> None:
    """Tell findings on stderr, one a line."""
    for finding in findings:
        tell(render_warning(finding, color=wants_color(sys.stderr, chosen_color())))


def tell_notes(notes: Iterable[Inference]) -> None:
    """Tell on stderr what was taken from the data, each with the option that pins it."""
    for note in notes:
        tell(render_note(note, color=wants_color(sys.stderr, chosen_color())))


def tell_asides(asides: Iterable[str]) -> None:
    """Tell notes that no option pins, one a line."""
    for aside in asides:
        tell(render_aside(aside, color=wants_color(sys.stderr, chosen_color())))


def tell_verdicts(verdicts: Iterable[Verdict]) -> None:
    """Tell on stderr which gates hold and which do not."""
    for verdict in verdicts:
        tell(render_verdict(verdict, color=wants_color(sys.stderr, chosen_color())))


def tell_regressions(verdicts: Iterable[Regression]) -> None:
    """Tell on stderr which rules on regressions hold and which do not."""
    for verdict in verdicts:
        tell(render_regression(verdict, color=wants_color(sys.stderr, chosen_color())))


def write_result(text: str) -> None:
    """Write a result to stdout; a reader that has gone away (`| head`) is no error."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        drop_stdout()
        raise SegevalError(
            "the result cannot be written to stdout", (error.strerror or str(error),), "Check where it is sent to"
        ) from None


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function to call with (done, in all), or `None` where nobody would see the bar."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit="pair", leave=False, file=sys.stderr, dynamic_ncols=True) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance


def drop_stdout() -> None:
    """Point stdout to nowhere, so that Python's last flush cannot fail."""
    with suppress(OSError):  # a stream without a number has no last flush either
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def tell(text: str) -> None:
    """Write to stderr."""
    encoding = sys.stderr.encoding or "utf-8"
    # Nobody may listen; the exit code still says what happened.
    with suppress(OSError):
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def _as_problem(error: Exception) -> SegevalError:
    if isinstance(error, SegevalError):
        return error
    if isinstance(error, click.ClickException):
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "segeval"
        sentence = error.format_message().rstrip(".")
        # click begins its sentences with a capital letter.
        what = sentence[:1].lower() + sentence[1:]
        return SegevalError(what, (), f"'{command} --help' lists the options")
    return unexpected_error(error)
