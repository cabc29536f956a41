"""What a command line asks to be told, and where it goes.

Results go to stdout and to files, which are opened before the work, and all that is said about them to stderr.

What a report alone needs is imported when there is one: errors and help are told without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

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
    from segeval.api.pictures import Pictured
    from segeval.cli.outputs import ContentOf
    from segeval.comparison.regressions import Regression
    from segeval.findings.policy import Policy
    from segeval.protocol.protocol import Inference
    from segeval.render.report.wording import View
    from segeval.report.extras import Statistics
    from segeval.report.gates import Gate
    from segeval.report.report import Report, Verdict
    from segeval.stores.outputs import Output
    from segeval.stores.urls import Place


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
    """Write a result for programs to stdout, as UTF-8; a reader that has gone away (`| head`) is no error."""
    _write(text.encode("utf-8", "backslashreplace"))


def write_page(text: str) -> None:
    """Write a result for reading to stdout, in the encoding and with the characters that it has; else as a result."""
    _write(_shown_on(sys.stdout, text))


def _write(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        drop_stdout()
        raise SegevalError(
            "the result cannot be written to stdout", (error.strerror or str(error),), "Check where it is sent to"
        ) from None


def _is_dumb(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") == "dumb"


def _shown_on(stream: TextIO, text: str) -> bytes:
    """Encode text for a stream: what is drawn becomes ASCII where the console has nothing else, the rest an escape."""
    encoding = stream.encoding or "utf-8"
    is_dumb = _is_dumb(stream)
    if not text.isascii() and (is_dumb or encoding.casefold() not in ("utf-8", "utf8")):
        from segeval.cli.plain import encodable, undrawn  # few consoles are so

        text = undrawn(text) if is_dumb else encodable(text, encoding)
    return text.encode(encoding, "backslashreplace")


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function to call with (done, in all), or `None` where nobody would see how far work is."""
    if quiet or not (sys.stderr.isatty() or os.environ.get("CI")):
        yield None
        return
    from segeval.cli.progress import LogLines, bar

    if sys.stderr.isatty():
        with bar(sys.stderr, dumb=_is_dumb(sys.stderr)) as advance:
            yield advance
    else:
        yield LogLines(sys.stderr)


def drop_stdout() -> None:
    """Point stdout to nowhere, so that Python's last flush cannot fail."""
    with suppress(OSError):  # a stream without a number has no last flush either
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def tell(text: str) -> None:
    """Write to stderr."""
    # Nobody may listen; the exit code still says what happened.
    with suppress(OSError):
        sys.stderr.write(_shown_on(sys.stderr, text).decode(sys.stderr.encoding or "utf-8"))
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


def policy_of(options: Mapping[str, Any]) -> Policy:
    """Take what is to become of findings out of a command's options; raises `UsageError`."""
    from segeval.findings.policy import Policy

    if not options["allow"]:
        return Policy(strict=options["strict"])
    from segeval.protocol.allowing import parse_allow

    return Policy(parse_allow(options["allow"]), options["strict"])


def asked_statistics(options: Mapping[str, Any]) -> Statistics | None:
    """Return what the options ask for beyond scores, checked before any work; `None` where that is nothing."""
    from segeval.api.scoring import statistics_of
    from segeval.request.options import StatisticsOptions, chosen

    asked = chosen(StatisticsOptions, options)
    if any(text.startswith("nnunet:") for text in options["output"]):
        asked["per_image"] = True
    # Only on the command line itself does a choice of groups say that intervals are wanted.
    if options["ci"] is None and not options["by"] and not given(("group_by",), options):
        asked["group_by"] = None
    return statistics_of(asked)


def given(names: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options `names` that the command line itself gives."""
    context = click.get_current_context()
    return {name: options[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}


class Delivery:
    """Hold the gates of a report and the places that it goes to.

    Opening raises `UsageError` for an unknown format or a gate that means nothing, and `OutputError` for a file that
    cannot be written, all before anything is measured. Leaving without `deliver` leaves every old file as it was.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        from segeval.render import known_format

        self._options = options
        self._format = known_format(options["format"])
        self._gates = _gates(options["fail_under"], options["fail_over"])
        if options["only"]:
            from segeval.render.report.only import check_only

            check_only(options["only"])
        self._policy = policy_of(options)
        self._files: list[tuple[ContentOf | str, Output]] = []
        self._folders: list[Place] = []
        try:
            self._open(options)
        except BaseException:
            self._discard()
            raise

    def _open(self, options: Mapping[str, Any]) -> None:
        if not options["output"] and not any(options[name] for name in ("curves", "per_image", "overlays")):
            return
        from segeval.cli.outputs import figure_folders, wanted_files
        from segeval.stores.outputs import opened_output

        for content_of, path in list(wanted_files(options, _view(options))):
            self._files.append((content_of, opened_output(path)))
        self._folders = figure_folders(options)

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        for _, file in self._files:
            file.discard()

    def deliver(self, report: Report, pictures: Pictured | None = None) -> int:
        """Judge and render the report, tell what goes with it on stderr, and return the exit code.

        `pictures` is what the page and overlays are made of, `None` where neither is asked for.

        Raises `FoundError` for what looks wrong and is not allowed.
        """
        if report.warnings:
            from segeval.findings.policy import judged_report

            report = judged_report(report, self._policy)
        if self._gates:
            from segeval.report.gates import with_verdicts

            report = with_verdicts(report, self._gates)
        text = self._stdout_text(report)
        if self._files or self._folders or self._options["overlays"] is not None:
            from segeval.cli.outputs import write_files

            write_files(report, pictures, self._files, self._folders, self._options["overlays"])
        if not self._options["quiet"]:
            tell_notes(report.notes)
        # A number never travels without them; on a terminal the table says them itself.
        if not (sys.stdout.isatty() and self._format == "table" and not self._options["only"]):
            tell_findings(report.warnings)
        tell_verdicts(verdict for verdict in report.gates if not (self._options["quiet"] and verdict.passed))
        if report.ungated and not self._options["quiet"]:
            from segeval.render.report.wording import ungated_text

            tell_asides([ungated_text(report)])
        (write_page if self._format == "table" else write_result)(text)
        return 0 if all(verdict.passed for verdict in report.gates) else 1

    def _stdout_text(self, report: Report) -> str:
        options = self._options
        if options["only"]:
            from segeval.render.report.only import render_only

            return render_only(report, options["only"])
        from segeval.render import render

        page = page_options(options["color"])
        text = render(report, self._format, **page, verbose=options["verbose"], view=_view(options))
        if options["plot"] and self._format == "table":
            from segeval.render.plots import render_plots

            text += render_plots(report, width=min(page["width"] or 80, 100), color=page["color"])
        return text


def _view(options: Mapping[str, Any]) -> View:
    from segeval.render.report.wording import View

    return View(**{name: options[name] for name in ("details", "sort", "digits", "confusion")})


def _gates(fail_under: Sequence[str], fail_over: Sequence[str]) -> tuple[Gate, ...]:
    if not fail_under and not fail_over:
        return ()
    from segeval.report.gates import parse_gates

    return parse_gates(fail_under, fail_over)
